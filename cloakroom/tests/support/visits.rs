//! Requests through the axum layer, and what comes of them.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use axum::Router;
use axum::body::Body;
use axum::routing::any;
use cloakroom::{LazySession, SessionError, SessionKey, SessionLayer, SessionStore};
use http::{HeaderMap, Request, Response, header};
use tower::ServiceExt;

pub type Answer = Result<(), SessionError>;

/// A session of a visitor named Ada.
pub async fn stored(store: &SessionStore) -> SessionKey {
    let session = store.session(None).load().await.unwrap();
    session.set("name", "Ada").unwrap();
    session.asave().await.unwrap();
    session.session_key().unwrap()
}

/// The visitor's name, as a new request sees it.
pub async fn name(store: &SessionStore, key: &SessionKey) -> Option<String> {
    store.session(Some(key)).aget("name").await.unwrap()
}

/// A site of one handler.
pub fn site<H: axum::handler::Handler<T, ()>, T: 'static>(store: &SessionStore, handler: H) -> Router {
    Router::new().fallback(any(handler)).layer(SessionLayer::new(store.clone()))
}

/// A request with this text in the session's cookie.
pub fn request(store: &SessionStore, cookie: Option<&str>) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    if let Some(value) = cookie {
        let cookie = format!("{}={value}", store.settings().cookie_name());
        request.headers_mut().insert(header::COOKIE, header::HeaderValue::from_bytes(cookie.as_bytes()).unwrap());
    }
    request
}

pub async fn visit<F: Future<Output = Answer> + Send + 'static>(
    store: &SessionStore,
    cookie: Option<&str>,
    handler: impl Fn(LazySession) -> F + Clone + Send + Sync + 'static,
) -> Response<Body> {
    site(store, handler).oneshot(request(store, cookie)).await.unwrap()
}

/// All `Set-Cookie` headers.
pub fn cookies(headers: &HeaderMap) -> Vec<&str> {
    headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect()
}

/// The value of the one cookie that a response sets; `None` if it sets none, `""` for a removal.
pub fn set_to(response: &Response<Body>) -> Option<String> {
    let cookies = cookies(response.headers());
    assert!(cookies.len() < 2, "one Set-Cookie a name");
    let value = cookies.first()?.split_once('=').unwrap().1.split(';').next().unwrap();
    Some(value.trim_matches('"').to_owned())
}

/// The session key in the cookie that a response sets.
pub fn key_in(response: &Response<Body>) -> SessionKey {
    set_to(response).unwrap().parse().unwrap()
}

pub async fn ok(_: LazySession) -> Answer {
    Ok(())
}

pub async fn set(session: LazySession) -> Answer {
    session.aset("a", &1).await
}

pub async fn flush(session: LazySession) -> Answer {
    session.aflush().await
}
