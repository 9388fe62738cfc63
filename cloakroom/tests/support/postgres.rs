//! PostgreSQL for the tests.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use cloakroom::storage::PostgresStorage;
use cloakroom::storage::postgres::PostgresOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use test_servers::{PASSWORD, PostgreSql};

/// A server, with what these tests ask of it.
pub struct Server(pub &'static PostgreSql);

impl Server {
    /// The server that the tests of a program share.
    pub async fn shared() -> Option<Self> {
        tokio::task::spawn_blocking(PostgreSql::shared).await.unwrap().map(Server)
    }
}

impl Server {
    pub async fn storage(&self) -> (PostgresStorage, String) {
        storage(self.0).await
    }

    pub async fn database(&self) -> String {
        self.0.new_database().name
    }

    pub fn url(&self, database: &str) -> String {
        self.0.url(self.0.port(), database)
    }

    pub async fn connect(&self, database: &str) -> PgConnection {
        PgConnection::connect(&self.url(database)).await.unwrap()
    }

    pub fn options(&self, database: &str) -> PostgresOptions {
        options(self.0.port(), database)
    }
}

pub fn options(port: u16, database: &str) -> PostgresOptions {
    PostgresOptions::new().host("127.0.0.1").port(port).user("site").password(PASSWORD).database(database)
}

/// A storage on an empty database with Django's tables, and the database's name.
pub async fn storage(server: &PostgreSql) -> (PostgresStorage, String) {
    let database = server.new_database().name;
    let storage = options(server.port(), &database).open();
    storage.migrate().await.unwrap();
    (storage, database)
}

pub async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
}

/// A pool as an application has it.
pub fn pool(url: &str, connections: u32) -> sqlx::PgPool {
    let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(connections);
    pool.connect_lazy_with(options.extra_float_digits(None).disable_statement_logging())
}
