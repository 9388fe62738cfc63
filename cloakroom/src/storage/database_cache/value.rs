//! A value as text: base64, as Python writes and reads it.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::storage::StorageError;

/// As lenient as Python where the last character holds bits that mean nothing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

pub(super) fn write(value: &[u8]) -> String {
    BASE64.encode(value)
}

/// What Python's `b64decode` makes of it: characters that are none of base64 are passed over, line ends among them.
pub(super) fn read(text: &[u8]) -> Result<Vec<u8>, StorageError> {
    const DAMAGED: StorageError = StorageError::Damaged("the value in the cache's table is no base64");
    let value = match BASE64.decode(text) {
        Ok(value) => value,
        Err(_) => {
            let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
            BASE64.decode(text.iter().copied().filter(is_base64).collect::<Vec<u8>>()).map_err(|_| DAMAGED)?
        }
    };
    // No value is empty: not one character of this was base64.
    if value.is_empty() && !text.is_empty() { Err(DAMAGED) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_reads_is_read() {
        assert_eq!(write(b"\x80\x05}\x94."), "gAV9lC4=");
        for text in ["gAV9lC4=", "gAV9\nlC4=\n", " g A V 9 l C 4 = ", "gAV9lC5="] {
            assert_eq!(read(text.as_bytes()).unwrap(), b"\x80\x05}\x94.", "{text:?}");
        }
        assert_eq!(read(b"").unwrap(), b"");
        for text in ["****", "gAV9lC4", "gAV9l", "=", "\u{e9}"] {
            assert!(read(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
