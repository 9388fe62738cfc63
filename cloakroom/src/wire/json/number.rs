//! Floating point numbers as Python's `repr` writes them, and numbers read back.

use std::fmt::{self, Write as _};

/// Appends a number as Python's `json.dumps` writes a `float`: the shortest digits that read back as the same number.
pub(in crate::wire) fn append_f64(out: &mut String, number: f64) {
    match number {
        _ if number.is_finite() => lay_out(out, shortest(number).as_str()),
        _ if number.is_nan() => out.push_str("NaN"),
        _ => out.push_str(if number.is_sign_negative() { "-Infinity" } else { "Infinity" }),
    }
}

/// As [`append_f64`], with the shortest digits of the narrower type: 0.1 stays `0.1`.
pub(super) fn append_f32(out: &mut String, number: f32) {
    if number.is_finite() {
        lay_out(out, Buffer::new(format_args!("{number:e}")).as_str());
    } else {
        append_f64(out, f64::from(number));
    }
}

/// The shortest digits that read back as the same number, with an exponent: the nearest to it, or the even one where two
/// are as near.
fn shortest(number: f64) -> Buffer {
    let short = Buffer::new(format_args!("{number:e}"));
    // Rust takes the upper one of two that are as near. There are such only from 15 digits on: any two numbers of fewer
    // are different floats. Rust does round to even where the number of digits is given.
    let mantissa = short.as_str().split('e').next().unwrap_or_default().trim_start_matches('-');
    let odd = mantissa.bytes().next_back().is_some_and(|digit| digit % 2 == 1);
    if odd && mantissa.len() > 15 {
        let places = mantissa.len() - 2;
        let even = Buffer::new(format_args!("{number:.places$e}"));
        // Beside a power of two the nearest digits may be those of another float.
        if even.as_str().parse() == Ok(number) {
            return even;
        }
    }
    short
}

/// Lays digits with an exponent, as Rust writes them, out in Python's way.
fn lay_out(out: &mut String, text: &str) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = match mantissa.strip_prefix('-') {
        Some(digits) => {
            out.push('-');
            digits
        }
        None => mantissa,
    };
    let (first, rest) = digits.split_once('.').unwrap_or((digits, ""));
    match exponent {
        // As many places before the point.
        0..16 => {
            let places = exponent.unsigned_abs() as usize;
            let (whole, fraction) = rest.split_at(places.min(rest.len()));
            out.push_str(first);
            out.push_str(whole);
            out.extend(std::iter::repeat_n('0', places - whole.len()));
            out.push('.');
            out.push_str(if fraction.is_empty() { "0" } else { fraction });
        }
        -4..0 => {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', exponent.unsigned_abs() as usize - 1));
            out.push_str(first);
            out.push_str(rest);
        }
        _ => {
            out.push_str(first);
            if !rest.is_empty() {
                out.push('.');
                out.push_str(rest);
            }
            let _ = write!(out, "e{exponent:+03}");
        }
    }
}

struct Buffer {
    bytes: [u8; 32],
    len: usize,
}

impl Buffer {
    fn new(text: fmt::Arguments<'_>) -> Self {
        // The longest are 24 characters: sign, 17 digits, point, `e-308`.
        let mut buffer = Self { bytes: [0; 32], len: 0 };
        let _ = buffer.write_fmt(text);
        buffer
    }

    fn as_str(&self) -> &str {
        self.bytes.get(..self.len).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl fmt::Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// Whether a valid number is an integer to Python: neither a point, nor an exponent, nor a word.
pub(in crate::wire) fn is_integer(token: &str) -> bool {
    token.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit())
}

/// A valid number as a `float`: infinite where it is too large, as in Python.
pub(in crate::wire) fn parse_f64(token: &str) -> f64 {
    // Rust reads all that a JSON number can be, `NaN`, `Infinity` and `-Infinity` included.
    token.parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repr(number: f64) -> String {
        let mut out = String::new();
        append_f64(&mut out, number);
        out
    }

    // Each answer is what Python's `repr` says.
    #[test]
    fn layout_is_pythons() {
        let cases = [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (100.0, "100.0"),
            (123.456, "123.456"),
            (1e15, "1000000000000000.0"),
            (1234567890123456.7, "1234567890123456.8"),
            (9999999999999998.0, "9999999999999998.0"),
            (1e16, "1e+16"),
            (1.2345678901234568e17, "1.2345678901234568e+17"),
            (1e22, "1e+22"),
            (1e100, "1e+100"),
            // Halfway between two that are as short.
            (f64::from_bits(0x3e60_0000_0000_0000), "2.9802322387695312e-08"),
            (f64::from_bits(0x42e1_bd86_68fc_4a14), "156045612147280.62"),
            (f64::from_bits(0xc30d_689b_38bc_bdda), "-1034723775715259.2"),
            (0.1, "0.1"),
            (0.001234, "0.001234"),
            (0.0001, "0.0001"),
            (0.00012, "0.00012"),
            (1e-5, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ];
        for (number, text) in cases {
            assert_eq!(repr(number), text);
            assert!(parse_f64(text).to_bits() == number.to_bits() || number.is_nan());
        }
    }

    #[test]
    fn narrow_numbers_keep_their_short_form() {
        for (number, text) in [(0.1_f32, "0.1"), (16_777_216.0, "16777216.0"), (f32::MAX, "3.4028235e+38")] {
            let mut out = String::new();
            append_f32(&mut out, number);
            assert_eq!(out, text);
        }
    }
}
