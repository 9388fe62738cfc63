//! S9 and S10: when sessions end.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom::{Clock, SessionError, SessionKey, SessionStore, Timestamp};

use crate::engines::{every_engine, local};
use crate::settings;
use crate::visits::{flush, key_in, name, set, set_to, stored, visit};

#[tokio::test]
async fn s09_the_idle_limit_holds_on_the_server() {
    let now = Arc::new(Mutex::new(Timestamp::from_seconds(1_800_000_000).unwrap()));
    let pass = |seconds: f64| {
        let mut now = now.lock().unwrap();
        *now = now.checked_add_seconds(seconds).unwrap();
    };
    for place in local().await {
        let ticking = Arc::clone(&now);
        // Where the place is memory it keeps everything: the limit is not its doing.
        let store =
            place.store(settings().session_cookie_age(60)).with_clock(Clock::new(move || *ticking.lock().unwrap()));
        let key = stored(&store).await;
        // The browser says nothing of it: it sends the cookie for as long as it likes.
        pass(58.0);
        assert_eq!(name(&store, &key).await.as_deref(), Some("Ada"), "{}", place.name);
        // Idle is what does not save.
        visit(&store, Some(key.as_str()), set).await;
        pass(58.0);
        assert_eq!(name(&store, &key).await.as_deref(), Some("Ada"), "{}", place.name);
        pass(2.0);
        assert_eq!(name(&store, &key).await, None, "{}", place.name);
        assert_ne!(key_in(&visit(&store, Some(key.as_str()), set).await), key, "{}", place.name);
    }
}

async fn is_dead(store: &SessionStore, key: &SessionKey, what: &str) {
    let session = store.session(Some(key));
    assert!(session.akeys().await.unwrap().is_empty() && session.session_key().is_none(), "{what}");
    assert!(store.session(Some(key)).aload().await.unwrap().is_empty(), "{what}");
}

#[tokio::test]
async fn s10_after_a_flush_or_its_end_the_key_fails_on_every_engine_and_no_race_brings_it_back() {
    let mut ending = Vec::new();
    for place in every_engine().await {
        let (store, what) = (place.store(settings()), place.name);
        let key = stored(&store).await;
        let saving = store.session(Some(&key)).load().await.unwrap();
        let cycling = store.session(Some(&key)).load().await.unwrap();
        let touching = store.session(Some(&key)).load().await.unwrap();
        let response = visit(&store, Some(key.as_str()), flush).await;
        assert_eq!(set_to(&response).as_deref(), Some(""), "{what}");
        saving.set("name", "Bob").unwrap();
        cycling.cycle_key();
        for racing in [&saving, &cycling, &touching] {
            assert!(matches!(racing.asave().await, Err(SessionError::UpdateError)), "{what}");
        }
        assert!(!store.exists(&key).await.unwrap(), "{what}");
        is_dead(&store, &key, what).await;

        let living = stored(&store).await;
        let short = store.session(None).load().await.unwrap();
        short.set("name", "Ada").unwrap();
        short.set_expiry(1).unwrap();
        short.asave().await.unwrap();
        ending.push((place, store, short.session_key().unwrap(), living));
    }
    // Some places reckon in whole seconds.
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    for (place, store, ended, living) in ending {
        is_dead(&store, &ended, place.name).await;
        let response = visit(&store, Some(ended.as_str()), set).await;
        assert_ne!(key_in(&response), ended, "{}: what has ended gets no new life", place.name);
        is_dead(&store, &ended, place.name).await;
        assert_eq!(name(&store, &living).await.as_deref(), Some("Ada"), "{}", place.name);
    }
}

#[tokio::test]
async fn s09_the_absolute_limit_holds_on_the_server() {
    let now = Arc::new(Mutex::new(Timestamp::from_seconds(1_800_000_000).unwrap()));
    for place in local().await {
        let ticking = Arc::clone(&now);
        let limited = settings().session_cookie_age(60).session_absolute_age(100.0);
        let store = place.store(limited).with_clock(Clock::new(move || *ticking.lock().unwrap()));
        let key = stored(&store).await;
        for _ in 0..4 {
            {
                let mut now = now.lock().unwrap();
                *now = now.checked_add_seconds(24.0).unwrap();
            }
            visit(&store, Some(key.as_str()), set).await;
            assert_eq!(name(&store, &key).await.as_deref(), Some("Ada"), "{}", place.name);
        }
        {
            let mut now = now.lock().unwrap();
            *now = now.checked_add_seconds(4.0).unwrap();
        }
        assert_eq!(name(&store, &key).await, None, "{}", place.name);
        assert_ne!(key_in(&visit(&store, Some(key.as_str()), set).await), key, "{}", place.name);
    }
}
