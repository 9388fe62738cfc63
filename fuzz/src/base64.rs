//! URL-safe base64: what is read is written and read as the same bytes, and is never longer than its text.

use cloakroom::wire::base64::{decode, encode};

pub fn check(data: &[u8]) {
    let text = encode(data);
    assert_eq!(text.len(), (data.len() * 4).div_ceil(3));
    assert_eq!(decode(text.as_bytes()).as_deref(), Ok(data));
    if let Ok(bytes) = decode(data) {
        assert!(bytes.len() <= data.len() / 4 * 3 + 2);
        assert_eq!(decode(encode(&bytes).as_bytes()), Ok(bytes));
    }
}
