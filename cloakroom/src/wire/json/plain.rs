//! Plain text, many bytes at a time: whether a text is, and where the plain part of a string ends.

/// Whether a text holds nothing but printable ASCII, as what Python writes with `ensure_ascii`. No branch a byte, so
/// that sixteen are looked at in one step.
pub(crate) fn is_printable(text: &[u8]) -> bool {
    text.iter().fold(0, |highest, byte| highest.max(byte.wrapping_sub(b' '))) <= b'~' - b' '
}

/// How many bytes of printable ASCII stand before the first quote or backslash. Names are short and looked at here;
/// what is longer is worth a call.
#[inline]
pub(super) fn printable_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    for word in bytes.as_chunks::<8>().0.iter().take(2) {
        let word = u64::from_le_bytes(*word);
        let found = (zeros(word ^ (ONES * b'"' as u64)) | zeros(word ^ (ONES * b'\\' as u64))) & HIGHS;
        if found != 0 {
            return length + (found.trailing_zeros() / 8) as usize;
        }
        length += 8;
    }
    let rest = bytes.get(length..).unwrap_or_default();
    length + memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len())
}

/// How many bytes stand before the first quote, backslash or control character.
#[inline]
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let (pairs, _) = bytes.as_chunks::<16>();
    let mut length = 0;
    for pair in pairs {
        // Two words a turn, for fewer branches.
        let word = u128::from_le_bytes(*pair);
        if stops(word as u64) | stops((word >> 64) as u64) != 0 {
            break;
        }
        length += 16;
    }
    let rest = bytes.get(length..).unwrap_or_default();
    for word in rest.as_chunks::<8>().0 {
        let found = stops(u64::from_le_bytes(*word));
        if found != 0 {
            return length + (found.trailing_zeros() / 8) as usize;
        }
        length += 8;
    }
    let last = bytes.get(length..).unwrap_or_default();
    length + last.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\').unwrap_or(last.len())
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Sets the high bit of the bytes that end plain text: of the lowest one, and maybe of others above it.
#[inline]
const fn stops(word: u64) -> u64 {
    let controls = word.wrapping_sub(ONES * 0x20) & !word;
    let (quotes, backslashes) = (word ^ (ONES * b'"' as u64), word ^ (ONES * b'\\' as u64));
    (controls | zeros(quotes) | zeros(backslashes)) & HIGHS
}

/// Sets the high bit of the lowest byte that is zero, and maybe others above it: taking one from a byte of zero borrows.
#[inline]
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word
}
