//! `stats`

use cloakroom::SessionKey;
use serde_json::json;

use crate::{Place, places};

#[test]
fn sessions_are_counted_by_what_they_are() {
    for place in places() {
        let nothing = place.json(&["stats", "--json"]);
        assert_eq!([&nothing["sessions"], &nothing["bytes"]["median"]], [&json!(0), &json!(0)], "{}", place.name);
        for seconds in [600, 7_200, 5 * 86_400, 20 * 86_400, 90 * 86_400] {
            place.sessions(1, None, seconds);
        }
        let drops = place.name == "cache on Redis";
        if !drops {
            place.sessions(2, None, -60);
        }
        for arguments in [&["stats", "--json"][..], &["stats", "--json", "--exact"]] {
            let stats = place.json(arguments);
            let expired = if drops { 0 } else { 2 };
            assert_eq!([&stats["live"], &stats["expired"]], [&json!(5), &json!(expired)], "{}: {stats}", place.name);
            assert_eq!([&stats["sessions"], &stats["unknown"]], [&json!(5 + expired), &json!(0)], "{}", place.name);
            let within = json!({"hour": 1, "day": 2, "week": 3, "month": 4});
            assert_eq!([&stats["ends_within"], &stats["ends_later"]], [&within, &json!(1)], "{}", place.name);
            assert_eq!([&stats["margin"], &stats["end"]], [&json!(null), &json!("complete")], "{}", place.name);
            let bytes = &stats["bytes"];
            assert!(bytes["total"].as_u64() > bytes["largest"].as_u64(), "{}: {stats}", place.name);
            assert!(bytes["largest"].as_u64() >= bytes["median"].as_u64(), "{}: {stats}", place.name);
        }
        let table = place.cloakroom(&["stats"]).out;
        assert!(table.starts_with("sessions ") && table.contains("counted\n"), "{}: {table}", place.name);
        assert!(table.lines().any(|line| line.starts_with("  live") && line.contains(" 5  ")), "{table}");
    }
}

#[test]
fn many_sessions_are_estimated_and_the_margin_is_told() {
    let place = Place::sqlite();
    let mut database = rusqlite::Connection::open(place.path().join("db.sqlite3")).expect("a database");
    let fill = |database: &mut rusqlite::Connection, key: &dyn Fn(u32) -> String| {
        let rows = database.transaction().expect("a transaction");
        for number in 0..6_000 {
            let end = if number % 4 == 0 { "2001-02-03 04:05:06" } else { "2099-02-03 04:05:06" };
            rows.execute("INSERT INTO django_session VALUES (?1, 'data', ?2)", [&key(number), end]).expect("a row");
        }
        rows.commit().expect("rows");
    };
    fill(&mut database, &|_| SessionKey::generate().as_str().to_owned());
    let stats = place.json(&["stats", "--json", "--sample", "1000"]);
    assert_eq!([&stats["looked_at"], &stats["margin"]], [&json!(1_000), &json!(0.0632)], "{stats}");
    let sessions = stats["sessions"].as_u64().expect("a number");
    assert!((5_000..7_200).contains(&sessions) && sessions != 6_000, "{stats}");
    assert_eq!(stats["bytes"]["total"], 4 * sessions, "{stats}");
    let table = place.cloakroom(&["stats", "--sample", "1000"]).out;
    assert!(table.contains("estimated from 1,000 of them, give or take 6.3 %"), "{table}");
    let exact = place.json(&["stats", "--json", "--exact"]);
    assert_eq!([&exact["sessions"], &exact["expired"]], [&json!(6_000), &json!(1_500)], "{exact}");
    assert_eq!(place.cloakroom(&["stats", "--exact", "--sample", "7"]).code, 2);

    // Whoever makes keys of another kind gets no wrong number.
    database.execute("DELETE FROM django_session", []).expect("no rows");
    fill(&mut database, &|number| format!("customer{number:08}"));
    let stats = place.json(&["stats", "--json", "--sample", "1000"]);
    assert_eq!([&stats["sessions"], &stats["margin"]], [&json!(6_000), &json!(null)], "{stats}");
}

#[test]
fn files_that_nobody_can_read_are_counted_as_such() {
    let place = Place::new("file", &[("SESSION_ENGINE", "file"), ("SESSION_FILE_PATH", "HERE")]);
    place.sessions(1, None, 60);
    std::fs::write(place.path().join("sessionidabcdefgh01234567"), "nobody signed this").expect("a file");
    let stats = place.json(&["stats", "--json"]);
    assert_eq!([&stats["sessions"], &stats["live"], &stats["unknown"]], [&json!(2), &json!(1), &json!(1)], "{stats}");
    assert!(place.cloakroom(&["stats"]).out.contains("  unknown"));
    assert!(place.cloakroom(&["list"]).out.contains("unknown"));
}
