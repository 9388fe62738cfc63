//! What a long clean-up asks of a file beside the removing.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use thiserror::Error;

use super::SqliteStorage;
use super::statements::{Statements, quoted};
use crate::Timestamp;
use crate::storage::clearing::SLICE;
use crate::storage::{ClearingTurn, StorageError};

/// Stands after the name of the database, as `-wal` does.
const SUFFIX: &str = "-cloakroom-clearing";

#[derive(Debug, Error)]
#[error("the file {}, which shows that a clean-up is under way, could not be locked", .path.display())]
struct NoLock {
    path: PathBuf,
    source: std::io::Error,
}

impl SqliteStorage {
    /// Slice by slice: a read that takes long would hold up a writer where the file is not in WAL mode.
    pub(super) async fn count(&self, now: Timestamp) -> Result<u64, StorageError> {
        let (mut count, mut after) = (0, String::new());
        loop {
            let (slice, reached) = self
                .read_on_thread(move |connection, statements| count_slice(connection, statements, &after, now))
                .await?;
            count += slice;
            match reached {
                Some(reached) if slice >= SLICE as u64 => after = reached,
                _ => return Ok(count),
            }
        }
    }

    /// A lock of the operating system on a file beside the database. It ends with the process; the file stays, since
    /// removing it could let a second one in.
    pub(super) async fn turn(&self) -> Result<Option<ClearingTurn>, StorageError> {
        let mut name: OsString = self.path().into();
        name.push(SUFFIX);
        let path = PathBuf::from(name);
        let locked = self.read_on_thread(move |_, _| Ok(lock(&path).map_err(|source| NoLock { path, source }))).await?;
        Ok(locked.map_err(StorageError::not_done)?.map(ClearingTurn::until_dropped))
    }
}

/// `None` while somebody else holds it.
fn lock(path: &Path) -> std::io::Result<Option<File>> {
    // Whoever may only read it can lock it all the same: another user's clean-up may have made it.
    let file = match OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => File::open(path)?,
        opened => opened?,
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// How many rows there are after a moment, up to about a slice, and the moment that was reached.
fn count_slice(
    connection: &Connection,
    statements: &Statements,
    after: &str,
    now: Timestamp,
) -> rusqlite::Result<(u64, Option<String>)> {
    let (table, expires) = (quoted(&statements.table), statements.expires());
    let range = format!("FROM {table} WHERE {expires} > ?1 AND {expires} < ?2");
    let sql = format!(
        "SELECT count(*), max({expires}) {range} \
         AND {expires} <= ifnull((SELECT {expires} {range} ORDER BY {expires} LIMIT 1 OFFSET ?3), ?2)"
    );
    connection.prepare_cached(&sql)?.query_row(params![after, statements.dates.write(now), SLICE - 1], |row| {
        Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?))
    })
}
