//! The handlers: the same work with each library.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::routing::get;

async fn untouched() -> &'static str {
    "hello"
}

/// Another value for each request: some libraries notice when nothing changed.
fn another() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1_000_000_000_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

async fn cloakroom_read(session: cloakroom::Session) -> &'static str {
    black_box(session.get::<String>("member_02").unwrap().unwrap());
    "hello"
}

async fn cloakroom_change(session: cloakroom::Session) -> &'static str {
    session.set("member_03", &another()).unwrap();
    "hello"
}

async fn tower_read(session: tower_sessions::Session) -> &'static str {
    black_box(session.get::<String>("member_02").await.unwrap().unwrap());
    "hello"
}

async fn tower_change(session: tower_sessions::Session) -> &'static str {
    session.insert("member_03", another()).await.unwrap();
    "hello"
}

pub(crate) fn bare() -> Router {
    Router::new().route("/", get(untouched))
}

pub(crate) fn cloakroom(scenario: &str) -> Router {
    match scenario {
        "read" => Router::new().route("/", get(cloakroom_read)),
        "change" | "new" => Router::new().route("/", get(cloakroom_change)),
        _ => bare(),
    }
}

pub(crate) fn tower_sessions(scenario: &str) -> Router {
    match scenario {
        "read" => Router::new().route("/", get(tower_read)),
        "change" | "new" => Router::new().route("/", get(tower_change)),
        _ => bare(),
    }
}
