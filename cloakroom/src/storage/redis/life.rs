//! How long an entry lives, as Redis is told.

use crate::Timestamp;

/// How the life of an entry is counted.
///
/// ```
/// use cloakroom::storage::redis::{RedisExpiry, RedisOptions};
///
/// let options = RedisOptions::new().expiry(RedisExpiry::Milliseconds);
/// assert_eq!(RedisExpiry::default(), RedisExpiry::Seconds);
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisExpiry {
    /// In whole seconds, `EX`, as Django's own backend gives it.
    #[default]
    Seconds,
    /// In milliseconds, `PX`, as `django-redis` gives it.
    Milliseconds,
}

/// The life left to an entry; 0 for one that has expired.
pub(super) struct Life {
    pub(super) unit: &'static str,
    pub(super) count: String,
    pub(super) milliseconds: i64,
    pub(super) is_over: bool,
}

impl RedisExpiry {
    /// The time from `now` to `end`, rounded up.
    pub(super) fn life(self, now: Timestamp, end: Timestamp) -> Life {
        let micros = end.micros_since(now).max(0);
        let (unit, each) = match self {
            Self::Seconds => ("EX", 1_000_000),
            Self::Milliseconds => ("PX", 1_000),
        };
        let count = (micros + each - 1) / each;
        Life { unit, count: count.to_string(), milliseconds: count * each / 1_000, is_over: count == 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_are_rounded_up() {
        let life = |expiry: RedisExpiry, micros| {
            let end = Timestamp::from_micros(micros).unwrap();
            let life = expiry.life(Timestamp::UNIX_EPOCH, end);
            (life.count, life.milliseconds, life.is_over)
        };
        let text = |a: &str, milliseconds: i64, over| (a.to_owned(), milliseconds, over);
        assert_eq!(life(RedisExpiry::Seconds, 1_000_000), text("1", 1_000, false));
        assert_eq!(life(RedisExpiry::Seconds, 1_000_001), text("2", 2_000, false));
        assert_eq!(life(RedisExpiry::Milliseconds, 1_000_001), text("1001", 1_001, false));
        for past in [0, -5] {
            assert_eq!(life(RedisExpiry::Milliseconds, past), text("0", 0, true));
        }
        assert!(!RedisExpiry::Seconds.life(Timestamp::MIN, Timestamp::MAX).is_over);
    }
}
