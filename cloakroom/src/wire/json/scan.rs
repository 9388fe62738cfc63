//! Finding the parts of a JSON text without building anything.

use std::ops::Range;

use super::error::{JsonError, Kind};
use super::nest::Nest;
use super::plain::{is_printable, plain_length, printable_length};

/// The deepest nesting of arrays and objects that is read. CPython 3.11 gives up at 994 levels or a few dozen fewer, by
/// how deep the caller is in its own stack.
///
/// ```
/// use cloakroom::wire::json::{MAX_DEPTH, scan};
///
/// let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
/// assert!(scan(&nested(MAX_DEPTH)).is_ok() && scan(&nested(MAX_DEPTH + 1)).is_err());
/// ```
pub const MAX_DEPTH: usize = 990;

/// The most digits of an integer that is read: Python's `sys.int_info.default_max_str_digits`.
///
/// ```
/// use cloakroom::wire::json::{MAX_INTEGER_DIGITS, scan};
///
/// assert!(scan(&"9".repeat(MAX_INTEGER_DIGITS)).is_ok());
/// assert!(scan(&"9".repeat(MAX_INTEGER_DIGITS + 1)).is_err());
/// ```
pub const MAX_INTEGER_DIGITS: usize = 4_300;

/// Checks that a text is one JSON value by Python's grammar (`json.loads`), and says what it is.
///
/// # Errors
/// [`JsonError::Syntax`], [`JsonError::TooDeep`] beyond [`MAX_DEPTH`] levels, [`JsonError::IntegerTooLong`] beyond
/// [`MAX_INTEGER_DIGITS`] digits.
///
/// ```
/// use cloakroom::wire::json::{Kind, scan};
///
/// assert_eq!(scan(" [1, -Infinity] "), Ok(Kind::Array));
/// assert!(scan("-NaN").is_err());
/// ```
pub fn scan(text: &str) -> Result<Kind, JsonError> {
    scan_with(text, &mut ())
}

/// Checks that a text is one JSON object, and gives the members of its top level in their order.
///
/// `on_member` gets the range of the name, inside its quotes and with its escapes, and the range of the value. Of equal
/// names the last one counts, and all are given. Members come as they are found: what follows them may turn out to be
/// invalid.
///
/// # Errors
/// As [`scan`], and [`JsonError::NotAnObject`] where the text is a valid value of another kind.
///
/// ```
/// use cloakroom::wire::json::scan_object;
///
/// let text = r#"{"a": 1, "b": [2]}"#;
/// let mut members = Vec::new();
/// scan_object(text, |name, value| members.push((&text[name], &text[value])))?;
/// assert_eq!(members, [("a", "1"), ("b", "[2]")]);
/// # Ok::<(), cloakroom::wire::JsonError>(())
/// ```
pub fn scan_object(text: &str, on_member: impl FnMut(Range<usize>, Range<usize>)) -> Result<(), JsonError> {
    scan_members(text.as_bytes(), is_printable(text.as_bytes()), on_member)
}

/// As [`scan_object`], of bytes that are text; `printable` says what [`is_printable`] found.
pub(crate) fn scan_members(
    text: &[u8],
    printable: bool,
    mut on_member: impl FnMut(Range<usize>, Range<usize>),
) -> Result<(), JsonError> {
    let mut scanner = Scanner { bytes: text, pos: 0, printable };
    scanner.skip_space();
    if scanner.peek() != Some(b'{') {
        let kind = scanner.skip_value(0, &mut ())?;
        return scanner.end().and(Err(JsonError::NotAnObject(kind)));
    }
    let mut members = scanner.open_object();
    while let Some(name) = scanner.next_name(&mut members)? {
        let start = scanner.pos;
        scanner.skip_value(1, &mut ())?;
        on_member(name, start..scanner.pos);
    }
    scanner.end()
}

/// As [`scan`], with somebody who watches the names go by.
pub(super) fn scan_with(text: &str, names: &mut impl Names) -> Result<Kind, JsonError> {
    let mut scanner = Scanner::new(text.as_bytes(), 0);
    scanner.skip_space();
    let kind = scanner.skip_value(0, names)?;
    scanner.end()?;
    Ok(kind)
}

/// Who wants to know of the objects in a text and the names in them.
pub(super) trait Names {
    fn open(&mut self) {}
    fn name(&mut self, _name: Range<usize>) {}
    fn close(&mut self) {}
}

impl Names for () {}

/// Whether an object's next member is its first.
pub(super) struct Members {
    first: bool,
}

/// A place in a JSON text.
#[derive(Clone)]
pub(in crate::wire) struct Scanner<'a> {
    bytes: &'a [u8],
    pos: usize,
    /// All of it is known to be printable ASCII: a string ends at the next quote that no backslash stands before.
    printable: bool,
}

impl<'a> Scanner<'a> {
    pub(in crate::wire) fn new(bytes: &'a [u8], pos: usize) -> Self {
        Self { bytes, pos, printable: false }
    }

    pub(in crate::wire) fn pos(&self) -> usize {
        self.pos
    }

    pub(in crate::wire) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    /// Takes the next byte if it is this one.
    pub(in crate::wire) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.pos += usize::from(found);
        found
    }

    pub(in crate::wire) fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.take(byte) { Ok(()) } else { Err(self.error()) }
    }

    pub(super) fn error(&self) -> JsonError {
        JsonError::Syntax { offset: self.pos }
    }

    #[inline]
    pub(in crate::wire) fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.pos += 1;
        }
    }

    /// Makes sure that nothing but white space is left.
    pub(super) fn end(&mut self) -> Result<(), JsonError> {
        self.skip_space();
        if self.pos == self.bytes.len() { Ok(()) } else { Err(self.error()) }
    }

    /// Enters the object that begins here.
    pub(super) fn open_object(&mut self) -> Members {
        self.pos += 1;
        self.skip_space();
        Self::first_member()
    }

    /// What [`Scanner::open_object`] answers, for a scanner that has done so already.
    pub(super) fn first_member() -> Members {
        Members { first: true }
    }

    /// The next name, with the place set on the value after it; `None` at the end of the object.
    #[inline]
    pub(super) fn next_name(&mut self, members: &mut Members) -> Result<Option<Range<usize>>, JsonError> {
        if !members.first {
            self.skip_space();
        }
        if self.take(b'}') {
            // An end is right after a member or at once, but not after a comma.
            return Ok(None);
        }
        if !members.first {
            self.expect(b',')?;
            self.skip_space();
        }
        members.first = false;
        self.skip_name().map(Some)
    }

    /// A name, the colon and the white space around it.
    #[inline]
    fn skip_name(&mut self) -> Result<Range<usize>, JsonError> {
        let name = self.skip_string()?;
        self.skip_space();
        self.expect(b':')?;
        self.skip_space();
        Ok(name)
    }

    /// Passes the value that begins here, `base` levels down. Does not recurse.
    #[inline]
    pub(super) fn skip_value(&mut self, base: usize, names: &mut impl Names) -> Result<Kind, JsonError> {
        if self.peek() == Some(b'"') {
            return self.skip_string().map(|_| Kind::String);
        }
        let kind = self.kind()?;
        match kind {
            Kind::Object | Kind::Array => self.skip_container(base, names)?,
            _ => self.skip_scalar(kind)?,
        }
        Ok(kind)
    }

    /// What the value is that begins here, by its first byte.
    #[inline]
    pub(in crate::wire) fn kind(&self) -> Result<Kind, JsonError> {
        match self.peek() {
            Some(b'"') => Ok(Kind::String),
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'-' | b'0'..=b'9' | b'N' | b'I') => Ok(Kind::Number),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            _ => Err(self.error()),
        }
    }

    fn skip_scalar(&mut self, kind: Kind) -> Result<(), JsonError> {
        match kind {
            Kind::String => self.skip_string().map(drop),
            Kind::Number => self.skip_number(),
            Kind::Bool if self.peek() == Some(b't') => self.skip_word(b"true"),
            Kind::Bool => self.skip_word(b"false"),
            _ => self.skip_word(b"null"),
        }
    }

    fn skip_container(&mut self, base: usize, names: &mut impl Names) -> Result<(), JsonError> {
        let mut nest = Nest::new();
        loop {
            // A value begins here.
            match self.kind()? {
                Kind::Object => {
                    nest.push(true, base)?;
                    names.open();
                    self.pos += 1;
                    self.skip_space();
                    if self.peek() != Some(b'}') {
                        names.name(self.skip_name()?);
                        continue;
                    }
                }
                Kind::Array => {
                    nest.push(false, base)?;
                    self.pos += 1;
                    self.skip_space();
                    if self.peek() != Some(b']') {
                        continue;
                    }
                }
                scalar => {
                    self.skip_scalar(scalar)?;
                    self.skip_space();
                }
            }
            // A value has ended, or an empty container is about to.
            loop {
                let object = nest.in_object();
                match (self.peek(), object) {
                    (Some(b','), _) => {
                        self.pos += 1;
                        self.skip_space();
                        if object {
                            names.name(self.skip_name()?);
                        }
                        break;
                    }
                    (Some(b'}'), true) => names.close(),
                    (Some(b']'), false) => {}
                    _ => return Err(self.error()),
                }
                self.pos += 1;
                nest.depth -= 1;
                if nest.depth == 0 {
                    return Ok(());
                }
                self.skip_space();
            }
        }
    }

    pub(in crate::wire) fn skip_word(&mut self, word: &[u8]) -> Result<(), JsonError> {
        if !self.bytes.get(self.pos..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(self.error());
        }
        self.pos += word.len();
        Ok(())
    }

    fn skip_digits(&mut self) -> usize {
        let start = self.pos;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.pos += 1;
        }
        self.pos - start
    }

    pub(in crate::wire) fn skip_number(&mut self) -> Result<(), JsonError> {
        let start = self.pos;
        match self.peek() {
            Some(b'N') => return self.skip_word(b"NaN"),
            Some(b'I') => return self.skip_word(b"Infinity"),
            _ => {}
        }
        if self.take(b'-') && self.peek() == Some(b'I') {
            return self.skip_word(b"Infinity");
        }
        let digits = if self.take(b'0') { 1 } else { self.skip_digits() };
        if digits == 0 {
            return Err(self.error());
        }
        let mut integer = true;
        if self.take(b'.') {
            integer = false;
            if self.skip_digits() == 0 {
                return Err(self.error());
            }
        }
        if self.take(b'e') || self.take(b'E') {
            integer = false;
            if !self.take(b'-') {
                self.take(b'+');
            }
            if self.skip_digits() == 0 {
                return Err(self.error());
            }
        }
        if integer && digits > MAX_INTEGER_DIGITS {
            return Err(JsonError::IntegerTooLong { offset: start });
        }
        Ok(())
    }

    /// Passes a string and gives the range inside its quotes.
    #[inline]
    pub(in crate::wire) fn skip_string(&mut self) -> Result<Range<usize>, JsonError> {
        self.expect(b'"')?;
        let start = self.pos;
        loop {
            self.skip_plain();
            match self.peek() {
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(start..self.pos - 1);
                }
                Some(b'\\') => self.skip_escape()?,
                // A control character, or the end.
                _ => return Err(self.error()),
            }
        }
    }

    /// Stops at the next quote, backslash or control character, or at the end.
    #[inline]
    fn skip_plain(&mut self) {
        let rest = self.bytes.get(self.pos..).unwrap_or_default();
        self.pos += if self.printable { printable_length(rest) } else { plain_length(rest) };
    }

    fn skip_escape(&mut self) -> Result<(), JsonError> {
        match self.bytes.get(self.pos + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.pos += 2;
                Ok(())
            }
            Some(b'u') => {
                let digits = self.bytes.get(self.pos + 2..self.pos + 6).ok_or_else(|| self.error())?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(self.error());
                }
                self.pos += 6;
                Ok(())
            }
            _ => Err(self.error()),
        }
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
