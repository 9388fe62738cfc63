//! Numbers in base 62: what is read is written and read as the same number.

use cloakroom::wire::base62::{decode, encode};

pub fn check(data: &[u8]) {
    if let Some((bytes, _)) = data.split_first_chunk() {
        let number = i128::from_le_bytes(*bytes);
        assert_eq!(decode(&encode(number)), Ok(number));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(number) = decode(text) {
        assert_eq!(decode(&encode(number)), Ok(number));
    }
}
