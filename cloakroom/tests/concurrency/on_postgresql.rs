//! On PostgreSQL, with the isolation level that the database is set to.

use test_servers::PostgreSql;

use super::*;

async fn database(isolation: &'static str) -> Option<PathBuf> {
    let server = tokio::task::spawn_blocking(PostgreSql::shared).await.unwrap()?;
    let database = server.new_database();
    let set = format!("ALTER DATABASE {} SET default_transaction_isolation = '{isolation}'", database.name);
    server.psql("postgres", &set);
    Some(database.url.into())
}

#[tokio::test]
async fn eight_processes_of_eight_tasks_lose_nothing() {
    let Some(url) = database("read committed").await else { return };
    eight_processes_at(Place::Postgres, &url).await;
}

#[tokio::test]
async fn eight_processes_of_eight_tasks_lose_nothing_where_transactions_are_serializable() {
    let Some(url) = database("serializable").await else { return };
    eight_processes_at(Place::Postgres, &url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_wins_every_race() {
    let Some(url) = database("read committed").await else { return };
    logouts_at(Place::Postgres, &url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_wins_every_race_where_transactions_are_serializable() {
    let Some(url) = database("serializable").await else { return };
    logouts_at(Place::Postgres, &url).await;
}
