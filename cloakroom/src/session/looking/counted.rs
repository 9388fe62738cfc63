//! What a count of the sessions answers.

/// How many sessions there are, how large they are and when they end; [`Counting::run`](crate::Counting::run) answers
/// it.
///
/// ```
/// use cloakroom::{Counted, SessionStore, Settings};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SessionStore::memory(Settings::new())?;
/// store.session(None).asave().await?;
/// let counted: Counted = store.counting().run().await?;
/// assert_eq!((counted.sessions, counted.live, counted.expired, counted.unknown), (1, 1, 0, 0));
/// // So few were all looked at: this is no estimate.
/// assert_eq!((counted.looked_at, counted.margin, counted.complete), (1, None, true));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Counted {
    /// All sessions that are stored.
    pub sessions: u64,
    /// Those that have not ended.
    pub live: u64,
    /// Those that have, and wait to be removed.
    pub expired: u64,
    /// Those of which nobody can tell: they cannot be read, or never end by themselves.
    pub unknown: u64,
    /// How large they are.
    pub bytes: CountedBytes,
    /// When the live ones end.
    pub ends: CountedEnds,
    /// How many were looked at.
    pub looked_at: u64,
    /// Of an estimate: by which share of itself the number of sessions is off, more in one case of twenty. 0.02 is 2 %.
    /// `None` when all were looked at.
    pub margin: Option<f64>,
    /// Whether it came to its end. One that was told to stop has only counted those it [looked at](Self::looked_at).
    pub complete: bool,
}

/// How large sessions are, in the bytes that their storage keeps for each.
///
/// ```
/// use cloakroom::CountedBytes;
///
/// assert_eq!(CountedBytes::default().largest, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CountedBytes {
    /// All together.
    pub total: u64,
    /// Half of them are no larger; from 4 KiB on to one in two thousand.
    pub median: u64,
    /// 95 in a hundred are no larger.
    pub percentile_95: u64,
    /// The largest that was looked at.
    pub largest: u64,
}

/// How many of the live sessions end, each number with the ones before it.
///
/// ```
/// use cloakroom::CountedEnds;
///
/// assert_eq!(CountedEnds::default().later, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CountedEnds {
    /// Within an hour.
    pub hour: u64,
    /// Within a day.
    pub day: u64,
    /// Within 7 days.
    pub week: u64,
    /// Within 30 days.
    pub month: u64,
    /// After that: not among those before it.
    pub later: u64,
}
