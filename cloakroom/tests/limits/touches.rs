//! `SESSION_TOUCH_THRESHOLD` under `SESSION_SAVE_EVERY_REQUEST`.

use cloakroom::storage::MemoryStorage;
use cloakroom::testing::{Calls, SpyStorage};
use cloakroom::{LazySession, SessionKey, SessionStore, Settings};

use crate::engines::{local, timeless};
use crate::visits::{cookies, name, ok, set, set_to, stored, visit};
use crate::{Hands, settings};

fn throttled() -> Settings {
    settings().session_cookie_age(1_000).session_save_every_request(true).session_touch_threshold(0.75)
}

fn spied(hands: &Hands, settings: Settings) -> (SpyStorage<MemoryStorage>, SessionStore) {
    let spy = SpyStorage::new(timeless());
    let store = hands.on(SessionStore::db(spy.clone(), settings).unwrap());
    (spy, store)
}

async fn calls(spy: &SpyStorage<MemoryStorage>, store: &SessionStore, key: &SessionKey) -> (Calls, Option<String>) {
    spy.reset();
    let response = visit(store, Some(key.as_str()), ok).await;
    (spy.take_calls(), set_to(&response))
}

#[tokio::test]
async fn while_more_than_the_share_is_left_nothing_is_written_and_no_cookie_set() {
    let hands = Hands::new();
    let (spy, store) = spied(&hands, throttled());
    let key = stored(&store).await;
    hands.pass(249.0);
    let (made, cookie) = calls(&spy, &store, &key).await;
    assert_eq!((made.read, made.total(), cookie), (1, 1, None));
    hands.pass(1.0);
    let (made, cookie) = calls(&spy, &store, &key).await;
    assert_eq!((made.read, made.touch, made.total(), cookie.as_deref()), (1, 1, 2, Some(key.as_str())));
    // And from there on anew.
    hands.pass(249.0);
    assert_eq!(calls(&spy, &store, &key).await.0.total(), 1);
}

#[tokio::test]
async fn an_idle_visitor_has_the_share_of_the_age_at_least() {
    let hands = Hands::new();
    let (_, store) = spied(&hands, throttled());
    let key = stored(&store).await;
    hands.pass(249.0);
    // The last visit is not written, …
    visit(&store, Some(key.as_str()), ok).await;
    hands.pass(750.0);
    assert_eq!(name(&store, &key).await.as_deref(), Some("Ada"), "750 seconds after it the session is there");
    // … so this is where the session ends, and not 1,000 seconds after the visit.
    hands.pass(1.0);
    assert_eq!(name(&store, &key).await, None);
}

#[tokio::test]
async fn a_change_is_saved_however_much_is_left() {
    let hands = Hands::new();
    let (spy, store) = spied(&hands, throttled());
    let key = stored(&store).await;
    spy.reset();
    let response = visit(&store, Some(key.as_str()), set).await;
    assert_eq!(spy.take_calls().replace, 1);
    assert!(cookies(response.headers())[0].contains("; Max-Age=1000;"));
}

#[tokio::test]
async fn without_a_threshold_every_request_writes_as_in_django() {
    let hands = Hands::new();
    let (spy, store) = spied(&hands, throttled().session_touch_threshold(1));
    let key = stored(&store).await;
    let (made, cookie) = calls(&spy, &store, &key).await;
    assert_eq!((made.touch, cookie.as_deref()), (1, Some(key.as_str())));
}

#[tokio::test]
async fn what_a_save_would_not_prolong_is_not_saved() {
    let hands = Hands::new();
    let (spy, store) = spied(&hands, throttled());
    let session = store.session(None).load().await.unwrap();
    session.set("name", "Ada").unwrap();
    session.set_expiry(std::time::Duration::from_secs(900)).unwrap();
    session.asave().await.unwrap();
    let key = session.session_key().unwrap();
    for _ in 0..8 {
        hands.pass(100.0);
        assert_eq!(calls(&spy, &store, &key).await.0.total(), 1);
    }
}

#[tokio::test]
async fn a_session_of_its_own_expiry_counts_by_that() {
    let hands = Hands::new();
    let (spy, store) = spied(&hands, throttled());
    let session = store.session(None).load().await.unwrap();
    session.set_expiry(100).unwrap();
    session.asave().await.unwrap();
    let key = session.session_key().unwrap();
    hands.pass(24.0);
    assert_eq!(calls(&spy, &store, &key).await.0.total(), 1);
    hands.pass(1.0);
    assert_eq!(calls(&spy, &store, &key).await.0.touch, 1);
}

#[tokio::test]
async fn an_old_signature_is_renewed_at_the_next_request() {
    let hands = Hands::new();
    let spy = SpyStorage::new(timeless());
    let old = hands.on(SessionStore::db(spy.clone(), throttled()).unwrap());
    let rotated = throttled().secret_key("a new secret").secret_key_fallback("a secret");
    let store = hands.on(SessionStore::db(spy.clone(), rotated).unwrap());
    let key = stored(&old).await;
    assert_eq!(calls(&spy, &store, &key).await.0.replace, 1);
    assert_eq!(calls(&spy, &store, &key).await.0.total(), 1);
}

#[tokio::test]
async fn it_works_on_every_engine_that_knows_when_a_session_ends() {
    for place in local().await {
        let hands = Hands::new();
        let store = hands.on(place.store(throttled()));
        let key = stored(&store).await;
        hands.pass(100.0);
        let read = async |session: LazySession| session.aget::<String>("name").await.map(drop);
        let early = set_to(&visit(&store, Some(key.as_str()), read).await);
        // A copy in a cache does not say when its row ends.
        let tells = !place.name.starts_with("cached_db");
        assert_eq!(early.is_none(), tells, "{}", place.name);
        hands.pass(200.0);
        let late = set_to(&visit(&store, Some(key.as_str()), read).await);
        assert_eq!(late.as_deref(), Some(key.as_str()), "{}", place.name);
        hands.pass(900.0);
        assert_eq!(name(&store, &key).await.as_deref(), Some("Ada"), "{}: it was prolonged", place.name);
    }
}

#[tokio::test]
async fn a_signed_cookie_is_not_sent_again_while_enough_is_left() {
    let hands = Hands::new();
    let store = hands.on(SessionStore::signed_cookies(throttled()).unwrap());
    let first = set_to(&visit(&store, None, set).await).unwrap();
    hands.pass(200.0);
    assert_eq!(set_to(&visit(&store, Some(&first), ok).await), None);
    hands.pass(100.0);
    let second = set_to(&visit(&store, Some(&first), ok).await).unwrap();
    assert!(second != first && !second.is_empty());
}
