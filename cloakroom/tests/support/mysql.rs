//! MariaDB for the tests.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use std::path::Path;

use cloakroom::storage::MysqlStorage;
use cloakroom::storage::mysql::MysqlOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, MySqlConnection};
use test_servers::{MariaDb, PASSWORD};

/// The server that the tests of a program share.
pub async fn shared() -> Option<&'static MariaDb> {
    tokio::task::spawn_blocking(MariaDb::shared).await.unwrap()
}

/// A server that a test has for itself.
pub async fn own(settings: &'static [&str]) -> Option<MariaDb> {
    tokio::task::spawn_blocking(|| MariaDb::start_with(settings)).await.unwrap()
}

pub fn options(port: u16, database: &str) -> MysqlOptions {
    MysqlOptions::new(database).host("127.0.0.1").port(port).user("site").password(PASSWORD)
}

pub fn socket(path: &Path, database: &str) -> MysqlOptions {
    MysqlOptions::new(database).socket(path).user("site").password(PASSWORD)
}

/// A storage on an empty database with Django's tables, and the database's name.
pub async fn storage(server: &MariaDb) -> (MysqlStorage, String) {
    let database = server.new_database().name;
    let storage = options(server.port(), &database).open();
    storage.migrate().await.unwrap();
    (storage, database)
}

pub async fn connect(server: &MariaDb, database: &str) -> MySqlConnection {
    MySqlConnection::connect(&server.url(server.port(), database)).await.unwrap()
}

pub async fn run(connection: &mut MySqlConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
}

/// A pool as an application has it; `setup` is run on each of its connections.
pub fn pool(url: &str, connections: u32, setup: &'static str) -> sqlx::MySqlPool {
    let options: sqlx::mysql::MySqlConnectOptions = url.parse().unwrap();
    let pool = sqlx::mysql::MySqlPoolOptions::new().max_connections(connections).test_before_acquire(false);
    let pool = pool.after_connect(move |connection, _| {
        Box::pin(async move { sqlx::raw_sql(setup).execute(connection).await.map(drop) })
    });
    pool.connect_lazy_with(options.disable_statement_logging())
}
