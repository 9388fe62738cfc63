//! Places that are not there, or not whole.

use std::fs;
use std::time::Instant;

use test_servers::{MariaDb, PostgreSql, Redis};

use crate::{Place, databases};

const KEY: &str = "abcdefgh01234567";
const ALL: [&[&str]; 6] = [
    &["list"],
    &["stats", "--json"],
    &["show", KEY],
    &["delete", KEY],
    &["delete", "--user", "42"],
    &["delete", "--user", "42", "--dry-run", "--json"],
];

/// Each command fails, says why, and shows nothing.
fn fail(place: &Place, why: &str) {
    for arguments in ALL {
        let started = Instant::now();
        let run = place.cloakroom(arguments);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{}: {arguments:?}: {}", place.name, run.err);
        assert!(run.err.starts_with("cloakroom: ") && run.err.contains(why), "{}: {}", place.name, run.err);
        assert!(!run.err.contains(KEY), "{}: {}", place.name, run.err);
        assert!(started.elapsed().as_secs() < 20, "{}: {arguments:?}: {:?}", place.name, started.elapsed());
    }
}

#[test]
fn a_place_that_is_not_there_is_told_by_every_command() {
    let file = Place::new("db on SQLite", &[("DATABASE_URL", "sqlite:///HERE/nobody.sqlite3")]);
    fail(&file, "there is no SQLite file");
    assert_eq!(fs::read_dir(file.path()).expect("a folder").count(), 0, "nothing was made");
    fail(&Place::new("db", &[]), "DATABASE_URL is not set");
    let folder = Place::new("file", &[("SESSION_ENGINE", "file"), ("SESSION_FILE_PATH", "HERE/nobody")]);
    fail(&folder, "nobody");
    fs::write(file.path().join("nobody.sqlite3"), "").expect("a file");
    fail(&file, "cloakroom migrate");
    let place = Place::sqlite();
    fail(&place.with("SECRET_KEY", ""), "SECRET_KEY");
}

#[test]
fn a_server_that_does_not_answer_is_told_by_every_command() {
    let mut places = Vec::new();
    if let Some(server) = PostgreSql::shared() {
        places.push(Place::new("db on PostgreSQL", &[("DATABASE_URL", &server.url(1, "site"))]));
    }
    if let Some(server) = MariaDb::shared() {
        places.push(Place::new("db on MariaDB", &[("DATABASE_URL", &server.url(1, "site"))]));
    }
    if let Some(server) = Redis::shared() {
        let cache = [("SESSION_ENGINE", "cache"), ("CACHE_URL", &*server.url(1, 0))];
        places.push(Place::new("cache on Redis", &cache));
    }
    for place in places {
        fail(&place, "did not answer");
    }
}

#[test]
fn a_table_that_is_not_there_is_told() {
    for place in databases() {
        fail(&place.with("SESSION_TABLE", "sessions_of_nobody"), "there is no table sessions_of_nobody");
    }
}

#[test]
fn a_row_that_is_damaged_stops_nobody() {
    let place = Place::sqlite();
    let key = place.sessions(1, Some("42"), 60).remove(0);
    let database = rusqlite::Connection::open(place.path().join("db.sqlite3")).expect("a database");
    database
        .execute_batch(&format!(
            "INSERT INTO django_session VALUES ('{KEY}', x'00ff', 'some day'), (7, 7, 7);
             INSERT INTO django_session VALUES ('UPPER-CASE-AND-NO-KEY', 'x', '2100-01-01 00:00:00')"
        ))
        .expect("rows");
    let list = place.cloakroom(&["list", "--keys"]);
    assert!(list.code == 0 && list.out.contains(key.as_str()) && list.out.contains("unknown"), "{}", list.out);
    assert!(!list.out.contains("UPPER"), "{}", list.out);
    assert_eq!(place.json(&["stats", "--json"])["unknown"], 1);
    let shown = place.cloakroom(&["show", KEY]);
    assert!(shown.code == 1 && shown.err.contains("is not shown") && shown.out.is_empty(), "{}", shown.err);
    let ended = place.cloakroom(&["delete", "--user", "42"]);
    assert_eq!((ended.code, ended.out.as_str()), (1, "ended 1 session of user 42; looked at 2\n"), "{}", ended.err);
    assert!(ended.err.contains("1 session cannot be read"), "{}", ended.err);
    assert_eq!(place.cloakroom(&["delete", KEY]).out, "ended 1 session\n");
}
