//! Keys that were adopted, kept or brought back.

use std::sync::Arc;

use cloakroom::{LazySession, SessionError, SessionKey};
use http::StatusCode;
use tokio::sync::Barrier;
use tower::ServiceExt;

use crate::engines::every_engine;
use crate::settings;
use crate::visits::{cookies, flush, key_in, name, ok, request, set, set_to, site, stored, visit};

#[tokio::test]
async fn p01_a_clear_before_anything_is_loaded_adopts_no_key() {
    for place in every_engine().await {
        let store = place.store(settings());
        let planted = SessionKey::generate();
        let response = visit(&store, Some(planted.as_str()), |session: LazySession| async move {
            let session = session.load().await?;
            session.clear();
            session.set("name", "Ada")
        });
        let key = key_in(&response.await);
        assert_ne!(key, planted, "{}", place.name);
        assert!(!store.exists(&planted).await.unwrap(), "{}: session fixation", place.name);
        assert_eq!(name(&store, &planted).await, None, "{}: session fixation", place.name);
        assert_eq!(name(&store, &key).await.as_deref(), Some("Ada"), "{}", place.name);
    }
}

#[tokio::test]
async fn p02_what_is_set_after_a_flush_goes_to_another_key() {
    for place in every_engine().await {
        let store = place.store(settings());
        let at_once = |session: LazySession| async move {
            session.aflush().await?;
            session.aset("a", &1).await
        };
        let at_the_end = |session: LazySession| async move {
            let session = session.load().await?;
            session.flush();
            session.set("a", &1)
        };
        let (first, second) = (stored(&store).await, stored(&store).await);
        let responses = [
            visit(&store, Some(first.as_str()), at_once).await,
            visit(&store, Some(second.as_str()), at_the_end).await,
        ];
        for (old, response) in [first, second].into_iter().zip(responses) {
            let new = key_in(&response);
            assert!(new != old && !store.exists(&old).await.unwrap(), "{}: the flushed session is back", place.name);
            assert_eq!(store.session(Some(&new)).akeys().await.unwrap(), ["a"], "{}", place.name);
        }
    }
}

#[tokio::test]
async fn p03_a_change_of_key_before_a_5xx_loses_no_session() {
    let at_once = |session: LazySession| async move {
        session.acycle_key().await.unwrap();
        session.aset("half done", &true).await.unwrap();
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let recorded = |session: LazySession| async move {
        session.load().await.unwrap().cycle_key();
        StatusCode::SERVICE_UNAVAILABLE
    };
    for place in every_engine().await {
        let store = place.store(settings());
        let old = stored(&store).await;
        let response = site(&store, at_once).oneshot(request(&store, Some(old.as_str()))).await.unwrap();
        assert_eq!(response.status(), 500);
        let new = key_in(&response);
        assert!(new != old && !store.exists(&old).await.unwrap(), "{}", place.name);
        assert_eq!(name(&store, &new).await.as_deref(), Some("Ada"), "{}: the session is lost", place.name);
        // One that is only recorded is not carried out: the visitor's key stays good.
        let response = site(&store, recorded).oneshot(request(&store, Some(new.as_str()))).await.unwrap();
        assert_eq!((response.status().as_u16(), set_to(&response)), (503, None));
        assert_eq!(name(&store, &new).await.as_deref(), Some("Ada"), "{}: the session is lost", place.name);
    }
}

#[tokio::test]
async fn p05_save_every_request_makes_no_session_of_an_unknown_key() {
    for place in every_engine().await {
        let store = place.store(settings().session_save_every_request(true));
        let unknown = SessionKey::generate();
        for _ in 0..2 {
            let response = visit(&store, Some(unknown.as_str()), ok).await;
            assert_eq!(response.status(), 200);
            assert_eq!(set_to(&response).as_deref(), Some(""), "{}: the cookie is removed", place.name);
            let read = |session: LazySession| async move { session.akeys().await.map(drop) };
            assert_eq!(set_to(&visit(&store, Some(unknown.as_str()), read).await).as_deref(), Some(""));
        }
        assert!(!store.exists(&unknown).await.unwrap(), "{}", place.name);
    }
}

/// Two requests at once: one has loaded the session when the other ends it, and saves it then.
#[tokio::test]
async fn p08_a_request_under_way_does_not_undo_a_logout() {
    for place in every_engine().await {
        let store = place.store(settings());
        for change_of_key in [false, true] {
            let key = stored(&store).await;
            let (loaded, ended) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
            let (has_loaded, has_ended) = (Arc::clone(&loaded), Arc::clone(&ended));
            let slow = move |session: LazySession| {
                let (loaded, ended) = (Arc::clone(&has_loaded), Arc::clone(&has_ended));
                async move {
                    let session = session.load().await?;
                    loaded.wait().await;
                    ended.wait().await;
                    session.set("name", "Bob")?;
                    if change_of_key {
                        session.cycle_key();
                    }
                    Ok::<_, SessionError>(())
                }
            };
            let slow = tokio::spawn(site(&store, slow).oneshot(request(&store, Some(key.as_str()))));
            loaded.wait().await;
            assert_eq!(set_to(&visit(&store, Some(key.as_str()), flush).await).as_deref(), Some(""));
            ended.wait().await;
            let response = slow.await.unwrap().unwrap();
            assert_eq!(response.status(), 400, "{}: it is told so", place.name);
            assert!(cookies(response.headers()).is_empty(), "{}", place.name);
            assert!(!store.exists(&key).await.unwrap(), "{}: the session is back", place.name);
            assert_eq!(name(&store, &key).await, None, "{}: the session is back", place.name);
            // Nor does the browser that still sends the cookie get it back.
            assert_ne!(key_in(&visit(&store, Some(key.as_str()), set).await), key, "{}", place.name);
        }
    }
}
