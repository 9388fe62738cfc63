//! On MariaDB: the isolation level is an option of the URL, which stands in place of the folder.

use test_servers::MariaDb;

use super::*;

async fn url(level: &str) -> Option<PathBuf> {
    let server = tokio::task::spawn_blocking(MariaDb::shared).await.unwrap()?;
    Some(format!("{}?isolation_level={level}", server.new_database().url).into())
}

#[tokio::test]
async fn eight_processes_of_eight_tasks_lose_nothing() {
    let Some(url) = url("read+committed").await else { return };
    eight_processes_at(Place::Mysql, &url).await;
}

#[tokio::test]
async fn eight_processes_of_eight_tasks_lose_nothing_at_repeatable_read() {
    let Some(url) = url("repeatable+read").await else { return };
    eight_processes_at(Place::Mysql, &url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_wins_every_race() {
    let Some(url) = url("read+committed").await else { return };
    logouts_at(Place::Mysql, &url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_wins_every_race_when_transactions_are_serializable() {
    let Some(url) = url("serializable").await else { return };
    logouts_at(Place::Mysql, &url).await;
}
