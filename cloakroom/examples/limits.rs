//! The limits of time that Django does not have, on a clock that is moved by hand: `cargo run --example limits`.
#![allow(missing_docs)]

use std::error::Error;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, header};
use axum::routing::get;
use cloakroom::{Clock, LazySession, Session, SessionKey, SessionLayer, SessionStore, Settings, Timestamp};
use tower::ServiceExt;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

static NOW: AtomicI64 = AtomicI64::new(1_831_700_317);

fn pass(seconds: i64) {
    NOW.fetch_add(seconds, Ordering::Relaxed);
}

fn store(settings: Settings) -> Result<SessionStore> {
    let clock = Clock::new(|| Timestamp::from_seconds(NOW.load(Ordering::Relaxed)).unwrap_or(Timestamp::MAX));
    Ok(SessionStore::memory(settings)?.with_clock(clock))
}

async fn sign_in(store: &SessionStore) -> Result<LazySession> {
    let session = store.session(None);
    session.aset("name", "Ada").await?;
    session.asave().await?;
    Ok(session)
}

async fn who(store: &SessionStore, key: Option<SessionKey>) -> Result<String> {
    Ok(store.session(key.as_ref()).aget_or("name", String::from("nobody")).await?)
}

async fn visit(app: &Router, path: &str, key: Option<SessionKey>) -> Result<Response<Body>> {
    let cookie = format!("sessionid={}", key.as_ref().map_or("", SessionKey::as_str));
    Ok(app.clone().oneshot(Request::get(path).header(header::COOKIE, cookie).body(Body::empty())?).await?)
}

fn site(store: &SessionStore) -> Router {
    Router::new()
        .route("/", get(async |_: Session| {}))
        .route("/cycle", get(async |session: LazySession| session.acycle_key().await))
        .layer(SessionLayer::new(store.clone()))
}

async fn absolute() -> Result<()> {
    let store = store(Settings::new().session_cookie_age(1_800).session_absolute_age(12.0 * 3_600.0))?;
    let key = sign_in(&store).await?.session_key();
    println!("absolute: made, and used every 20 minutes");
    for _ in 0..35 {
        pass(1_200);
        store.session(key.as_ref()).asave().await?;
    }
    let left = store.session(key.as_ref()).aget_expiry_age().await? / 60.0;
    println!("  after  11 h 40 min: {} is here, and {left} min are left", who(&store, key.clone()).await?);
    pass(1_200);
    println!("  after  12 h  0 min: {} is here", who(&store, key).await?);
    Ok(())
}

async fn touched() -> Result<()> {
    let settings = Settings::new().session_cookie_age(1_800).session_save_every_request(true);
    let store = store(settings.session_touch_threshold(0.9))?;
    let key = sign_in(&store).await?.session_key();
    let app = site(&store);
    let mut wrote = 0;
    for _ in 0..90 {
        pass(20);
        let response = visit(&app, "/", key.clone()).await?;
        wrote += usize::from(response.headers().contains_key(header::SET_COOKIE));
    }
    println!("touched: of 90 visits, one every 20 seconds, {wrote} wrote");
    Ok(())
}

async fn grace() -> Result<()> {
    let store = store(Settings::new().session_cycle_key_grace(10))?;
    let session = sign_in(&store).await?;
    let old = session.session_key();
    session.acycle_key().await?;
    let late = visit(&site(&store), "/", old.clone()).await?;
    let cookie = if late.headers().contains_key(header::SET_COOKIE) { "a" } else { "no" };
    println!(
        "grace: a late request with the old key reads {}, and {cookie} cookie is set",
        who(&store, old.clone()).await?
    );
    session.aflush().await?;
    println!("  after the logout it reads {}", who(&store, old).await?);
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    absolute().await?;
    touched().await?;
    grace().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_late_request_sets_no_cookie() -> Result<()> {
        let store = store(Settings::new().session_cycle_key_grace(10))?;
        let session = sign_in(&store).await?;
        let old = session.session_key();
        session.acycle_key().await?;
        let response = visit(&site(&store), "/", old.clone()).await?;
        assert_eq!((response.status().as_u16(), response.headers().get(header::SET_COOKIE)), (200, None));
        assert_eq!(who(&store, old).await?, "Ada");
        session.aflush().await?;
        assert_eq!(who(&store, session.session_key()).await?, "nobody");
        Ok(())
    }
}
