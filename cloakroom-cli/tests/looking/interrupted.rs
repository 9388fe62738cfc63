//! `delete` on many sessions: one that is interrupted, one that is killed, a database that goes away meanwhile.

use std::io::Write as _;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cloakroom::SessionData;
use test_servers::{MariaDb, PostgreSql};

use crate::support::site::SECRET;
use crate::{Place, wait};

/// Longer than any machine takes.
const PATIENCE: Duration = Duration::from_secs(60);
const ROWS: u32 = 4_000;

/// A database with a way to fill it, which counts too.
struct Database {
    place: Place,
    url: String,
    ask: Box<dyn Fn(&str) -> String>,
    series: &'static str,
}

impl Database {
    /// All of one user, and all alike.
    fn fill(&self) {
        (self.ask)("DELETE FROM django_session");
        let data = wait(async {
            let data = SessionData::from_json(r#"{"_auth_user_id":"42"}"#).expect("JSON");
            self.place.store().encode(&data).expect("text")
        });
        (self.ask)(&format!("INSERT INTO django_session {}", self.series.replace("DATA", &data)));
        assert_eq!(self.rows(), ROWS);
    }

    fn rows(&self) -> u32 {
        (self.ask)("SELECT count(*) FROM django_session").trim().parse().expect("a number")
    }

    fn cloakroom(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cloakroom"));
        command.current_dir(self.place.path()).env("DATABASE_URL", &self.url).env("SECRET_KEY", SECRET);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// One that has begun and is not done.
    fn begun(&self) -> Child {
        let mut child = self.cloakroom(&["delete", "--user", "42"]).spawn().expect("the command starts");
        let begin = Instant::now();
        while self.rows() == ROWS {
            assert!(begin.elapsed() < PATIENCE && child.try_wait().expect("its state").is_none(), "it does not begin");
        }
        child
    }
}

fn on_postgresql(server: &'static PostgreSql) -> Database {
    let database = server.new_database();
    Database {
        place: Place::new("db on PostgreSQL", &[("DATABASE_URL", &database.url)]),
        url: database.url,
        ask: Box::new(move |sql| server.psql(&database.name, sql)),
        series: "SELECT 'keykeykey' || n, 'DATA', timestamptz '2100-02-03 04:05:06+00' FROM generate_series(1, 4000) n",
    }
}

fn databases() -> Vec<Database> {
    let place = Place::new("db on SQLite", &[("DATABASE_URL", "sqlite:///HERE/db.sqlite3")]);
    let path = place.path().join("db.sqlite3");
    let mut all = vec![Database {
        url: format!("sqlite:///{}", path.display()),
        place,
        ask: Box::new(move |sql| {
            let database = rusqlite::Connection::open(&path).expect("a database");
            database.busy_timeout(PATIENCE).expect("a time-out");
            let answer = database.query_row(sql, [], |row| row.get::<_, i64>(0));
            answer.map(|number| number.to_string()).unwrap_or_default()
        }),
        series: "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 4000) \
                 SELECT 'keykeykey' || n, 'DATA', '2100-02-03 04:05:06' FROM c",
    }];
    all.extend(PostgreSql::shared().map(on_postgresql));
    if let Some(server) = MariaDb::shared() {
        let database = server.new_database();
        all.push(Database {
            place: Place::new("db on MariaDB", &[("DATABASE_URL", &database.url)]),
            url: database.url,
            ask: Box::new(move |sql| server.query(&database.name, sql)),
            series: "SELECT CONCAT('keykeykey', seq), 'DATA', '2100-02-03 04:05:06' FROM seq_1_to_4000",
        });
    }
    for database in &all {
        assert_eq!(database.place.cloakroom(&["migrate"]).code, 0);
    }
    all
}

fn told(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// The number at the start of the words after these.
fn number_after(text: &str, words: &str) -> u32 {
    let after = text.split_once(words).unwrap_or_else(|| panic!("{words:?} in {text}")).1;
    let digits: String = after.chars().take_while(|c| c.is_ascii_digit() || *c == ',').filter(|c| *c != ',').collect();
    digits.parse().expect("a number")
}

#[test]
fn one_that_is_interrupted_tells_how_many_it_has_ended() {
    for database in databases() {
        for (signal, code) in [("INT", 130), ("TERM", 143)] {
            database.fill();
            let child = database.begun();
            let kill = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().expect("kill");
            assert!(kill.success());
            let output = child.wait_with_output().expect("its end");
            let (out, err) = told(&output);
            assert_eq!(output.status.code(), Some(code), "{}: {out}{err}", database.place.name);
            assert!(out.contains("interrupted, so there may be more: run it again"), "{out}");
            let left = database.rows();
            assert_eq!(number_after(&out, "ended "), ROWS - left, "{}: {out}", database.place.name);
            assert!(left > 0, "{}", database.place.name);
        }
        // One that is killed, and one that goes on where it ended.
        database.fill();
        let mut child = database.begun();
        child.kill().expect("killed");
        child.wait().expect("its end");
        // Some are enough.
        (database.ask)("DELETE FROM django_session WHERE session_key > 'keykeykey13'");
        let left = database.rows();
        let rest = database.place.json(&["delete", "--user", "42", "--json", "--dry-run"]);
        assert_eq!(rest["found"], left, "{}", database.place.name);
        let rest = database.cloakroom(&["delete", "--user", "42"]).output().expect("its end");
        assert!(rest.status.success() && database.rows() == 0, "{}: {:?}", database.place.name, told(&rest));
    }
}

#[test]
fn one_that_waits_for_keys_is_interrupted_and_tells_what_it_has_ended() {
    let database = databases().remove(0);
    let key = database.place.sessions(2, None, 60).remove(0);
    let mut child = database.cloakroom(&["delete", "-"]).stdin(Stdio::piped()).spawn().expect("the command starts");
    let mut input = child.stdin.take().expect("its input");
    writeln!(input, "{}", key.as_str()).expect("a line");
    let begin = Instant::now();
    while database.rows() == 2 {
        assert!(begin.elapsed() < PATIENCE && child.try_wait().expect("its state").is_none(), "it does not begin");
    }
    let kill = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status().expect("kill");
    assert!(kill.success());
    let output = child.wait_with_output().expect("its end");
    let (out, err) = told(&output);
    assert_eq!((output.status.code(), err.as_str()), (Some(130), ""));
    assert_eq!(out, "ended 1 session; interrupted, the keys after that were left\n");
    assert_eq!(database.rows(), 1);
    drop(input);
}

#[test]
fn a_database_that_goes_away_is_told_with_what_was_done() {
    let Some(server) = PostgreSql::start() else { return };
    let new = server.new_database();
    let server = Arc::new(Mutex::new(server));
    let (asked, name) = (Arc::clone(&server), new.name);
    let database = Database {
        place: Place::new("db on PostgreSQL", &[("DATABASE_URL", &new.url)]),
        url: new.url,
        ask: Box::new(move |sql| asked.lock().expect("the server").psql(&name, sql)),
        series: "SELECT 'keykeykey' || n, 'DATA', timestamptz '2100-02-03 04:05:06+00' FROM generate_series(1, 4000) n",
    };
    assert_eq!(database.place.cloakroom(&["migrate"]).code, 0);
    database.fill();
    let child = database.begun();
    server.lock().expect("the server").kill();
    let output = child.wait_with_output().expect("its end");
    let (out, err) = told(&output);
    assert_eq!((output.status.code(), out.as_str()), (Some(1), ""), "{err}");
    let told = number_after(&err.replace(" sessions of this user ended before", ""), "; ");
    server.lock().expect("the server").restart();
    let gone = ROWS - database.rows();
    // Of the eight that were under way some may have ended unseen.
    assert!(told > 0 && (told..=told + 8).contains(&gone), "{told} told, {gone} gone: {err}");
}
