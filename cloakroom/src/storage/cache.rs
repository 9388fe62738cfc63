//! Sessions in whichever cache the settings name.

use std::sync::Arc;

use super::{
    Capabilities, ClearingTurn, Cursor, Expect, Insert, MemoryStorage, New, Page, Remove, RemovedExpired, Rename,
    Replace, Storage, StorageError, Stored, Touch,
};
use crate::{Clock, Timestamp};

/// Entries in whichever cache the settings name, one of those whose features are switched on: for programs that learn
/// only when they start which it is.
///
/// ```
/// use cloakroom::storage::{CacheStorage, Storage};
/// use cloakroom::Settings;
///
/// let cache = CacheStorage::open(&Settings::new().cache_url("locmemcache://"))?;
/// assert!(matches!(cache, CacheStorage::Memory(_)));
/// assert!(cache.capabilities().drops_expired);
///
/// let nothing = CacheStorage::open(&Settings::new().cache_url("dummycache://")).unwrap_err();
/// assert!(nothing.to_string().contains("DummyCache"));
/// # Ok::<(), cloakroom::OpenError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CacheStorage {
    /// memcached.
    #[cfg(feature = "memcached")]
    Memcached(super::MemcachedStorage),
    /// The memory of this process.
    Memory(MemoryStorage),
    /// Django's file-based cache.
    #[cfg(feature = "file")]
    File(super::FileCacheStorage),
    /// A table of Django's database cache.
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    Database(super::DatabaseCacheStorage),
    /// Redis.
    #[cfg(feature = "redis")]
    Redis(super::RedisStorage),
}

/// Has the storage at hand do it, whichever it is.
macro_rules! whichever {
    ($cache:expr, $storage:ident => $do:expr) => {
        match *$cache {
            #[cfg(feature = "memcached")]
            CacheStorage::Memcached(ref $storage) => $do,
            CacheStorage::Memory(ref $storage) => $do,
            #[cfg(feature = "file")]
            CacheStorage::File(ref $storage) => $do,
            #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
            CacheStorage::Database(ref $storage) => $do,
            #[cfg(feature = "redis")]
            CacheStorage::Redis(ref $storage) => $do,
        }
    };
}

impl CacheStorage {
    pub(super) fn inside(&self) -> Arc<dyn super::DynStorage> {
        whichever!(self, storage => Arc::new(storage.clone()))
    }
}

impl Storage for CacheStorage {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StorageError> {
        whichever!(self, storage => storage.read(name).await)
    }

    async fn insert(&self, name: &str, new: New<'_>) -> Result<Insert, StorageError> {
        whichever!(self, storage => storage.insert(name, new).await)
    }

    async fn replace(&self, name: &str, expect: Expect<'_>, new: New<'_>) -> Result<Replace, StorageError> {
        whichever!(self, storage => storage.replace(name, expect, new).await)
    }

    async fn touch(&self, name: &str, expect: Expect<'_>, until: Timestamp) -> Result<Touch, StorageError> {
        whichever!(self, storage => storage.touch(name, expect, until).await)
    }

    async fn remove(&self, name: &str, expect: Expect<'_>) -> Result<Remove, StorageError> {
        whichever!(self, storage => storage.remove(name, expect).await)
    }

    async fn rename(&self, from: &str, to: &str, expect: Expect<'_>, new: New<'_>) -> Result<Rename, StorageError> {
        whichever!(self, storage => storage.rename(from, to, expect, new).await)
    }

    async fn bury(&self, name: &str, marker: New<'_>) -> Result<(), StorageError> {
        whichever!(self, storage => storage.bury(name, marker).await)
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize) -> Result<Page, StorageError> {
        whichever!(self, storage => storage.scan(after, limit).await)
    }

    async fn remove_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StorageError> {
        whichever!(self, storage => storage.remove_expired(now, limit).await)
    }

    async fn remove_expired_from(
        &self,
        from: Option<Timestamp>,
        now: Timestamp,
        limit: usize,
    ) -> Result<RemovedExpired, StorageError> {
        whichever!(self, storage => storage.remove_expired_from(from, now, limit).await)
    }

    async fn count_expired(&self, now: Timestamp) -> Result<Option<u64>, StorageError> {
        whichever!(self, storage => storage.count_expired(now).await)
    }

    async fn clearing_turn(&self) -> Result<Option<ClearingTurn>, StorageError> {
        whichever!(self, storage => storage.clearing_turn().await)
    }

    fn by_clock(&self, clock: &Clock) -> Option<Self> {
        match self {
            #[cfg(feature = "memcached")]
            Self::Memcached(storage) => storage.by_clock(clock).map(Self::Memcached),
            Self::Memory(storage) => storage.by_clock(clock).map(Self::Memory),
            #[cfg(feature = "file")]
            Self::File(storage) => storage.by_clock(clock).map(Self::File),
            #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
            Self::Database(storage) => storage.by_clock(clock).map(Self::Database),
            #[cfg(feature = "redis")]
            Self::Redis(storage) => storage.by_clock(clock).map(Self::Redis),
        }
    }

    fn capabilities(&self) -> Capabilities {
        whichever!(self, storage => storage.capabilities())
    }
}
