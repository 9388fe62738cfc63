//! `SESSION_CYCLE_KEY_GRACE`.

use cloakroom::storage::MemoryStorage;
use cloakroom::testing::{Operation, SpyStorage};
use cloakroom::{LazySession, SessionError, SessionKey, SessionStore, Settings};

use crate::engines::{every_engine, local, timeless};
use crate::visits::{Answer, flush, key_in, name, ok, set, set_to, stored, visit};
use crate::{Hands, settings};

fn graceful() -> Settings {
    settings().session_cycle_key_grace(30)
}

async fn cycle(session: LazySession) -> Answer {
    session.load().await?.cycle_key();
    Ok(())
}

async fn read(session: LazySession) -> Answer {
    session.aget::<String>("name").await.map(drop)
}

/// A session whose key was just changed: the old key and the new one.
async fn cycled(store: &SessionStore) -> (SessionKey, SessionKey) {
    let old = stored(store).await;
    let new = key_in(&visit(store, Some(old.as_str()), cycle).await);
    assert_ne!(old, new);
    (old, new)
}

#[tokio::test]
async fn a_late_request_is_served_and_leaves_the_new_cookie_alone_on_every_engine() {
    for place in every_engine().await {
        let store = place.store(graceful());
        let (old, new) = cycled(&store).await;
        assert_eq!(name(&store, &old).await.as_deref(), Some("Ada"), "{}", place.name);
        for response in [visit(&store, Some(old.as_str()), read).await, visit(&store, Some(old.as_str()), ok).await] {
            assert_eq!((response.status().as_u16(), set_to(&response)), (200, None), "{}", place.name);
        }
        assert_eq!(name(&store, &new).await.as_deref(), Some("Ada"), "{}", place.name);
    }
}

#[tokio::test]
async fn what_a_late_request_changes_is_saved_under_the_new_key_on_every_engine() {
    for place in every_engine().await {
        let store = place.store(graceful());
        let (old, new) = cycled(&store).await;
        let response = visit(&store, Some(old.as_str()), set).await;
        assert_eq!((response.status().as_u16(), set_to(&response)), (200, None), "{}", place.name);
        assert_eq!(store.session(Some(&new)).aget::<u8>("a").await.unwrap(), Some(1), "{}", place.name);
    }
}

#[tokio::test]
async fn a_request_that_was_under_way_when_the_key_changed_loses_nothing_on_every_engine() {
    for place in every_engine().await {
        let store = place.store(graceful());
        let old = stored(&store).await;
        let other = store.clone();
        let response = visit(&store, Some(old.as_str()), move |session| {
            let other = other.clone();
            async move {
                let session = session.load().await?;
                session.set("a", &1)?;
                other.session(session.session_key().as_ref()).acycle_key().await
            }
        })
        .await;
        assert_eq!((response.status().as_u16(), set_to(&response)), (200, None), "{}", place.name);
        let found = store.session(Some(&old)).load().await.unwrap();
        assert_eq!((found.get("a").unwrap(), found.get("name").unwrap()), (Some(1), Some("Ada".to_owned())));
        assert_ne!(found.session_key(), Some(old), "{}", place.name);
    }
}

#[tokio::test]
async fn after_the_grace_time_the_old_key_is_dead() {
    for place in local().await {
        let hands = Hands::new();
        let store = hands.on(place.store(graceful()));
        let (old, new) = cycled(&store).await;
        hands.pass(28.0);
        assert_eq!(name(&store, &old).await.as_deref(), Some("Ada"), "{}", place.name);
        // Being used does not make it live longer.
        visit(&store, Some(old.as_str()), set).await;
        hands.pass(2.0);
        assert_eq!(name(&store, &old).await, None, "{}", place.name);
        let response = visit(&store, Some(old.as_str()), read).await;
        assert_eq!(set_to(&response).as_deref(), Some(""), "{}", place.name);
        assert_eq!(name(&store, &new).await.as_deref(), Some("Ada"), "{}", place.name);
    }
}

#[tokio::test]
async fn a_grace_hit_never_outlives_a_logout_on_every_engine() {
    for place in every_engine().await {
        let store = place.store(graceful());
        let (old, new) = cycled(&store).await;
        let response = visit(&store, Some(new.as_str()), flush).await;
        assert_eq!(set_to(&response).as_deref(), Some(""), "{}", place.name);
        assert_eq!(name(&store, &old).await, None, "{}", place.name);
        let response = visit(&store, Some(old.as_str()), set).await;
        let after = key_in(&response);
        assert!(after != old && after != new, "{}: a stranger's session", place.name);
        // One that was loaded before the logout does not bring it back either.
        let (old, new) = cycled(&store).await;
        let late = store.session(Some(&old)).load().await.unwrap();
        store.session(Some(&new)).aflush().await.unwrap();
        late.set("a", &1).unwrap();
        assert!(matches!(late.asave().await, Err(SessionError::UpdateError)), "{}", place.name);
        assert_eq!(name(&store, &new).await, None, "{}", place.name);
    }
}

#[tokio::test]
async fn a_logout_by_the_old_key_ends_the_session_on_every_engine() {
    for place in every_engine().await {
        let store = place.store(graceful());
        for load_first in [true, false] {
            let (old, new) = cycled(&store).await;
            let response = visit(&store, Some(old.as_str()), move |session| async move {
                if load_first {
                    session.load().await?;
                }
                session.aflush().await
            })
            .await;
            assert_eq!(set_to(&response).as_deref(), Some(""), "{}", place.name);
            assert_eq!(name(&store, &new).await, None, "{}", place.name);
            assert_eq!(name(&store, &old).await, None, "{}", place.name);
        }
        // An operator who has the old key ends it as well.
        let (old, new) = cycled(&store).await;
        store.delete(&old).await.unwrap();
        assert!(!store.exists(&new).await.unwrap() && !store.exists(&old).await.unwrap(), "{}", place.name);
    }
}

#[tokio::test]
async fn who_knew_the_key_before_a_login_does_not_come_in_with_it_on_every_engine() {
    for place in every_engine().await {
        let store = place.store(graceful());
        let planted = stored(&store).await;
        let response = visit(&store, Some(planted.as_str()), async |session| {
            session.aset("_auth_user_id", "1").await?;
            session.load().await?.cycle_key();
            Ok(())
        })
        .await;
        let new = key_in(&response);
        // Neither in nor in the way: nothing is read, nothing saved, and the cookie of the login stays.
        for response in [
            visit(&store, Some(planted.as_str()), read).await,
            visit(&store, Some(planted.as_str()), ok).await,
            visit(&store, Some(planted.as_str()), set).await,
        ] {
            assert_eq!((response.status().as_u16(), set_to(&response)), (200, None), "{}", place.name);
        }
        let late = store.session(Some(&planted)).load().await.unwrap();
        assert!(late.is_empty() && late.session_key().is_none(), "{}", place.name);
        late.set("a", &1).unwrap();
        assert!(matches!(late.asave().await, Err(SessionError::UpdateError)), "{}", place.name);
        let session = store.session(Some(&new)).load().await.unwrap();
        assert_eq!(
            (session.get::<u8>("a").unwrap(), session.item::<String>("_auth_user_id").unwrap()),
            (None, "1".into())
        );
    }
}

#[tokio::test]
async fn a_login_that_was_saved_before_the_key_changed_counts_as_one() {
    let store = SessionStore::db(MemoryStorage::new(), graceful()).unwrap();
    let planted = stored(&store).await;
    let session = store.session(Some(&planted));
    session.aset("_auth_user_id", "1").await.unwrap();
    session.asave().await.unwrap();
    session.acycle_key().await.unwrap();
    assert_eq!(name(&store, &planted).await, None);
}

#[tokio::test]
async fn a_key_may_change_again_within_the_grace_time() {
    let store = SessionStore::db(MemoryStorage::new(), graceful()).unwrap();
    let (first, second) = cycled(&store).await;
    let third = key_in(&visit(&store, Some(second.as_str()), cycle).await);
    for key in [&first, &second, &third] {
        assert_eq!(store.session(Some(key)).load().await.unwrap().session_key(), Some(third.clone()));
    }
    // By a late request too: then the browser hears of it.
    let fourth = key_in(&visit(&store, Some(first.as_str()), cycle).await);
    assert_eq!(store.session(Some(&third)).load().await.unwrap().session_key(), Some(fourth.clone()));
    store.session(Some(&first)).aflush().await.unwrap();
    for key in [&first, &second, &third, &fourth] {
        assert_eq!(name(&store, key).await, None);
    }
}

#[tokio::test]
async fn two_changes_of_key_at_once_both_take_effect() {
    let store = SessionStore::db(MemoryStorage::new(), graceful()).unwrap();
    let old = stored(&store).await;
    let one = store.session(Some(&old)).load().await.unwrap();
    let other = store.session(Some(&old)).load().await.unwrap();
    one.acycle_key().await.unwrap();
    other.acycle_key().await.unwrap();
    let (of_one, of_other) = (one.session_key().unwrap(), other.session_key().unwrap());
    assert_eq!(store.session(Some(&of_one)).load().await.unwrap().session_key(), Some(of_other.clone()));
    assert_eq!(name(&store, &of_other).await.as_deref(), Some("Ada"));
}

#[tokio::test]
async fn it_is_off_unless_set_and_costs_one_round_trip() {
    for (grace, trips) in [(0, 2), (30, 3)] {
        let spy = SpyStorage::new(timeless());
        let store = SessionStore::db(spy.clone(), settings().session_cycle_key_grace(grace)).unwrap();
        let old = stored(&store).await;
        spy.reset();
        visit(&store, Some(old.as_str()), cycle).await;
        assert_eq!(spy.take_calls().total(), trips);
        assert_eq!(name(&store, &old).await.is_some(), grace > 0);
        spy.reset();
        visit(&store, Some(old.as_str()), flush).await;
        assert_eq!(spy.take_calls().remove, if grace > 0 { 2 } else { 1 });
    }
}

#[tokio::test]
async fn a_key_changes_even_if_nothing_can_be_left_under_the_old_one() {
    let spy = SpyStorage::new(timeless());
    let store = SessionStore::db(spy.clone(), graceful()).unwrap();
    let old = stored(&store).await;
    spy.fail_next(Operation::Insert, cloakroom::testing::Fault::NotDone);
    let session = store.session(Some(&old));
    session.acycle_key().await.unwrap();
    assert_eq!(name(&store, &session.session_key().unwrap()).await.as_deref(), Some("Ada"));
}

#[tokio::test]
async fn a_visitor_who_leaves_does_not_leave_a_change_of_key_half_done() {
    let spy = SpyStorage::new(timeless());
    let store = SessionStore::db(spy.clone(), graceful()).unwrap();
    let old = stored(&store).await;
    let (reached, wait) =
        (std::sync::Arc::new(tokio::sync::Notify::new()), std::sync::Arc::new(tokio::sync::Notify::new()));
    let (tell, held) = (reached.clone(), wait.clone());
    spy.before(Operation::Insert, move || async move {
        tell.notify_one();
        held.notified().await;
    });
    let session = store.session(Some(&old));
    {
        let cycling = session.acycle_key();
        tokio::select! {
            _ = cycling => panic!("it was to be stopped"),
            () = reached.notified() => {}
        }
    }
    wait.notify_one();
    for _ in 0..200 {
        if name(&store, &old).await.is_some() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("the old key is not served");
}

#[tokio::test]
async fn a_note_that_a_visitor_made_to_point_to_itself_leads_nobody_in_a_circle() {
    let store = SessionStore::db(MemoryStorage::new(), graceful()).unwrap();
    let key = stored(&store).await;
    let late = store.session(Some(&key)).load().await.unwrap();
    let session = store.session(Some(&key)).load().await.unwrap();
    session.clear();
    session.set("_session_forward", key.as_str()).unwrap();
    session.set("_session_expiry", &30).unwrap();
    session.asave().await.unwrap();
    late.set("a", &1).unwrap();
    assert!(matches!(late.asave().await, Err(SessionError::UpdateError)));
    assert_eq!(name(&store, &key).await, None);
    store.session(Some(&key)).aflush().await.unwrap();
    assert!(!store.exists(&key).await.unwrap());
}
