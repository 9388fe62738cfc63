//! `delete`

use cloakroom::SessionKey;
use serde_json::json;
use test_servers::Redis;

use crate::support::site::OTHER_SECRET;
use crate::{Place, places, wait};

#[test]
fn sessions_end_by_their_keys_and_an_unknown_one_is_told() {
    for place in places() {
        let keys = place.sessions(4, None, 86_400);
        let unknown = SessionKey::generate();
        let given = ["delete", keys[0].as_str(), unknown.as_str(), "no-key-at-all", keys[1].as_str()];
        let run = place.cloakroom(&given);
        assert_eq!(run.code, 1, "{}: {}", place.name, run.out);
        assert_eq!(run.out, "ended 2 sessions; 1 key names no session; 1 no session key\n", "{}", place.name);
        assert!(run.err.contains(&format!("under the key {}\n", unknown.short_hash())), "{}", run.err);
        assert!(run.err.contains("key number 3 is none"), "{}", run.err);
        assert!(!run.err.contains(unknown.as_str()) && !run.err.contains("no-key-at-all"), "{}", run.err);
        let there: Vec<bool> = keys.iter().map(|key| place.exists(key)).collect();
        assert_eq!(there, [false, false, true, true], "{}", place.name);
        let input = format!("\n  {}\r\n{}", keys[2].as_str(), keys[3].as_str());
        let rest = place.cloakroom_with(&["delete", "-"], &input);
        assert_eq!((rest.code, rest.out.as_str(), rest.err.as_str()), (0, "ended 2 sessions\n", ""), "{}", place.name);
        let again = place.cloakroom_with(&["delete", "--json", "-"], keys[2].as_str());
        assert_eq!(again.code, 1, "{}", place.name);
        let answer: serde_json::Value = serde_json::from_str(&again.out).expect("JSON");
        let expected = json!({"ended": 0, "unknown": [keys[2].short_hash()], "invalid": 0, "end": "complete"});
        assert_eq!(answer, expected, "{}", place.name);
    }
}

#[test]
fn a_command_line_that_makes_no_sense_ends_nothing() {
    let place = Place::sqlite();
    let key = place.sessions(1, Some("42"), 60).remove(0);
    let key = key.as_str();
    for wrong in [
        &["delete"][..],
        &["delete", key, "--user", "42"],
        &["delete", key, "--dry-run"],
        &["delete", "--user", ""],
        &["delete", "--user", "42", "--batch", "7"],
    ] {
        assert_eq!(place.cloakroom(wrong).code, 2, "{wrong:?}");
    }
    let nothing = place.cloakroom_with(&["delete", "-"], "\n");
    assert!(nothing.code == 1 && nothing.err.contains("holds no session key"), "{}", nothing.err);
    let read_only = place.with("SESSION_READ_ONLY", "on");
    for refused in [&["delete", key][..], &["delete", "--user", "42"]] {
        let run = read_only.cloakroom(refused);
        assert!(run.code == 1 && run.err.contains("SESSION_READ_ONLY"), "{}", run.err);
    }
    assert_eq!(read_only.json(&["delete", "--user", "42", "--dry-run", "--json"])["found"], 1);
    assert!(place.exists(&SessionKey::parse(key).expect("a key")));
}

#[test]
fn all_sessions_of_a_user_end_and_no_others() {
    for place in places() {
        let theirs = place.sessions(20, Some("42"), 86_400);
        let others = [place.sessions(10, Some("421"), 86_400), place.sessions(10, None, 86_400)].concat();
        let dry = place.cloakroom(&["delete", "--user", "42", "--dry-run"]);
        assert_eq!((dry.code, dry.err.as_str()), (0, ""), "{}", place.name);
        assert_eq!(dry.out, "20 sessions of user 42 would be ended; looked at 40\n", "{}", place.name);
        assert!(theirs.iter().all(|key| place.exists(key)), "{}", place.name);
        let run = place.cloakroom(&["delete", "--user", "42"]);
        assert_eq!((run.code, run.out.as_str()), (0, "ended 20 sessions of user 42; looked at 40\n"), "{}", place.name);
        assert!(run.err.contains("a login made while this ran may have been missed"), "{}", run.err);
        assert!(!theirs.iter().any(|key| place.exists(key)), "{}", place.name);
        assert!(others.iter().all(|key| place.exists(key)), "{}", place.name);
        let answer = place.json(&["delete", "--user", "42", "--json"]);
        for (member, value) in [("found", json!(0)), ("ended", json!(0)), ("unreadable", json!(0))] {
            assert_eq!(answer[member], value, "{}: {answer}", place.name);
        }
        assert_eq!([&answer["looked_at"], &answer["end"]], [&json!(20), &json!("complete")], "{}", place.name);
    }
}

#[test]
fn where_some_cannot_be_read_that_is_told_and_the_exit_code_is_not_0() {
    for place in places().into_iter().filter(|place| !place.name.starts_with("cache")) {
        let theirs = place.sessions(2, Some("42"), 86_400);
        let foreign = place.with("SECRET_KEY", OTHER_SECRET).sessions(3, Some("42"), 86_400);
        let run = place.cloakroom(&["delete", "--user", "42"]);
        assert_eq!((run.code, run.out.as_str()), (1, "ended 2 sessions of user 42; looked at 5\n"), "{}", place.name);
        assert!(run.err.contains("3 sessions cannot be read by any known secret"), "{}: {}", place.name, run.err);
        assert!(!theirs.iter().any(|key| place.exists(key)) && foreign.iter().all(|key| place.exists(key)));
        let dry = place.cloakroom(&["delete", "--user", "42", "--dry-run", "--json"]);
        let answer: serde_json::Value = serde_json::from_str(&dry.out).expect("JSON");
        assert_eq!((dry.code, &answer["unreadable"]), (1, &json!(3)), "{}", place.name);
    }
}

/// Django and cloakroom ask the cache first: what has ended must not live on there.
#[test]
fn a_session_that_ends_in_the_database_ends_in_the_cache_in_front_of_it() {
    let Some(server) = Redis::shared() else { return };
    let cache = server.url(server.port(), server.new_database());
    let place = Place::new(
        "cached_db",
        &[("SESSION_ENGINE", "cached_db"), ("DATABASE_URL", "sqlite:///HERE/db.sqlite3"), ("CACHE_URL", &cache)],
    );
    assert_eq!(place.cloakroom(&["migrate"]).code, 0);
    let keys = place.sessions(6, Some("42"), 86_400);
    // The row of one of them has gone, and its copy has stayed.
    let database = rusqlite::Connection::open(place.path().join("db.sqlite3")).expect("a database");
    database.execute("DELETE FROM django_session WHERE session_key = ?1", [keys[0].as_str()]).expect("a row");
    let served = |key: &SessionKey| {
        wait(async { !place.store().session(Some(key)).load().await.expect("an answer").is_empty() })
    };
    assert!(keys.iter().all(served));
    let run = place.cloakroom(&["delete", keys[0].as_str(), keys[1].as_str()]);
    assert_eq!((run.code, run.out.as_str()), (1, "ended 1 session; 1 key names no session\n"), "{}", run.err);
    let run = place.cloakroom(&["delete", "--user", "42"]);
    assert_eq!((run.code, run.out.as_str()), (0, "ended 4 sessions of user 42; looked at 4\n"), "{}", run.err);
    assert!(!keys.iter().any(served));
}

#[test]
fn in_a_cache_that_cannot_be_listed_a_session_is_shown_and_ended_by_its_key() {
    let place = Place::new("cache in files", &[("SESSION_ENGINE", "cache"), ("CACHE_URL", "filecache://HERE/cache")]);
    let key = place.sessions(1, Some("42"), 60).remove(0);
    assert!(place.cloakroom(&["show", key.as_str()]).out.contains("\"cart\": [1,2]"));
    assert_eq!(place.cloakroom(&["delete", key.as_str()]).out, "ended 1 session\n");
    assert_eq!(place.cloakroom(&["show", key.as_str()]).code, 1);
}
