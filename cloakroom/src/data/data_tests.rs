//! What members answer, how copies of them compare, and changes on their way to a storage.

use super::*;
use crate::wire::pickle::Protocol;

fn data(json: &str) -> SessionData {
    SessionData::from_json(json).unwrap()
}

fn load(pickle: &[u8]) -> SessionData {
    SessionData::from_pickle(&Bytes::copy_from_slice(pickle)).unwrap().data.unwrap()
}

#[test]
fn members_answer_what_was_put() {
    let mut data = data(r#"{"a":1}"#);
    assert!(!data.is_empty() && data.contains("a") && !data.contains("b"));
    data.set_json("é", Json::parse(" [1, \"ü\"] ").unwrap());
    assert!(data.is_changed());
    assert_eq!(data.get_json("é").unwrap().to_string(), r#"[1, "\u00fc"]"#);
    assert_eq!(data.to_json(), r#"{"a":1,"\u00e9":[1, "\u00fc"]}"#);
    assert_eq!(data.keys().collect::<Vec<_>>(), ["a", "é"]);
    assert_eq!(data.values().map(|value| value.to_string()).collect::<Vec<_>>(), ["1", r#"[1, "\u00fc"]"#]);
}

#[test]
fn json_is_written_in_one_allocation_of_its_size() {
    for json in [r#"{}"#.to_owned(), format!(r#"{{"{}":"{}","b":2,"c":3}}"#, "n".repeat(50), "x".repeat(500))] {
        let written = data(&json).to_json_bytes();
        assert_eq!(written, json.as_bytes());
        assert!(written.capacity() - written.len() < 8, "{}", written.capacity());
    }
}

#[test]
fn debug_shows_neither_names_nor_values() {
    let mut data = data(r#"{"hunter2":"hunter3"}"#);
    assert_eq!(format!("{data:?}"), "SessionData { members: 1, changed: false, .. }");
    data.set("new", &1).unwrap();
    assert_eq!(format!("{data:?}"), "SessionData { members: 2, changed: true, .. }");
    assert_eq!(format!("{:?}", Json::parse("\"hunter2\"").unwrap()), "Json(…)");
}

#[test]
fn members_are_equal_as_text_in_order_and_all_of_them() {
    let whole = data(r#"{"a":1,"b":2}"#);
    assert_eq!(whole, data(r#"{"a":1,"b":2}"#));
    for other in [r#"{"a":1,"b":3}"#, r#"{"a":1,"c":2}"#, r#"{"b":2,"a":1}"#, r#"{"a":1}"#, r#"{"a":1,"b":2,"c":3}"#] {
        assert_ne!(whole, data(other), "{other}");
        assert_ne!(data(other), whole, "{other}");
    }
}

#[test]
fn values_of_python_are_equal_to_what_is_written_alike() {
    // {"a": [1, 2]}, {"a": {1}} and {"a": {2}}
    let list = load(b"\x80\x05}\x8c\x01a](K\x01K\x02es.");
    let (one, two) = (load(b"\x80\x05}\x8c\x01a\x8f(K\x01\x90s."), load(b"\x80\x05}\x8c\x01a\x8f(K\x02\x90s."));
    assert_eq!(list, data(r#"{"a":[1,2]}"#));
    assert_eq!(data(r#"{"a": [ 1,2 ]}"#), list);
    assert_ne!(list, data(r#"{"a":[1,3]}"#));
    assert_ne!(list, load(b"\x80\x05}\x8c\x01a](K\x01K\x03es."));
    assert_eq!(one, load(b"\x80\x04}\x94\x8c\x01a\x94\x8f\x94(K\x01\x90s."));
    assert_ne!(one, two);
    for (json, python) in [(r#"{"a":[1]}"#, &one), (r#"{"a":null}"#, &one), (r#"{"a":[1,2]}"#, &two)] {
        assert_ne!(&data(json), python);
        assert_ne!(python, &data(json));
    }
}

#[test]
fn two_values_of_one_pickle_are_told_apart() {
    // {"a": {1}, "b": {2}}
    let both = load(b"\x80\x05}(\x8c\x01a\x8f(K\x01\x90\x8c\x01b\x8f(K\x02\x90u.");
    assert_eq!(both, both.clone());
    let mut twice = both.clone();
    twice.members.set_value("a", both.members.get("b").unwrap());
    assert_ne!(both, twice);
    assert_ne!(twice, both);
}

#[test]
fn a_value_too_large_to_be_written_equals_its_own_copy() {
    // A hundred times the same integer of a megabyte: {"a": [huge, huge, …]}
    let huge = [&b"\x8b\x00\x00\x10\x00"[..], &[0x7f; 1 << 20], b"\x940"].concat();
    let data = load(&[&huge, &b"}\x8c\x01a("[..], &b"h\x00".repeat(100), b"ls."].concat());
    assert!(data.to_pickle(Protocol::Five).is_err() && data.to_strict_json().is_err());
    assert_eq!(data, data.clone());
}

#[test]
fn changes_that_did_not_arrive_are_made_again_with_those_made_since() {
    let theirs = || data(r#"{"a":0,"b":0,"c":0,"d":0}"#);
    let mut ours = data(r#"{"a":1,"b":1,"c":1}"#);
    ours.set("a", &2).unwrap();
    ours.remove("b");
    let lost = ours.take_changes();
    assert!(!ours.is_changed());
    assert_eq!(ours.rebased_on(theirs()).to_json(), theirs().to_json());
    ours.set("c", &2).unwrap();
    ours.restore_changes(&lost);
    assert!(ours.is_changed());
    assert_eq!(ours.rebased_on(theirs()).to_json(), r#"{"a":2,"c":2,"d":0}"#);
}

#[test]
fn a_clear_that_did_not_arrive_is_made_again_and_one_made_since_drops_what_was_before() {
    let theirs = || data(r#"{"a":0,"d":0}"#);
    let mut ours = data(r#"{"a":1}"#);
    ours.clear();
    let lost = ours.take_changes();
    assert_eq!(ours.rebased_on(theirs()).to_json(), theirs().to_json());
    ours.set("c", &2).unwrap();
    ours.restore_changes(&lost);
    assert_eq!(ours.rebased_on(theirs()).to_json(), r#"{"c":2}"#);

    let mut ours = data(r#"{"a":1}"#);
    ours.set("a", &2).unwrap();
    let lost = ours.take_changes();
    ours.clear();
    ours.restore_changes(&lost);
    assert_eq!(ours.changes.names().count(), 0);
    assert_eq!(ours.rebased_on(theirs()).to_json(), "{}");
}
