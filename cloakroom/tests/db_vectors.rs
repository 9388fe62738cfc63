//! The db engine on SQLite, PostgreSQL and MariaDB against golden vectors made by Django.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use cloakroom::storage::Storage;
use cloakroom::{Expiry, ExpiryOptions, LazySession, SessionError, SessionKey, SessionStore, Settings};
use serde_json::Value;
use support::{Database, Report, Row, data, moment, rows_of, same_rows, secret, store, text, vectors};

fn settings(vector: &Value) -> Settings {
    let mut settings = Settings::new().secret_key(secret(vector));
    if let Some(zone) = vector["time_zone"].as_str() {
        settings = settings.time_zone(zone);
    }
    if let Some(use_tz) = vector["use_tz"].as_bool() {
        settings = settings.use_tz(use_tz);
    }
    if let Some(age) = vector["cookie_age"].as_f64() {
        settings = settings.session_cookie_age(age);
    }
    settings
}

/// What only other databases and the tables themselves concern is checked elsewhere: `pg_…` with
/// PostgreSQL, the tables in `sqlite_storage.rs`.
fn is_for_this_test(vector: &Value) -> bool {
    matches!(text(&vector["op"]), "save" | "load" | "ops" | "clear_expired" | "manager")
}

/// The table of sessions as somebody else sees it, with moments as SQLite shows them.
trait Table {
    async fn put(&self, rows: &[Row]);
    async fn rows(&self) -> Vec<Row>;
    async fn empty(&self);
    /// A moment, as it is shown after it was put there in a form of SQLite's.
    fn shown(&self, moment: &str) -> String;
}

impl Table for Database {
    async fn put(&self, rows: &[Row]) {
        Database::put(self, rows);
    }

    async fn rows(&self) -> Vec<Row> {
        Database::rows(self)
    }

    async fn empty(&self) {
        self.connect().execute("DELETE FROM django_session", ()).unwrap();
    }

    fn shown(&self, moment: &str) -> String {
        moment.to_owned()
    }
}

/// Runs every vector on the database that `open` makes for it.
async fn run<S: Storage, T: Table>(open: impl AsyncFn(&Settings) -> (S, T)) {
    let vectors: Vec<Value> = vectors("db").into_iter().filter(is_for_this_test).collect();
    let mut report = Report::default();
    for vector in &vectors {
        report.begin(vector);
        let settings = settings(vector);
        let (storage, database) = open(&settings).await;
        let store = store(vector, storage, settings);
        match text(&vector["op"]) {
            "save" => save(&mut report, vector, &store, &database).await,
            "load" => load(&mut report, vector, &store, &database).await,
            "ops" => ops(&mut report, vector, &store, &database).await,
            "clear_expired" => clear_expired(&mut report, vector, &store, &database).await,
            "manager" => manager(&mut report, vector, &store),
            op => report.fail(&format!("unknown op {op}")),
        }
    }
    report.finish(vectors.len());
}

#[tokio::test]
async fn every_db_vector_holds_on_sqlite() {
    run(async |settings| {
        let database = Database::new(settings).await;
        (database.storage.clone(), database)
    })
    .await;
}

fn expiry_of(vector: &Value) -> Option<(Expiry, bool)> {
    let set = vector["set_expiry"].as_array()?;
    Some(match (text(&set[0]), &set[1]) {
        ("seconds", number) if number.is_i64() => (Expiry::from(number.as_i64().unwrap()), false),
        ("seconds", number) => (Expiry::from(number.as_f64().unwrap()), false),
        ("timedelta", number) => (Expiry::from(jiff::SignedDuration::from_secs_f64(number.as_f64().unwrap())), false),
        ("datetime", moment) => {
            let moment = text(moment);
            let naive = !moment.ends_with('Z') && !moment[11..].contains(['+', '-']);
            (Expiry::from_iso(moment).unwrap(), naive)
        }
        ("none", _) => (Expiry::Default, false),
        other => panic!("unknown expiry {other:?}"),
    })
}

async fn save(report: &mut Report, vector: &Value, store: &SessionStore, database: &impl Table) {
    let use_tz = vector["use_tz"].as_bool().unwrap();
    let mut session = store.session(None).load().await.unwrap();
    if vector["mode"] == "update" {
        session.asave().await.unwrap();
        session = store.session(session.session_key().as_ref()).load().await.unwrap();
    }
    let expiry = expiry_of(vector);
    for (name, value) in data(&vector["value_json"]).items() {
        if name != "_session_expiry" || expiry.is_none() {
            session.set_json(&name, value);
        }
    }
    // D13: where Django mixes naive and aware moments, it raises or stores what it cannot compare later.
    let ages = &vector["ages"];
    let mixed = matches!(&expiry, Some((Expiry::At(_), naive)) if *naive == use_tz)
        || ages["get_expiry_age"]["error"] == "TypeError";
    if let Some((expiry, _)) = expiry
        && session.set_expiry(expiry).is_err()
    {
        // Django keeps what is no expiry and fails later.
        report.excuse("D40");
        return report.check("failed later", vector["result"]["error"].is_string(), true);
    }
    if mixed {
        report.excuse("D13");
    } else {
        report.check("age", session.get_expiry_age().ok(), ages["get_expiry_age"]["ok"].as_f64());
        let zone = store.settings().naive_time_zone().unwrap();
        let Some(expected) = ages["get_expiry_date"]["ok"].as_str() else {
            return report.check("date", session.get_expiry_date().is_err(), true);
        };
        // Compared as a moment: the date is answered in UTC.
        let policy = Settings::new().use_tz(zone.is_none()).time_zone(text(&vector["time_zone"]));
        let clock = SessionStore::memory(policy).unwrap();
        let options = ExpiryOptions::new().expiry(Expiry::from_iso(expected).unwrap());
        let expected = clock.session(None).aget_expiry_date_with(&options).await.unwrap();
        report.check("date", session.get_expiry_date().unwrap(), expected);
    }
    report.check(
        "at browser close",
        session.get_expire_at_browser_close().ok(),
        ages["get_expire_at_browser_close"].as_bool(),
    );
    let saved = session.asave().await;
    if vector["result"]["error"].is_string() && mixed {
        report.check("saved", saved.is_ok(), true);
        return;
    }
    report.check("saved", saved.is_ok(), vector["result"]["error"].is_null());
    report.check(
        "session key",
        session.session_key().map(|key| key.as_str().to_owned()).as_deref(),
        vector["session_key"].as_str(),
    );
    let mut expected = rows_of(&vector["rows"]);
    let found = database.rows().await;
    if mixed {
        // The moment is the same; the session holds it with its offset.
        for (expected, found) in expected.iter_mut().zip(&found) {
            expected.data.clone_from(&found.data);
        }
    }
    same_rows(report, "rows", store, &found, &expected);
}

async fn load(report: &mut Report, vector: &Value, store: &SessionStore, database: &impl Table) {
    let key = text(&vector["session_key"]);
    let mut before = rows_of(&Value::Array(vec![vector["stored"].clone()]));
    before[0].key = key.into();
    database.put(&before).await;
    let session = store.session_from_cookie(Some(key));
    let loaded = session.aload().await.map(|data| data.to_json());
    let key_after = session.session_key().map(|key| key.as_str().to_owned());

    let foreign = SessionKey::parse(key).is_err();
    let expires = &before[0].expires;
    let verified = store.decode(&before[0].data).is_ok();
    let live_as_a_moment = moment_of(expires) > moment(&vector["now"]);
    if foreign {
        report.excuse("D11");
        report.check("refused", (loaded.ok(), key_after), (Some("{}".into()), None));
    } else if !verified {
        report.excuse("D14");
        report.check("unverified", (loaded.ok(), key_after), (Some("{}".into()), None));
    } else if expires.contains('T') && !live_as_a_moment {
        report.excuse("D24");
        report.check("ended", (loaded.ok(), key_after), (Some("{}".into()), None));
    } else {
        report.check("data", loaded.ok().as_deref(), vector["result"]["ok"].as_str());
        report.check("key after", key_after.as_deref(), vector["session_key_after"].as_str());
        let exists = session.aexists(&key.parse().unwrap()).await.ok();
        report.check("exists", exists, vector["exists"]["ok"].as_bool());
    }
    report.check("modified", Some(session.modified()), vector["modified"].as_bool());
    let mut after = rows_of(&vector["rows_after"]);
    for row in &mut after {
        row.expires = database.shown(&row.expires);
    }
    same_rows(report, "rows after", store, &database.rows().await, &after);
}

fn moment_of(text: &str) -> cloakroom::Timestamp {
    let Ok(civil) = text.replace(' ', "T").trim_end_matches("+00:00").parse::<jiff::civil::DateTime>() else {
        panic!("{text} is no moment");
    };
    jiff::tz::TimeZone::UTC.to_timestamp(civil).unwrap().into()
}

async fn ops(report: &mut Report, vector: &Value, store: &SessionStore, database: &impl Table) {
    database.put(&rows_of(&vector["rows_before"])).await;
    let session = store.session_from_cookie(vector["start_key"].as_str());
    let (name, value) = (text(&vector["set"][0]), &vector["set"][1]);
    let name_of_vector = text(&vector["name"]);
    let mut cleared_unknown = false;
    for step in vector["steps"].as_array().unwrap() {
        let op = text(&step["op"]);
        let result = apply(op, &session, name, value, database).await;
        // D19: Django clears without loading and finds out at the save that there is no such session.
        cleared_unknown |= op == "clear" && name_of_vector.contains("unknown") && session.session_key().is_none();
        if cleared_unknown {
            report.excuse("D19");
            report.check(op, result.is_ok(), true);
            continue;
        }
        let expected = step["result"]["error"].as_str();
        let found = match &result {
            Ok(()) => None,
            Err(SessionError::UpdateError) => Some("UpdateError"),
            Err(SessionError::CreateError) => Some("CreateError"),
            Err(error) => panic!("{name_of_vector}: {op}: {error}"),
        };
        report.check(op, found, expected);
        let key = session.session_key().map(|key| key.as_str().to_owned());
        report.check(&format!("key after {op}"), key.as_deref(), step["session_key"].as_str());
        report.check(&format!("modified after {op}"), Some(session.modified()), step["modified"].as_bool());
        report.check(&format!("accessed after {op}"), Some(session.accessed()), step["accessed"].as_bool());
        let mut rows = rows_of(&step["rows"]);
        let found = database.rows().await;
        if op == "save" && !session.modified() {
            // D22: an unchanged save moves the expiry and signs nothing anew.
            report.excuse("D22");
            let before = rows_of(&vector["rows_before"]);
            rows[0].data.clone_from(&before[0].data);
        }
        same_rows(report, &format!("rows after {op}"), store, &found, &rows);
    }
}

async fn apply(
    op: &str,
    session: &LazySession,
    name: &str,
    value: &Value,
    database: &impl Table,
) -> Result<(), SessionError> {
    match op {
        "create" => session.acreate().await,
        "set" => session.aset(name, value).await,
        "save" => session.asave().await,
        "save_must_create" => session.asave_must_create().await,
        "load" => session.akeys().await.map(drop),
        "flush" => session.aflush().await,
        "cycle_key" => session.acycle_key().await,
        "delete" => session.adelete().await,
        "clear" => {
            session.load().await?.clear();
            Ok(())
        }
        "drop" => {
            database.empty().await;
            Ok(())
        }
        op => panic!("unknown step {op}"),
    }
}

async fn clear_expired(report: &mut Report, vector: &Value, store: &SessionStore, database: &impl Table) {
    let before = rows_of(&vector["rows_before"]);
    database.put(&before).await;
    let removed = store.clear_expired().await.unwrap();
    report.check("removed", Some(removed as usize), vector["removed"].as_array().map(Vec::len));
    let kept = database.rows().await;
    let loads = vector["kept"].as_object().unwrap();
    report.check("kept", kept.len(), loads.len());
    let mut live = 0;
    for row in &kept {
        let session = store.session(Some(&row.key.parse().unwrap()));
        live += usize::from(!session.aload().await.unwrap().is_empty());
    }
    report.check("live", live, loads.values().filter(|row| row["loads"] == true).count());
}

/// D25: the model manager is not offered. What it writes is read.
fn manager(report: &mut Report, vector: &Value, store: &SessionStore) {
    report.excuse("D25");
    let stored = text(&vector["rows"][0]["session_data"]);
    report.check("encode", store.encode(&data(&vector["value_json"])).unwrap(), stored.to_owned());
    let decoded = store.decode(stored).map(|data| data.to_json()).ok();
    report.check("get_decoded", decoded.as_deref(), vector["get_decoded_json"].as_str());
}

#[cfg(feature = "postgres")]
#[path = "support/postgres.rs"]
mod postgres;

#[cfg(feature = "postgres")]
#[path = "support/db_vectors_on_postgresql.rs"]
mod on_postgresql;

#[cfg(feature = "mysql")]
#[path = "support/mysql.rs"]
mod mysql;

#[cfg(feature = "mysql")]
#[path = "support/db_vectors_on_mariadb.rs"]
mod on_mariadb;
