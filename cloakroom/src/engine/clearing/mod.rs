//! Removing what has expired: in small batches, with time for others between them.

mod files;
mod pace;
mod run;

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::engine::{BoundEngine, StoredEngine};
use crate::error::SessionError;
use crate::settings::EngineName;
use crate::storage::DynStorage;
use crate::time::Clock;
use run::Run;

/// What a clean-up did.
///
/// ```
/// use cloakroom::{Cleared, ClearingEnd, SessionStore, Settings};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cleared: Cleared = SessionStore::memory(Settings::new())?.clear_expired_and_count().await?;
/// assert_eq!((cleared.removed, cleared.unreadable), (0, 0));
/// assert_eq!(cleared.end, ClearingEnd::Complete);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cleared {
    /// How many sessions were removed.
    pub removed: u64,
    /// How many entries were passed over since nobody can tell whether they have expired: no known key verifies
    /// them, or they are damaged (D4, D14). Only the `file` engine has to look.
    pub unreadable: u64,
    /// How many sessions had expired when the clean-up began, where they were counted: for a
    /// [`dry_run`](crate::Clearing::dry_run) and for [`on_progress`](crate::Clearing::on_progress). `None` where that
    /// cannot be told.
    pub expired: Option<u64>,
    /// Why it ended.
    pub end: ClearingEnd,
}

/// Why a clean-up ended.
///
/// ```
/// use cloakroom::ClearingEnd;
///
/// assert_eq!(ClearingEnd::default(), ClearingEnd::Complete);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClearingEnd {
    /// Everything that had expired when it began is gone; of a dry run, was counted.
    #[default]
    Complete,
    /// [`max_rows`](crate::Clearing::max_rows) were removed.
    MaxRows,
    /// [`max_time`](crate::Clearing::max_time) was over.
    MaxTime,
    /// It was told to stop. The next one goes on from there.
    Stopped,
    /// Another clean-up of the same sessions is under way: nothing was done.
    UnderWay,
}

/// How far a clean-up has come; [`on_progress`](crate::Clearing::on_progress) is shown one after each batch.
///
/// ```
/// use std::ops::ControlFlow;
///
/// use cloakroom::{ClearingProgress, SessionStore, Settings};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let show = |progress: &ClearingProgress| {
///     println!("{} removed, {:.0} a second, {:?} left", progress.removed, progress.rate(), progress.left());
///     ControlFlow::Continue(())
/// };
/// SessionStore::memory(Settings::new())?.clearing().on_progress(show).run().await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ClearingProgress {
    /// How many sessions were removed so far.
    pub removed: u64,
    /// How many had expired when it began; `None` where that cannot be told without reading them all.
    pub expired: Option<u64>,
    /// How many were looked into, in the `file` engine, which has to.
    pub read: u64,
    /// How long it has been at it.
    pub elapsed: Duration,
}

impl ClearingProgress {
    /// Sessions removed a second, pauses included.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.removed as f64 / seconds } else { 0.0 }
    }

    /// How long it will take on at this rate; `None` where that cannot be told.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        let left = self.expired?.saturating_sub(self.removed);
        if left == 0 {
            return Some(Duration::ZERO);
        }
        if self.removed == 0 { None } else { Duration::try_from_secs_f64(left as f64 / self.rate()).ok() }
    }
}

pub(crate) type OnProgress = Arc<dyn Fn(&ClearingProgress) -> ControlFlow<()> + Send + Sync>;

/// How a clean-up goes about it.
#[derive(Clone)]
pub(crate) struct Plan {
    /// How many go in one step at most.
    pub(crate) batch: usize,
    /// How long others have between two steps; as long as the step took where it is not said.
    pub(crate) pause: Option<Duration>,
    pub(crate) max_rows: Option<u64>,
    pub(crate) max_time: Option<Duration>,
    /// Steps aside while another one is under way.
    pub(crate) one_at_a_time: bool,
    pub(crate) dry_run: bool,
    pub(crate) on_progress: Option<OnProgress>,
    /// Set from outside to end it between two steps.
    pub(crate) stop: Arc<AtomicBool>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            batch: 1_000,
            pause: None,
            max_rows: None,
            max_time: None,
            one_at_a_time: true,
            dry_run: false,
            on_progress: None,
            stop: Arc::default(),
        }
    }
}

impl Plan {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("batch", &self.batch)
            .field("pause", &self.pause)
            .field("max_rows", &self.max_rows)
            .field("max_time", &self.max_time)
            .field("one_at_a_time", &self.one_at_a_time)
            .field("dry_run", &self.dry_run)
            .finish_non_exhaustive()
    }
}

impl BoundEngine {
    /// Cookies end by themselves (B-103).
    pub(crate) async fn clear(&self, plan: &Plan) -> Result<Cleared, SessionError> {
        if !plan.dry_run {
            self.check_writable()?;
        }
        match self {
            Self::Stored(engine) => engine.clear_by(plan).await,
            Self::SignedCookies(_) => Ok(Cleared::default()),
        }
    }
}

impl StoredEngine {
    async fn clear_by(&self, plan: &Plan) -> Result<Cleared, SessionError> {
        let Some(mut run) = Run::begin(&*self.storage, self.terms.name.as_str(), plan).await? else {
            return Ok(Cleared { end: ClearingEnd::UnderWay, ..Cleared::default() });
        };
        let ended = if self.terms.name == EngineName::File {
            self.clear_files(&mut run).await
        } else {
            run.rows(self.terms.clock.now()).await.map_err(SessionError::from)
        };
        run.end(ended).await
    }
}

/// What stands in an engine's place where a storage is cleared without one.
pub(crate) const NO_ENGINE: &str = "none";

/// Clears a storage whose entries say when they end.
pub(crate) async fn clear_storage(
    storage: &dyn DynStorage,
    clock: &Clock,
    plan: &Plan,
) -> Result<Cleared, SessionError> {
    let Some(mut run) = Run::begin(storage, NO_ENGINE, plan).await? else {
        return Ok(Cleared { end: ClearingEnd::UnderWay, ..Cleared::default() });
    };
    let ended = run.rows(clock.now()).await.map_err(SessionError::from);
    run.end(ended).await
}
