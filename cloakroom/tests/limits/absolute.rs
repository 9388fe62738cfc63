//! `SESSION_ABSOLUTE_AGE` (ASVS 7.3.2).

use std::sync::{Arc, Mutex};

use cloakroom::storage::MemoryStorage;
use cloakroom::testing::SpyStorage;
use cloakroom::{EndReason, SessionEvent, SessionStore, Timestamp};

use crate::engines::{local, timeless};
use crate::visits::{cookies, key_in, name, ok, set, set_to, stored, visit};
use crate::{Hands, START, settings};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(START + seconds).unwrap()
}

#[tokio::test]
async fn however_often_it_is_used_a_session_ends_on_every_engine() {
    for place in local().await {
        let hands = Hands::new();
        let what = place.name;
        let store = hands.on(place.store(settings().session_cookie_age(60).session_absolute_age(200.0)));
        let key = stored(&store).await;
        for _ in 0..3 {
            hands.pass(50.0);
            visit(&store, Some(key.as_str()), set).await;
        }
        hands.pass(49.0);
        assert_eq!(name(&store, &key).await.as_deref(), Some("Ada"), "{what}");
        hands.pass(1.0);
        assert_eq!(name(&store, &key).await, None, "{what}");
        let response = visit(&store, Some(key.as_str()), ok).await;
        let untouched = set_to(&response);
        assert_eq!(untouched, None, "{what}: nobody looked");
        let response = visit(&store, Some(key.as_str()), async |session| session.aget::<u8>("a").await.map(drop)).await;
        assert_eq!(set_to(&response).as_deref(), Some(""), "{what}: the cookie goes");
        assert_ne!(key_in(&visit(&store, Some(key.as_str()), set).await), key, "{what}");
    }
}

#[tokio::test]
async fn a_session_in_its_cookie_ends_as_well() {
    let hands = Hands::new();
    let limited = settings().session_cookie_age(60).session_absolute_age(100.0);
    let store = hands.on(SessionStore::signed_cookies(limited).unwrap());
    let mut cookie = set_to(&visit(&store, None, set).await).unwrap();
    hands.pass(50.0);
    let response = visit(&store, Some(&cookie), set).await;
    assert!(cookies(response.headers())[0].contains("; Max-Age=50;"), "{:?}", cookies(response.headers()));
    cookie = set_to(&response).unwrap();
    hands.pass(49.0);
    let read = async |store: &SessionStore| store.session_from_cookie(Some(&cookie)).aget::<u8>("a").await.unwrap();
    assert_eq!(read(&store).await, Some(1));
    hands.pass(1.0);
    assert_eq!(read(&store).await, None);
}

#[tokio::test]
async fn row_and_cookie_end_with_the_life() {
    let hands = Hands::new();
    let storage = timeless();
    let limited = settings().session_cookie_age(60).session_absolute_age(100.0);
    let store = hands.on(SessionStore::db(storage.clone(), limited).unwrap());
    let key = stored(&store).await;
    hands.pass(70.0 - 20.0);
    let response = visit(&store, Some(key.as_str()), set).await;
    let session = store.session(Some(&key)).load().await.unwrap();
    assert_eq!((session.get_expiry_age().unwrap(), session.get_expiry_date().unwrap()), (50.0, at(100)));
    assert!(cookies(response.headers())[0].contains("; Max-Age=50;"), "{:?}", cookies(response.headers()));
    // Django ends it by this column.
    use cloakroom::storage::Storage;
    let kept = storage.read(key.as_str()).await.unwrap().unwrap();
    assert_eq!(kept.expires, Some(at(100)));
}

#[tokio::test]
async fn it_begins_when_it_is_made_and_costs_no_round_trip() {
    let hands = Hands::new();
    let spy = SpyStorage::new(timeless());
    let store = hands.on(SessionStore::db(spy.clone(), settings().session_absolute_age(100.0)).unwrap());
    let key = stored(&store).await;
    assert_eq!(spy.take_calls().total(), 1);
    let session = store.session(Some(&key)).load().await.unwrap();
    assert_eq!(session.item::<i64>("_session_started").unwrap(), START);
    assert!(!session.modified());
    assert_eq!(spy.take_calls().total(), 1);
}

#[tokio::test]
async fn a_session_that_does_not_say_when_it_began_begins_when_it_is_first_seen() {
    let hands = Hands::new();
    let storage = MemoryStorage::with_clock(cloakroom::Clock::new(|| Timestamp::UNIX_EPOCH));
    let django = hands.on(SessionStore::db(storage.clone(), settings()).unwrap());
    let key = stored(&django).await;
    hands.pass(1_000.0);
    let store = hands.on(SessionStore::db(storage, settings().session_absolute_age(100.0)).unwrap());
    // A request that only reads writes this once.
    let read = async |session: cloakroom::LazySession| session.aget::<String>("name").await.map(drop);
    visit(&store, Some(key.as_str()), read).await;
    assert_eq!(django.session(Some(&key)).aget::<i64>("_session_started").await.unwrap(), Some(START + 1_000));
    hands.pass(50.0);
    let response = visit(&store, Some(key.as_str()), read).await;
    assert_eq!(set_to(&response), None, "the second time there is nothing to write");
    hands.pass(50.0);
    assert_eq!(name(&store, &key).await, None);
    assert_eq!(name(&django, &key).await, None, "the row ends with it");
}

#[tokio::test]
async fn a_service_that_only_reads_writes_nothing_and_ends_what_says_when_it_began() {
    let hands = Hands::new();
    let storage = timeless();
    let free = hands.on(SessionStore::db(storage.clone(), settings()).unwrap());
    let limited = settings().session_absolute_age(100.0);
    let store = hands.on(SessionStore::db(storage.clone(), limited.clone()).unwrap());
    let reader = hands.on(SessionStore::db(storage, limited.session_read_only(true)).unwrap());
    let (unknown, known) = (stored(&free).await, stored(&store).await);
    let session = reader.session(Some(&unknown)).load().await.unwrap();
    assert!(!session.modified() && !session.has_key("_session_started"));
    hands.pass(100.0);
    assert_eq!(name(&reader, &unknown).await.as_deref(), Some("Ada"));
    assert_eq!(name(&reader, &known).await, None);
}

#[tokio::test]
async fn clearing_the_members_or_changing_the_key_gives_no_new_life() {
    let hands = Hands::new();
    let store = hands.on(SessionStore::db(timeless(), settings().session_absolute_age(100.0)).unwrap());
    let session = store.session(None).load().await.unwrap();
    session.set("name", "Ada").unwrap();
    session.asave().await.unwrap();
    hands.pass(40.0);
    session.clear();
    session.asave().await.unwrap();
    session.acycle_key().await.unwrap();
    session.del("_session_started").unwrap();
    session.asave().await.unwrap();
    let again = store.session(session.session_key().as_ref()).load().await.unwrap();
    assert_eq!(again.item::<i64>("_session_started").unwrap(), START);
    again.clear();
    again.asave().await.unwrap();
    assert_eq!(again.get_expiry_age().unwrap(), 60.0);
    hands.pass(60.0);
    assert!(store.session(session.session_key().as_ref()).akeys().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_flush_and_a_restart_give_a_new_life() {
    let hands = Hands::new();
    let store = hands.on(SessionStore::db(timeless(), settings().session_absolute_age(100.0)).unwrap());
    let session = store.session(None).load().await.unwrap();
    session.set("name", "Ada").unwrap();
    session.asave().await.unwrap();
    hands.pass(40.0);
    session.restart_absolute_age();
    session.asave().await.unwrap();
    assert_eq!(session.item::<i64>("_session_started").unwrap(), START + 40);
    hands.pass(40.0);
    session.aflush().await.unwrap();
    session.set("name", "Bob").unwrap();
    session.asave().await.unwrap();
    assert_eq!(session.item::<i64>("_session_started").unwrap(), START + 80);
}

#[tokio::test]
async fn a_logout_meanwhile_is_no_error_of_a_request_that_only_read() {
    let hands = Hands::new();
    let storage = timeless();
    let free = hands.on(SessionStore::db(storage.clone(), settings()).unwrap());
    let store = hands.on(SessionStore::db(storage, settings().session_absolute_age(100.0)).unwrap());
    for (changes, status) in [(false, 200), (true, 400)] {
        let key = stored(&free).await;
        let (other, gone) = (free.clone(), key.clone());
        let response = visit(&store, Some(key.as_str()), move |session| {
            let (other, gone) = (other.clone(), gone.clone());
            async move {
                session.aget::<String>("name").await?;
                if changes {
                    session.aset("a", &1).await?;
                }
                other.delete(&gone).await
            }
        })
        .await;
        assert_eq!(response.status(), status);
        assert_eq!(set_to(&response).as_deref(), if changes { None } else { Some("") });
    }
}

#[tokio::test]
async fn a_beginning_that_cannot_be_read_has_ended() {
    let hands = Hands::new();
    let storage = timeless();
    let free = hands.on(SessionStore::db(storage.clone(), settings()).unwrap());
    let store = hands.on(SessionStore::db(storage, settings().session_absolute_age(100.0)).unwrap());
    let session = free.session(None).load().await.unwrap();
    session.set("_session_started", "yesterday").unwrap();
    session.set("name", "Ada").unwrap();
    session.asave().await.unwrap();
    let key = session.session_key().unwrap();
    assert_eq!(name(&store, &key).await, None);
    assert_eq!(name(&free, &key).await.as_deref(), Some("Ada"), "nothing was removed");
}

#[tokio::test]
async fn an_observer_is_told_why_it_ended() {
    let hands = Hands::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&told);
    let store = SessionStore::db(timeless(), settings().session_cookie_age(60).session_absolute_age(100.0)).unwrap();
    let store = hands.on(store).with_observer(move |event| {
        if let SessionEvent::Ended { reason, .. } = event {
            hear.lock().unwrap().push(*reason);
        }
    });
    let (idle, used) = (stored(&store).await, stored(&store).await);
    hands.pass(50.0);
    visit(&store, Some(used.as_str()), set).await;
    hands.pass(10.0);
    assert_eq!(name(&store, &idle).await, None);
    hands.pass(40.0);
    assert_eq!(name(&store, &used).await, None);
    assert_eq!(*told.lock().unwrap(), [EndReason::Expired, EndReason::AbsoluteAge]);
}
