//! The layer on the engines db, file and signed_cookies against requests scripted on Django.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::response::IntoResponse;
use axum::routing::any;
use axum::{Extension, Router};
use cloakroom::{Expiry, LazySession, SameSite, SessionError, SessionLayer, SessionStore, Settings};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use serde_json::{Value, json};
use support::{Database, Report, Row, rows_of, same_rows, secret, store, text, vectors};
use tower::ServiceExt;

/// Where a request's sessions are kept.
enum Place {
    Rows(Database),
    #[cfg(feature = "file")]
    Files(Box<support::files::Files>),
    Cookies,
}

impl Place {
    async fn rows(&self) -> Vec<Row> {
        match self {
            Self::Rows(database) => database.rows(),
            #[cfg(feature = "file")]
            Self::Files(files) => files.rows().await,
            Self::Cookies => Vec::new(),
        }
    }

    async fn put(&self, rows: &[Row]) {
        match self {
            Self::Rows(database) => database.put(rows),
            #[cfg(feature = "file")]
            Self::Files(files) => files.put(rows).await,
            Self::Cookies => assert!(rows.is_empty(), "there is no place for rows"),
        }
    }

    fn remove_all(&self) {
        match self {
            Self::Rows(database) => {
                database.connect().execute("DELETE FROM django_session", ()).unwrap();
            }
            #[cfg(feature = "file")]
            Self::Files(files) => files.remove_all(),
            Self::Cookies => {}
        }
    }

    fn store(&self, vector: &Value, settings: &Settings) -> SessionStore {
        match self {
            Self::Rows(database) => store(vector, database.storage.clone(), settings.clone()),
            #[cfg(feature = "file")]
            Self::Files(files) => files.store(vector),
            Self::Cookies => support::at_its_moment(vector, SessionStore::signed_cookies(settings.clone()).unwrap()),
        }
    }
}

/// What a handler needs to play its script, and what it saw.
#[derive(Clone)]
struct Script {
    ops: Vec<Value>,
    view: Value,
    place: Arc<Place>,
    store: SessionStore,
    log: Arc<Mutex<Vec<Result<Value, String>>>>,
}

fn settings(vector: &Value) -> Result<Settings, String> {
    // Django's test site runs in UTC unless a vector says otherwise.
    let mut settings = Settings::new().secret_key(secret(vector)).time_zone("UTC");
    for (name, value) in vector["settings"].as_object().unwrap() {
        settings = match (name.as_str(), value) {
            ("SESSION_COOKIE_NAME", value) => settings.session_cookie_name(text(value)),
            ("SESSION_COOKIE_AGE", value) => settings.session_cookie_age(value.as_f64().unwrap()),
            ("SESSION_COOKIE_DOMAIN", value) => settings.session_cookie_domain(text(value)),
            ("SESSION_COOKIE_PATH", value) => settings.session_cookie_path(text(value)),
            ("SESSION_COOKIE_SECURE", value) => settings.session_cookie_secure(value == true),
            ("SESSION_COOKIE_HTTPONLY", value) => settings.session_cookie_httponly(value == true),
            ("SESSION_COOKIE_SAMESITE", Value::Bool(false)) => settings.session_cookie_samesite(SameSite::left_out()),
            ("SESSION_COOKIE_SAMESITE", value) => settings.session_cookie_samesite(text(value).parse().unwrap()),
            ("SESSION_EXPIRE_AT_BROWSER_CLOSE", value) => settings.session_expire_at_browser_close(value == true),
            ("SESSION_SAVE_EVERY_REQUEST", value) => settings.session_save_every_request(value == true),
            ("USE_TZ", value) => settings.use_tz(value == true),
            ("TIME_ZONE", value) => settings.time_zone(text(value)),
            (name, value) => return Err(format!("unknown setting {name} = {value}")),
        };
    }
    Ok(settings)
}

/// The handler takes a `LazySession` and loads at the first operation that needs data.
async fn play(Extension(script): Extension<Script>, session: LazySession) -> Response<Body> {
    let status = StatusCode::from_u16(script.view["status"].as_u64().unwrap() as u16).unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in script.view["headers"].as_object().unwrap() {
        headers.insert(header::HeaderName::try_from(name).unwrap(), HeaderValue::from_str(text(value)).unwrap());
    }
    if let Some(location) = script.view["location"].as_str() {
        headers.insert(header::LOCATION, HeaderValue::from_str(location).unwrap());
    }
    for op in &script.ops {
        match text(&op[0]) {
            "raise" => {
                script.log.lock().unwrap().push(Err("RuntimeError".into()));
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
            "set_cookie" => {
                let cookie = format!("{}={}; Path=/", text(&op[1]), text(&op[2]));
                headers.append(header::SET_COOKIE, HeaderValue::try_from(cookie).unwrap());
                script.log.lock().unwrap().push(Ok(Value::Null));
            }
            _ => match operate(op, &session, &script).await {
                Ok(result) => script.log.lock().unwrap().push(Ok(result)),
                Err(error) => {
                    script.log.lock().unwrap().push(Err(error.to_string()));
                    return error.into_response();
                }
            },
        }
    }
    (status, headers).into_response()
}

async fn operate(op: &Value, session: &LazySession, script: &Script) -> Result<Value, SessionError> {
    let name = text(&op[1]);
    let done = |()| Value::Null;
    Ok(match text(&op[0]) {
        "get" => session.aget::<Value>(name).await?.unwrap_or_default(),
        "set" => session.aset(name, &op[2]).await.map(done)?,
        "del" => session.adel(name).await.map(done)?,
        "pop" => session.apop::<Value>(name).await?.unwrap_or_else(|| op[2].clone()),
        "setdefault" => session.asetdefault(name, &op[2]).await?,
        "update" => session.aupdate(&op[1]).await.map(done)?,
        "contains" => json!(session.ahas_key(name).await?),
        "keys" => json!(session.akeys().await?),
        "clear" => {
            session.load().await?.clear();
            Value::Null
        }
        "flush" => session.aflush().await.map(done)?,
        "cycle_key" => session.acycle_key().await.map(done)?,
        "create" => session.acreate().await.map(done)?,
        "save" => session.asave().await.map(done)?,
        "session_key" => json!(session.session_key().map(|key| key.as_str().to_owned())),
        "is_empty" => json!(session.is_empty()),
        "get_expiry_age" => json!(session.aget_expiry_age().await?),
        "get_expiry_date" => json!(session.aget_expiry_date().await?.to_string()),
        "get_expire_at_browser_close" => json!(session.aget_expire_at_browser_close().await?),
        "set_test_cookie" => session.aset_test_cookie().await.map(done)?,
        "test_cookie_worked" => json!(session.atest_cookie_worked().await?),
        "delete_test_cookie" => session.adelete_test_cookie().await.map(done)?,
        "set_expiry" => session.aset_expiry(expiry(&op[1], &op[2])?).await.map(done)?,
        "modified" => {
            session.set_modified(op[1] == true);
            Value::Null
        }
        "nested_set" => {
            // Values are copies: what is changed in one stays there (D21).
            let mut value: Value = session.aitem(name).await?;
            value[text(&op[2])] = op[3].clone();
            Value::Null
        }
        "delete_row" => {
            script.place.remove_all();
            Value::Null
        }
        "other_set" => {
            let other = script.store.session(session.session_key().as_ref());
            other.aset(name, &op[2]).await?;
            other.asave().await.map(done)?
        }
        op => panic!("unknown operation {op}"),
    })
}

fn expiry(kind: &Value, value: &Value) -> Result<Expiry, SessionError> {
    Ok(match text(kind) {
        "none" => Expiry::Default,
        "seconds" if value.is_i64() => value.as_i64().unwrap().into(),
        "seconds" => value.as_f64().unwrap().into(),
        "datetime" => Expiry::from_iso(text(value))?,
        "timedelta" => jiff::SignedDuration::from_secs_f64(value.as_f64().unwrap()).into(),
        kind => panic!("unknown expiry {kind}"),
    })
}

#[tokio::test]
async fn every_middleware_vector_of_the_db_engine_holds() {
    let vectors: Vec<Value> = vectors("middleware").into_iter().filter(|vector| vector["engine"] == "db").collect();
    let mut report = Report::default();
    for vector in &vectors {
        report.begin(vector);
        run(&mut report, vector, async |settings| Place::Rows(Database::new(settings).await)).await;
    }
    report.finish(vectors.len());
}

/// The scripts of the db engine, with files in the rows' place, and those of the file engine.
#[cfg(feature = "file")]
#[tokio::test]
async fn every_middleware_vector_holds_on_files() {
    let vectors: Vec<Value> =
        vectors("middleware").into_iter().filter(|vector| matches!(text(&vector["engine"]), "db" | "file")).collect();
    let mut report = Report::default();
    for vector in &vectors {
        report.begin(vector);
        run(&mut report, vector, async |settings| Place::Files(Box::new(support::files::Files::new(settings)))).await;
    }
    report.finish(vectors.len());
}

#[tokio::test]
async fn every_middleware_vector_of_signed_cookies_holds() {
    let vectors = vectors("middleware").into_iter().filter(|vector| vector["engine"] == "signed_cookies");
    let vectors: Vec<Value> = vectors.collect();
    let mut report = Report::default();
    for vector in &vectors {
        report.begin(vector);
        run(&mut report, vector, async |_| Place::Cookies).await;
    }
    report.finish(vectors.len());
}

async fn run(report: &mut Report, vector: &Value, place: impl AsyncFn(&Settings) -> Place) {
    let settings = match settings(vector) {
        Ok(settings) => settings,
        Err(problem) => return report.fail(&problem),
    };
    if let Err(error) = settings.validate() {
        match error.setting() {
            "SESSION_COOKIE_SAMESITE" => report.excuse("D16"),
            "SESSION_COOKIE_NAME" => report.excuse("D20"),
            _ => report.fail(&error.to_string()),
        }
        return;
    }
    if vector["ops"].as_array().unwrap().iter().any(|op| op[0] == "drop_session") {
        // A session cannot be taken out of a request in Rust (B-154); the answer is that of an untouched one.
        report.excuse("D28");
    }
    let place = Arc::new(place(&settings).await);
    place.put(&rows_of(&vector["rows_before"])).await;
    let store = place.store(vector, &settings);
    let ops = vector["ops"].as_array().unwrap().iter().filter(|op| op[0] != "drop_session").cloned().collect();
    let script = Script {
        ops,
        view: vector["view"].clone(),
        place: Arc::clone(&place),
        store: store.clone(),
        log: Arc::default(),
    };
    let log = Arc::clone(&script.log);
    let app = Router::new().fallback(any(play)).layer(SessionLayer::new(store.clone())).layer(Extension(script));
    let mut request = Request::new(Body::empty());
    if let Some(cookie) = vector["cookie_header"].as_str() {
        // WSGI hands header bytes on as Latin-1 text.
        let bytes: Vec<u8> = cookie.chars().map(|character| u8::try_from(character).unwrap_or(b'?')).collect();
        request.headers_mut().insert(header::COOKIE, HeaderValue::from_bytes(&bytes).unwrap());
    }
    let response = app.oneshot(request).await.unwrap();
    let log = std::mem::take(&mut *log.lock().unwrap());
    Comparison { vector, store: &store, found: &place.rows().await, log: &log }.compare(report, &response);
}

struct Comparison<'a> {
    vector: &'a Value,
    store: &'a SessionStore,
    found: &'a [Row],
    log: &'a [Result<Value, String>],
}

impl Comparison<'_> {
    fn name(&self) -> &str {
        text(&self.vector["name"])
    }

    fn has_op(&self, name: &str) -> bool {
        self.vector["ops"].as_array().unwrap().iter().any(|op| op[0] == name)
    }

    fn setting(&self, name: &str) -> bool {
        self.vector["settings"][name] == true
    }

    fn compare(&self, report: &mut Report, response: &Response<Body>) {
        let headers = |name| -> Vec<String> {
            let values = response.headers().get_all(name).iter();
            values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
        };
        let (cookies, vary) = (headers(header::SET_COOKIE), headers(header::VARY));
        if self.is_whole_exception(report, response.status().as_u16(), &cookies) {
            return;
        }
        report.check("status", Some(u64::from(response.status().as_u16())), self.vector["status"].as_u64());
        report.check("Vary", vary.join(", "), text(&self.vector["vary"]).to_owned());
        self.compare_cookies(report, &cookies);
        self.compare_rows(report);
        self.compare_log(report);
        if !cookies.is_empty() && cookies.iter().any(|cookie| cookie.starts_with(self.store.settings().cookie_name())) {
            report.excuse("D26");
            report.check("Cache-Control", headers(header::CACHE_CONTROL), vec!["private".to_owned()]);
        }
    }

    /// Differences that change the whole course of a request.
    fn is_whole_exception(&self, report: &mut Report, status: u16, cookies: &[String]) -> bool {
        let unknown = self.vector["start_key"].is_null() && self.vector["rows_before"] == json!([]);
        let corrupted =
            self.found.iter().any(|row| self.store.decode(&row.data).is_err()) && !self.name().starts_with("json-");
        let removal = cookies.first().is_some_and(|cookie| cookie.contains("Max-Age=0"));
        if self.name() == "set_expiry-datetime-naive" {
            report.excuse("D13");
            report.check("status", status, 200);
            report.check("cookies", cookies.len(), 1);
        } else if corrupted {
            report.excuse("D14");
            let before = rows_of(&self.vector["rows_before"]);
            report.check("the row", self.found.contains(&before[0]), true);
            report.check("cookies", cookies.len(), usize::from(self.has_op("set")));
            report.check("rows", self.found.len(), 1 + usize::from(self.has_op("set")));
            report.check("status", status, 200);
        } else if self.has_op("delete_row") && self.has_op("cycle_key") {
            report.excuse("D17");
            report.check("status", status, 400);
            report.check("rows", self.found.len(), 0);
        } else if self.has_op("clear") && unknown && self.vector["cookie_header"].is_string() {
            report.excuse("D19");
            report.check("status", status, 200);
            report.check("removal", removal, true);
            report.check("rows", self.found.len(), 0);
        } else if self.setting("SESSION_SAVE_EVERY_REQUEST")
            && unknown
            && self.vector["ops"] == json!([])
            && self.vector["rows_after"] != json!([])
        {
            report.excuse("D7");
            report.check("removal", removal, true);
            report.check("rows", self.found.len(), 0);
        } else if self.vector["engine"] == "signed_cookies" && self.log == [Ok(json!([]))] {
            // Django replaces it by a signed `{}`.
            report.excuse("D23");
            report.check("removal", (cookies.len(), removal), (1, true));
            report.check("status", status, 200);
        } else if self.has_op("cycle_key") && status >= 500 {
            // What `acycle_key` did is sent; a recorded change of key is dropped (D18).
            report.excuse("D8");
            report.check("cookies", cookies.len(), 1);
            report.check("status", Some(u64::from(status)), self.vector["status"].as_u64());
        } else {
            return false;
        }
        true
    }

    fn compare_cookies(&self, report: &mut Report, found: &[String]) {
        let expected: Vec<String> =
            self.vector["set_cookie"].as_array().unwrap().iter().map(|cookie| text(cookie).to_owned()).collect();
        let without_flags = |cookie: &String| cookie.replace("; HttpOnly", "").replace("; Secure", "");
        if found != expected && expected.iter().any(|cookie| cookie.contains("Max-Age=0; Path")) {
            report.excuse("D15");
            let strip = |cookies: &[String]| cookies.iter().map(without_flags).collect::<Vec<_>>();
            report.check("Set-Cookie but for the flags", strip(found), strip(&expected));
            return;
        }
        report.check("Set-Cookie", found, &expected[..]);
    }

    fn compare_rows(&self, report: &mut Report) {
        let before = rows_of(&self.vector["rows_before"]);
        let mut expected = rows_of(&self.vector["rows_after"]);
        for (expected, found) in expected.iter_mut().zip(self.found) {
            // D21: nothing was changed but a copy.
            if self.has_op("nested_set") && expected.data != found.data {
                report.excuse("D21");
                expected.data.clone_from(&found.data);
            }
            // D22: where nothing changed, only the expiry moves.
            let unchanged = before.iter().any(|row| row.key == found.key && row.data == found.data);
            if unchanged && expected.data != found.data && self.nothing_was_changed() {
                report.excuse("D22");
                expected.data.clone_from(&found.data);
            }
        }
        same_rows(report, "rows", self.store, self.found, &expected);
    }

    fn nothing_was_changed(&self) -> bool {
        let changing = ["set", "del", "pop", "setdefault", "update", "clear", "set_expiry", "set_test_cookie"];
        !changing.iter().any(|name| self.has_op(name))
    }

    fn compare_log(&self, report: &mut Report) {
        let expected =
            self.vector["op_log"].as_array().unwrap().iter().filter(|entry| entry["op"][0] != "drop_session");
        let expected: Vec<&Value> = expected.collect();
        report.check("operations", self.log.len(), expected.len());
        for (found, expected) in self.log.iter().zip(expected) {
            let op = &expected["op"];
            match (found, expected["result_json"].as_str()) {
                (Ok(found), Some(json)) => {
                    let json: Value = serde_json::from_str(json).unwrap();
                    let same = *found == json || found.as_f64().is_some_and(|found| Some(found) == json.as_f64());
                    if !same {
                        report.fail(&format!("{op} gave {found}, expected {json}"));
                    }
                }
                (found, json) => report.check(&format!("{op} failed"), found.is_err(), json.is_none()),
            }
        }
    }
}
