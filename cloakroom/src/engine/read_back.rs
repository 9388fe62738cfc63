//! What to conclude when a storage did not say whether it wrote: read it back first.

use std::error::Error;
use std::future::Future;
use std::time::{Duration, Instant};

use crate::Timestamp;
use crate::engine::stored::{StoredEngine, Target, name_of};
use crate::key::SessionKey;
use crate::storage::{Expect, Insert, New, Remove, Rename, Replace, StorageError, Stored, Touch, Version};

type Source = Box<dyn Error + Send + Sync>;

/// A write that was certainly not done is tried once more if it was known so soon: a connection may have died while
/// nobody used it, and the storage answers again. One whose time was up has waited long enough.
const SOON: Duration = Duration::from_secs(1);

/// Carries out a write and, if its outcome is unknown, looks at what became of it.
pub(super) async fn settled<T, W, L>(write: impl Fn() -> W, look: impl Fn(Source) -> L) -> Result<T, StorageError>
where
    W: Future<Output = Result<T, StorageError>>,
    L: Future<Output = Result<T, StorageError>>,
{
    let started = Instant::now();
    let seen = match write().await {
        Err(StorageError::OutcomeUnknown(source)) => look(source).await,
        known => return known,
    };
    match seen {
        Err(StorageError::NotDone(_)) if started.elapsed() < SOON => match write().await {
            Err(StorageError::OutcomeUnknown(source)) => look(source).await,
            known => known,
        },
        seen => seen,
    }
}

impl StoredEngine {
    /// Reads an entry back; if even that fails, the outcome stays unknown.
    async fn read_back(&self, key: &SessionKey, source: Source) -> Result<(Option<Stored>, Source), StorageError> {
        match self.storage.read(name_of(key)?).await {
            Ok(stored) => Ok((stored, source)),
            Err(error) => {
                tracing::warn!(engine = %self.terms.name, %error, "an unknown outcome could not be read back");
                Err(StorageError::OutcomeUnknown(source))
            }
        }
    }

    pub(super) async fn inserted(
        &self,
        key: &SessionKey,
        new: New<'_>,
        source: Source,
    ) -> Result<Insert, StorageError> {
        match self.read_back(key, source).await? {
            (Some(stored), _) if stored.data == new.data => Ok(Insert::Inserted(stored.version)),
            (Some(_), _) => Ok(Insert::Exists),
            (None, source) => Err(StorageError::NotDone(source)),
        }
    }

    pub(super) async fn replaced(
        &self,
        target: &Target,
        new: New<'_>,
        source: Source,
    ) -> Result<Replace, StorageError> {
        match self.read_back(&target.key, source).await? {
            (Some(stored), _) if stored.data == new.data => Ok(Replace::Replaced(stored.version)),
            (Some(stored), source) if stored.version == target.version => Err(StorageError::NotDone(source)),
            // Either another save came first, or ours was built upon: laying our changes over it once more
            // is right in both cases.
            (Some(_), _) => Ok(Replace::Changed),
            (None, _) => Ok(Replace::Missing),
        }
    }

    pub(super) async fn touched(
        &self,
        target: &Target,
        until: Timestamp,
        source: Source,
    ) -> Result<Touch, StorageError> {
        match self.read_back(&target.key, source).await? {
            (Some(stored), _) if stored.version != target.version => Ok(Touch::Changed),
            (Some(stored), _) if stored.expires == Some(until) => Ok(Touch::Touched),
            (Some(_), source) => Err(StorageError::NotDone(source)),
            (None, _) => Ok(Touch::Missing),
        }
    }

    pub(super) async fn renamed(
        &self,
        target: &Target,
        to: &SessionKey,
        new: New<'_>,
        source: Source,
    ) -> Result<Rename, StorageError> {
        match self.read_back(to, source).await? {
            (Some(stored), _) if stored.data == new.data => {
                // In a storage of two steps the old entry may still be there, and its key must be dead.
                match self.storage.remove(name_of(&target.key)?, Expect::Version(&target.version)).await? {
                    Remove::Removed | Remove::Missing => Ok(Rename::Renamed(stored.version)),
                    Remove::Changed => self.rename_undone(to, &stored.version).await,
                }
            }
            (Some(_), _) => Ok(Rename::Exists),
            (None, source) => match self.read_back(&target.key, source).await? {
                (Some(stored), source) if stored.version == target.version => Err(StorageError::NotDone(source)),
                (Some(_), _) => Ok(Rename::Changed),
                (None, _) => Ok(Rename::Missing),
            },
        }
    }

    /// The old entry changed before it could be removed: the new one goes, and the rename begins anew.
    async fn rename_undone(&self, to: &SessionKey, version: &Version) -> Result<Rename, StorageError> {
        self.storage.remove(name_of(to)?, Expect::Version(version)).await.map(|_: Remove| Rename::Changed)
    }

    pub(super) async fn removed(&self, key: &SessionKey, source: Source) -> Result<(), StorageError> {
        match self.read_back(key, source).await? {
            (None, _) => Ok(()),
            (Some(_), source) => Err(StorageError::NotDone(source)),
        }
    }
}
