//! Python's strings: UTF-8 in which halves of surrogate pairs may stand alone (`surrogatepass`).

use crate::wire::json::{append_code, append_escaped};

/// Whether bytes are such a string.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    pieces(bytes, |_| {})
}

pub(super) enum Piece<'a> {
    Text(&'a str),
    /// Half of a surrogate pair.
    Half(u32),
}

/// Cuts a string at the halves of surrogate pairs, and answers whether it is one to its end.
pub(super) fn pieces<'a>(bytes: &'a [u8], mut piece: impl FnMut(Piece<'a>)) -> bool {
    let mut rest = bytes;
    loop {
        let error = match std::str::from_utf8(rest) {
            Ok(text) => {
                piece(Piece::Text(text));
                return true;
            }
            Err(error) => error,
        };
        let (valid, tail) = rest.split_at(error.valid_up_to());
        piece(Piece::Text(std::str::from_utf8(valid).unwrap_or_default()));
        match tail {
            [0xed, high @ 0xa0..=0xbf, low @ 0x80..=0xbf, after @ ..] => {
                piece(Piece::Half(0xd000 | u32::from(high & 0x3f) << 6 | u32::from(low & 0x3f)));
                rest = after;
            }
            _ => return false,
        }
    }
}

/// Appends a string as it stands inside the quotes of JSON.
pub(super) fn append_json(out: &mut String, bytes: &[u8]) {
    pieces(bytes, |piece| match piece {
        Piece::Text(text) => append_escaped(out, text),
        Piece::Half(code) => append_code(out, code),
    });
}

/// Appends one code point, which may be half of a surrogate pair. Answers whether there is such a code point.
pub(super) fn append_point(out: &mut Vec<u8>, code: u32) -> bool {
    match (char::from_u32(code), code) {
        (Some(character), _) => out.extend(character.encode_utf8(&mut [0; 4]).as_bytes()),
        (None, 0xd800..0xe000) => {
            out.extend([0xed, 0x80 | (code >> 6 & 0x3f) as u8, 0x80 | (code & 0x3f) as u8]);
        }
        _ => return false,
    }
    true
}

/// What the opcode `UNICODE` has in its line: Latin-1 with `\uXXXX` and `\UXXXXXXXX` (`raw-unicode-escape`).
pub(super) fn from_raw_escapes(line: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        let digits = match (byte, tail.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            (b'\\', Some(&second)) => {
                // Also a second backslash: it begins no escape.
                out.push(b'\\');
                append_point(&mut out, u32::from(second));
                rest = &tail[1..];
                continue;
            }
            _ => {
                append_point(&mut out, u32::from(byte));
                continue;
            }
        };
        let code = tail.get(1..=digits)?;
        if !code.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let code = u32::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok()?;
        if !append_point(&mut out, code) {
            return None;
        }
        rest = &tail[digits + 1..];
    }
    Some(out)
}

/// What the opcode `STRING` has in its line: the `repr` of a string of Python 2, here of ASCII alone.
pub(super) fn from_repr(line: &[u8]) -> Option<Vec<u8>> {
    let inside = match line {
        [b'\'', inside @ .., b'\''] | [b'"', inside @ .., b'"'] => inside,
        _ => return None,
    };
    let mut out = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let (&kind, tail) = tail.split_first()?;
        rest = tail;
        match kind {
            b'\\' | b'\'' | b'"' => out.push(kind),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'x' => {
                let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
                out.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &tail[2..];
            }
            _ => return None,
        }
    }
    out.is_ascii().then_some(out)
}

/// The bytes that a string of Latin-1 stands for, as protocols 0 to 2 write them.
pub(super) fn to_latin1(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(bytes: &[u8]) -> String {
        let mut out = String::new();
        append_json(&mut out, bytes);
        out
    }

    #[test]
    fn halves_of_pairs_stay_halves() {
        assert_eq!(json(b"a\xed\xa0\xbdb\xed\xb8\x80\xc3\xa9"), r"a\ud83db\ude00\u00e9");
        let mut out = Vec::new();
        assert!(append_point(&mut out, 0xd83d) && !append_point(&mut out, 0x11_0000));
        assert_eq!(out, b"\xed\xa0\xbd");
        for bytes in [&b"\xed\xa0"[..], b"\xff", b"\xed\x80", b"\xc0\x80", b"\xf8\x88\x80\x80\x80"] {
            assert!(!is_text(bytes), "{bytes:?}");
        }
    }

    #[test]
    fn raw_escapes_are_pythons() {
        assert_eq!(from_raw_escapes(b"\\u00e9\\U0001f600\xe9").unwrap(), "é😀é".as_bytes());
        assert_eq!(from_raw_escapes(b"\\\\u0041\\n\\").unwrap(), b"\\\\u0041\\n\\");
        assert_eq!(from_raw_escapes(b"\\ud83d").unwrap(), b"\xed\xa0\xbd");
        for line in [&b"\\u12"[..], b"\\u+123", b"\\U00110000", b"\\uxxxx"] {
            assert!(from_raw_escapes(line).is_none(), "{line:?}");
        }
    }

    // Python 3's `pickle.loads` of the same `S` lines, as far as they are ASCII.
    #[test]
    fn strings_of_python_2_are_read() {
        for (line, text) in [
            (&b"'a\"b'"[..], &b"a\"b"[..]),
            (b"\"a'b\"", b"a'b"),
            (b"''", b""),
            (br"'\\\'\x22\n\r\t\x41\x7f'", b"\\'\"\n\r\tA\x7f"),
            (br#"'\"'"#, b"\""),
        ] {
            assert_eq!(from_repr(line).as_deref(), Some(text), "{}", line.escape_ascii());
        }
        for line in [&b"a"[..], b"'", b"'a\"", b"", b"'\\'", br"'\x4'", br"'\xg0'", br"'\q'", b"'\xe9'", br"'\xe9'"] {
            assert_eq!(from_repr(line), None, "{}", line.escape_ascii());
        }
    }
}
