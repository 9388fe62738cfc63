//! URL-safe base64, written without padding and read as leniently as Python reads it.
//!
//! ```
//! use cloakroom::wire::base64;
//!
//! let text = base64::encode(&[0xfb, 0xff]);
//! assert_eq!(text, "-_8");
//! assert_eq!(base64::decode(text.as_bytes())?, [0xfb, 0xff]);
//! # Ok::<(), base64::Base64Error>(())
//! ```

use ::base64::Engine as _;
use ::base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Python ignores the spare bits of the last character, so the fast path must, too.
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(
    &::base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// A text that Python's `base64.urlsafe_b64decode` refuses.
///
/// ```
/// use cloakroom::wire::base64::{self, Base64Error};
///
/// let error = base64::decode(b"eyJ9e").unwrap_err();
/// assert_eq!(error, Base64Error::Length);
/// assert_eq!(error.to_string(), "the number of base64 characters cannot be one more than a multiple of four");
/// assert_eq!(base64::decode(b"eyJ!"), Err(Base64Error::Padding));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Base64Error {
    /// One character more than a multiple of four, which is not a whole byte.
    #[error("the number of base64 characters cannot be one more than a multiple of four")]
    Length,
    /// The text ends inside a group of four.
    #[error("the base64 text is not padded correctly")]
    Padding,
}

/// The length of `bytes` bytes in base64 without padding.
pub(crate) const fn encoded_len(bytes: usize) -> usize {
    let whole = bytes / 3 * 4;
    match bytes % 3 {
        0 => whole,
        rest => whole + rest + 1,
    }
}

/// Bytes as URL-safe base64 without padding (`b64_encode`).
///
/// ```
/// use cloakroom::wire::base64;
///
/// assert_eq!(base64::encode(br#"{"a":1}"#), "eyJhIjoxfQ");
/// ```
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE.encode(bytes)
}

/// As [`encode`], at the end of a text that exists. Allocates nothing where the text has room.
///
/// ```
/// use cloakroom::wire::base64;
///
/// let mut out = String::from(".");
/// base64::append(&mut out, b"{}");
/// assert_eq!(out, ".e30");
/// ```
pub fn append(out: &mut String, bytes: &[u8]) {
    URL_SAFE.encode_string(bytes, out);
}

/// A SHA-256 digest as the 43 characters of a signature.
pub(crate) fn encode_digest(digest: &[u8; 32]) -> [u8; 43] {
    let mut out = [0; 43];
    // The lengths fit by construction; were they not to, the zeros left over match no signature.
    let _ = URL_SAFE.encode_slice(digest, &mut out);
    out
}

/// The bytes that a base64 text stands for, as Django's `b64_decode` reads it.
///
/// Both alphabets are accepted, any other character (non-ASCII, white space) is passed over, spare bits are ignored
/// and everything after complete padding is ignored. Padding is added before that, for the length of the whole text:
/// characters that are passed over count.
///
/// # Errors
/// [`Base64Error`] where the characters do not end on a whole byte.
///
/// ```
/// use cloakroom::wire::base64;
///
/// assert_eq!(base64::decode("eyJhIjoxfQ".as_bytes()).unwrap(), b"{\"a\":1}");
/// assert_eq!(base64::decode("e!y#J$hIjoxMn0!!!!".as_bytes()).unwrap(), b"{\"a\":12}");
/// ```
pub fn decode(text: &[u8]) -> Result<Vec<u8>, Base64Error> {
    URL_SAFE.decode(text).or_else(|_| decode_leniently(text))
}

/// `binascii.a2b_base64` without `strict_mode`, after the padding Django adds.
fn decode_leniently(text: &[u8]) -> Result<Vec<u8>, Base64Error> {
    let padding = text.len().wrapping_neg() % 4;
    let padded = text.iter().copied().chain(std::iter::repeat_n(b'=', padding));

    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let mut in_group = 0;
    let mut pads = 0;
    let mut left = 0;
    for byte in padded {
        if byte == b'=' {
            if in_group >= 2 {
                pads += 1;
                if in_group + pads >= 4 {
                    return Ok(out);
                }
            }
            continue;
        }
        let Some(bits) = six_bits(byte) else { continue };
        pads = 0;
        match in_group {
            0 => left = bits,
            1 => {
                out.push(left << 2 | bits >> 4);
                left = bits & 0x0f;
            }
            2 => {
                out.push(left << 4 | bits >> 2);
                left = bits & 0x03;
            }
            _ => out.push(left << 6 | bits),
        }
        in_group = (in_group + 1) % 4;
    }
    match in_group {
        0 => Ok(out),
        1 => Err(Base64Error::Length),
        _ => Err(Base64Error::Padding),
    }
}

fn six_bits(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<u8>, Base64Error> {
        decode(text.as_bytes())
    }

    #[test]
    fn clean_text_is_read_alike_on_both_paths() {
        for length in 0..70 {
            let bytes: Vec<u8> = (0..length).map(|n| (n * 37 + 11) as u8).collect();
            let text = encode(&bytes);
            assert_eq!(text.len(), encoded_len(bytes.len()));
            assert_eq!(read(&text).as_ref(), Ok(&bytes));
            assert_eq!(decode_leniently(text.as_bytes()), Ok(bytes));
        }
    }

    // Each answer below is CPython 3.11's.
    #[test]
    fn odd_texts_are_read_as_python_does() {
        assert_eq!(read(""), Ok(vec![]));
        assert_eq!(read("!!!!"), Ok(vec![]));
        assert_eq!(read("===="), Ok(vec![]));
        assert_eq!(read("éé"), Ok(vec![]));
        assert_eq!(read("e"), Err(Base64Error::Length));
        assert_eq!(read("e==="), Err(Base64Error::Length));
        assert_eq!(read("eyJhI"), Err(Base64Error::Length));
        assert_eq!(read("ey\n\n"), Err(Base64Error::Padding));
        assert_eq!(read("ey=J"), Err(Base64Error::Padding));
        assert_eq!(read("ey=J="), Ok(b"{\"".to_vec()));
        assert_eq!(read("e=y=J="), Ok(b"{\"".to_vec()));
        assert_eq!(read("eyJ=hI"), Ok(b"{\"".to_vec()));
        assert_eq!(read("ey==eyJh"), Ok(b"{".to_vec()));
        assert_eq!(read("eyJh====IjoxfQ"), Ok(b"{\"a\":1}".to_vec()));
        assert_eq!(read("f_-A"), read("f/+A"));
        assert_eq!(read("eR"), read("eQ"));
    }
}
