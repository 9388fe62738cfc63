//! Moments, and where they come from.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::tz::TimeZone;

/// A moment in time, to the microsecond, as Python's `datetime` counts it.
///
/// Ranges over the years 1 to 9999. Its `Display` is the ISO 8601 form Python writes for an aware UTC
/// `datetime`: the fraction is left out when it is zero.
///
/// ```
/// use cloakroom::Timestamp;
///
/// let moment = Timestamp::from_micros(1_831_700_317_500_000).unwrap();
/// assert_eq!(moment.to_string(), "2028-01-17T05:38:37.500000+00:00");
/// ```
///
/// ```
/// use cloakroom::Timestamp;
/// use std::time::SystemTime;
///
/// let moment = Timestamp::from_seconds(-1).unwrap().checked_add_seconds(0.25).unwrap();
/// assert_eq!((moment.as_micros(), moment.as_seconds(), moment.subsec_micros()), (-750_000, -1, 250_000));
/// assert_eq!(Timestamp::UNIX_EPOCH.micros_since(moment), 750_000);
/// assert_eq!(Timestamp::MAX.checked_add_seconds(1.0), None);
/// assert!(Timestamp::MIN < moment && moment < Timestamp::now());
/// assert_eq!(Timestamp::from(SystemTime::from(moment)), moment);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

const MICROS: i64 = 1_000_000;

impl Timestamp {
    /// The first moment of the year 1, the earliest a Python `datetime` can hold.
    pub const MIN: Timestamp = Timestamp(-62_135_596_800 * MICROS);
    /// The last microsecond of the year 9999, the latest a Python `datetime` can hold.
    pub const MAX: Timestamp = Timestamp(253_402_300_800 * MICROS - 1);
    /// 1 January 1970, UTC.
    pub const UNIX_EPOCH: Timestamp = Timestamp(0);

    /// The moment now, by the system's clock.
    #[must_use]
    pub fn now() -> Self {
        Self::from(SystemTime::now())
    }

    /// A moment from microseconds since 1970 (UTC); `None` outside the years 1 to 9999.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Option<Self> {
        if micros < Self::MIN.0 || micros > Self::MAX.0 { None } else { Some(Self(micros)) }
    }

    /// A moment from whole seconds since 1970 (UTC); `None` outside the years 1 to 9999.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Option<Self> {
        match seconds.checked_mul(MICROS) {
            Some(micros) => Self::from_micros(micros),
            None => None,
        }
    }

    /// Microseconds since 1970 (UTC).
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970 (UTC), rounded down.
    #[must_use]
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(MICROS)
    }

    /// The microseconds past the whole second, 0 to 999,999.
    #[must_use]
    pub const fn subsec_micros(self) -> u32 {
        self.0.rem_euclid(MICROS) as u32
    }

    /// This moment moved by a number of seconds, rounded to the microsecond (ties to even, as Python's
    /// `timedelta`); `None` where the result is outside the years 1 to 9999 or the number is not finite.
    #[must_use]
    pub fn checked_add_seconds(self, seconds: f64) -> Option<Self> {
        let micros = (seconds * MICROS as f64).round_ties_even();
        // Beyond this the sum is far outside the years 1 to 9999, and the cast would saturate.
        if !micros.is_finite() || micros.abs() > 1e18 {
            return None;
        }
        self.0.checked_add(micros as i64).and_then(Self::from_micros)
    }

    /// The microseconds from `earlier` to this moment; negative when `earlier` is the later one.
    #[must_use]
    pub const fn micros_since(self, earlier: Timestamp) -> i64 {
        self.0 - earlier.0
    }

    pub(crate) fn to_civil(self, zone: &TimeZone) -> jiff::civil::DateTime {
        zone.to_datetime(jiff::Timestamp::from(self))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_iso(f, self.to_civil(&TimeZone::UTC), 'T')?;
        f.write_str("+00:00")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Writes a civil date and time as Python's `isoformat` does, without an offset.
pub(crate) fn write_iso(out: &mut impl fmt::Write, civil: jiff::civil::DateTime, separator: char) -> fmt::Result {
    write!(
        out,
        "{:04}-{:02}-{:02}{separator}{:02}:{:02}:{:02}",
        civil.year(),
        civil.month(),
        civil.day(),
        civil.hour(),
        civil.minute(),
        civil.second()
    )?;
    let micros = civil.subsec_nanosecond() / 1_000;
    if micros != 0 {
        write!(out, ".{micros:06}")?;
    }
    Ok(())
}

impl From<SystemTime> for Timestamp {
    /// Moments outside the years 1 to 9999 become the nearest one inside.
    fn from(time: SystemTime) -> Self {
        let micros = |d: Duration| i64::try_from(d.as_micros()).unwrap_or(i64::MAX);
        let since = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => micros(after),
            Err(before) => -micros(before.duration()),
        };
        Self(since.clamp(Self::MIN.0, Self::MAX.0))
    }
}

impl From<Timestamp> for SystemTime {
    fn from(moment: Timestamp) -> Self {
        let distance = Duration::from_micros(moment.0.unsigned_abs());
        if moment.0 < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
    }
}

impl From<jiff::Timestamp> for Timestamp {
    /// Rounds down to the microsecond; moments outside the years 1 to 9999 become the nearest one inside.
    fn from(time: jiff::Timestamp) -> Self {
        let nanos = time.as_nanosecond().div_euclid(1_000);
        Self(i64::try_from(nanos).unwrap_or(i64::MAX).clamp(Self::MIN.0, Self::MAX.0))
    }
}

impl From<Timestamp> for jiff::Timestamp {
    /// The last day of the year 9999 is beyond what jiff can hold in some time zones: it becomes jiff's last moment.
    fn from(moment: Timestamp) -> Self {
        jiff::Timestamp::from_microsecond(moment.0).unwrap_or(jiff::Timestamp::MAX)
    }
}

/// Where the present moment comes from. The system's clock, unless a test needs another.
///
/// ```
/// use cloakroom::{Clock, Timestamp};
///
/// let frozen = Clock::new(|| Timestamp::UNIX_EPOCH);
/// assert_eq!(frozen.now(), Timestamp::UNIX_EPOCH);
/// ```
///
/// ```
/// use cloakroom::{Clock, Timestamp};
///
/// let before = Timestamp::now();
/// assert!(Clock::system().now() >= before);
/// ```
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<dyn Fn() -> Timestamp + Send + Sync>>);

impl Clock {
    /// A clock that asks `now` each time.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(now)))
    }

    /// The system's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(None)
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            None => Timestamp::now(),
            Some(now) => now(),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Clock(custom)" } else { "Clock(system)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_form_is_pythons() {
        let at = |micros| Timestamp::from_micros(micros).unwrap().to_string();
        assert_eq!(at(0), "1970-01-01T00:00:00+00:00");
        assert_eq!(at(-1), "1969-12-31T23:59:59.999999+00:00");
        assert_eq!(at(1_783_746_612_000_010), "2026-07-11T05:10:12.000010+00:00");
        assert_eq!(Timestamp::MIN.to_string(), "0001-01-01T00:00:00+00:00");
    }

    #[test]
    fn adding_seconds_is_checked_at_both_ends() {
        assert_eq!(Timestamp::UNIX_EPOCH.checked_add_seconds(1.5), Timestamp::from_micros(1_500_000));
        assert_eq!(Timestamp::MAX.checked_add_seconds(1.0), None);
        assert_eq!(Timestamp::MIN.checked_add_seconds(-0.000_001), None);
        assert_eq!(Timestamp::UNIX_EPOCH.checked_add_seconds(f64::NAN), None);
        assert_eq!(Timestamp::UNIX_EPOCH.checked_add_seconds(1e300), None);
    }

    #[test]
    fn system_time_goes_both_ways() {
        for micros in [-1_500_000, 0, 1_783_746_612_000_010] {
            let moment = Timestamp::from_micros(micros).unwrap();
            assert_eq!(Timestamp::from(SystemTime::from(moment)), moment);
            assert_eq!(Timestamp::from(jiff::Timestamp::from(moment)), moment);
        }
    }
}
