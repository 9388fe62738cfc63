//! Django's tables in a SQLite file, and its record that they were made.

use rusqlite::{Connection, OptionalExtension, params};

use super::error::SqliteFailure;
use super::options::DEFAULT_TABLE;
use super::statements::Statements;
use crate::Timestamp;
use crate::storage::{Migrated, StorageError};

// The text of each statement is Django's own, to the byte: SQLite keeps it, and tools compare it.
const CREATE_MIGRATIONS: &str = concat!(
    r#"CREATE TABLE "django_migrations" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "#,
    r#""app" varchar(255) NOT NULL, "name" varchar(255) NOT NULL, "applied" datetime NOT NULL)"#
);
const CREATE_TABLE: &str = concat!(
    r#"CREATE TABLE "django_session" ("session_key" varchar(40) NOT NULL PRIMARY KEY, "#,
    r#""session_data" text NOT NULL, "expire_date" datetime NOT NULL)"#
);
const CREATE_INDEX: &str = r#"CREATE INDEX "django_session_expire_date_a5c62663" ON "django_session" ("expire_date")"#;
const FIND_RECORD: &str = "SELECT 1 FROM django_migrations WHERE app = 'sessions' AND name = '0001_initial'";
const ADD_RECORD: &str = "INSERT INTO django_migrations (app, name, applied) VALUES ('sessions', '0001_initial', ?1)";
/// The moment in Django's form, from SQLite's own clock: `%f` has three digits, Django's fraction six.
const ADD_RECORD_NOW: &str = concat!(
    r#"INSERT INTO "django_migrations" ("app", "name", "applied") "#,
    "VALUES ('sessions', '0001_initial', strftime('%Y-%m-%d %H:%M:%f000', 'now'))"
);

/// The statements that make an empty SQLite file ready for sessions, each to be run once and in this order: the
/// two tables, the index, and Django's record of the migration (with UTC, as under `USE_TZ = True`). For those
/// who apply their changes themselves; [`SqliteStorage::migrate`](super::SqliteStorage::migrate) looks first at
/// what is there.
///
/// ```
/// use cloakroom::storage::sqlite::migration_sql;
///
/// assert!(migration_sql()[1].starts_with("CREATE TABLE \"django_session\""));
/// ```
#[must_use]
pub const fn migration_sql() -> [&'static str; 4] {
    [CREATE_MIGRATIONS, CREATE_TABLE, CREATE_INDEX, ADD_RECORD_NOW]
}

/// What `manage.py sqlmigrate sessions 0001` prints on SQLite: the table and its index, without the record.
///
/// ```
/// assert!(cloakroom::storage::sqlite::sqlmigrate().contains("-- Create model Session"));
/// ```
#[must_use]
pub fn sqlmigrate() -> String {
    format!("BEGIN;\n--\n-- Create model Session\n--\n{CREATE_TABLE};\n{CREATE_INDEX};\nCOMMIT;\n")
}

/// Makes what is missing. Leaves nothing behind when it fails.
pub(super) fn migrate(
    connection: &Connection,
    statements: &Statements,
    now: Timestamp,
) -> Result<Migrated, StorageError> {
    if statements.table != DEFAULT_TABLE {
        return Err(StorageError::Unsupported("migrate for a table other than django_session"));
    }
    let failed = |error: rusqlite::Error| StorageError::not_done(SqliteFailure::of(&error));
    match whole(connection, || make(connection, &statements.dates.write(now))).map_err(failed)? {
        Ok(migrated) => Ok(migrated),
        Err(Refused::Columns(what)) => Err(StorageError::Damaged(what)),
        Err(Refused::Sqlite(error)) => Err(failed(error)),
    }
}

/// Makes the table of a cache and its index, as Django's `createcachetable`; `false` if it is there.
pub(super) fn create_cache_table(
    connection: &Connection,
    statements: &Statements,
    sql: &[String],
) -> Result<bool, StorageError> {
    let failed = |error: rusqlite::Error| StorageError::not_done(SqliteFailure::of(&error));
    let done = whole(connection, || {
        if connection.table_exists(None, &*statements.table)? {
            return Ok(false);
        }
        sql.iter().try_for_each(|sql| connection.execute_batch(sql))?;
        Ok::<_, rusqlite::Error>(true)
    });
    done.map_err(failed)?.map_err(failed)
}

/// Others share the transaction: what is undone when it fails must be this work and nothing else.
fn whole<T, E>(connection: &Connection, work: impl FnOnce() -> Result<T, E>) -> rusqlite::Result<Result<T, E>> {
    connection.execute_batch("SAVEPOINT make")?;
    let done = work();
    let undo = if done.is_err() { "ROLLBACK TO make; RELEASE make" } else { "RELEASE make" };
    // SQLite may have rolled everything back already, savepoint included.
    if !connection.is_autocommit() {
        connection.execute_batch(undo)?;
    }
    Ok(done)
}

enum Refused {
    /// A table of that name is there and has not Django's columns.
    Columns(&'static str),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn make(connection: &Connection, now: &str) -> Result<Migrated, Refused> {
    let mut migrated = Migrated::default();
    // Django makes its record's table first.
    let refused = "the table django_migrations has other columns than Django's";
    if !has_table(connection, "django_migrations", &["app", "name", "applied"], refused)? {
        connection.execute_batch(CREATE_MIGRATIONS)?;
    }
    let refused = "the table django_session has other columns than Django's";
    if !has_table(connection, "django_session", &["session_key", "session_data", "expire_date"], refused)? {
        connection.execute_batch(CREATE_TABLE)?;
        migrated.created_table = true;
    }
    if !has_index(connection)? {
        connection.execute_batch(CREATE_INDEX)?;
        migrated.created_index = true;
    }
    if connection.query_row(FIND_RECORD, [], |_| Ok(())).optional()?.is_none() {
        connection.execute(ADD_RECORD, params![now])?;
        migrated.recorded = true;
    }
    Ok(migrated)
}

/// Whether the table is there; `refused` if it lacks one of the columns.
fn has_table(connection: &Connection, table: &str, columns: &[&str], refused: &'static str) -> Result<bool, Refused> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let found = statement.query_map([table], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    if found.is_empty() {
        return Ok(false);
    }
    let complete = columns.iter().all(|column| found.iter().any(|name| name.eq_ignore_ascii_case(column)));
    if complete { Ok(true) } else { Err(Refused::Columns(refused)) }
}

/// Whether some index begins with `expire_date`: early versions of Django named it differently.
fn has_index(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM pragma_index_list('django_session') AS list, pragma_index_info(list.name) AS info \
               WHERE info.seqno = 0 AND info.name = 'expire_date'";
    Ok(connection.query_row(sql, [], |_| Ok(())).optional()?.is_some())
}
