//! Every golden vector of the kinds signing, encode and decode, against the answers of a real Django.
//!
//! `CLOAKROOM_VECTORS` names another file of vectors.
#![allow(clippy::unwrap_used, unreachable_pub)]

#[path = "wire_vectors/tree.rs"]
mod tree;

use ::base64::Engine as _;
use ::base64::prelude::BASE64_STANDARD;
use cloakroom::Timestamp;
use cloakroom::wire::signing::{self, Algorithm, SecretKey, Signer, SigningError, TimestampSigner};
use cloakroom::wire::stored::{self, DecodeError};
use cloakroom::wire::{JsonError, base62, json};
use serde_json::Value;
use tree::Tree;

/// What a vector's check answers: `Err` says what differs.
type Check = Result<(), String>;

/// How many bytes another deflate may make of a payload, more or less than Django's zlib 1.2.13.
///
/// So near the break-even length the two may disagree on whether to compress at all; the vectors named `compress-gain`
/// are exempt from the exemption.
const DEFLATE_MARGIN: usize = 16;

fn run(kind: &str, check: impl Fn(&Value) -> Check + Sync) {
    // The trees of the deepest vectors are compared recursively.
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(64 << 20);
        let result = thread.spawn_scoped(scope, || run_all(kind, &check)).unwrap().join();
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

fn run_all(kind: &str, check: &impl Fn(&Value) -> Check) {
    let path = std::env::var("CLOAKROOM_VECTORS")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/django-5.2.json").to_owned());
    let file: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let vectors: Vec<&Value> = file["vectors"].as_array().unwrap().iter().filter(|v| v["kind"] == kind).collect();
    assert!(!vectors.is_empty(), "no vectors of kind {kind} in {path}");
    assert_eq!(Some(vectors.len() as u64), file["meta"]["counts"][kind].as_u64(), "vectors of kind {kind}");
    let failures: Vec<String> = vectors
        .iter()
        .filter_map(|v| check(v).err().map(|why| format!("{}: {why}", v["name"].as_str().unwrap_or("?"))))
        .collect();
    assert!(failures.is_empty(), "{} of {} failed:\n{}", failures.len(), vectors.len(), failures.join("\n"));
    println!("{} vectors of kind {kind}", vectors.len());
}

fn text<'v>(vector: &'v Value, field: &str) -> &'v str {
    vector[field].as_str().unwrap_or_else(|| panic!("{}: no text in {field}", vector["name"]))
}

fn bytes(vector: &Value, field: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(text(vector, field)).unwrap()
}

fn value(vector: &Value) -> String {
    String::from_utf8(bytes(vector, "value_b64")).unwrap()
}

fn secret(vector: &Value, field: &str) -> SecretKey {
    SecretKey::new(bytes(vector, field)).unwrap()
}

fn fallbacks(vector: &Value) -> Vec<SecretKey> {
    vector["fallbacks"].as_array().into_iter().flatten().map(|key| secret(key, "b64")).collect()
}

fn signer(vector: &Value, salt: &str) -> Signer {
    let signer = Signer::with_secret(&secret(vector, "secret_b64"), &fallbacks(vector), salt);
    signer.with_separator(vector["sep"].as_str().unwrap_or(":")).unwrap()
}

fn timestamp_signer(vector: &Value) -> TimestampSigner {
    signer(vector, text(vector, "salt")).into()
}

fn now(vector: &Value) -> Timestamp {
    Timestamp::from_micros((vector["now"].as_f64().unwrap() * 1e6).round() as i64).unwrap()
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, ours: T, django: T) -> Check {
    match (ours, django) {
        (ours, django) if ours == django => Ok(()),
        (ours, django) => Err(format!("{what}: ours {ours:?}, Django's {django:?}")),
    }
}

fn shown<E: std::fmt::Debug>(what: &str) -> impl FnOnce(E) -> String {
    move |error| format!("{what}: {error:?}")
}

#[test]
fn signing() {
    run("signing", |v| match text(v, "op") {
        "salted_hmac" => salted_hmac(v),
        "b62" => {
            let number: i128 = text(v, "int").parse().map_err(shown("int"))?;
            same("encode", base62::encode(number).as_str(), text(v, "text"))?;
            same("decode", base62::decode(text(v, "text")), Ok(number))
        }
        "b62_decode" => {
            let ours = base62::decode(text(v, "text")).ok().map(|number| number.to_string());
            same("decode", ours.as_deref(), v["result"]["ok"].as_str())
        }
        "timestamp_sign" => timestamp_sign(v),
        "sign_default_salt" => default_salt(v),
        "dumps" => dumps(v),
        "timestamp_unsign" => timestamp_unsign(v),
        other => Err(format!("unknown op {other}")),
    });
}

fn salted_hmac(v: &Value) -> Check {
    let algorithm = match text(v, "algorithm") {
        "sha1" => Algorithm::Sha1,
        "sha256" => Algorithm::Sha256,
        other => return Err(format!("unknown algorithm {other}")),
    };
    let salt = text(v, "salt").as_bytes();
    let digest = signing::salted_hmac(salt, &bytes(v, "value_b64"), &secret(v, "secret_b64"), algorithm);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    same("digest", hex.as_str(), text(v, "digest_hex"))?;
    same("base64", cloakroom::wire::base64::encode(&digest).as_str(), text(v, "base64"))
}

fn timestamp_sign(v: &Value) -> Check {
    let (value, plain) = (value(v), signer(v, text(v, "salt")));
    let stamped = TimestampSigner::from(plain.clone());
    same("sign", stamped.sign(&value, now(v)).as_str(), text(v, "signed"))?;
    same("sign without time", plain.sign(&value).as_str(), text(v, "signer_signed"))?;
    let back = plain.unsign(text(v, "signer_signed")).map_err(shown("unsign without time"))?;
    same("unsign without time", (back.value, back.key), (&value, 0))?;
    let back = stamped.unsign(text(v, "signed"), None, now(v)).map_err(shown("unsign"))?;
    same("unsign", (back.value, back.key), (&value, 0))?;
    same("time", back.signed_at, i128::from(now(v).as_micros() / 1_000_000))
}

fn default_salt(v: &Value) -> Check {
    let (salt, signed) = match text(v, "cls") {
        "Signer" => (signing::SIGNER_SALT, signer(v, signing::SIGNER_SALT).sign(&value(v))),
        "TimestampSigner" => {
            let signer = TimestampSigner::from(signer(v, signing::TIMESTAMP_SIGNER_SALT));
            (signing::TIMESTAMP_SIGNER_SALT, signer.sign(&value(v), now(v)))
        }
        other => return Err(format!("unknown class {other}")),
    };
    same("salt", salt, text(v, "expect_salt"))?;
    same("signed", signed.as_str(), text(v, "signed"))
}

fn dumps(v: &Value) -> Check {
    let (json, signer) = (text(v, "value_json"), timestamp_signer(v));
    let compress = v["compress"].as_bool().unwrap();
    let ours = signing::dumps(json, &signer, compress, now(v));
    same_stored(v, &ours, text(v, "signed"), v["compressed"].as_bool().unwrap(), json.len())?;
    for signed in [&ours, text(v, "signed")] {
        let back = signing::loads(signed, &signer, Some(0.999_999), now(v)).map_err(shown("loads"))?;
        same("loads", back.json.as_str(), json)?;
    }
    Ok(())
}

fn timestamp_unsign(v: &Value) -> Check {
    let result = timestamp_signer(v).unsign(text(v, "signed"), v["max_age"].as_f64(), now(v));
    match (v["result"]["error"].as_str(), result) {
        (None, Ok(unsigned)) => {
            let django = BASE64_STANDARD.decode(text(&v["result"]["ok"], "value_b64")).unwrap();
            same("value", unsigned.value.as_bytes(), &django)
        }
        (Some("BadSignature"), Err(SigningError::BadSignature))
        | (Some("ValueError" | "IndexError" | "OverflowError"), Err(SigningError::BadTimestamp)) => Ok(()),
        (Some("SignatureExpired"), Err(SigningError::Expired { age, .. })) => {
            // The message says the age as a Python float: `Signature age 0.25 > 0 seconds`.
            let django = text(&v["result"], "message").split(' ').nth(2).unwrap_or_default();
            same("age", json::to_string(&age).unwrap().as_str(), django)
        }
        (django, ours) => Err(format!("ours {ours:?}, Django's {django:?}")),
    }
}

/// Compares two signed texts of the same JSON: exactly where neither is deflated.
fn same_stored(v: &Value, ours: &str, django: &str, compressed: bool, plain: usize) -> Check {
    same("Django's dot", django.starts_with('.'), compressed)?;
    if !ours.starts_with('.') && !compressed {
        return same("text", ours, django);
    }
    if ours.starts_with('.') == compressed {
        return Ok(());
    }
    // Either side's base64 is within the margin of the length where compression begins to pay.
    let length = |text: &str| text.trim_start_matches('.').find(':').unwrap_or(0) * 3 / 4;
    let near = length(ours).abs_diff(plain) <= DEFLATE_MARGIN && length(django).abs_diff(plain) <= DEFLATE_MARGIN;
    let exact = text(v, "name").starts_with("compress-gain");
    if near && !exact { Ok(()) } else { Err(format!("the dot: ours {ours:?}, Django's {django:?}")) }
}

#[test]
fn encode() {
    run("encode", |v| {
        let (json, signer) = (text(v, "value_json"), timestamp_signer(v));
        let ours = stored::encode(json, &signer, now(v));
        let compressed = v["compressed"].as_bool().unwrap();
        same_stored(v, &ours, text(v, "encoded"), compressed, json.len())?;
        for stored in [&ours, text(v, "encoded")] {
            let back = stored::decode(stored, &signer).map_err(shown("decode"))?;
            same("decode", (back.json.as_str(), back.key), (json, 0))?;
            let signature = stored::signature(stored.as_bytes()).ok_or("no signature")?;
            same("signature", stored.as_bytes().ends_with(&signature), true)?;
        }
        if !compressed {
            same("payload", bytes(v, "payload_b64"), json.as_bytes().to_vec())?;
        }
        let tree = Tree::parse(json)?;
        same("value", &tree, &Tree::parse(text(v, "decoded_json"))?)?;
        // From the value to Django's text, except where the value has what Rust's has not.
        if tree.fits_rust(json::MAX_VALUE_DEPTH) && !has_equal_names(json) {
            let value: tree::Typed = json::from_str(json).map_err(shown("from_str"))?;
            same("to_string", json::to_string(&value).map_err(shown("to_string"))?.as_str(), json)?;
        }
        Ok(())
    });
}

fn has_equal_names(json: &str) -> bool {
    let mut names = Vec::new();
    json::scan_object(json, |name, _| names.push(json::canonical_name(&json[name]))).unwrap();
    let all = names.len();
    names.sort();
    names.dedup();
    names.len() < all
}

#[test]
fn decode() {
    run("decode", |v| {
        // What is not text cannot be handed over at all.
        let Some(stored) = v["stored"].as_str() else {
            return same("error", v["inner_error"].as_str(), Some("TypeError"));
        };
        let decoded = stored::decode(stored, &timestamp_signer(v));
        let logged = v["logged"].as_bool().unwrap();
        same("signature refused", decoded == Err(DecodeError::BadSignature), logged)?;
        same("BadSignature", v["inner_error"] == "BadSignature", logged)?;
        let scanned = decoded.and_then(|decoded| {
            let scanned = json::scan_object(&decoded.json, |_, _| ());
            match scanned {
                Err(JsonError::NotAnObject(_)) => Ok((decoded.json, false)),
                scanned => Ok(scanned.map(|()| (decoded.json, true))?),
            }
        });
        match (scanned, v["inner_error"].as_str()) {
            (Err(_), Some(_)) => Ok(()),
            (Ok((json, object)), None) => {
                same("is a dict", object, v["is_dict"].as_bool().unwrap())?;
                same("value", Tree::parse(&json)?, Tree::parse(text(v, "result_json"))?)
            }
            (Ok(_), Some(error)) => Err(format!("read, but Django raises {error}")),
            (Err(error), None) => Err(format!("refused: {error:?}")),
        }
    });
}
