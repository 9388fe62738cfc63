//! Counting the stored sessions.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::counted::Counted;
use super::spread;
use super::tally::{End, Tally};
use super::walk::{OnProgress, Walk, WalkProgress};
use crate::engine::{Kept, Listed, StoredEngine};
use crate::error::SessionError;
use crate::session::store::SessionStore;

/// So many are looked at for an estimate: it is then off by 2 %, seldom more.
const SAMPLE: usize = 10_000;
/// Files are read one by one: so often it can be told to stop.
const BATCH: usize = 100;

/// A count of the stored sessions. [`SessionStore::counting`](crate::SessionStore::counting) begins one.
///
/// Session keys are random, so the first ones in their order are a fair sample of all, and how far they reach among the
/// possible keys tells how many there are. Where a storage does not list in the order of the keys (Redis), where there
/// are not many, and where the keys turn out not to be random, all are counted. Memory does not grow with their number.
///
/// ```
/// use cloakroom::{Counting, SessionStore, Settings};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SessionStore::memory(Settings::new())?;
/// for _ in 0..5_000 {
///     store.session(None).asave().await?;
/// }
/// let counting: Counting = store.counting().sample(1_000);
/// let about = counting.run().await?;
/// assert!(about.margin.is_some() && about.looked_at < 5_000);
/// assert!((4_000..6_000).contains(&about.sessions), "{about:?}");
/// assert_eq!(counting.exact().run().await?.sessions, 5_000);
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "nothing is counted until it is told to `run`"]
pub struct Counting {
    store: SessionStore,
    /// `None` for all.
    sample: Option<usize>,
    look: Option<OnProgress>,
}

impl SessionStore {
    /// A count of the stored sessions, an estimate where there are many; of `cached_db` those in the database.
    pub fn counting(&self) -> Counting {
        Counting { store: self.clone(), sample: Some(SAMPLE), look: None }
    }
}

impl Counting {
    /// How many sessions an estimate is made of; 10,000 unless told. The margin is two through its square root.
    pub fn sample(mut self, sessions: usize) -> Self {
        self.sample = Some(sessions.max(1));
        self
    }

    /// Counts all of them.
    pub fn exact(mut self) -> Self {
        self.sample = None;
        self
    }

    /// Looks at how far it is after each page; [`ControlFlow::Break`] ends it there. `look` must be quick.
    pub fn on_progress(mut self, look: impl Fn(&WalkProgress) -> ControlFlow<()> + Send + Sync + 'static) -> Self {
        self.look = Some(Arc::new(look));
        self
    }

    /// Counts now.
    ///
    /// # Errors
    /// The storage did not answer, or cannot list what it holds, as [`page`](crate::SessionStore::page) says.
    pub async fn run(&self) -> Result<Counted, SessionError> {
        let engine = self.store.bound_engine().stored()?;
        let mut walk = Walk::new(engine, self.look.as_ref());
        let mut tally = Tally::new(self.store.clock().now());
        let (mut sample, mut positions) = (self.sample, Vec::new());
        while let Some(sessions) = walk.next().await? {
            for batch in sessions.chunks(BATCH) {
                for listed in batch {
                    tally.add(listed.bytes, end_of(engine, listed).await?);
                }
                if engine.must_read_to_tell_the_end() {
                    walk.looked_at(batch, 0);
                }
                if walk.is_stopped {
                    break;
                }
            }
            if !engine.must_read_to_tell_the_end() {
                walk.looked_at(&sessions, 0);
            }
            let Some(wanted) = sample else { continue };
            positions.extend(sessions.iter().map(|listed| spread::position(&listed.key)));
            if walk.is_stopped || positions.len() < wanted {
                continue;
            }
            // One way or the other: it is told once whether this is a sample.
            sample = None;
            if let Some(all) = estimate(&walk, &positions) {
                let margin = Some(2.0 / (positions.len() as f64).sqrt());
                return Ok(Counted { margin, ..tally.counted(Some(all)) });
            }
            positions = Vec::new();
        }
        Ok(Counted { complete: !walk.is_stopped, ..tally.counted(None) })
    }
}

/// How many there are in all; `None` where that is not to be told from these, or they are half of all anyway.
fn estimate(walk: &Walk<'_>, positions: &[f64]) -> Option<u64> {
    if !walk.goes_on_by_name() {
        return None;
    }
    let all = spread::estimate(positions)?.round() as u64;
    (all > 2 * positions.len() as u64).then_some(all)
}

async fn end_of(engine: &StoredEngine, listed: &Listed) -> Result<End, SessionError> {
    if !engine.must_read_to_tell_the_end() {
        return Ok(listed.expires.map_or(End::Unknown, End::At));
    }
    Ok(match engine.look(&listed.key).await? {
        Kept::Session(kept) if kept.has_expired => End::Over,
        Kept::Session(kept) => kept.expires.map_or(End::Unknown, End::At),
        Kept::Nothing | Kept::Unreadable(_) => End::Unknown,
    })
}

impl fmt::Debug for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counting").field("store", &self.store).field("sample", &self.sample).finish_non_exhaustive()
    }
}
