//! Sessions in this process's memory.

mod bound;
mod kept;
mod shard;
#[cfg(test)]
mod tests;

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    Capabilities, Cursor, Entry, Expect, Insert, New, Page, Remove, Rename, Replace, Storage, StorageError, Stored,
    Touch,
};
use crate::{Clock, Timestamp};
use bound::Limit;
use kept::Name;
use shard::{Refused, Shard};

/// How many parts the names are spread over, each behind a lock of its own. A power of two.
const SHARDS: usize = 64;
/// How many entries whose turn to expire has come one insert looks at: more than the one it adds, so that they become
/// fewer.
const SWEEP: usize = 4;
/// How many entries a clean-up looks at before it lets others at a shard.
const LOOKS: usize = 256;

/// A storage in the memory of this process: for tests, for trying things out, and for a site of one process
/// that may forget its sessions when it ends.
///
/// Clones share the same entries. An entry that has expired is dropped when it is read, and every insert drops
/// up to four others that have expired, so abandoned sessions do not pile up even if nobody clears them.
/// No operation waits for anything; each is a few hundred instructions.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cloakroom::storage::StorageError> {
/// use cloakroom::Timestamp;
/// use cloakroom::storage::{MemoryStorage, New, Storage};
///
/// let storage = MemoryStorage::new();
/// let expires = Timestamp::now().checked_add_seconds(60.0).unwrap();
/// let _ = storage.insert("a-name", New::of(b"bytes", expires)).await?;
/// assert_eq!(storage.read("a-name").await?.unwrap().data, "bytes");
/// assert_eq!((storage.len(), storage.is_empty()), (1, false));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryStorage(Arc<Inner>);

struct Inner {
    shards: Box<[Mutex<Shard>]>,
    /// Makes the hashes of names; drawn anew for each storage, so that chosen names do not meet.
    hashes: RandomState,
    clock: Clock,
    /// How many shards there are, less one: a bounded storage has one, which knows the order of all entries.
    mask: usize,
}

impl MemoryStorage {
    /// An empty storage.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Clock::system())
    }

    /// An empty storage that takes the present moment from `clock`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cloakroom::storage::StorageError> {
    /// use cloakroom::storage::{MemoryStorage, New, Storage};
    /// use cloakroom::{Clock, Timestamp};
    ///
    /// let late = MemoryStorage::with_clock(Clock::new(|| Timestamp::MAX));
    /// let _ = late.insert("a-name", New::of(b"bytes", Timestamp::now())).await?;
    /// assert!(late.read("a-name").await?.is_none(), "it has expired by this clock");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_clock(clock: Clock) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self::of(shards, clock)
    }

    /// An empty storage that takes at most so many bytes of memory.
    ///
    /// An entry counts as its name, its data, and 320 bytes for its places in the storage. When the next one has no
    /// room, those that have expired go, and then those that were written least recently; a marker that
    /// [`bury`](Storage::bury) has put down only when nothing else is left. An entry that is larger than the limit is
    /// [`StorageError::NotDone`], and what was there stays. All entries are behind one lock here.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cloakroom::storage::StorageError> {
    /// use cloakroom::Timestamp;
    /// use cloakroom::storage::{MemoryStorage, New, Storage};
    ///
    /// let storage = MemoryStorage::with_limit(900);
    /// for name in ["first", "second", "third"] {
    ///     let _ = storage.insert(name, New::of(b"bytes", Timestamp::MAX)).await?;
    /// }
    /// assert_eq!((storage.len(), storage.bytes()), (2, Some(661)));
    /// assert!(storage.read("first").await?.is_none(), "it had to go");
    /// assert!(storage.insert("large", New::of(&[0; 900], Timestamp::MAX)).await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_limit(bytes: usize) -> Self {
        Self::with_limits(Clock::system(), Limit { bytes, entries: usize::MAX })
    }

    pub(crate) fn with_limits_of(bytes: usize, entries: usize) -> Self {
        Self::with_limits(Clock::system(), Limit { bytes, entries })
    }

    fn with_limits(clock: Clock, limit: Limit) -> Self {
        Self::of([Mutex::new(Shard::bounded(limit))].into(), clock)
    }

    fn of(shards: Box<[Mutex<Shard>]>, clock: Clock) -> Self {
        let mask = shards.len() - 1;
        Self(Arc::new(Inner { shards, hashes: RandomState::new(), clock, mask }))
    }

    /// How many bytes the entries count; `None` where there is no limit.
    #[must_use]
    pub fn bytes(&self) -> Option<usize> {
        self.0.shards.first().and_then(|shard| lock(shard).bound.as_ref().map(|bound| bound.bytes()))
    }

    /// The limit in bytes, if there is one.
    ///
    /// ```
    /// use cloakroom::storage::MemoryStorage;
    ///
    /// assert_eq!(MemoryStorage::with_limit(1 << 20).limit(), Some(1_048_576));
    /// assert_eq!(MemoryStorage::new().limit(), None);
    /// ```
    #[must_use]
    pub fn limit(&self) -> Option<usize> {
        self.0.shards.first().and_then(|shard| lock(shard).bound.as_ref().map(|bound| bound.limit().bytes))
    }

    /// How many entries are held, those included that have expired and were not dropped yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.shards.iter().map(|shard| lock(shard).entries.len()).sum()
    }

    /// Whether no entry is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    fn name<'n>(&self, text: &'n str) -> Name<'n> {
        Name { text, hash: self.0.hashes.hash_one(text) }
    }

    fn index(&self, name: Name<'_>) -> usize {
        // By bits of the hash that a shard's table does not look at.
        (name.hash >> 32) as usize & self.0.mask
    }

    fn shard(&self, name: Name<'_>) -> MutexGuard<'_, Shard> {
        lock(&self.0.shards[self.index(name)])
    }

    fn rename_now(&self, from: &str, to: &str, expect: Expect<'_>, new: New<'_>) -> Result<Rename, StorageError> {
        let now = self.now();
        let (from, to) = (self.name(from), self.name(to));
        let (old, fresh) = (self.index(from), self.index(to));
        let (mut low, mut high);
        // The lower shard is always locked first, so that two renames cannot wait for each other.
        let (old, fresh) = if old == fresh {
            low = lock(&self.0.shards[old]);
            (&mut *low, None)
        } else {
            low = lock(&self.0.shards[old.min(fresh)]);
            high = lock(&self.0.shards[old.max(fresh)]);
            if old < fresh { (&mut *low, Some(&mut *high)) } else { (&mut *high, Some(&mut *low)) }
        };
        match old.expected(from, expect, now) {
            Err(Refused::Missing) => return Ok(Rename::Missing),
            Err(Refused::Changed) => return Ok(Rename::Changed),
            Ok(_) => {}
        }
        let (old, fresh) = match fresh {
            Some(fresh) => (Some(old), fresh),
            None => (None, old),
        };
        if fresh.live(to, now).is_some() {
            return Ok(Rename::Exists);
        }
        fresh.fits(to, new.data).map_err(StorageError::not_done)?;
        // Before the new one comes: nobody else has to make room for both.
        match old {
            Some(old) => old.remove(from),
            None => fresh.remove(from),
        }
        Ok(Rename::Renamed(fresh.put(to, new, now)))
    }

    fn page(&self, after: Option<&str>, limit: usize) -> Page {
        let now = self.now();
        let wanted = limit.max(1);
        let mut found: Vec<Entry> = Vec::new();
        for shard in &self.0.shards {
            let shard = lock(shard);
            for kept in &shard.entries {
                if kept.expires > now && after.is_none_or(|after| kept.name() > after.as_bytes()) {
                    let name = String::from_utf8_lossy(kept.name());
                    found.push(Entry::new(name, kept.data().len() as u64, Some(kept.expires), kept.version()));
                }
            }
            drop(shard);
            // One more than wanted tells whether there is a next page; the rest need not be carried along.
            let enough = wanted.saturating_add(1);
            if found.len() > enough {
                found.select_nth_unstable_by(wanted, |a, b| a.name.cmp(&b.name));
                found.truncate(enough);
            }
        }
        found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let more = found.len() > wanted;
        found.truncate(wanted);
        let next = if more { found.last().map(|entry| Cursor::new(&*entry.name)) } else { None };
        Page::new(found, next)
    }
}

/// A lock that a panic elsewhere left behind is still good: no operation here stops half-way.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for MemoryStorage {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStorage {
    /// Leaves out the entries, which are people's sessions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStorage").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Storage for MemoryStorage {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StorageError> {
        let (now, name) = (self.now(), self.name(name));
        Ok(self.shard(name).read(name, now))
    }

    async fn insert(&self, name: &str, new: New<'_>) -> Result<Insert, StorageError> {
        let (now, name) = (self.now(), self.name(name));
        let mut shard = self.shard(name);
        shard.drop_expired(SWEEP, SWEEP, |expires| expires <= now);
        if shard.live(name, now).is_some() {
            return Ok(Insert::Exists);
        }
        shard.fits(name, new.data).map_err(StorageError::not_done)?;
        Ok(Insert::Inserted(shard.put(name, new, now)))
    }

    async fn replace(&self, name: &str, expect: Expect<'_>, new: New<'_>) -> Result<Replace, StorageError> {
        let (now, name) = (self.now(), self.name(name));
        let mut shard = self.shard(name);
        shard.fits(name, new.data).map_err(StorageError::not_done)?;
        Ok(match shard.replace(name, expect, new, now) {
            Ok(version) => Replace::Replaced(version),
            Err(Refused::Missing) => Replace::Missing,
            Err(Refused::Changed) => Replace::Changed,
        })
    }

    async fn touch(&self, name: &str, expect: Expect<'_>, until: Timestamp) -> Result<Touch, StorageError> {
        let (now, name) = (self.now(), self.name(name));
        Ok(match self.shard(name).touch(name, expect, until, now) {
            Ok(()) => Touch::Touched,
            Err(Refused::Missing) => Touch::Missing,
            Err(Refused::Changed) => Touch::Changed,
        })
    }

    async fn remove(&self, name: &str, expect: Expect<'_>) -> Result<Remove, StorageError> {
        let (now, name) = (self.now(), self.name(name));
        let mut shard = self.shard(name);
        Ok(match shard.expected(name, expect, now) {
            Ok(_) => {
                shard.remove(name);
                Remove::Removed
            }
            Err(Refused::Missing) => Remove::Missing,
            Err(Refused::Changed) => Remove::Changed,
        })
    }

    async fn rename(&self, from: &str, to: &str, expect: Expect<'_>, new: New<'_>) -> Result<Rename, StorageError> {
        self.rename_now(from, to, expect, new)
    }

    async fn bury(&self, name: &str, marker: New<'_>) -> Result<(), StorageError> {
        let (now, name) = (self.now(), self.name(name));
        let mut shard = self.shard(name);
        shard.fits(name, marker.data).map_err(StorageError::not_done)?;
        shard.bury(name, marker, now);
        Ok(())
    }

    /// In the order of the names. A page looks at every name there is: this is for listing, not for each request.
    async fn scan(&self, after: Option<&Cursor>, limit: usize) -> Result<Page, StorageError> {
        Ok(self.page(after.map(Cursor::position), limit))
    }

    async fn remove_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StorageError> {
        let mut removed = 0;
        for shard in &self.0.shards {
            // The lock is let go now and then, so that nobody waits for a whole shard.
            loop {
                let swept = lock(shard).drop_expired(limit - removed, LOOKS, |expires| expires < now);
                removed += swept.dropped;
                if swept.is_done || removed == limit {
                    break;
                }
            }
        }
        Ok(removed)
    }

    async fn count_expired(&self, now: Timestamp) -> Result<Option<u64>, StorageError> {
        let expired = |shard| lock(shard).entries.iter().filter(|kept| kept.expires < now).count() as u64;
        Ok(Some(self.0.shards.iter().map(expired).sum()))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new().atomic_rename().scan().drops_expired().at_once()
    }
}
