//! How sessions end.

use std::thread;
use std::time::{Duration, Instant};

use cloakroom::{EngineName, SessionStore};
use serde_json::json;

use crate::support::place::engine::Front;
use crate::support::sites::{BOTH_WAYS, OnDjango, OnRust, Side, Sites, Visitor};

pub(crate) fn a_flush_on_one_side_ends_the_session_on_the_other(sites: &Sites) {
    let mut visitor = sites.visitor();
    for (first, second) in BOTH_WAYS {
        visitor.browser.cookies.clear();
        visitor.send(first, "PUT", "/api/session/name", r#""Ada""#);
        let stolen = visitor.browser.cookies.clone();
        visitor.send(second, "POST", "/api/session/flush", "");
        assert!(visitor.browser.cookies.is_empty(), "the cookie was not removed by {second:?}");
        visitor.browser.cookies = stolen;
        if sites.place.engine.keeps_sessions() {
            assert_eq!(visitor.data(first), "{}", "the old key still works on {first:?}");
            assert!(visitor.browser.cookies.is_empty());
        } else {
            // Nothing on the server could tell (B-126).
            assert_eq!(visitor.data(first), r#"{"name":"Ada"}"#);
        }
    }
}

pub(crate) fn a_changed_key_is_dead_on_both_sides(sites: &Sites) {
    let mut visitor = sites.visitor();
    for (first, second) in BOTH_WAYS {
        visitor.browser.cookies.clear();
        visitor.send(first, "PUT", "/api/session/name", r#""Ada""#);
        let old = visitor.browser.cookies.clone();
        visitor.send(second, "POST", "/api/session/cycle_key", "");
        assert_ne!(visitor.browser.cookies, old);
        assert_eq!(visitor.data(first), r#"{"name":"Ada"}"#);
        visitor.browser.cookies = old;
        assert_eq!(visitor.data(first), "{}");
    }
}

pub(crate) fn an_expiry_set_on_one_side_holds_on_the_other(sites: &Sites) {
    let mut visitor = sites.visitor();
    for (first, second) in BOTH_WAYS {
        visitor.browser.cookies.clear();
        visitor.send(first, "PUT", "/api/session/name", r#""Ada""#);
        visitor.send(first, "POST", "/api/session/set_expiry", r#"{"seconds":300}"#);
        let session = visitor.send(second, "GET", "/api/session", "");
        assert_eq!((&session["expiry_age"], &session["expire_at_browser_close"]), (&json!(300), &json!(false)));

        visitor.send(first, "POST", "/api/session/set_expiry", r#"{"seconds":0}"#);
        let session = visitor.send(second, "GET", "/api/session", "");
        assert_eq!((&session["expiry_age"], &session["expire_at_browser_close"]), (&json!(1_209_600), &json!(true)));

        // memcached keeps moments in 31 bits, so not beyond January 2038.
        visitor.send(first, "POST", "/api/session/set_expiry", r#"{"at":"2035-01-01T12:00:00+02:00"}"#);
        let session = visitor.send(second, "GET", "/api/session", "");
        assert_eq!(session["data"]["_session_expiry"], "2035-01-01T12:00:00+02:00");
        assert!(session["expiry_age"].as_f64().unwrap() > 1e8);

        visitor.send(first, "POST", "/api/session/set_expiry", "{}");
        let session = visitor.send(second, "GET", "/api/session", "");
        assert_eq!(session["data"], json!({"name": "Ada"}));

        visitor.send(first, "POST", "/api/session/set_expiry", r#"{"seconds":3}"#);
        assert_eq!(visitor.data(second), r#"{"name":"Ada","_session_expiry":3}"#);
        thread::sleep(Duration::from_millis(3_100));
        // Django leaves this to the browser where sessions are files (B-108) or cookies (B-127).
        if sites.place.engine.ends_sessions() || second == OnRust {
            assert_eq!(visitor.data(second), "{}", "it lived on, on {second:?}");
        } else {
            assert_eq!(visitor.data(second), r#"{"name":"Ada","_session_expiry":3}"#);
        }
    }
}

/// At a moment where sessions are files: Django never ends a session file that is to live for a number of seconds (B-108).
fn expire_in(visitor: &mut Visitor<'_>, side: Side, seconds: u32) {
    let session = visitor.send(side, "POST", "/api/session/set_expiry", &json!({"seconds": seconds}).to_string());
    if visitor.sites.place.engine.ends_sessions() {
        return;
    }
    let moment = json!({"at": session["expiry_date"]});
    visitor.send(side, "POST", "/api/session/set_expiry", &moment.to_string());
}

pub(crate) fn djangos_clearsessions_and_ours_remove_the_same(sites: &Sites) {
    let sites = sites.elsewhere(&[], &[]);
    let mut visitor = sites.visitor();
    // B-103: a cache ends its entries itself.
    let clears = sites.place.engine.name() != EngineName::Cache;
    let store = SessionStore::open(sites.place.settings()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for remover in [OnDjango, OnRust] {
        let before = if clears { sites.place.count() } else { 0 };
        let mut lasting = Vec::new();
        for side in [OnDjango, OnRust] {
            for seconds in [1, 3_600] {
                visitor.browser.cookies.clear();
                visitor.send(side, "PUT", "/api/session/name", r#""Ada""#);
                expire_in(&mut visitor, side, seconds);
                lasting.push((seconds > 1, visitor.browser.cookies.clone()));
            }
        }
        if clears {
            assert_eq!(sites.place.count(), before + 4);
        }
        thread::sleep(Duration::from_millis(1_100));
        match remover {
            OnDjango => drop(sites.place.manage(&["clearsessions"])),
            OnRust => {
                let removed = runtime.block_on(store.clear_expired()).unwrap();
                // Files and rows of a cache are only removed when somebody asks.
                let may_remove = matches!(sites.place.engine.front(), Some(Front::Files | Front::Table));
                assert!(if clears { removed == 2 } else { removed == 0 || may_remove }, "{removed}");
            }
        }
        if clears {
            assert_eq!(sites.place.count(), before + 2, "removed by {remover:?}");
        }
        for (lasts, cookies) in lasting {
            visitor.browser.cookies = cookies;
            assert_eq!(visitor.data(OnRust) != "{}", lasts, "after {remover:?}");
        }
    }
}

pub(crate) fn without_use_tz_both_write_naive_local_time(sites: &Sites) {
    let local = [("USE_TZ", "False"), ("TIME_ZONE", "Asia/Kolkata")];
    let sites = sites.elsewhere(&local, &local);
    let mut visitor = sites.visitor();
    for (first, second) in BOTH_WAYS {
        visitor.browser.cookies.clear();
        visitor.send(first, "PUT", "/api/session/name", r#""Ada""#);
        visitor.send(first, "POST", "/api/session/set_expiry", r#"{"at":"2035-01-01T12:00:00"}"#);
        let session = visitor.send(second, "GET", "/api/session", "");
        assert_eq!(session["data"], json!({"name": "Ada", "_session_expiry": "2035-01-01T12:00:00"}));
        expire_in(&mut visitor, first, 1);
        thread::sleep(Duration::from_millis(1_100));
        // B-127: Django leaves it to the browser.
        if sites.place.engine.keeps_sessions() || second == OnRust {
            assert_eq!(visitor.data(second), "{}");
        }
    }
}

pub(crate) fn an_absolute_life_ends_however_often_django_saves(sites: &Sites) {
    // It began after the clock was looked at.
    const OVER: Duration = Duration::from_secs(12);
    let sites = sites.elsewhere(&[], &[("SESSION_ABSOLUTE_AGE", "10")]);
    let mut visitor = sites.visitor();
    visitor.send(OnDjango, "PUT", "/api/session/name", r#""Ada""#);
    let before = Instant::now();
    let session = visitor.send(OnRust, "GET", "/api/session", "");
    let began = session["data"]["_session_started"].clone();
    assert!(began.is_i64(), "{session}");
    while before.elapsed() < OVER {
        visitor.send(OnDjango, "PUT", "/api/session/visits", "1");
        thread::sleep(Duration::from_millis(500));
    }
    let session = visitor.send(OnDjango, "GET", "/api/session", "");
    assert_eq!(session["data"], json!({"name": "Ada", "_session_started": began, "visits": 1}));
    assert_eq!(visitor.data(OnRust), "{}");
    assert!(visitor.browser.cookies.is_empty());
}

pub(crate) fn within_the_grace_time_an_old_key_is_a_strangers_to_django_and_keeps_its_cookie(sites: &Sites) {
    let sites = sites.elsewhere(&[], &[("SESSION_CYCLE_KEY_GRACE", "600")]);
    let mut visitor = sites.visitor();
    visitor.send(OnDjango, "PUT", "/api/session/name", r#""Ada""#);
    let old = visitor.browser.cookies.clone();
    visitor.send(OnRust, "POST", "/api/session/cycle_key", "");
    let new = visitor.browser.cookies.clone();
    assert_ne!(old, new);

    visitor.browser.cookies.clone_from(&old);
    assert_eq!(visitor.data(OnRust), r#"{"name":"Ada"}"#);
    let session = visitor.send(OnDjango, "GET", "/api/session", "");
    assert_eq!(session["data"].get("name"), None, "{session}");
    assert_eq!(session["data"]["_session_expiry"], 600);
    assert_eq!(visitor.browser.cookies, old, "neither side sets or removes a cookie");

    visitor.browser.cookies.clone_from(&new);
    assert_eq!(visitor.data(OnDjango), r#"{"name":"Ada"}"#);
    visitor.send(OnDjango, "POST", "/api/session/flush", "");
    visitor.browser.cookies = old;
    assert_eq!(visitor.data(OnRust), "{}", "a logout in Django ends it for late requests too");
}
