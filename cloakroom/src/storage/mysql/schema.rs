//! Django's tables in MySQL, and its record that they were made.

use std::time::Duration;

use sqlx::{AssertSqlSafe, MySql, MySqlConnection, Row};

use super::Handle;
use super::dialect::Obstacle;
use super::operations::obstacle;
use crate::Timestamp;
use crate::storage::sql::{Deadline, Dialect, Failure};
use crate::storage::{Migrated, StorageError};

// The text of each statement is Django's own.
const CREATE_MIGRATIONS: &str = concat!(
    "CREATE TABLE `django_migrations` (`id` integer AUTO_INCREMENT NOT NULL PRIMARY KEY, ",
    "`app` varchar(255) NOT NULL, `name` varchar(255) NOT NULL, `applied` datetime(6) NOT NULL)"
);
const CREATE_TABLE: &str = concat!(
    "CREATE TABLE `django_session` (`session_key` varchar(40) NOT NULL PRIMARY KEY, ",
    "`session_data` longtext NOT NULL, `expire_date` datetime(6) NOT NULL)"
);
const CREATE_INDEX: &str = "CREATE INDEX `django_session_expire_date_a5c62663` ON `django_session` (`expire_date`)";
const ADD_RECORD_NOW: &str = concat!(
    "INSERT INTO `django_migrations` (`app`, `name`, `applied`) ",
    "VALUES ('sessions', '0001_initial', UTC_TIMESTAMP(6))"
);
const ADD_RECORD: &str = "INSERT INTO django_migrations (app, name, applied) VALUES ('sessions', '0001_initial', ?)";
const FIND_RECORD: &str = "SELECT 1 FROM django_migrations WHERE app = 'sessions' AND name = '0001_initial'";
/// Whether some index begins with `expire_date`: early versions of Django named it differently.
const FIND_INDEX: &str = "SELECT 1 FROM information_schema.statistics WHERE table_schema = DATABASE() \
                          AND table_name = 'django_session' AND column_name = 'expire_date' AND seq_in_index = 1";

/// How long a migration may take, waiting for another one included.
const PATIENCE: Duration = Duration::from_secs(60);
/// On a connection that is not used for anything else afterwards: an index on a large table takes its time.
const TAKE_TIME: &str = "SET SESSION lock_wait_timeout = 50 /*M!100101 , max_statement_time = 0 */";
/// One at a time in each database. Locks of this kind belong to the whole server and go with the connection.
const LOCK: &str = "SELECT GET_LOCK(CONCAT('cloakroom.migrate.', SHA1(DATABASE())), 50)";

/// The statements that make an empty database ready for sessions, each to be run once and in this order: the two
/// tables, the index, and Django's record of the migration (with UTC, as under `USE_TZ = True`). For those who apply
/// their changes themselves; [`MysqlStorage::migrate`](super::MysqlStorage::migrate) looks first at what is there.
///
/// ```
/// use cloakroom::storage::mysql::migration_sql;
///
/// assert!(migration_sql()[1].starts_with("CREATE TABLE `django_session`"));
/// ```
#[must_use]
pub const fn migration_sql() -> [&'static str; 4] {
    [CREATE_MIGRATIONS, CREATE_TABLE, CREATE_INDEX, ADD_RECORD_NOW]
}

/// What `manage.py sqlmigrate sessions 0001` prints on MySQL and MariaDB: the table and its index, without the record.
/// There is no transaction around it, since such a statement ends one.
///
/// ```
/// assert!(cloakroom::storage::mysql::sqlmigrate().contains("-- Create model Session"));
/// ```
#[must_use]
pub fn sqlmigrate() -> String {
    format!("--\n-- Create model Session\n--\n{CREATE_TABLE};\n{CREATE_INDEX};\n")
}

/// Makes what is missing, step by step: each is for good once it is done, and the next migration goes on from there.
pub(super) async fn migrate(handle: &Handle) -> Result<Migrated, StorageError> {
    if !handle.is_djangos {
        return Err(StorageError::Unsupported("migrate for a table other than django_session"));
    }
    let now = handle.dates.write(Timestamp::now());
    alone(handle, async |work| work.make(&now).await).await
}

/// Makes the table of a cache and its index, as Django's `createcachetable`; `false` if both are there. A table that
/// was made without its index, by somebody who was interrupted, is given one.
pub(super) async fn create_cache_table(handle: &Handle, sql: &[String]) -> Result<bool, StorageError> {
    alone(handle, async |work| {
        let mut created = false;
        for statement in sql {
            created |= work.create(statement).await?;
        }
        Ok(created)
    })
    .await
}

/// Has work done while no other migration runs.
async fn alone<T>(
    handle: &Handle,
    work: impl AsyncFnOnce(&mut Work<'_>) -> Result<T, Refused>,
) -> Result<T, StorageError> {
    let deadline = Deadline::after(PATIENCE);
    let mut lease = handle.connections.lease(&deadline).await.map_err(|failure| handle.not_done(failure))?;
    let mut place = Work { connection: lease.connection(), deadline };
    let done = match place.begin().await {
        Ok(()) => work(&mut place).await,
        Err(failure) => Err(failure.into()),
    };
    // The lease is not settled: the connection is closed, and with it goes the lock, whatever happened.
    drop(lease);
    done.map_err(|refused| match refused {
        Refused::Columns(what) => StorageError::Damaged(what),
        Refused::Failed(failure) => handle.not_done(failure),
    })
}

enum Refused {
    /// A table of that name is there and has not Django's columns.
    Columns(&'static str),
    Failed(Failure),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

struct Work<'a> {
    connection: &'a mut MySqlConnection,
    deadline: Deadline,
}

impl Work<'_> {
    async fn begin(&mut self) -> Result<(), Failure> {
        self.run(TAKE_TIME).await?;
        // A cluster may not have such locks. Two migrations at once then find each other's tables.
        match self.run(LOCK).await {
            Ok(()) | Err(Failure::Refused(_)) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    async fn make(&mut self, now: &str) -> Result<Migrated, Refused> {
        let mut migrated = Migrated::default();
        // Both are looked at before anything is made: what is made cannot be undone.
        let refused = "the table django_migrations has other columns than Django's";
        let has_migrations = self.has_table("django_migrations", &["app", "name", "applied"], refused).await?;
        let refused = "the table django_session has other columns than Django's";
        let columns = ["session_key", "session_data", "expire_date"];
        let has_sessions = self.has_table("django_session", &columns, refused).await?;
        // Django makes its record's table first.
        if !has_migrations {
            self.create(CREATE_MIGRATIONS).await?;
        }
        if !has_sessions {
            migrated.created_table = self.create(CREATE_TABLE).await?;
        }
        if self.rows(FIND_INDEX).await?.is_empty() {
            migrated.created_index = self.create(CREATE_INDEX).await?;
        }
        if self.rows(FIND_RECORD).await?.is_empty() {
            let record = sqlx::query(ADD_RECORD).bind(now).execute(&mut *self.connection);
            self.deadline.result::<MySql, _>(record).await?;
            // Should `autocommit` be off.
            self.run("COMMIT").await?;
            migrated.recorded = true;
        }
        Ok(migrated)
    }

    /// Makes a table or an index; `false` if another migration was quicker.
    async fn create(&mut self, sql: &str) -> Result<bool, Failure> {
        match self.run(sql).await {
            Ok(()) => Ok(true),
            Err(failure) if obstacle(&failure) == Obstacle::Present => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Whether the table is there; `refused` if it lacks one of the columns.
    async fn has_table(&mut self, table: &str, columns: &[&str], refused: &'static str) -> Result<bool, Refused> {
        let sql = format!(
            "SELECT CAST(column_name AS CHAR) FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND table_name = '{table}'"
        );
        let found: Vec<String> =
            self.rows(&sql).await?.iter().filter_map(|row| row.try_get_unchecked(0).ok()).collect();
        if found.is_empty() {
            return Ok(false);
        }
        let has = |column: &&str| found.iter().any(|name| name.eq_ignore_ascii_case(column));
        if columns.iter().all(has) { Ok(true) } else { Err(Refused::Columns(refused)) }
    }

    async fn run(&mut self, sql: &str) -> Result<(), Failure> {
        self.deadline.result::<MySql, _>(MySql::run(self.connection, sql)).await
    }

    async fn rows(&mut self, sql: &str) -> Result<Vec<sqlx::mysql::MySqlRow>, Failure> {
        let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        self.deadline.result::<MySql, _>(query.fetch_all(&mut *self.connection)).await
    }
}
