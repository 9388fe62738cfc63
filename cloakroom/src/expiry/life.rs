//! The absolute lifetime, and what it makes of a session's expiry.

use crate::Timestamp;
use crate::expiry::{Custom, ExpiryError, Policy};

/// The member that says from when `SESSION_ABSOLUTE_AGE` counts: a second since 1970.
pub(crate) const STARTED: &str = "_session_started";

const SECOND: i64 = 1_000_000;

/// When a session ends: as it says itself or the policy does, and by its absolute lifetime at the latest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pub(crate) custom: Custom,
    latest: Option<Timestamp>,
}

impl Life {
    /// `started` is the member of that name, as JSON.
    pub(crate) fn new(custom: Custom, started: Option<&str>, policy: &Policy) -> Self {
        Self { custom, latest: policy.latest_end(started) }
    }

    /// A life without an absolute end.
    pub(crate) fn of(custom: Custom) -> Self {
        Self { custom, latest: None }
    }

    /// The remaining life in seconds, counted from `modification`.
    pub(crate) fn age(self, policy: &Policy, modification: Timestamp) -> f64 {
        let age = self.custom.age(policy, modification);
        match self.latest {
            Some(latest) => age.min(latest.micros_since(modification).div_euclid(SECOND) as f64),
            None => age,
        }
    }

    /// The moment the session ends when it is saved at `modification`.
    pub(crate) fn date(self, policy: &Policy, modification: Timestamp) -> Result<Timestamp, ExpiryError> {
        let date = self.custom.date(policy, modification)?;
        Ok(self.latest.map_or(date, |latest| date.min(latest)))
    }
}

impl Policy {
    /// When a session's absolute life ends, by its member [`STARTED`]; `None` where nothing limits it, or nothing says
    /// when it began. A beginning that cannot be read is no licence to live for ever: such a session has ended.
    pub(crate) fn latest_end(&self, started: Option<&str>) -> Option<Timestamp> {
        let (age, started) = (self.absolute_age?, started?);
        let end = read_start(started).and_then(|start| start.checked_add_seconds(age));
        Some(end.unwrap_or(Timestamp::MIN))
    }
}

/// The member [`STARTED`], given as JSON.
pub(crate) fn read_start(started: &str) -> Option<Timestamp> {
    started.parse().ok().and_then(Timestamp::from_seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds).unwrap()
    }

    #[test]
    fn the_earlier_end_counts() {
        let policy = Settings::new().session_cookie_age(100).session_absolute_age(250.0).policy().unwrap();
        let life = |custom| Life::new(custom, Some("1000"), &policy);
        let idle = life(Custom::None);
        assert_eq!((idle.date(&policy, at(1_100)), idle.age(&policy, at(1_100))), (Ok(at(1_200)), 100.0));
        assert_eq!((idle.date(&policy, at(1_200)), idle.age(&policy, at(1_200))), (Ok(at(1_250)), 50.0));
        assert_eq!(life(Custom::Seconds(9_000.0)).date(&policy, at(1_000)), Ok(at(1_250)));
        assert_eq!(life(Custom::Moment(at(9_000))).date(&policy, at(1_000)), Ok(at(1_250)));
        assert_eq!(life(Custom::Moment(at(1_010))).date(&policy, at(1_000)), Ok(at(1_010)));
    }

    #[test]
    fn without_a_limit_or_a_beginning_nothing_changes() {
        let free = Settings::new().policy().unwrap();
        assert_eq!(free.latest_end(Some("1000")), None);
        let limited = Settings::new().session_absolute_age(250.0).policy().unwrap();
        assert_eq!(limited.latest_end(None), None);
        assert_eq!(limited.latest_end(Some("1000")), Some(at(1_250)));
    }

    #[test]
    fn a_beginning_that_cannot_be_read_has_ended() {
        let policy = Settings::new().session_absolute_age(250.0).policy().unwrap();
        for bad in ["null", "\"1000\"", "1e3", "1000.5", "[]", "true", "9999999999999999999999", "253402300799"] {
            assert_eq!(policy.latest_end(Some(bad)), Some(Timestamp::MIN), "{bad}");
        }
    }
}
