//! Work on the files of a folder: on threads that may block, one writer at a time for each file, within a time-out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::FileFailure;
use super::folder::Folder;
use super::lock::Locks;
use super::swap::{self, Wanted};
use super::turn::{self, Turn};
use crate::storage::{Expect, Remove, StorageError};

/// Where the folder is.
pub(in crate::storage) trait Place: Send + Sync + 'static {
    /// The folder, open. Runs where blocking is allowed.
    fn folder(&self) -> Result<Arc<Folder>, StorageError>;
}

pub(in crate::storage) struct Files<P> {
    pub(in crate::storage) place: P,
    pub(in crate::storage) locks: Locks,
    pub(in crate::storage) timeout: Duration,
    pub(in crate::storage) read_only: bool,
}

impl<P: Place> Files<P> {
    pub(in crate::storage) fn new(place: P, timeout: Duration, read_only: bool) -> Arc<Self> {
        Arc::new(Self { place, locks: Locks::new(), timeout, read_only })
    }

    pub(in crate::storage) fn check_writable(&self) -> Result<(), StorageError> {
        if self.read_only { Err(StorageError::ReadOnly) } else { Ok(()) }
    }

    /// Carries out `work` where blocking is allowed.
    pub(in crate::storage) async fn run<T, W>(self: &Arc<Self>, work: W) -> Result<T, StorageError>
    where
        T: Send + 'static,
        W: FnOnce(&Self, &Folder, &Turn) -> Result<T, StorageError> + Send + 'static,
    {
        self.run_within(self.timeout, work).await
    }

    async fn run_within<T, W>(self: &Arc<Self>, limit: Duration, work: W) -> Result<T, StorageError>
    where
        T: Send + 'static,
        W: FnOnce(&Self, &Folder, &Turn) -> Result<T, StorageError> + Send + 'static,
    {
        let files = Arc::clone(self);
        turn::run(limit, move |turn| work(&files, &*files.place.folder()?, turn)).await
    }

    /// The same while nobody else writes this session; `patience` is how long that may take to come about.
    pub(in crate::storage) async fn run_locked<T, W>(
        self: &Arc<Self>,
        key: &str,
        patience: Duration,
        work: W,
    ) -> Result<T, StorageError>
    where
        T: Send + 'static,
        W: FnOnce(&Folder, &Turn) -> Result<T, StorageError> + Send + 'static,
    {
        let begin = Instant::now();
        let lock = tokio::time::timeout(patience, self.locks.of(key)).await;
        let mut lock = lock.map_err(|_| StorageError::not_done(FileFailure::Locked))?;
        let (deadline, limit) = (begin + patience, self.timeout.saturating_sub(begin.elapsed()));
        self.run_within(limit, move |_, folder, turn| {
            let _held = lock.take(folder, turn, deadline)?;
            work(folder, turn)
        })
        .await
    }

    /// Without a version to compare with it happens even if another process never gives the lock back.
    pub(in crate::storage) async fn remove(
        self: &Arc<Self>,
        key: &str,
        name: String,
        wanted: Wanted,
    ) -> Result<Remove, StorageError> {
        if wanted.is_some() {
            let work = move |folder: &Folder, turn: &Turn| swap::remove(folder, turn, &name, &wanted);
            return self.run_locked(key, self.timeout, work).await;
        }
        let patience = self.timeout / 2;
        let deadline = Instant::now() + patience;
        let mut lock = tokio::time::timeout(patience, self.locks.of(key)).await.ok();
        let limit = patience + deadline.saturating_duration_since(Instant::now());
        self.run_within(limit, move |_, folder, turn| {
            let _held = lock.as_mut().and_then(|lock| lock.take(folder, turn, deadline).ok());
            swap::remove_any(folder, turn, &name)
        })
        .await
    }
}

/// An [`Expect`], taken along to another thread.
pub(in crate::storage) fn wanted(expect: Expect<'_>) -> Wanted {
    match expect {
        Expect::Version(version) => Some(*version),
        Expect::Present | Expect::Anything => None,
    }
}
