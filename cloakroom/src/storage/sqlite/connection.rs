//! Opening connections, each set up for what it does.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags};

use super::error::{SqliteFailure, SqliteOpenError};
use super::options::SqliteOptions;
use super::reader::Pool;
use crate::storage::layout::Layout;

/// How much of the file the connection that writes keeps in memory at most, in KiB, and one that reads on a calling
/// thread. SQLite's own 2,000 are less than 10,000 sessions and their indexes take, and then each read copies pages.
const CACHE_KIB: i64 = 16 << 10;
/// The same of all that read on calling threads together.
const READERS_CACHE_KIB: i64 = 64 << 10;

/// Where the file is and how to open it. The path is absolute: the process may change its directory later, and
/// SQLite would take a path that begins with `file:` for a URI.
pub(super) struct Opener {
    pub(super) path: PathBuf,
    create: bool,
    busy_timeout: Duration,
}

impl Opener {
    pub(super) fn new(options: &SqliteOptions) -> Result<Self, SqliteOpenError> {
        let path = &options.path;
        if path.as_os_str().is_empty() || path.as_os_str() == ":memory:" {
            return Err(SqliteOpenError::InMemory);
        }
        if options.table.is_empty() || options.table.contains('\0') {
            return Err(SqliteOpenError::TableName);
        }
        let path = std::path::absolute(path).map_err(|source| no_access(path, source))?;
        match fs::metadata(&path) {
            Ok(found) if !found.is_file() => return Err(SqliteOpenError::NotAFile { path }),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound && options.create => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(SqliteOpenError::Missing { path }),
            Err(error) => return Err(no_access(&path, error)),
        }
        Ok(Self { path, create: options.create, busy_timeout: options.busy_timeout })
    }

    /// The connection that writes, at Django's durability: a commit is on the disk when it is answered.
    pub(super) fn writer(&self) -> Result<Connection, SqliteOpenError> {
        let connection = self.open(self.create)?;
        let ready = || {
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
            // Reads the file's first page, and so finds out whether it is a database at all. A file that was
            // missing is made by this.
            let encoding: String = connection.pragma_query_value(None, "encoding", |row| row.get(0))?;
            Ok((connection.is_readonly(MAIN_DB)?, encoding))
        };
        match ready().map_err(|error: rusqlite::Error| self.failed(&error))? {
            (true, _) => Err(no_access(&self.path, io::Error::from(io::ErrorKind::ReadOnlyFilesystem))),
            (_, encoding) if encoding != "UTF-8" => Err(SqliteOpenError::Utf16 { path: self.path.clone() }),
            _ => Ok(connection),
        }
    }

    /// A connection that only reads. One on a calling thread of the runtime must never wait.
    pub(super) fn reader(&self, may_wait: bool) -> Result<Connection, SqliteOpenError> {
        let connection = self.open(false)?;
        let ready = || {
            connection.pragma_update(None, "query_only", true)?;
            if !may_wait {
                let share = READERS_CACHE_KIB / Pool::size() as i64;
                connection.pragma_update(None, "cache_size", -share.min(CACHE_KIB))?;
            }
            connection.busy_timeout(if may_wait { self.busy_timeout } else { Duration::ZERO })
        };
        ready().map_err(|error| self.failed(&error))?;
        Ok(connection)
    }

    /// The connection that writes the WAL back into the file.
    pub(super) fn checkpointer(&self) -> Result<Connection, SqliteOpenError> {
        let connection = self.open(false)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(|error| self.failed(&error))?;
        Ok(connection)
    }

    /// The journal mode the file is in, after it was switched to WAL if it was to be.
    pub(super) fn journal_mode(&self, connection: &Connection, wal: bool) -> Result<String, SqliteOpenError> {
        let ask = |pragma| connection.query_row(pragma, [], |row| row.get::<_, String>(0));
        let mode = ask("PRAGMA journal_mode").map_err(|error| self.failed(&error))?.to_ascii_lowercase();
        if !wal || mode == "wal" {
            return Ok(mode);
        }
        match ask("PRAGMA journal_mode = WAL") {
            Ok(now) if now.eq_ignore_ascii_case("wal") => Ok("wal".to_owned()),
            Ok(mode) => Err(SqliteOpenError::Wal { path: self.path.clone(), mode }),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn open(&self, create: bool) -> Result<Connection, SqliteOpenError> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
        let open = || {
            let connection = Connection::open_with_flags(&self.path, flags)?;
            connection.busy_timeout(self.busy_timeout)?;
            add_version_function(&connection)?;
            Ok(connection)
        };
        open().map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &rusqlite::Error) -> SqliteOpenError {
        let (path, source) = (self.path.clone(), SqliteFailure::of(error));
        match source.code {
            ErrorCode::NotADatabase => SqliteOpenError::NotADatabase { path },
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => SqliteOpenError::Locked { path },
            ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly => {
                SqliteOpenError::NoAccess { path, source: source.into() }
            }
            _ => SqliteOpenError::Other { path, source: source.into() },
        }
    }
}

/// Answers the version of a cache's value, in SQL.
pub(super) const VERSION_FUNCTION: &str = "cloakroom_version";

fn add_version_function(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function(VERSION_FUNCTION, 1, flags, |call| {
        let (ValueRef::Text(value) | ValueRef::Blob(value)) = call.get_raw(0) else { return Ok(None) };
        Ok(Some(Layout::Cache.version(value).as_bytes().to_vec()))
    })
}

fn no_access(path: &Path, source: io::Error) -> SqliteOpenError {
    SqliteOpenError::NoAccess { path: path.to_owned(), source: source.into() }
}

/// Which file was opened. SQLite goes on with a file that was removed or replaced, and what it writes is then lost
/// with it: in WAL mode it does not even notice.
pub(super) struct FileIdentity {
    path: PathBuf,
    opened: Option<(u64, u64)>,
}

impl FileIdentity {
    pub(super) fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), opened: identity(path) }
    }

    /// Why nothing may be written any more.
    pub(super) fn changed(&self) -> Option<SqliteFailure> {
        (self.opened.is_some() && identity(&self.path) != self.opened).then(SqliteFailure::replaced)
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// Elsewhere a file that is open cannot be removed.
#[cfg(not(unix))]
fn identity(_: &Path) -> Option<(u64, u64)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_on_the_disk_when_it_is_answered() {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteOptions::new(folder.path().join("db.sqlite3")).create(true);
        let opener = Opener::new(&options).unwrap();
        for wal in [false, true] {
            let writer = opener.writer().unwrap();
            opener.journal_mode(&writer, wal).unwrap();
            let level: i64 = writer.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
            assert_eq!(level, 2, "FULL");
        }
    }

    #[test]
    fn a_connection_for_reads_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteOptions::new(folder.path().join("db.sqlite3")).create(true);
        let opener = Opener::new(&options).unwrap();
        let _writer = opener.writer().unwrap();
        assert!(opener.reader(false).unwrap().execute_batch("CREATE TABLE t (x)").is_err());
    }

    #[test]
    fn a_replaced_file_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db.sqlite3");
        fs::write(&path, "").unwrap();
        let file = FileIdentity::of(&path);
        assert!(file.changed().is_none());
        fs::rename(&path, folder.path().join("old")).unwrap();
        assert_eq!(file.changed().is_some(), cfg!(unix));
    }
}
