//! Python's integers of any size: two's complement, lowest byte first.

use crate::wire::json::MAX_INTEGER_DIGITS;

use super::node::{Blob, Node};

/// No integer of [`MAX_INTEGER_DIGITS`] digits has more bytes.
const MAX_BYTES: usize = MAX_INTEGER_DIGITS / 2;

/// What is needed of such bytes: none for 0.
pub(super) fn shortest(bytes: &[u8]) -> &[u8] {
    let mut length = bytes.len();
    while length > 0 {
        let (top, next) = (bytes[length - 1], length.checked_sub(2).map_or(0, |at| bytes[at]));
        match top {
            0 if next < 0x80 => length -= 1,
            0xff if next >= 0x80 => length -= 1,
            _ => break,
        }
    }
    &bytes[..length]
}

/// The integer, if it has 64 bits or fewer.
pub(super) fn to_i64(bytes: &[u8]) -> Option<i64> {
    let bytes = shortest(bytes);
    let fill = if bytes.last().is_some_and(|&top| top >= 0x80) { 0xff } else { 0 };
    let mut word = [fill; 8];
    word.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(word))
}

/// Its decimal text; `None` beyond [`MAX_INTEGER_DIGITS`] digits: the work grows with the square of them.
pub(super) fn to_text(bytes: &[u8]) -> Option<String> {
    let bytes = shortest(bytes);
    if bytes.len() > MAX_BYTES {
        return None;
    }
    let negative = bytes.last().is_some_and(|&top| top >= 0x80);
    let fill = if negative { 0xff } else { 0 };
    let mut words: Vec<u32> = bytes
        .chunks(4)
        .map(|chunk| {
            let mut word = [fill; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            u32::from_le_bytes(word)
        })
        .collect();
    if negative {
        negate(&mut words);
    }
    // Nine digits at a time, the lowest first.
    let mut parts = Vec::new();
    while let Some(&top) = words.last() {
        if top == 0 {
            words.pop();
            continue;
        }
        let mut rest = 0;
        for word in words.iter_mut().rev() {
            let value = rest << 32 | u64::from(*word);
            *word = (value / 1_000_000_000) as u32;
            rest = value % 1_000_000_000;
        }
        parts.push(rest);
    }
    let mut text = String::with_capacity(parts.len() * 9 + 1);
    let mut parts = parts.iter().rev();
    text.push_str(&parts.next().unwrap_or(&0).to_string());
    parts.for_each(|part| text.push_str(&format!("{part:09}")));
    if text.len() > MAX_INTEGER_DIGITS {
        return None;
    }
    if negative {
        text.insert(0, '-');
    }
    Some(text)
}

fn negate(words: &mut [u32]) {
    let mut carry = true;
    for word in words {
        (*word, carry) = (!*word).overflowing_add(u32::from(carry));
    }
}

/// A value from decimal text, with a sign or without. `None` for other text and beyond [`MAX_INTEGER_DIGITS`] digits.
pub(super) fn from_text(text: &str) -> Option<Node> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || digits.len() > MAX_INTEGER_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if let Ok(integer) = text.parse() {
        return Some(Node::Int(integer));
    }
    let mut words: Vec<u32> = Vec::with_capacity(digits.len() / 9 + 2);
    let (head, tail) = digits.as_bytes().split_at(digits.len() % 9);
    for part in std::iter::once(head).chain(tail.chunks(9)) {
        let value = part.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
        let mut carry = value;
        let scale = 10_u64.pow(part.len() as u32);
        for word in &mut words {
            carry += u64::from(*word) * scale;
            *word = carry as u32;
            carry >>= 32;
        }
        if carry != 0 {
            words.push(carry as u32);
        }
    }
    words.push(0);
    if text.starts_with('-') {
        negate(&mut words);
    }
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    Some(from_bytes(&bytes))
}

/// A value from its bytes.
pub(super) fn from_bytes(bytes: &[u8]) -> Node {
    to_i64(bytes).map_or_else(|| Node::Long(Blob::Own(shortest(bytes).into())), Node::Int)
}

/// A floating point number that is whole, as an integer.
pub(super) fn from_whole_f64(number: f64) -> Node {
    if (-9e18..9e18).contains(&number) {
        return Node::Int(number as i64);
    }
    let bits = number.to_bits();
    let shift = ((bits >> 52 & 0x7ff) as usize).saturating_sub(1075);
    let mantissa = u128::from(bits & ((1 << 52) - 1) | 1 << 52) << (shift % 8);
    let mut words = vec![0_u8; shift / 8];
    words.extend(mantissa.to_le_bytes());
    // The mantissa's highest bytes are zero: there is room for the sign.
    if number.is_sign_negative() {
        let mut carry = true;
        for byte in &mut words {
            (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
        }
    }
    from_bytes(&words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(node: &Node) -> String {
        match node {
            Node::Int(integer) => integer.to_string(),
            Node::Long(Blob::Own(bytes)) => to_text(bytes).unwrap(),
            _ => panic!(),
        }
    }

    #[test]
    fn texts_and_bytes_are_one_number() {
        let powers = (0..130).flat_map(|power| {
            let big = 1_u128.checked_shl(power).unwrap_or(u128::MAX);
            [big.to_string(), format!("-{big}"), (big - 1).to_string(), format!("-{}", big - 1)]
        });
        let mut texts: Vec<String> = powers.filter(|text| text != "-0").collect();
        texts.push("123456789".repeat(20));
        texts.push("9".repeat(MAX_INTEGER_DIGITS));
        texts.push(format!("-1{}", "0".repeat(MAX_INTEGER_DIGITS - 1)));
        for text in texts {
            assert_eq!(shown(&from_text(&text).unwrap()), text);
        }
        assert!(from_text(&"9".repeat(MAX_INTEGER_DIGITS + 1)).is_none());
        assert!(to_text(&[0x7f; MAX_BYTES + 1]).is_none() && to_text(&[0x7f; 1_785]).is_some());
        for text in ["", "-", "+1", "1_0", " 1", "0x1"] {
            assert!(from_text(text).is_none(), "{text}");
        }
    }

    #[test]
    fn bytes_are_as_few_as_they_can_be() {
        let cases: [(&[u8], &[u8]); 7] = [
            (&[0, 0], &[]),
            (&[], &[]),
            (&[0xff, 0xff], &[0xff]),
            (&[0xff, 0], &[0xff, 0]),
            (&[0x80, 0xff], &[0x80]),
            (&[0x7f, 0xff], &[0x7f, 0xff]),
            (&[1, 0, 0], &[1]),
        ];
        for (long, short) in cases {
            assert_eq!(shortest(long), short);
        }
        assert_eq!(to_i64(&[0xff]), Some(-1));
        assert_eq!(to_i64(&[0; 20]), Some(0));
        assert_eq!(to_i64(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]), None);
    }

    #[test]
    fn whole_floats_are_integers() {
        for (number, text) in [
            (1e18, "1000000000000000000"),
            (-1e22, "-10000000000000000000000"),
            (2f64.powi(80), "1208925819614629174706176"),
        ] {
            assert_eq!(shown(&from_whole_f64(number)), text);
        }
        assert_eq!(shown(&from_whole_f64(f64::MAX)), format!("{:.0}", f64::MAX));
    }
}
