use std::path::PathBuf;
use std::time::Duration;

use super::{FileCacheOpenError, FileCacheStorage};
use crate::storage::CacheKey;

const LONGEST_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// Which folder holds the cache files, and how.
///
/// ```
/// use cloakroom::storage::CacheKey;
/// use cloakroom::storage::file_cache::FileCacheOptions;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let storage = FileCacheOptions::new(folder.path().join("cache"))
///     .key(CacheKey::new("shop", "1"))
///     .timeout(Duration::from_secs(2))
///     .sync(false)
///     .read_only(false)
///     .open()?;
/// assert!(storage.path().is_dir(), "it was made");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct FileCacheOptions {
    pub(super) folder: PathBuf,
    pub(super) key: CacheKey,
    pub(super) timeout: Duration,
    pub(super) sync: bool,
    pub(super) read_only: bool,
}

impl FileCacheOptions {
    /// Cache files in `folder`, the cache's `LOCATION`. It is made where it is missing, for this user alone.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let (key, timeout) = (CacheKey::default(), Duration::from_secs(1));
        Self { folder: folder.into(), key, timeout, sync: false, read_only: false }
    }

    /// What keys are called in this cache: its `KEY_PREFIX` and `VERSION`.
    pub fn key(mut self, key: CacheKey) -> Self {
        self.key = key;
        self
    }

    /// How long an operation may take, waiting for other processes included; a second unless told, and a day at
    /// most. Then it answers [`NotDone`](crate::storage::StorageError::NotDone), or
    /// [`OutcomeUnknown`](crate::storage::StorageError::OutcomeUnknown) if it had begun to write.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(LONGEST_TIMEOUT);
        self
    }

    /// Whether a write waits until the disk has it, so that a power failure loses nothing that was answered.
    /// `false` unless told, as in Django.
    pub fn sync(mut self, sync: bool) -> Self {
        self.sync = sync;
        self
    }

    /// Whether every write is refused with [`ReadOnly`](crate::storage::StorageError::ReadOnly). The folder must
    /// exist then, and need not be writable.
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Opens the folder. This does a little file I/O on the calling thread, so do it when the program starts.
    ///
    /// # Errors
    /// [`FileCacheOpenError`] says which folder it is and what the operating system said.
    pub fn open(self) -> Result<FileCacheStorage, FileCacheOpenError> {
        FileCacheStorage::open(self)
    }
}
