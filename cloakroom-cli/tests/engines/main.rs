//! The command on each engine: real servers, session files and signed cookies.

#[path = "../support/mod.rs"]
mod support;

mod caches;
mod clearing;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::run;
use support::site::{SECRET, Site};
use test_servers::{MariaDb, PostgreSql};

/// A new database on each server that is installed, with a port at which nobody listens.
fn databases() -> Vec<(String, String)> {
    let mut urls = Vec::new();
    if let Some(server) = PostgreSql::shared() {
        urls.push((server.new_database().url, server.url(1, "site")));
    }
    if let Some(server) = MariaDb::shared() {
        urls.push((server.new_database().url, server.url(1, "site")));
    }
    urls
}

fn shows_no_password(text: &str) {
    for hidden in ["p@ss/w", "p%40ss", "Wq8vT2nLk5"] {
        assert!(!text.contains(hidden), "{text}");
    }
}

#[test]
fn migrate_clearsessions_and_check_on_a_server() {
    let folder = tempfile::tempdir().expect("a folder");
    for (url, nobody) in databases() {
        let variables = [("DATABASE_URL", url.as_str()), ("SECRET_KEY", SECRET)];
        let cloakroom = |arguments: &[&str]| {
            let run = run(folder.path(), &variables, arguments);
            shows_no_password(&run.out);
            shows_no_password(&run.err);
            run
        };
        let none = cloakroom(&["clearsessions"]);
        assert!(none.code == 1 && none.err.contains("cloakroom migrate"), "{}", none.err);
        assert_eq!(cloakroom(&["check"]).code, 1);
        let first: Value = serde_json::from_str(&cloakroom(&["migrate", "--json"]).out).expect("JSON");
        assert_eq!(first, json!({"changed": true, "created_table": true, "created_index": true, "recorded": true}));
        let again = cloakroom(&["migrate"]);
        assert!(again.code == 0 && again.out.contains("nothing to do"), "{}", again.out);
        assert!(cloakroom(&["migrate", "--sql"]).out.contains("CREATE TABLE"));
        let cleared: Value = serde_json::from_str(&cloakroom(&["clearsessions", "--json"]).out).expect("JSON");
        assert_eq!([&cleared["removed"], &cleared["unreadable"]], [&json!(0), &json!(0)]);
        assert_eq!([&cleared["expired"], &cleared["end"]], [&json!(0), &json!("complete")]);
        let check = cloakroom(&["check"]);
        assert!(check.code == 0 && check.out.contains("no session is stored yet"), "{}", check.out);

        let started = std::time::Instant::now();
        let down = run(folder.path(), &[("DATABASE_URL", &nobody), ("SECRET_KEY", SECRET)], &["check"]);
        assert!(down.code == 1 && down.out.contains("error"), "{}", down.out);
        assert!(started.elapsed().as_secs() < 6, "{:?}", started.elapsed());
        shows_no_password(&down.out);
    }
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

/// The doctor proves the site, with the file it wrote as well, and names what is spoilt first.
fn proven(settings: &[(&str, &str)], spoil: &[(&str, &str)], engine: &str) {
    let Some(site) = Site::new(settings) else { return };
    let first = site.doctor(&[], &[]);
    assert_eq!((first.code, first.err.as_str()), (0, ""), "{engine}: {}", first.out);
    assert_eq!(first.out.matches("ok       proof: ").count(), 2, "{engine}: {}", first.out);
    let text = fs::read_to_string(site.path().join("cloakroom.toml")).expect("the file");
    assert!(text.contains(&format!("SESSION_ENGINE = \"{engine}\"")), "{text}");
    // Now that file is among the sources: cloakroom's own settings agree.
    let again = site.doctor(&[], &[]);
    assert_eq!(again.code, 0, "{engine}: {}", again.out);
    assert!(again.out.contains("cloakroom's own agree"), "{}", again.out);
    let check = run(site.path(), &[], &["check"]);
    assert_eq!(check.code, 0, "{engine}: {}", check.out);
    for (name, value) in spoil {
        let spoilt = site.doctor(&[(name, value)], &[]);
        assert_eq!(spoilt.code, 1, "{engine}, {name}: {}", spoilt.out);
        let named = spoilt.out.lines().find(|line| line.contains("the first that differs"));
        let name = if *name == "CACHE_URL" { "CACHES" } else { name };
        assert!(named.is_some_and(|line| line[9..].starts_with(name)), "{engine}, {name}: {}", spoilt.out);
        shows_no_password(&spoilt.out);
    }
}

#[test]
fn the_doctor_proves_databases_on_servers() {
    for (url, _) in databases() {
        let other = url.replace("/site", "/site_of_somebody_else");
        proven(&[("DATABASE_URL", &url)], &[("DATABASE_URL", &other), ("SECRET_KEY", "another")], "db");
    }
}

#[test]
fn the_doctor_proves_session_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let other = tempfile::tempdir().expect("a folder");
    let path = |folder: &Path| folder.display().to_string();
    proven(
        &[("SESSION_ENGINE", "file"), ("SESSION_FILE_PATH", &path(folder.path()))],
        &[("SESSION_FILE_PATH", &path(other.path())), ("SESSION_COOKIE_NAME", "other"), ("SECRET_KEY", "another")],
        "file",
    );
    let left: Vec<_> = fs::read_dir(folder.path()).expect("a folder").flatten().collect();
    assert!(left.iter().all(|entry| !entry.file_name().to_string_lossy().starts_with("sessionid")), "{left:?}");
}

#[test]
fn the_doctor_proves_signed_cookies() {
    proven(&[("SESSION_ENGINE", "signed_cookies")], &[("SECRET_KEY", "another")], "signed_cookies");
}

#[test]
fn session_files_are_checked_and_cleared() {
    let folder = tempfile::tempdir().expect("a folder");
    let sessions = folder.path().join("sessions");
    fs::create_dir(&sessions).expect("a folder");
    let path = sessions.display().to_string();
    let variables = [("SESSION_ENGINE", "file"), ("SESSION_FILE_PATH", path.as_str()), ("SECRET_KEY", SECRET)];
    fs::write(sessions.join("sessionidabcdefgh01234567"), "nobody signed this").expect("a file");
    let cleared = run(folder.path(), &variables, &["clearsessions"]);
    assert_eq!(cleared.code, 0, "{}", cleared.err);
    assert_eq!(cleared.out, "removed 0 expired sessions; 1 cannot be read by any known secret and were left\n");
    let checked = run(folder.path(), &variables, &["check"]);
    assert!(checked.code == 1 && checked.out.contains("SECRET_KEY is not the one"), "{}", checked.out);
    let refused = run(folder.path(), &variables, &["migrate"]);
    assert!(refused.code == 1 && refused.err.contains("need no table"), "{}", refused.err);

    let cookies = [("SESSION_ENGINE", "signed_cookies"), ("SECRET_KEY", SECRET)];
    assert_eq!(run(folder.path(), &cookies, &["clearsessions"]).out, "removed 0 expired sessions\n");
    let deploy = run(folder.path(), &cookies, &["check", "--deploy"]);
    assert!(deploy.out.contains("keeps no record"), "{}", deploy.out);
}
