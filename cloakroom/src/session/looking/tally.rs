//! Counting sessions one by one.

use std::collections::BTreeMap;

use super::counted::{Counted, CountedBytes, CountedEnds};
use crate::Timestamp;

/// Sizes are kept to so many bits: to the byte below 4 KiB, to one in two thousand above.
const BITS: u32 = 12;
/// An hour, a day, 7 days and 30 days, in microseconds.
const SPANS: [i64; 4] = [3_600_000_000, 86_400_000_000, 7 * 86_400_000_000, 30 * 86_400_000_000];

/// When a session ends.
#[derive(Clone, Copy)]
pub(super) enum End {
    At(Timestamp),
    /// It has ended already.
    Over,
    Unknown,
}

/// What was counted so far. However many sessions there are, it takes a few hundred kilobytes at most.
pub(super) struct Tally {
    now: Timestamp,
    pub(super) sessions: u64,
    expired: u64,
    unknown: u64,
    /// How many end within each of the spans.
    within: [u64; SPANS.len()],
    bytes: u64,
    largest: u64,
    sizes: BTreeMap<u64, u64>,
}

impl Tally {
    pub(super) fn new(now: Timestamp) -> Self {
        let within = [0; SPANS.len()];
        Self { now, sessions: 0, expired: 0, unknown: 0, within, bytes: 0, largest: 0, sizes: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, bytes: u64, end: End) {
        self.sessions += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.largest = self.largest.max(bytes);
        *self.sizes.entry(rounded(bytes)).or_default() += 1;
        match end {
            End::At(end) if end > self.now => {
                let left = end.micros_since(self.now);
                for (count, _) in self.within.iter_mut().zip(SPANS).filter(|(_, span)| left <= *span) {
                    *count += 1;
                }
            }
            End::At(_) | End::Over => self.expired += 1,
            End::Unknown => self.unknown += 1,
        }
    }

    /// As counted, or of `sessions` in all if those that were counted are a sample.
    pub(super) fn counted(&self, sessions: Option<u64>) -> Counted {
        let factor = match sessions {
            Some(all) if self.sessions > 0 => all as f64 / self.sessions as f64,
            _ => 1.0,
        };
        let all = |count: u64| (count as f64 * factor).round() as u64;
        let sessions = sessions.unwrap_or(self.sessions);
        let (expired, unknown) = (all(self.expired), all(self.unknown));
        let live = sessions.saturating_sub(expired + unknown);
        let [hour, day, week, month] = self.within.map(|count| all(count).min(live));
        Counted {
            sessions,
            live,
            expired,
            unknown,
            bytes: CountedBytes {
                total: all(self.bytes),
                median: self.percentile(50),
                percentile_95: self.percentile(95),
                largest: self.largest,
            },
            ends: CountedEnds { hour, day, week, month, later: live - month },
            looked_at: self.sessions,
            margin: None,
            complete: true,
        }
    }

    /// The size that so many in a hundred do not exceed.
    fn percentile(&self, percent: u64) -> u64 {
        let rank = (self.sessions * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let reached = self.sizes.iter().find(|(_, count)| {
            seen += **count;
            seen >= rank
        });
        reached.map_or(0, |(size, _)| *size)
    }
}

/// A size to its first bits, the others 0.
fn rounded(size: u64) -> u64 {
    let dropped = (u64::BITS - size.leading_zeros()).saturating_sub(BITS);
    size >> dropped << dropped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_to_the_byte_where_they_are_small_and_nearly_so_above() {
        let mut tally = Tally::new(Timestamp::UNIX_EPOCH);
        for size in 1..=100 {
            tally.add(size, End::Unknown);
        }
        let bytes = tally.counted(None).bytes;
        assert_eq!((bytes.total, bytes.median, bytes.percentile_95, bytes.largest), (5_050, 50, 95, 100));
        assert_eq!([0, 4_095, 4_096, 4_097, u64::MAX].map(rounded), [0, 4_095, 4_096, 4_096, u64::MAX << 52]);
        assert_eq!(rounded(1_000_000), 999_936);
        assert_eq!(Tally::new(Timestamp::UNIX_EPOCH).counted(None).bytes.median, 0);
    }

    #[test]
    fn ends_are_counted_within_each_span() {
        let mut tally = Tally::new(Timestamp::UNIX_EPOCH);
        let at = |seconds| End::At(Timestamp::from_seconds(seconds).unwrap());
        for seconds in [0, 1, 3_600, 3_601, 86_401, 604_801, 2_592_001] {
            tally.add(1, at(seconds));
        }
        tally.add(1, End::Over);
        tally.add(1, End::Unknown);
        let counted = tally.counted(None);
        assert_eq!((counted.sessions, counted.live, counted.expired, counted.unknown), (9, 6, 2, 1));
        let ends = counted.ends;
        assert_eq!([ends.hour, ends.day, ends.week, ends.month, ends.later], [2, 3, 4, 5, 1]);
        // A sample of ten times as many.
        let counted = tally.counted(Some(90));
        assert_eq!((counted.sessions, counted.live, counted.expired, counted.bytes.total), (90, 60, 20, 90));
        assert_eq!((counted.ends.hour, counted.looked_at), (20, 9));
    }
}
