//! Writes, and what to conclude when a storage did not say whether it wrote: read it back first.

use std::error::Error;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::Timestamp;
use crate::engine::StoredEngine;
use crate::key::SessionKey;
use crate::storage::{Expect, Insert, New, Remove, Rename, Replace, StorageError, Stored, Touch, Version};

type Source = Box<dyn Error + Send + Sync>;

/// A write that was certainly not done is tried once more if it was known so soon: a connection may have died while
/// nobody used it, and the storage answers again. One whose time was up has waited long enough.
pub(super) const SOON: Duration = Duration::from_secs(1);

/// Carries out a write and, if its outcome is unknown, looks at what became of it.
async fn settled<T, W, L>(write: &impl Fn() -> W, look: &impl Fn(Source) -> L) -> Result<T, StorageError>
where
    W: Future<Output = Result<T, StorageError>>,
    L: Future<Output = Result<T, StorageError>>,
{
    let started = Instant::now();
    match write().await {
        // In a box: a write whose outcome is known, which nearly all are, does not carry this about.
        Err(StorageError::OutcomeUnknown(source)) => Box::pin(looked_up(started, source, write, look)).await,
        known => known,
    }
}

async fn looked_up<T, W, L>(
    started: Instant,
    source: Source,
    write: &impl Fn() -> W,
    look: &impl Fn(Source) -> L,
) -> Result<T, StorageError>
where
    W: Future<Output = Result<T, StorageError>>,
    L: Future<Output = Result<T, StorageError>>,
{
    match look(source).await {
        Err(StorageError::NotDone(_)) if started.elapsed() < SOON => match write().await {
            Err(StorageError::OutcomeUnknown(source)) => look(source).await,
            known => known,
        },
        seen => seen,
    }
}

impl StoredEngine {
    pub(super) async fn insert(&self, key: &SessionKey, new: New<'_>) -> Result<Insert, StorageError> {
        self.terms.check_writable()?;
        let name = &*self.name_of(key)?;
        let write = || self.storage.insert(name, new);
        settled(&write, &|source| self.inserted(name, new, source)).await
    }

    pub(super) async fn replace(
        &self,
        key: &SessionKey,
        version: &Version,
        new: New<'_>,
    ) -> Result<Replace, StorageError> {
        self.terms.check_writable()?;
        let name = &*self.name_of(key)?;
        let write = || self.storage.replace(name, Expect::Version(version), new);
        settled(&write, &|source| self.replaced(name, version, new, source)).await
    }

    pub(super) async fn touch(
        &self,
        key: &SessionKey,
        version: &Version,
        until: Timestamp,
    ) -> Result<Touch, StorageError> {
        self.terms.check_writable()?;
        let name = &*self.name_of(key)?;
        let write = || self.storage.touch(name, Expect::Version(version), until);
        settled(&write, &|source| self.touched(name, version, until, source)).await
    }

    pub(super) async fn rename(
        &self,
        from: &SessionKey,
        version: &Version,
        to: &SessionKey,
        new: New<'_>,
    ) -> Result<Rename, StorageError> {
        self.terms.check_writable()?;
        let (from, to) = (&*self.name_of(from)?, &*self.name_of(to)?);
        let write = || self.storage.rename(from, to, Expect::Version(version), new);
        let doubted = AtomicBool::new(false);
        let look = |source| {
            doubted.store(true, Ordering::Relaxed);
            self.renamed(from, version, to, new, source)
        };
        match settled(&write, &look).await {
            // What is in the way of a second try may be the first one's doing, which came after the look.
            Ok(Rename::Missing | Rename::Exists) if doubted.load(Ordering::Relaxed) => {
                self.renamed(from, version, to, new, "the storage did not say whether it wrote".into()).await
            }
            renamed => renamed,
        }
    }

    /// Sees to it that the storage keeps nothing under a key.
    pub(super) async fn remove(&self, key: &SessionKey) -> Result<Remove, StorageError> {
        self.terms.check_writable()?;
        if !key.is_name() {
            return Ok(Remove::Missing);
        }
        let name = &*self.name_of(key)?;
        let write = || self.storage.remove(name, Expect::Anything);
        settled(&write, &|source| self.removed(name, source)).await
    }

    /// Reads an entry back; if even that fails, the outcome stays unknown.
    async fn read_back(&self, name: &str, source: Source) -> Result<(Option<Stored>, Source), StorageError> {
        match self.storage.read(name).await {
            Ok(stored) => Ok((stored, source)),
            Err(error) => {
                tracing::warn!(engine = %self.terms.name, %error, "an unknown outcome could not be read back");
                Err(StorageError::OutcomeUnknown(source))
            }
        }
    }

    async fn inserted(&self, name: &str, new: New<'_>, source: Source) -> Result<Insert, StorageError> {
        match self.read_back(name, source).await? {
            (Some(stored), _) if stored.data == new.data => Ok(Insert::Inserted(stored.version)),
            (Some(_), _) => Ok(Insert::Exists),
            (None, source) => Err(StorageError::NotDone(source)),
        }
    }

    async fn replaced(
        &self,
        name: &str,
        version: &Version,
        new: New<'_>,
        source: Source,
    ) -> Result<Replace, StorageError> {
        match self.read_back(name, source).await? {
            (Some(stored), _) if stored.data == new.data => Ok(Replace::Replaced(stored.version)),
            (Some(stored), source) if stored.version == *version => Err(StorageError::NotDone(source)),
            // Either another save came first, or ours was built upon: laying our changes over it once more
            // is right in both cases.
            (Some(_), _) => Ok(Replace::Changed),
            (None, _) => Ok(Replace::Missing),
        }
    }

    async fn touched(
        &self,
        name: &str,
        version: &Version,
        until: Timestamp,
        source: Source,
    ) -> Result<Touch, StorageError> {
        match self.read_back(name, source).await? {
            (Some(stored), _) if stored.version != *version => Ok(Touch::Changed),
            (Some(stored), _) if stored.expires == Some(until) => Ok(Touch::Touched),
            (Some(_), source) => Err(StorageError::NotDone(source)),
            (None, _) => Ok(Touch::Missing),
        }
    }

    async fn renamed(
        &self,
        from: &str,
        version: &Version,
        to: &str,
        new: New<'_>,
        source: Source,
    ) -> Result<Rename, StorageError> {
        match self.read_back(to, source).await? {
            (Some(stored), _) if stored.data == new.data => {
                // In a storage of two steps the old entry may still be there, and its key must be dead.
                match self.storage.remove(from, Expect::Version(version)).await? {
                    Remove::Removed | Remove::Missing => Ok(Rename::Renamed(stored.version)),
                    Remove::Changed => self.rename_undone(to, &stored.version).await,
                }
            }
            (Some(_), _) => Ok(Rename::Exists),
            (None, source) => match self.read_back(from, source).await? {
                (Some(stored), source) if stored.version == *version => Err(StorageError::NotDone(source)),
                (Some(_), _) => Ok(Rename::Changed),
                (None, _) => Ok(Rename::Missing),
            },
        }
    }

    /// The old entry changed before it could be removed: the new one goes, and the rename begins anew.
    async fn rename_undone(&self, to: &str, version: &Version) -> Result<Rename, StorageError> {
        self.storage.remove(to, Expect::Version(version)).await.map(|_: Remove| Rename::Changed)
    }

    /// If nothing is there, we had it removed: whether there was something before, nobody can tell any more.
    async fn removed(&self, name: &str, source: Source) -> Result<Remove, StorageError> {
        match self.read_back(name, source).await? {
            (None, _) => Ok(Remove::Removed),
            (Some(_), source) => Err(StorageError::NotDone(source)),
        }
    }
}
