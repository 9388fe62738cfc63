//! When a session ends, by Django's rules (B-53 to B-72).

mod custom;
mod life;

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use jiff::civil::{DateTime, ISOWeekDate, Weekday};
use jiff::fmt::temporal::{DateTimeParser, PiecesOffset};
use jiff::tz::{Offset, TimeZone};
use thiserror::Error;

use crate::Timestamp;
use crate::time::write_iso;

pub(crate) use custom::{Custom, EXPIRY, Policy};
pub(crate) use life::{Life, STARTED, read_start};

/// What `set_expiry` takes: when a session is to end.
///
/// | from | meaning |
/// |---|---|
/// | a number of seconds (`300`, `1.5`) | that long after the last save: an idle time |
/// | `0` | when the browser closes |
/// | a [`Timestamp`], [`SystemTime`], [`jiff::Timestamp`] or [`jiff::Zoned`] | at that moment |
/// | a [`jiff::civil::DateTime`] | at that moment in the settings' `TIME_ZONE` |
/// | a [`Duration`] or [`jiff::SignedDuration`] | that long after the call, a fixed moment; zero is now |
/// | `None`, [`Expiry::Default`] | by the global policy again |
///
/// ```
/// use std::time::Duration;
/// use cloakroom::Expiry;
///
/// assert_eq!(Expiry::from(300), Expiry::Seconds(300));
/// assert_eq!(Expiry::from(None), Expiry::Default);
/// assert!(matches!(Expiry::from(Duration::from_secs(60)), Expiry::After(_)));
/// assert!(Expiry::from_iso("2028-01-17T11:36:34+05:45").is_ok());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Expiry {
    /// By the global policy: `SESSION_COOKIE_AGE` and `SESSION_EXPIRE_AT_BROWSER_CLOSE`.
    Default,
    /// So many seconds after the last save; 0 means when the browser closes.
    Seconds(i64),
    /// So many seconds after the last save, with a fraction.
    FractionalSeconds(f64),
    /// At a moment.
    At(Moment),
    /// So long after the call: it becomes a moment at once.
    After(jiff::SignedDuration),
}

/// A date and time as it was given: with its offset from UTC, or naive.
///
/// ```
/// use cloakroom::{Expiry, Moment};
///
/// fn moment(text: &str) -> Option<Moment> {
///     match Expiry::from_iso(text) {
///         Ok(Expiry::At(moment)) => Some(moment),
///         _ => None,
///     }
/// }
///
/// assert!(moment("2028-01-17T11:36:34+05:45").is_some());
/// assert_eq!(moment("2028-01-17T11:36:34+05:45"), moment("2028-01-17 11:36:34+05:45"));
/// // The same instant, but given with another offset, and one without.
/// assert_ne!(moment("2028-01-17T11:36:34+05:45"), moment("2028-01-17T05:51:34+00:00"));
/// assert_ne!(moment("2028-01-17T11:36:34+05:45"), moment("2028-01-17T11:36:34"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    civil: DateTime,
    offset: Option<Offset>,
}

/// Why a session's expiry could not be told.
///
/// ```
/// use cloakroom::{Expiry, ExpiryError};
///
/// assert_eq!(Expiry::from_iso("tomorrow"), Err(ExpiryError::Unreadable));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExpiryError {
    /// Neither a number of seconds nor a date and time in ISO 8601.
    #[error("the session's expiry is neither a number of seconds nor an ISO 8601 date and time")]
    Unreadable,
    /// The moment lies outside the years 1 to 9999.
    #[error("the session's expiry lies outside the years 1 to 9999")]
    OutOfRange,
}

/// What `get_expiry_age_with` and `get_expiry_date_with` take in place of what the session holds: Django's
/// two keyword arguments.
///
/// ```
/// use cloakroom::{ExpiryOptions, Timestamp};
///
/// let options = ExpiryOptions::new().modification(Timestamp::UNIX_EPOCH).expiry(300);
/// ```
///
/// What a session answers:
///
/// ```
/// # use cloakroom::{SessionStore, Settings};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = SessionStore::memory(Settings::new())?.session(None).load().await?;
/// use cloakroom::{ExpiryOptions, Timestamp};
///
/// session.set_expiry(300)?;
/// assert_eq!(session.get_expiry_age()?, 300.0);
/// assert!(session.get_expiry_date()? > Timestamp::now());
/// assert!(!session.get_expire_at_browser_close()?);
/// let options = ExpiryOptions::new().modification(Timestamp::UNIX_EPOCH).expiry(60);
/// assert_eq!(session.get_expiry_age_with(&options)?, 60.0);
/// assert_eq!(session.get_expiry_date_with(&options)?.as_seconds(), 60);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpiryOptions {
    pub(crate) modification: Option<Timestamp>,
    pub(crate) expiry: Option<Expiry>,
}

impl ExpiryOptions {
    /// Neither of the two: last modified now, and the expiry the session holds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// When the session was last modified.
    #[must_use]
    pub fn modification(mut self, modification: Timestamp) -> Self {
        self.modification = Some(modification);
        self
    }

    /// The expiry to reckon with. The session is then neither loaded nor marked as accessed (B-17).
    #[must_use]
    pub fn expiry(mut self, expiry: impl Into<Expiry>) -> Self {
        self.expiry = Some(expiry.into());
        self
    }
}

impl Expiry {
    /// A moment as Python's `datetime.fromisoformat` reads it, with or without an offset.
    ///
    /// # Errors
    /// [`ExpiryError::Unreadable`] for anything else.
    pub fn from_iso(text: &str) -> Result<Self, ExpiryError> {
        Moment::from_iso(text).map(Self::At)
    }
}

impl Moment {
    fn from_iso(text: &str) -> Result<Self, ExpiryError> {
        // jiff also reads years of six digits with a sign, and the year 0; Python neither.
        if !text
            .as_bytes()
            .first_chunk::<4>()
            .is_some_and(|year| year.iter().all(u8::is_ascii_digit) && year != b"0000")
        {
            return Err(ExpiryError::Unreadable);
        }
        let dated = with_calendar_date(text).ok_or(ExpiryError::Unreadable)?;
        let pieces = DateTimeParser::new().parse_pieces(&*dated).map_err(|_| ExpiryError::Unreadable)?;
        if pieces.time_zone_annotation().is_some() {
            return Err(ExpiryError::Unreadable);
        }
        let offset = match pieces.offset() {
            None => None,
            Some(PiecesOffset::Zulu) => Some(Offset::UTC),
            Some(PiecesOffset::Numeric(numeric)) => Some(numeric.offset()),
            Some(_) => return Err(ExpiryError::Unreadable),
        };
        Ok(Self { civil: DateTime::from_parts(pieces.date(), pieces.time().unwrap_or_default()), offset })
    }

    /// The moment, a naive one read in `zone`: the earlier of two where the clocks go back, as Python does
    /// with `fold=0`.
    fn timestamp(self, zone: &TimeZone) -> Result<Timestamp, ExpiryError> {
        let instant = match self.offset {
            Some(offset) => offset.to_timestamp(self.civil),
            None => zone.to_ambiguous_timestamp(self.civil).compatible(),
        };
        instant.map(Timestamp::from).map_err(|_| ExpiryError::OutOfRange)
    }

    /// As Django's side reads it back: with an offset under `USE_TZ`, naive local time without (D13).
    fn stored_form(self, policy: &Policy) -> Result<String, ExpiryError> {
        let moment = self.timestamp(&policy.time_zone)?;
        let mut text = String::with_capacity(35);
        // Writing into a String cannot fail.
        if policy.use_tz {
            let offset = self.offset.unwrap_or_else(|| policy.time_zone.to_offset(moment.into()));
            let _ = write_iso(&mut text, self.civil, 'T');
            push_offset(&mut text, offset);
        } else {
            let _ = write_iso(&mut text, moment.to_civil(&policy.time_zone), 'T');
        }
        Ok(text)
    }
}

/// Python also reads dates by week, `2030-W01-1` and `2030W011`, the day left out for a Monday: as the calendar
/// date they mean. `None` for a week date that does not exist.
fn with_calendar_date(text: &str) -> Option<Cow<'_, str>> {
    let Some(at) = text.find('W').filter(|at| *at == 4 || *at == 5) else { return Some(Cow::Borrowed(text)) };
    let year = text.get(..4)?.parse().ok()?;
    let week = text.get(at + 1..at + 3).filter(|week| week.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
    let rest = text.get(at + 3..)?;
    let day = rest.strip_prefix('-').unwrap_or(rest);
    let (day, time) = match day.as_bytes().first() {
        Some(byte @ b'1'..=b'7') => (byte - b'0', day.get(1..)?),
        _ => (1, rest),
    };
    let weekday = Weekday::from_monday_one_offset(day as i8).ok()?;
    let date = ISOWeekDate::new(year, week, weekday).ok()?.date();
    Some(Cow::Owned(format!("{date}{time}")))
}

/// An offset as Python's `isoformat` writes it: `+05:45`, with seconds only where there are some.
fn push_offset(text: &mut String, offset: Offset) {
    use std::fmt::Write as _;
    let seconds = offset.seconds().unsigned_abs();
    let sign = if offset.seconds() < 0 { '-' } else { '+' };
    let _ = write!(text, "{sign}{:02}:{:02}", seconds / 3_600, seconds / 60 % 60);
    if !seconds.is_multiple_of(60) {
        let _ = write!(text, ":{:02}", seconds % 60);
    }
}

macro_rules! from_seconds {
    ($($number:ty),*) => {$(
        impl From<$number> for Expiry {
            /// Seconds; 0 means when the browser closes.
            fn from(seconds: $number) -> Self {
                Self::Seconds(i64::from(seconds))
            }
        }
    )*};
}
from_seconds!(i64, i32, i16, u32, u16, u8);

impl From<u64> for Expiry {
    /// Seconds; 0 means when the browser closes. What an `i64` cannot hold is refused when it is set.
    fn from(seconds: u64) -> Self {
        Self::Seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
    }
}

impl From<f64> for Expiry {
    /// Seconds; 0 means when the browser closes.
    fn from(seconds: f64) -> Self {
        Self::FractionalSeconds(seconds)
    }
}

impl From<Option<i64>> for Expiry {
    /// Seconds, or the global policy for `None`.
    fn from(seconds: Option<i64>) -> Self {
        seconds.map_or(Self::Default, Self::Seconds)
    }
}

impl From<Timestamp> for Expiry {
    fn from(moment: Timestamp) -> Self {
        Self::At(Moment { civil: moment.to_civil(&TimeZone::UTC), offset: Some(Offset::UTC) })
    }
}

impl From<SystemTime> for Expiry {
    fn from(moment: SystemTime) -> Self {
        Timestamp::from(moment).into()
    }
}

impl From<jiff::Timestamp> for Expiry {
    fn from(moment: jiff::Timestamp) -> Self {
        Timestamp::from(moment).into()
    }
}

impl From<jiff::Zoned> for Expiry {
    /// The offset the moment has in its time zone is kept.
    fn from(moment: jiff::Zoned) -> Self {
        Self::At(Moment { civil: moment.datetime(), offset: Some(moment.offset()) })
    }
}

impl From<DateTime> for Expiry {
    /// Read in the settings' `TIME_ZONE`.
    fn from(naive: DateTime) -> Self {
        Self::At(Moment { civil: naive, offset: None })
    }
}

impl From<Duration> for Expiry {
    /// A fixed moment, so long after the call. Durations beyond 292 years count as 292 years.
    fn from(duration: Duration) -> Self {
        Self::After(jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX))
    }
}

impl From<jiff::SignedDuration> for Expiry {
    /// A fixed moment, so long after the call, or before it.
    fn from(duration: jiff::SignedDuration) -> Self {
        Self::After(duration)
    }
}
