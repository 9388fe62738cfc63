//! `check` and `check --deploy` on real SQLite files.

mod support;

use std::path::Path;

use cloakroom::storage::sqlite::SqliteOptions;
use cloakroom::{SessionStore, Settings};
use serde_json::Value;
use support::{Run, run};

const URL: (&str, &str) = ("DATABASE_URL", "sqlite:///db.sqlite3");
const SECRET: &str = "xyzzy-Wq8vT2nLk5Rj9Hd3Bm7Zc1Xs6Pf4Yg0Ua-plugh-73501-qa";
const KEY: (&str, &str) = ("SECRET_KEY", SECRET);
const MEMBER: &str = "nobody-may-read-this";

/// A folder whose database holds one session, saved under these settings.
fn folder(settings: impl FnOnce(Settings) -> Settings) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db.sqlite3");
    let settings = settings(Settings::new().secret_key(SECRET));
    let zone = settings.naive_time_zone().expect("a zone");
    let storage = SqliteOptions::new(path).create(true).time_zone(zone).open().expect("a database");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(storage.migrate()).expect("a table");
    let session = SessionStore::db(storage, settings).expect("a store").blocking_session(None).expect("a session");
    session.set("member", MEMBER).expect("a member");
    session.save().expect("saved");
    folder
}

fn check(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    let run = run(folder, variables, &[&["check"], arguments].concat());
    for hidden in [SECRET, MEMBER, "another secret"] {
        assert!(!run.out.contains(hidden) && !run.err.contains(hidden), "{}{}", run.out, run.err);
    }
    run
}

/// The line of a finding, which must be there.
fn line<'a>(run: &'a Run, level: &str, id: &str) -> &'a str {
    let found = run.out.lines().find(|line| line.starts_with(level) && line[9..].starts_with(&format!("{id}: ")));
    found.unwrap_or_else(|| panic!("no {level} of {id} in:\n{}", run.out))
}

#[test]
fn a_sound_setup_is_ok() {
    let folder = folder(|settings| settings);
    let run = check(folder.path(), &[URL, KEY], &[]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{}", run.out);
    assert!(run.out.lines().all(|line| line.starts_with("ok ")), "{}", run.out);
    assert!(line(&run, "ok", "signature").contains("SECRET_KEY verifies"));
    assert!(line(&run, "ok", "rows").contains("1 session stored, 0 expired"));
    assert!(line(&run, "ok", "journal mode").contains("delete"));
    assert!(line(&run, "ok", "expire_date").contains("UTC"));
}

#[test]
fn a_derived_key_is_checked_like_the_secret() {
    let folder = folder(|settings| settings);
    let derived = run(folder.path(), &[KEY], &["derive-key"]);
    let run = check(folder.path(), &[URL, ("SESSION_SIGNING_KEY", derived.out.trim())], &[]);
    assert_eq!(run.code, 0, "{}", run.out);
    assert!(line(&run, "ok", "secret").contains("SESSION_SIGNING_KEY is set"));
    assert!(line(&run, "ok", "signature").contains("verifies"));
}

#[test]
fn another_secret_is_named() {
    let folder = folder(|settings| settings);
    let run = check(folder.path(), &[URL, ("SECRET_KEY", "another secret")], &[]);
    assert_eq!(run.code, 1);
    assert!(line(&run, "error", "signature").contains("SECRET_KEY is not the one"));
    let fallback = [URL, ("SECRET_KEY", "another secret"), ("SECRET_KEY_FALLBACKS", &format!("third,{SECRET}"))];
    let run = check(folder.path(), &fallback, &[]);
    assert_eq!(run.code, 0);
    assert!(line(&run, "ok", "signature").contains("fallback 2"));
}

#[test]
fn no_rows_and_no_table_are_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = check(folder.path(), &[URL, KEY], &[]);
    assert_eq!(missing.code, 1);
    assert!(line(&missing, "error", "database").contains("cloakroom migrate"));

    std::fs::write(folder.path().join("db.sqlite3"), "").expect("a file");
    let bare = check(folder.path(), &[URL, KEY], &[]);
    assert_eq!(bare.code, 1);
    assert!(line(&bare, "error", "table").contains("migrate"));

    assert_eq!(run(folder.path(), &[URL], &["migrate"]).code, 0);
    let empty = check(folder.path(), &[URL, KEY], &[]);
    assert_eq!(empty.code, 0);
    assert!(line(&empty, "ok", "rows").contains("no session is stored yet"));
}

#[test]
fn what_is_no_database_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("db.sqlite3"), "this is a text and no database".repeat(50)).expect("a file");
    let run = check(folder.path(), &[URL, KEY], &[]);
    assert_eq!(run.code, 1);
    assert!(line(&run, "error", "database").contains("not a SQLite database"));
    let url = ("DATABASE_URL", "sqlite:///.");
    assert!(line(&check(folder.path(), &[url, KEY], &[]), "error", "database").contains("not a file"));
}

#[test]
fn expired_and_mixed_sessions_are_counted() {
    let folder = folder(|settings| settings);
    let database = rusqlite::Connection::open(folder.path().join("db.sqlite3")).expect("a database");
    database.execute("UPDATE django_session SET expire_date = '2020-01-01 00:00:00'", []).expect("moved");
    database
        .execute("INSERT INTO django_session VALUES ('abcdefgh', 'e30:1abcde:forged', '2020-01-01 00:00:00')", [])
        .expect("a row");
    let run = check(folder.path(), &[URL, KEY], &[]);
    assert_eq!(run.code, 0);
    assert!(line(&run, "ok", "rows").contains("2 sessions stored, 2 expired"), "{}", run.out);
    assert!(line(&run, "warning", "signature").contains("1 of 2"), "{}", run.out);
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder(|settings| settings);
    let path = folder.path().join("db.sqlite3");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).expect("its mode");
    if std::fs::File::open(&path).is_ok() {
        println!("skipped: this user may read every file");
        return;
    }
    let run = check(folder.path(), &[URL, KEY], &[]);
    assert_eq!(run.code, 1);
    assert!(line(&run, "error", "database").contains("readable and writable"));
}

#[test]
fn settings_that_cannot_be_used_are_errors() {
    let folder = folder(|settings| settings);
    let unset = check(folder.path(), &[URL], &[]);
    assert_eq!(unset.code, 1);
    assert!(line(&unset, "error", "secret").contains("SECRET_KEY: is not set"));
    let keeps_nothing = [URL, KEY, ("SESSION_ENGINE", "cached_db"), ("CACHE_URL", "dummycache://")];
    let cache = check(folder.path(), &keeps_nothing, &[]);
    assert_eq!(cache.code, 1);
    assert!(line(&cache, "error", "cache").contains("DummyCache"));
    let cookie = check(folder.path(), &[URL, KEY, ("SESSION_COOKIE_NAME", "__Host-sid")], &[]);
    assert_eq!(cookie.code, 1);
    assert!(line(&cookie, "error", "settings").contains("SESSION_COOKIE_SECURE"));
    assert_eq!(check(folder.path(), &[("SESSION_ENGINE", "memory")], &[]).code, 0);
}

#[test]
fn a_shifted_expiry_and_another_age_are_noticed() {
    let local = folder(|settings| settings.use_tz(false).time_zone("Asia/Kathmandu"));
    let run = check(local.path(), &[URL, KEY], &[]);
    assert_eq!(run.code, 0);
    let told = line(&run, "warning", "expire_date");
    assert!(told.contains("5.75 hours later") && told.contains("TIME_ZONE"), "{told}");
    let same = [URL, KEY, ("USE_TZ", "False"), ("TIME_ZONE", "Asia/Kathmandu")];
    line(&check(local.path(), &same, &[]), "ok", "expire_date");

    let week = folder(|settings| settings.session_cookie_age(604_800));
    let run = check(week.path(), &[URL, KEY], &["--fail-level", "WARNING"]);
    assert_eq!(run.code, 1);
    assert!(line(&run, "warning", "expire_date").contains("604800 s"), "{}", run.out);
}

#[test]
fn deploy_says_what_django_says_and_more() {
    let folder = folder(|settings| settings);
    let weak = [
        URL,
        ("SECRET_KEY", "django-insecure-another secret"),
        ("SECRET_KEY_FALLBACKS", SECRET),
        ("SESSION_COOKIE_HTTPONLY", "False"),
        ("SESSION_COOKIE_SAMESITE", "False"),
    ];
    let run = check(folder.path(), &weak, &["--deploy"]);
    assert_eq!(run.code, 0, "{}", run.out);
    for id in ["security.W009", "security.W012", "security.W015", "S11"] {
        line(&run, "warning", id);
    }
    assert!(!run.out.contains("W025"), "{}", run.out);
    assert_eq!(check(folder.path(), &weak, &["--deploy", "--fail-level", "warning"]).code, 1);

    let sound = [URL, KEY, ("SESSION_COOKIE_SECURE", "True"), ("SESSION_COOKIE_NAME", "__Host-sid")];
    let run = check(folder.path(), &sound, &["--deploy", "--fail-level", "warning"]);
    assert_eq!(run.code, 0, "{}", run.out);
    for id in ["security.W009", "security.W012", "security.W015", "S11", "S12", "S13", "S14", "S15", "S16"] {
        line(&run, "ok", id);
    }
    let old = [sound.as_slice(), &[("SECRET_KEY_FALLBACKS", "another secret")]].concat();
    assert!(line(&check(folder.path(), &old, &["--deploy"]), "warning", "security.W025").contains("FALLBACKS[0]"));
}

#[test]
fn json_has_every_finding() {
    let folder = folder(|settings| settings);
    let run = check(folder.path(), &[URL, KEY], &["--deploy", "--json"]);
    let answer: Value = serde_json::from_str(&run.out).expect("JSON");
    assert_eq!(answer["result"], "warning");
    let checks = answer["checks"].as_array().expect("a list");
    let secure = checks.iter().find(|check| check["id"] == "security.W012").expect("the finding");
    assert_eq!(secure["level"], "warning");
    assert!(secure["remedy"].as_str().is_some_and(|remedy| remedy.contains("SESSION_COOKIE_SECURE")));
    assert_eq!(run_code(folder.path(), &["check", "--fail-level", "nonsense"]), 2);
}

fn run_code(folder: &Path, arguments: &[&str]) -> i32 {
    run(folder, &[], arguments).code
}
