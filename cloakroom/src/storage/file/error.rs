use std::io;
use std::path::PathBuf;

use rustix::io::Errno;
use thiserror::Error;

use crate::storage::StorageError;

/// Why a folder could not be opened for session files.
///
/// ```
/// use cloakroom::storage::file::{FileOpenError, FileOptions};
///
/// let error = FileOptions::new("/nowhere").open().unwrap_err();
/// assert!(matches!(error, FileOpenError::Missing { .. }));
/// assert!(error.to_string().starts_with("there is no folder /nowhere for session files"));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileOpenError {
    /// There is no such folder (Django's `ImproperlyConfigured`, B-105).
    #[error("there is no folder {} for session files: make it, or set SESSION_FILE_PATH to one that exists", .path.display())]
    Missing {
        /// The folder that was looked for.
        path: PathBuf,
    },
    /// The path is that of something else.
    #[error("{} is not a folder: set SESSION_FILE_PATH to one", .path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// The folder is there, and this process may not list it or make files in it.
    #[error("the folder {} for session files must be readable and writable by this process", .path.display())]
    NoAccess {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// `SESSION_FILE_PATH` is not set, and none of the folders for temporary files can be used.
    #[error("no folder for temporary files can be used: set SESSION_FILE_PATH")]
    NoTemporaryFolder,
    /// The names of session files cannot begin so.
    #[error("the names of session files cannot begin with {prefix:?}: it is empty, too long, or holds a slash or NUL")]
    Prefix {
        /// What they were to begin with.
        prefix: String,
    },
    /// The operating system said something else.
    #[error("the folder {} for session files could not be opened", .path.display())]
    Other {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

impl FileOpenError {
    pub(super) fn of(path: PathBuf, error: Errno) -> Self {
        let source = error.into();
        match error {
            Errno::NOENT => Self::Missing { path },
            Errno::NOTDIR => Self::NotAFolder { path },
            Errno::ACCESS | Errno::PERM | Errno::ROFS => Self::NoAccess { path, source },
            _ => Self::Other { path, source },
        }
    }
}

/// Why an operation on a session file failed. Names of files are left out: they hold session keys.
#[derive(Debug, Error)]
pub(in crate::storage) enum FileFailure {
    #[error("{0}")]
    Io(&'static str, #[source] io::Error),
    #[error("the session files did not answer within the time-out")]
    TimedOut,
    #[error("other processes held the lock of the session file for longer than the time-out")]
    Locked,
    #[error(
        "a lock file in the folder of the session files is not this user's own: use a folder that no other user can write to"
    )]
    ForeignLock,
    #[error("nobody waits for the operation any more")]
    Cancelled,
    #[error("the folder of the session files was removed while it was open")]
    FolderGone,
    #[error("the name is no session key")]
    NoKey,
}

/// An error of an operation that changed nothing.
pub(in crate::storage) fn not_done(what: &'static str) -> impl Fn(Errno) -> StorageError {
    move |error| StorageError::not_done(FileFailure::Io(what, error.into()))
}

/// An error of an operation that may have changed something.
pub(in crate::storage) fn unknown(what: &'static str) -> impl Fn(Errno) -> StorageError {
    move |error| StorageError::outcome_unknown(FileFailure::Io(what, error.into()))
}
