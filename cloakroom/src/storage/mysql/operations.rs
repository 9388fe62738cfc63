//! The operations of a storage: each one statement, and what its answer means.

use std::sync::Arc;

use bytes::Bytes;
use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::{Arguments, AssertSqlSafe, MySql, MySqlConnection, Row};
use thiserror::Error;

use super::dialect::Obstacle;
use super::rows;
use super::{Handle, MysqlStorage};
use crate::Timestamp;
use crate::storage::sql::{Deadline, Dialect, Failure, Lease};
use crate::storage::{
    Capabilities, Cursor, Expect, Insert, New, Page, Remove, Rename, Replace, Storage, StorageError, Stored, Touch,
    Version,
};

/// How often a statement is tried that other transactions are in the way of, where nothing is to be compared.
const TRIES: usize = 100;
/// What `session_key` holds, in characters. Without a strict `sql_mode` the server would cut off the rest.
const LONGEST_NAME: usize = 40;
/// No server refuses a packet shorter than this unless somebody made it.
const SURELY_FITS: usize = 512 * 1024;
/// What a packet holds beside the data, at least.
const BESIDE_THE_DATA: usize = 48;

#[derive(Debug, Error)]
#[error("MySQL keeps text: UTF-8")]
struct NotText;

#[derive(Debug, Error)]
#[error("a session key has {LONGEST_NAME} characters at most")]
struct NameTooLong;

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

#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
    Number(i64),
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

/// An answer, and how the first try failed if it is that of a second: the first may have taken effect too.
struct Ran {
    answer: Result<Answer, Failure>,
    first: Option<Failure>,
}

/// What became of a statement on a row that must be there.
enum Hit {
    Done,
    Missing,
    /// Other data is there, or another transaction was in the way.
    Changed {
        data: Option<Bytes>,
    },
    /// The new key is taken.
    Taken(Failure),
}

impl Handle {
    /// Sends one statement, which is a transaction of its own.
    async fn once(
        &self,
        deadline: Deadline,
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
        deadline: Deadline,
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
    async fn commits_by_itself(&self, connection: &mut MySqlConnection, deadline: Deadline) -> Result<bool, Failure> {
        let Some(known) = &self.autocommit else { return Ok(true) };
        if let Some(known) = known.get() {
            return Ok(*known);
        }
        let row = deadline.result::<MySql, _>(sqlx::raw_sql("SELECT @@autocommit").fetch_one(connection)).await?;
        let on = row.try_get_unchecked::<i64, _>(0).map_err(|error| Failure::Unexpected(error.into()))? != 0;
        Ok(*known.get_or_init(|| on))
    }

    /// Sends one statement, and once more if the connection turns out to have died before. `patient`: it has nothing
    /// to compare, so a transaction that was in its way is no answer, and it is tried again.
    async fn run(&self, sql: &Arc<str>, values: &[Value<'_>], asked: Asked, patient: bool) -> Ran {
        let deadline = self.connections.deadline();
        let mut first: Option<Failure> = None;
        let mut tries = 0;
        let answer = loop {
            tries += 1;
            // In a box: it holds the driver's whole state, and callers would hold several of it.
            match Box::pin(self.once(deadline, sql, values, asked)).await {
                Err(failure) if first.is_none() && failure.may_be_tried_again() => first = Some(failure),
                Err(Failure::Refused(error))
                    if patient && tries < TRIES && Obstacle::of(&*error) == Obstacle::Conflict => {}
                answer => break answer,
            }
        };
        Ran { answer, first: first.filter(|first| !first.was_without_effect()) }
    }

    /// A read: how often it was tried is of no interest.
    async fn rows(&self, sql: &Arc<str>, values: &[Value<'_>]) -> Result<Vec<MySqlRow>, StorageError> {
        match self.run(sql, values, Asked::Rows, true).await.answer {
            Ok(answer) => Ok(answer.rows),
            Err(failure) => Err(self.not_done(failure)),
        }
    }

    /// The data under a name.
    async fn data(&self, name: &str) -> Result<Option<Option<Bytes>>, StorageError> {
        let rows = self.rows(&self.statements.read, &[Value::Text(name), Value::Text(name)]).await?;
        Ok(rows.first().map(rows::data))
    }

    /// Whether these data stand under a name: then the first try put them there.
    async fn holds(&self, name: &str, data: &[u8], first: Failure) -> Result<bool, StorageError> {
        match self.data(name).await {
            Ok(found) => Ok(found.flatten().is_some_and(|found| found == data)),
            Err(_) => Err(first.of_write()),
        }
    }

    /// A conditional statement on the row `name`; tells a row that is missing from one that is another than expected
    /// by a second statement. `values` come before the name, `data` are among them.
    async fn hit(
        &self,
        name: &str,
        sql: &Arc<str>,
        values: &[Value<'_>],
        expect: Expect<'_>,
        data: &[u8],
    ) -> Result<(Hit, Option<Failure>), StorageError> {
        let mut all = values.to_vec();
        all.extend([Value::Text(name); 2]);
        let compares = if let Expect::Version(version) = expect {
            all.push(Value::Bytes(version.as_bytes()));
            true
        } else {
            false
        };
        let Ran { answer, first } = self.run(sql, &all, Asked::Count, !compares).await;
        let found = match answer {
            Ok(answer) => answer.count,
            Err(failure) => {
                let obstacle = obstacle(&failure);
                return match first {
                    None if compares && obstacle == Obstacle::Conflict => Ok((Hit::Changed { data: None }, None)),
                    first if obstacle == Obstacle::Taken => Ok((Hit::Taken(failure), first)),
                    first => Err(self.of_write(failure, first, data).await),
                };
            }
        };
        if found > 0 {
            return Ok((Hit::Done, first));
        }
        match self.data(name).await {
            Ok(None) => Ok((Hit::Missing, first)),
            Ok(Some(data)) => Ok((Hit::Changed { data }, first)),
            // The statement changed nothing; only a first try may have.
            Err(error) => Err(first.map_or(error, Failure::of_write)),
        }
    }

    pub(super) fn not_done(&self, failure: Failure) -> StorageError {
        match obstacle(&failure) {
            Obstacle::NoTable => StorageError::MissingTable { table: self.statements.table.clone() },
            Obstacle::Value => StorageError::not_done(BadValue),
            _ => failure.not_done(),
        }
    }

    /// The error of a write of `data`, after a first try that may have taken effect.
    async fn of_write(&self, failure: Failure, first: Option<Failure>, data: &[u8]) -> StorageError {
        let failure = match (first, failure) {
            (Some(first), Failure::Unreachable(_) | Failure::Refused(_)) => first,
            (_, failure) => failure,
        };
        match failure {
            Failure::Refused(_) => self.not_done(failure),
            Failure::Lost { .. } if data.len() > SURELY_FITS => match self.largest_packet().await {
                // The server ends the connection before it has read the statement.
                Some(limit) if data.len() + BESIDE_THE_DATA > limit => {
                    StorageError::not_done(TooLarge { bytes: data.len(), limit })
                }
                _ => failure.of_write(),
            },
            failure => failure.of_write(),
        }
    }

    async fn largest_packet(&self) -> Option<usize> {
        let rows = self.rows(&"SELECT @@max_allowed_packet".into(), &[]).await.ok()?;
        rows.first()?.try_get_unchecked::<i64, _>(0).ok()?.try_into().ok()
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

fn new_name(name: &str) -> Result<Value<'_>, StorageError> {
    if name.chars().nth(LONGEST_NAME).is_some() {
        return Err(StorageError::not_done(NameTooLong));
    }
    Ok(Value::Text(name))
}

impl Storage for MysqlStorage {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StorageError> {
        let handle = &*self.0;
        let rows = handle.rows(&handle.statements.read, &[Value::Text(name), Value::Text(name)]).await?;
        rows.first().map(|row| rows::stored(row, &handle.dates)).transpose()
    }

    async fn insert(&self, name: &str, new: New<'_>) -> Result<Insert, StorageError> {
        let handle = &*self.0;
        let until = handle.dates.write(new.expires);
        let values = [text(new.data)?, Value::Text(&until), new_name(name)?];
        let ran = handle.run(&handle.statements.insert, &values, Asked::Count, true).await;
        let inserted = || Insert::Inserted(Version::from_signature(new.data));
        match (ran.answer, ran.first) {
            (Ok(_), _) => Ok(inserted()),
            (Err(failure), None) if obstacle(&failure) == Obstacle::Taken => Ok(Insert::Exists),
            // The first try may have put it there.
            (Err(failure), Some(first)) if obstacle(&failure) == Obstacle::Taken => {
                Ok(if handle.holds(name, new.data, first).await? { inserted() } else { Insert::Exists })
            }
            (Err(failure), first) => Err(handle.of_write(failure, first, new.data).await),
        }
    }

    async fn replace(&self, name: &str, expect: Expect<'_>, new: New<'_>) -> Result<Replace, StorageError> {
        let handle = &*self.0;
        let until = handle.dates.write(new.expires);
        let values = [text(new.data)?, Value::Text(&until)];
        let sql = handle.statements.replace.expecting(expect);
        let replaced = || Replace::Replaced(Version::from_signature(new.data));
        Ok(match handle.hit(name, sql, &values, expect, new.data).await? {
            (Hit::Done, _) => replaced(),
            (Hit::Changed { data: Some(data) }, Some(_)) if data == new.data => replaced(),
            (Hit::Changed { .. }, _) => Replace::Changed,
            (Hit::Missing, _) => Replace::Missing,
            (Hit::Taken(failure), _) => return Err(failure.of_write()),
        })
    }

    async fn touch(&self, name: &str, expect: Expect<'_>, until: Timestamp) -> Result<Touch, StorageError> {
        let handle = &*self.0;
        let until = handle.dates.write(until);
        let sql = handle.statements.touch.expecting(expect);
        Ok(match handle.hit(name, sql, &[Value::Text(&until)], expect, b"").await?.0 {
            Hit::Done => Touch::Touched,
            Hit::Changed { .. } => Touch::Changed,
            Hit::Missing => Touch::Missing,
            Hit::Taken(failure) => return Err(failure.of_write()),
        })
    }

    async fn remove(&self, name: &str, expect: Expect<'_>) -> Result<Remove, StorageError> {
        let handle = &*self.0;
        let sql = handle.statements.remove.expecting(expect);
        match handle.hit(name, sql, &[], expect, b"").await? {
            (Hit::Done, _) => Ok(Remove::Removed),
            (Hit::Changed { .. }, _) => Ok(Remove::Changed),
            (Hit::Missing, None) => Ok(Remove::Missing),
            // The first try may have removed it, or somebody else.
            (Hit::Missing, Some(first)) => Err(first.of_write()),
            (Hit::Taken(failure), _) => Err(failure.of_write()),
        }
    }

    /// One statement: the row takes its new key and data at once.
    async fn rename(&self, from: &str, to: &str, expect: Expect<'_>, new: New<'_>) -> Result<Rename, StorageError> {
        let handle = &*self.0;
        // The row is free to take its own name, so that case is told apart here.
        if from == to {
            let found = handle.data(from).await?.is_some();
            return Ok(if found { Rename::Exists } else { Rename::Missing });
        }
        let until = handle.dates.write(new.expires);
        let values = [new_name(to)?, text(new.data)?, Value::Text(&until)];
        let sql = handle.statements.rename.expecting(expect);
        let renamed = || Rename::Renamed(Version::from_signature(new.data));
        match handle.hit(from, sql, &values, expect, new.data).await? {
            (Hit::Done, _) => Ok(renamed()),
            (Hit::Changed { .. }, _) => Ok(Rename::Changed),
            (Hit::Taken(_), _) => Ok(Rename::Exists),
            (Hit::Missing, None) => Ok(Rename::Missing),
            // The first try may have moved it.
            (Hit::Missing, Some(first)) => {
                Ok(if handle.holds(to, new.data, first).await? { renamed() } else { Rename::Missing })
            }
        }
    }

    /// In the order of the primary key, which is that of its collation. An entry whose `expire_date` cannot be read
    /// is listed without one.
    async fn scan(&self, after: Option<&Cursor>, limit: usize) -> Result<Page, StorageError> {
        let handle = &*self.0;
        let limit = limit.max(1);
        let most = Value::Number(i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1));
        let mut found = match after {
            None => handle.rows(&handle.statements.first_page, &[most]).await?,
            Some(after) => handle.rows(&handle.statements.next_page, &[Value::Text(after.position()), most]).await?,
        };
        let more = found.len() > limit;
        found.truncate(limit);
        let entries: Vec<_> = found.iter().filter_map(|row| rows::entry(row, &handle.dates)).collect();
        let next = entries.last().filter(|_| more).map(|entry| Cursor::new(&*entry.name));
        Ok(Page::new(entries, next))
    }

    /// One statement, by the index on `expire_date`.
    async fn remove_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StorageError> {
        let handle = &*self.0;
        let now = handle.dates.write(now);
        let values = [Value::Text(&now), Value::Number(i64::try_from(limit).unwrap_or(i64::MAX))];
        let ran = handle.run(&handle.statements.remove_expired, &values, Asked::Count, true).await;
        match ran.answer {
            Ok(answer) => Ok(usize::try_from(answer.count).unwrap_or(usize::MAX)),
            Err(failure) => Err(handle.of_write(failure, ran.first, b"").await),
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new().atomic_rename().scan()
    }
}
