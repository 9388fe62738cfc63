//! On caches, and on databases with a cache in front.

use test_servers::{Memcached, PostgreSql, Redis};

use super::*;

/// The URL of a cache without sessions, where its server is installed.
async fn redis() -> Option<String> {
    let server = tokio::task::spawn_blocking(Redis::shared).await.unwrap()?;
    Some(server.url(server.port(), server.new_database()))
}

async fn memcached() -> Option<String> {
    static SHARED: std::sync::OnceLock<Option<Memcached>> = std::sync::OnceLock::new();
    let server = tokio::task::spawn_blocking(|| SHARED.get_or_init(Memcached::start).as_ref()).await.unwrap()?;
    Some(format!("pymemcache://{}", server.location()))
}

async fn postgresql() -> Option<String> {
    Some(tokio::task::spawn_blocking(PostgreSql::shared).await.unwrap()?.new_database().url)
}

#[tokio::test]
async fn eight_processes_of_eight_tasks_lose_nothing_on_redis() {
    let Some(url) = redis().await else { return };
    eight_processes_at(Place::Cache, Path::new(&url)).await;
}

#[tokio::test]
async fn eight_processes_of_eight_tasks_lose_nothing_on_memcached() {
    let Some(url) = memcached().await else { return };
    eight_processes_at(Place::Cache, Path::new(&url)).await;
}

#[tokio::test]
async fn eight_processes_of_eight_tasks_lose_nothing_on_postgresql_behind_redis() {
    let (Some(cache), Some(database)) = (redis().await, postgresql().await) else { return };
    eight_processes_at(Place::CachedDb, Path::new(&format!("{cache} {database}"))).await;
}

#[tokio::test]
async fn eight_processes_of_eight_tasks_lose_nothing_on_sqlite_behind_memcached() {
    let Some(cache) = memcached().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("db.sqlite3");
    eight_processes_at(Place::CachedDb, Path::new(&format!("{cache} {}", database.display()))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_wins_every_race_on_redis() {
    let Some(url) = redis().await else { return };
    logouts_at(Place::Cache, Path::new(&url)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_wins_every_race_on_memcached() {
    let Some(url) = memcached().await else { return };
    logouts_at(Place::Cache, Path::new(&url)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_wins_every_race_on_postgresql_behind_redis() {
    let (Some(cache), Some(database)) = (redis().await, postgresql().await) else { return };
    logouts_at(Place::CachedDb, Path::new(&format!("{cache} {database}"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_wins_every_race_on_sqlite_behind_memcached() {
    let Some(cache) = memcached().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("db.sqlite3");
    logouts_at(Place::CachedDb, Path::new(&format!("{cache} {}", database.display()))).await;
}
