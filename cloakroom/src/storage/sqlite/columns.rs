//! Columns of the application's own, in the statements that write data.

use std::borrow::Cow;

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, Value};

use crate::storage::date_column::DateColumn;
use crate::storage::{Column, ColumnValue, StorageError};

/// What goes between the parts of a statement: `, "a" = ?5, "b" = ?6`, or the like, and the values.
pub(super) struct Columns<'a> {
    columns: &'a [Column],
    /// The number of the first value.
    first: usize,
}

impl<'a> Columns<'a> {
    /// `first` is the number of the first value of theirs.
    pub(super) fn new(columns: &'a [Column], first: usize) -> Result<Self, StorageError> {
        match columns.iter().find(|column| !column.has_usable_name()) {
            None => Ok(Self { columns, first }),
            Some(column) => {
                let problem = format!("a column of the application's own cannot be called {}", column.name());
                Err(StorageError::not_done(problem))
            }
        }
    }

    fn each(&self, write: impl Fn(&str, usize) -> String) -> String {
        self.columns.iter().enumerate().map(|(index, column)| write(column.name(), self.first + index)).collect()
    }

    /// An UPDATE that sets them too: its last WHERE is the library's own.
    pub(super) fn update<'s>(&self, sql: &'s str) -> Cow<'s, str> {
        let Some(end) = sql.rfind(" WHERE session_key = ").filter(|_| !self.columns.is_empty()) else {
            return sql.into();
        };
        let (set, condition) = sql.split_at(end);
        format!("{set}{}{condition}", self.each(|name, number| format!(", \"{name}\" = ?{number}"))).into()
    }

    /// An INSERT that sets them too: its last VALUES is the library's own.
    pub(super) fn insert<'s>(&self, sql: &'s str) -> Cow<'s, str> {
        let Some(end) = sql.rfind(") VALUES (").filter(|_| !self.columns.is_empty()) else { return sql.into() };
        let (names, values) = sql.split_at(end);
        let names_of = self.each(|name, _| format!(", \"{name}\""));
        let places = self.each(|_, number| format!(", ?{number}"));
        format!("{names}{names_of}{}{places})", values.trim_end_matches(')')).into()
    }

    /// As Django writes them: truth as 0 and 1, moments as text.
    pub(super) fn values(&self, dates: &DateColumn) -> Vec<ToSqlOutput<'static>> {
        let value = |column: &Column| match column.value() {
            ColumnValue::Null => Value::Null,
            ColumnValue::Bool(truth) => Value::Integer(i64::from(*truth)),
            ColumnValue::Integer(number) => Value::Integer(*number),
            ColumnValue::Text(text) => Value::Text(text.clone()),
            ColumnValue::Moment(moment) => Value::Text(dates.write(*moment)),
        };
        self.columns.iter().map(|column| ToSqlOutput::Owned(value(column))).collect()
    }
}

/// The values of a statement, and then those of the columns.
pub(super) fn all<'v>(fixed: &[&'v dyn ToSql], columns: &'v [ToSqlOutput<'static>]) -> Vec<&'v dyn ToSql> {
    fixed.iter().copied().chain(columns.iter().map(|value| value as &dyn ToSql)).collect()
}
