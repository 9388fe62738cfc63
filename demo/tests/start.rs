//! Starting: what the demo makes for itself, what it takes from its environment, and what it refuses.

mod support;

use std::fs;

use support::{Demo, command, refused};

#[test]
fn without_configuration_it_makes_what_it_needs_and_says_so() {
    let demo = Demo::start(&[]);
    for file in ["cloakroom-demo.sqlite3", "cloakroom-demo.secret", "cloakroom_demo_sessionid"] {
        assert!(demo.said.contains(file), "{}", demo.said);
    }
    let secret = fs::read_to_string(demo.folder.path().join("cloakroom-demo.secret")).expect("a secret");
    assert!(secret.trim().len() >= 50 && !demo.said.contains(secret.trim()));
    #[cfg(unix)]
    for file in ["cloakroom-demo.secret", "cloakroom-demo.sqlite3"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(demo.folder.path().join(file)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let mut browser = demo.browser();
    browser.send("PUT", "/api/session/name", &[], "1");
    assert_eq!(browser.cookies[0].0, "cloakroom_demo_sessionid");
    assert_eq!(journal_mode(&demo.folder.path().join("cloakroom-demo.sqlite3")), "wal");

    // The next start finds all of it again.
    let cookies = browser.cookies.clone();
    let demo = Demo::start_in(demo.stop(), &[]);
    let mut browser = demo.browser();
    browser.cookies = cookies;
    assert_eq!(browser.get("/api/session").json()["data"]["name"], 1);
}

fn journal_mode(path: &std::path::Path) -> String {
    let database = rusqlite::Connection::open(path).expect("a database");
    database.query_row("PRAGMA journal_mode", [], |row| row.get(0)).expect("a mode")
}

#[test]
fn a_database_that_is_named_is_not_switched_to_wal() {
    let shared = [("SECRET_KEY", "only for a test"), ("DATABASE_URL", "sqlite:///shared.sqlite3")];
    let demo = Demo::start(&shared);
    let mut browser = demo.browser();
    browser.send("PUT", "/api/session/name", &[], "\"Ada\"");
    assert_eq!(browser.cookies[0].0, "sessionid", "as the Django site beside it");
    let path = demo.folder.path().join("shared.sqlite3");
    assert_eq!(journal_mode(&path), "delete");
    assert!(!demo.folder.path().join("cloakroom-demo.secret").exists());
    assert!(!demo.said.contains("only for a test"));
    let database = rusqlite::Connection::open(&path).expect("a database");
    let rows: u32 = database.query_row("SELECT count(*) FROM django_session", [], |row| row.get(0)).expect("a count");
    assert_eq!(rows, 1);
}

#[test]
fn a_cache_is_named_without_its_password() {
    // Nobody listens there: a site starts while its cache is down.
    let redis = ("CACHE_URL", "redis://:hunter2@127.0.0.1:1/7");
    let demo = Demo::start(&[("SESSION_ENGINE", "cache"), redis]);
    for said in
        ["engine    cache\n", "cache     django.core.cache.backends.redis.RedisCache at redis://", "127.0.0.1:1/7"]
    {
        assert!(demo.said.contains(said), "{}", demo.said);
    }
    assert!(demo.said.contains("none needed") && !demo.said.contains("hunter2"), "{}", demo.said);
    assert_eq!(fs::read_dir(demo.folder.path()).expect("a folder").count(), 0);
    assert_eq!(demo.browser().get("/api/untouched").status, 200);

    let database = ("DATABASE_URL", "sqlite:///shared.sqlite3");
    let by = ("REDIS_BACKEND", "django_redis.cache.RedisCache");
    let demo = Demo::start(&[("SESSION_ENGINE", "cached_db"), redis, by, database, ("SECRET_KEY", "only for a test")]);
    assert!(demo.said.contains("shared.sqlite3 (from DATABASE_URL; the table was made just now)"), "{}", demo.said);
    assert!(demo.said.contains("cache     django_redis.cache.RedisCache at "), "{}", demo.said);
    assert!(!demo.said.contains("hunter2"));
    let mut browser = demo.browser();
    assert_eq!(browser.send("PUT", "/api/session/name", &[], "1").status, 200, "the database is enough");
    assert_eq!(browser.get("/api/session").json()["data"]["name"], 1);

    let demo = Demo::start(&[("SESSION_ENGINE", "cache")]);
    assert!(demo.said.contains("the memory of this process"), "{}", demo.said);
    let mut browser = demo.browser();
    browser.send("PUT", "/api/session/name", &[], "1");
    assert_eq!(browser.get("/api/session").json()["data"]["name"], 1);
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_made() {
    let url = ("DATABASE_URL", "sqlite:///db.sqlite3");
    let dummy = ("CACHE_URL", "dummycache://");
    let cases: [(&[(&str, &str)], &str); 12] = [
        (&[("SESSION_ENGINE", "cache"), dummy], "DummyCache"),
        (&[("SESSION_ENGINE", "cached_db"), url, ("SECRET_KEY", "x"), dummy], "DummyCache"),
        (&[("SESSION_ENGINE", "cache"), ("CACHE_URL", "redis://h"), ("REDIS_BACKEND", "my.Cache")], "my.Cache"),
        (&[("SECRET_KEY", "")], "SECRET_KEY"),
        (&[url], "SECRET_KEY"),
        (&[url, ("SECRET_KEY", "")], "SECRET_KEY"),
        (&[("SESSION_ENGINE", "redis")], "SESSION_ENGINE"),
        (&[("SESSION_COOKIE_NAME", "__Host-sid")], "SESSION_COOKIE_SECURE"),
        (&[("SESSION_COOKIE_SAMESITE", "None")], "SESSION_COOKIE_SAMESITE"),
        (&[("TIME_ZONE", "Mars/Olympus")], "TIME_ZONE"),
        (&[("DATABASE_URL", "oracle://u:hunter2@h/d"), ("SECRET_KEY", "hunter2")], "DATABASE_URL"),
        (&[("DEMO_ADDR", "nowhere")], "DEMO_ADDR"),
    ];
    for (variables, named) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let (output, message) = refused(folder.path(), variables);
        assert_eq!(output.status.code(), Some(1), "{variables:?}: {message}");
        assert!(message.contains(named) && message.lines().count() == 1, "{variables:?}: {message}");
        assert!(!message.contains("hunter2"), "{message}");
        assert!(!folder.path().join("db.sqlite3").exists(), "{variables:?}");
        if named != "DEMO_ADDR" {
            assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "{variables:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_secret_file_that_others_can_read_or_that_is_empty_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cloakroom-demo.secret");
    fs::write(&file, "hunter2hunter2").expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("a mode");
    let (output, message) = refused(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(message.contains("0640") && message.contains("0600") && !message.contains("hunter2"), "{message}");
    fs::write(&file, "\n").expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("a mode");
    let (output, message) = refused(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(message.contains("empty"), "{message}");
}

#[test]
fn an_address_in_use_is_told() {
    let demo = Demo::start(&[("SESSION_ENGINE", "memory")]);
    let folder = tempfile::tempdir().expect("a folder");
    let (output, message) = refused(folder.path(), &[("DEMO_ADDR", &demo.address), ("SESSION_ENGINE", "memory")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(message.contains(&demo.address) && message.contains("DEMO_ADDR"), "{message}");
}

#[cfg(unix)]
#[test]
fn sigterm_stops_it_in_good_order() {
    let demo = Demo::start(&[]);
    demo.browser().get("/");
    assert!(demo.terminate());
}

#[test]
fn arguments_are_wrong_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = command(folder.path(), &[]).arg("--port=1").output().expect("the demo starts");
    assert_eq!(output.status.code(), Some(2));
    let help = command(folder.path(), &[]).arg("--help").output().expect("the demo starts");
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("DATABASE_URL"));
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
}
