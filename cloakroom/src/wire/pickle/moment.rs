//! Dates and times: as Python's `datetime` packs them into bytes, and as ISO 8601 text.

use std::fmt::Write as _;

use jiff::civil;
use jiff::tz::{Offset, TimeZone};

const DAY: i64 = 86_400;

/// A `timedelta`, as Python keeps it: only the days can be negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Delta {
    pub(super) days: i32,
    pub(super) seconds: i32,
    pub(super) micros: i32,
}

impl Delta {
    /// Made as Python makes it: what is more than a second or a day is carried over.
    pub(super) fn new(days: i64, seconds: i64, micros: i64) -> Option<Self> {
        let seconds = seconds.checked_add(micros.div_euclid(1_000_000))?;
        let days = days.checked_add(seconds.div_euclid(DAY))?;
        (-999_999_999..=999_999_999).contains(&days).then(|| Self {
            days: days as i32,
            seconds: seconds.rem_euclid(DAY) as i32,
            micros: micros.rem_euclid(1_000_000) as i32,
        })
    }

    pub(super) fn total_micros(self) -> i128 {
        (i128::from(self.days) * i128::from(DAY) + i128::from(self.seconds)) * 1_000_000 + i128::from(self.micros)
    }

    /// Whether a `timezone` may have this offset: less than a day.
    pub(super) fn is_offset(self) -> bool {
        self.total_micros().abs() < i128::from(DAY) * 1_000_000
    }

    /// An ISO 8601 duration of hours, minutes and seconds: not of days, which some readers take for calendar days.
    pub(super) fn to_text(self) -> String {
        let micros = self.total_micros();
        let (sign, total) = (if micros < 0 { "-" } else { "" }, micros.unsigned_abs());
        let seconds = total / 1_000_000;
        let mut text = format!("{sign}PT");
        for (value, unit) in [(seconds / 3600, 'H'), (seconds / 60 % 60, 'M')] {
            if value > 0 {
                let _ = write!(text, "{value}{unit}");
            }
        }
        let (seconds, fraction) = (seconds % 60, total % 1_000_000);
        if fraction > 0 {
            let _ = write!(text, "{seconds}.{fraction:06}S");
        } else if seconds > 0 || text.ends_with('T') {
            let _ = write!(text, "{seconds}S");
        }
        text
    }
}

fn day(year: u16, month: u8, day: u8) -> Option<civil::Date> {
    civil::Date::new(i16::try_from(year).ok().filter(|year| *year > 0)?, month as i8, i8::try_from(day).ok()?).ok()
}

pub(super) fn date(bytes: &[u8]) -> Option<[u8; 4]> {
    let packed: [u8; 4] = bytes.try_into().ok()?;
    let [high, low, month, of_month] = packed;
    day(u16::from_be_bytes([high, low]), month, of_month).map(|_| packed)
}

pub(super) fn date_time(bytes: &[u8]) -> Option<[u8; 10]> {
    let packed: [u8; 10] = bytes.try_into().ok()?;
    civil_of(packed).map(|_| packed)
}

/// Date and time, and whether it is the second of two that read alike (`fold`), which stands in the month's high bit.
pub(super) fn civil_of(packed: [u8; 10]) -> Option<(civil::DateTime, bool)> {
    let [high, low, month, of_month, time @ ..] = packed;
    let date = day(u16::from_be_bytes([high, low]), month & 0x7f, of_month)?;
    if time[0] >= 0x80 {
        return None;
    }
    Some((date.to_datetime(civil_time(time)?.0), month >= 0x80))
}

pub(super) fn time(bytes: &[u8]) -> Option<[u8; 6]> {
    let packed: [u8; 6] = bytes.try_into().ok()?;
    civil_time(packed).map(|_| packed)
}

/// A time, and its `fold`, which stands in the hour's high bit.
pub(super) fn civil_time(packed: [u8; 6]) -> Option<(civil::Time, bool)> {
    let [hour, minute, second, micros @ ..] = packed;
    let micros = micros.iter().fold(0, |value, byte| value << 8 | i32::from(*byte));
    if micros > 999_999 {
        return None;
    }
    let time = civil::Time::new((hour & 0x7f) as i8, minute as i8, second as i8, micros * 1_000).ok()?;
    Some((time, hour >= 0x80))
}

/// The name of a zone as `ZoneInfo` takes one: no path out of its folder.
pub(super) fn is_zone_name(name: &[u8]) -> bool {
    let usual = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'/' | b'.');
    (1..=100).contains(&name.len())
        && name.iter().all(usual)
        && name.split(|&byte| byte == b'/').all(|part| !part.is_empty() && !part.starts_with(b"."))
}

/// Microseconds east of UTC at a local time in a zone of the database; of two that read alike `fold` takes the second.
pub(super) fn offset_in(zone: &str, local: civil::DateTime, fold: bool) -> Option<i64> {
    let zone = TimeZone::get(zone).ok()?;
    let ambiguous = zone.to_ambiguous_zoned(local);
    // In a gap Python takes the offset before it, and with `fold` the one after.
    let offset = match ambiguous.offset() {
        jiff::tz::AmbiguousOffset::Unambiguous { offset } => offset,
        jiff::tz::AmbiguousOffset::Gap { before, after } | jiff::tz::AmbiguousOffset::Fold { before, after } => {
            if fold { after } else { before }
        }
    };
    Some(i64::from(Offset::seconds(offset)) * 1_000_000)
}

/// `2024-02-29T23:59:58.123456`, as `isoformat` writes it: a fraction only where there is one.
pub(super) fn append_date_time(out: &mut String, local: civil::DateTime) {
    append_date(out, local.date());
    out.push('T');
    append_time(out, local.time());
}

pub(super) fn append_date(out: &mut String, date: civil::Date) {
    let _ = write!(out, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day());
}

pub(super) fn append_time(out: &mut String, time: civil::Time) {
    let _ = write!(out, "{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    let micros = time.subsec_nanosecond() / 1_000;
    if micros > 0 {
        let _ = write!(out, ".{micros:06}");
    }
}

/// `+01:00`; seconds and their fraction only where there are some.
pub(super) fn append_offset(out: &mut String, micros: i64) {
    let (sign, total) = (if micros < 0 { '-' } else { '+' }, micros.unsigned_abs());
    let (seconds, fraction) = (total / 1_000_000, total % 1_000_000);
    let _ = write!(out, "{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
    if seconds % 60 > 0 || fraction > 0 {
        let _ = write!(out, ":{:02}", seconds % 60);
    }
    if fraction > 0 {
        let _ = write!(out, ".{fraction:06}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_by_others() {
        let cases = [
            ((0, 0, 0), "PT0S"),
            ((0, 5, 0), "PT5S"),
            ((1, 3600, 0), "PT25H"),
            ((0, 61, 0), "PT1M1S"),
            ((0, 61, 500_000), "PT1M1.500000S"),
            ((-1, 86_395, 0), "-PT5S"),
            ((-1, 0, 0), "-PT24H"),
            ((0, 0, 1), "PT0.000001S"),
        ];
        for ((days, seconds, micros), text) in cases {
            let delta = Delta::new(days, seconds, micros).unwrap();
            assert_eq!(delta.to_text(), text);
            let read: jiff::SignedDuration = text.parse().unwrap();
            assert_eq!(read.as_micros(), delta.total_micros());
            assert!(text.parse::<jiff::Span>().is_ok());
        }
        assert_eq!(Delta::new(0, -1, -1), Delta::new(-1, 86_398, 999_999));
        assert!(Delta::new(1_000_000_000, 0, 0).is_none() && Delta::new(i64::MAX, i64::MAX, i64::MAX).is_none());
    }

    #[test]
    fn bytes_that_are_no_date_are_refused() {
        assert!(date(&[7, 232, 2, 29]).is_some());
        for bytes in [&[7, 231, 2, 29][..], &[0, 0, 1, 1], &[7, 231, 0, 1], &[7, 231, 1], &[0x27, 0x10, 1, 1]] {
            assert!(date(bytes).is_none(), "{bytes:?}");
        }
        assert!(time(&[0x80 | 23, 59, 59, 15, 66, 63]).is_some());
        assert!(time(&[23, 59, 59, 15, 66, 64]).is_none() && time(&[24, 0, 0, 0, 0, 0]).is_none());
        assert!(date_time(&[7, 232, 0x82, 29, 23, 59, 58, 0, 0, 0]).is_some());
        assert!(date_time(&[7, 232, 2, 29, 0x80, 0, 0, 0, 0, 0]).is_none());
    }

    #[test]
    fn zones_are_named_and_no_paths() {
        for name in ["UTC", "Europe/Paris", "America/Port-au-Prince", "Etc/GMT+1"] {
            assert!(is_zone_name(name.as_bytes()), "{name}");
        }
        for name in ["", "/etc/passwd", "../UTC", "Europe/../UTC", "a//b", "a b", "Europe/"] {
            assert!(!is_zone_name(name.as_bytes()), "{name}");
        }
        let summer = civil::date(2024, 10, 27).at(2, 30, 0, 0);
        assert_eq!(offset_in("Europe/Paris", summer, false), Some(7_200_000_000));
        assert_eq!(offset_in("Europe/Paris", summer, true), Some(3_600_000_000));
        assert_eq!(offset_in("No/Where", summer, true), None);
    }

    #[test]
    fn each_part_of_a_time_has_its_own_bound() {
        for bad in
            [[24, 0, 0, 0, 0, 0], [0, 60, 0, 0, 0, 0], [0, 0, 60, 0, 0, 0], [0, 0, 0, 15, 66, 64], [0, 0, 0, 255, 0, 0]]
        {
            assert!(time(&bad).is_none(), "{bad:?}");
            assert!(date_time(&[&[7, 232, 2, 29][..], &bad].concat()).is_none(), "{bad:?}");
        }
        for (packed, fold) in [([23, 59, 59, 15, 66, 63], false), ([0x80 | 23, 59, 59, 15, 66, 63], true)] {
            assert_eq!(civil_time(packed), Some((civil::time(23, 59, 59, 999_999_000), fold)));
        }
        assert!(!civil_of([7, 232, 2, 29, 1, 2, 3, 0, 0, 0]).unwrap().1);
        assert!(civil_of([7, 232, 0x82, 29, 1, 2, 3, 0, 0, 0]).unwrap().1);
    }

    // As Python's `isoformat` writes an offset.
    #[test]
    fn offsets_are_pythons() {
        let cases = [
            (0, "+00:00"),
            (19_800, "+05:30"),
            (-19_800, "-05:30"),
            (86_340, "+23:59"),
            (-60, "-00:01"),
            (3_661, "+01:01:01"),
            (-1, "-00:00:01"),
        ];
        for (seconds, text) in cases {
            let mut out = String::new();
            append_offset(&mut out, seconds * 1_000_000);
            assert_eq!(out, text);
        }
        for (micros, text) in
            [(5, "+00:00:00.000005"), (-60_000_005, "-00:01:00.000005"), (1_500_000, "+00:00:01.500000")]
        {
            let mut out = String::new();
            append_offset(&mut out, micros);
            assert_eq!(out, text);
        }
    }

    #[test]
    fn a_fraction_of_a_time_is_shown_where_there_is_one() {
        for (nanos, text) in [(0, "01:02:03"), (1_000, "01:02:03.000001"), (999_999_000, "01:02:03.999999")] {
            let mut out = String::new();
            append_time(&mut out, civil::time(1, 2, 3, nanos));
            assert_eq!(out, text);
        }
        assert_eq!(Delta::new(0, 60, 0).unwrap().to_text(), "PT1M");
        assert_eq!(Delta::new(0, 3_600, 500_000).unwrap().to_text(), "PT1H0.500000S");
    }
}
