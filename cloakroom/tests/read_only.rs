//! `SESSION_READ_ONLY`: nothing is written, and nothing is read for a write that is refused.
#![allow(missing_docs, clippy::unwrap_used)]

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use cloakroom::storage::MemoryStorage;
use cloakroom::testing::SpyStorage;
use cloakroom::{LazySession, Session, SessionError, SessionKey, SessionLayer, SessionStore, Settings};
use http::{Request, Response, header};
use http_body_util::BodyExt;
use tower::ServiceExt;

/// A store that reads only, and a session that another service stored.
async fn read_only(settings: Settings) -> (SpyStorage<MemoryStorage>, SessionStore, SessionKey) {
    let spy = SpyStorage::new(MemoryStorage::new());
    let settings = settings.secret_key("a secret");
    let writer = SessionStore::db(spy.clone(), settings.clone()).unwrap();
    let session = writer.session(None).load().await.unwrap();
    session.set("name", "Ada").unwrap();
    session.asave().await.unwrap();
    spy.reset();
    let store = SessionStore::db(spy.clone(), settings.session_read_only(true)).unwrap();
    (spy, store, session.session_key().unwrap())
}

async fn answer(store: &SessionStore, path: &str, key: &str) -> Response<Body> {
    let app: Router = Router::new()
        .route("/untouched", get(|| async {}))
        .route(
            "/read",
            get(|session: Session| async move { session.get::<String>("name").unwrap().unwrap_or_default() }),
        )
        .route("/set", get(|session: Session| async move { session.set("name", "Bob") }))
        .route("/flush", get(|session: Session| async move { session.flush() }))
        .route("/cycle", get(|session: Session| async move { session.cycle_key() }))
        .route("/aflush", get(|session: LazySession| async move { session.aflush().await }))
        .layer(SessionLayer::new(store.clone()));
    let request = Request::builder().uri(path).header(header::COOKIE, format!("sessionid={key}"));
    app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn every_write_is_refused_before_any_io() {
    let (spy, store, key) = read_only(Settings::new()).await;
    let session = store.session(Some(&key)).load().await.unwrap();
    session.set("name", "Bob").unwrap();
    assert_eq!(spy.calls().total(), 1);
    spy.reset();
    let lazy = store.session(Some(&key));
    let refused = [
        session.asave().await,
        session.acreate().await,
        session.acycle_key().await,
        session.aflush().await,
        session.adelete().await,
        lazy.asave().await,
        lazy.aflush().await,
        lazy.acycle_key().await,
        store.delete(&key).await,
        store.clear_expired().await.map(|_| ()),
    ];
    for (number, refused) in refused.into_iter().enumerate() {
        assert!(matches!(refused, Err(SessionError::ReadOnly)), "{number}: {refused:?}");
    }
    assert_eq!(spy.calls().total(), 0);
    assert!(store.exists(&key).await.unwrap());
}

#[tokio::test]
async fn requests_that_only_read_work() {
    for settings in [Settings::new(), Settings::new().session_save_every_request(true)] {
        let (spy, store, key) = read_only(settings).await;
        assert_eq!(answer(&store, "/untouched", key.as_str()).await.status(), 200);
        let read = answer(&store, "/read", key.as_str()).await;
        assert_eq!((read.status().as_u16(), read.headers().get(header::SET_COOKIE)), (200, None));
        assert_eq!(read.into_body().collect().await.unwrap().to_bytes(), "Ada");
        // A session that is not found here may be found elsewhere: its cookie stays.
        let unknown = answer(&store, "/read", "abcdefghijklmnopqrstuvwxyz012345").await;
        assert_eq!((unknown.status().as_u16(), unknown.headers().get(header::SET_COOKIE)), (200, None));
        assert_eq!(spy.calls().total(), spy.calls().read);
    }
}

#[tokio::test]
async fn a_changed_session_is_a_500_and_nothing_reaches_the_storage() {
    for path in ["/set", "/flush", "/cycle", "/aflush"] {
        for every in [false, true] {
            let (spy, store, key) = read_only(Settings::new().session_save_every_request(every)).await;
            let changed = answer(&store, path, key.as_str()).await;
            assert_eq!((changed.status().as_u16(), changed.headers().get(header::SET_COOKIE)), (500, None), "{path}");
            assert_eq!(spy.calls().total(), spy.calls().read, "{path}");
            assert!(store.exists(&key).await.unwrap(), "{path}");
            // What a dropped or panicking request leaves to be done later is refused as well.
            tokio::task::yield_now().await;
            assert_eq!(spy.calls().remove, 0, "{path}");
        }
    }
}
