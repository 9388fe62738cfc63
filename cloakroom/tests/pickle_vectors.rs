//! The pickles that Django's caches hold, read and written: the vectors of the kind `cache`.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use cloakroom::wire::pickle::{self, PickleError, Protocol};
use serde_json::Value;
use support::{Report, text, vectors};

fn of_op(op: &str) -> Vec<Value> {
    vectors("cache").into_iter().filter(|vector| vector["op"] == op).collect()
}

fn bytes(value: &Value) -> Bytes {
    STANDARD.decode(text(value)).unwrap().into()
}

#[test]
fn every_pickle_is_read_and_written_as_python_does() {
    let vectors = of_op("pickle");
    let (mut report, mut written, mut same) = (Report::default(), 0, 0);
    for vector in &vectors {
        report.begin(vector);
        let bytes = bytes(&vector["pickle_b64"]);
        let read = pickle::read(&bytes).unwrap();
        report.check("end", read.end(), bytes.len());
        report.check("loads", read.to_strict_json().unwrap().as_str(), text(&vector["loads_json"]));
        report.check("shown", read.to_json().unwrap().as_str(), text(&vector["loads_json"]));
        for protocol in [Protocol::Four, Protocol::Five] {
            let from_json = pickle::from_json(text(&vector["value_json"]), protocol).unwrap();
            let from_nodes = read.to_pickle(protocol).unwrap();
            if vector["protocol"] == if protocol == Protocol::Four { 4 } else { 5 } {
                written += 1;
                same += usize::from(from_json == bytes);
                report.check("dumps", hex(&from_json), hex(&bytes));
                report.check("dumps what was read", hex(&from_nodes), hex(&bytes));
            }
            for written in [from_json, from_nodes] {
                let again = pickle::read(&written.into()).unwrap().to_json();
                report.check("read again", again.unwrap().as_str(), text(&vector["loads_json"]));
            }
        }
    }
    println!("{same} of {written} pickles of protocols 4 and 5 equal in every byte");
    report.finish(vectors.len());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|&byte| std::ascii::escape_default(byte)).map(char::from).collect()
}

/// What JSON cannot say is pickled again from what was read.
#[test]
fn what_sites_have_saved_is_written_in_the_same_bytes() {
    let (mut report, mut count) = (Report::default(), 0);
    for vector in of_op("save") {
        let (backend, options) = (text(&vector["backend"]), vector["options"].to_string());
        let protocol = match backend {
            "redis" | "memcached" => Protocol::Five,
            "django_redis" => Protocol::Four,
            _ => continue,
        };
        let stored = bytes(&vector["stored"]["data_b64"]);
        if stored.first() != Some(&0x80) {
            assert!(stored.is_empty() || options.contains("Serializer") || options.contains("Compressor"), "{options}");
            continue;
        }
        count += 1;
        report.begin(&vector);
        let read = pickle::read(&stored).unwrap();
        report.check("dumps what was read", hex(&read.to_pickle(protocol).unwrap()), hex(&stored));
        let json = text(&vector["value_json"]);
        if vector["value_repr"].is_null() {
            report.check("loads", read.to_strict_json().unwrap().as_str(), json);
            report.check("dumps", hex(&pickle::from_json(json, protocol).unwrap()), hex(&stored));
        }
    }
    report.finish(count);
    assert!(count > 100, "{count}");
}

#[test]
fn what_caches_hold_is_read() {
    let (mut report, mut count) = (Report::default(), 0);
    for vector in of_op("load") {
        let (name, data) = (text(&vector["name"]), bytes(&vector["data_b64"]));
        let flags_are_1 = vector["flags"].is_null() || vector["flags"] == 1;
        if !matches!(text(&vector["backend"]), "redis" | "memcached") || !flags_are_1 || name.contains("cached_db") {
            continue;
        }
        count += 1;
        report.begin(&vector);
        let expected = &vector["result"]["ok"];
        match pickle::read(&data) {
            Ok(read) if read.is_none() => report.check("loads", text(expected), "{}"),
            Ok(read) if expected.is_null() => report.check("bytes", read.to_strict_json().is_err(), true),
            Ok(read) => report.check("loads", read.to_strict_json().unwrap().as_str(), text(expected)),
            // Django's Redis cache keeps integers as they are; what it cannot read is no session.
            Err(_) if name.contains("raw-") => report.check("pickle", data.starts_with(b"\x80"), false),
            Err(PickleError::Global { name, .. }) => report.check("global", &*name, "nope.module.Thing"),
            Err(_) => report.check("no session", text(expected), "{}"),
        }
    }
    report.finish(count);
}
