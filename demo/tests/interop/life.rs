//! How sessions end.

use std::thread;
use std::time::Duration;

use cloakroom::SessionStore;
use serde_json::json;

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

        visitor.send(first, "POST", "/api/session/set_expiry", r#"{"at":"2100-01-01T12:00:00+02:00"}"#);
        let session = visitor.send(second, "GET", "/api/session", "");
        assert_eq!(session["data"]["_session_expiry"], "2100-01-01T12:00:00+02:00");
        assert!(session["expiry_age"].as_f64().unwrap() > 1e9);

        visitor.send(first, "POST", "/api/session/set_expiry", "{}");
        let session = visitor.send(second, "GET", "/api/session", "");
        assert_eq!(session["data"], json!({"name": "Ada"}));

        visitor.send(first, "POST", "/api/session/set_expiry", r#"{"seconds":3}"#);
        assert_eq!(visitor.data(second), r#"{"name":"Ada","_session_expiry":3}"#);
        thread::sleep(Duration::from_millis(3_100));
        // Django leaves this to the browser where sessions are files (B-108) or cookies (B-127).
        if sites.place.engine.is_database() || second == OnRust {
            assert_eq!(visitor.data(second), "{}", "it lived on, on {second:?}");
        } else {
            assert_eq!(visitor.data(second), r#"{"name":"Ada","_session_expiry":3}"#);
        }
    }
}

/// At a moment: Django never ends a session file that is to live for a number of seconds (B-108).
fn expire_in(visitor: &mut Visitor<'_>, side: Side, seconds: u32) {
    let session = visitor.send(side, "POST", "/api/session/set_expiry", &json!({"seconds": seconds}).to_string());
    let moment = json!({"at": session["expiry_date"]});
    visitor.send(side, "POST", "/api/session/set_expiry", &moment.to_string());
}

pub(crate) fn djangos_clearsessions_and_ours_remove_the_same(sites: &Sites) {
    let sites = sites.elsewhere(&[], &[]);
    let mut visitor = sites.visitor();
    let store = SessionStore::open(sites.place.settings()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for remover in [OnDjango, OnRust] {
        let before = sites.place.count();
        for side in [OnDjango, OnRust] {
            for seconds in [1, 3_600] {
                visitor.browser.cookies.clear();
                visitor.send(side, "PUT", "/api/session/name", r#""Ada""#);
                expire_in(&mut visitor, side, seconds);
            }
        }
        assert_eq!(sites.place.count(), before + 4);
        thread::sleep(Duration::from_millis(1_100));
        match remover {
            OnDjango => drop(sites.place.manage(&["clearsessions"])),
            OnRust => assert_eq!(runtime.block_on(store.clear_expired()).unwrap(), 2),
        }
        assert_eq!(sites.place.count(), before + 2, "removed by {remover:?}");
    }
}

pub(crate) fn without_use_tz_both_write_naive_local_time(sites: &Sites) {
    let local = [("USE_TZ", "False"), ("TIME_ZONE", "Asia/Kolkata")];
    let sites = sites.elsewhere(&local, &local);
    let mut visitor = sites.visitor();
    for (first, second) in BOTH_WAYS {
        visitor.browser.cookies.clear();
        visitor.send(first, "PUT", "/api/session/name", r#""Ada""#);
        visitor.send(first, "POST", "/api/session/set_expiry", r#"{"at":"2100-01-01T12:00:00"}"#);
        let session = visitor.send(second, "GET", "/api/session", "");
        assert_eq!(session["data"], json!({"name": "Ada", "_session_expiry": "2100-01-01T12:00:00"}));
        expire_in(&mut visitor, first, 1);
        thread::sleep(Duration::from_millis(1_100));
        // B-127: Django leaves it to the browser.
        if sites.place.engine.keeps_sessions() || second == OnRust {
            assert_eq!(visitor.data(second), "{}");
        }
    }
}
