//! JSON: its readers agree on what it is, and what is written is ASCII and is read as the same value.

use std::collections::BTreeMap;

use cloakroom::wire::{JsonError, json};
use cloakroom::{Json, SessionData};
use serde::de::IgnoredAny;

pub fn check(data: &[u8]) {
    let ascii = json::ascii_from_latin1(data.to_vec());
    assert!(ascii.is_ascii() || json::scan(&ascii).is_err());
    check_text(&ascii);
    if let Ok(text) = std::str::from_utf8(data) {
        check_text(text);
    }
}

/// The same of a text.
pub fn check_text(text: &str) {
    let scanned = json::scan(text);
    let built = json::from_str::<IgnoredAny>(text);
    assert_eq!(scanned.is_ok(), built.is_ok(), "{text:?}");
    let object = json::scan_object(text, |name, value| {
        let raw = &text[name];
        assert_eq!(json::canonical_name(&json::canonical_name(raw)), json::canonical_name(raw));
        let _ = (json::unescape(raw), json::unescape_lossy(raw));
        if scanned.is_ok() {
            json::scan(&text[value]).expect("a member's value is JSON");
        }
    });
    match (scanned, object) {
        (Ok(json::Kind::Object), Ok(())) => {}
        (Ok(kind), Err(JsonError::NotAnObject(named))) => assert_eq!(kind, named),
        (Err(ours), Err(theirs)) => assert_eq!(ours, theirs),
        other => panic!("{other:?}"),
    }
    // Our own reader and the plain one agree on what is valid for both.
    if let Ok(value) = json::from_str::<serde_json::Value>(text) {
        let written = json::to_string(&value).expect("it is written");
        assert_eq!(json::from_str::<serde_json::Value>(&written), Ok(value));
        assert!(written.is_ascii());
    }
    let _ = json::from_str::<BTreeMap<String, Vec<u8>>>(text);
    let _ = json::from_str::<BTreeMap<i8, Option<(bool, f32)>>>(text);
    if let Ok(json) = Json::parse(text) {
        assert!(json.as_str().is_ascii());
        assert_eq!(Json::parse(json.as_str()).as_ref(), Ok(&json));
    }
    if let Ok(data) = SessionData::from_json(text) {
        look_at(&data);
    }
}

/// What a session holds can be looked at, whatever it is, and is written and read as the same.
pub fn look_at(data: &SessionData) {
    let json = data.to_json();
    let again = SessionData::from_json(json.clone()).expect("what is shown is a session");
    assert_eq!(again.to_json(), json);
    assert_eq!(data.len(), data.keys().count());
    assert_eq!(data.items().count(), data.values().count());
}
