//! What holds for every input of the wire formats: nothing panics, what is written reads back, what is changed is refused.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

#[path = "../../fuzz/src/json.rs"]
mod hostile_json;

use cloakroom::Timestamp;
use cloakroom::wire::signing::{SecretKey, Signer, SigningKey, TimestampSigner};
use cloakroom::wire::{base62, base64, json, stored, zlib};
use hostile_json::check;
use proptest::prelude::*;

fn signer() -> TimestampSigner {
    let keys = [1, 2, 3].map(|byte| SigningKey::from_bytes([byte; 32]));
    TimestampSigner::new(&keys[0], &keys[1..])
}

fn plain() -> Signer {
    Signer::with_secret(&SecretKey::new("secret").unwrap(), &[], "salt")
}

prop_compose! {
    fn moment()(micros in Timestamp::MIN.as_micros()..=Timestamp::MAX.as_micros()) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }
}

/// Texts that are JSON, or were before somebody touched them.
fn nearly_json() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(","),
        Just(":"),
        Just("\""),
        Just("\\"),
        Just("\\u"),
        Just("\\ud83d"),
        Just("\\ude00"),
        Just("d83d"),
        Just("a"),
        Just("\"a\""),
        Just("\"a\":"),
        Just("\"\\u0061\":"),
        Just("1"),
        Just("0"),
        Just("-"),
        Just("."),
        Just("e"),
        Just("+"),
        Just("1.5"),
        Just("1e999"),
        Just("340282366920938463463374607431768211456"),
        Just("NaN"),
        Just("Infinity"),
        Just("-Infinity"),
        Just("true"),
        Just("false"),
        Just("null"),
        Just(" "),
        Just("\n"),
        Just("\u{0}"),
        Just("é"),
        Just("😀"),
        Just("{}"),
        Just("[]"),
        Just("\"\\ud800\""),
    ];
    proptest::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

/// Valid JSON, oddly spaced and with names that come twice.
fn valid_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("-Infinity".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| json::to_string(&number).unwrap()),
        any::<String>().prop_map(|text| format!("\"{}\"", json::escape(&text))),
        Just("\"\\uD800\\/\"".to_owned()),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        let name = prop_oneof![Just("a"), Just("b"), Just("\\u0061"), Just(""), Just("\\udc00")];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(|items| format!("[{}]", items.join(", "))),
            proptest::collection::vec((name, inner), 0..12).prop_map(|members| {
                let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\" : {value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn base62_reads_back(number: i128, text: String) {
        prop_assert_eq!(base62::decode(&base62::encode(number)), Ok(number));
        let _ = base62::decode(&text);
    }

    #[test]
    fn base64_reads_back(bytes: Vec<u8>, text: Vec<u8>, junk in "[!. \\r\\n@é]{0,4}", at: prop::sample::Index) {
        let mut encoded = base64::encode(&bytes);
        prop_assert_eq!(base64::decode(encoded.as_bytes()), Ok(bytes.clone()));
        let _ = base64::decode(&text);
        // Explicit padding, and then anything of a length that adds no padding of its own.
        while !encoded.len().is_multiple_of(4) {
            encoded.push('=');
        }
        prop_assert_eq!(base64::decode(encoded.as_bytes()), Ok(bytes.clone()));
        encoded.insert_str(at.index(encoded.len() + 1), &junk);
        prop_assert_eq!(base64::decode(encoded.as_bytes()), Ok(bytes));
    }

    #[test]
    fn base64_reads_any_mixture(text in "[A-Za-z0-9+/_=é!-]{0,24}") {
        let _ = base64::decode(text.as_bytes());
    }

    #[test]
    fn zlib_reads_back(bytes: Vec<u8>, repeat in 1..40_usize, trailing: Vec<u8>) {
        let data = bytes.repeat(repeat);
        let mut packed = zlib::compress(&data);
        packed.extend(trailing);
        prop_assert_eq!(zlib::decompress(&packed, data.len()), Ok(data));
    }

    #[test]
    fn zlib_survives_damage(bytes: Vec<u8>, at: prop::sample::Index, flip: u8, limit in 0..4_096_usize) {
        let _ = zlib::decompress(&bytes, limit);
        let mut packed = zlib::compress(&bytes);
        let at = at.index(packed.len());
        packed[at] ^= flip;
        if let Ok(out) = zlib::decompress(&packed, limit) {
            prop_assert!(out.len() <= limit);
        }
    }

    #[test]
    fn signed_text_reads_back(value: String, now in moment(), max_age in 0.0..1e6_f64) {
        let signed = signer().sign(&value, now);
        let unsigned = signer().unsign(&signed, Some(1.0), now).unwrap();
        prop_assert_eq!((unsigned.value, unsigned.key), (value.as_str(), 0));
        let signed = plain().sign(&value);
        prop_assert_eq!(plain().unsign(&signed).unwrap().value, value.as_str());
        prop_assert!(signer().unsign(&value, Some(max_age), now).is_err());
        prop_assert!(plain().unsign(&value).is_err());
    }

    #[test]
    fn changed_signed_text_is_refused(value: String, now in moment(), at: prop::sample::Index, other: char) {
        let signed = signer().sign(&value, now);
        let mut characters: Vec<char> = signed.chars().collect();
        let at = at.index(characters.len());
        prop_assume!(characters[at] != other);
        characters[at] = other;
        let changed: String = characters.iter().collect();
        prop_assert!(signer().unsign(&changed, None, now).is_err());
        prop_assert!(stored::decode(&changed, &signer()).is_err());
        characters.remove(at);
        let shorter: String = characters.iter().collect();
        prop_assert!(signer().unsign(&shorter, None, now).is_err());
    }

    #[test]
    fn every_key_is_recognised(value: String, key in 0..3_usize) {
        let signing = SigningKey::from_bytes([key as u8 + 1; 32]);
        let signed = TimestampSigner::new(&signing, []).sign(&value, Timestamp::UNIX_EPOCH);
        prop_assert_eq!(signer().unsign(&signed, None, Timestamp::UNIX_EPOCH).unwrap().key, key);
    }

    #[test]
    fn stored_data_reads_back(text in valid_json(), now in moment()) {
        let kept = stored::encode(&text, &signer(), now);
        let back = stored::decode(&kept, &signer()).unwrap();
        if text.is_ascii() {
            prop_assert_eq!(back.json, text);
        }
        prop_assert!(stored::signature(kept.as_bytes()).is_some());
    }

    #[test]
    fn stored_data_may_be_anything(bytes: Vec<u8>, payload in "\\.?[A-Za-z0-9_=-]{0,40}") {
        prop_assert!(stored::decode(&bytes, &signer()).is_err());
        // Rightly signed, but not by anybody sensible.
        let signed = signer().sign(&payload, Timestamp::UNIX_EPOCH);
        if let Ok(decoded) = stored::decode(&signed, &signer()) {
            check(decoded.json.as_bytes());
        }
    }

    #[test]
    fn any_text_is_scanned(text: String, nearly in nearly_json()) {
        check(text.as_bytes());
        check(nearly.as_bytes());
    }

    #[test]
    fn valid_json_is_read(text in valid_json()) {
        json::scan(&text).unwrap();
        check(text.as_bytes());
    }

    #[test]
    fn latin1_becomes_ascii(text in valid_json(), bytes: Vec<u8>) {
        let mut latin1: Vec<u8> = b"[\"".to_vec();
        latin1.extend(bytes.iter().filter(|byte| **byte >= 0x20 && **byte != b'"' && **byte != b'\\'));
        latin1.extend(b"\"]");
        let expected: String = latin1[2..latin1.len() - 2].iter().map(|&byte| char::from(byte)).collect();
        prop_assert_eq!(json::from_str::<[String; 1]>(&json::ascii_from_latin1(latin1)), Ok([expected]));
        check(json::ascii_from_latin1(bytes).as_bytes());
        if text.is_ascii() {
            prop_assert_eq!(&json::ascii_from_latin1(text.clone().into_bytes()), &text);
        }
    }

    #[test]
    fn strings_read_back(text: String) {
        let raw = json::escape(&text);
        prop_assert!(raw.is_ascii());
        prop_assert_eq!(json::unescape(&raw).unwrap(), text.as_str());
        prop_assert_eq!(json::unescape_lossy(&raw), text.as_str());
        prop_assert_eq!(json::canonical_name(&raw), &*raw);
        // A raw name without escapes stands for itself.
        if !text.contains('\\') {
            prop_assert_eq!(json::canonical_name(&text), &*raw);
        }
        prop_assert_eq!(json::from_str::<String>(&json::to_string(&text).unwrap()), Ok(text));
    }

    #[test]
    fn numbers_read_back(bits: u64, narrow: u32, wide: i128) {
        let number = f64::from_bits(bits);
        let back: f64 = json::from_str(&json::to_string(&number).unwrap()).unwrap();
        prop_assert!(back.to_bits() == bits || number.is_nan() && back.is_nan());
        let number = f32::from_bits(narrow);
        let back: f32 = json::from_str(&json::to_string(&number).unwrap()).unwrap();
        prop_assert!(back.to_bits() == narrow || number.is_nan() && back.is_nan());
        prop_assert_eq!(json::from_str::<i128>(&json::to_string(&wide).unwrap()), Ok(wide));
    }
}
