//! What the server's errors mean.

use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;
use sqlx::{AssertSqlSafe, MySql, MySqlConnection};

use crate::storage::sql::Dialect;

impl Dialect for MySql {
    async fn run(connection: &mut MySqlConnection, statement: &str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(connection).await.map(drop)
    }

    fn ends_connection(error: &dyn DatabaseError) -> bool {
        match number(error) {
            // The server goes down (1053, 1077, 1079), somebody ended the connection (1927, 3169) or the statement
            // (1317), it idled too long (4031), or something is wrong with the line between (1152 to 1161).
            1053 | 1077 | 1079 | 1080 | 1152 | 1154..=1161 | 1184 | 1317 | 1927 | 3169 | 4031 => true,
            _ => Self::had_no_effect(error),
        }
    }

    /// More than one packet holds (1153), a prepared statement that is gone (1243), and a server that became read-only
    /// (1290, 1836): another one may have taken over, which a new connection finds.
    fn had_no_effect(error: &dyn DatabaseError) -> bool {
        matches!(number(error), 1153 | 1243 | 1290 | 1836)
    }
}

fn number(error: &dyn DatabaseError) -> u16 {
    error.try_downcast_ref::<MySqlDatabaseError>().map_or(0, MySqlDatabaseError::number)
}

/// What a statement ran into, as far as the operations tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// The key is taken.
    Taken,
    /// Another transaction was in the way: a deadlock, a failed certification in a cluster (1213), or a row that
    /// changed after the snapshot (1020, MariaDB's `innodb_snapshot_isolation`). All was undone.
    Conflict,
    /// The table is not there.
    NoTable,
    /// A table or an index of that name is there.
    Present,
    /// The value does not fit its column. The server's message quotes it.
    Value,
    Other,
}

impl Obstacle {
    pub(super) fn of(error: &dyn DatabaseError) -> Self {
        match number(error) {
            // The application may have unique columns of its own. The primary key has this name on every server:
            // `django_session.PRIMARY` on MySQL 8.
            1062 | 1586 if error.message().contains("PRIMARY'") => Self::Taken,
            1020 | 1213 => Self::Conflict,
            1146 => Self::NoTable,
            1050 | 1061 => Self::Present,
            1264 | 1292 | 1300 | 1366 | 1406 => Self::Value,
            _ => Self::Other,
        }
    }
}
