//! Every engine keeps what sessions promise.
#![allow(missing_docs, clippy::unwrap_used)]

use std::cell::RefCell;

use cloakroom::storage::MemoryStorage;
use cloakroom::storage::sqlite::SqliteOptions;
use cloakroom::testing::session_contract;
use cloakroom::{Engine, SessionStore, Settings};
use tempfile::TempDir;

fn settings() -> Settings {
    Settings::new().secret_key("a secret")
}

#[tokio::test]
async fn the_memory_engine() {
    session_contract(async || SessionStore::memory(settings()).unwrap()).await;
}

#[tokio::test]
async fn the_db_engine_in_memory() {
    session_contract(async || SessionStore::db(MemoryStorage::new(), settings()).unwrap()).await;
}

#[tokio::test]
async fn the_cache_engine_in_memory() {
    session_contract(async || SessionStore::new(Engine::cache(MemoryStorage::new()), settings()).unwrap()).await;
}

#[tokio::test]
async fn the_cached_db_engine_in_memory() {
    let engine = || Engine::cached_db(MemoryStorage::new(), MemoryStorage::new());
    session_contract(async || SessionStore::new(engine(), settings()).unwrap()).await;
}

#[tokio::test]
async fn the_signed_cookies_engine() {
    session_contract(async || {
        SessionStore::open(settings().session_engine(cloakroom::EngineName::SignedCookies)).unwrap()
    })
    .await;
}

async fn on_sqlite(wal: bool) {
    let folders: RefCell<Vec<TempDir>> = RefCell::default();
    session_contract(async || {
        let folder = tempfile::tempdir().unwrap();
        let storage = SqliteOptions::new(folder.path().join("db.sqlite3")).create(true).wal(wal).open().unwrap();
        folders.borrow_mut().push(folder);
        storage.migrate().await.unwrap();
        SessionStore::db(storage, settings()).unwrap()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_db_engine_on_sqlite_in_wal_mode() {
    on_sqlite(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_db_engine_on_sqlite_in_djangos_journal_mode() {
    on_sqlite(false).await;
}

#[cfg(feature = "file")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_engine() {
    let folders: RefCell<Vec<TempDir>> = RefCell::default();
    session_contract(async || {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings().session_engine(cloakroom::EngineName::File).session_file_path(folder.path());
        folders.borrow_mut().push(folder);
        SessionStore::open(settings).unwrap()
    })
    .await;
}
