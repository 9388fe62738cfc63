//! The operations of a storage: each one statement, and what its answer means.

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Postgres};
use thiserror::Error;

use super::columns::Write;
use super::dialect::Obstacle;
use super::rows;
use super::template::{Template, Value, arguments};
use super::together::{Company, Save};
use super::{Handle, PostgresStorage};
use crate::Timestamp;
use crate::storage::sql::{Deadline, Failure, Lease, Tries};
use crate::storage::{
    Capabilities, ClearingTurn, Cursor, Expect, Insert, New, Page, Remove, RemovedExpired, Rename, Replace, Storage,
    StorageError, Stored, Touch,
};

#[derive(Debug, Error)]
#[error("PostgreSQL keeps text: UTF-8 without NUL")]
struct NotText;

/// What a statement is to answer.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Asked {
    Rows,
    Count,
}

/// The rows of a statement, or how many it changed.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) rows: Vec<PgRow>,
    count: u64,
}

/// What became of a statement on a row that must be there.
enum Hit {
    Done,
    Missing,
    /// Other data is there, or another transaction was in the way.
    Changed,
    /// The new key is taken. (Or a value of a unique column of the application's own.)
    Taken(Failure),
}

impl Handle {
    /// Sends one statement. It runs in a transaction of its own.
    pub(super) async fn once(
        &self,
        deadline: &Deadline,
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

    /// Sends one statement, and once more if it was not begun: the connection had lost its plan. `patient`: it has
    /// nothing to compare, so a transaction that was in its way is no answer, and it is tried again until its time is
    /// up.
    async fn run(
        &self,
        deadline: Deadline,
        template: &Template,
        values: &[Value<'_>],
        asked: Asked,
        patient: bool,
    ) -> Result<Answer, Failure> {
        let mut tries = Tries::default();
        loop {
            // In a box: it holds the driver's whole state, and callers would hold several of it.
            let answer = Box::pin(self.once(&deadline, template, values, asked)).await;
            let Err(failure) = &answer else { return answer };
            let in_the_way =
                patient && matches!(failure, Failure::Refused(error) if Obstacle::of(&**error) == Obstacle::Conflict);
            if !tries.again(failure, asked == Asked::Rows, in_the_way).await {
                return answer;
            }
        }
    }

    pub(super) async fn rows(&self, template: &Template, values: &[Value<'_>]) -> Result<Vec<PgRow>, StorageError> {
        let answer = self.run(self.connections.deadline(), template, values, Asked::Rows, true).await;
        answer.map(|answer| answer.rows).map_err(|failure| self.not_done(failure))
    }

    /// What a write answers that has nothing to compare, and that does no harm when it is repeated.
    pub(super) async fn changed(&self, template: &Template, values: &[Value<'_>]) -> Result<Vec<PgRow>, StorageError> {
        let answer = self.run(self.connections.deadline(), template, values, Asked::Rows, true).await;
        answer.map(|answer| answer.rows).map_err(|failure| self.of_write(failure))
    }

    /// How many rows a write changed that has nothing to compare.
    pub(super) async fn count(&self, template: &Template, values: &[Value<'_>]) -> Result<u64, StorageError> {
        let answer = self.run(self.connections.deadline(), template, values, Asked::Count, true).await;
        answer.map(|answer| answer.count).map_err(|failure| self.of_write(failure))
    }

    /// A conditional statement on the row `name`; tells a row that is missing from one that is another than expected
    /// by a second statement.
    async fn hit(
        &self,
        name: &str,
        template: &Template,
        values: &[Value<'_>],
        expect: Expect<'_>,
    ) -> Result<Hit, StorageError> {
        let compares = matches!(expect, Expect::Version(_));
        let mut all = values.to_vec();
        if let Expect::Version(version) = expect {
            all.push(Value::Bytes(version.as_bytes()));
        }
        let deadline = self.connections.deadline();
        match self.run(deadline, template, &all, Asked::Count, !compares).await {
            Ok(answer) if answer.count > 0 => return Ok(Hit::Done),
            Ok(_) => {}
            Err(Failure::Refused(error)) if compares && Obstacle::of(&*error) == Obstacle::Conflict => {
                return Ok(Hit::Changed);
            }
            Err(failure) if is_taken(&failure) => return Ok(Hit::Taken(failure)),
            Err(failure) => return Err(self.of_write(failure)),
        }
        match self.run(deadline, &self.statements.present, &[Value::Text(name)], Asked::Rows, true).await {
            Ok(found) => Ok(if found.rows.is_empty() { Hit::Missing } else { Hit::Changed }),
            // The statement changed nothing.
            Err(failure) => Err(self.not_done(failure)),
        }
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

pub(super) fn name_of(name: &str) -> Result<Value<'_>, StorageError> {
    text(name.as_bytes()).map(Value::Text)
}

impl PostgresStorage {
    /// Inserts, in the place of what ended before `now` too.
    pub(in crate::storage) async fn insert_over(
        &self,
        name: &str,
        new: New<'_>,
        now: Timestamp,
    ) -> Result<Insert, StorageError> {
        let data = Value::Text(text(new.data)?);
        let values = [name_of(name)?, data, Value::Moment(new.expires), Value::Moment(now)];
        let inserted = self.0.count(&self.0.statements.insert_over, &values).await? > 0;
        Ok(if inserted { Insert::Inserted(self.0.statements.layout.version(new.data)) } else { Insert::Exists })
    }
}

impl Storage for PostgresStorage {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StorageError> {
        let rows = self.0.rows(&self.0.statements.read, &[name_of(name)?]).await?;
        rows.first().map(|row| rows::stored(row, self.0.statements.layout)).transpose()
    }

    async fn insert(&self, name: &str, new: New<'_>) -> Result<Insert, StorageError> {
        let values = [name_of(name)?, Value::Text(text(new.data)?), Value::Moment(new.expires)];
        let inserted = if new.columns.is_empty() {
            self.0.count(&self.0.statements.insert, &values).await? > 0
        } else {
            let extended = self.0.extended(Write::Insert, new.columns).await?;
            self.0.count(&extended.template, &extended.values(&values)).await? > 0
        };
        Ok(if inserted { Insert::Inserted(self.0.statements.layout.version(new.data)) } else { Insert::Exists })
    }

    async fn replace(&self, name: &str, expect: Expect<'_>, new: New<'_>) -> Result<Replace, StorageError> {
        let values = [name_of(name)?, Value::Text(text(new.data)?), Value::Moment(new.expires)];
        let hit = if new.columns.is_empty() {
            // Kept until the statement is over: others wait for it.
            let _lane = match expect {
                Expect::Version(version) => {
                    let data = text(new.data)?;
                    let save = || Save::new(name, data, new.expires, version.as_bytes());
                    match self.0.in_company(save).await? {
                        Company::Saved => return Ok(Replace::Replaced(self.0.statements.layout.version(new.data))),
                        Company::Alone(lane) => lane,
                    }
                }
                _ => None,
            };
            self.0.hit(name, self.0.statements.replace.expecting(expect), &values, expect).await?
        } else {
            let extended = self.0.extended(Write::Replace(expect), new.columns).await?;
            self.0.hit(name, &extended.template, &extended.values(&values), expect).await?
        };
        match hit {
            Hit::Done => Ok(Replace::Replaced(self.0.statements.layout.version(new.data))),
            Hit::Changed => Ok(Replace::Changed),
            Hit::Missing => Ok(Replace::Missing),
            Hit::Taken(failure) => Err(failure.of_write()),
        }
    }

    async fn touch(&self, name: &str, expect: Expect<'_>, until: Timestamp) -> Result<Touch, StorageError> {
        let values = [name_of(name)?, Value::Moment(until)];
        match self.0.hit(name, self.0.statements.touch.expecting(expect), &values, expect).await? {
            Hit::Done => Ok(Touch::Touched),
            Hit::Changed => Ok(Touch::Changed),
            Hit::Missing => Ok(Touch::Missing),
            Hit::Taken(failure) => Err(failure.of_write()),
        }
    }

    async fn remove(&self, name: &str, expect: Expect<'_>) -> Result<Remove, StorageError> {
        match self.0.hit(name, self.0.statements.remove.expecting(expect), &[name_of(name)?], expect).await? {
            Hit::Done => Ok(Remove::Removed),
            Hit::Changed => Ok(Remove::Changed),
            Hit::Missing => Ok(Remove::Missing),
            Hit::Taken(failure) => Err(failure.of_write()),
        }
    }

    /// One statement: the row takes its new key and data at once.
    async fn rename(&self, from: &str, to: &str, expect: Expect<'_>, new: New<'_>) -> Result<Rename, StorageError> {
        // The row is free to take its own name, so that case is told apart here.
        if from == to {
            let found = self.read(from).await?.is_some();
            return Ok(if found { Rename::Exists } else { Rename::Missing });
        }
        let values = [name_of(from)?, name_of(to)?, Value::Text(text(new.data)?), Value::Moment(new.expires)];
        let hit = if new.columns.is_empty() {
            self.0.hit(from, self.0.statements.rename.expecting(expect), &values, expect).await?
        } else {
            let extended = self.0.extended(Write::Rename(expect), new.columns).await?;
            self.0.hit(from, &extended.template, &extended.values(&values), expect).await?
        };
        match hit {
            Hit::Done => Ok(Rename::Renamed(self.0.statements.layout.version(new.data))),
            Hit::Changed => Ok(Rename::Changed),
            Hit::Missing => Ok(Rename::Missing),
            Hit::Taken(_) => Ok(Rename::Exists),
        }
    }

    /// In the order of the names' bytes, by Django's index for `LIKE`. An entry whose `expire_date` cannot be read is
    /// listed without one.
    async fn scan(&self, after: Option<&Cursor>, limit: usize) -> Result<Page, StorageError> {
        // No key is empty.
        self.page(after.map_or("", Cursor::position), None, limit).await
    }

    /// One statement, by the index on `expire_date`. Rows that others hold at the moment stay for the next time.
    async fn remove_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StorageError> {
        Ok(self.remove_batch(None, now, limit).await?.count)
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
