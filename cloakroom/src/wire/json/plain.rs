//! Where the plain part of a string ends, eight bytes at a time.

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

/// Sets the high bit of the bytes that end plain text: of the lowest one, and maybe of others above it.
#[inline]
const fn stops(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let quotes = word ^ (ONES * b'"' as u64);
    let backslashes = word ^ (ONES * b'\\' as u64);
    // Taking one from a byte of zero borrows: so each term finds its byte, and what it sets wrongly stands above that.
    let controls = word.wrapping_sub(ONES * 0x20) & !word;
    (controls | (quotes.wrapping_sub(ONES) & !quotes) | (backslashes.wrapping_sub(ONES) & !backslashes)) & HIGHS
}
