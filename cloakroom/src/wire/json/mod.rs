//! JSON as Python's `json` module reads and writes it.
//!
//! What differs from the JSON of RFC 8259: `NaN`, `Infinity` and `-Infinity` are numbers, integers have any size (but
//! at most [`MAX_INTEGER_DIGITS`] digits), a string may hold half of a surrogate pair, and of equal names in an object
//! the last one counts.
//!
//! [`scan`] and [`scan_object`] only look: they give ranges of the text. [`from_str`] and [`to_string`] turn a text into
//! a value and back, through serde. [`escape`] and [`unescape`] do so for the inside of one string.
//!
//! ```
//! use cloakroom::wire::json;
//!
//! let text = json::to_string(&("Zoë", 3))?;
//! assert_eq!(text, r#"["Zo\u00eb",3]"#);
//! assert_eq!(json::from_str::<(String, u8)>(&text)?, ("Zoë".to_owned(), 3));
//! # Ok::<(), json::JsonError>(())
//! ```

mod de;
mod duplicates;
mod error;
mod key;
mod latin1;
mod nest;
mod number;
mod plain;
mod scan;
mod ser;
mod text;

pub use de::from_str;
pub use error::{JsonError, Kind};
pub use latin1::ascii_from_latin1;
pub use scan::{MAX_DEPTH, MAX_INTEGER_DIGITS, scan, scan_object};
pub use ser::{append, to_string};
pub use text::{canonical_name, escape, unescape, unescape_lossy};

// For the members of a session.
pub(crate) use plain::is_printable;
pub(crate) use scan::scan_members;

// For pickles.
pub(super) use number::{append_f64, is_integer, parse_f64};
pub(super) use scan::Scanner;
pub(super) use text::{Piece, Pieces, append_code, append_escaped, is_plain};

/// The deepest nesting of arrays and objects that [`from_str`] builds and [`to_string`] writes.
///
/// Both recurse, unlike [`scan`], whose bound is [`MAX_DEPTH`].
///
/// ```
/// use cloakroom::wire::json::{JsonError, MAX_VALUE_DEPTH, from_str};
///
/// let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
/// assert!(from_str::<serde_json::Value>(&nested(MAX_VALUE_DEPTH)).is_ok());
/// let error = from_str::<serde_json::Value>(&nested(MAX_VALUE_DEPTH + 1)).unwrap_err();
/// assert_eq!(error, JsonError::TooDeep { limit: MAX_VALUE_DEPTH });
/// ```
pub const MAX_VALUE_DEPTH: usize = 128;
