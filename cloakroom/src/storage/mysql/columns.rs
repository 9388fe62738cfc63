//! Columns of the application's own.

use std::sync::Arc;

use thiserror::Error;

use super::Handle;
use super::statements::Write;
use crate::storage::{Column, ColumnValue, StorageError};

/// A value for a place in a statement.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Null,
    Text(&'a str),
    Bytes(&'a [u8]),
    Number(i64),
}

#[derive(Debug, Error)]
#[error("a column of the application's own cannot be called {0}")]
struct UnusableName(String);

/// The values of a statement, those of its columns last.
pub(super) struct Values<'a> {
    fixed: &'a [Value<'a>],
    columns: &'a [Column],
    /// Of the columns that hold moments, in their order.
    moments: Vec<String>,
}

impl Values<'_> {
    pub(super) fn all(&self) -> Vec<Value<'_>> {
        let mut moments = self.moments.iter();
        let column = |column| match column {
            &ColumnValue::Null => Value::Null,
            &ColumnValue::Bool(truth) => Value::Number(truth.into()),
            &ColumnValue::Integer(number) => Value::Number(number),
            ColumnValue::Text(text) => Value::Text(text),
            ColumnValue::Moment(_) => moments.next().map_or(Value::Null, |moment| Value::Text(moment)),
        };
        let columns = self.columns.iter().map(Column::value).map(column);
        self.fixed.iter().copied().chain(columns).collect()
    }
}

impl Handle {
    /// The statement and all its values, with `columns`. Its text is the same for the same columns, so the driver
    /// prepares it once.
    pub(super) fn write<'a>(
        &self,
        write: &Write,
        columns: &'a [Column],
        fixed: &'a [Value<'a>],
    ) -> Result<(Arc<str>, Values<'a>), StorageError> {
        if columns.is_empty() {
            return Ok((Arc::clone(write.whole()), Values { fixed, columns, moments: Vec::new() }));
        }
        if let Some(column) = columns.iter().find(|column| !column.has_usable_name()) {
            return Err(StorageError::not_done(UnusableName(column.name().to_owned())));
        }
        let names: Vec<&str> = columns.iter().map(Column::name).collect();
        let moment = |column: &Column| match column.value() {
            ColumnValue::Moment(moment) => Some(self.dates.write(*moment)),
            _ => None,
        };
        let moments = columns.iter().filter_map(moment).collect();
        Ok((write.with(&names), Values { fixed, columns, moments }))
    }
}
