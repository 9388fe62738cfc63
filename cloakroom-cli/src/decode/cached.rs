//! What a cache holds for a session: a pickle, or the JSON or the compressed text of `django-redis`.

use bytes::Bytes;
use cloakroom::wire::zlib::MAX_PAYLOAD;
use cloakroom::wire::{base64, pickle, zlib};

use crate::failure::Failure;

/// The JSON text, and what the bytes were.
pub(super) fn decode(input: Vec<u8>) -> Result<(String, String), Failure> {
    let bytes = from_text(input.trim_ascii()).unwrap_or(input);
    let size = bytes.len();
    // What a client printed may have a line's end behind it.
    let unpacked = [&*bytes, bytes.trim_ascii_end()].into_iter().find_map(|bytes| {
        let is_zlib = bytes.first() == Some(&0x78);
        if is_zlib { zlib::decompress(bytes, MAX_PAYLOAD).ok() } else { None }
    });
    let (bytes, packed) = match unpacked {
        Some(unpacked) => (unpacked, ", compressed"),
        None => (bytes, ""),
    };
    let (json, kind) = match bytes.trim_ascii() {
        b"null" => (None, "JSON"),
        [b'{', ..] => {
            (String::from_utf8(bytes).map_err(|_| Failure::new("this is no JSON: it is not UTF-8"))?.into(), "JSON")
        }
        _ => {
            let pickle = pickle::read(&Bytes::from(bytes))?;
            let json = if pickle.is_none() { None } else { Some(pickle.to_json()?) };
            (json, "a pickle")
        }
    };
    let json = json.ok_or_else(|| {
        Failure::new("this is None: the mark that a session has ended, which keeps late requests from bringing it back")
    })?;
    Ok((json, format!("{kind}{packed}, {size} bytes; nothing in a cache is signed")))
}

/// The bytes that hexadecimal digits or base64 stand for; `None` where the text is neither.
fn from_text(text: &[u8]) -> Option<Vec<u8>> {
    if text == b"null" {
        return None;
    }
    if text.len().is_multiple_of(2) && text.iter().all(u8::is_ascii_hexdigit) {
        let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
        return Some(text.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect());
    }
    let plain: Vec<u8> = text
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace() && **byte != b'=')
        .map(|byte| match byte {
            b'+' => b'-',
            b'/' => b'_',
            other => *other,
        })
        .collect();
    let is_base64 = plain.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
    if is_base64 { base64::decode(&plain).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_taken_in_any_writing() {
        assert_eq!(from_text(b"8005").as_deref(), Some(&b"\x80\x05"[..]));
        assert_eq!(from_text(b"gAV9/w==").as_deref(), Some(&b"\x80\x05}\xff"[..]));
        assert_eq!(from_text(b"gAV9\n_w").as_deref(), Some(&b"\x80\x05}\xff"[..]));
        assert_eq!(from_text(b"\x80\x05}."), None);
        assert_eq!(from_text(b"(dp0\n."), None);
    }
}
