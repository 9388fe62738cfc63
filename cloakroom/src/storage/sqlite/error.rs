use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use rusqlite::ErrorCode;
use thiserror::Error;

use crate::storage::StorageError;

/// Why a SQLite file could not be opened for sessions.
///
/// ```
/// use cloakroom::storage::sqlite::{SqliteOpenError, SqliteOptions};
///
/// let error = SqliteOptions::new("/nowhere/db.sqlite3").open().unwrap_err();
/// assert!(matches!(error, SqliteOpenError::Missing { .. }));
/// assert!(error.to_string().starts_with("there is no SQLite file /nowhere/db.sqlite3"));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SqliteOpenError {
    /// The path is empty or `:memory:`.
    #[error("SQLite's in-memory databases are not supported: use the memory engine, or give the path of a file")]
    InMemory,
    /// The table's name is empty or holds a NUL character.
    #[error("the name of the session table must not be empty or hold a NUL character")]
    TableName,
    /// There is no such file.
    #[error("there is no SQLite file {}: check the path, or allow it to be made with `create(true)`", .path.display())]
    Missing {
        /// The file that was looked for.
        path: PathBuf,
    },
    /// The path is that of a directory or of something else that is no file.
    #[error("{} is not a file", .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file is there, and this process may not read and write it, or not make it.
    #[error("the SQLite file {} and its directory must be readable and writable by this process", .path.display())]
    NoAccess {
        /// The file.
        path: PathBuf,
        /// What the operating system or SQLite said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The file is not one of SQLite's, or is encrypted.
    #[error("{} is not a SQLite database", .path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The database keeps text as UTF-16, which Django never makes: signatures could not be compared.
    #[error("the SQLite file {} keeps its text as UTF-16; sessions need a UTF-8 database", .path.display())]
    Utf16 {
        /// The file.
        path: PathBuf,
    },
    /// Another program held the file locked for longer than the busy time-out.
    #[error("the SQLite file {} is locked by another program", .path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The file could not be switched to write-ahead logging, as it was told to be.
    #[error("the SQLite file {} stays in journal mode {mode:?} and cannot be switched to WAL", .path.display())]
    Wal {
        /// The file.
        path: PathBuf,
        /// The journal mode it is in.
        mode: String,
    },
    /// A thread for reading or writing could not be started.
    #[error("a thread for SQLite could not be started")]
    Thread(#[source] std::io::Error),
    /// SQLite said something else.
    #[error("the SQLite file {} could not be opened", .path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

/// What SQLite said, without the statement: neither bound values nor SQL are in it.
#[derive(Clone, Debug)]
pub(super) struct SqliteFailure {
    pub(super) code: ErrorCode,
    extended: i32,
    message: String,
}

impl SqliteFailure {
    pub(super) fn of(error: &rusqlite::Error) -> Self {
        let (code, extended) = match error.sqlite_error() {
            Some(inner) => (inner.code, inner.extended_code),
            None => (ErrorCode::Unknown, 0),
        };
        let message = match error {
            rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
            rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
            other => other.to_string(),
        };
        Self { code, extended, message }
    }

    /// SQLite undid a whole transaction because of one of its statements.
    pub(super) fn rolled_back() -> Self {
        Self::own(ErrorCode::OperationAborted, "the transaction was rolled back")
    }

    /// The file under the connection is not the one at its path any more.
    pub(super) fn replaced() -> Self {
        Self::own(ErrorCode::CannotOpen, "the database file was removed or replaced while it was open")
    }

    fn own(code: ErrorCode, message: &str) -> Self {
        Self { code, extended: 0, message: message.to_owned() }
    }

    /// Whether another connection was in the way.
    pub(super) fn is_locked(&self) -> bool {
        matches!(self.code, ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    }

    /// Whether the name was taken.
    pub(super) fn is_taken(&self) -> bool {
        use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
        matches!(self.extended, SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_UNIQUE)
    }

    /// Whether the disk may hold more or less than SQLite knows: a write, a sync or a delete failed under it.
    pub(super) fn leaves_doubt(&self) -> bool {
        matches!(
            self.code,
            ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::CannotOpen | ErrorCode::Unknown
        )
    }

    /// This failure of a statement that had no effect.
    pub(super) fn not_done(self, table: &str) -> StorageError {
        if self.message.starts_with("no such table") {
            return StorageError::MissingTable { table: table.to_owned() };
        }
        StorageError::not_done(self)
    }
}

impl fmt::Display for SqliteFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SQLite: {} (code {})", self.message, self.extended)
    }
}

impl Error for SqliteFailure {}

/// The storage's threads have ended.
#[derive(Debug, Error)]
#[error("the SQLite storage is closed")]
pub(super) struct Closed;

/// The operation waited too long for its turn.
#[derive(Debug, Error)]
#[error("the SQLite file was locked for longer than the busy time-out")]
pub(super) struct TimedOut;
