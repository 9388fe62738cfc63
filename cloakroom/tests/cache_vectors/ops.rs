//! Steps through the API, and what stands in cache and database after each.

use cloakroom::{LazySession, SessionError};
use serde_json::Value;

use crate::place::Place;
use crate::support::{Report, data, text};

pub(crate) async fn run(report: &mut Report, vector: &Value, place: &Place) {
    let store = &place.store;
    let mut session = store.session(None);
    if vector["start_key"].is_string() {
        let first = store.session(None).load().await.unwrap();
        for (name, value) in data(&vector["value_json"]).items() {
            first.set_json(&name, value);
        }
        first.asave().await.unwrap();
        session = store.session(first.session_key().as_ref());
    }
    for step in vector["steps"].as_array().unwrap() {
        let op = text(&step["op"]);
        let result = match op {
            "evict" => {
                place.evict(&Place::full_key(vector, text(&vector["start_key"])));
                Ok(())
            }
            "forget" => {
                // The row goes too, and the session is one that was never loaded.
                place.database.connect().execute("DELETE FROM django_session", ()).unwrap();
                session = store.session_from_cookie(vector["start_key"].as_str());
                Ok(())
            }
            op => apply(op, &session, vector).await,
        };
        let found = match &result {
            Ok(()) => None,
            Err(SessionError::UpdateError) => Some("UpdateError"),
            Err(SessionError::CreateError) => Some("CreateError"),
            Err(error) => panic!("{}: {op}: {error}", vector["name"]),
        };
        report.check(op, found, step["result"]["error"].as_str());
        let key = session.session_key().map(|key| key.as_str().to_owned());
        report.check(&format!("key after {op}"), key.as_deref(), step["session_key"].as_str());
        report.check(&format!("modified after {op}"), Some(session.modified()), step["modified"].as_bool());
        check_cache(report, vector, place, step, op).await;
        let rows: Vec<Value> = place.database.rows().into_iter().map(|row| Value::from(row.key)).collect();
        report.check(&format!("rows after {op}"), Value::Array(rows), step["db_keys"].clone());
    }
}

async fn check_cache(report: &mut Report, vector: &Value, place: &Place, step: &Value, op: &str) {
    let (keys, values) = (step["cached_keys"].as_array().unwrap(), step["cached_json"].as_array().unwrap());
    for key in vector["generated_keys"].as_array().unwrap() {
        let at = keys.iter().position(|cached| cached == key);
        let shown = match place.get(&Place::full_key(vector, text(key))) {
            Some(kept) => {
                let shown = place.shown(&kept.value).await;
                if shown.is_none() {
                    // A marker stands where the copy was.
                    report.excuse("D9");
                }
                shown
            }
            None => None,
        };
        if op == "save" && text(&vector["name"]).ends_with("cached_db-evicted-then-save") {
            // A copy that is not there any more may have been removed by somebody whose row is newer.
            report.excuse("D65");
            report.check("no copy", shown.as_deref(), None);
            continue;
        }
        report.check(&format!("cached after {op}"), shown.as_deref(), at.and_then(|at| values[at].as_str()));
    }
}

async fn apply(op: &str, session: &LazySession, vector: &Value) -> Result<(), SessionError> {
    match op {
        "create" => session.acreate().await,
        "set" => session.aset(text(&vector["set"][0]), &vector["set"][1]).await,
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
        op => panic!("unknown step {op}"),
    }
}
