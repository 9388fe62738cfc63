//! The layer where Django has no vector: axum's extractors, panics, dropped requests, streams, two layers.
#![allow(missing_docs, clippy::unwrap_used)]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::{any, get};
use cloakroom::middleware::Sessions;
use cloakroom::storage::MemoryStorage;
use cloakroom::testing::{Fault, Operation, SpyStorage};
use cloakroom::{LazySession, Session, SessionError, SessionKey, SessionLayer, SessionStore, Settings};
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use tower::{ServiceBuilder, ServiceExt, service_fn};

fn spied() -> (SpyStorage<MemoryStorage>, SessionStore) {
    let spy = SpyStorage::new(MemoryStorage::new());
    let store = SessionStore::db(spy.clone(), Settings::new().secret_key("a secret")).unwrap();
    (spy, store)
}

async fn stored(store: &SessionStore) -> SessionKey {
    let session = store.session(None).load().await.unwrap();
    session.set("name", "Ada").unwrap();
    session.asave().await.unwrap();
    session.session_key().unwrap()
}

fn request(cookies: &[&str]) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    for cookie in cookies {
        request.headers_mut().append(header::COOKIE, cookie.parse().unwrap());
    }
    request
}

fn with_key(key: &SessionKey) -> Request<Body> {
    request(&[&format!("sessionid={}", key.as_str())])
}

fn cookies(response: &Response<Body>) -> Vec<&str> {
    response.headers().get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect()
}

async fn body(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..200 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never came to hold");
}

#[tokio::test]
async fn a_missing_layer_says_what_to_add() {
    let app: Router = Router::new().route("/", get(|_: Session| async {}));
    let response = app.oneshot(request(&[])).await.unwrap();
    assert_eq!(response.status(), 500);
    assert!(body(response).await.contains(".layer(SessionLayer::new(store))"));
}

#[tokio::test]
async fn the_session_extractor_loads_without_counting_as_access() {
    let (_, store) = spied();
    let key = stored(&store).await;
    let app = Router::new()
        .route("/", get(|session: Session| async move { assert!(!session.accessed()) }))
        .layer(SessionLayer::new(store));
    let response = app.oneshot(with_key(&key)).await.unwrap();
    assert_eq!(response.headers().get(header::VARY), None);
    assert_eq!(cookies(&response), Vec::<&str>::new());
}

#[tokio::test]
async fn a_storage_error_is_a_500_and_nothing_is_written() {
    for operation in [Operation::Read, Operation::Replace] {
        let (spy, store) = spied();
        let key = stored(&store).await;
        spy.reset();
        let handler = |session: Session| async move { session.set("name", "Bob") };
        let app = Router::new().route("/", get(handler)).layer(SessionLayer::new(store.clone()));
        spy.fail_next(operation, Fault::NotDone);
        let response = app.oneshot(with_key(&key)).await.unwrap();
        assert_eq!(response.status(), 500, "{operation:?}");
        assert_eq!(cookies(&response), Vec::<&str>::new());
        assert_eq!(response.headers().get(header::VARY), None);
        let text = body(response).await;
        assert!(!text.contains(key.as_str()), "{text}");
        assert_eq!(spy.calls().insert + spy.calls().remove, 0);
        let name = store.session(Some(&key)).aget::<String>("name").await.unwrap();
        assert_eq!(name.as_deref(), Some("Ada"), "{operation:?}");
    }
}

#[tokio::test]
async fn the_application_answers_session_errors_in_its_own_way() {
    let (spy, store) = spied();
    let key = stored(&store).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let layer = SessionLayer::new(store.clone()).on_error(move |error: &SessionError| {
        log.lock().unwrap().push(error.to_string());
        let mut response = Response::new(Body::from("sign in again"));
        *response.status_mut() = StatusCode::from_u16(error.status()).unwrap();
        response
    });
    let app = Router::new().route("/", get(|session: Session| async move { session.set("name", "Bob") })).layer(layer);
    let other = store.clone();
    let gone = key.clone();
    spy.before(Operation::Replace, move || async move { other.delete(&gone).await.unwrap() });
    let response = app.oneshot(with_key(&key)).await.unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(body(response).await, "sign in again");
    assert_eq!(seen.lock().unwrap().len(), 1);
    assert!(!store.exists(&key).await.unwrap());
}

#[tokio::test]
async fn the_application_answers_errors_of_the_extractor_and_of_handlers_too() {
    let (spy, store) = spied();
    let key = stored(&store).await;
    let layer = SessionLayer::new(store).on_error(|error: &SessionError| {
        let mut response = Response::new(Body::from("our own page"));
        *response.status_mut() = StatusCode::from_u16(error.status() + 3).unwrap();
        response
    });
    let app = Router::new()
        .route("/extractor", get(|_: Session| async {}))
        .route("/handler", get(|session: LazySession| async move { session.akeys().await.map(drop) }))
        .layer(layer);
    for path in ["/extractor", "/handler"] {
        spy.fail_next(Operation::Read, Fault::NotDone);
        let mut request = with_key(&key);
        *request.uri_mut() = path.parse().unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 503);
        assert_eq!(cookies(&response), Vec::<&str>::new());
        assert_eq!(body(response).await, "our own page");
    }
}

#[tokio::test]
async fn several_cookie_headers_count_as_one() {
    let (_, store) = spied();
    let key = stored(&store).await;
    let handler = |session: Session| async move { session.get_or("name", String::new()) };
    let app = Router::new().route("/", get(handler)).layer(SessionLayer::new(store));
    let good = format!("b=2; sessionid={}", key.as_str());
    for headers in [vec!["a=1", &good], vec![&good, "c=3"], vec!["sessionid=abcdefgh12345678", &good]] {
        let response = app.clone().oneshot(request(&headers)).await.unwrap();
        assert_eq!(body(response).await, "Ada", "{headers:?}");
    }
    let response = app.clone().oneshot(request(&[&good, "sessionid=abcdefgh12345678"])).await.unwrap();
    assert_eq!(body(response).await, "", "the last one counts");
}

#[tokio::test]
async fn two_layers_live_side_by_side() {
    let (_, store) = spied();
    let staff = SessionStore::memory(Settings::new().session_cookie_name("staff")).unwrap();
    let handler = |session: Session, sessions: Sessions| async move {
        session.set("who", "visitor")?;
        let staff = sessions.get("staff").unwrap();
        staff.aset("who", "staff").await?;
        assert!(sessions.get("other").is_none());
        sessions.get("sessionid").unwrap().aitem::<String>("who").await
    };
    let app =
        Router::new().route("/", get(handler)).layer(SessionLayer::new(store)).layer(SessionLayer::new(staff.clone()));
    let response = app.oneshot(request(&[])).await.unwrap();
    let names: Vec<&str> = cookies(&response).iter().map(|cookie| cookie.split('=').next().unwrap()).collect();
    assert_eq!(names, ["sessionid", "staff"]);
    assert_eq!(body(response).await, "visitor");
}

#[tokio::test]
async fn a_flush_takes_effect_when_the_handler_panics() {
    let (_, store) = spied();
    let key = stored(&store).await;
    let handler = |session: Session| async move {
        session.flush();
        if session.is_empty() {
            panic!("on purpose");
        }
    };
    let app = Router::new().route("/", get(handler)).layer(SessionLayer::new(store.clone()));
    let request = with_key(&key);
    let task = tokio::spawn(async move { app.oneshot(request).await });
    assert!(task.await.unwrap_err().is_panic());
    eventually(async || !store.exists(&key).await.unwrap()).await;
}

#[tokio::test]
async fn a_flush_takes_effect_when_the_visitor_leaves() {
    let (_, store) = spied();
    let key = stored(&store).await;
    let handler = |session: Session| async move {
        session.flush();
        std::future::pending::<()>().await;
    };
    let app = Router::new().route("/", get(handler)).layer(SessionLayer::new(store.clone()));
    let left = tokio::time::timeout(Duration::from_millis(20), app.oneshot(with_key(&key))).await;
    assert!(left.is_err());
    eventually(async || !store.exists(&key).await.unwrap()).await;
}

#[tokio::test]
async fn a_flush_takes_effect_when_the_inner_service_fails() {
    let (_, store) = spied();
    let key = stored(&store).await;
    let inner = service_fn(|request: Request<Body>| async move {
        let session = request.extensions().get::<Sessions>().unwrap().innermost().load().await.unwrap();
        session.set("name", "Bob").unwrap();
        session.flush();
        Err::<Response<Body>, &str>("the inner service failed")
    });
    let service = ServiceBuilder::new().layer(SessionLayer::new(store.clone())).service(inner);
    assert_eq!(service.oneshot(with_key(&key)).await.unwrap_err(), "the inner service failed");
    eventually(async || !store.exists(&key).await.unwrap()).await;
}

#[tokio::test]
async fn a_stream_can_save_after_the_response_has_left() {
    let (_, store) = spied();
    let key = stored(&store).await;
    let (sender, mut done) = tokio::sync::mpsc::channel(1);
    let handler = move |session: Session| {
        let sender = sender.clone();
        async move {
            let stream = async move {
                session.set("late", &true).unwrap();
                sender.send(session.asave().await.is_ok()).await.unwrap();
                Ok::<_, Infallible>("the end")
            };
            Body::new(http_body_util::StreamBody::new(futures_once(stream)))
        }
    };
    let app = Router::new().route("/", get(handler)).layer(SessionLayer::new(store.clone()));
    let response = app.oneshot(with_key(&key)).await.unwrap();
    assert_eq!(cookies(&response), Vec::<&str>::new());
    assert_eq!(body(response).await, "the end");
    assert!(done.recv().await.unwrap());
    assert_eq!(store.session(Some(&key)).aget::<bool>("late").await.unwrap(), Some(true));
}

/// A body of one frame.
fn futures_once(
    future: impl Future<Output = Result<&'static str, Infallible>> + Send + 'static,
) -> impl futures_core::Stream<Item = Result<http_body::Frame<bytes::Bytes>, Infallible>> + Send {
    struct Once<F>(Option<std::pin::Pin<Box<F>>>);
    impl<F: Future<Output = Result<&'static str, Infallible>>> futures_core::Stream for Once<F> {
        type Item = Result<http_body::Frame<bytes::Bytes>, Infallible>;
        fn poll_next(
            mut self: std::pin::Pin<&mut Self>,
            context: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Self::Item>> {
            let Some(future) = &mut self.0 else { return std::task::Poll::Ready(None) };
            future.as_mut().poll(context).map(|text| {
                self.0 = None;
                Some(text.map(|text| http_body::Frame::data(text.into())))
            })
        }
    }
    Once(Some(Box::pin(future)))
}

#[tokio::test]
async fn changes_are_dropped_with_a_5xx_and_a_flush_is_not() {
    let (_, store) = spied();
    let key = stored(&store).await;
    let fails = |session: Session| async move {
        session.set("name", "Bob").unwrap();
        session.cycle_key();
        StatusCode::SERVICE_UNAVAILABLE
    };
    let flushes = |session: Session| async move {
        session.flush();
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let app = Router::new()
        .route("/fails", any(fails))
        .route("/flushes", any(flushes))
        .layer(SessionLayer::new(store.clone()));
    let to = |path: &str| {
        let mut request = with_key(&key);
        *request.uri_mut() = path.parse().unwrap();
        request
    };
    let response = app.clone().oneshot(to("/fails")).await.unwrap();
    assert_eq!(cookies(&response), Vec::<&str>::new());
    assert_eq!(store.session(Some(&key)).aget::<String>("name").await.unwrap().as_deref(), Some("Ada"));
    let response = app.oneshot(to("/flushes")).await.unwrap();
    assert!(cookies(&response)[0].contains("Max-Age=0"));
    assert!(!store.exists(&key).await.unwrap());
}

#[tokio::test]
async fn a_recorded_change_of_key_takes_effect_with_the_save() {
    let (_, store) = spied();
    let key = stored(&store).await;
    let handler = |session: Session| async move {
        session.cycle_key();
        session.session_key().unwrap().as_str().to_owned()
    };
    let app = Router::new().route("/", get(handler)).layer(SessionLayer::new(store.clone()));
    let response = app.oneshot(with_key(&key)).await.unwrap();
    let cookie = cookies(&response)[0].to_owned();
    let new = body(response).await;
    assert_ne!(new, key.as_str());
    assert!(cookie.starts_with(&format!("sessionid={new};")), "{cookie}");
    assert!(!store.exists(&key).await.unwrap());
    let session = store.session(Some(&new.parse().unwrap()));
    assert_eq!(session.aget::<String>("name").await.unwrap().as_deref(), Some("Ada"));
}

#[tokio::test]
async fn an_application_keeps_its_own_cache_control() {
    let (_, store) = spied();
    let handler = |session: LazySession| async move {
        session.aset("a", &1).await.unwrap();
        [(header::CACHE_CONTROL, "no-store")]
    };
    let app = Router::new().route("/", get(handler)).layer(SessionLayer::new(store));
    let response = app.oneshot(request(&[])).await.unwrap();
    let values: Vec<_> = response.headers().get_all(header::CACHE_CONTROL).iter().collect();
    assert_eq!(values, ["no-store"]);
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_missing_table_says_what_to_run() {
    use cloakroom::storage::sqlite::SqliteOptions;
    let folder = tempfile::tempdir().unwrap();
    let storage = SqliteOptions::new(folder.path().join("empty.sqlite3")).create(true).open().unwrap();
    let store = SessionStore::db(storage, Settings::new().secret_key("a secret")).unwrap();
    let app = Router::new()
        .route("/", get(|session: LazySession| async move { session.aset("a", &1).await }))
        .layer(SessionLayer::new(store));
    let response = app.oneshot(request(&[])).await.unwrap();
    assert_eq!(response.status(), 500);
    assert!(body(response).await.contains("cloakroom migrate"));
}

#[tokio::test]
async fn what_cannot_be_verified_keeps_its_cookie_until_something_changes() {
    let storage = MemoryStorage::new();
    let django = SessionStore::db(storage.clone(), Settings::new().secret_key("the site's")).unwrap();
    let key = stored(&django).await;
    let misconfigured = SessionStore::db(storage, Settings::new().secret_key("another")).unwrap();
    let app = Router::new()
        .route("/read", get(|session: LazySession| async move { session.akeys().await.map(|keys| keys.concat()) }))
        .route("/set", get(|session: LazySession| async move { session.aset("name", "Bob").await }))
        .layer(SessionLayer::new(misconfigured));
    let to = |path: &str| {
        let mut request = with_key(&key);
        *request.uri_mut() = path.parse().unwrap();
        request
    };
    let read = app.clone().oneshot(to("/read")).await.unwrap();
    assert_eq!(cookies(&read), Vec::<&str>::new());
    let set = app.oneshot(to("/set")).await.unwrap();
    assert!(!cookies(&set)[0].contains(key.as_str()));
    let name = django.session(Some(&key)).aget::<String>("name").await.unwrap();
    assert_eq!(name.as_deref(), Some("Ada"), "the row was overwritten");
}
