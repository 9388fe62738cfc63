//! What the vector tests share: the file, a report of all that failed, a database as Django left it.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::needless_pass_by_value, clippy::unwrap_used)]

#[cfg(feature = "file")]
pub mod files;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloakroom::storage::sqlite::SqliteOptions;
use cloakroom::storage::{SqliteStorage, Storage};
use cloakroom::{Clock, KeySource, SessionData, SessionKey, SessionStore, Settings, Timestamp};
use serde_json::Value;

/// All vectors of a kind, from the file that `CLOAKROOM_VECTORS` names or the repository's own.
pub fn vectors(kind: &str) -> Vec<Value> {
    let path = std::env::var("CLOAKROOM_VECTORS")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/django-5.2.json").into());
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let file: Value = serde_json::from_str(&text).unwrap();
    let of_kind = |vector: &&Value| vector["kind"] == kind;
    file["vectors"].as_array().unwrap().iter().filter(of_kind).cloned().collect()
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub fn secret(vector: &Value) -> Vec<u8> {
    STANDARD.decode(text(&vector["secret_b64"])).unwrap()
}

/// Unix seconds as the vectors hold them: round to microseconds.
pub fn moment(value: &Value) -> Timestamp {
    Timestamp::from_micros((value.as_f64().unwrap() * 1e6).round() as i64).unwrap()
}

/// Collects failures and excuses, and shows them all before it fails.
#[derive(Default)]
pub struct Report {
    name: String,
    run: usize,
    failures: Vec<String>,
    excused: BTreeMap<&'static str, Vec<String>>,
}

impl Report {
    /// The part of a vector that contradicts one of the deliberate differences (`docs/django.md`).
    pub fn excuse(&mut self, number: &'static str) {
        let names = self.excused.entry(number).or_default();
        if names.last() != Some(&self.name) {
            names.push(self.name.clone());
        }
    }

    pub fn begin(&mut self, vector: &Value) {
        self.name = text(&vector["name"]).to_owned();
        self.run += 1;
    }

    pub fn check<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: T, expected: T) {
        if found != expected {
            self.failures.push(format!("{}: {what}: {found:?}, expected {expected:?}", self.name));
        }
    }

    pub fn fail(&mut self, what: &str) {
        self.failures.push(format!("{}: {what}", self.name));
    }

    pub fn finish(self, expected: usize) {
        for (number, names) in &self.excused {
            println!("{number} excuses a part of {}: {}", names.len(), names.join(" "));
        }
        println!("{} vectors run", self.run);
        assert!(self.failures.is_empty(), "{} failures:\n{}", self.failures.len(), self.failures.join("\n"));
        assert!(self.run > 0, "no vectors were run");
        assert_eq!(self.run, expected, "vectors were left out");
    }
}

/// A row of `django_session` as raw text.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub key: String,
    pub data: String,
    pub expires: String,
    pub types: Vec<String>,
}

pub fn rows_of(value: &Value) -> Vec<Row> {
    let row = |row: &Value| Row {
        key: text(&row["session_key"]).into(),
        data: text(&row["session_data"]).into(),
        expires: text(&row["expire_date"]).into(),
        types: row["types"].as_array().into_iter().flatten().map(|name| text(name).to_owned()).collect(),
    };
    let mut rows: Vec<Row> = value.as_array().into_iter().flatten().map(row).collect();
    rows.sort_by(|a, b| a.key.cmp(&b.key));
    rows
}

/// A SQLite database with Django's tables.
pub struct Database {
    folder: tempfile::TempDir,
    pub storage: SqliteStorage,
}

impl Database {
    pub async fn new(settings: &Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteOptions::new(folder.path().join("db.sqlite3"))
            .create(true)
            .wal(true)
            .time_zone(settings.naive_time_zone().unwrap());
        let storage = options.open().unwrap();
        storage.migrate().await.unwrap();
        Self { folder, storage }
    }

    pub fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("db.sqlite3")
    }

    pub fn connect(&self) -> rusqlite::Connection {
        let connection = rusqlite::Connection::open(self.path()).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
        connection
    }

    pub fn put(&self, rows: &[Row]) {
        let connection = self.connect();
        for row in rows {
            let values = (&row.key, &row.data, &row.expires);
            connection.execute("INSERT INTO django_session VALUES (?, ?, ?)", values).unwrap();
        }
    }

    pub fn rows(&self) -> Vec<Row> {
        let connection = self.connect();
        let sql = "SELECT session_key, session_data, expire_date, typeof(session_key), typeof(session_data), \
                   typeof(expire_date) FROM django_session ORDER BY session_key";
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| {
            Ok(Row {
                key: row.get(0)?,
                data: row.get(1)?,
                expires: row.get(2)?,
                types: vec![row.get(3)?, row.get(4)?, row.get(5)?],
            })
        });
        rows.unwrap().map(Result::unwrap).collect()
    }
}

/// The store that a vector asks for: its clock stands still, and its keys are known beforehand.
pub fn store(vector: &Value, storage: impl Storage, settings: Settings) -> SessionStore {
    at_its_moment(vector, SessionStore::db(storage, settings).unwrap())
}

pub fn at_its_moment(vector: &Value, store: SessionStore) -> SessionStore {
    let now = moment(&vector["now"]);
    let keys = vector["generated_keys"].as_array().into_iter().flatten();
    let keys: VecDeque<SessionKey> = keys.map(|key| text(key).parse().unwrap()).collect();
    let keys = Arc::new(Mutex::new(keys));
    let source = KeySource::new(move || keys.lock().unwrap().pop_front().unwrap_or_else(SessionKey::generate));
    store.with_clock(Clock::new(move || now)).with_key_source(source)
}

/// Whether two rows are alike: the data may have been deflated by another deflate.
pub fn same_rows(report: &mut Report, what: &str, store: &SessionStore, found: &[Row], expected: &[Row]) {
    let keys = |rows: &[Row]| rows.iter().map(|row| row.key.clone()).collect::<Vec<_>>();
    report.check(&format!("{what}, keys"), keys(found), keys(expected));
    for (found, expected) in found.iter().zip(expected) {
        report.check(&format!("{what}, expire_date"), &found.expires, &expected.expires);
        if !expected.types.is_empty() {
            report.check(&format!("{what}, types"), &found.types, &expected.types);
        }
        same_data(report, what, store, &found.data, &expected.data);
    }
}

/// Less session data is not deflated (D66), in bytes of JSON.
pub const DEFLATED_FROM: usize = 512;

pub fn same_data(report: &mut Report, what: &str, store: &SessionStore, found: &str, expected: &str) {
    if found == expected {
        return;
    }
    // Near the length where it stops to pay, another deflate may pack what Python's leaves as it is.
    let alike = found.len().abs_diff(expected.len()) <= 8;
    let packed = found.starts_with('.') && expected.starts_with('.');
    let small = !found.starts_with('.') && expected.starts_with('.') && found.len() < DEFLATED_FROM * 4 / 3 + 60;
    if small {
        report.excuse("D66");
    }
    if !(alike || packed || small) {
        report.fail(&format!("{what}, session_data: {found}, expected {expected}"));
        return;
    }
    let signed_at = |text: &str| text.rsplit(':').nth(1).map(str::to_owned);
    report.check(&format!("{what}, signed at"), signed_at(found), signed_at(expected));
    let json = |text: &str| store.decode(text).map(|data| data.to_json()).map_err(|error| error.to_string());
    report.check(&format!("{what}, data"), json(found), json(expected));
}

pub fn data(json: &Value) -> SessionData {
    SessionData::from_json(text(json)).unwrap()
}
