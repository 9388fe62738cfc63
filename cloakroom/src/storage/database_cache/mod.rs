//! Sessions in a table of Django's database cache (`django.core.cache.backends.db.DatabaseCache`), on any of the
//! databases, shared with a Django site or alone.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use cloakroom::storage::database_cache::DatabaseCacheStorage;
//! use cloakroom::storage::sqlite::SqliteOptions;
//! use cloakroom::storage::{CacheKey, DatabaseStorage};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("db.sqlite3");
//! let database = DatabaseStorage::Sqlite(SqliteOptions::new(path).create(true).open()?);
//! let storage = DatabaseCacheStorage::new(&database, "cache_table").with_key(CacheKey::new("shop", "1"));
//! assert!(storage.create_table().await?);
//! # Ok(()) }
//! # #[cfg(not(feature = "sqlite"))] fn main() {}
//! ```

mod ddl;
mod value;

use thiserror::Error;

use super::{
    CacheKey, Capabilities, ClearingTurn, Cursor, DatabaseStorage, Entry, Expect, Insert, New, Page, Remove,
    RemovedExpired, Rename, Replace, Storage, StorageError, Stored, Touch,
};
use crate::time::Clock;
use crate::{DatabaseKind, Timestamp};

/// What the column `cache_key` holds, in characters.
const LONGEST_KEY: usize = 255;
const SECOND: i64 = 1_000_000;

#[derive(Debug, Error)]
#[error("a key in the cache's table has at most {LONGEST_KEY} characters: shorten the cache's KEY_PREFIX")]
struct LongKey;

/// The collation would take it for another key.
#[cfg(feature = "mysql")]
#[derive(Debug, Error)]
#[error("in MySQL a name in the cache is made of small letters, digits, dots and underscores")]
struct OddName;

/// Sessions in a table of Django's database cache.
///
/// A row is a full key, the value in base64 and the second in which it ends. It is compared by the SHA-256 of the value,
/// which the database makes, so a change that Django made in between is noticed. What a database promises about writes
/// and failures is promised here too: see [`SqliteStorage`](super::SqliteStorage),
/// [`PostgresStorage`](super::PostgresStorage), [`MysqlStorage`](super::MysqlStorage). The connections and the time-out
/// are those of the database; every operation is one round trip, on MySQL two where a row has to make room.
///
/// A row that has expired reads as nothing and makes room for a new one; [`remove_expired`](Storage::remove_expired)
/// removes it. Rows that are live are never removed for being many: `MAX_ENTRIES` and `CULL_FREQUENCY` have no effect
/// here. Django, when it writes to the same table, removes the rows of the lowest keys once there are more than 300, or
/// than its `MAX_ENTRIES` says.
///
/// A missing table is [`StorageError::MissingCacheTable`], a value that is no base64 [`StorageError::Damaged`].
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use cloakroom::Timestamp;
/// use cloakroom::storage::sqlite::SqliteOptions;
/// use cloakroom::storage::{DatabaseCacheStorage, DatabaseStorage, Insert, New, Storage, StorageError};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("db.sqlite3");
/// let database = DatabaseStorage::Sqlite(SqliteOptions::new(path).create(true).open()?);
/// let storage = DatabaseCacheStorage::new(&database, "cache_table");
/// assert!(matches!(storage.read("name").await, Err(StorageError::MissingCacheTable { .. })));
/// assert!(storage.create_table_sql()[1].starts_with("CREATE INDEX \"cache_table_expires\""));
/// assert!(storage.create_table().await? && !storage.create_table().await?, "made once");
/// let new = New::of(b"pickle", Timestamp::MAX);
/// assert!(matches!(storage.insert("name", new).await?, Insert::Inserted(_)));
/// assert_eq!(storage.table(), "cache_table");
/// # Ok(()) }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
#[derive(Clone, Debug)]
pub struct DatabaseCacheStorage {
    rows: DatabaseStorage,
    key: CacheKey,
    clock: Clock,
    table: String,
}

impl DatabaseCacheStorage {
    /// The rows of `table`, the cache's `LOCATION`, through the connections of `database`. Where a schema was named for
    /// the table of sessions, this table is in it too.
    #[must_use]
    pub fn new(database: &DatabaseStorage, table: &str) -> Self {
        let rows = match database {
            #[cfg(feature = "sqlite")]
            DatabaseStorage::Sqlite(storage) => DatabaseStorage::Sqlite(storage.cache_table(table)),
            #[cfg(feature = "postgres")]
            DatabaseStorage::Postgres(storage) => DatabaseStorage::Postgres(storage.cache_table(table)),
            #[cfg(feature = "mysql")]
            DatabaseStorage::Mysql(storage) => DatabaseStorage::Mysql(storage.cache_table(table)),
        };
        Self { rows, key: CacheKey::default(), clock: Clock::system(), table: table.to_owned() }
    }

    /// The same with other keys: the cache's `KEY_PREFIX` and `VERSION`.
    #[must_use]
    pub fn with_key(mut self, key: CacheKey) -> Self {
        self.key = key;
        self
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Makes the table and its index as Django's `createcachetable` does; `false` if the table is there.
    ///
    /// # Errors
    /// What the database says, if it does not make it.
    pub async fn create_table(&self) -> Result<bool, StorageError> {
        match &self.rows {
            #[cfg(feature = "sqlite")]
            DatabaseStorage::Sqlite(storage) => storage.create_cache_table(self.create_table_sql()).await,
            #[cfg(feature = "postgres")]
            DatabaseStorage::Postgres(storage) => storage.create_cache_table(&self.create_table_sql()).await,
            #[cfg(feature = "mysql")]
            DatabaseStorage::Mysql(storage) => storage.create_cache_table(&self.create_table_sql()).await,
        }
    }

    /// The statements that make the table and its index: [`create_table_sql`].
    #[must_use]
    pub fn create_table_sql(&self) -> [String; 2] {
        let (kind, schema) = match &self.rows {
            #[cfg(feature = "sqlite")]
            DatabaseStorage::Sqlite(_) => (DatabaseKind::Sqlite, None),
            #[cfg(feature = "postgres")]
            DatabaseStorage::Postgres(storage) => (DatabaseKind::PostgreSql, storage.schema()),
            #[cfg(feature = "mysql")]
            DatabaseStorage::Mysql(_) => (DatabaseKind::MySql, None),
        };
        create_table_sql(kind, schema, &self.table).unwrap_or_default()
    }

    /// The key of something new.
    fn new_key(&self, name: &str) -> Result<String, StorageError> {
        #[cfg(feature = "mysql")]
        if matches!(self.rows, DatabaseStorage::Mysql(_))
            && !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._".contains(&byte))
        {
            return Err(StorageError::not_done(OddName));
        }
        let key = self.key.of(name);
        if key.chars().count() > LONGEST_KEY { Err(StorageError::not_done(LongKey)) } else { Ok(key) }
    }

    async fn insert_over(&self, key: &str, new: New<'_>, now: Timestamp) -> Result<Insert, StorageError> {
        match &self.rows {
            #[cfg(feature = "sqlite")]
            DatabaseStorage::Sqlite(storage) => storage.insert_over(key, new, now).await,
            #[cfg(feature = "postgres")]
            DatabaseStorage::Postgres(storage) => storage.insert_over(key, new, now).await,
            #[cfg(feature = "mysql")]
            DatabaseStorage::Mysql(storage) => storage.insert_over(key, new, now).await,
        }
    }

    /// A page of the rows under a prefix of keys, after a key.
    async fn page(&self, under: &str, after: &str, limit: usize) -> Result<Page, StorageError> {
        match &self.rows {
            #[cfg(feature = "sqlite")]
            DatabaseStorage::Sqlite(storage) => storage.cache_page(under, after, limit).await,
            #[cfg(feature = "postgres")]
            DatabaseStorage::Postgres(storage) => storage.cache_page(under, after, limit).await,
            #[cfg(feature = "mysql")]
            DatabaseStorage::Mysql(storage) => storage.cache_page(under, after, limit).await,
        }
    }

    /// In the place of whatever is there: it ends before the last moment there is.
    async fn put(&self, key: &str, new: New<'_>) -> Result<(), StorageError> {
        match &self.rows {
            #[cfg(feature = "sqlite")]
            DatabaseStorage::Sqlite(storage) => storage.insert_over(key, new, Timestamp::MAX).await.map(drop),
            #[cfg(feature = "postgres")]
            DatabaseStorage::Postgres(storage) => storage.insert_over(key, new, Timestamp::MAX).await.map(drop),
            #[cfg(feature = "mysql")]
            DatabaseStorage::Mysql(storage) => storage.put(key, new).await,
        }
    }
}

/// The statements that make a table for the database cache and its index, as `manage.py createcachetable --dry-run`
/// prints them: for those who apply their changes themselves. A schema is for PostgreSQL alone. `None` for a kind of
/// database that cloakroom does not know.
///
/// ```
/// use cloakroom::DatabaseKind;
/// use cloakroom::storage::database_cache::create_table_sql;
///
/// let [table, index] = create_table_sql(DatabaseKind::MySql, None, "cache_table").unwrap();
/// assert!(table.starts_with("CREATE TABLE `cache_table` (\n    `cache_key` varchar(255) NOT NULL PRIMARY KEY"));
/// assert_eq!(index, "CREATE INDEX `cache_table_expires` ON `cache_table` (`expires`)");
/// ```
#[must_use]
pub fn create_table_sql(kind: DatabaseKind, schema: Option<&str>, table: &str) -> Option<[String; 2]> {
    ddl::words(kind).map(|words| ddl::create(words, schema, table))
}

/// As Django writes it: the second alone.
fn second_of(moment: Timestamp) -> Timestamp {
    Timestamp::from_micros(moment.as_micros().div_euclid(SECOND) * SECOND).unwrap_or(moment)
}

fn row<'a>(text: &'a str, new: New<'_>) -> New<'a> {
    New::of(text.as_bytes(), second_of(new.expires))
}

fn of_cache(error: StorageError) -> StorageError {
    match error {
        StorageError::MissingTable { table } => StorageError::MissingCacheTable { table },
        error => error,
    }
}

impl Storage for DatabaseCacheStorage {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StorageError> {
        let now = self.clock.now();
        let Some(row) = self.rows.read(&self.key.of(name)).await.map_err(of_cache)? else { return Ok(None) };
        // By Django's rule: what ends this very moment is still there.
        if row.expires.is_some_and(|expires| expires < now) {
            return Ok(None);
        }
        Ok(Some(Stored::new(value::read(&row.data)?, row.expires, row.version)))
    }

    async fn insert(&self, name: &str, new: New<'_>) -> Result<Insert, StorageError> {
        let (key, text) = (self.new_key(name)?, value::write(new.data));
        self.insert_over(&key, row(&text, new), self.clock.now()).await.map_err(of_cache)
    }

    async fn replace(&self, name: &str, expect: Expect<'_>, new: New<'_>) -> Result<Replace, StorageError> {
        let text = value::write(new.data);
        self.rows.replace(&self.key.of(name), expect, row(&text, new)).await.map_err(of_cache)
    }

    async fn touch(&self, name: &str, expect: Expect<'_>, until: Timestamp) -> Result<Touch, StorageError> {
        self.rows.touch(&self.key.of(name), expect, second_of(until)).await.map_err(of_cache)
    }

    async fn remove(&self, name: &str, expect: Expect<'_>) -> Result<Remove, StorageError> {
        self.rows.remove(&self.key.of(name), expect).await.map_err(of_cache)
    }

    /// One statement: the row takes its new key and value at once.
    async fn rename(&self, from: &str, to: &str, expect: Expect<'_>, new: New<'_>) -> Result<Rename, StorageError> {
        let (to, text) = (self.new_key(to)?, value::write(new.data));
        self.rows.rename(&self.key.of(from), &to, expect, row(&text, new)).await.map_err(of_cache)
    }

    /// One statement.
    async fn bury(&self, name: &str, marker: New<'_>) -> Result<(), StorageError> {
        let (key, text) = (self.new_key(name)?, value::write(marker.data));
        self.put(&key, row(&text, marker)).await.map_err(of_cache)
    }

    /// The rows under this prefix and version, sessions or not, also those that have expired, in the order of the
    /// primary key, which is that of its collation.
    async fn scan(&self, after: Option<&Cursor>, limit: usize) -> Result<Page, StorageError> {
        // No name is empty.
        let (under, after) = (self.key.of(""), self.key.of(after.map_or("", Cursor::position)));
        let page = self.page(&under, &after, limit).await.map_err(of_cache)?;
        let entries = page.entries.into_iter().filter_map(|entry| {
            let name = self.key.name_in(&entry.name)?.to_owned();
            Some(Entry { name, ..entry })
        });
        let next = page.next.and_then(|next| self.key.name_in(next.position()).map(Cursor::new));
        Ok(Page::new(entries.collect(), next))
    }

    /// Whatever the rows are: those of sessions and those of other entries. One statement, by the index on `expires`.
    async fn remove_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StorageError> {
        self.rows.remove_expired(second_of(now), limit).await.map_err(of_cache)
    }

    async fn remove_expired_from(
        &self,
        from: Option<Timestamp>,
        now: Timestamp,
        limit: usize,
    ) -> Result<RemovedExpired, StorageError> {
        self.rows.remove_expired_from(from, second_of(now), limit).await.map_err(of_cache)
    }

    async fn count_expired(&self, now: Timestamp) -> Result<Option<u64>, StorageError> {
        self.rows.count_expired(second_of(now)).await.map_err(of_cache)
    }

    async fn clearing_turn(&self) -> Result<Option<ClearingTurn>, StorageError> {
        self.rows.clearing_turn().await.map_err(of_cache)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new().atomic_rename().scan().drops_expired()
    }

    fn by_clock(&self, clock: &Clock) -> Option<Self> {
        Some(Self { clock: clock.clone(), ..self.clone() })
    }
}
