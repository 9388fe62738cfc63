//! `clearsessions` on many rows: its budgets, a second one, one that is interrupted, one that is killed.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use test_servers::{MariaDb, PostgreSql};

use crate::shows_no_password;
use crate::support::run;

/// Longer than any machine takes.
const PATIENCE: Duration = Duration::from_secs(60);
const ROWS: u32 = 3_000;

/// A database with a way to fill it, which counts too.
struct Database {
    url: String,
    ask: Box<dyn Fn(&str) -> String>,
    series: &'static str,
}

impl Database {
    fn fill(&self) {
        (self.ask)("DELETE FROM django_session");
        (self.ask)(&format!("INSERT INTO django_session {}", self.series));
        assert_eq!(self.rows(), ROWS);
    }

    fn rows(&self) -> u32 {
        (self.ask)("SELECT count(*) FROM django_session").trim().parse().expect("a number")
    }
}

/// SQLite, and the servers that are installed.
fn databases(folder: &Path) -> Vec<Database> {
    let path = folder.join("db.sqlite3");
    let mut all = vec![Database {
        url: format!("sqlite:///{}", path.display()),
        ask: Box::new(move |sql| {
            let database = rusqlite::Connection::open(&path).expect("a database");
            database.busy_timeout(PATIENCE).expect("a time-out");
            let answer = database.query_row(sql, [], |row| row.get::<_, i64>(0));
            answer.map(|number| number.to_string()).unwrap_or_default()
        }),
        series: "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 3000) \
                 SELECT 'key' || n, '', '2001-02-03 04:05:06' FROM c",
    }];
    if let Some(server) = PostgreSql::shared() {
        let database = server.new_database();
        all.push(Database {
            url: database.url,
            ask: Box::new(move |sql| server.psql(&database.name, sql)),
            series: "SELECT 'key' || n, '', timestamptz '2001-02-03 04:05:06+00' FROM generate_series(1, 3000) n",
        });
    }
    if let Some(server) = MariaDb::shared() {
        let database = server.new_database();
        all.push(Database {
            url: database.url,
            ask: Box::new(move |sql| server.query(&database.name, sql)),
            series: "SELECT CONCAT('key', seq), '', '2001-02-03 04:05:06' FROM seq_1_to_3000",
        });
    }
    all
}

/// One that takes its time, once it has begun.
fn slow(folder: &Path, database: &Database) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloakroom"));
    command.current_dir(folder).env("DATABASE_URL", &database.url);
    command.args(["clearsessions", "--batch", "10", "--pause", "100ms"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts");
    let begin = Instant::now();
    while database.rows() == ROWS {
        assert!(begin.elapsed() < PATIENCE && child.try_wait().expect("its state").is_none(), "it does not begin");
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}

#[test]
fn clearsessions_keeps_to_its_budgets() {
    let folder = tempfile::tempdir().expect("a folder");
    for database in databases(folder.path()) {
        let variables = [("DATABASE_URL", database.url.as_str())];
        let cloakroom = |arguments: &[&str]| run(folder.path(), &variables, arguments);
        assert_eq!(cloakroom(&["migrate"]).code, 0);
        database.fill();
        let dry = cloakroom(&["clearsessions", "--dry-run"]);
        assert_eq!((dry.code, &*dry.out), (0, "3,000 expired sessions would be removed\n"), "{}", dry.err);
        assert_eq!(database.rows(), ROWS);
        let rows = cloakroom(&["clearsessions", "--max-rows", "700"]);
        assert_eq!((rows.code, &*rows.out), (0, "removed 700 expired sessions; that is --max-rows, 2,300 are left\n"));
        let json = cloakroom(&["clearsessions", "--json", "--batch", "1", "--pause", "1s", "--max-time", "10ms"]);
        let answer: Value = serde_json::from_str(&json.out).expect("JSON");
        assert_eq!((json.code, answer["end"].as_str()), (0, Some("max_time")), "{answer}");
        let removed = answer["removed"].as_u64().expect("a number");
        assert!(removed < 2_300 && answer["expired"] == 2_300, "{answer}");
        let rest = cloakroom(&["clearsessions", "--batch", "500"]);
        assert_eq!((rest.code, database.rows()), (0, 0), "{}", rest.err);
        for wrong in [["--batch", "0"], ["--pause", "5"], ["--max-time", "soon"], ["--max-rows", "many"]] {
            let refused = cloakroom(&["clearsessions", wrong[0], wrong[1]]);
            assert!(refused.code == 2 && refused.err.contains(wrong[0]), "{}", refused.err);
        }
    }
}

#[test]
fn a_second_clearsessions_steps_aside_and_an_interrupted_one_says_how_far_it_came() {
    let folder = tempfile::tempdir().expect("a folder");
    for database in databases(folder.path()) {
        let variables = [("DATABASE_URL", database.url.as_str())];
        let cloakroom = |arguments: &[&str]| run(folder.path(), &variables, arguments);
        assert_eq!(cloakroom(&["migrate"]).code, 0);
        for (signal, code) in [("INT", 130), ("TERM", 143)] {
            database.fill();
            let first = slow(folder.path(), &database);
            let second = cloakroom(&["clearsessions"]);
            assert_eq!((second.code, second.out.as_str()), (3, ""));
            assert!(second.err.contains("another clean-up of these sessions is under way"), "{}", second.err);
            let json: Value = serde_json::from_str(&cloakroom(&["clearsessions", "--json"]).out).expect("JSON");
            assert_eq!(json["end"], "under_way");
            let kill = Command::new("kill").args(["-s", signal, &first.id().to_string()]).status().expect("kill");
            assert!(kill.success());
            let first = first.wait_with_output().expect("its end");
            let (out, err) = (String::from_utf8_lossy(&first.stdout), String::from_utf8_lossy(&first.stderr));
            assert_eq!(first.status.code(), Some(code), "{out}{err}");
            let left = database.rows();
            let told = format!("removed {} expired session", group(ROWS - left));
            assert!(out.starts_with(&told) && out.contains("interrupted") && left > 0, "{left} left: {out}");
            shows_no_password(&err);
        }
        // One that is killed is in nobody's way.
        database.fill();
        let mut first = slow(folder.path(), &database);
        first.kill().expect("killed");
        first.wait().expect("its end");
        let begin = Instant::now();
        while cloakroom(&["clearsessions"]).code == 3 {
            assert!(begin.elapsed() < PATIENCE, "a killed clean-up still has the turn");
        }
        assert_eq!(database.rows(), 0);
    }
    // Nothing else is left beside the database.
    let beside = fs::read_dir(folder.path()).expect("a folder").flatten().map(|entry| entry.file_name());
    let mut beside: Vec<_> = beside.map(|name| name.to_string_lossy().into_owned()).collect();
    beside.sort();
    assert_eq!(beside, ["db.sqlite3", "db.sqlite3-cloakroom-clearing"]);
}

fn group(number: u32) -> String {
    if number < 1_000 { number.to_string() } else { format!("{},{:03}", number / 1_000, number % 1_000) }
}
