//! What a load makes of an entry.

use cloakroom::SessionKey;
use serde_json::Value;

use crate::place::{Backend, Place};
use crate::support::{Report, rows_of, same_rows, text};

pub(crate) async fn run(report: &mut Report, vector: &Value, place: &Place) {
    place.put(vector);
    place.database.put(&rows_of(&vector["db_rows_before"]));
    let key = text(&vector["session_key"]);
    let session = place.store.session_from_cookie(Some(key));
    let loaded = session.aload().await.map(|data| data.to_json());
    let key_after = session.session_key().map(|key| key.as_str().to_owned());
    let nothing = (Some("{}".to_owned()), None);

    let told = vector["result"]["ok"].as_str();
    let is_dictionary = told.is_some_and(|json| json.starts_with('{'));
    if SessionKey::parse(key).is_err() {
        report.excuse("D11");
        report.check("refused", (loaded.ok(), key_after), nothing);
    } else if !is_dictionary {
        // Django hands out whatever it unpickles.
        report.excuse("D63");
        report.check("no session", (loaded.ok(), key_after), nothing);
    } else {
        let ends_now = ["load-db-cache-expires-equal", "load-file-cache-expiry-now"].contains(&text(&vector["name"]));
        if ends_now {
            // Django's `get` finds what ends this very moment, its `has_key` does not.
            report.excuse("D60");
            report.check("ended", (loaded.ok(), key_after), nothing);
        } else {
            report.check("data", loaded.ok().as_deref(), told);
            report.check("key after", key_after.as_deref(), vector["session_key_after"].as_str());
        }
        let exists = place.store.exists(&key.parse().unwrap()).await.ok();
        let expected = vector["exists"]["ok"].as_bool();
        if text(&vector["name"]).contains("none") && exists != expected {
            // A pickled None is a marker, under which nothing stands.
            report.excuse("D9");
        } else if ends_now {
            report.check("exists", exists, Some(true));
        } else if vector["engine"] == "cached_db" && vector["db_rows_before"] == Value::Array(Vec::new()) {
            // The database says whether there is a session.
            report.excuse("D9");
            report.check("exists", exists, Some(false));
        } else {
            report.check("exists", exists, expected);
        }
    }
    report.check("modified", Some(session.modified()), vector["modified"].as_bool());

    if vector["engine"] == "cached_db" {
        same_rows(report, "rows", &place.store, &place.database.rows(), &rows_of(&vector["db_rows_before"]));
        // What was read from the row was put into the cache.
        let refilled = place.get(text(&vector["cache_key"]));
        let shown = match &refilled {
            Some(kept) => place.shown(&kept.value).await,
            None => None,
        };
        let expected = if vector["stored_after"].is_object() { told } else { None };
        report.check("stored after", shown.as_deref(), expected);
    } else if place.backend == Backend::Db && !vector["data_b64"].is_null() && vector["stored_after"].is_null() {
        // A read writes nothing: the row that has expired stays.
        report.excuse("D60");
        report.check("the row stays", place.get(text(&vector["cache_key"])).is_some(), true);
    } else if vector["stored_after"].is_null() {
        report.check("nothing stored after", place.get(text(&vector["cache_key"])).is_none(), true);
    }
}
