//! Clean-up: how it is to go about it, once or again and again.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::clearing::{self, Plan};
use crate::engine::{BoundEngine, Cleared, ClearingProgress};
use crate::error::SessionError;
use crate::observe::{Ending, Operation, Watch};
use crate::session::clearing_task::ClearingTask;
use crate::storage::{DynStorage, Storage};
use crate::time::Clock;

/// A clean-up that lets a busy site go on: small batches with pauses between them, within budgets if any are set, one
/// at a time for all processes that share the sessions. [`SessionStore::clearing`](crate::SessionStore::clearing)
/// begins one.
///
/// What was removed stays removed however it ends, and the next one goes on from there. To be dropped half-way does it
/// no harm. See `docs/clean-up.md`.
///
/// ```
/// use std::time::Duration;
///
/// use cloakroom::{ClearingEnd, SessionStore, Settings};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SessionStore::memory(Settings::new())?;
/// let gentle = store
///     .clearing()
///     .batch(200)
///     .pause(Duration::from_millis(50))
///     .max_rows(100_000)
///     .max_time(Duration::from_secs(600));
/// let would_go = gentle.clone().dry_run().run().await?;
/// assert_eq!((would_go.expired, would_go.removed), (Some(0), 0));
///
/// match gentle.run().await?.end {
///     ClearingEnd::Complete => println!("all expired sessions are gone"),
///     ClearingEnd::UnderWay => println!("another process is at it"),
///     _ => println!("the next one goes on from here"),
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "nothing is done until it is told to `run`"]
pub struct Clearing {
    place: Place,
    plan: Plan,
}

/// What is cleared.
#[derive(Clone)]
enum Place {
    Engine(Box<BoundEngine>),
    Storage(Arc<dyn DynStorage>),
}

impl Clearing {
    pub(super) fn of_engine(engine: BoundEngine) -> Self {
        Self { place: Place::Engine(Box::new(engine)), plan: Plan::default() }
    }

    /// Clears a storage whose entries say when they end, all but files: without settings and without a secret.
    ///
    /// ```
    /// use cloakroom::Clearing;
    /// use cloakroom::storage::MemoryStorage;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), cloakroom::SessionError> {
    /// let cleared = Clearing::of_storage(MemoryStorage::new()).run().await?;
    /// assert_eq!(cleared.removed, 0);
    /// # Ok(()) }
    /// ```
    pub fn of_storage(storage: impl Storage) -> Self {
        Self { place: Place::Storage(Arc::new(storage)), plan: Plan::default() }
    }

    /// How many sessions go in one step at most; 1,000 unless told. A step begins with 100 and grows or shrinks with
    /// the time that the steps take, so that one lasts about 10 ms: those who write wait for it in SQLite.
    pub fn batch(mut self, most: usize) -> Self {
        self.plan.batch = most.max(1);
        self
    }

    /// How long others have between two steps; unless told as long as the step took, a second at most.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.plan.pause = Some(pause);
        self
    }

    /// How many sessions are removed at most.
    pub fn max_rows(mut self, most: u64) -> Self {
        self.plan.max_rows = Some(most);
        self
    }

    /// How long it takes at most, give or take a step. Session files, which have to be read one by one, are then begun
    /// with at another one each time, so that all of them have their turn.
    pub fn max_time(mut self, most: Duration) -> Self {
        self.plan.max_time = Some(most);
        self
    }

    /// Counts what has expired and removes nothing: [`Cleared::expired`] has the answer.
    pub fn dry_run(mut self) -> Self {
        self.plan.dry_run = true;
        self
    }

    /// Whether it steps aside while another one clears the same sessions, in this process or another one, on this
    /// machine or another one; it does unless told. The turn is a lock that ends with the process or connection that
    /// holds it: an advisory lock in PostgreSQL, a named lock in MySQL, the lock of a file beside a SQLite file and
    /// among session files.
    pub fn one_at_a_time(mut self, one: bool) -> Self {
        self.plan.one_at_a_time = one;
        self
    }

    /// Looks at how far it is after each step; [`ControlFlow::Break`] ends it there. So that there is something to look
    /// at, the expired sessions are counted first, by the index. `look` must be quick.
    pub fn on_progress(mut self, look: impl Fn(&ClearingProgress) -> ControlFlow<()> + Send + Sync + 'static) -> Self {
        self.plan.on_progress = Some(Arc::new(look));
        self
    }

    /// Clears now.
    ///
    /// # Errors
    /// The storage did not answer, or the turn was lost with the connection that held it. What was removed before stays
    /// removed.
    pub async fn run(&self) -> Result<Cleared, SessionError> {
        // To be told to stop is meant for one run.
        let plan = Plan { stop: Arc::default(), ..self.plan.clone() };
        self.run_by(&plan).await
    }

    async fn run_by(&self, plan: &Plan) -> Result<Cleared, SessionError> {
        let engine = match &self.place {
            Place::Engine(engine) => engine.name().as_str(),
            Place::Storage(_) => clearing::NO_ENGINE,
        };
        let mut watch = Watch::begin(engine, Operation::ClearExpired);
        let cleared = watch.follow(|| self.clear(plan)).await;
        watch.removed(cleared.as_ref().map_or(0, |cleared| cleared.removed));
        watch.end(Ending::of(&cleared, |cleared| cleared.into()));
        cleared
    }

    async fn clear(&self, plan: &Plan) -> Result<Cleared, SessionError> {
        match &self.place {
            Place::Engine(engine) => engine.clear(plan).await,
            Place::Storage(storage) => clearing::clear_storage(&**storage, &Clock::system(), plan).await,
        }
    }

    /// Clears again and again, in a task of its own, until the handle is dropped or told to stop. See
    /// [`SessionStore::clear_expired_every`](crate::SessionStore::clear_expired_every).
    ///
    /// # Errors
    /// [`SessionError::OutsideRuntime`]: there is no runtime for the task.
    pub fn every(self, interval: Duration) -> Result<ClearingTask, SessionError> {
        ClearingTask::start(interval, Arc::clone(&self.plan.stop), move || {
            let clearing = self.clone();
            async move { clearing.run_by(&clearing.plan).await }
        })
    }
}

impl fmt::Debug for Clearing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clearing").field(&self.plan).finish()
    }
}
