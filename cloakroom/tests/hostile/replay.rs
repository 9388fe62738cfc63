//! One decoder's corpus, as it is and changed at random.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::ALLOCATOR;
use super::decoders::{DECODERS, Decoder};
use super::mutator::{Random, change};

/// How many inputs at most, and for how long: whichever ends first.
fn bounds() -> (usize, Duration) {
    if std::env::var_os("CLOAKROOM_LONG").is_some() {
        (5_000_000, Duration::from_secs(300))
    } else {
        (5_000, Duration::from_secs(1))
    }
}

/// The allocator counts for the whole process, so one check runs at a time.
static TURN: Mutex<()> = Mutex::new(());

pub fn run(name: &str) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let decoder = DECODERS.iter().find(|decoder| decoder.name == name).unwrap();
    let corpus = corpus(name);
    // What is made once is not counted.
    (decoder.check)(&corpus[0]);
    let mut peak = 0;
    for input in &corpus {
        peak = peak.max(check(decoder, input));
    }
    let (inputs, time) = bounds();
    let (mut random, begin, mut made) = (Random::new(0x5e55_1035), Instant::now(), 0);
    while made < inputs && begin.elapsed() < time {
        peak = peak.max(check(decoder, &change(&corpus, &mut random)));
        made += 1;
    }
    println!("{name}: {} inputs of the corpus, {made} made of them, at most {} KiB at once", corpus.len(), peak >> 10);
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus")).join(name);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    // In the same order everywhere, so that the same seed makes the same inputs.
    files.sort();
    let corpus: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    assert!(corpus.len() >= 5, "{} holds {} files", folder.display(), corpus.len());
    corpus
}

/// How much memory the check took at once.
fn check(decoder: &Decoder, input: &[u8]) -> usize {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let held = catch_unwind(AssertUnwindSafe(|| (decoder.check)(input)));
    let taken = ALLOCATOR.peak_usage().saturating_sub(before);
    // The harness has said what did not hold; this says of what.
    assert!(held.is_ok(), "{}: it does not hold for the input \"{}\"", decoder.name, input.escape_ascii());
    let limit = decoder.fixed + decoder.per_byte * input.len();
    assert!(taken <= limit, "{}: {taken} bytes for the input \"{}\"", decoder.name, input.escape_ascii());
    taken
}
