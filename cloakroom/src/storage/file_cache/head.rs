//! The head of a cache file: the pickle of its expiry, a float of Unix seconds or `None`.

use crate::Timestamp;

/// As Django writes it: protocol 5, a frame of ten bytes, a float, the end.
const BEFORE_FLOAT: [u8; 12] = [0x80, 5, 0x95, 10, 0, 0, 0, 0, 0, 0, 0, b'G'];
const STOP: u8 = b'.';
/// No number is longer than this, in digits.
const LONGEST_NUMBER: usize = 64;
/// No head is longer than this, in bytes.
pub(super) const LONGEST: u64 = 128;

/// The pickle of a moment.
pub(super) fn write(expires: Timestamp) -> Vec<u8> {
    let seconds = expires.as_micros() as f64 / 1e6;
    let mut head = BEFORE_FLOAT.to_vec();
    head.extend(seconds.to_be_bytes());
    head.push(STOP);
    head
}

/// When an entry ends: `None` for one that never does.
pub(super) type Expiry = Option<Timestamp>;

/// The expiry at the start of a file, and what follows it. `None` for anything but a number or `None`, in whichever
/// of the protocols 0 to 5: no other pickle is read.
pub(super) fn read(content: &[u8]) -> Option<(Expiry, &[u8])> {
    let mut rest = Rest(content);
    let mut expiry = None;
    loop {
        match rest.byte()? {
            // PROTO, and FRAME with its length, which says nothing that matters here.
            0x80 => drop(rest.take(1)?),
            0x95 => drop(rest.take(8)?),
            // MEMOIZE.
            0x94 if expiry.is_some() => {}
            STOP => return expiry.map(|expiry| (expiry, rest.0)),
            _ if expiry.is_some() => return None,
            b'N' => expiry = Some(None),
            b'G' => expiry = Some(moment(f64::from_be_bytes(rest.take(8)?.try_into().ok()?))),
            b'F' => expiry = Some(moment(rest.line()?.parse().ok()?)),
            b'I' => expiry = Some(whole(rest.line()?.parse().ok()?)),
            b'J' => expiry = Some(whole(i32::from_le_bytes(rest.take(4)?.try_into().ok()?).into())),
            b'K' => expiry = Some(whole(rest.byte()?.into())),
            b'M' => expiry = Some(whole(u16::from_le_bytes(rest.take(2)?.try_into().ok()?).into())),
            // LONG1, of up to eight bytes, the last of which has the sign.
            0x8a => {
                let length = usize::from(rest.byte()?);
                let digits = rest.take(length)?;
                let sign = if digits.last().is_some_and(|last| *last >= 0x80) { 0xff } else { 0 };
                let mut bytes = [sign; 8];
                bytes.get_mut(..length)?.copy_from_slice(digits);
                expiry = Some(whole(i64::from_le_bytes(bytes)));
            }
            _ => return None,
        }
    }
}

fn whole(seconds: i64) -> Expiry {
    let micros = seconds.saturating_mul(1_000_000);
    Some(Timestamp::from_micros(micros).unwrap_or(if micros < 0 { Timestamp::MIN } else { Timestamp::MAX }))
}

fn moment(seconds: f64) -> Expiry {
    // Nothing is ever earlier than what is no number.
    if seconds.is_nan() {
        return None;
    }
    // The conversion takes the nearest there is for what is out of range.
    let micros = (seconds * 1e6).round() as i64;
    Some(Timestamp::from_micros(micros).unwrap_or(if micros < 0 { Timestamp::MIN } else { Timestamp::MAX }))
}

/// What was not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|byte| byte[0])
    }

    fn line(&mut self) -> Option<&'a str> {
        let end = self.0.iter().take(LONGEST_NUMBER).position(|byte| *byte == b'\n')?;
        let line = self.take(end)?;
        self.take(1)?;
        str::from_utf8(line).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Expiry {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn what_python_writes_is_read_in_every_protocol() {
        let heads: [(&[u8], Expiry); 11] = [
            (b"\x80\x05\x95\x0a\0\0\0\0\0\0\0G\x41\xd9\xed\x42\xc9\xc0\0\0.", at(1_739_918_119_000_000)),
            (b"\x80\x05N.", None),
            (b"\x80\x04\x95\x0a\0\0\0\0\0\0\0G\xbf\xf8\0\0\0\0\0\0.", at(-1_500_000)),
            (b"F1739917628.25\n.", at(1_739_917_628_250_000)),
            (b"I1739917628\n.", at(1_739_917_628_000_000)),
            (b"\x80\x02J\x3c\x09\xb5\x67.", at(1_739_917_628_000_000)),
            (b"\x80\x05K\x07.", at(7_000_000)),
            (b"\x80\x05M\x00\x01.", at(256_000_000)),
            (b"\x80\x05\x8a\x05\xff\xff\xff\xff\x00.", at(4_294_967_295_000_000)),
            (b"\x80\x05\x8a\x01\xff.", at(-1_000_000)),
            (b"G\x7f\xf8\0\0\0\0\0\0.", None),
        ];
        for (head, expiry) in heads {
            let content = [head, b"rest"].concat();
            assert_eq!(read(&content), Some((expiry, &b"rest"[..])), "{head:?}");
            for end in 0..head.len() {
                assert_eq!(read(&head[..end]), None, "{head:?} cut at {end}");
            }
        }
    }

    #[test]
    fn anything_else_is_nothing() {
        let others: [&[u8]; 10] = [
            b".",
            b"\x80\x05.",
            b"\x80\x05NN.",
            b"\x80\x05\x88.",
            b"\x80\x05}.",
            b"\x80\x05\x8c\x02os\x94\x8c\x06system\x94\x93.",
            b"cos\nsystem\n(S'true'\ntR.",
            b"F1_0\n.",
            b"Inever\n.",
            b"\x80\x05\x8a\x09\0\0\0\0\0\0\0\0\x01.",
        ];
        for content in others {
            assert_eq!(read(content), None, "{content:?}");
        }
        assert_eq!(read(format!("F{}\n.", "1".repeat(100)).as_bytes()), None);
        let far = [&b"G"[..], &1e300_f64.to_be_bytes(), b"."].concat();
        assert_eq!(read(&far), Some((Some(Timestamp::MAX), &b""[..])));
    }

    #[test]
    fn moments_come_back_to_the_microsecond() {
        for micros in [0, 1, -1, 1_739_917_628_123_457, 4_102_444_799_999_999, -62_135_596_800_000_000] {
            let head = write(Timestamp::from_micros(micros).unwrap());
            let (expiry, rest) = read(&head).unwrap();
            // Before the epoch's first century a float of seconds is coarser than a microsecond.
            let off = expiry.unwrap().as_micros() - micros;
            assert!(rest.is_empty() && off.abs() <= if micros < -1_000_000_000_000 { 8 } else { 0 }, "{micros}: {off}");
        }
    }
}
