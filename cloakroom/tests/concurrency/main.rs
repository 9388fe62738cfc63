//! Many processes and tasks on one session, on every place that keeps sessions on the server: nothing lost, nothing
//! brought back.
#![cfg(all(
    feature = "file",
    feature = "memcached",
    feature = "mysql",
    feature = "postgres",
    feature = "redis",
    feature = "sqlite"
))]
#![allow(missing_docs, clippy::unwrap_used)]

mod beside_django;
mod changes;
mod logouts;
mod place;

use std::time::{Duration, Instant};

use cloakroom::SessionError;
use place::Place;

/// How much is done in `./test`, and how much where there is time (`CLOAKROOM_LONG`).
fn bounded(usually: usize, long: usize) -> usize {
    if std::env::var_os("CLOAKROOM_LONG").is_some() { long } else { usually }
}

/// The figures of a test, written past the test runner, which would keep them to itself.
fn say(figures: &str) {
    use std::io::Write as _;
    let _ = std::io::stdout().write_all(format!("concurrency: {figures}\n").as_bytes());
}

/// Tries again where a server of a busy machine did not answer in time: what is proved is what is kept, not how soon.
async fn patiently<T, F: Future<Output = Result<T, SessionError>>>(attempt: impl Fn() -> F) -> F::Output {
    let started = Instant::now();
    loop {
        match attempt().await {
            Err(SessionError::Storage(_)) if started.elapsed() < Duration::from_secs(60) => {}
            outcome => return outcome,
        }
    }
}

/// For each place its two tests; the number is that of the rounds of each task in `./test`.
macro_rules! places {
    ($($name:ident($rounds:literal): $place:expr;)+) => {
        $(mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn eight_processes_of_eight_tasks_lose_nothing() {
                let Some(place) = $place.await else { return };
                changes::eight_processes(stringify!($name), &place, $rounds).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_logout_wins_every_race() {
                let Some(place) = $place.await else { return };
                logouts::race(stringify!($name), &place).await;
            }
        })+
    };
}

places! {
    db_on_sqlite_in_wal_mode(12): Place::sqlite("wal");
    db_on_sqlite_in_djangos_journal_mode(6): Place::sqlite("journal");
    db_on_postgresql(8): Place::postgresql("db", "read committed");
    db_on_postgresql_where_transactions_are_serializable(4): Place::postgresql("db", "serializable");
    db_on_mariadb(8): Place::mariadb("db", "read+committed");
    db_on_mariadb_at_repeatable_read(4): Place::mariadb("db", "repeatable+read");
    session_files(12): Place::folder("file");
    cache_on_redis(8): Place::redis();
    cache_on_memcached(8): Place::memcached();
    cache_in_files(8): Place::folder("cache files:");
    cache_in_a_table_of_sqlite(6): Place::table_in_sqlite();
    cache_in_a_table_of_postgresql(4): Place::postgresql("table", "read committed");
    cache_in_a_table_of_mariadb(4): Place::mariadb("table", "read+committed");
    cached_db_on_postgresql_behind_redis(6): Place::postgresql_behind_redis();
    cached_db_on_mariadb_behind_redis(4): Place::mariadb_behind_redis();
    cached_db_on_sqlite_behind_memcached(6): Place::sqlite_behind_memcached();
}

/// One process's own: nobody else can be there.
mod cache_in_memory {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sixty_four_tasks_lose_nothing() {
        changes::tasks("cache_in_memory", &Place::memory(), 64, 12).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_logout_wins_every_race() {
        logouts::race("cache_in_memory", &Place::memory()).await;
    }
}
