//! The table of users, in the database of the sessions or another.

use std::sync::Arc;

use sqlx::Row as _;

use super::statements::Statements;
use super::template::{Template, Value, quoted};
use super::{Handle, PostgresStorage, columns};
use crate::Timestamp;
use crate::storage::StorageError;
use crate::storage::layout::Layout;
use crate::storage::users::{UserKey, UserRow, UserTable};

/// Users in PostgreSQL, through the connections of a storage.
pub(crate) struct PostgresUsers {
    handle: Arc<Handle>,
    columns: usize,
    read: Template,
    touch: Option<Template>,
}

impl PostgresStorage {
    pub(crate) fn users(&self, table: &UserTable) -> PostgresUsers {
        let Handle { connections, simple, .. } = &*self.0;
        // For the errors, and the table's name in them.
        let statements = Statements::new(Layout::Cache, table.schema.as_deref(), &table.name, simple.is_some());
        let template = |pattern: &str| Template::new(pattern, &statements.quoted);
        let place = if table.has_uuids { "$1::text::uuid" } else { "$1" };
        let found = format!("WHERE {} = {place}", quoted(&table.id));
        let columns: Vec<_> = table.columns.iter().map(|column| format!("{}::text", quoted(column))).collect();
        let read = template(&format!("SELECT {} FROM {{table}} {found}", columns.join(", ")));
        let touch = |column: &String| template(&format!("UPDATE {{table}} SET {} = $2 {found}", quoted(column)));
        let touch = table.last_login.as_ref().map(touch);
        let handle = Arc::new(Handle {
            connections: connections.clone(),
            statements,
            together: super::together::Together::default(),
            types: columns::Types::default(),
            schema: table.schema.clone(),
            is_djangos: false,
            simple: simple.clone(),
        });
        PostgresUsers { handle, columns: columns.len(), read, touch }
    }
}

impl PostgresUsers {
    pub(crate) async fn read(&self, key: UserKey) -> Result<Option<UserRow>, StorageError> {
        let rows = self.handle.rows(&self.read, &[value(&key)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let text = |column| row.try_get::<Option<String>, _>(column).map_err(StorageError::not_done);
        (0..self.columns).map(text).collect::<Result<_, _>>().map(Some)
    }

    /// `false` if the user is gone.
    pub(crate) async fn touch(&self, key: UserKey, now: Timestamp) -> Result<bool, StorageError> {
        let Some(touch) = &self.touch else { return Ok(true) };
        Ok(self.handle.count(touch, &[value(&key), Value::Moment(now)]).await? > 0)
    }
}

fn value(key: &UserKey) -> Value<'_> {
    match key {
        UserKey::Integer(number) => Value::Number(*number),
        UserKey::Uuid(text) | UserKey::Text(text) => Value::Text(text),
    }
}
