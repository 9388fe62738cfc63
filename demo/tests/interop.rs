//! A live Django site and the demo on one database and one secret: each reads and changes the other's sessions.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use support::django::manage;
use support::sites::{BOTH_WAYS, OnDjango, OnRust, SECRET, Sites, shared};
use support::{Browser, Demo};

/// When a slow request has loaded its session and is far from saving it, also where the machine is busy.
const HALF_WAY: Duration = Duration::from_secs(1);

#[test]
fn what_one_writes_the_other_reads() {
    let Some(mut sites) = Sites::start(&[]) else { return };
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
        sites.browser.cookies.clear();
        for (name, value) in &values {
            let path = format!("/api/session/{}", escaped(name));
            sites.send(writer, "PUT", &path, value);
        }
        let (written, read) = (sites.data(writer), sites.data(reader));
        assert_eq!(unquoted(&written), unquoted(&read), "written by {writer:?}");
        let engine = sites.send(reader, "GET", "/api/session", "")["engine"].clone();
        assert_eq!(engine, "db");
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

#[test]
fn each_changes_what_the_other_wrote_and_leaves_the_rest() {
    let Some(mut sites) = Sites::start(&[]) else { return };
    for (first, second) in BOTH_WAYS {
        sites.browser.cookies.clear();
        sites.send(
            first,
            "POST",
            "/api/session",
            r#"{"kept":1.0,"changed":1,"removed":[1],"big":99999999999999999999}"#,
        );
        let key = sites.key();
        sites.send(second, "PUT", "/api/session/changed", r#""now text""#);
        sites.send(second, "DELETE", "/api/session/removed", "");
        sites.send(first, "PUT", "/api/session/added", "null");
        let expected = r#"{"kept":1.0,"changed":"now text","big":99999999999999999999,"added":null}"#;
        assert_eq!(sites.data(second), expected);
        assert_eq!(sites.data(first), expected);
        assert_eq!(sites.key(), key, "nobody changed the key");
    }
}

#[test]
fn a_flush_on_one_side_ends_the_session_on_the_other() {
    let Some(mut sites) = Sites::start(&[]) else { return };
    for (first, second) in BOTH_WAYS {
        sites.browser.cookies.clear();
        sites.send(first, "PUT", "/api/session/name", r#""Ada""#);
        let stolen = sites.browser.cookies.clone();
        sites.send(second, "POST", "/api/session/flush", "");
        assert!(sites.browser.cookies.is_empty(), "the cookie was not removed by {second:?}");
        sites.browser.cookies = stolen;
        assert_eq!(sites.data(first), "{}", "the old key still works on {first:?}");
        assert!(sites.browser.cookies.is_empty());
    }
}

#[test]
fn a_changed_key_is_dead_on_both_sides() {
    let Some(mut sites) = Sites::start(&[]) else { return };
    for (first, second) in BOTH_WAYS {
        sites.browser.cookies.clear();
        sites.send(first, "PUT", "/api/session/name", r#""Ada""#);
        let old = sites.browser.cookies.clone();
        sites.send(second, "POST", "/api/session/cycle_key", "");
        assert_ne!(sites.browser.cookies, old);
        assert_eq!(sites.data(first), r#"{"name":"Ada"}"#);
        sites.browser.cookies = old;
        assert_eq!(sites.data(first), "{}");
    }
}

#[test]
fn an_expiry_set_on_one_side_holds_on_the_other() {
    let Some(mut sites) = Sites::start(&[]) else { return };
    for (first, second) in BOTH_WAYS {
        sites.browser.cookies.clear();
        sites.send(first, "PUT", "/api/session/name", r#""Ada""#);
        sites.send(first, "POST", "/api/session/set_expiry", r#"{"seconds":300}"#);
        let session = sites.send(second, "GET", "/api/session", "");
        assert_eq!((&session["expiry_age"], &session["expire_at_browser_close"]), (&json!(300), &json!(false)));

        sites.send(first, "POST", "/api/session/set_expiry", r#"{"seconds":0}"#);
        let session = sites.send(second, "GET", "/api/session", "");
        assert_eq!((&session["expiry_age"], &session["expire_at_browser_close"]), (&json!(1_209_600), &json!(true)));

        sites.send(first, "POST", "/api/session/set_expiry", r#"{"at":"2100-01-01T12:00:00+02:00"}"#);
        let session = sites.send(second, "GET", "/api/session", "");
        assert_eq!(session["data"]["_session_expiry"], "2100-01-01T12:00:00+02:00");
        assert!(session["expiry_age"].as_f64().unwrap() > 1e9);

        sites.send(first, "POST", "/api/session/set_expiry", "{}");
        let session = sites.send(second, "GET", "/api/session", "");
        assert_eq!(session["data"], json!({"name": "Ada"}));

        sites.send(first, "POST", "/api/session/set_expiry", r#"{"seconds":3}"#);
        assert_eq!(sites.data(second), r#"{"name":"Ada","_session_expiry":3}"#);
        thread::sleep(Duration::from_millis(3_100));
        assert_eq!(sites.data(second), "{}", "it lived on, on {second:?}");
    }
}

#[test]
fn the_test_cookie_works_across() {
    let Some(mut sites) = Sites::start(&[]) else { return };
    for (first, second) in BOTH_WAYS {
        sites.browser.cookies.clear();
        sites.send(first, "POST", "/api/session/set_test_cookie", "");
        let worked = sites.send(second, "GET", "/api/session/test_cookie_worked", "");
        assert_eq!(worked, json!({"test_cookie_worked": true}));
        sites.send(second, "POST", "/api/session/delete_test_cookie", "");
        let worked = sites.send(first, "GET", "/api/session/test_cookie_worked", "");
        assert_eq!(worked, json!({"test_cookie_worked": false}));
    }
}

#[test]
fn the_json_interface_answers_alike() {
    let Some(mut sites) = Sites::start(&[]) else { return };
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
        sites.browser.cookies.clear();
        let run = |(method, path, body): (&str, &str, &str)| {
            let answer = sites.on(side).send(method, path, &[("Content-Type", "application/json")], body);
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

#[test]
fn a_rotated_secret_works_with_fallbacks_on_both_sides() {
    const OLD: &str = "the-old-secret-that-both-sites-had-until-yesterday-evening";
    let rotated: [(&'static str, &'static str); 1] = [("SECRET_KEY_FALLBACKS", OLD)];
    let not_yet: [(&'static str, &'static str); 1] = [("SECRET_KEY", OLD)];
    // First one side has the new secret, then the other.
    for (side, django, rust) in [(OnDjango, &not_yet, &rotated), (OnRust, &rotated, &not_yet)] {
        let Some(mut sites) = Sites::start_apart(django, rust) else { return };
        sites.send(side, "PUT", "/api/session/name", r#""Ada""#);
        let other = if side == OnDjango { OnRust } else { OnDjango };
        assert_eq!(sites.data(other), r#"{"name":"Ada"}"#, "signed with the old secret by {side:?}");
        // What the rotated side writes, the other cannot verify, and must not destroy if it is ours.
        sites.send(other, "PUT", "/api/session/name", r#""Bob""#);
        if side == OnRust {
            let cookies = sites.browser.cookies.clone();
            assert_eq!(sites.data(OnRust), "{}");
            sites.browser.cookies = cookies;
            assert_eq!(sites.data(OnDjango), r#"{"name":"Bob"}"#, "the row was destroyed");
        }
    }
    // Both have it, and still read what was signed with the old one.
    let Some(mut sites) = Sites::start_apart(&not_yet, &rotated) else { return };
    sites.send(OnDjango, "PUT", "/api/session/name", r#""Ada""#);
    let cookies = sites.browser.cookies.clone();
    let Sites { django, demo, .. } = sites;
    drop(django);
    let Some(mut sites) = Sites::start_in(demo.stop(), &rotated, &rotated) else { return };
    for side in [OnDjango, OnRust] {
        sites.browser.cookies.clone_from(&cookies);
        assert_eq!(sites.data(side), r#"{"name":"Ada"}"#);
    }
}

#[test]
fn migrate_from_either_side_leaves_the_other_nothing_to_do() {
    let variables = shared(&[]);
    let folder = tempfile::tempdir().unwrap();
    let Some(_) = manage(folder.path(), &variables, &["migrate", "--verbosity", "0"]) else { return };
    let before = schema(folder.path());
    let folder = Demo::start_in(folder, &variables).stop();
    assert_eq!(schema(folder.path()), before, "the demo changed what Django had made");

    let folder = Demo::start_in(tempfile::tempdir().unwrap(), &variables).stop();
    assert_eq!(schema(folder.path()), before, "the demo makes other tables than Django");
    let said = manage(folder.path(), &variables, &["migrate"]).unwrap();
    assert!(said.contains("No migrations to apply"), "{said}");
    let plan = manage(folder.path(), &variables, &["showmigrations"]).unwrap();
    assert!(plan.contains("[X] 0001_initial"), "{plan}");
    assert_eq!(schema(folder.path()), before);
}

fn schema(folder: &Path) -> Vec<(String, Option<String>)> {
    let connection = rusqlite::Connection::open(folder.join("shared.sqlite3")).unwrap();
    let sql = "SELECT name, sql FROM sqlite_master ORDER BY name";
    let mut statement = connection.prepare(sql).unwrap();
    let mut found: Vec<_> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    let sql = "SELECT app || '.' || name FROM django_migrations ORDER BY id";
    let mut statement = connection.prepare(sql).unwrap();
    found.extend(statement.query_map([], |row| Ok((row.get(0)?, None))).unwrap().map(Result::unwrap));
    found
}

#[test]
fn djangos_clearsessions_and_ours_remove_the_same() {
    let variables = shared(&[]);
    let Some(mut sites) = Sites::start(&[]) else { return };
    for side in [OnDjango, OnRust] {
        for seconds in [1, 3_600] {
            sites.browser.cookies.clear();
            sites.send(side, "PUT", "/api/session/name", r#""Ada""#);
            sites.send(side, "POST", "/api/session/set_expiry", &format!("{{\"seconds\":{seconds}}}"));
        }
    }
    thread::sleep(Duration::from_millis(1_100));
    let file = sites.demo.folder.path().join("shared.sqlite3");
    let count = || -> i64 {
        let connection = rusqlite::Connection::open(&file).unwrap();
        connection.query_row("SELECT count(*) FROM django_session", [], |row| row.get(0)).unwrap()
    };
    let copy = sites.demo.folder.path().join("copy.sqlite3");
    std::fs::copy(&file, &copy).unwrap();
    manage(sites.demo.folder.path(), &variables, &["clearsessions"]).unwrap();
    assert_eq!(count(), 2);
    let storage = cloakroom::storage::sqlite::SqliteOptions::new(&copy).open().unwrap();
    let store = cloakroom::SessionStore::db(storage, cloakroom::Settings::new().secret_key(SECRET)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(runtime.block_on(store.clear_expired()).unwrap(), 2);
}

#[test]
fn without_use_tz_both_write_naive_local_time() {
    let local = [("USE_TZ", "False"), ("TIME_ZONE", "Asia/Kolkata")];
    let Some(mut sites) = Sites::start(&local) else { return };
    for (first, second) in BOTH_WAYS {
        sites.browser.cookies.clear();
        sites.send(first, "PUT", "/api/session/name", r#""Ada""#);
        sites.send(first, "POST", "/api/session/set_expiry", r#"{"at":"2100-01-01T12:00:00"}"#);
        let session = sites.send(second, "GET", "/api/session", "");
        assert_eq!(session["data"], json!({"name": "Ada", "_session_expiry": "2100-01-01T12:00:00"}));
        sites.send(first, "POST", "/api/session/set_expiry", r#"{"seconds":1}"#);
        thread::sleep(Duration::from_millis(1_100));
        assert_eq!(sites.data(second), "{}");
    }
}

#[test]
fn rust_never_overwrites_what_django_changed_in_between() {
    let Some(mut sites) = Sites::start(&[]) else { return };
    sites.send(OnRust, "PUT", "/api/session/name", r#""Ada""#);
    let mut slow = Browser { address: sites.demo.address.clone(), cookies: sites.browser.cookies.clone() };
    let slow = thread::spawn(move || slow.send("POST", "/api/slow_set/rust?ms=4000", &[], "1").status);
    thread::sleep(HALF_WAY);
    sites.send(OnDjango, "PUT", "/api/session/django", "1");
    assert_eq!(slow.join().unwrap(), 200);
    assert_eq!(sites.data(OnDjango), r#"{"name":"Ada","django":1,"rust":1}"#);
}

#[test]
fn a_logout_on_django_wins_over_a_slow_request_on_rust() {
    let Some(mut sites) = Sites::start(&[]) else { return };
    sites.send(OnRust, "PUT", "/api/session/name", r#""Ada""#);
    let cookies = sites.browser.cookies.clone();
    let mut slow = Browser { address: sites.demo.address.clone(), cookies: cookies.clone() };
    let slow = thread::spawn(move || slow.send("POST", "/api/slow_set/rust?ms=4000", &[], "1").status);
    thread::sleep(HALF_WAY);
    sites.send(OnDjango, "POST", "/api/session/flush", "");
    assert_eq!(slow.join().unwrap(), 400);
    sites.browser.cookies = cookies;
    assert_eq!(sites.data(OnDjango), "{}");
}

/// Django saves whole sessions without looking (D12): a change of ours between its load and its save is lost.
/// This holds what the documentation says of it.
#[test]
fn django_still_overwrites_what_rust_changed_in_between() {
    let Some(mut sites) = Sites::start(&[]) else { return };
    sites.send(OnRust, "PUT", "/api/session/name", r#""Ada""#);
    let mut slow = Browser { address: sites.django.address.clone(), cookies: sites.browser.cookies.clone() };
    let slow = thread::spawn(move || slow.send("POST", "/api/slow_set/django?ms=4000", &[], "1").status);
    thread::sleep(HALF_WAY);
    sites.send(OnRust, "PUT", "/api/session/rust", "1");
    assert_eq!(slow.join().unwrap(), 200);
    assert_eq!(sites.data(OnRust), r#"{"name":"Ada","django":1}"#);
}
