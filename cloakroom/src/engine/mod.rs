//! Django's engines: a wire format plus a storage.

mod bound;
mod clearing;
mod format;
mod life;
mod read_back;

use std::fmt;
use std::sync::Arc;

use crate::settings::EngineName;
use crate::storage::{DynStorage, MemoryStorage, Storage};

pub(crate) use bound::{BoundEngine, Found, Target};
pub use clearing::Cleared;

/// An engine: how session data is written and where it is kept. Chosen at run time.
///
/// ```
/// use cloakroom::storage::MemoryStorage;
/// use cloakroom::Engine;
///
/// let engine = Engine::db(MemoryStorage::new());
/// assert_eq!(engine.name().as_str(), "db");
/// assert_eq!(Engine::memory().name(), Engine::memory_in(MemoryStorage::new()).name());
/// ```
#[derive(Clone)]
pub struct Engine {
    name: EngineName,
    storage: Arc<dyn DynStorage>,
}

impl Engine {
    /// Django's `db` engine: signed JSON, in any storage.
    pub fn db(storage: impl Storage) -> Self {
        Self { name: EngineName::Db, storage: Arc::new(storage) }
    }

    /// Django's `file` engine: signed JSON in files, which end by what they hold and when they were last written
    /// (B-107). For a [`FileStorage`](crate::storage::FileStorage), or any other storage that says when an entry was
    /// last written: an entry that does not is an error.
    #[cfg(feature = "file")]
    pub fn file(storage: impl Storage) -> Self {
        Self { name: EngineName::File, storage: Arc::new(storage) }
    }

    /// Plain JSON in this process's memory, gone with it.
    #[must_use]
    pub fn memory() -> Self {
        Self::memory_in(MemoryStorage::new())
    }

    /// Plain JSON in a storage that nobody else writes to: without a signature, what is read back is
    /// trusted.
    pub fn memory_in(storage: impl Storage) -> Self {
        Self { name: EngineName::Memory, storage: Arc::new(storage) }
    }

    /// Which engine it is.
    #[must_use]
    pub fn name(&self) -> EngineName {
        self.name
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine({})", self.name)
    }
}
