//! The file engine against golden vectors made by Django.
#![cfg(feature = "file")]
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloakroom::storage::file::FileOptions;
use cloakroom::{Engine, LazySession, SessionError, SessionKey, SessionStore, Settings, Timestamp};
use serde_json::Value;
use support::{Report, at_its_moment, data, moment, same_data, secret, text, vectors};

/// A folder and a store in it, as a vector asks for.
struct Site {
    folder: tempfile::TempDir,
    store: SessionStore,
    prefix: String,
}

/// A file's name, content and mode.
#[derive(Debug, PartialEq)]
struct File {
    name: String,
    content: Vec<u8>,
    mode: String,
}

impl Site {
    fn new(vector: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let prefix = text(&vector["cookie_name"]).to_owned();
        // Some names ask for it.
        let secure = prefix.starts_with("__");
        let mut settings = Settings::new().secret_key(secret(vector)).time_zone("UTC");
        settings = settings.session_cookie_name(&prefix).session_cookie_secure(secure);
        if let Some(use_tz) = vector["use_tz"].as_bool() {
            settings = settings.use_tz(use_tz);
        }
        if let Some(age) = vector["cookie_age"].as_f64() {
            settings = settings.session_cookie_age(age);
        }
        let settings = settings.session_file_path(folder.path());
        let engine = Engine::file(FileOptions::for_settings(&settings).open().unwrap());
        let store = at_its_moment(vector, SessionStore::new(engine, settings).unwrap());
        Self { folder, store, prefix }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, content: &[u8], written: Timestamp) {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        fs::File::open(&path).unwrap().set_modified(written.into()).unwrap();
    }

    /// All files but the locks.
    fn files(&self) -> Vec<File> {
        let entries = self.folder.path().read_dir().unwrap().map(|entry| entry.unwrap());
        let mut files: Vec<File> = entries
            .map(|entry| File {
                name: entry.file_name().into_string().unwrap(),
                content: fs::read(entry.path()).unwrap(),
                mode: format!("0o{:o}", entry.metadata().unwrap().permissions().mode() & 0o7777),
            })
            .filter(|file| !file.name.starts_with(".cloakroom_lock_"))
            .collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        files
    }

    fn names(&self) -> Vec<String> {
        self.files().into_iter().map(|file| file.name).collect()
    }

    fn written_at(&self, name: &str) -> Timestamp {
        fs::metadata(self.path(name)).unwrap().modified().unwrap().into()
    }
}

fn content(value: &Value) -> Vec<u8> {
    STANDARD.decode(text(value)).unwrap()
}

fn files_of(value: &Value) -> Vec<File> {
    let files = value.as_array().into_iter().flatten().map(|file| File {
        name: text(&file["name"]).into(),
        content: content(&file["content_b64"]),
        mode: text(&file["mode"]).into(),
    });
    let mut files: Vec<File> = files.collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

fn same_files(report: &mut Report, what: &str, site: &Site, expected: &Value) {
    let (found, expected) = (site.files(), files_of(expected));
    let names = |files: &[File]| files.iter().map(|file| (file.name.clone(), file.mode.clone())).collect::<Vec<_>>();
    report.check(&format!("{what}, names and modes"), names(&found), names(&expected));
    for (found, expected) in found.iter().zip(&expected) {
        let as_text = |file: &File| file.content.iter().map(|byte| char::from(*byte)).collect::<String>();
        same_data(report, what, &site.store, &as_text(found), &as_text(expected));
    }
}

#[tokio::test]
async fn every_file_vector_holds() {
    let vectors = vectors("file");
    let mut report = Report::default();
    for vector in &vectors {
        report.begin(vector);
        let site = Site::new(vector);
        match text(&vector["op"]) {
            "save" => save(&mut report, vector, &site).await,
            "load" => load(&mut report, vector, &site).await,
            "ops" => ops(&mut report, vector, &site).await,
            "clear_expired" => clear_expired(&mut report, vector, &site).await,
            op => report.fail(&format!("unknown op {op}")),
        }
    }
    report.finish(vectors.len());
}

async fn save(report: &mut Report, vector: &Value, site: &Site) {
    let mut session = site.store.session(None).load().await.unwrap();
    if vector["mode"] == "existing" {
        session.asave().await.unwrap();
        session = site.store.session(session.session_key().as_ref()).load().await.unwrap();
    }
    for (name, value) in data(&vector["value_json"]).items() {
        session.set_json(&name, value);
    }
    session.asave().await.unwrap();
    let key = session.session_key().map(|key| key.as_str().to_owned());
    report.check("session key", key.as_deref(), vector["session_key"].as_str());
    same_files(report, "files", site, &vector["files"]);
    let name = format!("{}{}", site.prefix, key.unwrap());
    report.check("written at", site.written_at(&name), moment(&vector["now"]));
}

/// Whether a positive number of seconds after the last save has passed: D1.
fn seconds_have_passed(stored: &str, store: &SessionStore, written: Timestamp, now: Timestamp) -> bool {
    let seconds = store.decode(stored).ok().and_then(|data| data.get::<f64>("_session_expiry").ok().flatten());
    seconds.is_some_and(|seconds| seconds > 0.0 && written.checked_add_seconds(seconds).unwrap() <= now)
}

async fn load(report: &mut Report, vector: &Value, site: &Site) {
    let key = text(&vector["session_key"]);
    let (bytes, now) = (content(&vector["content_b64"]), moment(&vector["now"]));
    let written = vector["mtime"].as_f64().map(|_| moment(&vector["mtime"]));
    if let (Some(name), Some(written)) = (vector["file_name"].as_str(), written) {
        site.put(name, &bytes, written);
    }
    let before = site.files();
    let session = site.store.session_from_cookie(Some(key));
    let loaded = session.aload().await.map(|data| data.to_json());
    let key_after = session.session_key().map(|key| key.as_str().to_owned());
    // Nothing is made, changed or removed by a load.
    report.check("files", &site.files(), &before);
    report.check("modified", session.modified(), false);

    let stored = String::from_utf8_lossy(&bytes).into_owned();
    let there = vector["exists"]["ok"] == true;
    let error = vector["result"]["error"].as_str();
    let nothing = (Some("{}".to_owned()), None);
    match SessionKey::parse(key) {
        Ok(key) => report.check("exists", session.aexists(&key).await.ok(), vector["exists"]["ok"].as_bool()),
        // There is no asking for what cannot be a key.
        Err(_) => report.excuse("D11"),
    }
    if there && site.store.decode(&stored).is_err() && error != Some("AttributeError") && SessionKey::parse(key).is_ok()
    {
        // Django takes it for an empty session, or fails.
        report.excuse("D14");
        report.check("unverified", (loaded.ok(), key_after), nothing);
    } else if error == Some("TypeError") {
        report.excuse("D13");
        report.check("live", loaded.ok(), site.store.decode(&stored).ok().map(|data| data.to_json()));
    } else if written.is_some_and(|written| seconds_have_passed(&stored, &site.store, written, now)) {
        report.excuse("D1");
        report.check("ended", (loaded.ok(), key_after), nothing);
    } else if vector["modified"] == true {
        report.excuse("D2");
        report.check("ended", (loaded.ok(), key_after), nothing);
    } else if let Some(error) = error {
        let expected = matches!((&loaded, error), (Err(SessionError::Expiry(_)), "ValueError"))
            || matches!((&loaded, error), (Err(SessionError::NotAnObject(_)), "AttributeError"));
        report.check("a typed error", expected, true);
    } else {
        report.check("data", loaded.ok().as_deref(), vector["result"]["ok"].as_str());
        report.check("key after", key_after.as_deref(), vector["session_key_after"].as_str());
        report.check("is_empty", Some(session.is_empty()), vector["is_empty"].as_bool());
        same_files(report, "files", site, &vector["files_after"]);
    }
}

async fn ops(report: &mut Report, vector: &Value, site: &Site) {
    let now = moment(&vector["now"]);
    if let Some(key) = vector["start_key"].as_str() {
        site.put(&format!("{}{key}", site.prefix), &content(&vector["content_b64"]), now);
    }
    let session = site.store.session_from_cookie(vector["start_key"].as_str());
    for step in vector["steps"].as_array().unwrap() {
        let op = text(&step["op"]);
        let found = match apply(op, &session, vector, site).await {
            Ok(()) => None,
            Err(SessionError::UpdateError) => Some("UpdateError"),
            Err(SessionError::CreateError) => Some("CreateError"),
            Err(error) => panic!("{}: {op}: {error}", text(&vector["name"])),
        };
        report.check(op, found, step["result"]["error"].as_str());
        let key = session.session_key().map(|key| key.as_str().to_owned());
        report.check(&format!("key after {op}"), key.as_deref(), step["session_key"].as_str());
        report.check(&format!("modified after {op}"), Some(session.modified()), step["modified"].as_bool());
        let names: Vec<String> = step["files"].as_array().unwrap().iter().map(|name| text(name).to_owned()).collect();
        report.check(&format!("files after {op}"), site.names(), names);
    }
    same_files(report, "files", site, &vector["files_after"]);
}

async fn apply(op: &str, session: &LazySession, vector: &Value, site: &Site) -> Result<(), SessionError> {
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
        "unlink" => {
            for name in site.names() {
                fs::remove_file(site.path(&name)).unwrap();
            }
            Ok(())
        }
        op => panic!("unknown step {op}"),
    }
}

async fn clear_expired(report: &mut Report, vector: &Value, site: &Site) {
    let now = moment(&vector["now"]);
    let before = vector["before"].as_array().unwrap();
    let mut kept = Vec::new();
    let (mut removed, mut unreadable) = (0, 0);
    for file in before {
        let (name, bytes, written) = (text(&file["name"]), content(&file["content_b64"]), moment(&file["mtime"]));
        site.put(name, &bytes, written);
        let stored = String::from_utf8_lossy(&bytes).into_owned();
        let by_django = vector["removed"].as_array().unwrap().contains(&file["label"]);
        let is_session = name.strip_prefix(&site.prefix).is_some_and(|key| SessionKey::parse(key).is_ok());
        if is_session && site.store.decode(&stored).is_err() {
            unreadable += 1;
            // Nobody can tell what it is, so it stays.
            if by_django {
                report.excuse("D4");
            }
            kept.push(name.to_owned());
        } else if is_session && !by_django && seconds_have_passed(&stored, &site.store, written, now) {
            report.excuse("D1");
            removed += 1;
        } else if by_django {
            removed += 1;
        } else {
            kept.push(name.to_owned());
        }
    }
    kept.sort();
    let cleared = site.store.clear_expired_and_count().await.unwrap();
    report.check("removed and unreadable", (cleared.removed, cleared.unreadable), (removed, unreadable));
    report.check("kept", site.names(), kept);
}
