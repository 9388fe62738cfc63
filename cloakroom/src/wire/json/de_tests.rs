use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::super::{append, to_string};
use super::*;

fn read<T: DeserializeOwned>(text: &str) -> Result<T, JsonError> {
    from_str(text)
}

fn both_ways<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, text: &str) {
    assert_eq!(to_string(value).as_deref(), Ok(text));
    assert_eq!(read::<T>(text).as_ref(), Ok(value), "{text}");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Basket {
    items: Vec<Item>,
    #[serde(default)]
    note: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Item {
    name: String,
    price: f64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(u8),
    Line(u8, u8),
    Box { width: u8, height: u8 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Loose {
    Number(f64),
    Text(String),
    Item(Item),
}

#[test]
fn values_go_both_ways() {
    both_ways(&(true, (), 'é', "a\"b".to_owned()), r#"[true,null,"\u00e9","a\"b"]"#);
    both_ways(&(u64::MAX, i64::MIN, u8::MAX, -1_i8), "[18446744073709551615,-9223372036854775808,255,-1]");
    both_ways(&(u128::MAX, i128::MIN), &format!("[{},{}]", u128::MAX, i128::MIN));
    both_ways(&(1.0, 1e22, -0.0, f64::INFINITY, 0.1_f32), "[1.0,1e+22,-0.0,Infinity,0.1]");
    both_ways(&(Some(1), None::<u8>), "[1,null]");
    both_ways(
        &Basket { items: vec![Item { name: "tea".to_owned(), price: 2.5 }], note: None },
        r#"{"items":[{"name":"tea","price":2.5}],"note":null}"#,
    );
    both_ways(
        &[Shape::Point, Shape::Circle(1), Shape::Line(1, 2), Shape::Box { width: 1, height: 2 }],
        r#"["Point",{"Circle":1},{"Line":[1,2]},{"Box":{"width":1,"height":2}}]"#,
    );
    both_ways(
        &[Loose::Number(1.0), Loose::Text("1".to_owned()), Loose::Item(Item { name: String::new(), price: 0.0 })],
        r#"[1.0,"1",{"name":"","price":0.0}]"#,
    );
    both_ways(&BTreeMap::<String, Vec<()>>::from([(String::new(), vec![])]), r#"{"":[]}"#);
    assert!(read::<f64>("NaN").unwrap().is_nan());
    assert_eq!(to_string(&f32::NAN).unwrap(), "NaN");
    assert_eq!(read::<(f64, f64)>("[1e999, -1e999]"), Ok((f64::INFINITY, f64::NEG_INFINITY)));
    assert_eq!(read::<(f64, u8, i8)>("[3, -0, -0]"), Ok((3.0, 0, 0)));
}

#[test]
fn keys_are_written_as_in_python() {
    both_ways(&BTreeMap::from([(-1, 1), (2, 2)]), r#"{"-1":1,"2":2}"#);
    both_ways(&BTreeMap::from([(u128::MAX, 1)]), &format!("{{\"{}\":1}}", u128::MAX));
    both_ways(&BTreeMap::from([(false, 1), (true, 2)]), r#"{"false":1,"true":2}"#);
    both_ways(&BTreeMap::from([('é', 1)]), r#"{"\u00e9":1}"#);
    both_ways(&BTreeMap::from([(Shape::Point, 1)]), r#"{"Point":1}"#);
    both_ways(&BTreeMap::from([(Some(1), 1)]), r#"{"1":1}"#);
    both_ways(&BTreeMap::from([((), 1)]), r#"{"null":1}"#);
    struct Floats;
    impl Serialize for Floats {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map([(1.5, 1), (1e22, 2), (f64::INFINITY, 3)])
        }
    }
    assert_eq!(to_string(&Floats).unwrap(), r#"{"1.5":1,"1e+22":2,"Infinity":3}"#);
    for bad in [to_string(&BTreeMap::from([([1], 1)])), to_string(&BTreeMap::from([(Shape::Circle(1), 1)]))] {
        assert_eq!(bad, Err(JsonError::KeyNotText));
    }
    assert!(read::<BTreeMap<u8, u8>>(r#"{"+1":1}"#).is_err());
    assert!(read::<BTreeMap<u8, u8>>(r#"{"256":1}"#).is_err());
}

#[test]
fn the_last_of_equal_names_counts() {
    let text = r#"{"name":"a","price":1,"n\u0061me":"b","price":2,"other":[],"other":{}}"#;
    assert_eq!(read::<Item>(text), Ok(Item { name: "b".to_owned(), price: 2.0 }));
    assert_eq!(read::<Loose>(text), Ok(Loose::Item(Item { name: "b".to_owned(), price: 2.0 })));
    assert_eq!(read::<Shape>(r#"{"Circle":1,"Circle":2}"#), Ok(Shape::Circle(2)));
    assert_eq!(read::<HashMap<String, u8>>(r#"{"a":1,"b":2,"a":3}"#).unwrap()["a"], 3);
    // More names than are compared one by one.
    let many: Vec<String> = (0..100).map(|n| format!("\"n{}\":{n}", n % 60)).collect();
    let read: BTreeMap<String, u8> = read(&format!("{{{}}}", many.join(","))).unwrap();
    assert_eq!((read.len(), read["n39"], read["n40"]), (60, 99, 40));
}

#[test]
fn errors_tell_the_kind_and_never_the_data() {
    let message = |result: Result<Basket, JsonError>| result.unwrap_err().to_string();
    assert_eq!(message(read("\"hunter2\"")), "invalid type: a string, expected struct Basket");
    assert_eq!(message(read(r#"{"items":12345}"#)), "invalid type: an integer, expected a sequence");
    assert_eq!(
        message(read(r#"{"items":[{"name":9.5}]}"#)),
        "invalid type: a floating point number, expected a string"
    );
    assert_eq!(message(read("{}")), "missing field `items`");
    assert_eq!(read::<u8>("300").unwrap_err().to_string(), "invalid value: an integer, expected u8");
    assert_eq!(
        read::<Shape>("\"hunter2\"").unwrap_err().to_string(),
        "unknown variant, expected one of [\"Point\", \"Circle\", \"Line\", \"Box\"]"
    );
    assert_eq!(read::<std::net::IpAddr>("\"hunter2\""), Err(JsonError::Refused));
    assert!(!format!("{:?}", read::<u64>("340282366920938463463374607431768211455")).contains("3402"));
    assert!(!format!("{:?}", read::<Loose>("340282366920938463463374607431768211455")).contains("3402"));
}

#[test]
fn numbers_out_of_range_are_told() {
    for text in ["18446744073709551616", "-9223372036854775809"] {
        assert_eq!(read::<u64>(text), Err(JsonError::IntegerOutOfRange));
        assert_eq!(read::<i64>(text), Err(JsonError::IntegerOutOfRange));
        assert!(read::<i128>(text).is_ok());
        assert!(read::<f64>(text).is_ok());
    }
    let huge = format!("1{}", "0".repeat(400));
    assert_eq!(read::<i128>(&huge), Err(JsonError::IntegerOutOfRange));
    assert_eq!(read::<f64>(&huge), Err(JsonError::IntegerOutOfRange));
    assert!(read::<IgnoredAny>(&huge).is_ok());
    assert!(read::<u8>("1.0").is_err());
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    assert!(read::<(u8, u8)>("[1]").is_err());
    assert!(read::<(u8, u8)>("[1,2,3]").is_err());
    assert!(read::<[u8; 2]>("[1,2,3]").is_err());
    assert!(read::<Shape>("{}").is_err());
    assert!(read::<Shape>(r#"{"Circle":1,"Point":null}"#).is_err());
    assert!(read::<Shape>(r#"{"Line":[1,2,3]}"#).is_err());
    assert!(read::<Shape>("\"Circle\"").is_err());
    assert_eq!(read::<Shape>(r#"{"Point":null}"#), Ok(Shape::Point));
    assert_eq!(read::<String>(r#""\ud800""#), Err(JsonError::LoneSurrogate));
    assert_eq!(from_str::<&str>("\"plain\""), Ok("plain"));
}

#[test]
fn nesting_is_bounded() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Nested(Vec<Nested>);

    let arrays = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let deepest: Nested = read(&arrays(MAX_VALUE_DEPTH)).unwrap();
    assert_eq!(to_string(&deepest).unwrap(), arrays(MAX_VALUE_DEPTH));
    assert_eq!(read::<Nested>(&arrays(MAX_VALUE_DEPTH + 1)), Err(JsonError::TooDeep { limit: MAX_VALUE_DEPTH }));
    let mut out = "kept".to_owned();
    assert_eq!(append(&mut out, &Nested(vec![deepest])), Err(JsonError::TooDeep { limit: MAX_VALUE_DEPTH }));
    assert_eq!(out, "kept");
    // What is not built may be as deep as Python reads.
    assert!(read::<IgnoredAny>(&arrays(900)).is_ok());
}

/// Bytes, and a name that is made of them: serde's own types have neither.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Raw(Vec<u8>);

impl Serialize for Raw {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Raw;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Raw, E> {
                Ok(Raw(bytes.to_vec()))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut elements: A) -> Result<Raw, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = elements.next_element()? {
                    bytes.push(byte);
                }
                Ok(Raw(bytes))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

#[test]
fn bytes_are_an_array_of_numbers_and_read_from_text_too() {
    both_ways(&Raw(vec![1, 0, 255]), "[1,0,255]");
    assert_eq!(read::<Raw>(r#""plain""#), Ok(Raw(b"plain".to_vec())));
    assert_eq!(read::<Raw>(r#""caf\u00e9""#), Ok(Raw("café".into())));
    assert_eq!(read::<Raw>("null").unwrap_err().to_string(), "invalid type: null, expected bytes");
}

#[test]
fn other_keys_and_units_are_written_as_what_they_hold() {
    #[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    struct Name(String);
    #[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    struct Unit;
    struct Narrow;
    impl Serialize for Narrow {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map([(0.1_f32, 1)])
        }
    }
    both_ways(&BTreeMap::from([(Name("a\"".to_owned()), 1)]), r#"{"a\"":1}"#);
    both_ways(&(Unit, Unit), "[null,null]");
    assert_eq!(to_string(&Narrow).unwrap(), r#"{"0.1":1}"#);
    assert_eq!(to_string(&BTreeMap::from([(Unit, 1)])), Err(JsonError::KeyNotText));
    assert_eq!(to_string(&BTreeMap::from([(Raw(vec![1]), 1)])), Err(JsonError::KeyNotText));
}

#[test]
fn every_kind_is_told_in_errors() {
    let found = |text: &str| read::<Item>(text).unwrap_err().to_string();
    for (text, kind) in
        [("true", "a boolean"), ("null", "null"), ("1", "an integer"), ("1.5", "a floating point number")]
    {
        assert_eq!(found(text), format!("invalid type: {kind}, expected struct Item"));
    }
    assert_eq!(read::<u8>("[]").unwrap_err().to_string(), "invalid type: an array, expected u8");
    assert_eq!(read::<u8>("{}").unwrap_err().to_string(), "invalid type: an object, expected u8");
    let kinds =
        [Kind::Object, Kind::Array, Kind::String, Kind::Number, Kind::Bool, Kind::Null].map(|kind| kind.to_string());
    assert_eq!(kinds, ["an object", "an array", "a string", "a number", "a boolean", "null"]);
}

#[test]
fn a_narrow_number_is_rounded_once() {
    // A little below the middle between two `f32`s; as an `f64` it is the middle, which would be rounded up.
    assert_eq!(read::<f32>("1.00000017881393432617187499"), Ok(1.000_000_1));
    assert_eq!(read::<f32>("\"1\"").unwrap_err().to_string(), "invalid type: a string, expected f32");
}

#[test]
fn containers_beside_each_other_are_not_nested() {
    // At either depth: what counts by two passes one of them over.
    let beside = |one: &str| format!("[{}]", vec![one; 3 * MAX_VALUE_DEPTH].join(","));
    let arrays = vec![Vec::<u8>::new(); 3 * MAX_VALUE_DEPTH];
    both_ways(&arrays, &beside("[]"));
    both_ways(&(arrays,), &format!("[{}]", beside("[]")));
    let objects = vec![BTreeMap::<String, u8>::new(); 3 * MAX_VALUE_DEPTH];
    both_ways(&objects, &beside("{}"));
    both_ways(&(objects,), &format!("[{}]", beside("{}")));
    both_ways(&vec![Shape::Circle(1); 3 * MAX_VALUE_DEPTH], &beside(r#"{"Circle":1}"#));
}

#[test]
fn equal_names_are_found_wherever_they_hide() {
    let last = Item { name: "b".to_owned(), price: 2.0 };
    // Behind an escape alone.
    assert_eq!(read::<Item>(r#"{"name":"a","price":2,"n\u0061me":"b"}"#).as_ref(), Ok(&last));
    // Around an object, and in one of an object that has none.
    assert_eq!(read::<Item>(r#"{"name":"a","other":{"x":1},"price":2,"name":"b"}"#).as_ref(), Ok(&last));
    let inside = read::<BTreeMap<String, Item>>(
        r#"{"one":{"name":"a","price":2,"n\u0061me":"b"},"two":{"name":"b","price":2}}"#,
    );
    assert!(inside.unwrap().values().all(|item| *item == last));
    // Nothing but the same name, more often than is compared one by one.
    let many = vec![r#""Circle":1"#; 20].join(",");
    assert_eq!(read::<Shape>(&format!("{{{many},\"Circle\":2}}")), Ok(Shape::Circle(2)));
}
