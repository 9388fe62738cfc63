//! `list`

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{Place, places, shorts};

/// Each page by a run of its own.
fn all(place: &Place, limit: &str, keys: bool) -> (BTreeSet<String>, Vec<Value>) {
    let (mut found, mut sessions, mut position) = (BTreeSet::new(), Vec::new(), None::<String>);
    for _ in 0..100 {
        let mut arguments = vec!["list", "--json", "--limit", limit];
        arguments.extend(keys.then_some("--keys"));
        arguments.extend(position.as_deref().map(|position| ["--after", position]).into_iter().flatten());
        let page = place.json(&arguments);
        for session in page["sessions"].as_array().expect("sessions") {
            found.insert(session["session"].as_str().expect("text").to_owned());
            sessions.push(session.clone());
        }
        position = page["next"].as_str().map(str::to_owned);
        if position.is_none() {
            return (found, sessions);
        }
    }
    panic!("{}: the pages do not end", place.name);
}

#[test]
fn pages_of_runs_of_their_own_show_every_session() {
    for place in places() {
        let none = place.cloakroom(&["list"]);
        assert_eq!((none.code, none.out.as_str()), (0, ""), "{}: {}", place.name, none.err);
        assert!(none.err.contains("no sessions are stored"), "{}", none.err);
        let keys = place.sessions(12, None, 86_400);
        for limit in ["1", "5", "12", "100"] {
            let (found, sessions) = all(&place, limit, false);
            assert_eq!(found, shorts(&keys), "{}: pages of {limit}", place.name);
            assert!(sessions.len() == 12 || place.name == "cache on Redis", "{}: {sessions:?}", place.name);
            for session in sessions {
                assert!(session["bytes"].as_u64() > Some(20) && session["expired"] == false, "{}", place.name);
                assert!(session["expires"].is_string() && session.get("key").is_none(), "{}: {session}", place.name);
            }
        }
    }
}

#[test]
fn a_key_is_shown_only_to_those_who_ask() {
    for place in places() {
        let keys = place.sessions(5, Some("42"), 86_400);
        for arguments in [&["list"][..], &["list", "--json"], &["list", "--limit", "3"]] {
            let run = place.cloakroom(arguments);
            assert_eq!(run.code, 0, "{}: {}", place.name, run.err);
            for key in &keys {
                let shown = run.out.contains(key.as_str()) || run.err.contains(key.as_str());
                assert!(!shown, "{}: {}{}", place.name, run.out, run.err);
            }
        }
        let run = place.cloakroom(&["list", "--keys"]);
        for key in &keys {
            let line = run.out.lines().find(|line| line.contains(key.as_str())).expect("a line");
            assert!(line.starts_with(&key.short_hash()) && line.ends_with("  in 23 hours"), "{}: {line}", place.name);
        }
        assert!(all(&place, "2", true).1.iter().all(|session| session["key"].is_string()), "{}", place.name);
    }
}

#[test]
fn what_has_expired_is_listed_and_where_to_go_on_is_told() {
    let place = Place::sqlite();
    place.sessions(2, None, -3 * 86_400);
    place.sessions(2, None, 10 * 86_400);
    let run = place.cloakroom(&["list", "--limit", "3"]);
    let position = run.err.trim_end().strip_prefix("more: --after ").expect("a position").to_owned();
    assert!(position.len() < 5, "no more of a key than it takes: {position}");
    let rest = place.cloakroom(&["list", "--after", &position]);
    assert_eq!((rest.code, rest.err.as_str()), (0, ""));
    let lines: Vec<_> = run.out.lines().skip(1).chain(rest.out.lines().skip(1)).collect();
    let count = |end: &str| lines.iter().filter(|line| line.ends_with(end)).count();
    assert_eq!((lines.len(), count("expired 3 days ago"), count("in 9 days")), (4, 2, 2), "{lines:?}");
    assert!(run.out.starts_with("SESSION   "), "{}", run.out);
    let beyond = place.cloakroom(&["list", "--after", "zzzzzzzzz"]);
    assert!(beyond.code == 0 && beyond.err.contains("from there on"), "{}", beyond.err);
    assert_eq!(place.cloakroom(&["list", "--limit", "0"]).code, 2);
}

#[test]
fn other_rows_of_a_shared_table_are_no_sessions() {
    let places = places();
    let place = places.iter().find(|place| place.name == "cache in a table").expect("the place");
    let database = rusqlite::Connection::open(place.path().join("db.sqlite3")).expect("a database");
    database
        .execute_batch(
            "INSERT INTO session_cache VALUES (':1:views.decorators.page', 'gAR9lC4=', '2100-01-01 00:00:00'),
             ('shop:1:django.contrib.sessions.cacheabcdefgh01234567', 'gAR9lC4=', '2100-01-01 00:00:00')",
        )
        .expect("rows");
    let keys = place.sessions(1, None, 60);
    assert_eq!(all(place, "100", false).0, shorts(&keys));
    assert_eq!(place.json(&["stats", "--json"])["sessions"], 1);
}
