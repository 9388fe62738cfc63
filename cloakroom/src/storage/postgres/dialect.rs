//! What the server's errors mean.

use std::error::Error;

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgDatabaseError, PgSeverity};
use sqlx::{AssertSqlSafe, PgConnection, Postgres};
use thiserror::Error;

use crate::storage::sql::Dialect;

#[derive(Debug, Error)]
#[error(
    "PgBouncer stands before the server; set DISABLE_SERVER_SIDE_CURSORS to True in DATABASES, or \
     PostgresOptions::pgbouncer(true)"
)]
struct NotSetUpForPgBouncer(#[source] sqlx::Error);

impl Dialect for Postgres {
    async fn run(connection: &mut PgConnection, statement: &str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(connection).await.map(drop)
    }

    fn ends_connection(error: &dyn DatabaseError) -> bool {
        let fatal = error
            .try_downcast_ref::<PgDatabaseError>()
            .is_some_and(|error| matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic));
        // 57P0x: the server goes down, or ends this connection; 08: PgBouncer speaks of a lost one in this class.
        let code = error.code().unwrap_or_default();
        fatal || code.starts_with("57P0") || code.starts_with("08") || lost_its_plan(error)
    }

    fn unreachable(error: sqlx::Error) -> Box<dyn Error + Send + Sync> {
        // PgBouncer's own words: it does not let through what sets a connection up.
        let is_pgbouncer = error.as_database_error().is_some_and(|said| said.message().contains("startup parameter"));
        if is_pgbouncer { NotSetUpForPgBouncer(error).into() } else { error.into() }
    }

    fn had_no_effect(error: &dyn DatabaseError) -> bool {
        lost_its_plan(error)
    }
}

/// A prepared statement is gone (somebody said `DISCARD ALL`), or the table's columns changed under its plan. A new
/// connection prepares it anew.
fn lost_its_plan(error: &dyn DatabaseError) -> bool {
    match error.code().as_deref() {
        Some("26000") => true,
        Some("0A000") => {
            let error = error.try_downcast_ref::<PgDatabaseError>();
            // The text of the message depends on the server's language.
            error.and_then(PgDatabaseError::routine) == Some("RevalidateCachedQuery")
        }
        _ => false,
    }
}

/// What a statement ran into, as far as the operations tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// The key is taken.
    Taken,
    /// Another transaction was in the way (serialization failure, deadlock): all was undone.
    Conflict,
    /// The table is not there, or not in the search path.
    NoTable,
    Other,
}

impl Obstacle {
    pub(super) fn of(error: &dyn DatabaseError) -> Self {
        match error.code().as_deref() {
            Some("23505") => Self::Taken,
            Some("40001" | "40P01") => Self::Conflict,
            Some("42P01") => Self::NoTable,
            _ => Self::Other,
        }
    }
}
