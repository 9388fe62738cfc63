//! What a save leaves in the cache.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::place::{Backend, Place};
use crate::support::{Report, data, moment, rows_of, same_rows, text};

/// How many values came out as the very bytes that Django wrote.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) values: usize,
    pub(crate) same_bytes: usize,
}

pub(crate) async fn run(report: &mut Report, tally: &mut Tally, vector: &Value, place: &Place) {
    let store = &place.store;
    let mut session = store.session(None).load().await.unwrap();
    if vector["mode"] == "update" {
        session.asave().await.unwrap();
        session = store.session(session.session_key().as_ref()).load().await.unwrap();
    }
    let expected = vector["stored"].is_object().then(|| value_of(&vector["stored"], place.backend));
    match vector["value_json"].as_str() {
        Some(_) => {
            for (name, value) in data(&vector["value_json"]).items() {
                session.set_json(&name, value);
            }
        }
        // Python's own values come out of a session that Django wrote.
        None => {
            session.asave().await.unwrap();
            let key = session.session_key().unwrap();
            let mut put = vector["stored"].clone();
            put["cache_key"] = Value::from(Place::full_key(vector, key.as_str()));
            place.evict(text(&put["cache_key"]));
            place.put(&put);
            session = store.session(Some(&key)).load().await.unwrap();
            session.set_modified(true);
        }
    }
    // D13: where Django mixes naive and aware moments it raises.
    let mixed = text(&vector["result"]["error"]) == "TypeError";
    let saved = session.asave().await;
    if mixed {
        report.excuse("D13");
        return report.check("saved", saved.is_ok(), true);
    }
    report.check("saved", saved.is_ok(), vector["result"]["error"].is_null());
    let key = session.session_key().map(|key| key.as_str().to_owned());
    report.check("session key", key.as_deref(), vector["session_key"].as_str());
    let full = Place::full_key(vector, &key.unwrap_or_default());
    report.check("cache key", full.as_str(), text(&vector["cache_key"]));

    let found = place.get(&full);
    let found_value = found.as_ref().map(|kept| kept.value.clone());
    match (&found_value, &expected) {
        (Some(found), Some(expected)) => {
            tally.values += 1;
            // In cached_db the row's version stands behind the end.
            tally.same_bytes += usize::from(found.starts_with(expected));
            report.check("value", place.shown(found).await, place.shown(expected).await);
            if vector["value_json"].is_null() {
                report.check("Python's own values", found.starts_with(expected), true);
            }
        }
        (found, expected) => report.check("stored", found.is_some(), expected.is_some()),
    }
    if let Some(kept) = found {
        check_end(report, vector, place, kept.end);
    }
    if vector["engine"] == "cached_db" {
        same_rows(report, "rows", store, &place.database.rows(), &rows_of(&vector["db_rows"]));
    }
}

fn value_of(stored: &Value, backend: Backend) -> Vec<u8> {
    let base64 = match backend {
        Backend::File => text(&stored["value_pickle_b64"]),
        Backend::Db => text(&stored["value"]),
        _ => text(&stored["data_b64"]),
    };
    STANDARD.decode(base64).unwrap()
}

fn check_end(report: &mut Report, vector: &Value, place: &Place, end: Option<f64>) {
    let now = moment(&vector["now"]).as_seconds() as f64;
    let (ttl, stored) = (&vector["ttl"], &vector["stored"]);
    let (expected, slack) = match place.backend {
        Backend::Redis => (ttl["value"].as_f64(), 2.0),
        Backend::DjangoRedis => (ttl["value"].as_f64().map(|millis| millis / 1_000.0), 2.0),
        // What lies beyond 30 days is a moment.
        Backend::Memcached => {
            (ttl["exptime"].as_f64().map(|told| if told > 2_592_000.0 { told - now } else { told }), 2.0)
        }
        // Of a session that ends at a moment, Django takes whole seconds from now.
        Backend::File if text(&vector["name"]).contains("iso") => (stored["expiry"].as_f64(), 1.0),
        Backend::File => (stored["expiry"].as_f64(), 0.000_001),
        Backend::Db => {
            let told: jiff::civil::DateTime = text(&stored["expires"]).replace(' ', "T").parse().unwrap();
            (Some(jiff::tz::TimeZone::UTC.to_timestamp(told).unwrap().as_second() as f64), 1.0)
        }
    };
    let close = matches!((end, expected), (Some(end), Some(expected)) if (end - expected).abs() <= slack);
    report.check(&format!("end {end:?} against {expected:?}"), close || (end, expected) == (None, None), true);
}
