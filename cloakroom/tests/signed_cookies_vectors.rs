//! The signed_cookies engine against golden vectors made by Django.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloakroom::{Clock, SessionError, SessionStore, Settings, Timestamp};
use serde_json::Value;
use support::{DEFLATED_FROM, Report, data, moment, same_data, secret, text, vectors};

/// A store whose clock is set by hand.
struct Site {
    store: SessionStore,
    now: Arc<Mutex<Timestamp>>,
}

impl Site {
    fn new(vector: &Value) -> Self {
        let mut settings = Settings::new().secret_key(secret(vector)).time_zone("UTC");
        for fallback in vector["fallbacks"].as_array().into_iter().flatten() {
            settings = settings.secret_key_fallback(STANDARD.decode(text(&fallback["b64"])).unwrap());
        }
        if let Some(age) = vector["cookie_age"].as_f64() {
            settings = settings.session_cookie_age(age);
        }
        let now = Arc::new(Mutex::new(Timestamp::UNIX_EPOCH));
        let read = Arc::clone(&now);
        let store = SessionStore::signed_cookies(settings).unwrap();
        Self { store: store.with_clock(Clock::new(move || *read.lock().unwrap())), now }
    }

    fn at(&self, seconds: &Value) {
        *self.now.lock().unwrap() = moment(seconds);
    }
}

#[tokio::test]
async fn every_vector_of_signed_cookies_holds() {
    let vectors = vectors("signed_cookies");
    let mut report = Report::default();
    for vector in &vectors {
        report.begin(vector);
        let site = Site::new(vector);
        match text(&vector["op"]) {
            "save" => save(&mut report, vector, &site).await,
            "load" => load(&mut report, vector, &site).await,
            "ops" => ops(&mut report, vector, &site).await,
            op => report.fail(&format!("unknown op {op}")),
        }
    }
    report.finish(vectors.len());
}

async fn save(report: &mut Report, vector: &Value, site: &Site) {
    site.at(&vector["now"]);
    let session = site.store.session(None).load().await.unwrap();
    for (name, value) in data(&vector["value_json"]).items() {
        session.set_json(&name, value);
    }
    session.asave().await.unwrap();
    let key = session.session_key().unwrap();
    report.check("modified", session.modified(), true);
    if text(&vector["value_json"]).len() < DEFLATED_FROM {
        report.check("compressed", key.as_str().starts_with('.'), false);
    } else {
        report.check("compressed", Some(key.as_str().starts_with('.')), vector["compressed"].as_bool());
    }
    same_data(report, "cookie", &site.store, key.as_str(), text(&vector["session_key"]));
    // And Django's own text is read.
    let theirs = site.store.decode(text(&vector["session_key"])).unwrap();
    report.check("decoded", theirs.to_json(), text(&vector["value_json"]).to_owned());
}

/// Whether a session says that it has ended, of what Django still loads: D5.
async fn ended_by_itself(vector: &Value, site: &Site) -> bool {
    let Ok(data) = site.store.decode(text(&vector["session_key"])) else { return false };
    let age = vector["ages"]["get_expiry_age"]["ok"].as_f64();
    let seconds = data.get::<f64>("_session_expiry").ok().flatten();
    match seconds {
        Some(seconds) => seconds > 0.0 && vector["now"].as_f64().unwrap() - signed_at(vector) > seconds,
        None => data.contains("_session_expiry") && age.is_some_and(|age| age < 0.0),
    }
}

fn signed_at(vector: &Value) -> f64 {
    let stamp = text(&vector["session_key"]).rsplit(':').nth(1).unwrap();
    let digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    stamp.chars().fold(0.0, |sum, digit| sum * 62.0 + digits.find(digit).unwrap() as f64)
}

async fn load(report: &mut Report, vector: &Value, site: &Site) {
    site.at(&vector["now"]);
    let session = site.store.session_from_cookie(vector["session_key"].as_str());
    let (before, after) = (&vector["before"], &vector["after"]);
    report.check("accessed before", Some(session.accessed()), before["accessed"].as_bool());
    report.check("modified before", Some(session.modified()), before["modified"].as_bool());
    report.check("is_empty before", Some(session.is_empty()), before["is_empty"].as_bool());

    session.akeys().await.unwrap();
    let held = session.load().await.unwrap().data().to_json();
    let key = session.session_key().map(|key| key.as_str().to_owned());
    report.check("accessed", Some(session.accessed()), after["accessed"].as_bool());
    let nothing = ("{}".to_owned(), None, true);
    let found = (held.clone(), key.clone(), session.is_empty());
    if ended_by_itself(vector, site).await {
        report.excuse("D5");
        report.check("ended", (found, session.modified()), (nothing, true));
    } else if vector["result"]["error"] == "AttributeError" {
        report.excuse("D30");
        report.check("no dictionary", (found, session.modified()), (nothing, true));
    } else if after["modified"] == true {
        // Django keeps the text and replaces it by a signed `{}`.
        report.excuse("D23");
        report.check("failed", (found, session.modified()), (nothing, true));
        report.check("nothing in Django either", Some("{}"), vector["result"]["ok"].as_str());
    } else {
        report.check("data", Some(held.as_str()), vector["result"]["ok"].as_str());
        report.check("session key", key.as_deref(), after["session_key"].as_str());
        report.check("is_empty", Some(session.is_empty()), after["is_empty"].as_bool());
        report.check("modified", Some(session.modified()), after["modified"].as_bool());
        let ages = &vector["ages"];
        report.check("age", session.aget_expiry_age().await.ok(), ages["get_expiry_age"]["ok"].as_f64());
        let at_close = session.aget_expire_at_browser_close().await.ok();
        report.check("browser close", at_close, ages["get_expire_at_browser_close"]["ok"].as_bool());
    }
}

async fn ops(report: &mut Report, vector: &Value, site: &Site) {
    let session = site.store.session_from_cookie(vector["start_key"].as_str());
    report.check("start", site.store.decode(text(&vector["start_key"])).unwrap(), data(&vector["value_json"]));
    for step in vector["steps"].as_array().unwrap() {
        site.at(&step["now"]);
        let op = text(&step["op"]);
        let done: Result<(), SessionError> = match op {
            "set" => session.aset(text(&vector["set"][0]), &vector["set"][1]).await,
            "read" => session.akeys().await.map(drop),
            "save" => session.asave().await,
            "create" => session.acreate().await,
            "cycle_key" => session.acycle_key().await,
            "delete" => session.adelete().await,
            "flush" => session.aflush().await,
            "clear" => session.load().await.map(|session| session.clear()),
            // Only the clock has moved on.
            "later" => Ok(()),
            op => panic!("unknown step {op}"),
        };
        report.check(op, done.is_ok(), true);
        let key = session.session_key().map(|key| key.as_str().to_owned());
        match (&key, step["session_key"].as_str()) {
            (Some(key), Some(expected)) => same_data(report, &format!("key after {op}"), &site.store, key, expected),
            (key, expected) => report.check(&format!("key after {op}"), key.as_deref(), expected),
        }
        report.check(&format!("modified after {op}"), Some(session.modified()), step["modified"].as_bool());
        report.check(&format!("is_empty after {op}"), Some(session.is_empty()), step["is_empty"].as_bool());
    }
}
