//! What a long clean-up asks of the server beside the removing.

use std::future::Future;
use std::pin::Pin;

use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Postgres, Row};
use thiserror::Error;

use super::template::Value;
use super::{Handle, PostgresStorage, rows};
use crate::Timestamp;
use crate::storage::clearing::{SLICE, Turn};
use crate::storage::sql::{Connections, Dialect, Failure};
use crate::storage::{ClearingTurn, RemovedExpired, StorageError};

#[derive(Debug, Error)]
#[error("the connection that held the turn at clearing was lost")]
struct TurnLost(#[source] sqlx::Error);

impl PostgresStorage {
    /// One statement, which answers how far it got.
    pub(super) async fn remove_batch(
        &self,
        from: Option<Timestamp>,
        now: Timestamp,
        limit: usize,
    ) -> Result<RemovedExpired, StorageError> {
        let statements = &self.0.statements;
        let most = Value::Number(i64::try_from(limit).unwrap_or(i64::MAX));
        let values = [Value::Moment(now), most, Value::Moment(from.unwrap_or(Timestamp::MIN))];
        let found = match from {
            Some(_) => self.0.changed(&statements.remove_expired_from, &values).await?,
            None => self.0.changed(&statements.remove_expired, &values[..2]).await?,
        };
        let row = found.first().ok_or_else(|| StorageError::not_done("no answer"))?;
        let (count, reached) = rows::count_and_moment(row).map_err(Failure::not_done)?;
        Ok(RemovedExpired::new(usize::try_from(count).unwrap_or(usize::MAX), reached))
    }

    /// Slice by slice: no statement takes long.
    pub(super) async fn count(&self, now: Timestamp) -> Result<u64, StorageError> {
        let (mut count, mut after) = (0, None);
        loop {
            let statements = &self.0.statements;
            let values = [Value::Moment(now), Value::Number(SLICE - 1), Value::Moment(after.unwrap_or(Timestamp::MIN))];
            let found = match after {
                Some(_) => self.0.rows(&statements.count_expired_after, &values).await?,
                None => self.0.rows(&statements.count_expired, &values[..2]).await?,
            };
            let row = found.first().ok_or_else(|| StorageError::not_done("no answer"))?;
            let (slice, reached) = rows::count_and_moment(row).map_err(Failure::not_done)?;
            count += slice.unsigned_abs();
            after = reached;
            if slice < SLICE || after.is_none() {
                return Ok(count);
            }
        }
    }

    /// An advisory lock, in a transaction of a connection of its own: PgBouncer, too, leaves that its server. It ends
    /// with the connection, whatever ends that. Between its statements the transaction holds no snapshot, so it holds
    /// up no vacuum.
    pub(super) async fn turn(&self) -> Result<Option<ClearingTurn>, StorageError> {
        let handle = &*self.0;
        let deadline = handle.connections.deadline();
        let connection: PgConnection = handle.connections.apart(deadline).await.map_err(Failure::not_done)?;
        let mut turn = Advisory { connection, connections: handle.connections.clone() };
        let sql = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0; \
             SELECT pg_try_advisory_xact_lock({})::text",
            lock_number(handle)
        );
        let answer = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut turn.connection);
        let rows = deadline.result::<Postgres, _>(answer).await.map_err(Failure::not_done)?;
        let got = rows.last().and_then(|row| row.try_get_unchecked::<String, _>(0).ok());
        if got.as_deref() == Some("true") {
            return Ok(Some(ClearingTurn::of(turn)));
        }
        turn.end().await;
        Ok(None)
    }
}

/// The same in every process for a table; locks of this kind belong to a database.
fn lock_number(handle: &Handle) -> i64 {
    let hash = Sha256::new().chain_update("cloakroom clearing ").chain_update(&handle.statements.quoted).finalize();
    hash.iter().take(8).fold(0, |number: i64, byte| (number << 8) | i64::from(*byte))
}

struct Advisory {
    connection: PgConnection,
    connections: Connections<Postgres>,
}

impl Advisory {
    async fn end(mut self) {
        let deadline = self.connections.deadline();
        // Should it not answer, the lock goes with the connection.
        let _ = deadline.result::<Postgres, _>(Postgres::run(&mut self.connection, "ROLLBACK")).await;
        let _ = deadline.result::<Postgres, _>(self.connection.close()).await;
    }
}

impl Turn for Advisory {
    fn check(&mut self) -> Pin<Box<dyn Future<Output = Result<(), StorageError>> + Send + '_>> {
        Box::pin(async {
            let deadline = self.connections.deadline();
            // Were the transaction over, this would begin none; so it is asked for something that only one has.
            let alive = async { self.connection.execute("SAVEPOINT turn; RELEASE SAVEPOINT turn").await.map(drop) };
            match deadline.result::<Postgres, _>(alive).await {
                Ok(()) => Ok(()),
                Err(Failure::Refused(error)) => Err(StorageError::not_done(TurnLost(sqlx::Error::Database(error)))),
                Err(failure) => Err(failure.not_done()),
            }
        })
    }

    fn release(self: Box<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.end())
    }
}
