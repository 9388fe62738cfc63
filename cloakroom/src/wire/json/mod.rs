//! JSON as Python's `json` module reads and writes it.
//!
//! What differs from the JSON of RFC 8259: `NaN`, `Infinity` and `-Infinity` are numbers, integers have any size (but
//! at most [`MAX_INTEGER_DIGITS`] digits), a string may hold half of a surrogate pair, and of equal names in an object
//! the last one counts.
//!
//! [`scan`] and [`scan_object`] only look: they give ranges of the text. [`from_str`] and [`to_string`] turn a text into
//! a value and back, through serde. [`escape`] and [`unescape`] do so for the inside of one string.

mod de;
mod duplicates;
mod error;
mod key;
mod latin1;
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

/// The deepest nesting of arrays and objects that [`from_str`] builds and [`to_string`] writes.
///
/// Both recurse, unlike [`scan`], whose bound is [`MAX_DEPTH`].
pub const MAX_VALUE_DEPTH: usize = 128;
