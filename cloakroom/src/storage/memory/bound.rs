//! How much a bounded storage may hold, and who goes first when it is full.

use std::collections::BTreeMap;

use thiserror::Error;

/// What an entry takes beside its name and data, in bytes: its places in the table, in the order of expiry and in the
/// order of writing. Measured: 220 when the table has just grown, and what the order of writing and the allocator add.
pub(super) const OVERHEAD: usize = 320;

/// An entry that is larger than all that the storage may hold. What was there stays.
#[derive(Debug, Error)]
#[error("the entry takes {size} bytes of memory, and the storage may hold {limit} in all")]
pub(super) struct TooLarge {
    size: usize,
    limit: usize,
}

/// What a storage may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    pub(super) bytes: usize,
    pub(super) entries: usize,
}

/// Keeps count of the entries, and knows in which order they were written: their versions rise.
pub(super) struct Bound {
    limit: Limit,
    bytes: usize,
    /// The hashes of their names, by their versions.
    sessions: BTreeMap<u64, u64>,
    /// What `bury` has put down: it keeps a removed entry from being brought back, so it goes last.
    markers: BTreeMap<u64, u64>,
}

/// What an entry takes in all whose name and data have so many bytes.
fn size(bytes: usize) -> usize {
    OVERHEAD.saturating_add(bytes)
}

impl Bound {
    pub(super) fn new(limit: Limit) -> Self {
        Self { limit, bytes: 0, sessions: BTreeMap::new(), markers: BTreeMap::new() }
    }

    pub(super) fn limit(&self) -> Limit {
        self.limit
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn fits(&self, bytes: usize) -> Result<(), TooLarge> {
        let (size, limit) = (size(bytes), self.limit.bytes);
        if size > limit { Err(TooLarge { size, limit }) } else { Ok(()) }
    }

    /// Whether something has to go before an entry of so many bytes comes.
    pub(super) fn is_full_for(&self, bytes: usize) -> bool {
        self.bytes.saturating_add(size(bytes)) > self.limit.bytes
            || self.sessions.len() + self.markers.len() >= self.limit.entries
    }

    /// Who is to go first, by its version and the hash of its name: the session that was written least recently; a marker
    /// only where there is nothing else.
    pub(super) fn first(&self) -> Option<(u64, u64)> {
        let first = self.sessions.first_key_value().or_else(|| self.markers.first_key_value());
        first.map(|(version, hash)| (*version, *hash))
    }

    pub(super) fn add(&mut self, version: u64, hash: u64, bytes: usize, is_marker: bool) {
        self.bytes += size(bytes);
        let order = if is_marker { &mut self.markers } else { &mut self.sessions };
        order.insert(version, hash);
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, version: u64, bytes: usize) -> bool {
        self.bytes = self.bytes.saturating_sub(size(bytes));
        self.sessions.remove(&version).or_else(|| self.markers.remove(&version)).is_some()
    }
}
