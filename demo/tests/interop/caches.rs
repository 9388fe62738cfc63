//! What only a cache brings with it: values that JSON has no words for, entries that go, servers that are down.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::sites::{BOTH_WAYS, OnDjango, OnRust, Side, Sites, Visitor};

/// No answer of a site may take longer: a cache is given one second, and there is a second try.
const PATIENCE: Duration = Duration::from_secs(5);

/// The members as Python writes them.
fn python_values(visitor: &mut Visitor<'_>, method: &str) -> Vec<String> {
    let told = visitor.send(OnDjango, method, "/api/python_values", "");
    assert_eq!(told["shared"], json!(true), "one list has become two");
    told["members"].as_array().unwrap().iter().map(|member| member.as_str().unwrap().to_owned()).collect()
}

/// On the Rust site, whose answer holds half a surrogate pair: no text of Rust's.
fn change(visitor: &mut Visitor<'_>, method: &str, path: &str, body: &str) {
    let answer = visitor.on(OnRust).send(method, path, &[], body);
    assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body);
}

pub(crate) fn what_json_has_no_words_for_stays_what_it_is(sites: &Sites) {
    let mut visitor = sites.visitor();
    let mut expected = python_values(&mut visitor, "POST");
    assert!(expected.len() > 15 && expected.iter().any(|member| member.contains("Decimal('1234567890.1234")));
    change(&mut visitor, "PUT", "/api/session/name", r#""Ada""#);
    expected.push("('name', 'Ada')".to_owned());
    expected.sort();
    assert_eq!(python_values(&mut visitor, "GET"), expected);
    // A member of that kind itself is removed or set anew, and the rest stays again.
    change(&mut visitor, "DELETE", "/api/session/uuid", "");
    change(&mut visitor, "PUT", "/api/session/span", "5");
    change(&mut visitor, "POST", "/api/session/cycle_key", "");
    expected.retain(|member| !member.starts_with("('uuid'") && !member.starts_with("('span'"));
    expected.push("('span', 5)".to_owned());
    expected.sort();
    assert_eq!(python_values(&mut visitor, "GET"), expected);
}

/// An answer in time, whatever it is.
fn status(visitor: &mut Visitor<'_>, side: Side, method: &str, path: &str, body: &str) -> u16 {
    let started = Instant::now();
    let status = visitor.on(side).send(method, path, &[], body).status;
    assert!(started.elapsed() < PATIENCE, "{method} {path}: {:?}", started.elapsed());
    status
}

pub(crate) fn a_cache_that_is_down_is_an_error_and_nothing_is_overwritten(sites: &Sites) {
    let sites = sites.with_a_cache_alone();
    let cache = sites.place.cache();
    let mut visitor = sites.visitor();
    visitor.send(OnDjango, "PUT", "/api/session/name", r#""Ada""#);
    let cookies = visitor.browser.cookies.clone();
    let all_fail = |visitor: &mut Visitor<'_>| {
        for (method, path) in [("GET", "/api/session"), ("PUT", "/api/session/name"), ("POST", "/api/session/flush")] {
            assert_eq!(status(visitor, OnRust, method, path, r#""Bob""#), 500, "{method} {path}");
            assert_eq!(visitor.browser.cookies, cookies, "an error changes no cookie");
        }
        assert_eq!(status(visitor, OnRust, "GET", "/api/untouched", ""), 200);
    };
    cache.pause();
    all_fail(&mut visitor);
    cache.resume();
    assert_eq!(visitor.data_soon(OnRust), r#"{"name":"Ada"}"#);
    assert_eq!(visitor.data_soon(OnDjango), r#"{"name":"Ada"}"#);

    cache.stop();
    all_fail(&mut visitor);
    cache.restart();
    // memcached has lost it, which is memcached's to say; that is a session that has ended, not one to be written over.
    let left = visitor.data_soon(OnRust);
    assert!([r#"{"name":"Ada"}"#, "{}"].contains(&&*left), "{left}");
    visitor.send(OnRust, "PUT", "/api/session/again", "1");
    assert!(visitor.data_soon(OnDjango).ends_with(r#""again":1}"#));
}

pub(crate) fn a_logout_removes_the_row_and_the_entry(sites: &Sites) {
    let mut visitor = sites.visitor();
    for (first, second) in BOTH_WAYS {
        visitor.browser.cookies.clear();
        visitor.send(first, "PUT", "/api/session/name", r#""Ada""#);
        let (key, cookies) = (visitor.key(), visitor.browser.cookies.clone());
        let rows = || sites.place.sql(&format!("SELECT count(*) FROM django_session WHERE session_key = '{key}'"));
        assert_eq!(rows(), "1");
        visitor.send(second, "POST", "/api/session/flush", "");
        assert_eq!(rows(), "0");
        for side in [first, second] {
            visitor.browser.cookies.clone_from(&cookies);
            assert_eq!(visitor.data(side), "{}", "ended by {second:?}, read by {side:?}");
        }
        // Nothing of what was said of the key keeps a new session from being made.
        visitor.send(first, "PUT", "/api/session/name", r#""Bob""#);
        assert_ne!(visitor.key(), key);
    }
}

pub(crate) fn nothing_is_lost_when_the_cache_forgets(sites: &Sites) {
    let sites = sites.with_a_cache_alone();
    let cache = sites.place.cache();
    let mut visitor = sites.visitor();
    type Forget = fn(&crate::support::place::cache::Cache);
    let forget: [(&str, Forget); 2] = [
        ("emptied", |cache| cache.empty()),
        ("killed and empty", |cache| {
            cache.kill();
            cache.restart();
            cache.empty();
        }),
    ];
    for (what, forget) in forget {
        for (first, second) in BOTH_WAYS {
            visitor.browser.cookies.clear();
            visitor.send(first, "PUT", "/api/session/name", r#""Ada""#);
            forget(cache);
            assert_eq!(visitor.data_soon(second), r#"{"name":"Ada"}"#, "{what}, read by {second:?}");
            forget(cache);
            assert_eq!(visitor.data_soon(first), r#"{"name":"Ada"}"#);
            visitor.send(first, "PUT", "/api/session/more", "1");
            forget(cache);
            assert_eq!(visitor.data_soon(second), r#"{"name":"Ada","more":1}"#);
        }
    }
}

pub(crate) fn without_its_cache_reads_and_writes_go_on_and_a_logout_is_an_error(sites: &Sites) {
    let sites = sites.with_a_cache_alone();
    let cache = sites.place.cache();
    let mut visitor = sites.visitor();
    visitor.send(OnDjango, "PUT", "/api/session/name", r#""Ada""#);
    let cookies = visitor.browser.cookies.clone();
    cache.stop();
    assert_eq!(visitor.data(OnRust), r#"{"name":"Ada"}"#);
    assert_eq!(status(&mut visitor, OnRust, "PUT", "/api/session/down", "1"), 200);
    assert_eq!(visitor.data(OnRust), r#"{"name":"Ada","down":1}"#);
    assert_eq!(status(&mut visitor, OnRust, "PUT", "/api/session/new", "1"), 200);
    visitor.browser.cookies.clear();
    assert_eq!(status(&mut visitor, OnRust, "PUT", "/api/session/other", "1"), 200);
    let other = std::mem::replace(&mut visitor.browser.cookies, cookies.clone());
    // The row goes; but an old copy might come back with the cache.
    assert_eq!(status(&mut visitor, OnRust, "POST", "/api/session/flush", ""), 500);
    assert_eq!(visitor.browser.cookies, cookies, "the visitor can try it again");

    cache.restart();
    let again = (0..10).any(|_| status(&mut visitor, OnRust, "POST", "/api/session/flush", "") == 200);
    assert!(again, "no logout after the cache has come back");
    for side in [OnRust, OnDjango] {
        visitor.browser.cookies.clone_from(&cookies);
        assert_eq!(visitor.data_soon(side), "{}");
    }
    visitor.browser.cookies = other;
    assert_eq!(visitor.data(OnDjango), r#"{"other":1}"#);
}

/// An entry of Django's has no version of the row behind it (B-134): what each side saves afterwards counts all the same.
pub(crate) fn an_entry_that_django_refills_is_saved_over_by_neither(sites: &Sites) {
    let mut visitor = sites.visitor();
    for (first, second) in BOTH_WAYS {
        visitor.browser.cookies.clear();
        visitor.send(first, "PUT", "/api/session/a", "1");
        let name = format!("django.contrib.sessions.cached_db{}", visitor.key());
        for (number, side) in [(2, second), (3, first), (4, second)] {
            sites.place.cache().forget(&name);
            // Refills it.
            visitor.data(OnDjango);
            let seen: Value = visitor.send(side, "PUT", &format!("/api/session/by{number}"), "1");
            assert_eq!(seen["data"].as_object().unwrap().len(), number, "{seen}");
        }
        assert_eq!(visitor.data(first), r#"{"a":1,"by2":1,"by3":1,"by4":1}"#);
    }
}
