use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::storage::{
    Capabilities, ClearingTurn, Cursor, Expect, Insert, New, Page, Remove, RemovedExpired, Rename, Replace, Storage,
    StorageError, Stored, Touch,
};
use crate::{Clock, Timestamp};

/// One of the operations of a [`Storage`].
///
/// ```
/// use cloakroom::storage::{MemoryStorage, Storage};
/// use cloakroom::testing::{Operation, SpyStorage};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let spy = SpyStorage::new(MemoryStorage::new());
/// spy.before(Operation::Read, || async { println!("about to read") });
/// spy.read("name").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// [`Storage::read`]
    Read,
    /// [`Storage::insert`]
    Insert,
    /// [`Storage::replace`]
    Replace,
    /// [`Storage::touch`]
    Touch,
    /// [`Storage::remove`]
    Remove,
    /// [`Storage::rename`]
    Rename,
    /// [`Storage::bury`]
    Bury,
    /// [`Storage::scan`]
    Scan,
    /// [`Storage::remove_expired`] and [`Storage::remove_expired_from`]
    RemoveExpired,
}

/// How often each operation was called.
///
/// ```
/// use cloakroom::storage::{MemoryStorage, Storage};
/// use cloakroom::testing::{Calls, SpyStorage};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let spy = SpyStorage::new(MemoryStorage::new());
/// assert_eq!(spy.calls(), Calls::default());
/// spy.read("name").await?;
/// let calls: Calls = spy.calls();
/// assert_eq!((calls.read, calls.replace, calls.total()), (1, 0, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Calls {
    /// Calls of [`Storage::read`].
    pub read: usize,
    /// Calls of [`Storage::insert`].
    pub insert: usize,
    /// Calls of [`Storage::replace`].
    pub replace: usize,
    /// Calls of [`Storage::touch`].
    pub touch: usize,
    /// Calls of [`Storage::remove`].
    pub remove: usize,
    /// Calls of [`Storage::rename`], each counted as one whatever it takes.
    pub rename: usize,
    /// Calls of [`Storage::bury`], each counted as one whatever it takes.
    pub bury: usize,
    /// Calls of [`Storage::scan`].
    pub scan: usize,
    /// Calls of [`Storage::remove_expired`] and [`Storage::remove_expired_from`].
    pub remove_expired: usize,
}

impl Calls {
    /// All calls together.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.read
            + self.insert
            + self.replace
            + self.touch
            + self.remove
            + self.rename
            + self.bury
            + self.scan
            + self.remove_expired
    }

    fn of(&mut self, operation: Operation) -> &mut usize {
        match operation {
            Operation::Read => &mut self.read,
            Operation::Insert => &mut self.insert,
            Operation::Replace => &mut self.replace,
            Operation::Touch => &mut self.touch,
            Operation::Remove => &mut self.remove,
            Operation::Rename => &mut self.rename,
            Operation::Bury => &mut self.bury,
            Operation::Scan => &mut self.scan,
            Operation::RemoveExpired => &mut self.remove_expired,
        }
    }
}

/// How an operation is to fail.
///
/// ```
/// use cloakroom::storage::{Expect, MemoryStorage, Storage, StorageError};
/// use cloakroom::testing::{Fault, Operation, SpyStorage};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let spy = SpyStorage::new(MemoryStorage::new());
/// spy.fail_next(Operation::Remove, Fault::LostAnswer);
/// let lost = spy.remove("name", Expect::Present).await;
/// assert!(matches!(lost, Err(StorageError::OutcomeUnknown(_))));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It is not done and answers [`StorageError::NotDone`].
    NotDone,
    /// It is not done and answers [`StorageError::OutcomeUnknown`]: the request was lost on the way there.
    LostRequest,
    /// It is done and answers [`StorageError::OutcomeUnknown`]: the answer was lost on the way back.
    LostAnswer,
}

type Hook = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

#[derive(Default)]
struct State {
    calls: Calls,
    faults: HashMap<Operation, VecDeque<Fault>>,
    before: HashMap<Operation, VecDeque<Hook>>,
    after: HashMap<Operation, VecDeque<Hook>>,
}

/// A storage around another that counts the calls, fails on command, and lets something happen just before or
/// after an operation. Clones share the counts and what was commanded.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cloakroom::storage::StorageError> {
/// use cloakroom::storage::{Expect, MemoryStorage, Storage};
/// use cloakroom::testing::{Fault, Operation, SpyStorage};
///
/// let spy = SpyStorage::new(MemoryStorage::new());
/// spy.fail_next(Operation::Remove, Fault::NotDone);
/// assert!(spy.remove("name", Expect::Present).await.is_err());
/// assert!(spy.read("name").await?.is_none());
/// assert_eq!((spy.calls().remove, spy.total()), (1, 2));
/// assert_eq!(spy.take_calls().read, 1);
/// spy.after(Operation::Read, || async { println!("it was read") });
/// spy.reset();
/// assert!(spy.total() == 0 && spy.inner().is_empty());
/// # Ok(())
/// # }
/// ```
pub struct SpyStorage<S> {
    inner: Arc<S>,
    state: Arc<Mutex<State>>,
}

impl<S> Clone for SpyStorage<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), state: Arc::clone(&self.state) }
    }
}

impl<S> fmt::Debug for SpyStorage<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpyStorage").field("calls", &self.calls()).finish_non_exhaustive()
    }
}

impl<S> SpyStorage<S> {
    /// A spy on `inner`.
    pub fn new(inner: S) -> Self {
        Self { inner: Arc::new(inner), state: Arc::default() }
    }

    /// The storage that is spied on: what is done there is not counted.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The calls so far, or since the last [`reset`](Self::reset).
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.state().calls
    }

    /// All calls so far together.
    #[must_use]
    pub fn total(&self) -> usize {
        self.calls().total()
    }

    /// Counts from zero again, and forgets faults and hooks that were not used.
    pub fn reset(&self) {
        *self.state() = State::default();
    }

    /// Counts from zero again and answers what had been counted; faults and hooks stay.
    pub fn take_calls(&self) -> Calls {
        std::mem::take(&mut self.state().calls)
    }

    /// Makes the next `operation` fail. Commanded more than once, the ones after it fail too, in that order.
    pub fn fail_next(&self, operation: Operation, fault: Fault) {
        self.state().faults.entry(operation).or_default().push_back(fault);
    }

    /// Runs `hook` once, when `operation` is called next and before it is done: what another request would do
    /// between this one's read and its write, for example. Of several hooks, each call takes the first.
    pub fn before<F>(&self, operation: Operation, hook: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.state().before.entry(operation).or_default().push_back(Box::new(|| Box::pin(hook())));
    }

    /// Runs `hook` once, when `operation` was called next and is done, before its answer is given.
    pub fn after<F>(&self, operation: Operation, hook: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.state().after.entry(operation).or_default().push_back(Box::new(|| Box::pin(hook())));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn spy<T>(
        &self,
        operation: Operation,
        act: impl Future<Output = Result<T, StorageError>> + Send,
    ) -> Result<T, StorageError> {
        let (before, fault) = {
            let mut state = self.state();
            *state.calls.of(operation) += 1;
            (pop(&mut state.before, operation), pop(&mut state.faults, operation))
        };
        if let Some(hook) = before {
            hook().await;
        }
        let answer = match fault {
            None => act.await,
            Some(Fault::NotDone) => Err(StorageError::not_done("commanded to fail")),
            Some(Fault::LostRequest) => Err(StorageError::outcome_unknown("commanded to lose the request")),
            Some(Fault::LostAnswer) => {
                act.await.and_then(|_| Err(StorageError::outcome_unknown("commanded to lose the answer")))
            }
        };
        let after = pop(&mut self.state().after, operation);
        if let Some(hook) = after {
            hook().await;
        }
        answer
    }
}

fn pop<T>(queues: &mut HashMap<Operation, VecDeque<T>>, operation: Operation) -> Option<T> {
    queues.get_mut(&operation)?.pop_front()
}

impl<S: Storage> Storage for SpyStorage<S> {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StorageError> {
        self.spy(Operation::Read, self.inner.read(name)).await
    }

    async fn insert(&self, name: &str, new: New<'_>) -> Result<Insert, StorageError> {
        self.spy(Operation::Insert, self.inner.insert(name, new)).await
    }

    async fn replace(&self, name: &str, expect: Expect<'_>, new: New<'_>) -> Result<Replace, StorageError> {
        self.spy(Operation::Replace, self.inner.replace(name, expect, new)).await
    }

    async fn touch(&self, name: &str, expect: Expect<'_>, until: Timestamp) -> Result<Touch, StorageError> {
        self.spy(Operation::Touch, self.inner.touch(name, expect, until)).await
    }

    async fn remove(&self, name: &str, expect: Expect<'_>) -> Result<Remove, StorageError> {
        self.spy(Operation::Remove, self.inner.remove(name, expect)).await
    }

    async fn rename(&self, from: &str, to: &str, expect: Expect<'_>, new: New<'_>) -> Result<Rename, StorageError> {
        self.spy(Operation::Rename, self.inner.rename(from, to, expect, new)).await
    }

    async fn bury(&self, name: &str, marker: New<'_>) -> Result<(), StorageError> {
        self.spy(Operation::Bury, self.inner.bury(name, marker)).await
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize) -> Result<Page, StorageError> {
        self.spy(Operation::Scan, self.inner.scan(after, limit)).await
    }

    async fn remove_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StorageError> {
        self.spy(Operation::RemoveExpired, self.inner.remove_expired(now, limit)).await
    }

    async fn remove_expired_from(
        &self,
        from: Option<Timestamp>,
        now: Timestamp,
        limit: usize,
    ) -> Result<RemovedExpired, StorageError> {
        self.spy(Operation::RemoveExpired, self.inner.remove_expired_from(from, now, limit)).await
    }

    async fn count_expired(&self, now: Timestamp) -> Result<Option<u64>, StorageError> {
        self.inner.count_expired(now).await
    }

    async fn clearing_turn(&self) -> Result<Option<ClearingTurn>, StorageError> {
        self.inner.clearing_turn().await
    }

    fn by_clock(&self, clock: &Clock) -> Option<Self> {
        let inner = Arc::new(self.inner.by_clock(clock)?);
        Some(Self { inner, state: Arc::clone(&self.state) })
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::MemoryStorage;

    fn data(data: &'static [u8]) -> New<'static> {
        New::of(data, Timestamp::MAX)
    }

    #[tokio::test]
    async fn a_rename_counts_once_and_a_reset_starts_anew() {
        let spy = SpyStorage::new(MemoryStorage::new());
        let _ = spy.insert("from", data(b"x")).await.unwrap();
        let _ = spy.rename("from", "to", Expect::Present, data(b"y")).await.unwrap();
        assert_eq!(spy.calls(), Calls { insert: 1, rename: 1, ..Calls::default() });
        assert_eq!(spy.take_calls().total(), 2);
        assert_eq!(spy.total(), 0);
        spy.fail_next(Operation::Read, Fault::NotDone);
        spy.reset();
        assert!(spy.read("to").await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_lost_answer_is_done_and_a_lost_request_is_not() {
        let spy = SpyStorage::new(MemoryStorage::new());
        spy.fail_next(Operation::Insert, Fault::LostRequest);
        spy.fail_next(Operation::Insert, Fault::LostAnswer);
        let lost = spy.insert("name", data(b"x")).await;
        assert!(matches!(lost, Err(StorageError::OutcomeUnknown(_))));
        assert!(spy.inner().is_empty());
        let lost = spy.insert("name", data(b"x")).await;
        assert!(matches!(lost, Err(StorageError::OutcomeUnknown(_))));
        assert_eq!(spy.inner().len(), 1);
        assert_eq!(spy.insert("name", data(b"x")).await.unwrap(), Insert::Exists);
    }

    #[tokio::test]
    async fn a_hook_runs_between_a_read_and_a_write() {
        let spy = SpyStorage::new(MemoryStorage::new());
        let _ = spy.insert("name", data(b"first")).await.unwrap();
        let read = spy.read("name").await.unwrap().unwrap();
        let other = spy.clone();
        spy.before(Operation::Replace, move || async move {
            // The hook may use the spy itself: it runs once only.
            let _ = other.replace("name", Expect::Present, data(b"other")).await.unwrap();
        });
        let answer = spy.replace("name", Expect::Version(&read.version), data(b"mine")).await.unwrap();
        assert_eq!(answer, Replace::Changed);
        assert_eq!(spy.inner().read("name").await.unwrap().unwrap().data, "other");
        assert_eq!(spy.calls().replace, 2);
    }
}
