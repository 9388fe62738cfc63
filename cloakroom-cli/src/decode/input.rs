//! What is to be decoded.

use std::io::Read as _;

use crate::failure::Failure;

/// Far above what a session holds, far below what a machine does.
const LIMIT: u64 = 64 * 1024 * 1024;

/// The text itself, or what standard input holds for `-`; without the space around it.
pub(super) fn read(text: &str) -> Result<Vec<u8>, Failure> {
    read_bytes(text).map(|bytes| bytes.trim_ascii().to_vec())
}

/// The same with the space around it, which may be a part of it.
pub(super) fn read_bytes(text: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    if text == "-" {
        std::io::stdin()
            .lock()
            .take(LIMIT + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Failure::new(format!("standard input cannot be read: {error}")))?;
        if bytes.len() as u64 > LIMIT {
            return Err(Failure::new("standard input holds more than 64 MiB; decode one session at a time"));
        }
    } else {
        bytes.extend_from_slice(text.as_bytes());
    }
    if bytes.trim_ascii().is_empty() {
        return Err(Failure::new("there is nothing to decode; give the text, or - and the text on standard input"));
    }
    Ok(bytes)
}
