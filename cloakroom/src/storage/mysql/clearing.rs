//! What a long clean-up asks of the server beside the removing.

use std::future::Future;
use std::pin::Pin;

use sqlx::{AssertSqlSafe, Connection, MySql, MySqlConnection, Row};

use super::MysqlStorage;
use super::columns::Value;
use crate::Timestamp;
use crate::storage::clearing::{SLICE, Turn};
use crate::storage::sql::{Connections, Dialect, Failure};
use crate::storage::{ClearingTurn, RemovedExpired, StorageError};

impl MysqlStorage {
    /// Two statements: where the batch ends, and the removing. The index keeps what was removed until the server purges
    /// it, so the next batch begins where this one ended.
    pub(super) async fn remove_batch(
        &self,
        from: Option<Timestamp>,
        now: Timestamp,
        limit: usize,
    ) -> Result<RemovedExpired, StorageError> {
        let handle = &*self.0;
        let (start, now) = (handle.dates.write(from.unwrap_or(Timestamp::MIN)), handle.dates.write(now));
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let values = [Value::Text(&now), Value::Text(&start), Value::Number(most.saturating_sub(1))];
        let end = handle.rows(&handle.statements.end_of_batch, &values).await?;
        let end = end.first().and_then(|row| row.try_get_unchecked::<String, _>(0).ok());
        let (now, most) = (Value::Text(&now), Value::Number(most));
        let removed = match from {
            Some(_) => {
                let values = [now, Value::Text(&start), most];
                self.write_any(&handle.statements.remove_expired_from, &values, b"").await?
            }
            None => self.write_any(&handle.statements.remove_expired, &[now, most], b"").await?,
        };
        let reached = end.and_then(|end| handle.dates.read(end.as_bytes()));
        Ok(RemovedExpired::new(usize::try_from(removed).unwrap_or(usize::MAX), reached))
    }

    /// Slice by slice: no statement takes long.
    pub(super) async fn count(&self, now: Timestamp) -> Result<u64, StorageError> {
        let handle = &*self.0;
        let now = handle.dates.write(now);
        let (mut count, mut after) = (0, handle.dates.write(Timestamp::MIN));
        loop {
            let (now, from) = (Value::Text(&now), Value::Text(&after));
            let values = [now, from, now, from, Value::Number(SLICE - 1), now];
            let rows = handle.rows(&handle.statements.count_expired, &values).await?;
            let row = rows.first().ok_or_else(|| StorageError::not_done("no answer"))?;
            let read = |error: sqlx::Error| Failure::Unexpected(error.into()).not_done();
            let slice: i64 = row.try_get_unchecked(0).map_err(read)?;
            let reached: Option<String> = row.try_get_unchecked(1).map_err(read)?;
            count += slice.unsigned_abs();
            match reached {
                Some(reached) if slice >= SLICE => after = reached,
                _ => return Ok(count),
            }
        }
    }

    /// A named lock, held by a connection of its own: it ends with the connection, whatever ends that. Such locks belong
    /// to a server, so the name holds that of the database, in the few characters that there are.
    pub(super) async fn turn(&self) -> Result<Option<ClearingTurn>, StorageError> {
        let connections = &self.0.connections;
        let deadline = connections.deadline();
        let connection: MySqlConnection = connections.apart(deadline).await.map_err(Failure::not_done)?;
        let mut turn = Named { connection, connections: connections.clone() };
        let table: String = self.table().bytes().map(|byte| format!("{byte:02x}")).collect();
        let sql = format!("SELECT GET_LOCK(CONCAT('cloakroom ', SHA1(CONCAT_WS('.', DATABASE(), X'{table}'))), 0)");
        let answer = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(&mut turn.connection);
        let row = deadline.result::<MySql, _>(answer).await.map_err(Failure::not_done)?;
        if row.try_get_unchecked::<Option<String>, _>(0).ok().flatten().as_deref() == Some("1") {
            return Ok(Some(ClearingTurn::of(turn)));
        }
        turn.end().await;
        Ok(None)
    }
}

struct Named {
    connection: MySqlConnection,
    connections: Connections<MySql>,
}

impl Named {
    async fn end(mut self) {
        let deadline = self.connections.deadline();
        // Should it not answer, the lock goes with the connection.
        let _ = deadline.result::<MySql, _>(MySql::run(&mut self.connection, "DO RELEASE_ALL_LOCKS()")).await;
        let _ = deadline.result::<MySql, _>(self.connection.close()).await;
    }
}

impl Turn for Named {
    fn check(&mut self) -> Pin<Box<dyn Future<Output = Result<(), StorageError>> + Send + '_>> {
        Box::pin(async {
            let alive = self.connection.ping();
            self.connections.deadline().result::<MySql, _>(alive).await.map_err(Failure::not_done)
        })
    }

    fn release(self: Box<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.end())
    }
}
