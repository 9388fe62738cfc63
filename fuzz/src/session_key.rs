//! Session keys: 8 to 40 of `a` to `z` and `0` to `9` and nothing else, and no `Debug` shows one.

use cloakroom::{SessionKey, SessionStore};

use super::support::settings;

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let is_key = (8..=40).contains(&data.len()) && data.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'));
    thread_local! {
        static STORE: SessionStore = SessionStore::memory(settings()).expect("a store");
    }
    let session = STORE.with(|store| store.session_from_cookie(Some(text)));
    let parsed = SessionKey::parse(text);
    assert_eq!(parsed.is_ok(), is_key);
    assert_eq!(session.session_key().is_some(), is_key);
    let Ok(key) = parsed else { return };
    assert_eq!(key.as_str(), text);
    for shown in [format!("{key:?}"), key.short_hash(), format!("{session:?}")] {
        assert!(!shown.contains(text));
    }
}
