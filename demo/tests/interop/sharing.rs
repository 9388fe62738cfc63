//! What one site writes, the other reads and changes.

use serde_json::{Value, json};

use crate::support::sites::{BOTH_WAYS, OnDjango, OnRust, Sites};

pub(crate) fn what_one_writes_the_other_reads(sites: &Sites) {
    let mut visitor = sites.visitor();
    let values = [
        ("text", json!("plain").to_string()),
        ("unicode", json!("Grüße, 日本, 😀\u{7f}\u{2028}").to_string()),
        ("names are any text: é 😀", "1".into()),
        ("float", "1.0".into()),
        ("exponent", "1e+22".into()),
        ("big", "123456789012345678901234567890".into()),
        ("nested", json!({"a": [1, null, {"b": [true, false, []]}], "c": {}}).to_string()),
        ("empty", json!("").to_string()),
        ("long", json!("word ".repeat(500)).to_string()),
    ];
    for (writer, reader) in BOTH_WAYS {
        visitor.browser.cookies.clear();
        for (name, value) in &values {
            let path = format!("/api/session/{}", escaped(name));
            visitor.send(writer, "PUT", &path, value);
        }
        let (written, read) = (visitor.data(writer), visitor.data(reader));
        assert_eq!(unquoted(&written), unquoted(&read), "written by {writer:?}");
        let engine = visitor.send(reader, "GET", "/api/session", "")["engine"].clone();
        assert_eq!(engine, sites.place.engine.name().as_str());
    }
}

/// Both sides' JSON, with strings decoded, numbers as they stand.
fn unquoted(text: &str) -> Vec<String> {
    text.split(',').map(|part| serde_json::from_str::<String>(part).unwrap_or_else(|_| decoded(part))).collect()
}

/// `\uXXXX` as the characters they stand for: Django escapes, a site may not.
fn decoded(text: &str) -> String {
    let mut out = String::new();
    let mut units = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("\\u") {
        out.push_str(&rest[..at]);
        units.clear();
        rest = &rest[at..];
        while let Some(hex) = rest.strip_prefix("\\u").and_then(|rest| rest.get(..4)) {
            units.push(u16::from_str_radix(hex, 16).unwrap());
            rest = &rest[6..];
        }
        out.push_str(&String::from_utf16_lossy(&units));
    }
    out + rest
}

fn escaped(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

pub(crate) fn each_changes_what_the_other_wrote_and_leaves_the_rest(sites: &Sites) {
    let mut visitor = sites.visitor();
    for (first, second) in BOTH_WAYS {
        visitor.browser.cookies.clear();
        visitor.send(
            first,
            "POST",
            "/api/session",
            r#"{"kept":1.0,"changed":1,"removed":[1],"big":99999999999999999999}"#,
        );
        let key = visitor.key();
        visitor.send(second, "PUT", "/api/session/changed", r#""now text""#);
        visitor.send(second, "DELETE", "/api/session/removed", "");
        visitor.send(first, "PUT", "/api/session/added", "null");
        let expected = r#"{"kept":1.0,"changed":"now text","big":99999999999999999999,"added":null}"#;
        assert_eq!(visitor.data(second), expected);
        assert_eq!(visitor.data(first), expected);
        if sites.place.engine.keeps_sessions() {
            assert_eq!(visitor.key(), key, "nobody changed the key");
        }
    }
}

pub(crate) fn the_test_cookie_works_across(sites: &Sites) {
    let mut visitor = sites.visitor();
    for (first, second) in BOTH_WAYS {
        visitor.browser.cookies.clear();
        visitor.send(first, "POST", "/api/session/set_test_cookie", "");
        let worked = visitor.send(second, "GET", "/api/session/test_cookie_worked", "");
        assert_eq!(worked, json!({"test_cookie_worked": true}));
        visitor.send(second, "POST", "/api/session/delete_test_cookie", "");
        let worked = visitor.send(first, "GET", "/api/session/test_cookie_worked", "");
        assert_eq!(worked, json!({"test_cookie_worked": false}));
    }
}

pub(crate) fn the_json_interface_answers_alike(sites: &Sites) {
    let mut visitor = sites.visitor();
    let scripts: [(&str, &str, &str); 12] = [
        ("GET", "/api/untouched", ""),
        ("GET", "/api/session", ""),
        ("DELETE", "/api/session/absent", ""),
        ("PUT", "/api/session/a", "1"),
        ("PUT", "/api/session/a", "not JSON"),
        ("POST", "/api/session", "[1]"),
        ("POST", "/api/session", r#"{"b":2}"#),
        ("POST", "/api/session/clear", ""),
        ("POST", "/api/session/set_expiry", r#"{"seconds":60}"#),
        ("POST", "/api/session/delete_test_cookie", ""),
        ("GET", "/api/status/503", ""),
        ("POST", "/api/session/flush", ""),
    ];
    let mut answers = Vec::new();
    for side in [OnDjango, OnRust] {
        visitor.browser.cookies.clear();
        let run = |(method, path, body): (&str, &str, &str)| {
            let answer = visitor.on(side).send(method, path, &[("Content-Type", "application/json")], body);
            let mut json: Value = serde_json::from_str(&answer.body).unwrap_or_default();
            if let Some(object) = json.as_object_mut() {
                // The moment differs, and so may the words of an error.
                object.remove("expiry_date");
                object.entry("error").and_modify(|text| *text = Value::Bool(true));
            }
            let sets = answer.header("set-cookie").map(|cookie| cookie.contains("Max-Age=0"));
            (path.to_owned(), answer.status, json, sets, answer.header("vary").map(str::to_owned))
        };
        answers.push(scripts.map(run));
    }
    for (django, rust) in answers[0].iter().zip(&answers[1]) {
        assert_eq!(django, rust);
    }
}
