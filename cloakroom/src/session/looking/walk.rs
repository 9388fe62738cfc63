//! Walking over all sessions, page by page.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::spread;
use crate::engine::{Listed, Order, StoredEngine};
use crate::storage::{Cursor, StorageError};

/// How many sessions are listed at once.
const PAGE: usize = 1_000;
/// The same for session files: listing a folder reads all of it each time.
const PAGE_OF_FILES: usize = 10_000;

/// How far a walk over all sessions has come.
///
/// ```
/// use std::ops::ControlFlow;
///
/// use cloakroom::{SessionStore, Settings, WalkProgress};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let show = |progress: &WalkProgress| {
///     println!("{} looked at, {:.0} a second, {:?} left", progress.looked_at, progress.rate(), progress.left());
///     ControlFlow::Continue(())
/// };
/// SessionStore::memory(Settings::new())?.counting().exact().on_progress(show).run().await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct WalkProgress {
    /// How many sessions were looked at so far.
    pub looked_at: u64,
    /// How many of them were ended, or would be by a dry run.
    pub found: u64,
    /// Which share of the whole that is about, between 0 and 1; `None` where the sessions are not in the order of their
    /// keys. Keys are random, so the last one tells how far it is.
    pub share: Option<f64>,
    /// How long it has been at it.
    pub elapsed: Duration,
}

impl WalkProgress {
    /// Sessions looked at a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.looked_at as f64 / seconds } else { 0.0 }
    }

    /// How long it will take on at this rate; `None` where that cannot be told.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        let share = self.share.filter(|share| *share > 0.0)?;
        Duration::try_from_secs_f64(self.elapsed.as_secs_f64() * (1.0 - share) / share).ok()
    }
}

pub(super) type OnProgress = Arc<dyn Fn(&WalkProgress) -> ControlFlow<()> + Send + Sync>;

/// One walk under way.
pub(super) struct Walk<'a> {
    engine: &'a StoredEngine,
    look: Option<&'a OnProgress>,
    page: usize,
    next: Option<Cursor>,
    has_begun: bool,
    /// As far as was seen.
    is_by_name: bool,
    started: Instant,
    progress: WalkProgress,
    pub(super) is_stopped: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(engine: &'a StoredEngine, look: Option<&'a OnProgress>) -> Self {
        Self {
            engine,
            look,
            page: if engine.must_read_to_tell_the_end() { PAGE_OF_FILES } else { PAGE },
            next: None,
            has_begun: false,
            is_by_name: true,
            started: Instant::now(),
            progress: WalkProgress::default(),
            is_stopped: false,
        }
    }

    /// The sessions of the next page; `None` at the end, or when it was told to stop.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Listed>>, StorageError> {
        if self.is_stopped || (self.has_begun && self.next.is_none()) {
            return Ok(None);
        }
        let listing = self.engine.list(self.next.as_ref(), self.page).await?;
        self.has_begun = true;
        self.is_by_name &= listing.order != Order::Other;
        self.next = listing.next;
        Ok(Some(listing.sessions))
    }

    /// Whether there is more to come, in the order of the keys.
    pub(super) fn goes_on_by_name(&self) -> bool {
        self.is_by_name && self.next.is_some()
    }

    /// Notes that sessions were looked at, of which so many were `found`; shows how far it is, and is told to stop by
    /// whoever looks.
    pub(super) fn looked_at(&mut self, sessions: &[Listed], found: u64) {
        self.progress.looked_at += sessions.len() as u64;
        self.progress.found += found;
        self.progress.share = match (sessions.last(), self.is_by_name) {
            (Some(last), true) => Some(spread::position(&last.key)),
            (None, true) => self.progress.share,
            (_, false) => None,
        };
        self.progress.elapsed = self.started.elapsed();
        if self.look.is_some_and(|look| look(&self.progress).is_break()) {
            self.is_stopped = true;
        }
    }

    pub(super) fn progress(&self) -> WalkProgress {
        self.progress
    }
}
