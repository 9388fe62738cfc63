//! The step from bytes to text.

use std::fmt::Write as _;

/// JSON in bytes as ASCII text. Django decodes session JSON as Latin-1, so each byte stands for one character.
///
/// Bytes of ASCII become the text as they are. Each other byte becomes the escape `\u00xx`, which is the same character
/// wherever Python accepts one: inside a string. Where Python refuses one, right after a backslash, the character itself
/// is left, so that the text stays invalid.
///
/// ```
/// use cloakroom::wire::json::ascii_from_latin1;
///
/// assert_eq!(ascii_from_latin1(b"{\"a\":\"caf\xe9\"}".to_vec()), r#"{"a":"caf\u00e9"}"#);
/// ```
#[must_use]
pub fn ascii_from_latin1(bytes: Vec<u8>) -> String {
    // ASCII is UTF-8, so no byte is copied.
    let bytes = if bytes.is_ascii() {
        match String::from_utf8(bytes) {
            Ok(text) => return text,
            Err(error) => error.into_bytes(),
        }
    } else {
        bytes
    };
    let mut out = String::with_capacity(bytes.len() + bytes.len() / 2 + 16);
    let mut after_backslash = false;
    for byte in bytes {
        if byte.is_ascii() || after_backslash {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{byte:04x}");
        }
        after_backslash = byte == b'\\' && !after_backslash;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, scan};
    use super::*;

    fn read(bytes: &[u8]) -> Option<Kind> {
        scan(&ascii_from_latin1(bytes.to_vec())).ok()
    }

    #[test]
    fn bytes_in_strings_are_characters() {
        assert_eq!(ascii_from_latin1(b"\"\xff\x80\\\\\xe9\"".to_vec()), r#""\u00ff\u0080\\\u00e9""#);
        assert_eq!(read(b"\"\\\\\xe9\""), Some(Kind::String));
        assert_eq!(read(b"\"\\ud83d\xe9\""), Some(Kind::String));
    }

    #[test]
    fn bytes_elsewhere_stay_errors() {
        for bytes in [&b"\"\\\xe9\""[..], b"\"\\u00\xe9\"", b"\xef\xbb\xbf{}", b"\xa0{}", b"{\xe9:1}", b"{}\\\xe9"] {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
    }
}
