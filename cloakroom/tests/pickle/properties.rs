//! Whatever comes in: a value or a typed error, and what is written reads back as the same value.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use cloakroom::wire::pickle::{self, Protocol, read};
use proptest::prelude::*;

const OPCODES: &[u8] = b"(.012FIJKLMNPQRSTUVXabcd}eghijl]opqrstu)GBC\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\
    \x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98";

/// Reads bytes, and checks what is written of what they hold.
fn check(bytes: Vec<u8>) {
    let length = bytes.len();
    let Ok(value) = read(&Bytes::from(bytes)) else { return };
    assert!(value.end() <= length);
    let _ = value.to_strict_json();
    for protocol in [Protocol::Four, Protocol::Five] {
        let written = value.to_pickle(protocol).unwrap();
        let again = read(&Bytes::from(written.clone())).unwrap();
        assert_eq!(again.end(), written.len());
        assert_eq!(again.to_json(), value.to_json());
        assert_eq!(again.to_pickle(protocol).unwrap(), written);
    }
}

fn seeds() -> &'static [Vec<u8>] {
    static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(written_by_python);
    &SEEDS
}

fn written_by_python() -> Vec<Vec<u8>> {
    named().into_iter().map(|(.., pickle)| pickle).collect()
}

/// What `values.py write` printed: what the value is called, the protocol, and the pickle.
fn named() -> Vec<(String, u8, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pickle/python");
    let text = std::fs::read_to_string(format!("{folder}/written.txt")).unwrap();
    let line = |line: &str| {
        let [name, protocol, pickle] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        (name.to_owned(), protocol.parse().unwrap(), STANDARD.decode(pickle).unwrap())
    };
    text.lines().map(line).collect()
}

/// JSON with what Python's has and serde_json's lacks.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        "-?[1-9][0-9]{0,60}",
        any::<f64>().prop_map(|value| cloakroom::wire::json::to_string(&value).unwrap()),
        "[a-zé😀\n]{0,20}".prop_map(|text| cloakroom::wire::json::to_string(&text).unwrap()),
        Just(r#""\ud83d""#.to_owned()),
    ];
    leaf.prop_recursive(6, 80, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(("[a-c]{0,2}", inner), 0..8).prop_map(|members| {
                let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(bytes);
    }

    #[test]
    fn any_opcodes(
        parts in prop::collection::vec(
            (prop::sample::select(OPCODES), prop::collection::vec(prop_oneof![0_u8..4, Just(b'\n'), b'0'..=b'9'], 0..5)),
            0..60,
        ),
    ) {
        let mut bytes: Vec<u8> = parts.into_iter().flat_map(|(opcode, arguments)| [vec![opcode], arguments].concat()).collect();
        bytes.push(b'.');
        check(bytes);
    }

    #[test]
    fn pickles_of_pythons_changed_at_some_places(
        seed in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..5),
    ) {
        let seeds = seeds();
        let mut bytes = seeds[seed.index(seeds.len())].clone();
        for (at, byte, kind) in changes {
            let at = at.index(bytes.len().max(1));
            match kind {
                0 if at < bytes.len() => bytes[at] = byte,
                1 if at < bytes.len() => {
                    bytes.remove(at);
                }
                _ => bytes.insert(at.min(bytes.len()), byte),
            }
        }
        check(bytes);
    }

    #[test]
    fn json_comes_back_as_python_writes_it(text in json()) {
        let once = pickle::from_json(&text, Protocol::Five).unwrap();
        let shown = read(&Bytes::from(once.clone())).unwrap().to_strict_json().unwrap();
        let twice = pickle::from_json(&shown, Protocol::Five).unwrap();
        prop_assert_eq!(&once, &twice);
        let again = read(&twice.into()).unwrap().to_strict_json().unwrap();
        prop_assert_eq!(shown, again);
        check(once);
    }
}

#[test]
fn what_python_wrote_is_written_again() {
    let seeds = seeds();
    assert!(seeds.len() > 100, "{}", seeds.len());
    for seed in seeds {
        assert!(read(&Bytes::from(seed.clone())).is_ok());
        check(seed.clone());
    }
}

#[test]
fn each_protocol_of_pythons_is_read_as_the_value_that_its_protocols_4_and_5_hold() {
    let all = named();
    for (own, number) in [(Protocol::Four, 4), (Protocol::Five, 5)] {
        for (name, protocol, pickle) in &all {
            // Protocols 0 to 3 leave `fold` out, and `ZoneInfo("Europe/Paris")` twice is remembered otherwise.
            if name == "zones" || *protocol < 4 && matches!(&name[..], "datetimes" | "times") {
                continue;
            }
            let expected = &all.iter().find(|line| line.0 == *name && line.1 == number).unwrap().2;
            let written = read(&pickle.clone().into()).unwrap().to_pickle(own).unwrap();
            assert_eq!(written, *expected, "{name} {protocol} in {number}");
        }
    }
}

// What Python's `isoformat` and `str` say of the same values.
#[test]
fn what_json_lacks_is_shown_as_python_shows_it() {
    let shown = [
        ("dates", r#"["0001-01-01","9999-12-31","2024-02-29"]"#),
        (
            "datetimes",
            r#"["0001-01-01T00:00:00","9999-12-31T23:59:59.999999","2024-02-29T23:59:58.123456+00:00","2024-01-01T00:00:00-05:30","2024-01-01T00:00:00+00:00:01.000005","2024-10-27T02:30:00+02:00","2024-10-27T02:30:00+01:00"]"#,
        ),
        ("times", r#"["00:00:00","23:59:59.999999","01:02:03.000004+00:00","01:00:00","01:00:00"]"#),
        ("zones", r#"["+00:00","+01:00","+01:00","UTC","Europe/Paris","Europe/Paris"]"#),
        ("decimals", r#"["0","-0","1.50","1E+100","-1E-100","Infinity","-Infinity"]"#),
        (
            "uuids",
            r#"["00000000-0000-0000-0000-000000000000","ffffffff-ffff-ffff-ffff-ffffffffffff","80000000-0000-0000-0000-000000000000","00000000-0000-0000-0000-010000000000","00000010-0000-0000-0000-000000000005","00000000-0000-0000-0000-000000000007","00000000-0000-0000-0000-000000000008","00000000-0000-0000-0000-000000000000"]"#,
        ),
        ("bytearrays", "[[],[97,98]]"),
        ("sets", r#"[[],[1],[],[1,2],[[["a"]]]]"#),
        ("ordered", r#"[{},{"0":"0"},{"0":"0","1":"1"}]"#),
        ("strings", r#"["","a","\u00e9","\u4e2d","\ud83d\ude00","\ud83d","\\u0041\\","\n\r\u0000'\""]"#),
    ];
    for (name, protocol, pickle) in named() {
        if let Some((_, shown)) = shown.iter().find(|(of, _)| *of == name) {
            // Protocols 0 to 3 leave `fold` out.
            let shown =
                if protocol < 4 { shown.replace("02:30:00+01:00", "02:30:00+02:00") } else { (*shown).to_owned() };
            assert_eq!(read(&pickle.into()).unwrap().to_json().unwrap(), shown, "{name} {protocol}");
        }
    }
}
