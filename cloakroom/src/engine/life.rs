//! Whether a stored session is live.

use crate::Timestamp;
use crate::data::SessionData;
use crate::engine::StoredEngine;
use crate::error::SessionError;
use crate::expiry::{Custom, EXPIRY, ExpiryError, Policy, STARTED};
use crate::settings::EngineName;
use crate::storage::{StorageError, Stored};

/// A second.
const SECOND: i64 = 1_000_000;

impl StoredEngine {
    /// By the entry's own expiry, or in the `file` engine by what the session says and when it was last saved.
    pub(super) fn is_live(&self, stored: &Stored, data: &SessionData) -> Result<bool, SessionError> {
        if self.is_too_old(data) {
            return Ok(false);
        }
        let now = self.terms.clock.now();
        if self.terms.name != EngineName::File || stored.expires.is_some() {
            return Ok(stored.expires.is_none_or(|expires| expires > now));
        }
        let Some(saved) = stored.modified_at else {
            return Err(StorageError::Damaged("it does not say when a session was last saved").into());
        };
        Ok(is_live_since(custom_expiry(data, &self.terms.policy)?, &self.terms.policy, saved, now))
    }

    /// Whether the session's absolute life has ended, whatever the storage says.
    pub(crate) fn is_too_old(&self, data: &SessionData) -> bool {
        is_too_old(data, &self.terms.policy, || self.terms.clock.now())
    }

    /// When the session ends if nobody saves it again; `None` where nothing says so, and for what lies beyond the year
    /// 9999.
    pub(super) fn end_of(&self, stored: &Stored, data: &SessionData) -> Option<Timestamp> {
        let policy = &self.terms.policy;
        stored.expires.or_else(|| custom_expiry(data, policy).ok()?.date(policy, stored.modified_at?).ok())
    }
}

/// Whether the session's absolute life has ended.
pub(super) fn is_too_old(data: &SessionData, policy: &Policy, now: impl FnOnce() -> Timestamp) -> bool {
    policy.absolute_age.is_some() && policy.latest_end(data.raw(STARTED).as_deref()).is_some_and(|end| end <= now())
}

/// An expiry that Python counts as false is none.
pub(super) fn custom_expiry(data: &SessionData, policy: &Policy) -> Result<Custom, ExpiryError> {
    match data.raw(EXPIRY).as_deref() {
        Some("\"\"" | "false" | "[]" | "{}") => Ok(Custom::None),
        member => Custom::from_member(member, policy),
    }
}

/// Django rounds what is left of a moment or of the cookie age down to seconds, and 0 is the end (B-107). A number of
/// seconds counts from the save and exactly (D1); one that is not positive has ended (B-61).
fn is_live_since(custom: Custom, policy: &Policy, saved: Timestamp, now: Timestamp) -> bool {
    match custom {
        Custom::Seconds(seconds) if seconds != 0.0 => {
            // What lies beyond the year 9999 does not end.
            seconds > 0.0 && saved.checked_add_seconds(seconds).is_none_or(|end| end > now)
        }
        custom => custom.date(policy, saved).map_or(true, |end| end.micros_since(now) >= SECOND),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    #[test]
    fn a_life_is_counted_as_django_does_but_for_seconds() {
        let policy = Settings::new().session_cookie_age(100.0).policy().unwrap();
        let saved = Timestamp::from_seconds(1_831_700_317).unwrap();
        let live = |json: &str, after: f64| {
            let data = SessionData::from_json(json).unwrap();
            let now = saved.checked_add_seconds(after).unwrap();
            is_live_since(custom_expiry(&data, &policy).unwrap(), &policy, saved, now)
        };
        for json in ["{}", r#"{"_session_expiry":0}"#, r#"{"_session_expiry":""}"#, r#"{"_session_expiry":null}"#] {
            assert!(live(json, 99.0) && !live(json, 99.5) && !live(json, 100.0), "{json}");
        }
        let one = r#"{"_session_expiry":1}"#;
        assert!(live(one, 0.0) && live(one, 0.9) && !live(one, 1.0));
        assert!(!live(r#"{"_session_expiry":-5}"#, -10.0), "not even if the file is from the future");
        assert!(!live(r#"{"_session_expiry":NaN}"#, 0.0));
        assert!(live(r#"{"_session_expiry":1e300}"#, 1e9));
        let moment = r#"{"_session_expiry":"2028-01-17T05:38:47+00:00"}"#;
        assert!(live(moment, 9.0) && !live(moment, 9.5));
        let bad = SessionData::from_json(r#"{"_session_expiry":"tomorrow"}"#).unwrap();
        assert!(custom_expiry(&bad, &policy).is_err());
    }
}
