//! The engine that keeps a session in its cookie, and nothing on the server.

use bytes::Bytes;

use crate::Timestamp;
use crate::cookie::SIZE_LIMIT;
use crate::data::SessionData;
use crate::engine::bound::Terms;
use crate::engine::format::Deflate;
use crate::engine::life::{custom_expiry, is_too_old};
use crate::error::SessionError;
use crate::expiry::Custom;
use crate::key::SessionKey;

#[derive(Clone)]
pub(crate) struct SignedCookies {
    pub(super) terms: Terms,
    /// How many bytes the cookie's name takes of what a cookie may have.
    name_size: usize,
}

impl SignedCookies {
    pub(super) fn new(terms: Terms, cookie_name: &str) -> Self {
        Self { terms, name_size: cookie_name.len() }
    }

    /// The session that a cookie holds. The signature comes first, then the age, then what the session itself says of
    /// its end (D5). `None` whatever is wrong with it: hostile cookies are everyday, and none is worth an error (B-121).
    /// Beside it the moment it ends.
    pub(crate) fn load(&self, key: &SessionKey) -> Option<(SessionData, Option<Timestamp>)> {
        let Terms { format, policy, clock, .. } = &self.terms;
        let (text, now) = (Bytes::copy_from_slice(key.as_str().as_bytes()), clock.now());
        let decoded = match format.decode_fresh(&text, Some((policy.cookie_age, now))) {
            Ok(decoded) => decoded,
            Err(error) => {
                tracing::debug!(%error, "a signed cookie counts as no session");
                return None;
            }
        };
        let custom = custom_expiry(&decoded.data, policy).ok()?;
        let signed_at = decoded.signed_at?;
        if !is_live(custom, signed_at, now) || is_too_old(&decoded.data, policy, || now) {
            return None;
        }
        let signed = i64::try_from(signed_at).ok().and_then(Timestamp::from_seconds);
        Some((decoded.data, signed.and_then(|signed| custom.date(policy, signed).ok())))
    }

    /// The text of the cookie that holds a session, signed now.
    pub(crate) fn sign(&self, data: &SessionData) -> Result<SessionKey, SessionError> {
        let Terms { format, policy, clock, .. } = &self.terms;
        let now = clock.now();
        // What could not be loaded again is not signed.
        custom_expiry(data, policy)?.date(policy, now)?;
        // Base64 and the like.
        let text = String::from_utf8(format.encode(data, now, Deflate::WhereItPays)?).unwrap_or_default();
        let size = self.name_size + text.len();
        if size > SIZE_LIMIT {
            return Err(SessionError::CookieTooLarge { size, limit: SIZE_LIMIT });
        }
        Ok(SessionKey::of_cookie(text))
    }
}

/// Whether a session is live by its own expiry. Seconds count from the second of signing and are reckoned as Django
/// reckons the cookie age, by which "no longer than" includes the last moment; the cookie age itself was looked at
/// before, so that the shorter of the two holds.
fn is_live(custom: Custom, signed_at: i128, now: Timestamp) -> bool {
    match custom {
        Custom::None => true,
        Custom::Seconds(0.0) => true,
        Custom::Seconds(seconds) => seconds > 0.0 && now.as_micros() as f64 / 1e6 - signed_at as f64 <= seconds,
        Custom::Moment(end) => end > now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_of_cookie_age_and_own_expiry_holds() {
        let live = |custom, age: f64| {
            let now = Timestamp::from_seconds(1_000).and_then(|signed| signed.checked_add_seconds(age)).unwrap();
            is_live(custom, 1_000, now)
        };
        assert!(live(Custom::Seconds(10.0), 10.0) && !live(Custom::Seconds(10.0), 10.5));
        assert!(live(Custom::Seconds(0.0), 1e6) && live(Custom::Seconds(-0.0), 1e6) && live(Custom::None, 1e6));
        assert!(!live(Custom::Seconds(-5.0), -60.0), "not even if it was signed in the future");
        assert!(!live(Custom::Seconds(f64::NAN), 0.0) && live(Custom::Seconds(f64::INFINITY), 1e6));
        let end = Custom::Moment(Timestamp::from_seconds(1_010).unwrap());
        assert!(live(end, 9.5) && !live(end, 10.0));
    }
}
