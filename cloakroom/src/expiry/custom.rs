//! What a session says of its own expiry, and what follows from it under the settings' policy.

use jiff::tz::TimeZone;

use crate::Timestamp;
use crate::expiry::{Expiry, ExpiryError, Moment};
use crate::wire::json;

/// The member that holds a session's own expiry (B-13).
pub(crate) const EXPIRY: &str = "_session_expiry";

/// The settings that decide about expiry.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// `SESSION_COOKIE_AGE`, in seconds.
    pub(crate) cookie_age: f64,
    /// `SESSION_EXPIRE_AT_BROWSER_CLOSE`.
    pub(crate) at_browser_close: bool,
    /// `SESSION_ABSOLUTE_AGE`, in seconds; `None` for no limit.
    pub(crate) absolute_age: Option<f64>,
    /// `SESSION_TOUCH_THRESHOLD`, a share; `None` to save at every request.
    pub(crate) touch_threshold: Option<f64>,
    /// `SESSION_CYCLE_KEY_GRACE`, in seconds; `None` for none.
    pub(crate) cycle_key_grace: Option<f64>,
    /// `USE_TZ`.
    pub(crate) use_tz: bool,
    /// `TIME_ZONE`.
    pub(crate) time_zone: TimeZone,
}

/// What a session says of its own expiry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Custom {
    /// Nothing: the global policy holds.
    None,
    /// Seconds after the last save; 0 means when the browser closes.
    Seconds(f64),
    /// A fixed moment.
    Moment(Timestamp),
}

impl Custom {
    /// Reads the member `_session_expiry`, given as JSON.
    pub(crate) fn from_member(raw: Option<&str>, policy: &Policy) -> Result<Self, ExpiryError> {
        let Some(raw) = raw else { return Ok(Self::None) };
        match raw.as_bytes().first() {
            Some(b'n') => Ok(Self::None),
            Some(b'"') => {
                let text: String = json::from_str(raw).map_err(|_| ExpiryError::Unreadable)?;
                Moment::from_iso(&text)?.timestamp(&policy.time_zone).map(Self::Moment)
            }
            Some(b'-' | b'0'..=b'9' | b'N' | b'I') => {
                json::from_str(raw).map(Self::Seconds).map_err(|_| ExpiryError::Unreadable)
            }
            _ => Err(ExpiryError::Unreadable),
        }
    }

    /// Reads what a caller gave, and the JSON to store for it; `None` means that nothing is to be stored.
    pub(crate) fn from_expiry(
        expiry: &Expiry,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(Self, Option<String>), ExpiryError> {
        match expiry {
            Expiry::Default => Ok((Self::None, None)),
            Expiry::Seconds(seconds) => Ok((Self::Seconds(*seconds as f64), Some(seconds.to_string()))),
            Expiry::FractionalSeconds(seconds) if seconds.is_finite() => {
                let stored = json::to_string(seconds).map_err(|_| ExpiryError::Unreadable)?;
                Ok((Self::Seconds(*seconds), Some(stored)))
            }
            Expiry::FractionalSeconds(_) => Err(ExpiryError::OutOfRange),
            Expiry::At(moment) => {
                let stored = moment.stored_form(policy)?;
                Ok((Self::Moment(moment.timestamp(&policy.time_zone)?), Some(format!("\"{stored}\""))))
            }
            Expiry::After(duration) => {
                let moment = now.checked_add_seconds(duration.as_secs_f64()).ok_or(ExpiryError::OutOfRange)?;
                Self::from_expiry(&Expiry::from(moment), policy, now)
            }
        }
    }

    /// The session's remaining life in seconds, counted from `modification` (B-53, B-62, B-63).
    pub(crate) fn age(self, policy: &Policy, modification: Timestamp) -> f64 {
        match self {
            Self::None => policy.cookie_age,
            Self::Seconds(0.0) => policy.cookie_age,
            Self::Seconds(seconds) => seconds,
            Self::Moment(moment) => moment.micros_since(modification).div_euclid(1_000_000) as f64,
        }
    }

    /// The moment the session ends when it is saved at `modification` (B-54, B-57).
    pub(crate) fn date(self, policy: &Policy, modification: Timestamp) -> Result<Timestamp, ExpiryError> {
        match self {
            Self::Moment(moment) => Ok(moment),
            _ => modification.checked_add_seconds(self.age(policy, modification)).ok_or(ExpiryError::OutOfRange),
        }
    }

    /// Whether the cookie is to end with the browser (B-69).
    pub(crate) fn at_browser_close(self, policy: &Policy) -> bool {
        match self {
            Self::None => policy.at_browser_close,
            Self::Seconds(seconds) => seconds == 0.0,
            Self::Moment(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(use_tz: bool, zone: &str) -> Policy {
        let settings = crate::Settings::new();
        Policy { use_tz, time_zone: TimeZone::get(zone).unwrap(), ..settings.policy().unwrap() }
    }

    const NOW: i64 = 1_831_700_317_500_000;

    fn stored(expiry: impl Into<Expiry>, policy: &Policy) -> String {
        let now = Timestamp::from_micros(NOW).unwrap();
        Custom::from_expiry(&expiry.into(), policy, now).unwrap().1.unwrap()
    }

    #[test]
    fn a_moment_keeps_the_offset_it_was_given_with() {
        let policy = policy(true, "UTC");
        for text in ["2028-01-17T11:36:34+05:45", "2028-01-17T05:51:34.250000+00:00", "2028-01-17T05:51:34-03:30"] {
            assert_eq!(stored(Expiry::from_iso(text).unwrap(), &policy), format!("\"{text}\""));
        }
    }

    #[test]
    fn a_naive_moment_is_read_in_the_settings_time_zone() {
        let naive = Expiry::from_iso("2028-01-17T05:51:34").unwrap();
        assert_eq!(stored(naive.clone(), &policy(true, "America/Chicago")), "\"2028-01-17T05:51:34-06:00\"");
        assert_eq!(stored(naive, &policy(false, "Asia/Kolkata")), "\"2028-01-17T05:51:34\"");
    }

    #[test]
    fn without_use_tz_an_aware_moment_is_stored_as_naive_local_time() {
        let aware = Expiry::from_iso("2028-01-17T05:51:34+00:00").unwrap();
        assert_eq!(stored(aware, &policy(false, "Asia/Kolkata")), "\"2028-01-17T11:21:34\"");
    }

    #[test]
    fn ages_from_a_moment_are_floored() {
        let policy = policy(true, "UTC");
        let at = |offset: i64| Custom::Moment(Timestamp::from_micros(NOW + offset).unwrap());
        let now = Timestamp::from_micros(NOW).unwrap();
        assert_eq!(at(500_000).age(&policy, now), 0.0);
        assert_eq!(at(-500_000).age(&policy, now), -1.0);
        assert_eq!(at(1_000_000).age(&policy, now), 1.0);
    }

    #[test]
    fn dates_are_read_in_every_form_that_python_reads() {
        let policy = policy(true, "UTC");
        let moment = |text: &str| {
            let custom = Custom::from_expiry(&Expiry::from_iso(text).unwrap(), &policy, Timestamp::UNIX_EPOCH);
            custom.unwrap().0.date(&policy, Timestamp::UNIX_EPOCH).unwrap().to_string()
        };
        let midnight = "2029-12-31T00:00:00+00:00";
        for text in ["2029-12-31", "20291231", "2030-W01-1", "2030W011", "2030-W01", "2029-12-31T00:00Z"] {
            assert_eq!(moment(text), midnight, "{text}");
        }
        assert_eq!(moment("2030-W01-2 10:30:00.5+01:00"), "2030-01-01T09:30:00.500000+00:00");
        let years = ["-530-W01-1", "+203-W01-1", "-002030-01-01", "+002030-01-01", "0000-01-01", "0000-W10-1"];
        for text in ["2030-W54-1", "2030-W01-8x", "2030-W+1-1", "W", "2030-13-01", "", "now"].into_iter().chain(years) {
            assert!(Expiry::from_iso(text).is_err(), "{text}");
        }
    }

    #[test]
    fn zero_seconds_is_the_default_age_and_ends_with_the_browser() {
        let policy = policy(true, "UTC");
        let zero = Custom::from_member(Some("0"), &policy).unwrap();
        assert_eq!(zero.age(&policy, Timestamp::UNIX_EPOCH), policy.cookie_age);
        assert!(zero.at_browser_close(&policy));
        assert!(!Custom::from_member(Some("1"), &policy).unwrap().at_browser_close(&policy));
    }

    #[test]
    fn what_is_neither_seconds_nor_iso_is_an_error() {
        let policy = policy(true, "UTC");
        for raw in ["[]", "{}", "true", "\"tomorrow\"", "\"\""] {
            assert_eq!(Custom::from_member(Some(raw), &policy), Err(ExpiryError::Unreadable), "{raw}");
        }
        for raw in ["1e300", "NaN", "Infinity"] {
            let custom = Custom::from_member(Some(raw), &policy).unwrap();
            assert_eq!(custom.date(&policy, Timestamp::UNIX_EPOCH), Err(ExpiryError::OutOfRange), "{raw}");
        }
    }
}
