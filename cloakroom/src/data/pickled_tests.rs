use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// `pickle.dumps` of a dictionary of Python's, protocol 4, without frames and without what nobody recalls.
fn load(pickle: &[u8]) -> SessionData {
    let bytes = Bytes::copy_from_slice(pickle);
    let unpickled = SessionData::from_pickle(&bytes).unwrap();
    assert_eq!(unpickled.end, bytes.len());
    unpickled.data.unwrap()
}

fn again(data: &SessionData) -> SessionData {
    load(&data.to_pickle(Protocol::Five).unwrap())
}

/// `{"when": datetime(2024, 2, 29, 23, 59, 58, 123456, utc), "day": date(2024, 2, 29), "for": timedelta(seconds=5),
/// "price": Decimal("1.50")}`
const MOMENTS: &[u8] = b"\x80\x04}(\x8c\x04when\x8c\x08datetime\x94\x8c\x08datetime\x93C\n\x07\xe8\x02\x1d\x17;:\x01\xe2@h\x00\
    \x8c\x08timezone\x93h\x00\x8c\ttimedelta\x93\x94K\x00K\x00K\x00\x87R\x85R\x86R\x8c\x03dayh\x00\x8c\x04date\x93C\x04\
    \x07\xe8\x02\x1d\x85R\x8c\x03forh\x01K\x00K\x05K\x00\x87R\x8c\x05price\x8c\x07decimal\x8c\x07Decimal\x93\x8c\x041.50\
    \x85Ru.";
/// `{"t": (1, "x"), "s": {3, 4}, "b": b"\xff\x00", "m": {1: "one", 2: "two"}, "u": UUID(int=5)}`
const OTHERS: &[u8] =
    b"\x80\x04}(\x8c\x01tK\x01\x8c\x01x\x86\x8c\x01s\x8f(K\x03K\x04\x90\x8c\x01bC\x02\xff\x00\x8c\x01m}(\
    K\x01\x8c\x03oneK\x02\x8c\x03twou\x8c\x01u\x8c\x04uuid\x8c\x04UUID\x93)\x81}\x8c\x03intK\x05sbu.";
/// `{0: "int", "0": "text", None: 1, (1, 2): 3, "caf\u00e9": 4}`
const NAMES: &[u8] =
    b"\x80\x04}(K\x00\x8c\x03int\x8c\x010\x8c\x04textNK\x01K\x01K\x02\x86K\x03\x8c\x05caf\xc3\xa9K\x04u.";

#[test]
fn what_json_lacks_is_read_as_what_it_is() {
    let data = load(MOMENTS);
    let when: jiff::Timestamp = data.get::<String>("when").unwrap().unwrap().parse().unwrap();
    assert_eq!(when.to_string(), "2024-02-29T23:59:58.123456Z");
    assert_eq!(data.get::<String>("day").unwrap().as_deref(), Some("2024-02-29"));
    let duration: jiff::SignedDuration = data.get::<String>("for").unwrap().unwrap().parse().unwrap();
    assert_eq!(duration, jiff::SignedDuration::from_secs(5));
    assert_eq!(data.get::<String>("price").unwrap().as_deref(), Some("1.50"));

    let data = load(OTHERS);
    assert_eq!(data.get::<(i32, String)>("t").unwrap(), Some((1, "x".to_owned())));
    assert_eq!(data.get::<BTreeSet<i32>>("s").unwrap(), Some([3, 4].into()));
    assert_eq!(data.get::<Vec<u8>>("b").unwrap(), Some(vec![255, 0]));
    let numbers = data.get::<BTreeMap<i64, String>>("m").unwrap().unwrap();
    assert_eq!(numbers, [(1, "one".to_owned()), (2, "two".to_owned())].into());
    assert_eq!(data.get_json("u").unwrap().as_str(), "\"00000000-0000-0000-0000-000000000005\"");
    let error = data.get::<u8>("t").unwrap_err().to_string();
    assert!(error.contains("\"t\""), "{error}");
}

#[test]
fn what_is_not_touched_goes_back_as_the_value_it_was() {
    for pickle in [MOMENTS, OTHERS, NAMES] {
        let (before, mut after) = (load(pickle), load(pickle));
        assert_eq!(before, again(&before));
        after.set("new", &1).unwrap();
        assert_ne!(before, after);
        let mut after = again(&after);
        assert!(after.remove("new"));
        assert_eq!(before, after);
    }
}

#[test]
fn members_of_two_requests_are_merged_as_the_values_they_are() {
    let mut ours = load(MOMENTS);
    ours.set("visits", &3).unwrap();
    ours.remove("price");
    let merged = again(&ours.rebased_on(load(OTHERS)));
    assert_eq!(merged.keys().collect::<Vec<_>>(), ["t", "s", "b", "m", "u", "visits"]);
    assert_eq!(merged.to_strict_json().unwrap_err().to_string(), kept_out("s", "a set"));

    // A value of ours that is put into what another request saved, beside values of theirs.
    let mut ours = load(OTHERS);
    ours.changes.touch("s");
    let merged = again(&ours.rebased_on(load(MOMENTS)));
    assert_eq!(merged.get::<Vec<i32>>("s").unwrap(), Some(vec![3, 4]));
    assert_eq!(merged.to_strict_json().unwrap_err().to_string(), kept_out("when", "a datetime"));
    assert_eq!(merged.len(), 5);
}

fn kept_out(name: &str, kind: &str) -> String {
    format!("the value for {name:?} cannot be kept in a session: JSON cannot hold {kind}")
}

#[test]
fn names_that_are_no_strings_are_kept_and_asked_for_by_nobody() {
    let mut data = load(NAMES);
    assert_eq!(data.keys().collect::<Vec<_>>(), ["0", "0", "null", "[1,2]", "café"]);
    assert_eq!(data.get::<String>("0").unwrap().as_deref(), Some("text"));
    assert!(!data.contains("null") && !data.contains(""));
    assert!(data.remove("0") && !data.remove("0"));
    data.set("null", &true).unwrap();
    assert_eq!(again(&data).to_json(), r#"{"0":"int","null":1,"[1,2]":3,"caf\u00e9":4,"null":true}"#);
    assert_eq!(data.to_strict_json().unwrap_err().to_string(), {
        let reason = "the name of a JSON member must be a string, a number, a boolean or null";
        format!("the value for \"[1,2]\" cannot be kept in a session: {reason}")
    });
    data.clear();
    assert!(data.is_empty());
}

#[test]
fn json_for_django_has_lists_and_names() {
    // {"a": (1, 2), 1: {5: None}, 1.5: None, None: 0}
    let data = load(b"\x80\x04}(\x8c\x01aK\x01K\x02\x86K\x01}K\x05NsG?\xf8\x00\x00\x00\x00\x00\x00NNK\x00u.");
    assert_eq!(data.to_strict_json().unwrap(), br#"{"a":[1,2],"1":{"5":null},"1.5":null,"null":0}"#);
}

#[test]
fn none_is_no_session_and_other_values_are_errors() {
    let read = |pickle: &'static [u8]| SessionData::from_pickle(&Bytes::from_static(pickle));
    for protocol in [Protocol::Four, Protocol::Five] {
        let none = Bytes::from(crate::wire::pickle::none_pickle(protocol));
        let unpickled = SessionData::from_pickle(&none).unwrap();
        assert!(unpickled.data.is_none() && unpickled.end == 4);
    }
    assert_eq!(read(b"\x80\x05]\x94.").err(), Some(PickleError::NotADict("a list")));
    assert_eq!(read(b"\x80\x05K\x01.").err(), Some(PickleError::NotADict("an int")));
    let signed = read(b"\x80\x05}\x94.the signature of a row").unwrap();
    assert_eq!((signed.end, signed.data.unwrap().len()), (5, 0));
}

#[test]
fn a_session_that_contains_itself_still_does() {
    let mut data = load(b"\x80\x04}\x94(\x8c\x02meh\x00\x8c\x01aK\x01u.");
    assert!(data.get::<Vec<u8>>("me").is_err());
    assert_eq!(data.to_json(), r#"{"me":{"me":null,"a":1},"a":1}"#);
    data.set("a", &2).unwrap();
    assert_eq!(data.to_pickle(Protocol::Four).unwrap()[11..], *b"}\x94(\x8c\x02me\x94h\x00\x8c\x01a\x94K\x02u.");
}

#[test]
fn json_members_are_pickled_as_one_document() {
    let mut data = SessionData::from_json(r#"{"a":{"key":"x"},"b":[{"key":"x"}],"c":1,"d":1,"e": 2.50}"#).unwrap();
    data.set("key", "long").unwrap();
    let whole = crate::wire::pickle::from_json(&data.to_json(), Protocol::Five).unwrap();
    assert_eq!(data.to_pickle(Protocol::Five).unwrap(), whole);
    assert_eq!(again(&data), data);
    assert_eq!(again(&data).to_json(), data.to_json().replace("2.50", "2.5"));
    assert_ne!(again(&data), load(MOMENTS));
}

#[test]
fn a_member_that_would_be_too_much_text_is_kept_and_shown_as_null() {
    // {"a": 1, "bomb": each list holds the one before it twice, sixty times, "b": {1}}
    let mut pickle = b"\x80\x04}(\x8c\x01aK\x01\x8c\x04bomb]\x94".to_vec();
    for round in 0..60 {
        pickle.extend([b'0', b'(', b'h', round, b'h', round, b'l', b'\x94']);
    }
    pickle.extend(b"\x8c\x01b\x8f(K\x01\x90u.");
    let data = load(&pickle);
    // Once there is too much, no more values are shown beside it.
    assert_eq!(data.to_json(), r#"{"a":1,"bomb":null,"b":null}"#);
    assert_eq!(data.get::<Vec<u8>>("b").unwrap(), Some(vec![1]));
    assert_eq!(data.get_json("bomb").unwrap().as_str(), "null");
    assert!(data.get::<Vec<u8>>("bomb").is_err() && data.to_strict_json().is_err());
    assert!(data.to_pickle(Protocol::Five).unwrap().len() < 1_000);
}

proptest! {
    #[test]
    fn members_of_any_kind_come_back_from_a_pickle(
        members in prop::collection::vec(("[a-cé]{0,2}", prop_oneof![any::<i64>().prop_map(|number| number.to_string()),
            Just("[1,{\"a\":null}]".to_owned()), Just("\"\\ud83d\"".to_owned()), Just("1.5".to_owned())]), 0..30),
        removed in "[a-c]{0,2}",
    ) {
        let mut data = load(OTHERS);
        for (name, json) in &members {
            data.set_json(name, crate::Json::parse(json).unwrap());
        }
        let mut back = again(&data);
        prop_assert_eq!(&back, &data);
        prop_assert_eq!(back.to_json(), data.to_json());
        back.remove(&removed);
        data.remove(&removed);
        prop_assert_eq!(again(&back).to_json(), data.to_json());
        prop_assert_eq!(again(&back.rebased_on(load(MOMENTS))).len(), back.rebased_on(load(MOMENTS)).len());
    }
}
