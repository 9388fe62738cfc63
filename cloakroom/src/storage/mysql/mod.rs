//! Sessions in MySQL and MariaDB: Django's table `django_session`, shared with a Django site or alone.
//!
//! On a connection that is open already, every operation is one statement and one round trip. A write compares the
//! last 43 bytes of `session_data`, where Django's signature stands, so a change that Django made in between is
//! noticed: as bytes, whatever the table's collation. Tested with MariaDB 10.11; MySQL 8 was not at hand.
//!
//! ```no_run
//! use cloakroom::storage::mysql::MysqlOptions;
//! use cloakroom::{SessionStore, Settings};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let storage = MysqlOptions::from_url("mysql://ada:secret@db.example/site")?.open();
//! storage.migrate().await?;
//! let store = SessionStore::db(storage, Settings::new().secret_key("a secret"))?;
//! # Ok(())
//! # }
//! ```

mod clearing;
mod columns;
mod dialect;
mod operations;
mod options;
mod pages;
mod rows;
mod schema;
mod statements;
mod tls;
mod users;

use std::fmt;
use std::sync::{Arc, OnceLock};

use sqlx::MySql;

use super::date_column::DateColumn;
use super::layout::Layout;
use super::sql::Connections;
use super::{Migrated, StorageError};
use statements::Statements;

pub use options::{MysqlIsolation, MysqlOptions, MysqlPoolOptions};
pub use schema::{migration_sql, sqlmigrate};
pub use tls::MysqlTls;
pub(crate) use users::MysqlUsers;

/// Sessions in MySQL or MariaDB.
///
/// A handle is cheap to clone. Connections are made when they are needed: a site starts while its database is down,
/// and goes on when the database is back.
///
/// | what happens | what is answered |
/// |---|---|
/// | no connection can be had, or no answer to a read in time | [`StorageError::NotDone`] |
/// | a lock is waited for too long, or the data is more than `max_allowed_packet` | [`StorageError::NotDone`] |
/// | a write was sent, and its answer did not come | [`StorageError::OutcomeUnknown`]; the engine reads back |
/// | there is no such table | [`StorageError::MissingTable`] |
/// | `expire_date` is one that Django cannot read either: `0000-00-00` | [`StorageError::Damaged`] |
///
/// A read that meets a connection which died while it was idle is tried once more on a new one. Neither `Debug` nor an error shows the password, a session key or session data.
///
/// ```no_run
/// use cloakroom::storage::MysqlStorage;
/// use cloakroom::storage::mysql::MysqlOptions;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let storage: MysqlStorage = MysqlOptions::from_url("mysql://ada@db.example/site")?.open();
/// assert_eq!(storage.table(), "django_session");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MysqlStorage(Arc<Handle>);

struct Handle {
    connections: Connections<MySql>,
    statements: Statements,
    dates: DateColumn,
    /// Whether the table is Django's, which `migrate` can make.
    is_djangos: bool,
    /// What an application's connections have `autocommit` set to, once that is known; `None` for our own.
    autocommit: Option<OnceLock<bool>>,
}

impl MysqlStorage {
    /// The application's own connections; [`MysqlPoolOptions::open`] makes the storage.
    ///
    /// A pool of sqlx checks a connection with a round trip of its own before it lends it, unless
    /// `test_before_acquire(false)` is said. No `sql_mode`, time zone, isolation level or collation of the connections
    /// matters here. Where `autocommit` is off, an operation takes three round trips; that is asked once, so all
    /// connections of a pool must be alike in it. On MySQL a statement that was given up may still take effect later,
    /// though never over a change of somebody else; on MariaDB the server is told to end it.
    ///
    /// ```no_run
    /// use cloakroom::storage::MysqlStorage;
    /// use sqlx::mysql::MySqlPoolOptions;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = MySqlPoolOptions::new().test_before_acquire(false).connect_lazy("mysql://ada@db.example/site")?;
    /// let storage = MysqlStorage::from_pool(pool).open();
    /// assert_eq!(storage.table(), "django_session");
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_pool(pool: sqlx::MySqlPool) -> MysqlPoolOptions {
        MysqlPoolOptions::new(pool)
    }

    /// Makes Django's tables `django_session` and `django_migrations`, the index and the record of the migration, as
    /// far as they are missing. Django's `manage.py migrate` then finds its work done, and the other way round.
    ///
    /// The server cannot undo the making of a table. So both tables are looked at first, each step is for good once it
    /// is done, and a migration that was interrupted is gone on with by the next. Two at once wait for each other, up
    /// to a minute.
    ///
    /// ```no_run
    /// # async fn example(storage: cloakroom::storage::MysqlStorage) -> Result<(), cloakroom::storage::StorageError> {
    /// if storage.migrate().await?.created_table {
    ///     println!("made the table {}", storage.table());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StorageError::Unsupported`] when the table is not Django's `django_session`;
    /// [`StorageError::Damaged`] when a table of that name has other columns; nothing was changed then.
    pub async fn migrate(&self) -> Result<Migrated, StorageError> {
        schema::migrate(&self.0).await
    }

    /// The rows of a cache in another table of the database, through the same connections.
    pub(super) fn cache_table(&self, table: &str) -> Self {
        let Handle { connections, statements, dates, autocommit, .. } = &*self.0;
        Self(Arc::new(Handle {
            connections: connections.clone(),
            statements: Statements::new(Layout::Cache, table, &statements.prefix),
            dates: dates.clone(),
            is_djangos: false,
            autocommit: autocommit.clone(),
        }))
    }

    /// Makes the table of a cache; `false` if it is there.
    pub(super) async fn create_cache_table(&self, sql: &[String]) -> Result<bool, StorageError> {
        schema::create_cache_table(&self.0, sql).await
    }

    /// The table that holds the sessions.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.0.statements.table
    }
}

impl fmt::Debug for MysqlStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MysqlStorage")
            .field("connections", &self.0.connections)
            .field("table", &self.0.statements.table)
            .finish_non_exhaustive()
    }
}
