//! The JSON interface, over real sockets.

mod support;

use serde_json::json;
use support::Demo;

#[test]
fn a_session_is_changed_and_described() {
    let demo = Demo::start(&[]);
    let mut browser = demo.browser();
    let empty = browser.get("/api/session").json();
    assert_eq!(empty["data"], json!({}));
    assert_eq!(empty["accessed"], true);
    assert_eq!(empty["modified"], false);
    assert_eq!(empty["expiry_age"], json!(1_209_600));
    assert_eq!(empty["expire_at_browser_close"], false);
    assert_eq!(empty["engine"], "db");
    assert!(browser.cookies.is_empty(), "looking creates nothing");

    let set = browser.send("PUT", "/api/session/name", &[], "\"Ada\"");
    assert_eq!(set.json()["modified"], true);
    assert_eq!(set.header("vary"), Some("Cookie"));
    assert_eq!(set.header("cache-control"), Some("private"));
    browser.send("POST", "/api/session", &[], r#"{"a": 1, "b": [2.50]}"#);
    let shown = browser.get("/api/session");
    assert!(shown.body.contains("2.50"), "a float goes out as it came in: {}", shown.body);
    assert_eq!(shown.json()["data"], json!({"name": "Ada", "a": 1, "b": [2.5]}));
    browser.send("DELETE", "/api/session/a", &[], "");
    assert_eq!(browser.get("/api/session").json()["data"], json!({"name": "Ada", "b": [2.5]}));
    assert_eq!(browser.send("DELETE", "/api/session/a", &[], "").status, 404);
}

#[test]
fn json_is_pythons() {
    let demo = Demo::start(&[]);
    let mut browser = demo.browser();
    let body = "\u{feff} {\"big\": 123456789012345678901234567890, \"n\": NaN, \"é\": \"\\ud83d\"} ";
    assert_eq!(browser.send("POST", "/api/session", &[], body).status, 200);
    let shown = browser.get("/api/session").body;
    assert!(shown.contains(r#""big": 123456789012345678901234567890, "n": NaN, "\u00e9": "\ud83d""#), "{shown}");
}

#[test]
fn the_method_decides_whether_a_name_is_an_action() {
    let demo = Demo::start(&[]);
    let mut browser = demo.browser();
    for name in ["flush", "a/b", "%C3%A9", "test_cookie_worked"] {
        assert_eq!(browser.send("PUT", &format!("/api/session/{name}"), &[], "1").status, 200, "{name}");
    }
    let data = browser.get("/api/session").json();
    assert_eq!(data["data"], json!({"flush": 1, "a/b": 1, "é": 1, "test_cookie_worked": 1}));
    assert_eq!(browser.send("POST", "/api/session/name", &[], "1").status, 404);
    assert_eq!(browser.get("/api/session/flush").status, 404);
    assert_eq!(browser.get("/api/nothing").status, 404);
    assert_eq!(browser.send("DELETE", "/api/session", &[], "").status, 405);
}

#[test]
fn flush_clear_and_cycle_key() {
    let demo = Demo::start(&[]);
    let mut browser = demo.browser();
    browser.send("PUT", "/api/session/name", &[], "1");
    let first = browser.key().map(str::to_owned);
    assert_eq!(browser.send("POST", "/api/session/cycle_key", &[], "").status, 200);
    let second = browser.key().map(str::to_owned);
    assert!(first.is_some() && second.is_some() && first != second);
    let mut stale = demo.browser();
    stale.cookies = vec![("cloakroom_demo_sessionid".into(), first.expect("a key"))];
    assert_eq!(stale.get("/api/session").json()["data"], json!({}), "the old key is dead");
    assert!(stale.cookies.is_empty(), "and its cookie is removed");

    assert_eq!(browser.send("POST", "/api/session/clear", &[], "").json()["data"], json!({}));
    assert_eq!(browser.key().map(str::to_owned), second);
    assert_eq!(browser.send("POST", "/api/session/flush", &[], "").status, 200);
    assert!(browser.cookies.is_empty());
}

#[test]
fn expiry_by_seconds_by_moment_and_by_policy() {
    let demo = Demo::start(&[]);
    let mut browser = demo.browser();
    let mut set = |body: &str| browser.send("POST", "/api/session/set_expiry", &[], body);
    assert_eq!(set(r#"{"seconds": 300}"#).json()["expiry_age"], json!(300));
    assert_eq!(set(r#"{"seconds": 0}"#).json()["expire_at_browser_close"], true);
    assert_eq!(set(r#"{"seconds": 1.5}"#).json()["expiry_age"], json!(1.5));
    let moment = "2040-01-17T11:36:34+05:45";
    assert_eq!(set(&format!(r#"{{"at": "{moment}"}}"#)).json()["expiry_date"], moment);
    assert_eq!(set("{}").json()["expiry_age"], json!(1_209_600));
    let bad = [
        r#"{"seconds": true}"#,
        r#"{"seconds": "5"}"#,
        r#"{"seconds": NaN}"#,
        r#"{"seconds": 1e300}"#,
        r#"{"at": "tomorrow"}"#,
        r#"{"at": 5}"#,
        r#"{"seconds": 1, "at": "2040-01-01"}"#,
        "[]",
        "",
    ];
    for body in bad {
        let answer = set(body);
        assert_eq!(answer.status, 400, "{body}: {}", answer.body);
        assert!(answer.json()["error"].is_string());
    }
    assert_eq!(browser.get("/api/session").json()["expiry_age"], json!(1_209_600));
}

#[test]
fn the_test_cookie() {
    let demo = Demo::start(&[]);
    let mut browser = demo.browser();
    let worked = |browser: &mut support::Browser| browser.get("/api/session/test_cookie_worked").json();
    assert_eq!(worked(&mut browser)["test_cookie_worked"], false);
    assert_eq!(browser.send("POST", "/api/session/delete_test_cookie", &[], "").status, 404);
    browser.send("POST", "/api/session/set_test_cookie", &[], "");
    assert_eq!(worked(&mut browser)["test_cookie_worked"], true);
    assert_eq!(browser.send("POST", "/api/session/delete_test_cookie", &[], "").status, 200);
    assert_eq!(worked(&mut browser)["test_cookie_worked"], false);
}

#[test]
fn untouched_says_nothing_about_the_session() {
    let demo = Demo::start(&[]);
    let mut browser = demo.browser();
    browser.send("PUT", "/api/session/name", &[], "1");
    let answer = browser.get("/api/untouched");
    assert_eq!(answer.json(), json!({"untouched": true}));
    assert_eq!((answer.header("set-cookie"), answer.header("vary")), (None, None));
}

#[test]
fn bodies_that_are_no_json_or_too_large_are_refused() {
    let demo = Demo::start(&[]);
    let mut browser = demo.browser();
    for body in ["", "{", "nope", "[1,]"] {
        let answer = browser.send("PUT", "/api/session/x", &[], body);
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.json()["error"].as_str().is_some_and(|text| text.starts_with("the body is not JSON")));
    }
    assert_eq!(browser.send("POST", "/api/session", &[], "[1]").status, 400);
    let large = format!("\"{}\"", "x".repeat(1024 * 1024));
    assert_eq!(browser.send("PUT", "/api/session/x", &[], &large).status, 413);
    assert!(browser.cookies.is_empty());
}

#[test]
fn test_routes_are_there_only_when_told() {
    let demo = Demo::start(&[]);
    assert_eq!(demo.browser().get("/api/status/200").status, 404);
    let demo = Demo::start(&[("DEMO_TEST_ROUTES", "1")]);
    let mut browser = demo.browser();
    for status in [200, 204, 404, 500, 599] {
        assert_eq!(browser.get(&format!("/api/status/{status}")).status, status);
    }
    assert_eq!(browser.get("/api/session").json()["data"], json!({"status": 404}), "no save with a 5xx");
    for bad in ["199", "600", "99999999999"] {
        assert_eq!(browser.get(&format!("/api/status/{bad}")).status, 400);
    }
    assert_eq!(browser.get("/api/status/teapot").status, 404);
    assert_eq!(browser.send("POST", "/api/slow_set/a?ms=x", &[], "1").status, 400);
}

#[test]
fn slow_requests_keep_what_others_saved() {
    let demo = Demo::start(&[("DEMO_TEST_ROUTES", "1")]);
    let mut browser = demo.browser();
    browser.send("PUT", "/api/session/first", &[], "0");
    let mut other = demo.browser();
    other.cookies = browser.cookies.clone();
    let slow = std::thread::spawn(move || other.send("POST", "/api/slow_set/slow?ms=400", &[], "1").status);
    std::thread::sleep(std::time::Duration::from_millis(150));
    browser.send("PUT", "/api/session/quick", &[], "2");
    assert_eq!(slow.join().expect("an answer"), 200);
    assert_eq!(browser.get("/api/session").json()["data"], json!({"first": 0, "quick": 2, "slow": 1}));
}

#[test]
fn without_use_tz_dates_are_naive_as_in_django() {
    let demo = Demo::start(&[("USE_TZ", "False"), ("TIME_ZONE", "Asia/Kolkata"), ("SESSION_ENGINE", "memory")]);
    let shown = demo.browser().get("/api/session").json();
    let date = shown["expiry_date"].as_str().expect("a date");
    assert!(!date.contains('+') && date.contains('T'), "{date}");
    assert_eq!(shown["engine"], "memory");
}
