//! Proves the security checklist (`docs/security.md`) line by line: each test's name begins with its line.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod cookie;
mod cryptography;
mod decoders;
#[path = "../support/engines.rs"]
mod engines;
mod failure;
mod keys;
mod logins;
mod secrecy;
mod time;

#[path = "../support/visits.rs"]
mod visits;

use cloakroom::{Clock, SessionStore, Settings, Timestamp};

/// The second at which signed cookies are made here.
const START: i64 = 1_831_700_317;

fn settings() -> Settings {
    Settings::new().secret_key("a secret")
}

/// A site of signed cookies.
fn signing(settings: Settings) -> SessionStore {
    later(&SessionStore::signed_cookies(settings).unwrap(), 0)
}

/// The same site so many seconds later.
fn later(store: &SessionStore, seconds: i64) -> SessionStore {
    store.clone().with_clock(Clock::new(move || Timestamp::from_seconds(START + seconds).unwrap()))
}

/// The text of a signed cookie with one member.
async fn signed(store: &SessionStore, name: &str, value: &str) -> String {
    let session = store.session(None).load().await.unwrap();
    session.set(name, value).unwrap();
    session.asave().await.unwrap();
    session.session_key().unwrap().as_str().to_owned()
}

/// A member of the session that a cookie opens.
async fn read(store: &SessionStore, cookie: &str, name: &str) -> Option<String> {
    store.session_from_cookie(Some(cookie)).aget(name).await.unwrap()
}
