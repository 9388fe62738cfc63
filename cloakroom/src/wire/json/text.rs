//! The inside of a JSON string.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::error::JsonError;

/// Whether Python writes this byte into a string as it is.
pub(in crate::wire) const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// The text as it stands inside the quotes of a JSON string, in ASCII (`json.dumps` with `ensure_ascii`).
///
/// Borrowed where nothing needs an escape.
///
/// ```
/// use cloakroom::wire::json::escape;
///
/// assert_eq!(escape("visits"), "visits");
/// assert_eq!(escape("café \"😀\"\u{7f}\n"), r#"caf\u00e9 \"\ud83d\ude00\"\u007f\n"#);
/// ```
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    if text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() * 2);
    append_escaped(&mut out, text);
    Cow::Owned(out)
}

/// As [`escape`], at the end of a text that exists.
pub(in crate::wire) fn append_escaped(out: &mut String, text: &str) {
    let mut rest = text;
    loop {
        let plain = rest.bytes().position(|byte| !is_plain(byte)).unwrap_or(rest.len());
        let (head, tail) = rest.split_at(plain);
        out.push_str(head);
        let mut characters = tail.chars();
        let Some(character) = characters.next() else { return };
        append_code(out, u32::from(character));
        rest = characters.as_str();
    }
}

/// Appends one code point, which may be half of a surrogate pair.
pub(in crate::wire) fn append_code(out: &mut String, code: u32) {
    let short = match code {
        0x08 => "\\b",
        0x09 => "\\t",
        0x0a => "\\n",
        0x0c => "\\f",
        0x0d => "\\r",
        0x22 => "\\\"",
        0x5c => "\\\\",
        0x20..=0x7e => {
            out.extend(char::from_u32(code));
            return;
        }
        _ => "",
    };
    out.push_str(short);
    // Writing to a String cannot fail.
    let _ = match code {
        _ if !short.is_empty() => Ok(()),
        0x1_0000.. => {
            let beyond = code - 0x1_0000;
            write!(out, "\\u{:04x}\\u{:04x}", 0xd800 + (beyond >> 10), 0xdc00 + (beyond & 0x3ff))
        }
        _ => write!(out, "\\u{code:04x}"),
    };
}

/// What a raw string is made of.
pub(in crate::wire) enum Piece<'a> {
    /// Text without escapes.
    Plain(&'a str),
    /// A code point from one escape or two: any but a whole surrogate pair's half.
    Code(u32),
}

/// Cuts a raw string into its pieces.
pub(in crate::wire) struct Pieces<'a> {
    rest: &'a str,
    length: usize,
}

impl<'a> Pieces<'a> {
    pub(in crate::wire) fn new(raw: &'a str) -> Self {
        Self { rest: raw, length: raw.len() }
    }

    /// The next piece, `None` at the end. Only a text that is not the inside of a JSON string is an error.
    pub(in crate::wire) fn next(&mut self) -> Result<Option<Piece<'a>>, JsonError> {
        let rest = self.rest;
        match memchr::memchr(b'\\', rest.as_bytes()) {
            None if rest.is_empty() => Ok(None),
            Some(0) => self.escape().map(Some),
            found => {
                let (plain, tail) = rest.split_at(found.unwrap_or(rest.len()));
                self.rest = tail;
                Ok(Some(Piece::Plain(plain)))
            }
        }
    }

    fn escape(&mut self) -> Result<Piece<'a>, JsonError> {
        let rest = self.rest;
        let bad = JsonError::Syntax { offset: self.length - rest.len() };
        let (code, length) = match rest.as_bytes().get(1) {
            Some(b'b') => (0x08, 2),
            Some(b't') => (0x09, 2),
            Some(b'n') => (0x0a, 2),
            Some(b'f') => (0x0c, 2),
            Some(b'r') => (0x0d, 2),
            Some(&byte @ (b'"' | b'\\' | b'/')) => (u32::from(byte), 2),
            Some(b'u') => match (unit(rest, 0), unit(rest, 6)) {
                (None, _) => return Err(bad),
                (Some(high @ 0xd800..0xdc00), Some(low @ 0xdc00..0xe000)) => {
                    (0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00), 12)
                }
                (Some(code), _) => (code, 6),
            },
            _ => return Err(bad),
        };
        self.rest = rest.get(length..).ok_or(bad)?;
        Ok(Piece::Code(code))
    }
}

/// The `\uXXXX` at a place.
fn unit(text: &str, at: usize) -> Option<u32> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
    // `from_str_radix` would take a sign.
    if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) { u32::from_str_radix(digits, 16).ok() } else { None }
}

/// The text that the inside of a JSON string stands for. Borrowed where it holds no escape.
///
/// # Errors
/// [`JsonError::LoneSurrogate`] where Python's string has half of a surrogate pair, [`JsonError::Syntax`] where an escape
/// is none of JSON's.
///
/// ```
/// use cloakroom::wire::json::unescape;
///
/// assert_eq!(unescape(r"\ud83d\ude00\/").unwrap(), "😀/");
/// assert!(unescape(r"\ud83d").is_err());
/// ```
pub fn unescape(raw: &str) -> Result<Cow<'_, str>, JsonError> {
    if memchr::memchr(b'\\', raw.as_bytes()).is_none() {
        return Ok(Cow::Borrowed(raw));
    }
    let mut out = String::with_capacity(raw.len());
    let mut pieces = Pieces::new(raw);
    while let Some(piece) = pieces.next()? {
        match piece {
            Piece::Plain(text) => out.push_str(text),
            Piece::Code(code) => out.push(char::from_u32(code).ok_or(JsonError::LoneSurrogate)?),
        }
    }
    Ok(Cow::Owned(out))
}

/// As [`unescape`], for showing to people: half a surrogate pair becomes U+FFFD, and so does a backslash that begins
/// none of JSON's escapes.
///
/// ```
/// use cloakroom::wire::json::unescape_lossy;
///
/// assert_eq!(unescape_lossy(r"caf\u00e9"), "café");
/// assert_eq!(unescape_lossy(r"\ud83d!"), "\u{fffd}!");
/// ```
#[must_use]
pub fn unescape_lossy(raw: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut pieces = Pieces::new(raw);
    loop {
        match pieces.next() {
            Ok(None) => return Cow::Owned(out),
            Ok(Some(Piece::Plain(text))) => out.push_str(text),
            Ok(Some(Piece::Code(code))) => out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)),
            Err(_) => {
                out.push(char::REPLACEMENT_CHARACTER);
                pieces.rest = pieces.rest.get(1..).unwrap_or_default();
            }
        }
    }
}

/// The one way Python writes the name that the inside of a JSON string stands for.
///
/// Two raw names are equal in Python exactly if these are equal; the canonical name of a Rust string is its [`escape`].
/// Borrowed where the raw name is written so already. A raw name with an escape that is none of JSON's is left as it is.
///
/// ```
/// use cloakroom::wire::json::{canonical_name, escape};
///
/// assert_eq!(canonical_name(r"\u0061\u00E9"), escape("aé"));
/// assert_eq!(canonical_name(r"\uD800"), r"\ud800");
/// ```
#[must_use]
pub fn canonical_name(raw: &str) -> Cow<'_, str> {
    if raw.bytes().all(is_plain) {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut pieces = Pieces::new(raw);
    loop {
        match pieces.next() {
            Ok(Some(Piece::Plain(text))) => append_escaped(&mut out, text),
            Ok(Some(Piece::Code(code))) => append_code(&mut out, code),
            Ok(None) if out != raw => return Cow::Owned(out),
            Ok(None) | Err(_) => return Cow::Borrowed(raw),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // As Python's `json.dumps` writes each of them.
    #[test]
    fn escapes_are_pythons() {
        let text = "\0\u{1}\u{8}\t\n\u{b}\u{c}\r\u{1f} \"/\\~\u{7f}\u{80}é\u{2028}\u{ffff}\u{10000}\u{10ffff}";
        let raw = concat!(
            r#"\u0000\u0001\b\t\n\u000b\f\r\u001f \"/\\~\u007f\u0080\u00e9"#,
            r"\u2028\uffff\ud800\udc00\udbff\udfff"
        );
        assert_eq!(escape(text), raw);
        assert_eq!(unescape(raw).unwrap(), text);
        assert_eq!(canonical_name(raw), raw);
        assert!(matches!(canonical_name(raw), Cow::Borrowed(_)));
        assert!(matches!(escape("plain text/~"), Cow::Borrowed(_)));
    }

    #[test]
    fn names_are_equal_as_in_python() {
        let same = [
            (r"\/", "/"),
            (r"\u002f", "/"),
            (r"\u005C", r"\\"),
            (r"\u000A", r"\n"),
            ("\u{7f}", r"\u007F"),
            ("é", r"\u00E9"),
            ("😀", r"\uD83D\uDE00"),
            (r"\uDFFF\uD83D\uDE00", r"\udfff\ud83d\ude00"),
        ];
        for (a, b) in same {
            assert_eq!(canonical_name(a), canonical_name(b));
        }
        assert_ne!(canonical_name(r"\ud83d"), canonical_name(r"\ude00"));
        assert_eq!(canonical_name(r"\x"), r"\x");
    }

    #[test]
    fn halves_of_pairs_are_told_or_replaced() {
        for raw in [r"\ud83d", r"\ude00", r"\ude00\ud83d", r"\ud83d\u0041", r"a\ud83dé", r"\ud83d\n"] {
            assert_eq!(unescape(raw), Err(JsonError::LoneSurrogate), "{raw}");
        }
        assert_eq!(unescape_lossy(r"a\ud83d\u0041\ud83d\ude00"), "a\u{fffd}A😀");
        assert_eq!(unescape_lossy("plain"), "plain");
    }

    #[test]
    fn what_is_no_escape_is_an_error() {
        for raw in [r"\", r"\x", r"\u", r"\u12", r"\u+123", r"\u12é", r"\é", r"a\"] {
            assert!(matches!(unescape(raw), Err(JsonError::Syntax { .. })), "{raw}");
            assert!(unescape_lossy(raw).contains(char::REPLACEMENT_CHARACTER));
        }
        assert_eq!(unescape(r"ab\n\x"), Err(JsonError::Syntax { offset: 4 }));
        assert!(matches!(unescape(r"\ud83d\u12"), Err(JsonError::Syntax { .. } | JsonError::LoneSurrogate)));
    }
}
