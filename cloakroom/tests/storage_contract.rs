//! The public contract suite on the storages that need no server.

#![allow(clippy::unwrap_used)]

use cloakroom::storage::sqlite::SqliteOptions;
use cloakroom::storage::{MemoryStorage, SqliteStorage, Storage};
use cloakroom::testing::{SpyStorage, StorageContract, storage_contract};
use tempfile::TempDir;

/// Files of a test, each in the same directory, that go with it.
struct Files {
    folder: TempDir,
    wal: bool,
}

impl Files {
    fn new(wal: bool) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), wal }
    }

    async fn storage(&self) -> SqliteStorage {
        let count = self.folder.path().read_dir().unwrap().count();
        let path = self.folder.path().join(format!("{count}.sqlite3"));
        let storage = SqliteOptions::new(path).create(true).wal(self.wal).open().unwrap();
        storage.migrate().await.unwrap();
        storage
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_keeps_the_contract() {
    storage_contract(async || MemoryStorage::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn bounded_memory_keeps_the_contract() {
    storage_contract(async || MemoryStorage::with_limit(64 << 20)).await;
}

#[tokio::test]
async fn memory_keeps_the_contract_on_one_thread() {
    storage_contract(async || MemoryStorage::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_in_wal_mode_keeps_the_contract() {
    let files = Files::new(true);
    storage_contract(async || files.storage().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_in_rollback_mode_keeps_the_contract() {
    let files = Files::new(false);
    storage_contract(async || files.storage().await).await;
}

#[tokio::test]
async fn sqlite_keeps_the_contract_on_one_thread() {
    let files = Files::new(true);
    storage_contract(async || files.storage().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_without_use_tz_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    // Zones without summer time: an hour that occurs twice does not come back as it was.
    for (round, name) in ["Asia/Kolkata", "America/Phoenix"].into_iter().enumerate() {
        let zone = jiff::tz::TimeZone::get(name).unwrap();
        let path = folder.path().join(format!("{round}.sqlite3"));
        let options = SqliteOptions::new(path).create(true).wal(true).time_zone(Some(zone));
        // One database for all checks: the suite's names do not meet.
        let storage = options.open().unwrap();
        storage.migrate().await.unwrap();
        StorageContract::new().largest(1_000).run(async || storage.clone()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spy_keeps_the_contract_and_has_the_capabilities_of_what_it_spies_on() {
    let files = Files::new(true);
    storage_contract(async || SpyStorage::new(files.storage().await)).await;
    let spy = SpyStorage::new(files.storage().await);
    assert_eq!(spy.capabilities(), spy.inner().capabilities());
}

#[cfg(feature = "file")]
async fn on_files() {
    // One folder for all checks: the suite's names do not meet.
    let folder = tempfile::tempdir().unwrap();
    let storage = cloakroom::storage::file::FileOptions::new(folder.path()).open().unwrap();
    StorageContract::new().unknown_expiry().run(async || SpyStorage::new(storage.clone())).await;
    let left = || -> Vec<String> {
        let names = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with('.') && !name.contains("_lock_")).collect()
    };
    // What was dropped half-way may still be cleaning up.
    for _ in 0..500 {
        if left().is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("temporary files are left: {:?}", left());
}

#[cfg(feature = "file")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn files_keep_the_contract() {
    on_files().await;
}

#[cfg(feature = "file")]
#[tokio::test]
async fn files_keep_the_contract_on_one_thread() {
    on_files().await;
}
