//! What is sent: memcached's text protocol.

use super::failure::{Failure, KeyRefused};
use super::life::Life;

/// The longest key that memcached takes, in bytes.
const LONGEST_KEY: usize = 250;
/// The flags that Django's clients write with a pickle.
pub(super) const PICKLE: u32 = 1;
/// Those that make them take a value for something else: whole numbers and text.
const OTHERS: u32 = 2 | 4 | 16;

/// Whether Django's clients take a value with these flags for a pickle.
pub(super) fn is_pickle(flags: u32) -> bool {
    flags & PICKLE != 0 && flags & OTHERS == 0
}

/// When a value is to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// Nothing is there.
    Absent,
    /// Something is there.
    Present,
    /// What is there has this CAS id.
    Unchanged(u64),
}

/// A key that can be sent: Django refuses the others too.
pub(super) fn check_key(key: &str) -> Result<(), Failure> {
    if key.len() > LONGEST_KEY {
        return Err(Failure::NotSent(KeyRefused::TooLong(key.len()).into()));
    }
    if key.chars().any(|character| character <= ' ' || character == '\x7f' || character.is_whitespace()) {
        return Err(Failure::NotSent(KeyRefused::Characters.into()));
    }
    Ok(())
}

/// A conditional write, and a `gets` behind it that tells the new CAS id, in one round trip.
///
/// The meta command `ms` would tell it itself; but a server that refuses its value, as too large or for want of memory,
/// drops the entry that was there, whatever the condition was.
pub(super) fn store(key: &str, condition: Condition, life: Life, data: &[u8]) -> Vec<u8> {
    let verb = match condition {
        Condition::Absent => "add",
        Condition::Present => "replace",
        Condition::Unchanged(_) => "cas",
    };
    let cas = match condition {
        Condition::Unchanged(id) => format!(" {id}"),
        _ => String::new(),
    };
    let mut request = Vec::with_capacity(data.len() + 2 * key.len() + 80);
    push(&mut request, &[verb, " ", key, &format!(" {PICKLE} {} {}{cas}\r\n", life.exptime(), data.len())]);
    request.extend_from_slice(data);
    push(&mut request, &["\r\ngets ", key, "\r\n"]);
    request
}

/// A write without any condition.
pub(super) fn set(key: &str, life: Life, data: &[u8]) -> Vec<u8> {
    let mut request = Vec::with_capacity(data.len() + key.len() + 60);
    push(&mut request, &["set ", key, &format!(" {PICKLE} {} {}\r\n", life.exptime(), data.len())]);
    request.extend_from_slice(data);
    request.extend_from_slice(b"\r\n");
    request
}

fn push(request: &mut Vec<u8>, words: &[&str]) {
    for word in words {
        request.extend_from_slice(word.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_could_be_taken_for_something_else_are_refused() {
        for key in [
            "a b",
            "a\r\nflush_all",
            "a\tb",
            "a\0",
            "a\x7f",
            "a\u{a0}b",
            "a\u{2028}b",
            &"k".repeat(251),
            &"é".repeat(126),
        ] {
            assert!(matches!(check_key(key), Err(Failure::NotSent(_))), "{key:?}");
        }
        for key in [":1:django.contrib.sessions.cacheabc", &"k".repeat(250), "é:1:key"] {
            assert!(check_key(key).is_ok());
        }
    }
}
