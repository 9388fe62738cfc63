//! Many processes and tasks on one session, on every place that keeps sessions on the server: nothing lost, nothing
//! brought back.
#![allow(missing_docs, clippy::unwrap_used)]

#[cfg(all(feature = "redis", feature = "memcached", feature = "postgres"))]
mod on_caches;
#[cfg(feature = "mysql")]
mod on_mariadb;
#[cfg(feature = "postgres")]
mod on_postgresql;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use cloakroom::storage::CacheStorage;
use cloakroom::storage::sqlite::SqliteOptions;
use cloakroom::{Engine, EngineName, SessionError, SessionKey, SessionStore, Settings};
use tokio::sync::Barrier;

const PROCESSES: usize = 8;
const TASKS: usize = 8;
const ROUNDS: usize = 12;
const RACES: usize = 400;

/// How a child process knows what to work on: its number, the session key, the kind of place and where it is.
const WORK: &str = "CLOAKROOM_TEST_WORK";

/// Where the session is kept. Each opening is a storage of its own, as another process has.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    SqliteWal,
    SqliteJournal,
    #[cfg(feature = "file")]
    Files,
    /// In place of the folder stands the database's URL.
    #[cfg(feature = "postgres")]
    Postgres,
    /// Likewise.
    #[cfg(feature = "mysql")]
    Mysql,
    /// In place of the folder stands the cache's URL.
    Cache,
    /// In place of the folder stand the cache's URL, a space, and the database's or an SQLite file.
    CachedDb,
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Self::SqliteWal => "wal",
            Self::SqliteJournal => "journal",
            #[cfg(feature = "file")]
            Self::Files => "files",
            #[cfg(feature = "postgres")]
            Self::Postgres => "postgres",
            #[cfg(feature = "mysql")]
            Self::Mysql => "mysql",
            Self::Cache => "cache",
            Self::CachedDb => "cached_db",
        }
    }

    fn named(name: &str) -> Self {
        match name {
            "wal" => Self::SqliteWal,
            "journal" => Self::SqliteJournal,
            #[cfg(feature = "file")]
            "files" => Self::Files,
            #[cfg(feature = "postgres")]
            "postgres" => Self::Postgres,
            #[cfg(feature = "mysql")]
            "mysql" => Self::Mysql,
            "cache" => Self::Cache,
            "cached_db" => Self::CachedDb,
            name => panic!("no place {name}"),
        }
    }

    async fn open(self, folder: &Path) -> SessionStore {
        let settings = Settings::new().secret_key("a secret");
        let patience = Duration::from_secs(60);
        #[cfg(feature = "file")]
        if self == Self::Files {
            let storage = cloakroom::storage::file::FileOptions::new(folder).timeout(patience).open().unwrap();
            return SessionStore::new(cloakroom::Engine::file(storage), settings).unwrap();
        }
        #[cfg(feature = "postgres")]
        if self == Self::Postgres {
            use cloakroom::storage::postgres::PostgresOptions;
            // Eight tasks of eight processes queue up for one row on a busy machine.
            let options = PostgresOptions::from_url(folder.to_str().unwrap()).unwrap().timeout(patience);
            let storage = options.max_connections(8).open();
            storage.migrate().await.unwrap();
            return SessionStore::db(storage, settings).unwrap();
        }
        #[cfg(feature = "mysql")]
        if self == Self::Mysql {
            use cloakroom::storage::mysql::MysqlOptions;
            let options = MysqlOptions::from_url(folder.to_str().unwrap()).unwrap().timeout(patience);
            let storage = options.max_connections(8).open();
            storage.migrate().await.unwrap();
            return SessionStore::db(storage, settings).unwrap();
        }
        if self == Self::Cache {
            let settings = settings.session_engine(EngineName::Cache).cache_url(folder.to_str().unwrap());
            return SessionStore::open(settings).unwrap();
        }
        if self == Self::CachedDb {
            let (cache, database) = folder.to_str().unwrap().split_once(' ').unwrap();
            let cache = CacheStorage::open(&settings.clone().cache_url(cache)).unwrap();
            #[cfg(feature = "postgres")]
            if database.starts_with("postgres") {
                use cloakroom::storage::postgres::PostgresOptions;
                let options = PostgresOptions::from_url(database).unwrap().timeout(patience);
                let storage = options.max_connections(8).open();
                storage.migrate().await.unwrap();
                return SessionStore::new(Engine::cached_db(storage, cache), settings).unwrap();
            }
            let storage = SqliteOptions::new(database).create(true).busy_timeout(patience).wal(true).open().unwrap();
            storage.migrate().await.unwrap();
            return SessionStore::new(Engine::cached_db(storage, cache), settings).unwrap();
        }
        let options = SqliteOptions::new(folder.join("db.sqlite3")).create(true).busy_timeout(patience);
        let storage = options.wal(self == Self::SqliteWal).open().unwrap();
        storage.migrate().await.unwrap();
        SessionStore::db(storage, settings).unwrap()
    }
}

async fn stored(store: &SessionStore) -> SessionKey {
    let session = store.session(None).load().await.unwrap();
    session.set("untouched", "stays").unwrap();
    session.asave().await.unwrap();
    session.session_key().unwrap()
}

/// Each task sets members of its own, one a request, and removes every other one again.
async fn work(store: &SessionStore, key: &SessionKey, process: usize) {
    let tasks = (0..TASKS).map(|task| {
        let (store, key) = (store.clone(), key.clone());
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                let session = store.session(Some(&key)).load().await.unwrap();
                session.set(&format!("p{process}t{task}r{round}"), &round).unwrap();
                if round % 2 == 1 {
                    session.del(&format!("p{process}t{task}r{}", round - 1)).unwrap();
                }
                session.asave().await.unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

async fn assert_nothing_is_lost(store: &SessionStore, key: &SessionKey, processes: usize) {
    let session = store.session(Some(key)).load().await.unwrap();
    let mut expected = vec!["untouched".to_owned()];
    for process in 0..processes {
        for task in 0..TASKS {
            expected.extend((1..ROUNDS).step_by(2).map(|round| format!("p{process}t{task}r{round}")));
        }
    }
    let mut found = session.keys();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

/// In a child process this works on the parent's file; otherwise it is a test of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_tasks_of_one_process_lose_nothing() {
    if let Ok(work_to_do) = std::env::var(WORK) {
        let mut parts = work_to_do.splitn(4, ' ');
        let process: usize = parts.next().unwrap().parse().unwrap();
        let key: SessionKey = parts.next().unwrap().parse().unwrap();
        let place = Place::named(parts.next().unwrap());
        let folder = PathBuf::from(parts.next().unwrap());
        return work(&place.open(&folder).await, &key, process).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let store = Place::SqliteWal.open(folder.path()).await;
    let key = stored(&store).await;
    work(&store, &key, 0).await;
    assert_nothing_is_lost(&store, &key, 1).await;
}

/// Ends a child that a failing test leaves behind.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn eight_processes(place: Place) {
    let folder = tempfile::tempdir().unwrap();
    eight_processes_at(place, folder.path()).await;
}

async fn eight_processes_at(place: Place, folder: &Path) {
    let store = place.open(folder).await;
    let key = stored(&store).await;
    let started = std::time::Instant::now();
    let mut workers: Vec<Worker> = (0..PROCESSES)
        .map(|process| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", "eight_tasks_of_one_process_lose_nothing"]);
            command.env(WORK, format!("{process} {} {} {}", key.as_str(), place.name(), folder.display()));
            command.stdout(Stdio::null()).stdin(Stdio::null());
            Worker(command.spawn().unwrap())
        })
        .collect();
    for worker in &mut workers {
        assert!(worker.0.wait().unwrap().success(), "a process failed");
    }
    println!("{}: {} saves of one session in {:?}", place.name(), PROCESSES * TASKS * ROUNDS, started.elapsed());
    assert_nothing_is_lost(&store, &key, PROCESSES).await;
}

#[tokio::test]
async fn eight_processes_of_eight_tasks_lose_nothing_in_a_wal_file() {
    eight_processes(Place::SqliteWal).await;
}

#[tokio::test]
async fn eight_processes_of_eight_tasks_lose_nothing_in_djangos_journal_mode() {
    eight_processes(Place::SqliteJournal).await;
}

#[cfg(feature = "file")]
#[tokio::test]
async fn eight_processes_of_eight_tasks_lose_nothing_in_session_files() {
    eight_processes(Place::Files).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_wins_every_race() {
    logouts(Place::SqliteWal).await;
}

#[cfg(feature = "file")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_wins_every_race_on_files() {
    logouts(Place::Files).await;
}

/// A save and a change of key race against a logout, each with a storage of its own.
async fn logouts(place: Place) {
    let folder = tempfile::tempdir().unwrap();
    logouts_at(place, folder.path()).await;
}

async fn logouts_at(place: Place, folder: &Path) {
    let saving = place.open(folder).await;
    let (cycling, leaving) = (place.open(folder).await, place.open(folder).await);
    let (mut late, mut early) = (0, 0);
    for race in 0..RACES {
        let key = stored(&saving).await;
        let start = Arc::new(Barrier::new(3));
        let save = {
            let (session, start) = (saving.session(Some(&key)).load().await.unwrap(), Arc::clone(&start));
            tokio::spawn(async move {
                session.set("name", "Bob").unwrap();
                start.wait().await;
                let saved = session.asave().await;
                (session, saved)
            })
        };
        let cycle = {
            let (session, start) = (cycling.session(Some(&key)).load().await.unwrap(), Arc::clone(&start));
            let takes_part = race % 2 == 0;
            tokio::spawn(async move {
                start.wait().await;
                let cycled = if takes_part { session.acycle_key().await } else { Ok(()) };
                (session, cycled)
            })
        };
        let logout = {
            let (session, start) = (leaving.session(Some(&key)), Arc::clone(&start));
            tokio::spawn(async move {
                start.wait().await;
                session.aflush().await
            })
        };
        logout.await.unwrap().unwrap();
        let (_, saved) = save.await.unwrap();
        let (cycled_session, cycled) = cycle.await.unwrap();
        assert!(matches!(saved, Ok(()) | Err(SessionError::UpdateError)), "{saved:?}");
        early += usize::from(saved.is_ok());
        late += usize::from(saved.is_err());
        assert!(!saving.exists(&key).await.unwrap(), "race {race}: the session is back");
        let seen = saving.session(Some(&key)).aload().await.unwrap();
        assert!(seen.is_empty(), "race {race}: the session is still served");
        // A change of key that came first is another session by then: the logout ended the old key.
        if race % 2 == 0 && cycled.is_ok() {
            assert_ne!(cycled_session.session_key(), Some(key));
        }
    }
    println!("{}: {RACES} races: {early} saves before the logout, {late} after it, none brought back", place.name());
}
