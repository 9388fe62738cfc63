//! `expire_date`: a moment as Django's SQLite and MySQL backends write it.

use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, civil};

use crate::Timestamp;
use crate::time::write_iso;

const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);
/// The last moment Python can write, whatever the zone.
const LAST: DateTime = date(9999, 12, 31).at(23, 59, 59, 999_999_000);
const FIRST: DateTime = date(1, 1, 1).at(0, 0, 0, 0);

/// How moments are kept in a column: as UTC (`USE_TZ = True`) or as the local time of a zone.
#[derive(Clone, Debug)]
pub(crate) struct DateColumn(pub(super) Option<TimeZone>);

impl DateColumn {
    /// `2026-12-06 19:06:11.961867`, without the fraction when it is zero.
    pub(crate) fn write(&self, moment: Timestamp) -> String {
        let civil = match &self.0 {
            // jiff's moments end a day before Python's, its dates do not: so UTC is reckoned in dates.
            None => EPOCH.checked_add(SignedDuration::from_micros(moment.as_micros())).unwrap_or(LAST),
            Some(zone) => moment.to_civil(zone),
        };
        let mut text = String::with_capacity(26);
        // Writing to a string cannot fail.
        let _ = write_iso(&mut text, civil.clamp(FIRST, LAST), ' ');
        text
    }

    /// What Django's `parse_datetime` makes of the text; `None` where it makes nothing of it. An offset in the
    /// text counts (D24). A local time that occurs twice is the first of the two, and one that a change of
    /// the clock skipped is taken with the offset before the change, as Python does with `fold=0`.
    pub(crate) fn read(&self, text: &[u8]) -> Option<Timestamp> {
        let (civil, offset) = parse(text)?;
        let zone = match (&self.0, offset) {
            (Some(zone), None) => zone,
            (_, offset) => {
                let since = civil.duration_since(EPOCH) - SignedDuration::from_secs(offset.unwrap_or(0));
                return Timestamp::from_micros(i64::try_from(since.as_micros()).ok()?);
            }
        };
        zone.to_ambiguous_timestamp(civil).compatible().ok().map(Timestamp::from)
    }
}

/// A date and time, and its offset from UTC in seconds if it has one.
fn parse(text: &[u8]) -> Option<(DateTime, Option<i64>)> {
    let mut rest = Digits(text);
    let year = rest.number(4, 4)?;
    rest.expect(b"-")?;
    let month = rest.number(1, 2)?;
    rest.expect(b"-")?;
    let day = rest.number(1, 2)?;
    if rest.0.is_empty() {
        return Some((civil_of([year, month, day, 0, 0, 0], 0)?, None));
    }
    rest.expect(b" T")?;
    let hour = rest.number(1, 2)?;
    rest.expect(b":")?;
    let minute = rest.number(1, 2)?;
    let (mut second, mut micros) = (0, 0);
    if rest.expect(b":").is_some() {
        second = rest.number(1, 2)?;
        if rest.expect(b".,").is_some() {
            micros = rest.fraction()?;
        }
    }
    let offset = rest.offset()?;
    Some((civil_of([year, month, day, hour, minute, second], micros)?, offset))
}

fn civil_of([year, month, day, hour, minute, second]: [i32; 6], micros: i32) -> Option<DateTime> {
    // Python has no year 0.
    if year == 0 {
        return None;
    }
    let small = |n: i32| i8::try_from(n).ok();
    let date = civil::Date::new(i16::try_from(year).ok()?, small(month)?, small(day)?).ok()?;
    let time = civil::Time::new(small(hour)?, small(minute)?, small(second)?, micros * 1_000).ok()?;
    Some(date.to_datetime(time))
}

/// The text not read yet.
struct Digits<'a>(&'a [u8]);

impl Digits<'_> {
    /// One of these characters.
    fn expect(&mut self, one_of: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        if !one_of.contains(first) {
            return None;
        }
        self.0 = rest;
        Some(*first)
    }

    /// A number of `least` to `most` digits; `most` is at most 6.
    fn number(&mut self, least: usize, most: usize) -> Option<i32> {
        let length = self.0.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        if length < least {
            return None;
        }
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(digits.iter().fold(0, |number, digit| number * 10 + i32::from(digit - b'0')))
    }

    /// Microseconds from a fraction of a second; digits after the sixth do not count.
    fn fraction(&mut self) -> Option<i32> {
        let before = self.0.len();
        let mut micros = self.number(1, 6)?;
        for _ in before - self.0.len()..6 {
            micros *= 10;
        }
        while self.expect(b"0123456789").is_some() {}
        Some(micros)
    }

    /// `Z`, `+05:30`, `+0530`, `+05` or nothing, in seconds, and then the end of the text.
    fn offset(&mut self) -> Option<Option<i64>> {
        while self.expect(b" \t").is_some() {}
        let offset = match self.expect(b"Z+-") {
            None => None,
            Some(b'Z') => Some(0),
            Some(sign) => {
                let hours = self.number(2, 2)?;
                let minutes = if self.0.is_empty() {
                    0
                } else {
                    let _ = self.expect(b":");
                    self.number(2, 2)?
                };
                if hours > 23 || minutes > 59 {
                    return None;
                }
                let seconds = i64::from(hours * 3600 + minutes * 60);
                Some(if sign == b'-' { -seconds } else { seconds })
            }
        };
        if self.0.is_empty() { Some(offset) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc() -> DateColumn {
        DateColumn(None)
    }

    fn zone(name: &str) -> DateColumn {
        DateColumn(Some(TimeZone::get(name).unwrap()))
    }

    fn iso(column: &DateColumn, text: &str) -> Option<String> {
        column.read(text.as_bytes()).map(|moment| moment.to_string())
    }

    #[test]
    fn every_form_that_django_reads_is_read() {
        for (text, expected) in [
            ("2027-04-06 21:24:51", "2027-04-06T21:24:51+00:00"),
            ("2027-04-06 21:24:51.000001", "2027-04-06T21:24:51.000001+00:00"),
            ("2027-04-06 21:24:51.5", "2027-04-06T21:24:51.500000+00:00"),
            ("2027-04-06 21:24:51,25", "2027-04-06T21:24:51.250000+00:00"),
            ("2027-04-06 21:24:51.123456789", "2027-04-06T21:24:51.123456+00:00"),
            ("2027-04-06T21:24:51", "2027-04-06T21:24:51+00:00"),
            ("2027-04-06 21:24", "2027-04-06T21:24:00+00:00"),
            ("2027-4-6 1:2", "2027-04-06T01:02:00+00:00"),
            ("2027-04-06", "2027-04-06T00:00:00+00:00"),
            ("2027-04-06 21:24:51Z", "2027-04-06T21:24:51+00:00"),
            ("2027-04-06 21:24:51+00:00", "2027-04-06T21:24:51+00:00"),
            ("2027-04-06 21:24:51 +05:45", "2027-04-06T15:39:51+00:00"),
            ("2027-04-06 21:24:51-0330", "2027-04-07T00:54:51+00:00"),
            ("2027-04-06 21:24:51+02", "2027-04-06T19:24:51+00:00"),
            ("0001-01-01 00:00:00", "0001-01-01T00:00:00+00:00"),
        ] {
            assert_eq!(iso(&utc(), text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_django_cannot_read_is_nothing() {
        for text in [
            "",
            "tomorrow",
            "1807046691",
            "2027-13-06 21:24:51",
            "2027-02-30 21:24:51",
            "2027-04-06 24:00:00",
            "2027-04-06 21:24:60",
            "2027-04-06 21:24:51.",
            "2027-04-06 21:24:51+",
            "2027-04-06 21:24:51+5",
            "2027-04-06 21:24:51+25:00",
            "2027-04-06 21:24:51+05:3",
            "2027-04-06 21:24:51 UTC",
            "0000-01-01 00:00:00",
            "0001-01-01 00:00:00+01:00",
            "9999-12-31 23:59:59-01:00",
            "12027-04-06 21:24:51",
        ] {
            assert_eq!(iso(&utc(), text), None, "{text}");
        }
        assert_eq!(utc().read(b"\xff\xfe"), None);
    }

    #[test]
    fn moments_are_written_as_django_writes_them() {
        let write = |micros| utc().write(Timestamp::from_micros(micros).unwrap());
        assert_eq!(write(1_783_746_612_000_010), "2026-07-11 05:10:12.000010");
        assert_eq!(write(1_783_746_612_000_000), "2026-07-11 05:10:12");
        assert_eq!(write(-1), "1969-12-31 23:59:59.999999");
        assert_eq!(utc().write(Timestamp::MIN), "0001-01-01 00:00:00");
        assert_eq!(utc().write(Timestamp::MAX), "9999-12-31 23:59:59.999999");
    }

    #[test]
    fn all_moments_come_back() {
        for column in [utc(), zone("America/Chicago"), zone("Asia/Kolkata"), zone("Australia/Lord_Howe")] {
            for micros in [-3_000_000_000_000_000, -1, 0, 1_807_046_691_000_000, 4_102_444_800_123_456] {
                let moment = Timestamp::from_micros(micros).unwrap();
                assert_eq!(column.read(column.write(moment).as_bytes()), Some(moment), "{moment}");
            }
        }
        for end in [Timestamp::MIN, Timestamp::MAX] {
            assert_eq!(utc().read(utc().write(end).as_bytes()), Some(end));
            // Beyond the calendar there: the text is the nearest that Python can read.
            for column in [zone("America/Chicago"), zone("Asia/Kolkata")] {
                assert!(parse(column.write(end).as_bytes()).is_some());
            }
        }
    }

    #[test]
    fn without_use_tz_the_text_is_local_time() {
        assert_eq!(iso(&zone("America/Chicago"), "2027-04-06 16:26:31").unwrap(), "2027-04-06T21:26:31+00:00");
        assert_eq!(iso(&zone("Asia/Kolkata"), "2027-04-07 02:56:31").unwrap(), "2027-04-06T21:26:31+00:00");
        let moment = Timestamp::from_seconds(1_807_046_691).unwrap();
        assert_eq!(zone("America/Chicago").write(moment), "2027-04-06 16:24:51");
        // An offset in the text counts even then.
        assert_eq!(iso(&zone("Asia/Kolkata"), "2027-04-06 21:26:31Z").unwrap(), "2027-04-06T21:26:31+00:00");
    }

    #[test]
    fn changes_of_the_clock_are_read_as_python_reads_them() {
        // datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("America/Chicago"), fold=0): the first of the two.
        assert_eq!(iso(&zone("America/Chicago"), "2026-11-01 01:30:00").unwrap(), "2026-11-01T06:30:00+00:00");
        // datetime(2026, 3, 8, 2, 30, …): never shown by a clock; Python takes the offset before the change.
        assert_eq!(iso(&zone("America/Chicago"), "2026-03-08 02:30:00").unwrap(), "2026-03-08T08:30:00+00:00");
    }
}
