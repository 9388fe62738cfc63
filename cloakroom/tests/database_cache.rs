//! Django's database cache on SQLite: the contract, the rows of the vectors, a real Django.
#![cfg(feature = "sqlite")]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/database_cache.rs"]
mod database_cache;
#[path = "support/django_cache.rs"]
mod django_cache;
mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use cloakroom::storage::sqlite::SqliteOptions;
use cloakroom::storage::{DatabaseCacheStorage, DatabaseStorage, Expect, New, Replace, Storage, StorageError};
use cloakroom::testing::{StorageContract, session_contract};
use cloakroom::{EngineName, SessionStore, Settings, Timestamp};
use database_cache::Rows;
use django_cache::{Django, NAME, key, python};
use rusqlite::{Connection, OptionalExtension as _};
use serde_json::json;

const TABLE: &str = "session_cache_table";

struct Site {
    folder: tempfile::TempDir,
    storage: DatabaseCacheStorage,
}

fn open(path: &Path) -> DatabaseStorage {
    let options = SqliteOptions::new(path).create(true).busy_timeout(Duration::from_secs(20));
    DatabaseStorage::Sqlite(options.open().unwrap())
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = DatabaseCacheStorage::new(&open(&folder.path().join("db.sqlite3")), TABLE);
        assert!(storage.create_table().await.unwrap());
        Self { folder, storage }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("db.sqlite3")
    }

    fn connect(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    fn django(&self) -> Option<Django> {
        let database = json!({
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": self.path(),
            "OPTIONS": { "timeout": 20, "transaction_mode": "IMMEDIATE" },
        });
        let more = json!({ "DATABASES": { "default": database } });
        python().map(|python| Django::new(python, "db.DatabaseCache", TABLE, &more))
    }
}

impl Rows for Site {
    async fn get(&self, key: &str) -> Option<(String, String)> {
        let sql = format!("SELECT value, expires FROM {TABLE} WHERE cache_key = ?1");
        self.connect().query_row(&sql, [key], |row| Ok((row.get(0)?, row.get(1)?))).optional().unwrap()
    }

    async fn put(&self, key: &str, value: &str, expires: &str) {
        let sql = format!("INSERT INTO {TABLE} VALUES (?1, ?2, ?3)");
        self.connect().execute(&sql, [key, value, expires]).unwrap();
    }
}

fn contract() -> StorageContract {
    StorageContract::new().expiry_precision(Duration::from_secs(1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract() {
    let site = Site::new().await;
    contract().run(async || site.storage.clone()).await;
}

#[tokio::test]
async fn it_keeps_the_contract_on_one_thread_in_wal_mode() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(folder.path().join("db.sqlite3")).create(true).wal(true);
    let database = DatabaseStorage::Sqlite(options.open().unwrap());
    let storage = DatabaseCacheStorage::new(&database, TABLE);
    assert!(storage.create_table().await.unwrap());
    contract().largest(10_000).run(async || storage.clone()).await;
}

/// One file, one writer: sessions in the one table and a cache in the other.
#[tokio::test]
async fn it_shares_the_database_with_the_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let database = open(&folder.path().join("db.sqlite3"));
    let cache = DatabaseCacheStorage::new(&database, TABLE);
    let missing = cache.read(NAME).await;
    assert!(matches!(&missing, Err(StorageError::MissingCacheTable { table }) if table == TABLE), "{missing:?}");
    let text = missing.unwrap_err().to_string();
    assert!(text.contains("createcachetable") && !text.contains("migrate"), "{text}");
    database.migrate().await.unwrap();
    // As a task of its own: what makes the table can be awaited anywhere.
    let made = cache.clone();
    assert!(tokio::spawn(async move { made.create_table().await }).await.unwrap().unwrap());
    let store = SessionStore::db(database, Settings::new().secret_key("a secret")).unwrap();
    store.session(None).asave().await.unwrap();
    cache.bury(NAME, New::of(b"x", Timestamp::MAX)).await.unwrap();
    drop(store);
    assert!(cache.read(NAME).await.unwrap().is_some());
    assert!(!cache.create_table().await.unwrap());
}

#[tokio::test]
async fn rows_are_djangos() {
    let site = Site::new().await;
    database_cache::rows_are_djangos(&site.storage, &site).await;
}

#[tokio::test]
async fn an_expired_entry_reads_as_nothing_and_makes_room() {
    database_cache::an_expired_entry_reads_as_nothing_and_makes_room(&Site::new().await.storage).await;
}

#[tokio::test]
async fn a_marker_takes_any_place() {
    database_cache::a_marker_takes_any_place(&Site::new().await.storage).await;
}

#[tokio::test]
async fn keys_are_kept_whole() {
    database_cache::keys_are_kept_whole(&Site::new().await.storage).await;
}

#[tokio::test]
async fn what_is_no_base64_is_damaged_and_stays() {
    let site = Site::new().await;
    database_cache::what_is_no_base64_is_damaged_and_stays(&site.storage, &site).await;
    // A value that is a number, a moment that is none.
    let sql = format!("UPDATE {TABLE} SET value = 7");
    site.connect().execute(&sql, []).unwrap();
    assert!(matches!(site.storage.read(NAME).await, Err(StorageError::Damaged(_))));
    let sql = format!("UPDATE {TABLE} SET value = 'eA==', expires = 'never'");
    site.connect().execute(&sql, []).unwrap();
    assert!(matches!(site.storage.read(NAME).await, Err(StorageError::Damaged("expires"))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn storages_that_write_one_row_lose_nothing() {
    let site = Site::new().await;
    site.storage.bury(NAME, New::of(b"0", Timestamp::MAX)).await.unwrap();
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            // Threads and connections of its own: as another process would have them.
            let storage = DatabaseCacheStorage::new(&open(&site.path()), TABLE);
            tokio::spawn(async move {
                for _ in 0..50 {
                    loop {
                        let stored = storage.read(NAME).await.unwrap().unwrap();
                        let count: u32 = str::from_utf8(&stored.data).unwrap().parse().unwrap();
                        let next = (count + 1).to_string();
                        let new = New::of(next.as_bytes(), Timestamp::MAX);
                        match storage.replace(NAME, Expect::Version(&stored.version), new).await.unwrap() {
                            Replace::Replaced(_) => break,
                            Replace::Changed => {}
                            Replace::Missing => panic!("the row is gone"),
                        }
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(site.storage.read(NAME).await.unwrap().unwrap().data, "200", "an increment was overwritten");
}

fn schema(connection: &Connection) -> Vec<(String, String, Option<String>)> {
    let sql = "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = ?1 ORDER BY type, name";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([TABLE], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn the_table_is_that_of_the_vector_and_of_django() {
    let vectors = support::vectors("cache");
    let vector = vectors.iter().find(|vector| vector["op"] == "ddl").unwrap();
    let site = Site::new().await;
    let expected: Vec<(String, String, Option<String>)> =
        serde_json::from_value(vector["sqlite_master"].clone()).unwrap();
    assert_eq!(schema(&site.connect()), expected);
    let [table, index] = site.storage.create_table_sql();
    assert_eq!(format!("{table};\n{index};\n"), vector["dry_run"].as_str().unwrap());
    let Some(django) = site.django() else { return };
    assert!(django.run(&["create_table"]).contains("already exists"));
    site.connect().execute_batch(&format!("DROP TABLE {TABLE}")).unwrap();
    assert!(django.run(&["create_table"]).contains("created"));
    assert_eq!(schema(&site.connect()), expected);
    assert!(!site.storage.create_table().await.unwrap());
}

#[tokio::test]
async fn each_reads_what_the_other_wrote() {
    let site = Site::new().await;
    let Some(django) = site.django() else { return };
    django_cache::each_reads_what_the_other_wrote(&django, &site.storage.clone().with_key(key())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_change_of_djangos_is_overwritten() {
    let site = Site::new().await;
    let Some(django) = site.django() else { return };
    let storage = site.storage.clone().with_key(key());
    django_cache::no_change_of_djangos_is_overwritten(&django, async || storage.clone(), 200).await;
}

/// The engines by the settings alone, `cached_db` with the cache in the same file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engines_keep_what_sessions_promise() {
    for engine in [EngineName::Cache, EngineName::CachedDb] {
        let folders = std::cell::RefCell::new(Vec::new());
        session_contract(async || {
            let site = Site::new().await;
            let settings = Settings::new()
                .secret_key("a secret")
                .session_engine(engine)
                .database_url(format!("sqlite:///{}", site.path().display()))
                .cache_url(format!("dbcache://{TABLE}"));
            folders.borrow_mut().push(site.folder);
            SessionStore::open_or_create(settings).await.unwrap()
        })
        .await;
    }
}

#[test]
fn what_the_settings_lack_is_named() {
    let open = |settings: Settings| SessionStore::open(settings.session_engine(EngineName::Cache)).unwrap_err();
    let error = open(Settings::new().cache_url("dbcache://cache_table")).to_string();
    assert!(error.contains("DATABASE_URL"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.sqlite3");
    drop(Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)"));
    let settings = Settings::new().database_url(format!("sqlite:///{}", path.display()));
    let error = open(settings.cache_url("dbcache://")).to_string();
    assert!(error.contains("names no table"), "{error}");
}
