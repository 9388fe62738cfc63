//! The operations of a storage: each one statement, and what its answer means.

use sqlx::Postgres;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection};
use thiserror::Error;

use super::dialect::Obstacle;
use super::rows;
use super::template::{Template, Value, arguments};
use super::{Handle, PostgresStorage};
use crate::Timestamp;
use crate::storage::sql::{Deadline, Failure, Lease};
use crate::storage::{
    Capabilities, Cursor, Expect, Insert, New, Page, Remove, Rename, Replace, Storage, StorageError, Stored, Touch,
    Version,
};

/// How often a statement is tried that other transactions are in the way of, where nothing is to be compared.
const TRIES: usize = 100;

#[derive(Debug, Error)]
#[error("PostgreSQL keeps text: UTF-8 without NUL")]
struct NotText;

/// What a statement is to answer.
#[derive(Clone, Copy, PartialEq)]
enum Asked {
    Rows,
    Count,
}

/// The rows of a statement, or how many it changed.
#[derive(Default)]
struct Answer {
    rows: Vec<PgRow>,
    count: u64,
}

/// An answer, and how the first try failed if it is that of a second: the first may have taken effect too.
struct Ran {
    answer: Answer,
    first: Option<Failure>,
}

/// What became of a statement on a row that must be there.
enum Hit {
    Done,
    Missing,
    /// Other data is there, or another transaction was in the way.
    Changed {
        data: Option<bytes::Bytes>,
    },
    /// The new key is taken. (Or a value of a unique column of the application's own.)
    Taken(Failure),
}

impl Handle {
    /// Sends one statement. It runs in a transaction of its own.
    async fn once(
        &self,
        deadline: Deadline,
        template: &Template,
        values: &[Value<'_>],
        asked: Asked,
    ) -> Result<Answer, Failure> {
        let mut lease: Lease<Postgres> = self.connections.lease(deadline).await?;
        let connection = lease.connection();
        let answer = match &self.simple {
            Some(prefix) => {
                let sql = template.with_values(prefix, values);
                deadline.result::<Postgres, _>(simple(connection, sql, asked)).await
            }
            None => deadline.result::<Postgres, _>(prepared(connection, template, values, asked)).await,
        };
        lease.settle(answer)
    }

    /// Sends one statement, and once more if the connection turns out to have died before. `patient`: it has nothing
    /// to compare, so a transaction that was in its way is no answer, and it is tried again.
    async fn run(
        &self,
        template: &Template,
        values: &[Value<'_>],
        asked: Asked,
        patient: bool,
    ) -> Result<Ran, Failure> {
        let deadline = self.connections.deadline();
        let mut first: Option<Failure> = None;
        let mut tries = 0;
        loop {
            tries += 1;
            // In a box: it holds the driver's whole state, and callers would hold several of it.
            match Box::pin(self.once(deadline, template, values, asked)).await {
                Ok(answer) => {
                    let first = first.filter(|first| !first.was_without_effect());
                    return Ok(Ran { answer, first });
                }
                Err(failure) if first.is_none() && failure.may_be_tried_again() => first = Some(failure),
                Err(Failure::Refused(error))
                    if patient && tries < TRIES && Obstacle::of(&*error) == Obstacle::Conflict => {}
                // The second try answers for itself alone, and what became of the first is unknown.
                Err(failure) => {
                    return Err(match (first, failure) {
                        (Some(first), Failure::Unreachable(_)) => first,
                        (Some(first), Failure::Refused(error)) if Obstacle::of(&*error) == Obstacle::Other => first,
                        (_, failure) => failure,
                    });
                }
            }
        }
    }

    /// A conditional statement on the row `name`; tells a row that is missing from one that is another than expected
    /// by a second statement.
    async fn hit(
        &self,
        name: &str,
        template: &Template,
        values: &[Value<'_>],
        expect: Expect<'_>,
    ) -> Result<(Hit, Option<Failure>), StorageError> {
        let compares = matches!(expect, Expect::Version(_));
        let mut all = values.to_vec();
        if let Expect::Version(version) = expect {
            all.push(Value::Bytes(version.as_bytes()));
        }
        let ran = match self.run(template, &all, Asked::Count, !compares).await {
            Ok(ran) => ran,
            Err(Failure::Refused(error)) if compares && Obstacle::of(&*error) == Obstacle::Conflict => {
                return Ok((Hit::Changed { data: None }, None));
            }
            Err(failure @ Failure::Refused(_)) if is_taken(&failure) => return Ok((Hit::Taken(failure), None)),
            Err(failure) => return Err(self.of_write(failure)),
        };
        if ran.answer.count > 0 {
            return Ok((Hit::Done, ran.first));
        }
        match self.run(&self.statements.present, &[Value::Text(name)], Asked::Rows, true).await {
            Ok(found) => {
                let hit = match found.answer.rows.first() {
                    None => Hit::Missing,
                    Some(row) => Hit::Changed { data: rows::data(row).ok() },
                };
                Ok((hit, ran.first))
            }
            // The statement changed nothing; only a first try may have.
            Err(failure) => Err(match ran.first {
                Some(first) => first.of_write(),
                None => self.not_done(failure),
            }),
        }
    }

    /// The data under a name, if there is any.
    async fn data(&self, name: &str) -> Result<Option<bytes::Bytes>, Failure> {
        let found = self.run(&self.statements.present, &[Value::Text(name)], Asked::Rows, true).await?;
        Ok(found.answer.rows.first().and_then(|row| rows::data(row).ok()))
    }

    pub(super) fn not_done(&self, failure: Failure) -> StorageError {
        self.missing_table(&failure).unwrap_or_else(|| failure.not_done())
    }

    fn of_write(&self, failure: Failure) -> StorageError {
        self.missing_table(&failure).unwrap_or_else(|| failure.of_write())
    }

    fn missing_table(&self, failure: &Failure) -> Option<StorageError> {
        match failure {
            Failure::Refused(error) if Obstacle::of(&**error) == Obstacle::NoTable => {
                Some(StorageError::MissingTable { table: self.statements.table.clone() })
            }
            _ => None,
        }
    }
}

async fn prepared(
    connection: &mut PgConnection,
    template: &Template,
    values: &[Value<'_>],
    asked: Asked,
) -> Result<Answer, sqlx::Error> {
    let query = sqlx::query_with(AssertSqlSafe(template.sql()), arguments(values)?);
    Ok(match asked {
        Asked::Rows => Answer { rows: query.fetch_all(connection).await?, count: 0 },
        Asked::Count => Answer { rows: Vec::new(), count: query.execute(connection).await?.rows_affected() },
    })
}

/// One simple query: sqlx sends a prepared statement in two steps, which PgBouncer may hand to two servers.
async fn simple(connection: &mut PgConnection, sql: String, asked: Asked) -> Result<Answer, sqlx::Error> {
    let query = sqlx::raw_sql(AssertSqlSafe(sql));
    Ok(match asked {
        Asked::Rows => Answer { rows: query.fetch_all(connection).await?, count: 0 },
        Asked::Count => Answer { rows: Vec::new(), count: query.execute(connection).await?.rows_affected() },
    })
}

fn is_taken(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused(error) if Obstacle::of(&**error) == Obstacle::Taken)
}

fn text(bytes: &[u8]) -> Result<&str, StorageError> {
    str::from_utf8(bytes).ok().filter(|text| !text.contains('\0')).ok_or_else(|| StorageError::not_done(NotText))
}

fn name_of(name: &str) -> Result<Value<'_>, StorageError> {
    text(name.as_bytes()).map(Value::Text)
}

impl Storage for PostgresStorage {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StorageError> {
        let handle = &*self.0;
        let ran = handle.run(&handle.statements.read, &[name_of(name)?], Asked::Rows, true).await;
        let ran = ran.map_err(|failure| handle.not_done(failure))?;
        ran.answer.rows.first().map(rows::stored).transpose()
    }

    async fn insert(&self, name: &str, new: New<'_>) -> Result<Insert, StorageError> {
        let handle = &*self.0;
        let values = [name_of(name)?, Value::Text(text(new.data)?), Value::Moment(new.expires)];
        let ran = handle.run(&handle.statements.insert, &values, Asked::Count, true).await;
        let ran = ran.map_err(|failure| handle.of_write(failure))?;
        let inserted = || Insert::Inserted(Version::from_signature(new.data));
        match ran.first {
            _ if ran.answer.count > 0 => Ok(inserted()),
            None => Ok(Insert::Exists),
            // The first try may have put it there.
            Some(first) => match handle.data(name).await {
                Ok(Some(data)) if data == new.data => Ok(inserted()),
                Ok(_) => Ok(Insert::Exists),
                Err(_) => Err(first.of_write()),
            },
        }
    }

    async fn replace(&self, name: &str, expect: Expect<'_>, new: New<'_>) -> Result<Replace, StorageError> {
        let handle = &*self.0;
        let values = [name_of(name)?, Value::Text(text(new.data)?), Value::Moment(new.expires)];
        let template = handle.statements.replace.expecting(expect);
        let replaced = || Replace::Replaced(Version::from_signature(new.data));
        Ok(match handle.hit(name, template, &values, expect).await? {
            (Hit::Done, _) => replaced(),
            (Hit::Changed { data: Some(data) }, Some(_)) if data == new.data => replaced(),
            (Hit::Changed { .. }, _) => Replace::Changed,
            (Hit::Missing, _) => Replace::Missing,
            (Hit::Taken(failure), _) => return Err(failure.of_write()),
        })
    }

    async fn touch(&self, name: &str, expect: Expect<'_>, until: Timestamp) -> Result<Touch, StorageError> {
        let handle = &*self.0;
        let values = [name_of(name)?, Value::Moment(until)];
        let template = handle.statements.touch.expecting(expect);
        Ok(match handle.hit(name, template, &values, expect).await?.0 {
            Hit::Done => Touch::Touched,
            Hit::Changed { .. } => Touch::Changed,
            Hit::Missing => Touch::Missing,
            Hit::Taken(failure) => return Err(failure.of_write()),
        })
    }

    async fn remove(&self, name: &str, expect: Expect<'_>) -> Result<Remove, StorageError> {
        let handle = &*self.0;
        let template = handle.statements.remove.expecting(expect);
        match handle.hit(name, template, &[name_of(name)?], expect).await? {
            (Hit::Done, _) => Ok(Remove::Removed),
            (Hit::Changed { .. }, _) => Ok(Remove::Changed),
            (Hit::Taken(failure), _) => Err(failure.of_write()),
            (Hit::Missing, None) => Ok(Remove::Missing),
            // The first try may have removed it, or somebody else.
            (Hit::Missing, Some(first)) => Err(first.of_write()),
        }
    }

    /// One statement: the row takes its new key and data at once.
    async fn rename(&self, from: &str, to: &str, expect: Expect<'_>, new: New<'_>) -> Result<Rename, StorageError> {
        let handle = &*self.0;
        // The row is free to take its own name, so that case is told apart here.
        if from == to {
            let found = self.read(from).await?.is_some();
            return Ok(if found { Rename::Exists } else { Rename::Missing });
        }
        let values = [name_of(from)?, name_of(to)?, Value::Text(text(new.data)?), Value::Moment(new.expires)];
        let template = handle.statements.rename.expecting(expect);
        let renamed = || Rename::Renamed(Version::from_signature(new.data));
        match handle.hit(from, template, &values, expect).await? {
            (Hit::Done, _) => Ok(renamed()),
            (Hit::Changed { .. }, _) => Ok(Rename::Changed),
            (Hit::Taken(_), _) => Ok(Rename::Exists),
            (Hit::Missing, None) => Ok(Rename::Missing),
            (Hit::Missing, Some(first)) => match handle.data(to).await {
                Ok(Some(data)) if data == new.data => Ok(renamed()),
                Ok(_) => Ok(Rename::Missing),
                Err(_) => Err(first.of_write()),
            },
        }
    }

    /// In the order of the names' bytes, by Django's index for `LIKE`. An entry whose `expire_date` cannot be read is
    /// listed without one.
    async fn scan(&self, after: Option<&Cursor>, limit: usize) -> Result<Page, StorageError> {
        let handle = &*self.0;
        let limit = limit.max(1);
        let most = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        // No key is empty.
        let values = [name_of(after.map_or("", Cursor::position))?, Value::Number(most)];
        let ran = handle.run(&handle.statements.scan, &values, Asked::Rows, true).await;
        let mut found = ran.map_err(|failure| handle.not_done(failure))?.answer.rows;
        let more = found.len() > limit;
        found.truncate(limit);
        let entries = found.iter().map(rows::entry).collect::<Result<Vec<_>, _>>();
        let entries = entries.map_err(|failure| handle.not_done(failure))?;
        let next = entries.last().filter(|_| more).map(|entry| Cursor::new(&*entry.name));
        Ok(Page::new(entries, next))
    }

    /// One statement, by the index on `expire_date`. Rows that others hold at the moment stay for the next time.
    async fn remove_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StorageError> {
        let handle = &*self.0;
        let values = [Value::Moment(now), Value::Number(i64::try_from(limit).unwrap_or(i64::MAX))];
        let ran = handle.run(&handle.statements.remove_expired, &values, Asked::Count, true).await;
        let ran = ran.map_err(|failure| handle.of_write(failure))?;
        Ok(usize::try_from(ran.answer.count).unwrap_or(usize::MAX))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new().atomic_rename().scan()
    }
}
