//! The folder of a cache, which may be removed at any time: then it is made anew, as by Django.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::FileCacheOpenError;
use crate::storage::StorageError;
use crate::storage::file::files::Place;
use crate::storage::file::folder::{Folder, Use};

pub(super) struct CacheFolder {
    path: PathBuf,
    how: Use,
    open: Mutex<Arc<Folder>>,
}

impl CacheFolder {
    pub(super) fn open(path: PathBuf, how: Use) -> Result<Self, FileCacheOpenError> {
        let opened = std::path::absolute(&path).and_then(|absolute| Ok((open(&absolute, how)?, absolute)));
        match opened {
            Ok((folder, path)) => Ok(Self { path, how, open: Mutex::new(Arc::new(folder)) }),
            Err(error) => Err(FileCacheOpenError::new(path, error)),
        }
    }

    pub(super) fn path(&self) -> &std::path::Path {
        &self.path
    }
}

fn open(path: &std::path::Path, how: Use) -> io::Result<Folder> {
    if !how.read_only {
        // Of this user alone, the folders on the way included.
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    }
    Folder::open(path.to_owned(), how).map_err(io::Error::from)
}

impl Place for CacheFolder {
    fn folder(&self) -> Result<Arc<Folder>, StorageError> {
        let mut kept = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.is_in_place() {
            let made = open(&self.path, self.how);
            *kept = Arc::new(
                made.map_err(|error| StorageError::not_done(FileCacheOpenError::new(self.path.clone(), error)))?,
            );
        }
        Ok(Arc::clone(&kept))
    }
}
