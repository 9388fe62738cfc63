//! The statements on one table of sessions, and what becomes of their answers.
//!
//! The version of a session is the last 43 bytes of its data, where Django's signature stands. It is compared as
//! bytes, so that text and BLOB, ASCII or not, are all treated as
//! [`Version::from_signature`](crate::storage::Version::from_signature) treats them. That of a cache's value is its
//! SHA-256, by a function that each connection is given.

use bytes::Bytes;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use super::columns::{Columns, all};
use super::connection::VERSION_FUNCTION;
use super::error::SqliteFailure;
use super::operation::{Data, Owned, Wanted};
use crate::Timestamp;
use crate::storage::date_column::DateColumn;
use crate::storage::layout::Layout;
use crate::storage::{Cursor, Entry, Insert, Page, Remove, Rename, Replace, StorageError, Stored, Touch, Version};

/// The table, its column of moments, and the statements on it.
#[derive(Debug)]
pub(super) struct Statements {
    layout: Layout,
    pub(super) table: String,
    pub(super) dates: DateColumn,
    read: String,
    present: String,
    insert: String,
    insert_over: String,
    replace: String,
    touch: String,
    remove: String,
    rename: String,
    scan: String,
    remove_expired: String,
}

/// What became of a conditional statement.
enum Hit {
    Done,
    Missing,
    Changed,
}

impl Statements {
    pub(super) fn new(layout: Layout, table: String, dates: DateColumn) -> Self {
        let name = quoted(&table);
        let (key, data, expires) = (layout.key(), layout.data(), layout.expires());
        let version = match layout {
            // SQLite's substr answers NULL for an empty BLOB.
            Layout::Sessions => format!("ifnull(substr(CAST({data} AS BLOB), -43), x'')"),
            Layout::Cache => format!("{VERSION_FUNCTION}({data})"),
        };
        // A NULL parameter stands for any version.
        let found = format!("WHERE {key} = ?1 AND (?2 IS NULL OR {version} = ?2)");
        Self {
            read: format!("SELECT {data}, {expires} FROM {name} WHERE {key} = ?1"),
            present: format!("SELECT 1 FROM {name} WHERE {key} = ?1"),
            insert: format!("INSERT INTO {name} ({key}, {data}, {expires}) VALUES (?1, ?2, ?3)"),
            insert_over: format!(
                "INSERT INTO {name} AS kept ({key}, {data}, {expires}) VALUES (?1, ?2, ?3) ON CONFLICT ({key}) \
                 DO UPDATE SET {data} = excluded.{data}, {expires} = excluded.{expires} WHERE kept.{expires} < ?4"
            ),
            replace: format!("UPDATE {name} SET {data} = ?3, {expires} = ?4 {found}"),
            touch: format!("UPDATE {name} SET {expires} = ?3 {found}"),
            remove: format!("DELETE FROM {name} {found}"),
            rename: format!("UPDATE {name} SET {key} = ?3, {data} = ?4, {expires} = ?5 {found}"),
            // A cache's table holds other entries too: those of a prefix are listed.
            scan: match layout {
                Layout::Sessions => format!(
                    "SELECT {key}, octet_length({data}), {expires}, {version} FROM {name} \
                     WHERE {key} > ?1 ORDER BY {key}"
                ),
                Layout::Cache => format!(
                    "SELECT {key}, length(rtrim({data}, '=')) * 3 / 4, {expires}, {version} FROM {name} \
                     WHERE {key} > ?1 AND substr({key}, 1, length(?2)) = ?2 ORDER BY {key}"
                ),
            },
            remove_expired: format!(
                "DELETE FROM {name} WHERE {key} IN (SELECT {key} FROM {name} WHERE {expires} < ?1 LIMIT ?2)"
            ),
            layout,
            table,
            dates,
        }
    }

    /// The column of the moments.
    pub(super) fn expires(&self) -> &'static str {
        self.layout.expires()
    }

    /// The error of a statement that had no effect.
    pub(super) fn failed(&self, error: &rusqlite::Error) -> StorageError {
        SqliteFailure::of(error).not_done(&self.table)
    }

    pub(super) fn read(&self, connection: &Connection, name: &str) -> rusqlite::Result<Option<RawRow>> {
        let mut statement = connection.prepare_cached(&self.read)?;
        let mut rows = statement.query([name])?;
        rows.next()?.map(|row| self.raw_row(row)).transpose()
    }

    fn raw_row(&self, row: &Row<'_>) -> rusqlite::Result<RawRow> {
        let data = match row.get_ref(0)? {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(Bytes::copy_from_slice(bytes)),
            _ => None,
        };
        Ok(RawRow { layout: self.layout, data, expires: self.moment(row.get_ref(1)?) })
    }

    fn moment(&self, value: ValueRef<'_>) -> Option<Timestamp> {
        match value {
            ValueRef::Text(text) => self.dates.read(text),
            _ => None,
        }
    }

    pub(super) fn insert(&self, connection: &Connection, name: &str, new: &Owned) -> Result<Insert, StorageError> {
        let until = self.dates.write(new.expires);
        let columns = Columns::new(&new.columns, 4)?;
        let values = columns.values(&self.dates);
        let values = all(params![name, new.data, until], &values);
        match self.execute(connection, &columns.insert(&self.insert), &values) {
            Ok(_) => Ok(Insert::Inserted(self.layout.version(new.data.bytes()))),
            Err(failure) if failure.is_taken() => Ok(Insert::Exists),
            Err(failure) => Err(failure.not_done(&self.table)),
        }
    }

    /// Inserts, in the place of what ended before `now` too.
    pub(super) fn insert_over(
        &self,
        connection: &Connection,
        name: &str,
        new: &Owned,
        now: Timestamp,
    ) -> Result<Insert, StorageError> {
        let (until, now) = (self.dates.write(new.expires), self.dates.write(now));
        match self.execute(connection, &self.insert_over, params![name, new.data, until, now]) {
            Ok(0) => Ok(Insert::Exists),
            Ok(_) => Ok(Insert::Inserted(self.layout.version(new.data.bytes()))),
            Err(failure) => Err(failure.not_done(&self.table)),
        }
    }

    pub(super) fn replace(
        &self,
        connection: &Connection,
        name: &str,
        wanted: &Wanted,
        new: &Owned,
    ) -> Result<Replace, StorageError> {
        let until = self.dates.write(new.expires);
        let columns = Columns::new(&new.columns, 5)?;
        let values = columns.values(&self.dates);
        let values = all(params![name, wanted, new.data, until], &values);
        let hit = self.execute(connection, &columns.update(&self.replace), &values);
        Ok(match self.hit(connection, name, hit)? {
            Hit::Done => Replace::Replaced(self.layout.version(new.data.bytes())),
            Hit::Missing => Replace::Missing,
            Hit::Changed => Replace::Changed,
        })
    }

    pub(super) fn touch(
        &self,
        connection: &Connection,
        name: &str,
        wanted: &Wanted,
        until: Timestamp,
    ) -> Result<Touch, StorageError> {
        let hit = self.execute(connection, &self.touch, params![name, wanted, self.dates.write(until)]);
        Ok(match self.hit(connection, name, hit)? {
            Hit::Done => Touch::Touched,
            Hit::Missing => Touch::Missing,
            Hit::Changed => Touch::Changed,
        })
    }

    pub(super) fn remove(&self, connection: &Connection, name: &str, wanted: &Wanted) -> Result<Remove, StorageError> {
        let hit = self.execute(connection, &self.remove, params![name, wanted]);
        Ok(match self.hit(connection, name, hit)? {
            Hit::Done => Remove::Removed,
            Hit::Missing => Remove::Missing,
            Hit::Changed => Remove::Changed,
        })
    }

    pub(super) fn rename(
        &self,
        connection: &Connection,
        [from, to]: [&str; 2],
        wanted: &Wanted,
        new: &Owned,
    ) -> Result<Rename, StorageError> {
        // The row is free to take its own name, so that case is told apart here.
        if from == to {
            let found = self.is_present(connection, from).map_err(|failure| failure.not_done(&self.table))?;
            return Ok(if found { Rename::Exists } else { Rename::Missing });
        }
        let until = self.dates.write(new.expires);
        let columns = Columns::new(&new.columns, 6)?;
        let values = columns.values(&self.dates);
        let values = all(params![from, wanted, to, new.data, until], &values);
        let hit = self.execute(connection, &columns.update(&self.rename), &values);
        if hit.as_ref().is_err_and(SqliteFailure::is_taken) {
            return Ok(Rename::Exists);
        }
        Ok(match self.hit(connection, from, hit)? {
            Hit::Done => Rename::Renamed(self.layout.version(new.data.bytes())),
            Hit::Missing => Rename::Missing,
            Hit::Changed => Rename::Changed,
        })
    }

    /// The rows in the order of their keys, stepped through one by one: a row whose key is no text is passed
    /// over, and could hold up a page that SQLite had limited.
    /// Of a cache's table, those whose keys begin with `under`.
    pub(super) fn scan(
        &self,
        connection: &Connection,
        under: Option<&str>,
        after: &str,
        limit: usize,
    ) -> rusqlite::Result<Page> {
        let mut statement = connection.prepare_cached(&self.scan)?;
        let mut rows = match under {
            Some(under) => statement.query([after, under])?,
            None => statement.query([after])?,
        };
        let mut entries: Vec<Entry> = Vec::new();
        while let Some(row) = rows.next()? {
            let ValueRef::Text(name) = row.get_ref(0)? else { continue };
            let Ok(name) = str::from_utf8(name) else { continue };
            if entries.len() == limit.max(1) {
                let next = entries.last().map(|entry| Cursor::new(&*entry.name));
                return Ok(Page::new(entries, next));
            }
            let bytes = row.get::<_, Option<i64>>(1)?.and_then(|length| u64::try_from(length).ok());
            let version = match row.get_ref(3)? {
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Version::from_bytes(bytes),
                _ => Version::from_bytes(b""),
            };
            entries.push(Entry::new(name, bytes.unwrap_or(0), self.moment(row.get_ref(2)?), version));
        }
        Ok(Page::new(entries, None))
    }

    /// Removes rows as Django's `clear_expired` does: the text before the text of `now` (B-92).
    pub(super) fn remove_expired(
        &self,
        connection: &Connection,
        now: Timestamp,
        limit: usize,
    ) -> Result<usize, StorageError> {
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        self.execute(connection, &self.remove_expired, params![self.dates.write(now), most])
            .map_err(|failure| failure.not_done(&self.table))
    }

    fn execute(&self, connection: &Connection, sql: &str, params: &[&dyn ToSql]) -> Result<usize, SqliteFailure> {
        connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params))
            .map_err(|error| SqliteFailure::of(&error))
    }

    /// Tells a row that is missing from one that is another than expected, in the same transaction.
    fn hit(&self, connection: &Connection, name: &str, hit: Result<usize, SqliteFailure>) -> Result<Hit, StorageError> {
        match hit {
            Ok(0) => self.is_present(connection, name).map(|found| if found { Hit::Changed } else { Hit::Missing }),
            Ok(_) => Ok(Hit::Done),
            Err(failure) => Err(failure),
        }
        .map_err(|failure| failure.not_done(&self.table))
    }

    fn is_present(&self, connection: &Connection, name: &str) -> Result<bool, SqliteFailure> {
        connection
            .prepare_cached(&self.present)
            .and_then(|mut statement| statement.query_row([name], |_| Ok(())).optional())
            .map(|found| found.is_some())
            .map_err(|error| SqliteFailure::of(&error))
    }
}

/// A row as it was found; what cannot be read in it is `None`.
pub(super) struct RawRow {
    layout: Layout,
    data: Option<Bytes>,
    expires: Option<Timestamp>,
}

impl RawRow {
    pub(super) fn stored(self) -> Result<Stored, StorageError> {
        let data = self.data.ok_or(StorageError::Damaged(self.layout.data()))?;
        let expires = self.expires.ok_or(StorageError::Damaged(self.layout.expires()))?;
        let version = self.layout.version(&data);
        Ok(Stored::new(data, Some(expires), version))
    }
}

impl ToSql for Data {
    /// As TEXT, which Python reads as a `str`. Bytes that are not text stay bytes.
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let bytes = self.bytes();
        let value = if str::from_utf8(bytes).is_ok() { ValueRef::Text(bytes) } else { ValueRef::Blob(bytes) };
        Ok(ToSqlOutput::Borrowed(value))
    }
}

impl ToSql for Wanted {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match &self.0 {
            Some(version) => ValueRef::Blob(version.as_bytes()),
            None => ValueRef::Null,
        }))
    }
}

/// A name as an identifier in SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_quote_in_a_name_is_doubled() {
        assert_eq!(quoted("django_session"), "\"django_session\"");
        assert_eq!(quoted("a\"; DROP TABLE b; --"), "\"a\"\"; DROP TABLE b; --\"");
    }
}
