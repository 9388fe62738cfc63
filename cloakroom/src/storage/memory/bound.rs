//! How much a bounded storage may hold, and who goes first when it is full.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

/// What an entry takes beside its name and data, in bytes: its places in the table, in the order of expiry and in the
/// order of writing. Measured: 190 on average and 270 just after the table has grown, and what the allocator adds.
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
    sessions: BTreeMap<u64, Arc<str>>,
    /// What `bury` has put down: it keeps a removed entry from being brought back, so it goes last.
    markers: BTreeMap<u64, Arc<str>>,
}

/// What an entry takes, in bytes.
fn size(name: &str, data: &[u8]) -> usize {
    OVERHEAD.saturating_add(name.len()).saturating_add(data.len())
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

    pub(super) fn fits(&self, name: &str, data: &[u8]) -> Result<(), TooLarge> {
        let (size, limit) = (size(name, data), self.limit.bytes);
        if size > limit { Err(TooLarge { size, limit }) } else { Ok(()) }
    }

    /// Whether something has to go before this entry comes.
    pub(super) fn is_full_for(&self, name: &str, data: &[u8]) -> bool {
        self.bytes.saturating_add(size(name, data)) > self.limit.bytes
            || self.sessions.len() + self.markers.len() >= self.limit.entries
    }

    /// Who is to go first: the session that was written least recently; a marker only where there is nothing else.
    pub(super) fn first(&self) -> Option<Arc<str>> {
        self.sessions.first_key_value().or_else(|| self.markers.first_key_value()).map(|(_, name)| Arc::clone(name))
    }

    pub(super) fn add(&mut self, version: u64, name: Arc<str>, data: &[u8], is_marker: bool) {
        self.bytes += size(&name, data);
        let order = if is_marker { &mut self.markers } else { &mut self.sessions };
        order.insert(version, name);
    }

    pub(super) fn remove(&mut self, version: u64, name: &str, data: &[u8]) -> Option<Arc<str>> {
        self.bytes = self.bytes.saturating_sub(size(name, data));
        self.sessions.remove(&version).or_else(|| self.markers.remove(&version))
    }
}
