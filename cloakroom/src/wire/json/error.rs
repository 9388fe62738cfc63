//! What can be wrong with a JSON text, or with a value that should become one.

use std::fmt;

/// What a JSON value is.
///
/// ```
/// use cloakroom::wire::json::{Kind, scan};
///
/// assert_eq!(scan("NaN")?, Kind::Number);
/// assert_eq!(scan("{}")?.to_string(), "an object");
/// # Ok::<(), cloakroom::wire::JsonError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// A number, `NaN`, `Infinity` or `-Infinity`.
    Number,
    /// `true` or `false`
    Bool,
    /// `null`
    Null,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Bool => "a boolean",
            Self::Null => "null",
        })
    }
}

/// A JSON text that was not read, or a value that was not written. Holds nothing of the data.
///
/// ```
/// use cloakroom::wire::json::{JsonError, Kind, from_str, scan, scan_object};
///
/// assert_eq!(scan("[1,]"), Err(JsonError::Syntax { offset: 3 }));
/// assert_eq!(from_str::<String>(r#""\ud83d""#), Err(JsonError::LoneSurrogate));
/// let error = scan_object("[]", |_, _| {}).unwrap_err();
/// assert_eq!(error, JsonError::NotAnObject(Kind::Array));
/// assert_eq!(error.to_string(), "JSON is an array, not an object");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Not JSON by Python's grammar.
    #[error("not valid JSON at byte {offset}")]
    Syntax {
        /// Where, in bytes from the start of the text.
        offset: usize,
    },
    /// Arrays and objects are nested too deeply.
    #[error("JSON is nested more than {limit} levels deep")]
    TooDeep {
        /// The limit, in levels.
        limit: usize,
    },
    /// An integer has more digits than Python reads.
    #[error("an integer at byte {offset} has more than {limit} digits", limit = super::MAX_INTEGER_DIGITS)]
    IntegerTooLong {
        /// Where, in bytes from the start of the text.
        offset: usize,
    },
    /// The text is valid JSON but not an object.
    #[error("JSON is {0}, not an object")]
    NotAnObject(Kind),
    /// A string holds half of a surrogate pair, which no Rust string can.
    #[error("a JSON string holds half of a surrogate pair")]
    LoneSurrogate,
    /// An integer beyond 128 bits, which no Rust type can hold.
    #[error("a JSON integer is out of the type's range")]
    IntegerOutOfRange,
    /// The value is of another type than the one that was asked for.
    #[error("{0}")]
    Mismatch(Box<str>),
    /// The type's own code refused the value. What it said is withheld, as it may quote the data.
    #[error("the value was refused by its type")]
    Refused,
    /// A value out of a pickle that JSON has no form for.
    #[error("JSON cannot hold {0}")]
    NotJson(&'static str),
    /// The name of an object's member would not be a string, a number, a boolean or `None`.
    #[error("the name of a JSON member must be a string, a number, a boolean or null")]
    KeyNotText,
}
