//! What stands in the rows that the server answers.

use bytes::Bytes;
use sqlx::postgres::PgRow;
use sqlx::{Row, ValueRef};

use super::moment::Found;
use crate::Timestamp;
use crate::storage::layout::Layout;
use crate::storage::sql::Failure;
use crate::storage::{Entry, StorageError, Stored, Version};

/// The data and the expiry of a row.
pub(super) fn stored(row: &PgRow, layout: Layout) -> Result<Stored, StorageError> {
    let data = data(row, layout)?;
    let expires = expires(row, 1).ok_or(StorageError::Damaged(layout.expires()))?;
    let version = layout.version(&data);
    Ok(Stored::new(data, Some(expires), version))
}

/// The data, the first column, in the bytes it came in: a database may hold text that is none.
fn data(row: &PgRow, layout: Layout) -> Result<Bytes, StorageError> {
    let damaged = || StorageError::Damaged(layout.data());
    let value = row.try_get_raw(0).map_err(|_| damaged())?;
    if value.is_null() {
        return Err(damaged());
    }
    value.as_bytes().map(Bytes::copy_from_slice).map_err(|_| damaged())
}

fn expires(row: &PgRow, column: usize) -> Option<Timestamp> {
    row.try_get::<Option<Found>, _>(column).ok().flatten().and_then(|found| found.0)
}

/// A row of a scan: key, length, expiry, what it is compared by in hexadecimal digits.
pub(super) fn entry(row: &PgRow) -> Result<Entry, Failure> {
    let unexpected = |error: sqlx::Error| Failure::Unexpected(error.into());
    let name: String = row.try_get(0).map_err(unexpected)?;
    let bytes = row.try_get::<Option<i64>, _>(1).map_err(unexpected)?.unwrap_or(0);
    let tail: Option<&str> = row.try_get(3).map_err(unexpected)?;
    let version = Version::from_signature(&from_hex(tail.unwrap_or_default()));
    Ok(Entry::new(name, u64::try_from(bytes).unwrap_or(0), expires(row, 2), version))
}

/// A number of rows, and the latest of their moments.
pub(super) fn count_and_moment(row: &PgRow) -> Result<(i64, Option<Timestamp>), Failure> {
    let count = row.try_get(0).map_err(|error| Failure::Unexpected(error.into()))?;
    Ok((count, expires(row, 1)))
}

fn from_hex(digits: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
    digits.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn hexadecimal_digits_are_read() {
        assert_eq!(super::from_hex("00ff4a"), [0, 255, 74]);
        assert!(super::from_hex("").is_empty());
    }
}
