//! Sessions in whichever database the settings name.

use std::sync::Arc;

use super::{
    Capabilities, ClearingTurn, Cursor, Expect, Insert, Migrated, New, Page, Remove, RemovedExpired, Rename, Replace,
    Storage, StorageError, Stored, Touch,
};
use crate::Timestamp;

/// Sessions in whichever database the settings name, one of those whose features are switched on: for programs that
/// learn only when they start which it is.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use cloakroom::storage::{DatabaseStorage, Storage};
/// use cloakroom::Settings;
///
/// # let folder = tempfile::tempdir()?;
/// # let url = format!("sqlite:///{}", folder.path().join("db.sqlite3").display());
/// let settings = Settings::new().database_url(url);
/// assert!(DatabaseStorage::open(&settings).is_err(), "the file is not there");
/// let storage = DatabaseStorage::open_or_create(&settings)?;
/// assert!(storage.migrate().await?.created_table);
/// assert!(storage.capabilities().atomic_rename);
/// assert!(matches!(storage, DatabaseStorage::Sqlite(_)));
/// # Ok(()) }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DatabaseStorage {
    /// SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(super::SqliteStorage),
    /// PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(super::PostgresStorage),
    /// MySQL or MariaDB.
    #[cfg(feature = "mysql")]
    Mysql(super::MysqlStorage),
}

/// Has the storage at hand do it, whichever it is.
macro_rules! whichever {
    ($database:expr, $storage:ident => $do:expr) => {
        match *$database {
            #[cfg(feature = "sqlite")]
            DatabaseStorage::Sqlite(ref $storage) => $do,
            #[cfg(feature = "postgres")]
            DatabaseStorage::Postgres(ref $storage) => $do,
            #[cfg(feature = "mysql")]
            DatabaseStorage::Mysql(ref $storage) => $do,
        }
    };
}

impl DatabaseStorage {
    pub(super) fn inside(&self) -> Arc<dyn super::DynStorage> {
        whichever!(self, storage => Arc::new(storage.clone()))
    }

    /// Makes Django's tables and the record of its migration, as far as they are missing.
    ///
    /// # Errors
    /// [`StorageError::Unsupported`] when the table is not Django's `django_session`; [`StorageError::Damaged`] when a
    /// table of that name has other columns; nothing was changed then.
    pub async fn migrate(&self) -> Result<Migrated, StorageError> {
        whichever!(self, storage => storage.migrate().await)
    }
}

// Without any of the features there is no such storage, and nothing to be done with it.
#[cfg_attr(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")), allow(unused_variables))]
impl Storage for DatabaseStorage {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StorageError> {
        whichever!(self, storage => storage.read(name).await)
    }

    async fn insert(&self, name: &str, new: New<'_>) -> Result<Insert, StorageError> {
        whichever!(self, storage => storage.insert(name, new).await)
    }

    async fn replace(&self, name: &str, expect: Expect<'_>, new: New<'_>) -> Result<Replace, StorageError> {
        whichever!(self, storage => storage.replace(name, expect, new).await)
    }

    async fn touch(&self, name: &str, expect: Expect<'_>, until: Timestamp) -> Result<Touch, StorageError> {
        whichever!(self, storage => storage.touch(name, expect, until).await)
    }

    async fn remove(&self, name: &str, expect: Expect<'_>) -> Result<Remove, StorageError> {
        whichever!(self, storage => storage.remove(name, expect).await)
    }

    async fn rename(&self, from: &str, to: &str, expect: Expect<'_>, new: New<'_>) -> Result<Rename, StorageError> {
        whichever!(self, storage => storage.rename(from, to, expect, new).await)
    }

    async fn bury(&self, name: &str, marker: New<'_>) -> Result<(), StorageError> {
        whichever!(self, storage => storage.bury(name, marker).await)
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize) -> Result<Page, StorageError> {
        whichever!(self, storage => storage.scan(after, limit).await)
    }

    async fn remove_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StorageError> {
        whichever!(self, storage => storage.remove_expired(now, limit).await)
    }

    async fn remove_expired_from(
        &self,
        from: Option<Timestamp>,
        now: Timestamp,
        limit: usize,
    ) -> Result<RemovedExpired, StorageError> {
        whichever!(self, storage => storage.remove_expired_from(from, now, limit).await)
    }

    async fn count_expired(&self, now: Timestamp) -> Result<Option<u64>, StorageError> {
        whichever!(self, storage => storage.count_expired(now).await)
    }

    async fn clearing_turn(&self) -> Result<Option<ClearingTurn>, StorageError> {
        whichever!(self, storage => storage.clearing_turn().await)
    }

    fn capabilities(&self) -> Capabilities {
        whichever!(self, storage => storage.capabilities())
    }
}
