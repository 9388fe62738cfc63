//! Keys that change, and ones that are made up.

use std::sync::Arc;

use cloakroom::EngineName;

use crate::support::sites::{BOTH_WAYS, OnDjango, OnRust, Sites};

pub(crate) fn a_rotated_secret_works_with_fallbacks_on_both_sides(sites: &Sites) {
    const OLD: &str = "the-old-secret-that-both-sites-had-until-yesterday-evening";
    let rotated = [("SECRET_KEY_FALLBACKS", OLD)];
    let not_yet = [("SECRET_KEY", OLD)];
    let name = sites.place.engine.name();
    // A copy in a cache is not signed: the rows are to be read.
    let forget = |sites: &Sites, key: &str| {
        if name == EngineName::CachedDb {
            sites.place.cache().forget(&format!("django.contrib.sessions.cached_db{key}"));
        }
    };
    // First one side has the new secret, then the other.
    for (side, django, rust) in [(OnDjango, &not_yet, &rotated), (OnRust, &rotated, &not_yet)] {
        let sites = sites.elsewhere(django, rust);
        let mut visitor = sites.visitor();
        visitor.send(side, "PUT", "/api/session/name", r#""Ada""#);
        let other = if side == OnDjango { OnRust } else { OnDjango };
        forget(&sites, &visitor.key());
        assert_eq!(visitor.data(other), r#"{"name":"Ada"}"#, "signed with the old secret by {side:?}");
        // What the rotated side writes, the other cannot verify, and must not destroy if it is ours.
        visitor.send(other, "PUT", "/api/session/name", r#""Bob""#);
        if side == OnRust {
            let cookies = visitor.browser.cookies.clone();
            forget(&sites, &visitor.key());
            // What a cache alone keeps is signed by nobody.
            let readable = name == EngineName::Cache;
            assert_eq!(visitor.data(OnRust), if readable { r#"{"name":"Bob"}"# } else { "{}" });
            visitor.browser.cookies = cookies;
            assert_eq!(visitor.data(OnDjango), r#"{"name":"Bob"}"#, "the row was destroyed");
        }
    }
    // Both have it, and still read what was signed with the old one.
    let before = sites.elsewhere(&not_yet, &rotated);
    let mut visitor = before.visitor();
    visitor.send(OnDjango, "PUT", "/api/session/name", r#""Ada""#);
    let cookies = visitor.browser.cookies.clone();
    forget(&before, &visitor.key());
    let place = Arc::clone(&before.place);
    drop(before);
    let sites = Sites::start(place, &rotated, &rotated);
    let mut visitor = sites.visitor();
    for side in [OnDjango, OnRust] {
        visitor.browser.cookies.clone_from(&cookies);
        assert_eq!(visitor.data(side), r#"{"name":"Ada"}"#);
    }
}

pub(crate) fn a_cookie_that_was_changed_is_worth_nothing(sites: &Sites) {
    let mut visitor = sites.visitor();
    for (first, second) in BOTH_WAYS {
        visitor.browser.cookies.clear();
        visitor.send(first, "PUT", "/api/session/name", r#""Ada""#);
        let cookies = visitor.browser.cookies.clone();
        let last = if cookies[0].1.ends_with('a') { 'b' } else { 'a' };
        visitor.browser.cookies[0].1.pop();
        visitor.browser.cookies[0].1.push(last);
        assert_eq!(visitor.data(second), "{}", "{second:?} took it");
        visitor.browser.cookies = cookies;
        assert_eq!(visitor.data(second), r#"{"name":"Ada"}"#);
    }
}
