//! Sessions in PostgreSQL: Django's table `django_session`, shared with a Django site or alone.
//!
//! On a connection that is open already, every operation is one statement and one round trip. A write compares the
//! last 43 bytes of `session_data`, where Django's signature stands, so a change that Django made in between is
//! noticed. The promises hold at every isolation level that the server is set to. Saves that come while another is
//! under way share a statement and its commit.
//!
//! ```no_run
//! use cloakroom::storage::postgres::PostgresOptions;
//! use cloakroom::{SessionStore, Settings};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let storage = PostgresOptions::from_url("postgres://ada:secret@db.example/site")?.open();
//! storage.migrate().await?;
//! let store = SessionStore::db(storage, Settings::new().secret_key("a secret"))?;
//! # Ok(())
//! # }
//! ```

mod clearing;
mod columns;
mod dialect;
mod moment;
mod operations;
mod options;
mod pages;
mod rows;
mod schema;
mod statements;
mod template;
mod together;
mod users;

use std::fmt;
use std::sync::Arc;

use sqlx::Postgres;

use super::Migrated;
use super::StorageError;
use super::layout::Layout;
use super::sql::Connections;
use statements::Statements;

pub use options::{PostgresOptions, PostgresPoolOptions, PostgresTls};
pub use schema::{migration_sql, sqlmigrate};
pub(crate) use users::PostgresUsers;

/// Sessions in PostgreSQL.
///
/// A handle is cheap to clone. Connections are made when they are needed: a site starts while its database is down,
/// and goes on when the database is back.
///
/// | what happens | what is answered |
/// |---|---|
/// | no connection can be had, or no answer to a read in time | [`StorageError::NotDone`] |
/// | a write was sent, and its answer did not come | [`StorageError::OutcomeUnknown`]; the engine reads back |
/// | there is no such table | [`StorageError::MissingTable`] |
/// | `expire_date` is one that Django cannot read either: `infinity`, or a year outside 1 to 9999 | [`StorageError::Damaged`] |
///
/// A read that meets a connection which died while it was idle is tried once more on a new one; of a write the engine
/// finds out what became of it, and repeats it if nothing did. Neither `Debug` nor an error shows the password, a session key or session data.
///
/// ```no_run
/// use cloakroom::storage::PostgresStorage;
/// use cloakroom::storage::postgres::PostgresOptions;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let storage: PostgresStorage = PostgresOptions::from_url("postgres://db.example/site")?.open();
/// assert_eq!(storage.table(), "django_session");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresStorage(Arc<Handle>);

struct Handle {
    connections: Connections<Postgres>,
    statements: Statements,
    together: together::Together,
    /// For columns of the application's own.
    types: columns::Types,
    schema: Option<String>,
    /// Whether the table is Django's, which `migrate` can make.
    is_djangos: bool,
    /// What comes before each statement where all goes as simple queries.
    simple: Option<String>,
}

impl PostgresStorage {
    /// The application's own connections; [`PostgresPoolOptions::open`] makes the storage.
    ///
    /// A pool of sqlx checks a connection with a round trip of its own before it lends it, unless
    /// `test_before_acquire(false)` is said, and another when it comes back. Two more things are the
    /// application's: a `statement_timeout` under this storage's time-out (without it, a statement that was given up
    /// may still take effect later, though never over a change of somebody else), and behind PgBouncer
    /// [`pgbouncer`](PostgresPoolOptions::pgbouncer).
    ///
    /// ```no_run
    /// use cloakroom::storage::PostgresStorage;
    /// use sqlx::postgres::PgPoolOptions;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = PgPoolOptions::new().test_before_acquire(false).connect_lazy("postgres://db.example/site")?;
    /// let storage = PostgresStorage::from_pool(pool).schema("shop").open();
    /// assert_eq!(storage.table(), "shop.django_session");
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_pool(pool: sqlx::PgPool) -> PostgresPoolOptions {
        PostgresPoolOptions::new(pool)
    }

    /// Makes Django's tables `django_session` and `django_migrations`, the indexes and the record of the migration,
    /// as far as they are missing: in one transaction, and one process after the other. Django's `manage.py migrate`
    /// then finds its work done, and the other way round. Waits up to a minute.
    ///
    /// Where a schema was named, they are made there; the schema must exist.
    ///
    /// ```no_run
    /// # async fn example(storage: cloakroom::storage::PostgresStorage) -> Result<(), cloakroom::storage::StorageError> {
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
        let Handle { connections, schema, simple, .. } = &*self.0;
        Self(Arc::new(Handle {
            connections: connections.clone(),
            statements: Statements::new(Layout::Cache, schema.as_deref(), table, simple.is_some()),
            together: together::Together::default(),
            types: columns::Types::default(),
            schema: schema.clone(),
            is_djangos: false,
            simple: simple.clone(),
        }))
    }

    pub(super) fn schema(&self) -> Option<&str> {
        self.0.schema.as_deref()
    }

    /// Makes the table of a cache; `false` if it is there.
    pub(super) async fn create_cache_table(&self, sql: &[String]) -> Result<bool, StorageError> {
        schema::create_cache_table(&self.0, sql).await
    }

    /// The table that holds the sessions, after its schema if one was named.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.0.statements.table
    }
}

impl fmt::Debug for PostgresStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStorage")
            .field("connections", &self.0.connections)
            .field("table", &self.0.statements.table)
            .field("simple_queries", &self.0.simple.is_some())
            .finish_non_exhaustive()
    }
}
