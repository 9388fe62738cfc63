//! `migrate` and `clearsessions` on real SQLite files.

mod support;

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};
use support::run;

const URL: (&str, &str) = ("DATABASE_URL", "sqlite:///db.sqlite3");

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn database(folder: &Path) -> Connection {
    Connection::open(folder.join("db.sqlite3")).expect("a database")
}

fn schema(database: &Connection) -> Vec<String> {
    let mut statement = database.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").expect("a statement");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    let mut rows: Vec<String> = rows.collect::<Result<_, _>>().expect("text");
    rows.sort();
    rows
}

#[test]
fn migrate_makes_the_file_and_the_table_and_is_harmless_again() {
    let folder = folder();
    let first = run(folder.path(), &[URL], &["migrate"]);
    assert_eq!((first.code, first.err.as_str()), (0, ""));
    assert!(first.out.contains("created the table django_session"), "{}", first.out);
    let made = schema(&database(folder.path()));
    let again = run(folder.path(), &[URL], &["migrate"]);
    assert_eq!(again.code, 0);
    assert!(again.out.contains("nothing to do"), "{}", again.out);
    assert_eq!(schema(&database(folder.path())), made);
    let records: u32 = database(folder.path())
        .query_row("SELECT count(*) FROM django_migrations WHERE app = 'sessions'", [], |row| row.get(0))
        .expect("a count");
    assert_eq!(records, 1);
}

#[test]
fn migrate_answers_in_json() {
    let folder = folder();
    let url = ["migrate", "--json", "--database-url", "sqlite:///db.sqlite3"];
    let first: Value = serde_json::from_str(&run(folder.path(), &[], &url).out).expect("JSON");
    assert_eq!(first, json!({"changed": true, "created_table": true, "created_index": true, "recorded": true}));
    let again: Value = serde_json::from_str(&run(folder.path(), &[], &url).out).expect("JSON");
    assert_eq!(again["changed"], false);
}

#[test]
fn the_printed_statements_make_what_migrate_makes() {
    let folder = folder();
    let sql = run(folder.path(), &[], &["migrate", "--sql"]);
    assert_eq!((sql.code, sql.err.as_str()), (0, ""));
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing was touched");
    let by_hand = Connection::open_in_memory().expect("a database");
    by_hand.execute_batch(&sql.out).expect("valid SQL");
    assert_eq!(run(folder.path(), &[URL], &["migrate"]).code, 0);
    assert_eq!(schema(&by_hand), schema(&database(folder.path())));
    let listed: Value =
        serde_json::from_str(&run(folder.path(), &[], &["migrate", "--sql", "--json"]).out).expect("JSON");
    assert_eq!(listed["sql"].as_array().map(Vec::len), Some(4));
}

#[test]
fn migrate_leaves_a_table_of_another_shape_alone() {
    let folder = folder();
    database(folder.path()).execute_batch("CREATE TABLE django_session (id integer)").expect("a table");
    let refused = run(folder.path(), &[URL], &["migrate"]);
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    assert!(refused.err.contains("django_session"), "{}", refused.err);
    assert_eq!(schema(&database(folder.path())), ["CREATE TABLE django_session (id integer)"]);
}

#[test]
fn clearsessions_removes_what_expired_and_counts_it() {
    let folder = folder();
    run(folder.path(), &[URL], &["migrate"]);
    let put = |from: u32, to: u32, expires: &str| {
        let mut database = database(folder.path());
        let rows = database.transaction().expect("a transaction");
        for number in from..to {
            rows.execute("INSERT INTO django_session VALUES (?1, '', ?2)", (format!("key{number:08}"), expires))
                .expect("a row");
        }
        rows.commit().expect("committed");
    };
    put(0, 1_203, "2020-01-01 00:00:00");
    put(2_000, 2_003, "2999-01-01 00:00:00.000001");
    let json = run(folder.path(), &[URL], &["clearsessions", "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!((json.code, answer["removed"].as_u64(), answer["unreadable"].as_u64()), (0, Some(1_203), Some(0)));
    put(0, 1, "2020-01-01 00:00:00");
    assert_eq!(run(folder.path(), &[URL], &["clearsessions"]).out, "removed 1 expired session\n");
    assert_eq!(run(folder.path(), &[URL], &["clearsessions"]).out, "removed 0 expired sessions\n");
    let left: u32 = database(folder.path())
        .query_row("SELECT count(*) FROM django_session", [], |row| row.get(0))
        .expect("a count");
    assert_eq!(left, 3);
}

#[test]
fn what_is_missing_is_told_with_the_remedy() {
    let folder = folder();
    let no_file = run(folder.path(), &[URL], &["clearsessions"]);
    assert_eq!(no_file.code, 1);
    assert!(no_file.err.contains("db.sqlite3") && no_file.err.contains("cloakroom migrate"), "{}", no_file.err);
    assert!(!folder.path().join("db.sqlite3").exists());
    drop(database(folder.path()));
    fs::write(folder.path().join("db.sqlite3"), "").expect("an empty database");
    let no_table = run(folder.path(), &[URL], &["clearsessions"]);
    assert_eq!(no_table.code, 1);
    assert!(no_table.err.contains("django_session") && no_table.err.contains("cloakroom migrate"), "{}", no_table.err);
}

#[test]
fn settings_that_cannot_be_used_are_named() {
    let folder = folder();
    let secret_url = "oracle://user:hunter2@host/db";
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], &'a str);
    let cases: [Case<'_>; 6] = [
        (&[], &["migrate"], "DATABASE_URL"),
        (&[], &["migrate", "--database-url", secret_url], "DATABASE_URL"),
        (&[("DATABASE_URL", secret_url)], &["clearsessions"], "DATABASE_URL"),
        (&[URL], &["migrate", "--engine", "redis"], "SESSION_ENGINE"),
        (&[URL, ("SESSION_ENGINE", "memory")], &["migrate"], "SESSION_ENGINE"),
        (&[URL, ("USE_TZ", "False"), ("TIME_ZONE", "Mars/Olympus")], &["migrate"], "TIME_ZONE"),
    ];
    for (variables, arguments, named) in cases {
        let refused = run(folder.path(), variables, arguments);
        assert_eq!((refused.code, refused.out.as_str()), (1, ""), "{arguments:?}");
        assert!(refused.err.contains(named) && refused.err.lines().count() == 1, "{}", refused.err);
        assert!(!refused.err.contains("hunter2"), "{}", refused.err);
    }
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    let odd = run(folder.path(), &[], &["migrate", "--database-url", "sqlite:///no/such/folder/db.sqlite3"]);
    assert_eq!(odd.code, 1);
    fs::write(folder.path().join("db.sqlite3"), "this is no database at all, only some text").expect("a file");
    let text = run(folder.path(), &[URL], &["migrate"]);
    assert!(text.code == 1 && text.err.contains("is not a SQLite database"), "{}", text.err);
}

#[test]
fn help_version_and_wrong_usage() {
    let folder = folder();
    let secrets = [("DATABASE_URL", "sqlite:///hunter2"), ("SECRET_KEY", "hunter3")];
    for arguments in [&["--help"][..], &["migrate", "--help"], &["clearsessions", "--help"], &["decode", "--help"]] {
        let help = run(folder.path(), &secrets, arguments);
        assert_eq!(help.code, 0);
        assert!(help.out.contains("cloakroom") && !help.out.contains("hunter"), "{}", help.out);
    }
    let version = run(folder.path(), &[], &["--version"]);
    assert_eq!(version.out, format!("cloakroom {}\n", env!("CARGO_PKG_VERSION")));
    for arguments in [&[][..], &["dance"], &["migrate", "--secret-key", "x"], &["clearsessions", "extra"]] {
        assert_eq!(run(folder.path(), &[], arguments).code, 2, "{arguments:?}");
    }
}
