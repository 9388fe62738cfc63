//! What valgrind cannot count, timed on the processor itself: signing, and deflating and inflating. A line for each:
//! what, how many bytes, and the nanoseconds of each of many samples.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Instant;

use cloakroom::Timestamp;
use cloakroom::wire::stored::{self, SESSION_SALT};
use cloakroom::wire::{SecretKey, TimestampSigner, zlib};

const SAMPLES: usize = 40;
const TURNS: u32 = 2_000;

/// As Django's data are: names, numbers and text of which some repeats.
fn json(length: usize) -> String {
    let mut text = String::from("{");
    let mut at = 0_u64;
    while text.len() < length {
        at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("\"member_{:02}\":\"{at:016x}{at:x}\",", at % 100));
    }
    text.truncate(length - 2);
    text + "\"}"
}

fn time(what: &str, length: usize, mut work: impl FnMut()) {
    (0..TURNS).for_each(|_| work());
    let samples: Vec<String> = (0..SAMPLES)
        .map(|_| {
            let began = Instant::now();
            (0..TURNS).for_each(|_| work());
            (began.elapsed().as_nanos() / u128::from(TURNS)).to_string()
        })
        .collect();
    println!("{what}\t{length}\t{}", samples.join(" "));
}

fn main() {
    let secret = SecretKey::new("a secret of this benchmark, as long as most are").unwrap();
    let signer = TimestampSigner::with_secret(&secret, &[], SESSION_SALT);
    let now = Timestamp::now();
    for length in [300, 4_000] {
        let json = json(length);
        let signed = signer.sign(&json, now);
        time("HMAC-SHA256: sign", length, || drop(black_box(signer.sign(black_box(&json), now))));
        time("HMAC-SHA256: verify", length, || {
            black_box(signer.unsign(black_box(&signed), None, now).unwrap());
        });
        let deflated = zlib::compress(json.as_bytes());
        time("zlib: deflate", length, || drop(black_box(zlib::compress(black_box(json.as_bytes())))));
        time("zlib: inflate", length, || {
            drop(black_box(zlib::decompress(black_box(&deflated), 1 << 20).unwrap()));
        });
        let row = stored::encode(&json, &signer, now);
        time("a row: encode", length, || drop(black_box(stored::encode(black_box(&json), &signer, now))));
        time("a row: decode", length, || {
            drop(black_box(stored::decode(black_box(row.as_bytes()), &signer).unwrap()));
        });
    }
}
