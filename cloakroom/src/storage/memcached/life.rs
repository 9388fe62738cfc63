//! How long an entry lives, as memcached is told.

use crate::Timestamp;
use crate::time::Clock;

/// Up to here memcached takes a number for seconds from now, beyond for a moment.
const RELATIVE: i64 = 30 * 24 * 60 * 60;
/// The last moment that memcached can be told, in January 2038.
const LAST: i64 = i32::MAX as i64;
/// What has no end.
const FOREVER: i64 = 0;
/// What is over as soon as it is there.
const OVER: i64 = -1;

/// memcached's `exptime`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life(i64);

impl Life {
    /// From now, by the storage's clock, until `expires`; whole seconds, rounded up.
    pub(super) fn until(expires: Timestamp, clock: &Clock) -> Self {
        let micros = expires.micros_since(clock.now());
        if micros <= 0 {
            return Self(OVER);
        }
        // The server counts by its own clock, so a moment is one of the system's clock, whatever the storage's says.
        Self::of((micros - 1) / 1_000_000 + 1, Timestamp::now())
    }

    fn of(seconds: i64, system: Timestamp) -> Self {
        if seconds <= RELATIVE {
            return Self(seconds);
        }
        match system.as_seconds() + seconds {
            moment if moment <= LAST => Self(moment),
            _ => Self(FOREVER),
        }
    }

    /// What `mg … t` answered: the seconds that are left.
    pub(super) fn left(seconds: i64) -> Self {
        match seconds {
            ..0 => Self(FOREVER),
            seconds => Self::of(seconds.max(1), Timestamp::now()),
        }
    }

    /// Whether it has ended already.
    pub(super) fn is_over(self) -> bool {
        self.0 == OVER
    }

    pub(super) fn exptime(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up_and_become_a_moment_past_thirty_days() {
        let now = Timestamp::from_micros(1_000_000_500_000).unwrap();
        let clock = Clock::new(move || now);
        let life = |seconds| Life::until(now.checked_add_seconds(seconds).unwrap(), &clock).0;
        assert_eq!([life(-1.0), life(0.0), life(0.000_001), life(1.0), life(1.000_001)], [-1, -1, 1, 1, 2]);
        assert_eq!(life(2_592_000.0), 2_592_000);
        let moment = life(2_592_000.000_001) - Timestamp::now().as_seconds();
        assert!((2_592_000..=2_592_001).contains(&moment), "{moment}");
        assert_eq!(life(5e9), 0, "later than it can be told");
        assert_eq!(Life::until(Timestamp::MAX, &Clock::system()).0, 0);
        assert_eq!([Life::left(-1).0, Life::left(0).0, Life::left(9).0], [0, 1, 9]);
    }
}
