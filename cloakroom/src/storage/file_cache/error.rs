use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a folder could not be opened for cache files.
///
/// ```
/// use cloakroom::storage::file_cache::{FileCacheOpenError, FileCacheOptions};
///
/// let error: FileCacheOpenError = FileCacheOptions::new("/dev/null/cache").open().unwrap_err();
/// assert!(error.to_string().starts_with("the folder /dev/null/cache of the cache could not be opened"));
/// assert!(error.path().ends_with("cache"));
/// ```
#[derive(Debug, Error)]
#[error(
    "the folder {} of the cache could not be opened or made: LOCATION must name one that this process may read and \
     write",
    .path.display()
)]
pub struct FileCacheOpenError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl FileCacheOpenError {
    pub(super) fn new(path: PathBuf, source: io::Error) -> Self {
        Self { path, source }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }
}
