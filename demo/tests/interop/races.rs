//! A request that loads a session, takes its time and saves it, while the other site changes or ends it.

use std::thread;
use std::time::Duration;

use crate::support::sites::{OnDjango, OnRust, Sites};

/// When a slow request has loaded its session and is far from saving it, also where the machine is busy.
const HALF_WAY: Duration = Duration::from_secs(4);

pub(crate) fn rust_never_overwrites_what_django_changed_in_between(sites: &Sites) {
    let mut visitor = sites.visitor();
    visitor.send(OnRust, "PUT", "/api/session/name", r#""Ada""#);
    let mut slow = visitor.twin(OnRust);
    let slow = thread::spawn(move || slow.send("POST", "/api/slow_set/rust?ms=8000", &[], "1").status);
    thread::sleep(HALF_WAY);
    visitor.send(OnDjango, "PUT", "/api/session/django", "1");
    assert_eq!(slow.join().unwrap(), 200);
    assert_eq!(visitor.data(OnDjango), r#"{"name":"Ada","django":1,"rust":1}"#);
}

pub(crate) fn a_logout_on_django_wins_over_a_slow_request_on_rust(sites: &Sites) {
    let mut visitor = sites.visitor();
    visitor.send(OnRust, "PUT", "/api/session/name", r#""Ada""#);
    let cookies = visitor.browser.cookies.clone();
    let mut slow = visitor.twin(OnRust);
    let slow = thread::spawn(move || slow.send("POST", "/api/slow_set/rust?ms=8000", &[], "1").status);
    thread::sleep(HALF_WAY);
    visitor.send(OnDjango, "POST", "/api/session/flush", "");
    assert_eq!(slow.join().unwrap(), 400);
    visitor.browser.cookies = cookies;
    assert_eq!(visitor.data(OnDjango), "{}");
}

/// Django finds nothing that it could save over, and says so.
pub(crate) fn a_logout_on_rust_wins_over_a_slow_request_on_django(sites: &Sites) {
    let mut visitor = sites.visitor();
    visitor.send(OnDjango, "PUT", "/api/session/name", r#""Ada""#);
    let cookies = visitor.browser.cookies.clone();
    let mut slow = visitor.twin(OnDjango);
    let slow = thread::spawn(move || slow.send("POST", "/api/slow_set/django?ms=8000", &[], "1").status);
    thread::sleep(HALF_WAY);
    visitor.send(OnRust, "POST", "/api/session/flush", "");
    assert_eq!(slow.join().unwrap(), 400);
    for side in [OnRust, OnDjango] {
        visitor.browser.cookies.clone_from(&cookies);
        assert_eq!(visitor.data(side), "{}");
    }
}

/// Django saves whole sessions without looking (D12): a change of ours between its load and its save is lost.
/// This holds what the documentation says of it.
pub(crate) fn django_still_overwrites_what_rust_changed_in_between(sites: &Sites) {
    let mut visitor = sites.visitor();
    visitor.send(OnRust, "PUT", "/api/session/name", r#""Ada""#);
    let mut slow = visitor.twin(OnDjango);
    let slow = thread::spawn(move || slow.send("POST", "/api/slow_set/django?ms=8000", &[], "1").status);
    thread::sleep(HALF_WAY);
    visitor.send(OnRust, "PUT", "/api/session/rust", "1");
    assert_eq!(slow.join().unwrap(), 200);
    assert_eq!(visitor.data(OnRust), r#"{"name":"Ada","django":1}"#);
}
