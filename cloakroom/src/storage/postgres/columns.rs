//! Columns of the application's own. Each value goes as text with a cast to the column's type, which the server is
//! asked for once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::Row;
use thiserror::Error;

use super::Handle;
use super::template::{Template, Value};
use crate::storage::{Column, ColumnValue, Expect, StorageError};

/// The types of the table's columns, by name, as far as they were asked for.
#[derive(Debug, Default)]
pub(super) struct Types(Mutex<Arc<HashMap<String, String>>>);

#[derive(Debug, Error)]
enum Unusable {
    #[error("a column of the application's own cannot be called {0}")]
    Name(String),
    #[error("the table of sessions has no column {0}")]
    Missing(String),
    #[error("PostgreSQL keeps text without NUL")]
    NotText,
}

/// A statement that writes columns too, and the text of their values.
pub(super) struct Extended {
    pub(super) template: Template,
    pub(super) texts: Vec<String>,
}

impl Extended {
    /// All values: those of the statement without columns, then theirs.
    pub(super) fn values<'a>(&'a self, fixed: &[Value<'a>]) -> Vec<Value<'a>> {
        fixed.iter().copied().chain(self.texts.iter().map(|text| Value::Text(text))).collect()
    }
}

/// What is written, without the columns of the application's own.
#[derive(Clone, Copy)]
pub(super) enum Write<'a> {
    Insert,
    Replace(Expect<'a>),
    Rename(Expect<'a>),
}

impl Handle {
    /// The statement for `columns`. Its values come after those of the statement without them, and the version last.
    pub(super) async fn extended(&self, write: Write<'_>, columns: &[Column]) -> Result<Extended, StorageError> {
        let types = self.types(columns).await?;
        let fixed = if matches!(write, Write::Rename(_)) { 4 } else { 3 };
        let (mut names, mut places, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        for column in columns {
            let text = match column.value() {
                ColumnValue::Null => None,
                ColumnValue::Bool(truth) => Some(truth.to_string()),
                ColumnValue::Integer(number) => Some(number.to_string()),
                ColumnValue::Text(text) if text.contains('\0') => {
                    return Err(StorageError::not_done(Unusable::NotText));
                }
                ColumnValue::Text(text) => Some(text.clone()),
                ColumnValue::Moment(moment) => Some(moment.to_string()),
            };
            names.push(format!("\"{}\"", column.name()));
            places.push(match text {
                None => "NULL".to_owned(),
                Some(text) => {
                    texts.push(text);
                    format!("${}::text::{}", fixed + texts.len(), types[column.name()])
                }
            });
        }
        let set = |first: &str, expect| {
            let pairs = names.iter().zip(&places).map(|(name, place)| format!(", {name} = {place}"));
            let pairs: String = pairs.collect();
            let pattern = format!("UPDATE {{table}} SET {first}{pairs} WHERE session_key = $1");
            self.statements.conditional(&pattern, fixed + texts.len() + 1, expect)
        };
        let template = match write {
            Write::Insert => self.statements.template(&format!(
                "INSERT INTO {{table}} (session_key, session_data, expire_date, {}) VALUES ($1, $2, $3, {}) \
                 ON CONFLICT (session_key) DO NOTHING",
                names.join(", "),
                places.join(", ")
            )),
            Write::Replace(expect) => set("session_data = $2, expire_date = $3", expect),
            Write::Rename(expect) => set("session_key = $2, session_data = $3, expire_date = $4", expect),
        };
        Ok(Extended { template, texts })
    }

    /// The types of these columns at least.
    async fn types(&self, columns: &[Column]) -> Result<Arc<HashMap<String, String>>, StorageError> {
        if let Some(column) = columns.iter().find(|column| !column.has_usable_name()) {
            return Err(StorageError::not_done(Unusable::Name(column.name().to_owned())));
        }
        let missing = |known: &HashMap<String, String>| {
            columns.iter().find(|column| !known.contains_key(column.name())).map(|column| column.name().to_owned())
        };
        let known = Arc::clone(&self.types.0.lock().unwrap_or_else(PoisonError::into_inner));
        if missing(&known).is_none() {
            return Ok(known);
        }
        let rows = self.rows(&self.statements.types, &[Value::Text(&self.statements.quoted)]).await?;
        let damaged = |_| StorageError::Damaged("the types of the table's columns");
        let pair =
            |row: &sqlx::postgres::PgRow| Ok((row.try_get(0).map_err(damaged)?, row.try_get(1).map_err(damaged)?));
        let found = Arc::new(rows.iter().map(pair).collect::<Result<HashMap<String, String>, StorageError>>()?);
        if found.is_empty() {
            return Err(StorageError::MissingTable { table: self.statements.table.clone() });
        }
        *self.types.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&found);
        match missing(&found) {
            Some(name) => Err(StorageError::not_done(Unusable::Missing(name))),
            None => Ok(found),
        }
    }
}
