//! What several of the checks need.

use std::future::Future;

use cloakroom::{Clock, EngineName, Session, SessionKey, SessionStore, Settings, Timestamp};
use tokio::runtime::{Builder, Runtime};

use super::json::look_at;

/// A moment between Django's first sessions and the end of most.
pub(super) const NOW: i64 = 1_831_700_317;

pub(super) fn now() -> Timestamp {
    Timestamp::from_seconds(NOW).expect("a moment")
}

pub(super) fn settings() -> Settings {
    Settings::new().secret_key("a secret").secret_key_fallback("an older secret").time_zone("UTC")
}

/// The store, its clock standing still.
pub(super) fn at_now(store: SessionStore) -> SessionStore {
    store.with_clock(Clock::new(now))
}

pub(super) fn key() -> SessionKey {
    SessionKey::parse("0123456789abcdefghijklmnopqrstuv").expect("a session key")
}

pub(super) fn block_on<F: Future>(work: F) -> F::Output {
    thread_local! {
        static RUNTIME: Runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(work))
}

/// A session that could be loaded: its end can be asked for, and if it can be saved, it comes back as the same.
pub(super) async fn save_and_load(store: &SessionStore, session: &Session) {
    look_at(&session.data());
    let _ = (session.get_expiry_age(), session.get_expiry_date(), session.get_expire_at_browser_close());
    let Some(key) = session.session_key() else { return };
    session.set("hostile", &1).expect("a number can be set");
    let before = session.data().to_json();
    if session.asave().await.is_err() {
        return;
    }
    let expected = session.data().to_json();
    // What stands in the cache alone gives way to the row.
    assert!(expected == before || store.engine() == EngineName::CachedDb);
    let ends = session.get_expiry_date().expect("what was saved has an end");
    let again = store.session(Some(&key)).load().await.expect("what was saved can be loaded");
    // What is over, or says so of itself, is gone.
    if ends.micros_since(now()) > 1_000_000 && again.session_key().is_some() {
        assert_eq!(again.data().to_json(), expected);
    } else {
        assert!(ends.micros_since(now()) <= 1_000_000 || again.data().is_empty());
    }
}
