//! Where bytes are kept: the [`Storage`] trait and the places that implement it.
//!
//! A storage knows names, bytes, an expiry and a version, and nothing of JSON, cookies or secrets. Every
//! write but the first compares before it swaps, and there is no upsert: a storage can neither adopt a key
//! the server never issued nor bring a deleted session back.
//!
//! A place of your own is one `impl Storage` with plain `async fn`s; `cloakroom::testing` (feature
//! `testing`) proves it.

mod cache;
mod cache_key;
mod capabilities;
mod clearing;
mod column;
mod database;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub mod database_cache;
#[cfg(any(feature = "sqlite", feature = "mysql"))]
mod date_column;
mod dynamic;
mod error;
#[cfg(feature = "file")]
pub mod file;
#[cfg(feature = "file")]
pub mod file_cache;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod layout;
#[cfg(feature = "memcached")]
pub mod memcached;
mod memory;
mod migrated;
#[cfg(feature = "mysql")]
pub mod mysql;
mod outcome;
mod page;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod sql;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod steps;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub(crate) mod users;
mod version;

use std::fmt;
use std::future::Future;

use bytes::Bytes;

use crate::Timestamp;
use crate::round_trips;
use crate::time::Clock;

pub use cache::CacheStorage;
pub use cache_key::CacheKey;
pub use capabilities::Capabilities;
pub use clearing::{ClearingTurn, RemovedExpired};
pub use column::{Column, ColumnValue};
pub use database::DatabaseStorage;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use database_cache::DatabaseCacheStorage;
pub(crate) use dynamic::{DynStorage, shared};
pub use error::StorageError;
#[cfg(feature = "file")]
pub use file::FileStorage;
#[cfg(feature = "file")]
pub use file_cache::FileCacheStorage;
#[cfg(feature = "memcached")]
pub use memcached::MemcachedStorage;
pub use memory::MemoryStorage;
pub use migrated::Migrated;
#[cfg(feature = "mysql")]
pub use mysql::MysqlStorage;
pub use outcome::{Insert, Remove, Rename, Replace, Touch};
pub use page::{Cursor, Entry, Page};
#[cfg(feature = "postgres")]
pub use postgres::PostgresStorage;
#[cfg(feature = "redis")]
pub use redis::RedisStorage;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStorage;
pub use version::Version;

/// So often an entry may come and go under a marker's hands.
const BURIALS: usize = 100;

/// A place that keeps bytes under names, with compare-and-swap.
///
/// Every operation is one atomic step: it happens whole or not at all, even when the future that waits for
/// it is dropped. An implementation never blocks the thread that polls it.
///
/// ```
/// use cloakroom::Timestamp;
/// use cloakroom::storage::{Expect, Insert, MemoryStorage, New, Replace, Storage};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let storage = MemoryStorage::new();
/// let expires = Timestamp::MAX;
/// let Insert::Inserted(first) = storage.insert("name", New::of(b"1", expires)).await? else { unreachable!() };
/// let second = storage.replace("name", Expect::Version(&first), New::of(b"2", expires)).await?;
/// assert!(matches!(second, Replace::Replaced(_)));
/// // Who still holds the first version comes too late.
/// let late = storage.replace("name", Expect::Version(&first), New::of(b"3", expires)).await?;
/// assert_eq!(late, Replace::Changed);
/// assert!(storage.read("name").await?.is_some_and(|stored| stored.data == "2"));
/// // Entries that are over are removed in bounded steps: none here, of at most a hundred.
/// assert_eq!(storage.remove_expired(Timestamp::now(), 100).await?, 0);
/// # Ok(())
/// # }
/// ```
pub trait Storage: Send + Sync + 'static {
    /// What is kept under `name`, expired or not; `None` when there is nothing.
    fn read(&self, name: &str) -> impl Future<Output = Result<Option<Stored>, StorageError>> + Send;

    /// Keeps something new under a name that must be free.
    fn insert(&self, name: &str, new: New<'_>) -> impl Future<Output = Result<Insert, StorageError>> + Send;

    /// Puts new data and a new expiry under a name that must be there.
    fn replace(
        &self,
        name: &str,
        expect: Expect<'_>,
        new: New<'_>,
    ) -> impl Future<Output = Result<Replace, StorageError>> + Send;

    /// Moves the expiry; data and version stay as they are.
    fn touch(
        &self,
        name: &str,
        expect: Expect<'_>,
        until: Timestamp,
    ) -> impl Future<Output = Result<Touch, StorageError>> + Send;

    /// Removes what is kept under `name`.
    fn remove(&self, name: &str, expect: Expect<'_>) -> impl Future<Output = Result<Remove, StorageError>> + Send;

    /// Puts new data under the free name `to` and removes `from`, which must be there.
    ///
    /// When `from` is missing and `to` is taken, either of the two may be answered. An entry that is there
    /// cannot take its own name: that is [`Rename::Exists`].
    ///
    /// The default inserts, then removes, and takes the new entry back when `from` turned out to be missing
    /// or changed. It never loses data: where it cannot tell whether the old entry went, both may remain, and
    /// it answers [`StorageError::OutcomeUnknown`]. A storage that can do both in one step overrides it and
    /// says so in [`capabilities`](Self::capabilities).
    fn rename(
        &self,
        from: &str,
        to: &str,
        expect: Expect<'_>,
        new: New<'_>,
    ) -> impl Future<Output = Result<Rename, StorageError>> + Send {
        steps::rename_in_steps(self, from, to, expect, new)
    }

    /// Puts a marker in the place of whatever stands under `name`, or of nothing. The engine `cached_db` keeps a
    /// session that has ended from coming back into its cache by one: what a marker holds is no session.
    ///
    /// The default replaces or inserts, whichever it finds possible. A storage that can do it in one step overrides it.
    ///
    /// ```
    /// use cloakroom::Timestamp;
    /// use cloakroom::storage::{Insert, MemoryStorage, New, Storage};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cloakroom::storage::StorageError> {
    /// let storage = MemoryStorage::new();
    /// storage.bury("name", New::of(b"gone", Timestamp::MAX)).await?;
    /// assert_eq!(storage.insert("name", New::of(b"back", Timestamp::MAX)).await?, Insert::Exists);
    /// # Ok(())
    /// # }
    /// ```
    fn bury(&self, name: &str, marker: New<'_>) -> impl Future<Output = Result<(), StorageError>> + Send {
        async move {
            // Who called it has counted the first step.
            for _ in 0..BURIALS {
                if let Replace::Replaced(_) = self.replace(name, Expect::Anything, marker).await? {
                    return Ok(());
                }
                round_trips::add(1);
                if let Insert::Inserted(_) = self.insert(name, marker).await? {
                    return Ok(());
                }
                round_trips::add(1);
            }
            Err(StorageError::not_done("other requests kept making and removing the entry"))
        }
    }

    /// A page of what is kept, in an order of the storage's own that stays the same from page to page.
    ///
    /// Without this (see [`Capabilities::scan`]) it answers [`StorageError::Unsupported`].
    fn scan(&self, after: Option<&Cursor>, limit: usize) -> impl Future<Output = Result<Page, StorageError>> + Send {
        let _ = (after, limit);
        async { Err(StorageError::Unsupported("scan")) }
    }

    /// Removes up to about `limit` entries whose expiry lies before `now` and answers how many went; fewer
    /// than `limit` means that none is left.
    ///
    /// The default walks over [`scan`](Self::scan) and removes what it finds expired, unless it changed in
    /// between. A storage whose entries end by themselves answers 0.
    fn remove_expired(&self, now: Timestamp, limit: usize) -> impl Future<Output = Result<usize, StorageError>> + Send {
        async move {
            if limit == 0 || !self.capabilities().scan {
                return Ok(0);
            }
            let mut removed = 0;
            let mut cursor = None;
            loop {
                let page = self.scan(cursor.as_ref(), limit).await?;
                for entry in page.entries {
                    if entry.expires.is_some_and(|expires| expires < now)
                        && self.remove(&entry.name, Expect::Version(&entry.version)).await? == Remove::Removed
                    {
                        removed += 1;
                        if removed >= limit {
                            return Ok(removed);
                        }
                    }
                }
                cursor = page.next;
                if cursor.is_none() {
                    return Ok(removed);
                }
            }
        }
    }

    /// One batch of a long clean-up: as [`remove_expired`](Self::remove_expired), beginning with the entries that end
    /// at `from`, up to which the batch before has [reached](RemovedExpired::reached).
    ///
    /// The default takes no notice of `from`. A storage whose index keeps what was removed for a while, as those of
    /// PostgreSQL and MySQL do, would walk over all that again with each batch, and overrides it.
    fn remove_expired_from(
        &self,
        from: Option<Timestamp>,
        now: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<RemovedExpired, StorageError>> + Send {
        let _ = from;
        async move { Ok(RemovedExpired::new(self.remove_expired(now, limit).await?, None)) }
    }

    /// How many entries end before `now`; `None` where that cannot be told.
    ///
    /// The default walks over [`scan`](Self::scan). A storage that can count quicker overrides it, and holds up no
    /// writer by it.
    fn count_expired(&self, now: Timestamp) -> impl Future<Output = Result<Option<u64>, StorageError>> + Send {
        clearing::count_by_scan(self, now)
    }

    /// The turn at clearing this storage; `None` while somebody else has it, in this process or another one.
    ///
    /// The default gives everybody a turn. A storage that several processes share overrides it with a lock that ends
    /// with its holder.
    fn clearing_turn(&self) -> impl Future<Output = Result<Option<ClearingTurn>, StorageError>> + Send {
        async { Ok(Some(ClearingTurn::free())) }
    }

    /// The same storage with another clock, if it needs one to say when an entry was last written; `None`, the
    /// default, if it does not. A [`SessionStore`](crate::SessionStore) hands the clock on that it is given.
    ///
    /// ```
    /// use cloakroom::Clock;
    /// use cloakroom::storage::{MemoryStorage, Storage};
    ///
    /// assert!(MemoryStorage::new().by_clock(&Clock::system()).is_none());
    /// ```
    fn by_clock(&self, clock: &Clock) -> Option<Self>
    where
        Self: Sized,
    {
        let _ = clock;
        None
    }

    /// What this storage can do beyond the least.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }
}

/// What a storage answers to a read.
///
/// ```
/// use cloakroom::Timestamp;
/// use cloakroom::storage::{Stored, Version};
///
/// let stored = Stored::new("bytes", Some(Timestamp::MAX), Version::from_counter(1)).with_modified_at(Timestamp::MIN);
/// assert_eq!(stored.data, "bytes");
/// assert!(!format!("{stored:?}").contains("\"bytes\""));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// The bytes as they were written.
    pub data: Bytes,
    /// When the entry ends; `None` where the storage cannot say.
    pub expires: Option<Timestamp>,
    /// When the entry was last written; `None` where the storage cannot say.
    pub modified_at: Option<Timestamp>,
    /// What a later write compares with.
    pub version: Version,
}

impl Stored {
    /// An entry without a known time of writing.
    #[must_use]
    pub fn new(data: impl Into<Bytes>, expires: Option<Timestamp>, version: Version) -> Self {
        Self { data: data.into(), expires, modified_at: None, version }
    }

    /// The same entry, last written at `modified_at`.
    #[must_use]
    pub fn with_modified_at(mut self, modified_at: Timestamp) -> Self {
        self.modified_at = Some(modified_at);
        self
    }
}

impl fmt::Debug for Stored {
    /// Leaves out the data, which may hold personal details.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("bytes", &self.data.len())
            .field("expires", &self.expires)
            .field("modified_at", &self.modified_at)
            .finish_non_exhaustive()
    }
}

/// What to write: the bytes and when they end.
///
/// ```
/// use cloakroom::Timestamp;
/// use cloakroom::storage::New;
///
/// let new = New::of(b"bytes", Timestamp::MAX);
/// assert!(format!("{new:?}").contains("bytes: 5"));
/// ```
#[derive(Clone, Copy)]
pub struct New<'a> {
    /// The bytes to keep.
    pub data: &'a [u8],
    /// When the entry ends.
    pub expires: Timestamp,
    /// Columns of the application's own, empty for most. A storage that keeps them says so in its
    /// [`capabilities`](Storage::capabilities); the engine gives them to no other.
    pub columns: &'a [Column],
}

impl<'a> New<'a> {
    /// Bytes and their end, without columns of the application's own.
    #[must_use]
    pub const fn of(data: &'a [u8], expires: Timestamp) -> Self {
        Self { data, expires, columns: &[] }
    }
}

impl fmt::Debug for New<'_> {
    /// Leaves out the data, which may hold personal details.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("New").field("bytes", &self.data.len()).field("expires", &self.expires).finish()
    }
}

/// What must be there for a write to happen.
///
/// ```
/// use cloakroom::storage::{Expect, Version};
///
/// let (one, two) = (Version::from_counter(1), Version::from_counter(2));
/// assert!(Expect::Version(&one).accepts(&one) && !Expect::Version(&one).accepts(&two));
/// assert!(Expect::Present.accepts(&two));
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Expect<'a> {
    /// The entry as it was read or written with this version.
    Version(&'a Version),
    /// Some entry, whatever its version.
    Present,
    /// Nothing in particular. Like `Present` for every operation that needs an entry to work on.
    Anything,
}

impl Expect<'_> {
    /// Whether an entry that is there, with this version, is what is expected.
    #[must_use]
    pub fn accepts(&self, found: &Version) -> bool {
        match self {
            Expect::Version(wanted) => *wanted == found,
            Expect::Present | Expect::Anything => true,
        }
    }
}
