//! `createcachetable` on SQLite, PostgreSQL and MariaDB.

mod support;

use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};
use support::run;

const URL: (&str, &str) = ("DATABASE_URL", "sqlite:///db.sqlite3");
const CACHE: (&str, &str) = ("CACHE_URL", "dbcache://shop_cache");

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn schema(folder: &Path) -> Vec<(String, String)> {
    let database = Connection::open(folder.join("db.sqlite3")).expect("a database");
    let sql = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name";
    let mut statement = database.prepare(sql).expect("a statement");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.collect::<Result<_, _>>().expect("text")
}

#[test]
fn the_table_of_the_cache_is_made_once() {
    let folder = folder();
    let first = run(folder.path(), &[URL, CACHE], &["createcachetable"]);
    assert_eq!((first.code, first.err.as_str()), (0, ""));
    assert!(first.out.contains("created the cache table shop_cache"), "{}", first.out);
    let made = schema(folder.path());
    assert_eq!(made.len(), 2);
    let again = run(folder.path(), &[URL, CACHE], &["createcachetable"]);
    assert_eq!(again.code, 0);
    assert!(again.out.contains("there is already a table shop_cache"), "{}", again.out);
    assert_eq!(schema(folder.path()), made);
    // What is printed makes the same.
    let sql = run(folder.path(), &[URL, CACHE], &["createcachetable", "--dry-run"]).out;
    let other = self::folder();
    Connection::open(other.path().join("db.sqlite3")).expect("a database").execute_batch(&sql).expect("statements");
    assert_eq!(schema(other.path()), made);
}

#[test]
fn all_database_caches_are_found_in_the_file_and_no_other() {
    let folder = folder();
    let toml = "\
DATABASE_URL = 'sqlite:///db.sqlite3'
[CACHES.default]
BACKEND = 'django.core.cache.backends.locmem.LocMemCache'
[CACHES.slow]
BACKEND = 'django.core.cache.backends.db.DatabaseCache'
LOCATION = 'slow_cache'
[CACHES.twin]
BACKEND = 'django.core.cache.backends.db.DatabaseCache'
LOCATION = 'slow_cache'
KEY_PREFIX = 'twin'
[CACHES.more]
BACKEND = 'django.core.cache.backends.db.DatabaseCache'
LOCATION = 'more cache'
";
    std::fs::write(folder.path().join("cloakroom.toml"), toml).expect("a file");
    let answer: Value =
        serde_json::from_str(&run(folder.path(), &[], &["createcachetable", "--json"]).out).expect("JSON");
    assert_eq!(answer, json!({"created": {"slow_cache": true, "more cache": true}}));
    let names: Vec<_> = schema(folder.path()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["more cache", "more cache_expires", "slow_cache", "slow_cache_expires"]);
}

#[test]
fn tables_can_be_named_and_none_is_no_error() {
    let folder = folder();
    let none = run(folder.path(), &[URL], &["createcachetable"]);
    assert_eq!(none.code, 0);
    assert!(none.out.contains("nothing to do"), "{}", none.out);
    assert!(!folder.path().join("db.sqlite3").exists());
    let dry = run(folder.path(), &[URL], &["createcachetable", "one", "--dry-run"]);
    assert!(dry.out.starts_with("CREATE TABLE \"one\" ("), "{}", dry.out);
    assert!(!folder.path().join("db.sqlite3").exists());
    let two = run(folder.path(), &[URL], &["createcachetable", "one", "two"]);
    assert_eq!((two.code, schema(folder.path()).len()), (0, 4), "{}", two.err);
}

#[test]
fn what_keeps_it_from_writing_is_told() {
    let folder = folder();
    let read_only = run(folder.path(), &[URL, CACHE, ("SESSION_READ_ONLY", "true")], &["createcachetable"]);
    assert_eq!(read_only.code, 1);
    assert!(read_only.err.contains("SESSION_READ_ONLY"), "{}", read_only.err);
    let nowhere = run(folder.path(), &[CACHE], &["createcachetable"]);
    assert_eq!(nowhere.code, 1);
    assert!(nowhere.err.contains("DATABASE_URL is not set"), "{}", nowhere.err);
}

fn twice(url: &str, table: &str) {
    let folder = folder();
    for (round, expected) in ["created the cache table", "there is already a table"].into_iter().enumerate() {
        let done = run(folder.path(), &[("DATABASE_URL", url)], &["createcachetable", table]);
        assert_eq!(done.code, 0, "{}", done.err);
        assert!(done.out.contains(expected), "round {round}: {}", done.out);
        assert!(!done.out.contains(test_servers::PASSWORD), "{}", done.out);
    }
}

#[test]
fn it_makes_the_table_on_servers() {
    if let Some(server) = test_servers::PostgreSql::shared() {
        twice(&server.url(server.port(), &server.new_database().name), "shop \"cache\"");
    }
    if let Some(server) = test_servers::MariaDb::shared() {
        twice(&server.url(server.port(), &server.new_database().name), "shop `cache`");
    }
}
