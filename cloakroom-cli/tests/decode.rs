//! `decode`, with what a real Django wrote.

mod support;

use std::path::Path;

use cloakroom::wire::base64;
use serde_json::Value;
use support::{Run, run, run_with_bytes, run_with_input};

/// Of Django's own backends, of other protocols.
const CACHED: [&str; 3] = ["pickle-empty-protocol-4", "load-redis-cache-protocol-0", "pickle-auth-protocol-5"];

/// A golden vector, by its kind and name.
fn vector(kind: &str, name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cloakroom/tests/vectors/django-5.2.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("the vectors")).expect("JSON");
    let vectors = file["vectors"].as_array().expect("vectors");
    let found = vectors.iter().find(|vector| vector["kind"] == kind && vector["name"] == name);
    found.unwrap_or_else(|| panic!("no vector {kind} {name}")).clone()
}

fn secret(vector: &Value) -> String {
    let text = vector["secret_b64"].as_str().expect("a secret");
    let text = text.trim_end_matches('=').replace('+', "-").replace('/', "_");
    String::from_utf8(base64::decode(text.as_bytes()).expect("base64")).expect("text")
}

fn decode(secret: &str, arguments: &[&str]) -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    run(folder.path(), &[("SECRET_KEY", secret)], &[&["decode"], arguments].concat())
}

#[test]
fn stored_data_becomes_json() {
    for name in ["good", "good-compressed"] {
        let vector = vector("decode", name);
        let (stored, json) = (vector["stored"].as_str().expect("text"), vector["result_json"].as_str().expect("text"));
        let secret = secret(&vector);
        let compact = decode(&secret, &["--json", stored]);
        assert_eq!((compact.code, compact.err.as_str()), (0, ""));
        assert_eq!(compact.out.trim_end(), json);
        let pretty = decode(&secret, &[stored]);
        assert_eq!(pretty.code, 0);
        assert!(pretty.err.contains("verified by SECRET_KEY") && !pretty.err.contains(&secret), "{}", pretty.err);
        let (shown, expected): (Value, Value) =
            (serde_json::from_str(&pretty.out).expect("JSON"), serde_json::from_str(json).expect("JSON"));
        assert_eq!(shown, expected);
        assert_eq!(pretty.out.lines().count(), expected.as_object().map_or(0, |members| members.len() + 2));
    }
}

#[test]
fn standard_input_is_read() {
    let vector = vector("decode", "good");
    let folder = tempfile::tempdir().expect("a folder");
    let stored = format!("  {}\n", vector["stored"].as_str().expect("text"));
    for arguments in [&["decode", "--json"][..], &["decode", "--json", "-"]] {
        let done = run_with_input(folder.path(), &[("SECRET_KEY", &secret(&vector))], arguments, &stored);
        assert_eq!(done.out.trim_end(), vector["result_json"]);
    }
    let nothing = run_with_input(folder.path(), &[("SECRET_KEY", "x")], &["decode"], "\n");
    assert!(nothing.code == 1 && nothing.err.contains("nothing to decode"), "{}", nothing.err);
}

#[test]
fn a_fallback_is_named_by_its_number() {
    let vector = vector("decode", "good");
    let fallbacks = format!("older,{}", secret(&vector));
    let folder = tempfile::tempdir().expect("a folder");
    let variables = [("SECRET_KEY", "newest"), ("SECRET_KEY_FALLBACKS", fallbacks.as_str())];
    let done = run(folder.path(), &variables, &["decode", vector["stored"].as_str().expect("text")]);
    assert_eq!(done.code, 0);
    assert!(done.err.contains("fallback 2") && done.err.contains("signed 2024-02-01T"), "{}", done.err);
}

#[test]
fn a_wrong_secret_shows_nothing() {
    let vector = vector("decode", "good");
    let stored = vector["stored"].as_str().expect("text");
    let refused = decode("hunter2", &[stored]);
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    assert!(refused.err.contains("SECRET_KEY") && !refused.err.contains("hunter2"), "{}", refused.err);
    let folder = tempfile::tempdir().expect("a folder");
    for variables in [&[][..], &[("SECRET_KEY", "")]] {
        let none = run(folder.path(), variables, &["decode", stored]);
        assert!(none.code == 1 && none.err.contains("SECRET_KEY"), "{}", none.err);
    }
}

#[test]
fn a_signed_cookie_is_another_thing_than_stored_data() {
    let vector = vector("signed_cookies", "save-plain");
    let (cookie, secret) = (vector["session_key"].as_str().expect("text"), secret(&vector));
    let done = decode(&secret, &["--cookie", "--json", cookie]);
    let (shown, expected): (Value, Value) = (
        serde_json::from_str(&done.out).expect("JSON"),
        serde_json::from_str(vector["value_json"].as_str().expect("text")).expect("JSON"),
    );
    assert_eq!(shown, expected);
    let refused = decode(&secret, &[cookie]);
    assert!(refused.code == 1 && refused.err.contains("--cookie") && refused.out.is_empty(), "{}", refused.err);
}

#[test]
fn what_is_not_verified_is_shown_only_with_a_warning() {
    let vector = vector("decode", "good-compressed");
    let folder = tempfile::tempdir().expect("a folder");
    let shown =
        run(folder.path(), &[], &["decode", "--unverified", "--json", vector["stored"].as_str().expect("text")]);
    assert_eq!(shown.code, 0);
    assert_eq!(shown.out.trim_end(), vector["result_json"]);
    assert!(shown.err.contains("WARNING") && shown.err.contains("NOT"), "{}", shown.err);
    for garbage in ["nonsense", "a:b", "!!!:1:2", ".AAAA:1:2", "W10:1:2"] {
        let refused = run(folder.path(), &[], &["decode", "--unverified", garbage]);
        assert_eq!((refused.code, refused.out.as_str()), (1, ""), "{garbage}");
    }
}

/// The value of a golden vector of the caches, as base64, and what it holds.
fn cached(name: &str) -> (String, String) {
    let vector = vector("cache", name);
    let of = |field: &str| vector[field].as_str().map(str::to_owned);
    let value = of("pickle_b64").or_else(|| of("data_b64")).expect("a value");
    (value, of("loads_json").or_else(|| vector["result"]["ok"].as_str().map(str::to_owned)).expect("JSON"))
}

#[test]
fn what_a_cache_holds_becomes_json() {
    for name in CACHED {
        let (text, json) = cached(name);
        let standard = text.trim_end_matches('=').replace('+', "-").replace('/', "_");
        let bytes = base64::decode(standard.as_bytes()).expect("base64");
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        for text in [&text, &hex] {
            let run = decode("", &["--cache", "--json", text]);
            assert_eq!((run.code, run.err.as_str(), run.out.trim_end()), (0, "", json.as_str()), "{name}");
        }
        let pretty = decode("", &["--cache", &text]);
        assert!(pretty.code == 0 && pretty.err.contains("nothing in a cache is signed"), "{}", pretty.err);
        // As a client of Redis prints it.
        let folder = tempfile::tempdir().expect("a folder");
        let lines = [bytes.as_slice(), b"\n"].concat();
        let run = run_with_bytes(folder.path(), &[], &["decode", "--cache", "--json"], &lines);
        assert_eq!(run.out.trim_end(), json, "{name}: {}", run.err);
    }
}

#[test]
fn what_is_no_session_in_a_cache_is_told() {
    for (text, told) in [("8004 4e2e", "is None"), ("gAROLg==", "is None"), ("80044b", "pickle"), ("null", "is None")] {
        let run = decode("", &["--cache", &text.replace(' ', "")]);
        assert!(run.code == 1 && run.err.contains(told), "{text}: {}", run.err);
    }
    assert_eq!(decode("", &["--cache", "--cookie", "x"]).code, 2);
}
