//! The page, used as a browser without JavaScript uses it.

mod support;

use support::Demo;

#[test]
fn the_page_shows_the_session_and_makes_none() {
    let demo = Demo::start(&[("SESSION_SAVE_EVERY_REQUEST", "1")]);
    let mut browser = demo.browser();
    let page = browser.get("/");
    assert_eq!(page.status, 200);
    assert!(page.body.contains("none yet") && page.body.contains("2 weeks"));
    assert!(browser.cookies.is_empty());
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'self'"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(browser.get("/style.css").header("content-type"), Some("text/css; charset=utf-8"));
    for foreign in ["<script", "style=\"", "http://", "https://"] {
        assert!(!page.body.contains(foreign), "{foreign}");
    }
    assert_eq!(browser.get("/nowhere").status, 404);
}

#[test]
fn forms_change_the_session() {
    let demo = Demo::start(&[]);
    let mut browser = demo.browser();
    let page = browser.submit("/do/set", &[("name", "name"), ("value", "\"Ada\""), ("kind", "json")]);
    assert_eq!(page.status, 200);
    assert!(page.body.contains("The member was set.") && page.body.contains("&quot;Ada&quot;"));
    browser.submit("/do/set", &[("name", "note"), ("value", "two\r\nlines"), ("kind", "text")]);
    assert_eq!(browser.get("/api/session").json()["data"]["note"], "two\r\nlines");

    let kept = browser.submit("/do/setdefault", &[("name", "name"), ("value", "1"), ("kind", "json")]);
    assert!(kept.body.contains("kept as it is"));
    let set = browser.submit("/do/setdefault", &[("name", "new"), ("value", "1"), ("kind", "json")]);
    assert!(set.body.contains("set to the default"));
    browser.submit("/do/update", &[("members", r#"{"a": 1, "b\n": 2}"#)]);
    assert!(browser.submit("/do/pop", &[("member", r"b\n")]).body.contains("taken out"));
    assert!(browser.submit("/do/delete", &[("member", "a")]).body.contains("deleted"));
    let again = browser.submit("/do/delete", &[("member", "a")]);
    assert_eq!(again.status, 400);
    assert!(again.body.contains("has no member"));
    for _ in 0..3 {
        browser.submit("/do/visit", &[]);
    }
    let data = browser.get("/api/session").json()["data"].clone();
    let expected = serde_json::json!({"name": "Ada", "note": "two\r\nlines", "new": 1, "visits": 3});
    assert_eq!(data, expected);

    assert!(browser.submit("/do/clear", &[]).body.contains("holds nothing"));
    assert!(browser.key().is_some());
    assert!(browser.submit("/do/flush", &[]).body.contains("none yet"));
    assert!(browser.cookies.is_empty());
}

#[test]
fn the_key_changes_and_only_its_hash_is_shown() {
    let demo = Demo::start(&[]);
    let mut browser = demo.browser();
    let mut bodies = vec![browser.submit("/do/visit", &[]).body];
    let first = browser.key().map(str::to_owned).expect("a key");
    bodies.push(browser.submit("/do/cycle_key", &[]).body);
    let second = browser.key().map(str::to_owned).expect("a key");
    bodies.push(browser.submit("/do/create", &[]).body);
    let third = browser.key().map(str::to_owned).expect("a key");
    bodies.push(browser.get("/").body);
    bodies.push(browser.get("/api/session").body);
    bodies.push(browser.submit("/do/expire_after", &[("seconds", "x")]).body);
    assert!(first != second && second != third);
    for key in [first, second, third] {
        assert!(bodies.iter().all(|body| !body.contains(&key[..12])));
    }
}

#[test]
fn expiry_is_set_by_forms() {
    let demo = Demo::start(&[]);
    let mut browser = demo.browser();
    assert!(browser.submit("/do/expire_after", &[("seconds", "5400")]).body.contains("1 hour, 30 minutes"));
    assert!(
        browser.submit("/do/expire_at", &[("at", "2040-01-17T12:00:00+01:00")]).body.contains("2040-01-17 11:00:00")
    );
    let page = browser.submit("/do/expire_at_browser_close", &[]);
    assert!(page.body.contains("<dt>At browser close</dt><dd>yes</dd>"));
    assert!(browser.submit("/do/expire_by_policy", &[]).body.contains("global policy)"));
}

#[test]
fn the_test_cookie_and_the_storage() {
    let demo = Demo::start(&[]);
    let mut browser = demo.browser();
    assert!(browser.submit("/do/set_test_cookie", &[]).body.contains(r#"<span class="good">worked</span>"#));
    assert!(browser.submit("/do/delete_test_cookie", &[]).body.contains("<dt>Test cookie</dt><dd>not set</dd>"));
    for (action, said) in [
        ("save", "was saved"),
        ("load", "is stored"),
        ("mark_modified", "marked as modified"),
        ("clear_expired", "expired sessions were removed"),
        ("remove", "What was stored"),
    ] {
        let page = browser.submit(&format!("/do/{action}"), &[]);
        assert_eq!(page.status, 200, "{action}");
        assert!(page.body.contains(said), "{action}: {}", page.body);
    }
    assert!(browser.cookies.is_empty(), "what is not stored has no cookie");
    assert_eq!(browser.submit("/do/dance", &[]).status, 404);
}

#[test]
fn what_was_typed_wrongly_comes_back() {
    let demo = Demo::start(&[]);
    let mut browser = demo.browser();
    let page = browser.submit("/do/set", &[("name", "co<lour"), ("value", "gr</textarea>een"), ("kind", "json")]);
    assert_eq!(page.status, 400);
    assert!(page.body.contains(r#"role="alert">This cannot be read as JSON"#), "{}", page.body);
    assert!(page.body.contains("co&lt;lour") && page.body.contains("gr&lt;/textarea&gt;een"));
    let page = browser.submit("/do/expire_at", &[("at", "next \"Tuesday\"")]);
    assert!(page.status == 400 && page.body.contains("next &quot;Tuesday&quot;"));
    let page = browser.submit("/do/update", &[("members", "[1]")]);
    assert!(page.status == 400 && page.body.contains("one JSON object"));
    let page = browser.submit("/do/set", &[("name", "_session_expiry"), ("value", "\"never\""), ("kind", "json")]);
    assert!(page.status == 400 && page.body.contains("Nothing was changed"), "{}", page.body);
    assert!(browser.cookies.is_empty(), "nothing was stored");
    browser.send("PUT", "/api/session/visits", &[], "\"many\"");
    let page = browser.submit("/do/visit", &[]);
    assert!(page.status == 400 && page.body.contains("visits"), "{}", page.body);
}

#[test]
fn nothing_in_the_session_becomes_html() {
    let demo = Demo::start(&[]);
    let mut browser = demo.browser();
    let evil = r#"<script>alert('1')</script>"#;
    let body = format!(r#"{{"{evil}": "{evil}", "\" onclick=\"x": "\" onclick=\"x"}}"#);
    browser.send("POST", "/api/session", &[], &body);
    let page = browser.get("/?done=%3Cscript%3E").body;
    assert!(!page.contains("<script") && !page.contains("alert('1')") && !page.contains("\" onclick=\""), "{page}");
    assert!(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"));
}

#[test]
fn requests_from_other_sites_are_refused() {
    let demo = Demo::start(&[]);
    let mut browser = demo.browser();
    browser.submit("/do/visit", &[]);
    let other_port = ("Origin", "http://127.0.0.1:1");
    for header in [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site"), ("Origin", "null"), other_port] {
        assert_eq!(browser.send("POST", "/do/flush", &[header], "").status, 403, "{header:?}");
        let answer = browser.send("PUT", "/api/session/x", &[header], "1");
        assert_eq!((answer.status, answer.json()["error"].is_string()), (403, true));
        assert_eq!(browser.send("DELETE", "/api/session/visits", &[header], "").status, 403);
        assert_eq!(browser.send("GET", "/", &[header], "").status, 200);
    }
    let origin = format!("http://{}", demo.address);
    assert_eq!(browser.send("PUT", "/api/session/x", &[("Origin", &origin)], "1").status, 200);
    assert_eq!(browser.get("/api/session").json()["data"], serde_json::json!({"visits": 1, "x": 1}));
}
