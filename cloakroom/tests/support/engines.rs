//! Every engine that keeps sessions on the server, in every kind of place.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use cloakroom::storage::sqlite::SqliteOptions;
use cloakroom::storage::{CacheStorage, DatabaseCacheStorage, DatabaseStorage, MemoryStorage, Storage};
use cloakroom::testing::{Calls, Fault, Operation, SpyStorage};
use cloakroom::{Clock, Engine, SessionStore, Settings, Timestamp};
use tempfile::TempDir;

/// An engine on storages of its own, with nothing in them.
pub struct Place {
    pub name: &'static str,
    pub engine: Engine,
    /// Whether its entries end by the store's clock; those of a cache server end by the server's.
    pub by_clock: bool,
    folder: Option<TempDir>,
}

impl Place {
    pub fn store(&self, settings: Settings) -> SessionStore {
        SessionStore::new(self.engine.clone(), settings).unwrap()
    }
}

fn place(name: &'static str, engine: Engine) -> Place {
    Place { name, engine, by_clock: true, folder: None }
}

fn in_folder(name: &'static str, make: impl FnOnce(&std::path::Path) -> Engine) -> Place {
    let folder = tempfile::tempdir().unwrap();
    Place { name, engine: make(folder.path()), by_clock: true, folder: Some(folder) }
}

/// Memory whose own clock stands still: it never says by itself that an entry has ended.
pub fn timeless() -> MemoryStorage {
    MemoryStorage::with_clock(Clock::new(|| Timestamp::UNIX_EPOCH))
}

/// In this process and on its disk.
pub async fn local() -> Vec<Place> {
    let mut places = vec![
        place("memory", Engine::memory_in(timeless())),
        place("db in memory", Engine::db(timeless())),
        place("cache in memory", Engine::cache(timeless())),
        place("cached_db in memory", Engine::cached_db(timeless(), timeless())),
    ];
    let folder = tempfile::tempdir().unwrap();
    let sqlite = SqliteOptions::new(folder.path().join("db.sqlite3")).create(true).wal(true).open().unwrap();
    sqlite.migrate().await.unwrap();
    let table = DatabaseCacheStorage::new(&DatabaseStorage::Sqlite(sqlite.clone()), "cache_table");
    table.create_table().await.unwrap();
    places.push(place("cache in a table", Engine::cache(table.clone())));
    places.push(place("cached_db on SQLite, a table in front", Engine::cached_db(sqlite.clone(), table)));
    places.push(Place { name: "db on SQLite", engine: Engine::db(sqlite), by_clock: true, folder: Some(folder) });
    #[cfg(feature = "file")]
    {
        use cloakroom::storage::file::FileOptions;
        use cloakroom::storage::file_cache::FileCacheOptions;
        places.push(in_folder("file", |folder| Engine::file(FileOptions::new(folder).open().unwrap())));
        places.push(in_folder("cache in files", |folder| {
            Engine::cache(FileCacheOptions::new(folder.join("cache")).open().unwrap())
        }));
        places.push(in_folder("cached_db, files in front", |folder| {
            Engine::cached_db(timeless(), FileCacheOptions::new(folder.join("cache")).open().unwrap())
        }));
    }
    places
}

/// On the servers that are installed.
pub async fn on_servers() -> Vec<Place> {
    let mut places = Vec::new();
    #[cfg(feature = "redis")]
    if let Some(server) = tokio::task::spawn_blocking(test_servers::Redis::shared).await.unwrap() {
        let cache = || cache(&server.url(server.port(), server.new_database()));
        places.push(ended_by_server("cache on Redis", Engine::cache(cache())));
        places.push(ended_by_server("cached_db, Redis in front", Engine::cached_db(timeless(), cache())));
    }
    #[cfg(feature = "memcached")]
    if let Some(location) = tokio::task::spawn_blocking(memcached).await.unwrap() {
        let cache = || cache(&format!("pymemcache://{location}"));
        places.push(ended_by_server("cache on memcached", Engine::cache(cache())));
        places.push(ended_by_server("cached_db, memcached in front", Engine::cached_db(timeless(), cache())));
    }
    for url in database_urls().await {
        let settings = Settings::new().database_url(&url);
        let storage = DatabaseStorage::open(&settings).unwrap();
        storage.migrate().await.unwrap();
        let name = if url.starts_with("postgres") { "db on PostgreSQL" } else { "db on MariaDB" };
        places.push(place(name, Engine::db(storage)));
    }
    places
}

/// All of them.
pub async fn every_engine() -> Vec<Place> {
    let mut places = local().await;
    places.extend(on_servers().await);
    places
}

/// A new, empty database on each database server that is installed.
#[cfg_attr(not(any(feature = "postgres", feature = "mysql")), expect(unused_mut))]
pub async fn database_urls() -> Vec<String> {
    let mut urls = Vec::new();
    #[cfg(feature = "postgres")]
    if let Some(server) = tokio::task::spawn_blocking(test_servers::PostgreSql::shared).await.unwrap() {
        urls.push(server.new_database().url);
    }
    #[cfg(feature = "mysql")]
    if let Some(server) = tokio::task::spawn_blocking(test_servers::MariaDb::shared).await.unwrap() {
        urls.push(server.new_database().url);
    }
    urls
}

fn ended_by_server(name: &'static str, engine: Engine) -> Place {
    Place { by_clock: false, ..place(name, engine) }
}

fn cache(url: &str) -> CacheStorage {
    CacheStorage::open(&Settings::new().cache_url(url)).unwrap()
}

/// Where the one server of the tests of a program listens.
fn memcached() -> Option<String> {
    use std::sync::OnceLock;
    static SHARED: OnceLock<Option<test_servers::Memcached>> = OnceLock::new();
    SHARED.get_or_init(test_servers::Memcached::start).as_ref().map(test_servers::Memcached::location)
}

/// An engine whose storages are watched and fail on command.
pub struct Watched {
    pub name: &'static str,
    pub engine: Engine,
    calls: Vec<Box<dyn Fn() -> Calls>>,
    fail: Vec<Box<dyn Fn(Operation, Fault)>>,
    reset: Vec<Box<dyn Fn()>>,
    folder: Option<TempDir>,
}

impl Watched {
    fn new(name: &'static str, engine: Engine) -> Self {
        Self { name, engine, calls: Vec::new(), fail: Vec::new(), reset: Vec::new(), folder: None }
    }

    fn watch<S: Storage>(mut self, spy: &SpyStorage<S>) -> Self {
        let (counting, failing, spy) = (spy.clone(), spy.clone(), spy.clone());
        self.calls.push(Box::new(move || counting.take_calls()));
        self.fail.push(Box::new(move |operation, fault| failing.fail_next(operation, fault)));
        self.reset.push(Box::new(move || spy.reset()));
        self
    }

    pub fn store(&self, settings: Settings) -> SessionStore {
        SessionStore::new(self.engine.clone(), settings).unwrap()
    }

    /// What each storage was asked since the last time.
    pub fn take_calls(&self) -> Vec<Calls> {
        self.calls.iter().map(|calls| calls()).collect()
    }

    /// How many operations there were since the last time.
    pub fn total(&self) -> usize {
        self.take_calls().iter().map(Calls::total).sum()
    }

    /// Nothing fails any more.
    pub fn reset(&self) {
        for reset in &self.reset {
            reset();
        }
    }

    /// The next operation of this kind fails, in each storage.
    pub fn fail_next(&self, operation: Operation, fault: Fault) {
        for fail in &self.fail {
            fail(operation, fault);
        }
    }
}

/// Each engine, its storages watched.
#[cfg_attr(not(feature = "file"), expect(unused_mut))]
pub fn watched() -> Vec<Watched> {
    let spy = || SpyStorage::new(MemoryStorage::new());
    let (memory, db, cache, database, front) = (spy(), spy(), spy(), spy(), spy());
    let mut engines = vec![
        Watched::new("memory", Engine::memory_in(memory.clone())).watch(&memory),
        Watched::new("db", Engine::db(db.clone())).watch(&db),
        Watched::new("cache", Engine::cache(cache.clone())).watch(&cache),
        Watched::new("cached_db", Engine::cached_db(database.clone(), front.clone())).watch(&database).watch(&front),
    ];
    #[cfg(feature = "file")]
    {
        let folder = tempfile::tempdir().unwrap();
        let spy = SpyStorage::new(cloakroom::storage::file::FileOptions::new(folder.path()).open().unwrap());
        let mut file = Watched::new("file", Engine::file(spy.clone())).watch(&spy);
        file.folder = Some(folder);
        engines.push(file);
    }
    engines
}
