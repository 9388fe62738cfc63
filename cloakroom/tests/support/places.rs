//! A site on every place that keeps sessions on the server, its storages behind a line that stops where it is told.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cloakroom::storage::sqlite::SqliteOptions;
use cloakroom::storage::{
    CacheStorage, DatabaseCacheStorage, DatabaseStorage, Expect, MemoryStorage, Remove, Storage, StorageError,
};
use cloakroom::testing::Operation;
use cloakroom::{Engine, KeySource, Session, SessionKey, SessionStore, Settings, Timestamp};

use crate::paused::{At, Line, Paused};

/// Long, as on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    Db(Database),
    Files,
    Cache(Cache),
    /// A change of key in two steps on a storage that could do it in one: as between two servers of a cluster.
    CacheInSteps(Cache),
    CachedDb(Database, Cache),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Database {
    Sqlite,
    PostgreSql,
    MariaDb,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cache {
    Memory,
    Redis,
    Memcached,
    Files,
    Database,
}

type Ends = Box<dyn Fn(String) -> Pin<Box<dyn Future<Output = Option<Timestamp>> + Send>> + Send + Sync>;

pub struct Site {
    pub place: Place,
    pub store: SessionStore,
    pub line: Line,
    /// The call with which a session is written of which only the expiry moves.
    touches_by: Operation,
    /// When an entry ends, where its storage says so.
    ends: Ends,
    /// Of `cached_db` the database alone, and its cache.
    front: Option<(SessionStore, CacheStorage)>,
    keys: Arc<Mutex<Vec<SessionKey>>>,
    folder: tempfile::TempDir,
}

impl Site {
    /// `None` where the server is not installed.
    pub async fn open(place: Place) -> Option<Self> {
        Self::with(place, Settings::new()).await
    }

    pub async fn with(place: Place, settings: Settings) -> Option<Self> {
        let settings = settings.secret_key("a secret");
        let (folder, line) = (tempfile::tempdir().unwrap(), Line::default());
        let (mut front, mut facts) = (None, None);
        let engine = match place {
            Place::Db(database) => Engine::db(kept(database.open(&folder).await?, &line, &mut facts)),
            Place::Files => files(&folder, &line, &mut facts)?,
            Place::Cache(cache) if cache != Cache::Memcached => {
                Engine::cache(kept(cache.open(&folder).await?, &line, &mut facts))
            }
            Place::Cache(cache) | Place::CacheInSteps(cache) => {
                Engine::cache(kept(cache.open(&folder).await?, &line, &mut facts).in_steps())
            }
            Place::CachedDb(database, cache) => {
                let (database, cache) = (database.open(&folder).await?, cache.open(&folder).await?);
                front = Some((SessionStore::db(database.clone(), settings.clone()).unwrap(), cache.clone()));
                Engine::cached_db(kept(database, &line, &mut facts), Paused::new(cache, At::Front, &line))
            }
        };
        let (touches_by, ends) = facts?;
        let keys = Arc::new(Mutex::new(Vec::new()));
        let issued = Arc::clone(&keys);
        let source = KeySource::new(move || {
            let key = SessionKey::generate();
            issued.lock().unwrap().push(key.clone());
            key
        });
        let store = SessionStore::new(engine, settings).unwrap().with_key_source(source);
        Some(Self { place, store, line, touches_by, ends, front, keys, folder })
    }

    /// A stored session of two members.
    pub async fn stored(&self) -> SessionKey {
        let session = self.store.session(None).load().await.unwrap();
        session.set("a", &1).unwrap();
        session.set("b", &1).unwrap();
        session.asave().await.unwrap();
        session.session_key().unwrap()
    }

    pub async fn load(&self, key: &SessionKey) -> Session {
        self.store.session(Some(key)).load().await.unwrap()
    }

    /// What the next visitor of this key is served, the same at every look, and in `cached_db` what the database holds.
    pub async fn members(&self, key: &SessionKey) -> String {
        let [served, again, row] = self.look(key).await;
        assert_eq!(served, again, "the first look changed what the next one sees");
        assert_eq!(served, row, "the cache serves what the database does not hold");
        served
    }

    /// The same, as soon as it is so: while a write that nobody waits for may still be in a queue.
    pub async fn settled_members(&self, key: &SessionKey) -> String {
        let started = Instant::now();
        loop {
            let [served, again, row] = self.look(key).await;
            if served == again && served == row {
                return served;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "{:?}: {served}, {again}, {row}", self.place);
        }
    }

    /// Two looks at what is served, and what the database holds where a cache is in front of it.
    async fn look(&self, key: &SessionKey) -> [String; 3] {
        let served = self.store.session(Some(key)).aload().await.unwrap().to_json();
        let again = self.store.session(Some(key)).aload().await.unwrap().to_json();
        let row = match &self.front {
            Some((rows, _)) => rows.session(Some(key)).aload().await.unwrap().to_json(),
            None => served.clone(),
        };
        [served, again, row]
    }

    /// Asserts that nothing is left of a session.
    pub async fn assert_gone(&self, key: &SessionKey) {
        assert!(!self.store.exists(key).await.unwrap(), "{:?}: the session is back", self.place);
        assert_eq!(self.members(key).await, "{}", "{:?}: the session is still served", self.place);
    }

    /// The keys that the site made out and under which something is stored.
    pub async fn live_keys(&self) -> Vec<SessionKey> {
        let mut live = Vec::new();
        let keys = self.keys.lock().unwrap().clone();
        for key in keys {
            if self.store.exists(&key).await.unwrap() {
                live.push(key);
            }
        }
        live
    }

    /// The keys that the site made out.
    pub fn issued_keys(&self) -> Vec<SessionKey> {
        self.keys.lock().unwrap().clone()
    }

    /// The keys made out so far are left out of [`live_keys`](Self::live_keys) from now on.
    pub fn forget_keys(&self) {
        self.keys.lock().unwrap().clear();
    }

    /// Drops the copy in the cache in front of the database, where there is one.
    pub async fn evict(&self, key: &SessionKey) {
        if let Some((_, cache)) = &self.front {
            let name = format!("django.contrib.sessions.cached_db{}", key.as_str());
            let _: Remove = cache.remove(&name, Expect::Anything).await.unwrap();
        }
    }

    /// Asserts that the entry itself, where its storage can say so, ends in so many seconds at the latest.
    pub async fn assert_ends_within(&self, key: &SessionKey, seconds: f64) {
        let prefix = match self.place {
            Place::Cache(_) | Place::CacheInSteps(_) => "django.contrib.sessions.cache",
            _ => "",
        };
        if let Some(ends) = (self.ends)(format!("{prefix}{}", key.as_str())).await {
            let latest = Timestamp::now().checked_add_seconds(seconds).unwrap();
            assert!(ends <= latest, "{:?}: the entry lives on until {ends:?}", self.place);
        }
    }

    pub fn touches_by(&self) -> Operation {
        self.touches_by
    }

    pub fn has_front(&self) -> bool {
        self.front.is_some()
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

/// Puts the line before a storage, and notes what the tests want to know of it.
fn kept<S: Storage>(storage: S, line: &Line, facts: &mut Option<(Operation, Ends)>) -> Paused<S> {
    let storage = Paused::new(storage, At::Kept, line);
    let touches_by = if storage.capabilities().costly_touch { Operation::Replace } else { Operation::Touch };
    let looked_at = storage.clone();
    let ends: Ends = Box::new(move |name| {
        let storage = looked_at.clone();
        Box::pin(async move { storage.inner().read(&name).await.unwrap().unwrap().expires })
    });
    *facts = Some((touches_by, ends));
    storage
}

#[cfg(feature = "file")]
fn files(folder: &tempfile::TempDir, line: &Line, facts: &mut Option<(Operation, Ends)>) -> Option<Engine> {
    let storage = cloakroom::storage::file::FileOptions::new(folder.path()).timeout(PATIENCE).open().unwrap();
    Some(Engine::file(kept(storage, line, facts)))
}

#[cfg(not(feature = "file"))]
fn files(_: &tempfile::TempDir, _: &Line, _: &mut Option<(Operation, Ends)>) -> Option<Engine> {
    None
}

impl Database {
    pub async fn open(self, folder: &tempfile::TempDir) -> Option<DatabaseStorage> {
        match self {
            Self::Sqlite => {
                let options = SqliteOptions::new(folder.path().join("db.sqlite3")).create(true).wal(true);
                let storage = DatabaseStorage::Sqlite(options.busy_timeout(PATIENCE).open().unwrap());
                storage.migrate().await.unwrap();
                Some(storage)
            }
            Self::PostgreSql => postgresql().await,
            Self::MariaDb => mariadb().await,
        }
    }
}

/// So few that a connection which is not given back is missed soon.
pub const CONNECTIONS: usize = 2;

/// The database that the tests of a program share, each with storages and sessions of its own.
#[cfg(feature = "postgres")]
async fn postgresql() -> Option<DatabaseStorage> {
    static NAME: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();
    let server = crate::postgres::Server::shared().await?;
    let name = NAME.get_or_init(async || server.storage().await.1).await;
    Some(DatabaseStorage::Postgres(server.options(name).timeout(PATIENCE).max_connections(CONNECTIONS).open()))
}

#[cfg(not(feature = "postgres"))]
async fn postgresql() -> Option<DatabaseStorage> {
    None
}

#[cfg(feature = "mysql")]
async fn mariadb() -> Option<DatabaseStorage> {
    static NAME: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();
    let server = crate::mysql::shared().await?;
    let name = NAME.get_or_init(async || crate::mysql::storage(server).await.1).await;
    let options = crate::mysql::options(server.port(), name).timeout(PATIENCE).max_connections(CONNECTIONS);
    Some(DatabaseStorage::Mysql(options.open()))
}

#[cfg(not(feature = "mysql"))]
async fn mariadb() -> Option<DatabaseStorage> {
    None
}

impl Cache {
    pub async fn open(self, folder: &tempfile::TempDir) -> Option<CacheStorage> {
        match self {
            Self::Memory => Some(CacheStorage::Memory(MemoryStorage::new())),
            Self::Redis => redis().await,
            Self::Memcached => memcached().await,
            Self::Files => file_cache(folder),
            Self::Database => {
                let cache = DatabaseCacheStorage::new(&Database::Sqlite.open(folder).await?, "session_cache");
                let created: Result<bool, StorageError> = cache.create_table().await;
                assert!(created.unwrap());
                Some(CacheStorage::Database(cache))
            }
        }
    }
}

#[cfg(feature = "redis")]
async fn redis() -> Option<CacheStorage> {
    static NUMBER: tokio::sync::OnceCell<usize> = tokio::sync::OnceCell::const_new();
    let server = crate::redis::shared().await?;
    let number = *NUMBER.get_or_init(async || server.new_database()).await;
    Some(CacheStorage::Redis(crate::redis::options(server.port(), number).timeout(PATIENCE).open()))
}

#[cfg(not(feature = "redis"))]
async fn redis() -> Option<CacheStorage> {
    None
}

#[cfg(feature = "memcached")]
async fn memcached() -> Option<CacheStorage> {
    static SHARED: std::sync::OnceLock<Option<test_servers::Memcached>> = std::sync::OnceLock::new();
    let start = || SHARED.get_or_init(test_servers::Memcached::start).as_ref();
    let server = tokio::task::spawn_blocking(start).await.unwrap()?;
    let options = crate::memcached::options([server]).timeout(PATIENCE).max_connections(CONNECTIONS);
    Some(CacheStorage::Memcached(options.open()))
}

#[cfg(not(feature = "memcached"))]
async fn memcached() -> Option<CacheStorage> {
    None
}

#[cfg(feature = "file")]
fn file_cache(folder: &tempfile::TempDir) -> Option<CacheStorage> {
    use cloakroom::storage::file_cache::FileCacheOptions;
    let options = FileCacheOptions::new(folder.path().join("cache")).timeout(PATIENCE);
    Some(CacheStorage::File(options.open().unwrap()))
}

#[cfg(not(feature = "file"))]
fn file_cache(_: &tempfile::TempDir) -> Option<CacheStorage> {
    None
}
