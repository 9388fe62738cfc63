//! The routes on tower-sessions: the same for 0.15 and for 0.14, which its other stores need.

use axum::http::StatusCode;
use axum::{Router, routing::get};
use site::{CHANGED, HELLO, READ};
use tower_sessions::session::Error;
use tower_sessions::{Session, SessionManagerLayer, SessionStore};

type Answer<T> = Result<T, StatusCode>;

fn failed(_: Error) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn read(session: Session) -> Answer<&'static str> {
    let found = session.get::<String>(READ).await.map_err(failed)?;
    site::is_read(found.as_deref()).then_some(HELLO).ok_or(StatusCode::NOT_FOUND)
}

async fn change(session: Session) -> Answer<&'static str> {
    session.insert(CHANGED, site::another()).await.map_err(failed)?;
    Ok(HELLO)
}

async fn fill(session: Session) -> Answer<&'static str> {
    for (name, value) in site::members() {
        session.insert(&name, value).await.map_err(failed)?;
    }
    Ok(HELLO)
}

async fn stored(session: Session) -> Answer<String> {
    Ok(session.get(CHANGED).await.map_err(failed)?.unwrap_or_default())
}

/// With the layer's defaults.
pub fn with_sessions(store: impl SessionStore + Clone) -> Router {
    site::router(get(read), get(change), get(fill), get(stored)).layer(SessionManagerLayer::new(store))
}
