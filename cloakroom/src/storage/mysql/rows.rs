//! What stands in the rows that the server answers.

use bytes::Bytes;
use sqlx::Row;
use sqlx::mysql::MySqlRow;

use crate::Timestamp;
use crate::storage::date_column::DateColumn;
use crate::storage::layout::Layout;
use crate::storage::{Entry, StorageError, Stored, Version};

/// The bytes of a column, of whatever type and collation; `None` for NULL.
pub(super) fn bytes(row: &MySqlRow, column: usize) -> Option<&[u8]> {
    row.try_get_unchecked::<Option<&[u8]>, _>(column).ok().flatten()
}

/// The data and the expiry of a row.
pub(super) fn stored(row: &MySqlRow, dates: &DateColumn, layout: Layout) -> Result<Stored, StorageError> {
    let data = bytes(row, 0).map(Bytes::copy_from_slice).ok_or(StorageError::Damaged(layout.data()))?;
    let expires = expires(row, 1, dates).ok_or(StorageError::Damaged(layout.expires()))?;
    let version = layout.version(&data);
    Ok(Stored::new(data, Some(expires), version))
}

/// Nothing for what Django cannot read either: `0000-00-00 00:00:00`.
fn expires(row: &MySqlRow, column: usize, dates: &DateColumn) -> Option<Timestamp> {
    dates.read(bytes(row, column)?)
}

/// A row of a scan: key, length, expiry, what it is compared by. Nothing if the key is no text.
pub(super) fn entry(row: &MySqlRow, dates: &DateColumn) -> Option<Entry> {
    let name = str::from_utf8(bytes(row, 0)?).ok()?;
    let length = row.try_get_unchecked::<Option<i64>, _>(1).ok().flatten().unwrap_or(0);
    let version = Version::from_signature(bytes(row, 3).unwrap_or_default());
    Some(Entry::new(name, u64::try_from(length).unwrap_or(0), expires(row, 2, dates), version))
}
