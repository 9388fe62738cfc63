//! Where the session is kept, in words that another process understands.

use std::path::Path;
use std::time::Duration;

use cloakroom::storage::file::FileOptions;
use cloakroom::storage::file_cache::FileCacheOptions;
use cloakroom::storage::mysql::MysqlOptions;
use cloakroom::storage::postgres::PostgresOptions;
use cloakroom::storage::sqlite::SqliteOptions;
use cloakroom::storage::{CacheStorage, DatabaseCacheStorage, DatabaseStorage, MemoryStorage};
use cloakroom::{Engine, SessionStore, Settings};
use tempfile::TempDir;
use test_servers::{MariaDb, Memcached, PostgreSql, Redis};

/// Eight tasks of eight processes queue up for one row, on a machine that may do much else.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Place {
    /// The engine, then its cache, then its database: `cached_db redis://… wal:/…`.
    words: String,
    _folder: Option<TempDir>,
    /// What is one process's own cannot be opened twice.
    memory: Option<SessionStore>,
}

impl From<String> for Place {
    fn from(words: String) -> Self {
        Self { words, _folder: None, memory: None }
    }
}

impl Place {
    pub(crate) fn memory() -> Self {
        let store = SessionStore::new(Engine::cache(MemoryStorage::new()), settings()).unwrap();
        Self { memory: Some(store), ..Self::from(String::new()) }
    }

    /// The words, then a folder.
    pub(crate) async fn folder(words: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let between = if words.ends_with(':') { "" } else { " " };
        let words = format!("{words}{between}{}", folder.path().display());
        Some(Self { words, _folder: Some(folder), memory: None })
    }

    async fn in_file(words: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let words = format!("{words}:{}", folder.path().join("db.sqlite3").display());
        Some(Self { words, _folder: Some(folder), memory: None })
    }

    pub(crate) async fn sqlite(mode: &str) -> Option<Self> {
        Self::in_file(&format!("db {mode}")).await
    }

    pub(crate) async fn table_in_sqlite() -> Option<Self> {
        Self::in_file("table wal").await
    }

    pub(crate) async fn postgresql(engine: &str, isolation: &'static str) -> Option<Self> {
        Some(format!("{engine} {}", postgresql_url(isolation).await?).into())
    }

    pub(crate) async fn mariadb(engine: &str, isolation: &str) -> Option<Self> {
        Some(format!("{engine} {}", mariadb_url(isolation).await?).into())
    }

    pub(crate) async fn redis() -> Option<Self> {
        Some(format!("cache {}", redis_url().await?).into())
    }

    pub(crate) async fn memcached() -> Option<Self> {
        Some(format!("cache {}", memcached_url().await?).into())
    }

    pub(crate) async fn postgresql_behind_redis() -> Option<Self> {
        Some(format!("cached_db {} {}", redis_url().await?, postgresql_url("read committed").await?).into())
    }

    pub(crate) async fn mariadb_behind_redis() -> Option<Self> {
        Some(format!("cached_db {} {}", redis_url().await?, mariadb_url("read+committed").await?).into())
    }

    pub(crate) async fn sqlite_behind_memcached() -> Option<Self> {
        Self::in_file(&format!("cached_db {} wal", memcached_url().await?)).await
    }

    pub(crate) fn words(&self) -> &str {
        &self.words
    }

    /// The engine's name and its URL, as Django is to have them: of `db` and `cache`.
    pub(crate) fn for_django(&self) -> (String, String) {
        let (engine, url) = self.words.split_once(' ').unwrap();
        let file = url.strip_prefix("wal:").or(url.strip_prefix("journal:"));
        (engine.to_owned(), file.map_or_else(|| url.to_owned(), |path| format!("sqlite:///{path}")))
    }

    /// A store of its own, as another process has.
    pub(crate) async fn open(&self) -> SessionStore {
        if let Some(store) = &self.memory {
            return store.clone();
        }
        let mut words = self.words.split(' ');
        let engine = match (words.next().unwrap(), words.next().unwrap(), words.next()) {
            ("db", url, None) => Engine::db(database(url).await),
            ("file", folder, None) => Engine::file(FileOptions::new(folder).timeout(PATIENCE).open().unwrap()),
            ("cache", url, None) => Engine::cache(cache(url)),
            ("table", url, None) => {
                let table = DatabaseCacheStorage::new(&database(url).await, "session_cache");
                table.create_table().await.unwrap();
                Engine::cache(CacheStorage::Database(table))
            }
            ("cached_db", cache_url, Some(url)) => Engine::cached_db(database(url).await, cache(cache_url)),
            _ => panic!("no place {}", self.words),
        };
        SessionStore::new(engine, settings()).unwrap()
    }
}

fn settings() -> Settings {
    Settings::new().secret_key("a secret")
}

async fn database(url: &str) -> DatabaseStorage {
    let storage = if url.starts_with("postgres") {
        let options = PostgresOptions::from_url(url).unwrap().timeout(PATIENCE).max_connections(8);
        DatabaseStorage::Postgres(options.open())
    } else if url.starts_with("mysql") {
        let options = MysqlOptions::from_url(url).unwrap().timeout(PATIENCE).max_connections(8);
        DatabaseStorage::Mysql(options.open())
    } else {
        let (mode, path) = url.split_once(':').unwrap();
        let options = SqliteOptions::new(Path::new(path)).create(true).busy_timeout(PATIENCE).wal(mode == "wal");
        DatabaseStorage::Sqlite(options.open().unwrap())
    };
    storage.migrate().await.unwrap();
    storage
}

fn cache(url: &str) -> CacheStorage {
    match url.strip_prefix("files:") {
        Some(folder) => CacheStorage::File(FileCacheOptions::new(folder).timeout(PATIENCE).open().unwrap()),
        None => CacheStorage::open(&settings().cache_url(url)).unwrap(),
    }
}

async fn postgresql_url(isolation: &'static str) -> Option<String> {
    let server = tokio::task::spawn_blocking(PostgreSql::shared).await.unwrap()?;
    let database = server.new_database();
    let set = format!("ALTER DATABASE {} SET default_transaction_isolation = '{isolation}'", database.name);
    server.psql("postgres", &set);
    Some(database.url)
}

async fn mariadb_url(isolation: &str) -> Option<String> {
    let server = tokio::task::spawn_blocking(MariaDb::shared).await.unwrap()?;
    Some(format!("{}?isolation_level={isolation}", server.new_database().url))
}

async fn redis_url() -> Option<String> {
    let server = tokio::task::spawn_blocking(Redis::shared).await.unwrap()?;
    Some(server.url(server.port(), server.new_database()))
}

async fn memcached_url() -> Option<String> {
    static SHARED: std::sync::OnceLock<Option<Memcached>> = std::sync::OnceLock::new();
    let server = tokio::task::spawn_blocking(|| SHARED.get_or_init(Memcached::start).as_ref()).await.unwrap()?;
    Some(format!("pymemcache://{}", server.location()))
}
