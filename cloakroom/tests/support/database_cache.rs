//! What is asked of the database cache on each database.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use cloakroom::storage::{
    CacheKey, DatabaseCacheStorage, Expect, Insert, New, Remove, Replace, Storage, StorageError, Touch,
};
use cloakroom::{Clock, Timestamp};
use serde_json::Value;

use crate::django_cache::NAME;
use crate::support::{Report, moment, text, vectors};

/// How a test looks into the table: the text of value and expiry, and putting them there.
pub trait Rows {
    async fn get(&self, key: &str) -> Option<(String, String)>;
    async fn put(&self, key: &str, value: &str, expires: &str);
}

pub fn at(storage: &DatabaseCacheStorage, seconds: i64) -> DatabaseCacheStorage {
    storage.by_clock(&Clock::new(move || Timestamp::from_seconds(seconds).unwrap())).unwrap()
}

fn until(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

pub async fn an_expired_entry_reads_as_nothing_and_makes_room(storage: &DatabaseCacheStorage) {
    let early = at(storage, 1_999_999_999);
    let ends = Timestamp::from_micros(2_000_000_000_700_000).unwrap();
    assert!(matches!(early.insert(NAME, New::of(b"old", ends)).await.unwrap(), Insert::Inserted(_)));
    assert_eq!(early.insert(NAME, New::of(b"other", ends)).await.unwrap(), Insert::Exists);
    let stored = at(storage, 2_000_000_000).read(NAME).await.unwrap().unwrap();
    assert_eq!(stored.expires, Some(until(2_000_000_000)), "the second alone is kept");
    let late = at(storage, 2_000_000_001);
    assert!(late.read(NAME).await.unwrap().is_none());
    assert!(matches!(late.insert(NAME, New::of(b"new", until(2_000_001_000))).await.unwrap(), Insert::Inserted(_)));
    assert_eq!(late.insert(NAME, New::of(b"newer", ends)).await.unwrap(), Insert::Exists);
    let stored = late.read(NAME).await.unwrap().unwrap();
    assert_eq!(stored.data, "new");
    assert_eq!(late.remove_expired(until(2_000_001_000), 10).await.unwrap(), 0);
    assert_eq!(late.remove_expired(until(2_000_001_001), 10).await.unwrap(), 1);
    assert!(early.read(NAME).await.unwrap().is_none());
}

/// A marker takes any place, also that of what never ends.
pub async fn a_marker_takes_any_place(storage: &DatabaseCacheStorage) {
    for ends in [Timestamp::MAX, until(1_000)] {
        storage.bury(NAME, New::of(b"first", ends)).await.unwrap();
        storage.bury(NAME, New::of(b"marker", until(4_000_000_000))).await.unwrap();
        assert_eq!(storage.read(NAME).await.unwrap().unwrap().data, "marker");
        assert_eq!(storage.insert(NAME, New::of(b"back", Timestamp::MAX)).await.unwrap(), Insert::Exists);
        assert_eq!(storage.remove(NAME, Expect::Anything).await.unwrap(), Remove::Removed);
    }
}

/// Prefixes of all alphabets, and one that is too long.
pub async fn keys_are_kept_whole(storage: &DatabaseCacheStorage) {
    let new = New::of(b"x", until(4_000_000_000));
    for prefix in ["shop", "\u{5e0}\u{de}", "a'b\"c`d\\", "%s ? $1", "\u{1f600}"] {
        let storage = storage.clone().with_key(CacheKey::new(prefix, "1"));
        let Insert::Inserted(version) = storage.insert(NAME, new).await.unwrap() else { panic!("{prefix} is taken") };
        assert!(storage.read(NAME).await.unwrap().is_some(), "{prefix}");
        let answer = storage.touch(NAME, Expect::Version(&version), until(4_000_000_001)).await.unwrap();
        assert_eq!(answer, Touch::Touched, "{prefix}");
    }
    let long = storage.clone().with_key(CacheKey::new(&"x".repeat(250), "1"));
    assert!(matches!(long.insert(NAME, new).await, Err(StorageError::NotDone(_))));
    assert!(long.read(NAME).await.unwrap().is_none());
}

pub async fn what_is_no_base64_is_damaged_and_stays(storage: &DatabaseCacheStorage, rows: &impl Rows) {
    let key = CacheKey::default().of(NAME);
    rows.put(&key, "****", "2090-01-01 00:00:00").await;
    assert!(matches!(storage.read(NAME).await, Err(StorageError::Damaged(_))));
    let new = New::of(b"x", until(4_000_000_000));
    assert_eq!(storage.insert(NAME, new).await.unwrap(), Insert::Exists);
    assert_eq!(rows.get(&key).await.unwrap().0, "****");
    assert!(matches!(storage.replace(NAME, Expect::Anything, new).await.unwrap(), Replace::Replaced(_)));
    assert_eq!(rows.get(&key).await.unwrap().0, "eA==");
}

/// Key, base64 and expiry of each row as Django writes it, and its rows read.
pub async fn rows_are_djangos(storage: &DatabaseCacheStorage, rows: &impl Rows) {
    let mut report = Report::default();
    for vector in vectors("cache").iter().filter(|vector| vector["backend"] == "db" && vector["op"] == "save") {
        report.begin(vector);
        let (stored, full) = (&vector["stored"], text(&vector["cache_key"]));
        if stored.is_null() {
            assert!(!vector["result"]["error"].is_null());
            continue;
        }
        let (storage, name) = as_in(storage, vector);
        let value = cloakroom_base64(text(&stored["value"]));
        let ends: jiff::civil::DateTime = text(&stored["expires"]).replace(' ', "T").parse().unwrap();
        let ends = Timestamp::from(ends.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp());
        // Django drops the fraction.
        let ends = Timestamp::from_micros(ends.as_micros() + 999_999).unwrap();
        let inserted = storage.insert(&name, New::of(&value, ends)).await.unwrap();
        report.check("inserted", matches!(inserted, Insert::Inserted(_)), true);
        let expected = (text(&stored["value"]).to_owned(), text(&stored["expires"]).to_owned());
        report.check("row", rows.get(full).await, Some(expected));
    }
    report.finish(32);

    let mut report = Report::default();
    for vector in vectors("cache").iter().filter(|vector| vector["backend"] == "db" && vector["op"] == "load") {
        report.begin(vector);
        let full = text(&vector["cache_key"]);
        let (storage, name) = as_in(storage, vector);
        let there = !vector["data_b64"].is_null();
        let value = String::from_utf8(cloakroom_base64(text(&vector["data_b64"]))).unwrap();
        if there {
            rows.put(full, &value, text(&vector["expires"])).await;
        }
        let live = there && jiff_moment(text(&vector["expires"])) >= moment(&vector["now"]);
        match storage.read(&name).await {
            Ok(found) => {
                report.check("found", found.is_some(), live);
                if let Some(found) = found {
                    report.check("value", found.data.to_vec(), cloakroom_base64(&value.replace('\n', "")));
                }
            }
            Err(StorageError::Damaged(_)) => report.check("damaged", text(&vector["name"]), "load-db-cache-base64-bad"),
            Err(error) => report.fail(&format!("{error}")),
        }
    }
    report.finish(29);
}

fn jiff_moment(text: &str) -> Timestamp {
    let civil: jiff::civil::DateTime = text.replace(' ', "T").parse().unwrap();
    civil.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().into()
}

fn cloakroom_base64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

/// The storage with the keys and the clock of a vector, and the name there.
fn as_in(storage: &DatabaseCacheStorage, vector: &Value) -> (DatabaseCacheStorage, String) {
    let key = CacheKey::new(text(&vector["key_prefix"]), &vector["version"].to_string());
    let name = key.name_in(text(&vector["cache_key"])).unwrap().to_owned();
    let now = moment(&vector["now"]);
    let storage = storage.clone().with_key(key).by_clock(&Clock::new(move || now)).unwrap();
    (storage, name)
}
