//! The operations of a storage: each one statement, and what its answer means.

use std::sync::Arc;

use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::{Arguments, AssertSqlSafe, MySql, MySqlConnection, Row};
use thiserror::Error;

use super::columns::Value;
use super::dialect::Obstacle;
use super::rows;
use super::{Handle, MysqlStorage};
use crate::Timestamp;
use crate::storage::layout::Layout;
use crate::storage::sql::{Deadline, Dialect, Failure, Lease, Tries};
use crate::storage::{
    Capabilities, ClearingTurn, Cursor, Expect, Insert, New, Page, Remove, RemovedExpired, Rename, Replace, Storage,
    StorageError, Stored, Touch,
};

/// What `session_key` holds, in characters.
const LONGEST_NAME: usize = 40;
/// No server refuses a packet shorter than this unless somebody made it.
const SURELY_FITS: usize = 512 * 1024;
/// What a packet holds beside the data, at least.
const BESIDE_THE_DATA: usize = 48;

#[derive(Debug, Error)]
#[error("MySQL keeps text: UTF-8")]
struct NotText;

#[derive(Debug, Error)]
#[error("a session key has at most {LONGEST_NAME} small letters and digits")]
struct NoKey;

/// The server's message would show the value.
#[derive(Debug, Error)]
#[error("the database refused a value")]
struct BadValue;

#[derive(Debug, Error)]
#[error("the session data have {bytes} bytes, more than max_allowed_packet ({limit}) of the server lets through")]
struct TooLarge {
    bytes: usize,
    limit: usize,
}

/// What a statement is to answer.
#[derive(Clone, Copy)]
enum Asked {
    Rows,
    Count,
}

/// The rows of a statement, or how many it found.
#[derive(Default)]
struct Answer {
    rows: Vec<MySqlRow>,
    count: u64,
}

/// What became of a statement on a row that must be there.
enum Hit {
    Done,
    Missing,
    /// Other data is there, or another transaction was in the way.
    Changed,
    /// The new key is taken.
    Taken(Failure),
}

impl Handle {
    /// Sends one statement, which is a transaction of its own.
    async fn once(
        &self,
        deadline: &Deadline,
        sql: &Arc<str>,
        values: &[Value<'_>],
        asked: Asked,
    ) -> Result<Answer, Failure> {
        let mut lease: Lease<MySql> = self.connections.lease(deadline).await?;
        let answer = self.alone(lease.connection(), deadline, sql, values, asked).await;
        lease.settle(answer)
    }

    async fn alone(
        &self,
        connection: &mut MySqlConnection,
        deadline: &Deadline,
        sql: &Arc<str>,
        values: &[Value<'_>],
        asked: Asked,
    ) -> Result<Answer, Failure> {
        if self.commits_by_itself(connection, deadline).await? {
            return deadline.result::<MySql, _>(prepared(connection, sql, values, asked)).await;
        }
        // Leaves behind what somebody else may have begun and not ended: an old snapshot, above all.
        deadline.result::<MySql, _>(MySql::run(connection, "START TRANSACTION")).await?;
        let answer = deadline.result::<MySql, _>(prepared(connection, sql, values, asked)).await;
        let end = match &answer {
            Ok(_) => "COMMIT",
            Err(Failure::Refused(_)) => "ROLLBACK",
            Err(_) => return answer,
        };
        deadline.result::<MySql, _>(MySql::run(connection, end)).await?;
        answer
    }

    /// Whether `autocommit` is on: always on connections of our own, and asked once of an application's pool.
    async fn commits_by_itself(&self, connection: &mut MySqlConnection, deadline: &Deadline) -> Result<bool, Failure> {
        let Some(known) = &self.autocommit else { return Ok(true) };
        if let Some(known) = known.get() {
            return Ok(*known);
        }
        let row = deadline.result::<MySql, _>(sqlx::raw_sql("SELECT @@autocommit").fetch_one(connection)).await?;
        let on = row.try_get_unchecked::<i64, _>(0).map_err(|error| Failure::Unexpected(error.into()))? != 0;
        Ok(*known.get_or_init(|| on))
    }

    /// Sends one statement, and once more if it was not begun. `patient`: it has nothing to compare, so a transaction
    /// that was in its way is no answer, and it is tried again until its time is up.
    async fn run(
        &self,
        deadline: Deadline,
        sql: &Arc<str>,
        values: &[Value<'_>],
        asked: Asked,
        patient: bool,
    ) -> Result<Answer, Failure> {
        let mut tries = Tries::default();
        loop {
            // In a box: it holds the driver's whole state, and callers would hold several of it.
            let answer = Box::pin(self.once(&deadline, sql, values, asked)).await;
            let Err(failure) = &answer else { return answer };
            let in_the_way = patient && obstacle(failure) == Obstacle::Conflict;
            if !tries.again(failure, matches!(asked, Asked::Rows), in_the_way).await {
                return answer;
            }
        }
    }

    pub(super) async fn rows(&self, sql: &Arc<str>, values: &[Value<'_>]) -> Result<Vec<MySqlRow>, StorageError> {
        let answer = self.run(self.connections.deadline(), sql, values, Asked::Rows, true).await;
        answer.map(|answer| answer.rows).map_err(|failure| self.not_done(failure))
    }

    /// Whether a row is there.
    async fn is_present(&self, deadline: Deadline, name: &str) -> Result<bool, StorageError> {
        let values = [Value::Text(name); 2];
        let answer = self.run(deadline, &self.statements.present, &values, Asked::Rows, true).await;
        answer.map(|answer| !answer.rows.is_empty()).map_err(|failure| self.not_done(failure))
    }

    /// A conditional statement on the row `name`; tells a row that is missing from one that is another than expected
    /// by a second statement. `values` come before the name; `data` are among them.
    async fn hit(
        &self,
        name: &str,
        sql: &Arc<str>,
        values: &[Value<'_>],
        expect: Expect<'_>,
        data: &[u8],
    ) -> Result<Hit, StorageError> {
        let mut all = values.to_vec();
        all.extend([Value::Text(name); 2]);
        let compares = matches!(expect, Expect::Version(_));
        if let Expect::Version(version) = expect {
            all.push(Value::Bytes(version.as_bytes()));
        }
        let deadline = self.connections.deadline();
        match self.run(deadline, sql, &all, Asked::Count, !compares).await {
            Ok(answer) if answer.count > 0 => return Ok(Hit::Done),
            Ok(_) => {}
            Err(failure) => {
                return match obstacle(&failure) {
                    Obstacle::Conflict if compares => Ok(Hit::Changed),
                    Obstacle::Taken => Ok(Hit::Taken(failure)),
                    _ => Err(self.of_write(deadline, failure, data).await),
                };
            }
        }
        // The statement changed nothing.
        Ok(if self.is_present(deadline, name).await? { Hit::Changed } else { Hit::Missing })
    }

    pub(super) fn not_done(&self, failure: Failure) -> StorageError {
        match obstacle(&failure) {
            Obstacle::NoTable => StorageError::MissingTable { table: self.statements.table.clone() },
            Obstacle::Value => StorageError::not_done(BadValue),
            _ => failure.not_done(),
        }
    }

    /// The error of a write of `data`.
    async fn of_write(&self, deadline: Deadline, failure: Failure, data: &[u8]) -> StorageError {
        match failure {
            Failure::Refused(_) => self.not_done(failure),
            Failure::Lost { .. } if data.len() > SURELY_FITS => match self.largest_packet(deadline).await {
                // The server ends the connection before it has read the statement.
                Some(limit) if data.len() + BESIDE_THE_DATA > limit => {
                    StorageError::not_done(TooLarge { bytes: data.len(), limit })
                }
                _ => failure.of_write(),
            },
            failure => failure.of_write(),
        }
    }

    async fn largest_packet(&self, deadline: Deadline) -> Option<usize> {
        let sql = "SELECT @@max_allowed_packet".into();
        let answer = self.run(deadline, &sql, &[], Asked::Rows, true).await.ok()?;
        answer.rows.first()?.try_get_unchecked::<i64, _>(0).ok()?.try_into().ok()
    }
}

async fn prepared(
    connection: &mut MySqlConnection,
    sql: &Arc<str>,
    values: &[Value<'_>],
    asked: Asked,
) -> Result<Answer, sqlx::Error> {
    let mut arguments = MySqlArguments::default();
    for value in values {
        match *value {
            Value::Text(text) => arguments.add(text),
            Value::Bytes(bytes) => arguments.add(bytes),
            Value::Number(number) => arguments.add(number),
            Value::Null => arguments.add(None::<&str>),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    let query = sqlx::query_with(AssertSqlSafe(Arc::clone(sql)), arguments);
    Ok(match asked {
        Asked::Rows => Answer { rows: query.fetch_all(connection).await?, count: 0 },
        Asked::Count => Answer { rows: Vec::new(), count: query.execute(connection).await?.rows_affected() },
    })
}

pub(super) fn obstacle(failure: &Failure) -> Obstacle {
    match failure {
        Failure::Refused(error) => Obstacle::of(&**error),
        _ => Obstacle::Other,
    }
}

fn text(bytes: &[u8]) -> Result<Value<'_>, StorageError> {
    str::from_utf8(bytes).map(Value::Text).map_err(|_| StorageError::not_done(NotText))
}

/// A name that is to be kept. Two names that the table's collation does not tell apart (by case, accents or trailing
/// blanks) would take each other's place, so only what session keys are made of is let in.
/// Whoever makes a cache's key sees to that.
fn new_name(layout: Layout, name: &str) -> Result<Value<'_>, StorageError> {
    if layout == Layout::Cache {
        return Ok(Value::Text(name));
    }
    let is_usual = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if name.len() > LONGEST_NAME || !name.bytes().all(is_usual) {
        return Err(StorageError::not_done(NoKey));
    }
    Ok(Value::Text(name))
}

impl MysqlStorage {
    /// Inserts, in the place of what ended before `now` too. That takes a second statement.
    pub(in crate::storage) async fn insert_over(
        &self,
        name: &str,
        new: New<'_>,
        now: Timestamp,
    ) -> Result<Insert, StorageError> {
        if let inserted @ Insert::Inserted(_) = self.insert(name, new).await? {
            return Ok(inserted);
        }
        let handle = &*self.0;
        let (until, now) = (handle.dates.write(new.expires), handle.dates.write(now));
        let name = Value::Text(name);
        let values = [text(new.data)?, Value::Text(&until), name, name, Value::Text(&now)];
        let taken_over = self.write_any(&handle.statements.take_over, &values, new.data).await? > 0;
        Ok(if taken_over { Insert::Inserted(handle.statements.layout.version(new.data)) } else { Insert::Exists })
    }

    /// Puts data in the place of whatever stands under the name, or of nothing.
    pub(in crate::storage) async fn put(&self, name: &str, new: New<'_>) -> Result<(), StorageError> {
        let until = self.0.dates.write(new.expires);
        let values = [text(new.data)?, Value::Text(&until), Value::Text(name)];
        self.write_any(&self.0.statements.put, &values, new.data).await.map(drop)
    }

    /// How many rows a write found that has nothing to compare.
    pub(super) async fn write_any(
        &self,
        sql: &Arc<str>,
        values: &[Value<'_>],
        data: &[u8],
    ) -> Result<u64, StorageError> {
        let deadline = self.0.connections.deadline();
        match self.0.run(deadline, sql, values, Asked::Count, true).await {
            Ok(answer) => Ok(answer.count),
            Err(failure) => Err(self.0.of_write(deadline, failure, data).await),
        }
    }
}

impl Storage for MysqlStorage {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StorageError> {
        let handle = &*self.0;
        let rows = handle.rows(&handle.statements.read, &[Value::Text(name), Value::Text(name)]).await?;
        rows.first().map(|row| rows::stored(row, &handle.dates, handle.statements.layout)).transpose()
    }

    async fn insert(&self, name: &str, new: New<'_>) -> Result<Insert, StorageError> {
        let handle = &*self.0;
        let until = handle.dates.write(new.expires);
        let fixed = [text(new.data)?, Value::Text(&until), new_name(handle.statements.layout, name)?];
        let (sql, values) = handle.write(&handle.statements.insert, new.columns, &fixed)?;
        let deadline = handle.connections.deadline();
        match handle.run(deadline, &sql, &values.all(), Asked::Count, true).await {
            Ok(_) => Ok(Insert::Inserted(handle.statements.layout.version(new.data))),
            Err(failure) if obstacle(&failure) == Obstacle::Taken => Ok(Insert::Exists),
            Err(failure) => Err(handle.of_write(deadline, failure, new.data).await),
        }
    }

    async fn replace(&self, name: &str, expect: Expect<'_>, new: New<'_>) -> Result<Replace, StorageError> {
        let handle = &*self.0;
        let until = handle.dates.write(new.expires);
        let fixed = [text(new.data)?, Value::Text(&until)];
        let (sql, values) = handle.write(handle.statements.replace.expecting(expect), new.columns, &fixed)?;
        match handle.hit(name, &sql, &values.all(), expect, new.data).await? {
            Hit::Done => Ok(Replace::Replaced(handle.statements.layout.version(new.data))),
            Hit::Changed => Ok(Replace::Changed),
            Hit::Missing => Ok(Replace::Missing),
            Hit::Taken(failure) => Err(failure.of_write()),
        }
    }

    async fn touch(&self, name: &str, expect: Expect<'_>, until: Timestamp) -> Result<Touch, StorageError> {
        let handle = &*self.0;
        let until = handle.dates.write(until);
        let sql = handle.statements.touch.expecting(expect).whole();
        match handle.hit(name, sql, &[Value::Text(&until)], expect, b"").await? {
            Hit::Done => Ok(Touch::Touched),
            Hit::Changed => Ok(Touch::Changed),
            Hit::Missing => Ok(Touch::Missing),
            Hit::Taken(failure) => Err(failure.of_write()),
        }
    }

    async fn remove(&self, name: &str, expect: Expect<'_>) -> Result<Remove, StorageError> {
        let handle = &*self.0;
        let sql = handle.statements.remove.expecting(expect).whole();
        match handle.hit(name, sql, &[], expect, b"").await? {
            Hit::Done => Ok(Remove::Removed),
            Hit::Changed => Ok(Remove::Changed),
            Hit::Missing => Ok(Remove::Missing),
            Hit::Taken(failure) => Err(failure.of_write()),
        }
    }

    /// One statement: the row takes its new key and data at once.
    async fn rename(&self, from: &str, to: &str, expect: Expect<'_>, new: New<'_>) -> Result<Rename, StorageError> {
        let handle = &*self.0;
        // The row is free to take its own name, so that case is told apart here.
        if from == to {
            let found = handle.is_present(handle.connections.deadline(), from).await?;
            return Ok(if found { Rename::Exists } else { Rename::Missing });
        }
        let until = handle.dates.write(new.expires);
        let fixed = [new_name(handle.statements.layout, to)?, text(new.data)?, Value::Text(&until)];
        let (sql, values) = handle.write(handle.statements.rename.expecting(expect), new.columns, &fixed)?;
        match handle.hit(from, &sql, &values.all(), expect, new.data).await? {
            Hit::Done => Ok(Rename::Renamed(handle.statements.layout.version(new.data))),
            Hit::Changed => Ok(Rename::Changed),
            Hit::Missing => Ok(Rename::Missing),
            Hit::Taken(_) => Ok(Rename::Exists),
        }
    }

    /// In the order of the primary key, which is that of its collation. An entry whose `expire_date` cannot be read
    /// is listed without one.
    async fn scan(&self, after: Option<&Cursor>, limit: usize) -> Result<Page, StorageError> {
        let statements = &self.0.statements;
        match after {
            None => self.page(&statements.first_page, &[], limit).await,
            Some(after) => self.page(&statements.next_page, &[Value::Text(after.position())], limit).await,
        }
    }

    /// One statement, by the index on `expire_date`.
    async fn remove_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StorageError> {
        let handle = &*self.0;
        let now = handle.dates.write(now);
        let values = [Value::Text(&now), Value::Number(i64::try_from(limit).unwrap_or(i64::MAX))];
        let removed = self.write_any(&handle.statements.remove_expired, &values, b"").await?;
        Ok(usize::try_from(removed).unwrap_or(usize::MAX))
    }

    async fn remove_expired_from(
        &self,
        from: Option<Timestamp>,
        now: Timestamp,
        limit: usize,
    ) -> Result<RemovedExpired, StorageError> {
        self.remove_batch(from, now, limit).await
    }

    async fn count_expired(&self, now: Timestamp) -> Result<Option<u64>, StorageError> {
        self.count(now).await.map(Some)
    }

    async fn clearing_turn(&self) -> Result<Option<ClearingTurn>, StorageError> {
        self.turn().await
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new().atomic_rename().scan().columns()
    }
}
