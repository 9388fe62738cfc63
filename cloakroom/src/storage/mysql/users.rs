//! The table of users, in the database of the sessions or another.

use std::sync::Arc;

use sqlx::mysql::MySqlRow;

use super::columns::Value;
use super::rows::bytes;
use super::statements::{Statements, quoted};
use super::{Handle, MysqlStorage};
use crate::Timestamp;
use crate::storage::StorageError;
use crate::storage::layout::Layout;
use crate::storage::users::{UserKey, UserRow, UserTable};

/// Users in MySQL or MariaDB, through the connections of a storage.
pub(crate) struct MysqlUsers {
    storage: MysqlStorage,
    columns: usize,
    read: Arc<str>,
    touch: Option<Arc<str>>,
}

impl MysqlStorage {
    pub(crate) fn users(&self, table: &UserTable) -> MysqlUsers {
        let Handle { connections, statements, dates, autocommit, .. } = &*self.0;
        let prefix = &statements.prefix;
        let name = match &table.schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(&table.name)),
            None => quoted(&table.name),
        };
        // A column of the type UUID takes the digits too.
        let found = format!("WHERE {} = ?", quoted(&table.id));
        let text = |column: &String| format!("CAST(CONVERT({} USING utf8mb4) AS BINARY)", quoted(column));
        let columns: Vec<_> = table.columns.iter().map(text).collect();
        let touch = |column: &String| format!("{prefix}UPDATE {name} SET {} = ? {found}", quoted(column)).into();
        MysqlUsers {
            columns: columns.len(),
            read: format!("{prefix}SELECT {} FROM {name} {found}", columns.join(", ")).into(),
            touch: table.last_login.as_ref().map(touch),
            storage: MysqlStorage(Arc::new(Handle {
                connections: connections.clone(),
                // For the errors, and the table's name in them.
                statements: Statements::new(Layout::Cache, &table.name, prefix),
                dates: dates.clone(),
                is_djangos: false,
                autocommit: autocommit.clone(),
            })),
        }
    }
}

impl MysqlUsers {
    pub(crate) async fn read(&self, key: UserKey) -> Result<Option<UserRow>, StorageError> {
        let rows = self.storage.0.rows(&self.read, &[value(&key)]).await?;
        let text =
            |row: &MySqlRow, column| bytes(row, column).and_then(|bytes| str::from_utf8(bytes).ok()).map(str::to_owned);
        Ok(rows.first().map(|row| (0..self.columns).map(|column| text(row, column)).collect()))
    }

    /// `false` if the user is gone.
    pub(crate) async fn touch(&self, key: UserKey, now: Timestamp) -> Result<bool, StorageError> {
        let Some(touch) = &self.touch else { return Ok(true) };
        let now = self.storage.0.dates.write(now);
        Ok(self.storage.write_any(touch, &[Value::Text(&now), value(&key)], b"").await? > 0)
    }
}

fn value(key: &UserKey) -> Value<'_> {
    match key {
        UserKey::Integer(number) => Value::Number(*number),
        UserKey::Uuid(text) | UserKey::Text(text) => Value::Text(text),
    }
}
