//! The table of users, in the file of the sessions or another.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use super::statements::{Statements, quoted};
use super::{SqliteStorage, error::SqliteFailure};
use crate::Timestamp;
use crate::storage::StorageError;
use crate::storage::users::{UserKey, UserRow, UserTable};

/// Users in an SQLite file, by the threads of a storage on it.
pub(crate) struct SqliteUsers {
    storage: SqliteStorage,
    columns: usize,
    read: String,
    touch: Option<String>,
}

impl SqliteStorage {
    pub(crate) fn users(&self, table: &UserTable) -> SqliteUsers {
        let name = quoted(&table.name);
        // With the table before it: SQLite takes a name in quotes that is no column for a text.
        let of_table = |column: &String| format!("{name}.{}", quoted(column));
        let id = of_table(&table.id);
        let columns: Vec<_> = table.columns.iter().map(of_table).collect();
        let touch = |column: &String| format!("UPDATE {name} SET {} = ?2 WHERE {id} = ?1", quoted(column));
        SqliteUsers {
            storage: self.cache_table(&table.name),
            columns: columns.len(),
            read: format!("SELECT {} FROM {name} WHERE {id} = ?1", columns.join(", ")),
            touch: table.last_login.as_ref().map(touch),
        }
    }
}

impl SqliteUsers {
    pub(crate) async fn read(&self, key: UserKey) -> Result<Option<UserRow>, StorageError> {
        let (sql, columns) = (self.read.clone(), self.columns);
        let read = move |connection: &Connection, _: &Statements| {
            let mut statement = connection.prepare_cached(&sql)?;
            statement.query_row([value(&key)], |row| (0..columns).map(|column| text(row, column)).collect()).optional()
        };
        self.storage.read_on_thread(read).await
    }

    /// `false` if the user is gone.
    pub(crate) async fn touch(&self, key: UserKey, now: Timestamp) -> Result<bool, StorageError> {
        let Some(sql) = self.touch.clone() else { return Ok(true) };
        let write = move |connection: &Connection, statements: &Statements| {
            let updated = connection
                .prepare_cached(&sql)
                .and_then(|mut statement| statement.execute(params![value(&key), statements.dates.write(now)]));
            match updated {
                Ok(count) => Ok(count > 0),
                Err(error) => Err(SqliteFailure::of(&error).not_done(&statements.table)),
            }
        };
        self.storage.write(write).await
    }
}

fn value(key: &UserKey) -> &dyn ToSql {
    match key {
        UserKey::Integer(number) => number,
        UserKey::Uuid(text) | UserKey::Text(text) => text,
    }
}

/// A column as text; bytes that are none count as NULL.
fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => str::from_utf8(bytes).ok().map(str::to_owned),
    })
}
