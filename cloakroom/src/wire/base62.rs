//! Numbers in base 62, as `django.core.signing` writes the time of signing.
//!
//! ```
//! use cloakroom::wire::base62;
//!
//! let moment = base62::encode(1_831_700_317);
//! assert_eq!(base62::decode(&moment)?, 1_831_700_317);
//! # Ok::<(), base62::Base62Error>(())
//! ```

/// The digits, in the order of their values.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The most digits of a `u128`.
const MAX_DIGITS: usize = 22;

/// A text that is not a number in base 62.
///
/// ```
/// use cloakroom::wire::base62::{self, Base62Error};
///
/// assert_eq!(base62::decode(""), Err(Base62Error::Empty));
/// let error = base62::decode("1nJ_n8").unwrap_err();
/// assert_eq!(error, Base62Error::BadDigit);
/// assert_eq!(error.to_string(), "a character is not a digit of base 62");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Base62Error {
    /// There is no text at all. (Python leaks an `IndexError` here.)
    #[error("an empty text is not a number in base 62")]
    Empty,
    /// A character is not one of `0-9A-Za-z`. (Python leaks a `ValueError` here.)
    #[error("a character is not a digit of base 62")]
    BadDigit,
}

/// Writes a number in base 62: the sign, then the digits, most significant first (`b62_encode`).
///
/// ```
/// use cloakroom::wire::base62;
///
/// assert_eq!(base62::encode(1_644_704_574), "1nJ0n8");
/// assert_eq!(base62::encode(-62), "-10");
/// ```
#[must_use]
pub fn encode(number: i128) -> String {
    let mut out = String::new();
    append(&mut out, number);
    out
}

/// As [`encode`], at the end of a text that exists. Allocates nothing where the text has room.
///
/// ```
/// use cloakroom::wire::base62;
///
/// let mut stamped = String::from("value:");
/// base62::append(&mut stamped, 62);
/// assert_eq!(stamped, "value:10");
/// ```
pub fn append(out: &mut String, number: i128) {
    if number < 0 {
        out.push('-');
    }
    let magnitude = number.unsigned_abs();
    // Division of 64 bits is many times cheaper, and a time in seconds always fits.
    match u64::try_from(magnitude) {
        Ok(small) => append_u64(out, small),
        Err(_) => append_u128(out, magnitude),
    }
}

fn append_u64(out: &mut String, mut rest: u64) {
    let mut buffer = [0; MAX_DIGITS];
    let mut at = MAX_DIGITS;
    loop {
        at -= 1;
        buffer[at] = DIGITS[(rest % 62) as usize];
        rest /= 62;
        if rest == 0 {
            break;
        }
    }
    out.extend(buffer[at..].iter().map(|&digit| char::from(digit)));
}

fn append_u128(out: &mut String, mut rest: u128) {
    let mut buffer = [0; MAX_DIGITS];
    let mut at = MAX_DIGITS;
    while rest != 0 {
        at -= 1;
        buffer[at] = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    out.extend(buffer[at..].iter().map(|&digit| char::from(digit)));
}

/// Reads a number in base 62 (`b62_decode`). A lone `-` is 0, as in Django.
///
/// A number of any length is read; one beyond an `i128` becomes [`i128::MAX`] or [`i128::MIN`].
///
/// # Errors
/// [`Base62Error`] where the text is empty or holds anything but digits after an optional `-`.
///
/// ```
/// use cloakroom::wire::base62::{self, Base62Error};
///
/// assert_eq!(base62::decode("zZ9"), Ok(236_663));
/// assert_eq!(base62::decode("1 "), Err(Base62Error::BadDigit));
/// ```
pub fn decode(text: &str) -> Result<i128, Base62Error> {
    decode_bytes(text.as_bytes())
}

/// As [`decode`], of bytes.
pub(crate) fn decode_bytes(text: &[u8]) -> Result<i128, Base62Error> {
    if text.is_empty() {
        return Err(Base62Error::Empty);
    }
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let mut number = 0_i128;
    for &byte in digits {
        let digit = i128::from(digit(byte).ok_or(Base62Error::BadDigit)?);
        // Below zero all the way, so that i128::MIN can be reached.
        let digit = if negative { -digit } else { digit };
        number = number.saturating_mul(62).saturating_add(digit);
    }
    Ok(number)
}

/// The number as Python's `float` would hold it; infinite where Python raises `OverflowError`.
///
/// `exact` is what [`decode_bytes`] made of the same text.
pub(crate) fn as_f64(text: &[u8], exact: i128) -> f64 {
    if exact != i128::MAX && exact != i128::MIN {
        return exact as f64;
    }
    let magnitude = text.iter().filter_map(|&byte| digit(byte)).fold(0.0, |sum, digit| sum * 62.0 + f64::from(digit));
    if text.starts_with(b"-") { -magnitude } else { magnitude }
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'Z' => Some(byte - b'A' + 10),
        b'a'..=b'z' => Some(byte - b'a' + 36),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widest_numbers_are_written_whole() {
        for number in [0, 61, 62, -1, i128::from(u64::MAX), i128::from(u64::MAX) + 1, i128::MAX, i128::MIN] {
            assert_eq!(decode(&encode(number)), Ok(number), "{number}");
        }
        assert_eq!(encode(18_446_744_073_709_551_616), "LygHa16AHYG");
        assert_eq!(encode(0), "0");
    }

    #[test]
    fn numbers_beyond_saturate() {
        let long = "z".repeat(30);
        assert_eq!(decode(&long), Ok(i128::MAX));
        assert_eq!(decode(&format!("-{long}")), Ok(i128::MIN));
        assert!((as_f64(long.as_bytes(), i128::MAX) / 62_f64.powi(30) - 1.0).abs() < 1e-9);
        assert_eq!(as_f64("z".repeat(200).as_bytes(), i128::MAX), f64::INFINITY);
    }

    // Python's `float` of an integer is the nearest one.
    #[test]
    fn as_a_float_each_number_is_the_nearest_one() {
        for power in 0..80 {
            for number in [3_i128.pow(power), -(3_i128.pow(power)), i128::from(u64::MAX) << (power / 2), i128::MAX - 1]
            {
                assert_eq!(as_f64(encode(number).as_bytes(), number), number as f64, "{number}");
            }
        }
        let long = format!("-{}", "z".repeat(30));
        assert!((as_f64(long.as_bytes(), i128::MIN) / 62_f64.powi(30) + 1.0).abs() < 1e-9);
        assert_eq!(as_f64(format!("-{}", "z".repeat(200)).as_bytes(), i128::MIN), f64::NEG_INFINITY);
    }

    #[test]
    fn odd_texts_are_read_as_django_does() {
        assert_eq!(decode("-"), Ok(0));
        assert_eq!(decode("-0"), Ok(0));
        assert_eq!(decode("0001"), Ok(1));
        assert_eq!(decode(""), Err(Base62Error::Empty));
        for text in ["--1", "+1", " 1", "1_0", "é", "１"] {
            assert_eq!(decode(text), Err(Base62Error::BadDigit), "{text}");
        }
    }
}
