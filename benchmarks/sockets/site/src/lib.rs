//! What all sites under load have in common: what a session holds, and what a change puts into it.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(feature = "axum")]
use axum::routing::MethodRouter;

/// What every route answers.
pub const HELLO: &str = "hello";
/// The member that `/read` looks at.
pub const READ: &str = "member_02";
/// The member that `/change` and `/new` set and `/stored` shows.
pub const CHANGED: &str = "member_03";

/// The members that `/fill` makes: 5 of about 60 bytes.
pub fn members() -> impl Iterator<Item = (String, String)> {
    (0..5).map(|at| (format!("member_{at:02}"), value(at)))
}

fn value(at: usize) -> String {
    format!("{at:02}{}", "v".repeat(44))
}

/// Whether it is what [`READ`] was filled with.
pub fn is_read(found: Option<&str>) -> bool {
    found.is_some_and(|found| found.len() == 46 && found.starts_with("02v"))
}

/// Another value for each request: no library may take a change for none. It has as many digits each time.
pub fn another() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1_000_000_000_000);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}

/// Arguments of the command line, the first being the port.
pub fn arguments() -> (u16, Vec<String>) {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().and_then(|port| port.parse().ok()).expect("the first argument is a port");
    (port, arguments.collect())
}

/// The routes of a site with sessions, `untouched` being without.
#[cfg(feature = "axum")]
pub fn router(read: MethodRouter, change: MethodRouter, fill: MethodRouter, stored: MethodRouter) -> axum::Router {
    axum::Router::new()
        .route("/untouched", axum::routing::get(async || HELLO))
        .route("/read", read)
        .route("/change", change.clone())
        .route("/new", change)
        .route("/fill", fill)
        .route("/stored", stored)
}

/// Serves on a port of 127.0.0.1 until it is killed.
#[cfg(feature = "axum")]
pub async fn serve(router: axum::Router, port: u16) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    axum::serve(listener, router).await.unwrap();
}
