//! Where sessions are kept on the small disk.

use std::path::PathBuf;
use std::time::Duration;

use cloakroom::storage::file::FileOptions;
use cloakroom::storage::file_cache::FileCacheOptions;
use cloakroom::storage::sqlite::SqliteOptions;
use cloakroom::storage::{MemoryStorage, SqliteStorage};
use cloakroom::{Engine, SessionStore, Settings};

use super::small::{self, Disk};

/// What a write needs.
#[derive(Clone, Copy, PartialEq)]
pub enum Needs {
    Nothing,
    Room,
}

/// Where that differs from place to place.
pub struct Wants {
    pub saves: Needs,
    pub logouts: Needs,
}

pub struct Place {
    pub name: &'static str,
    pub site: SessionStore,
    pub needs: Wants,
    /// Whether an error may leave the outcome open.
    pub may_doubt: bool,
    /// Where each session is one file.
    pub folder: Option<PathBuf>,
    /// Runs as long as this is kept.
    pub _server: Option<Box<dyn std::any::Any + Send + Sync>>,
    /// Whether the server takes a moment to notice that there is room.
    pub notices_late: bool,
}

pub fn settings() -> Settings {
    Settings::new().secret_key("a secret")
}

async fn sqlite(disk: &Disk, wal: bool) -> SqliteStorage {
    let storage = SqliteOptions::new(disk.folder.join("db.sqlite3")).create(true).wal(wal).open().unwrap();
    storage.migrate().await.unwrap();
    storage
}

impl Place {
    pub fn new(name: &'static str, engine: Engine, logouts: Needs) -> Self {
        let site = SessionStore::new(engine, settings()).unwrap();
        let needs = Wants { saves: Needs::Room, logouts };
        Self { name, site, needs, may_doubt: false, folder: None, _server: None, notices_late: false }
    }

    pub async fn files(disk: &Disk) -> Option<Self> {
        let folder = disk.new_folder("sessions");
        let engine = Engine::file(FileOptions::new(&folder).open().unwrap());
        Some(Self { folder: Some(folder), ..Self::new("session files", engine, Needs::Nothing) })
    }

    pub async fn synced_files(disk: &Disk) -> Option<Self> {
        let folder = disk.new_folder("sessions");
        let engine = Engine::file(FileOptions::new(&folder).sync(true).open().unwrap());
        Some(Self { folder: Some(folder), ..Self::new("session files with sync", engine, Needs::Nothing) })
    }

    pub async fn cache_files(disk: &Disk) -> Option<Self> {
        let folder = disk.new_folder("cache");
        let engine = Engine::cache(FileCacheOptions::new(&folder).open().unwrap());
        Some(Self { folder: Some(folder), ..Self::new("cache files", engine, Needs::Nothing) })
    }

    pub async fn sqlite_wal(disk: &Disk) -> Option<Self> {
        Some(Self::new("SQLite in WAL mode", Engine::db(sqlite(disk, true).await), Needs::Room))
    }

    pub async fn sqlite_journal(disk: &Disk) -> Option<Self> {
        Some(Self::new("SQLite in journal mode", Engine::db(sqlite(disk, false).await), Needs::Room))
    }

    pub async fn sqlite_behind_a_cache(disk: &Disk) -> Option<Self> {
        let engine = Engine::cached_db(sqlite(disk, true).await, MemoryStorage::new());
        Some(Self::new("cached_db, SQLite behind", engine, Needs::Room))
    }

    /// The cache is on the full disk, the database is not: it decides.
    pub async fn cache_files_before_a_database(disk: &Disk) -> Option<Self> {
        let cache = FileCacheOptions::new(disk.new_folder("cache")).open().unwrap();
        let engine = Engine::cached_db(MemoryStorage::new(), cache);
        let mut place = Self::new("cached_db, cache files before", engine, Needs::Nothing);
        place.needs.saves = Needs::Nothing;
        Some(place)
    }

    /// Waits until the server has noticed that there is room.
    pub async fn recovered(&self) {
        if self.notices_late {
            let end = std::time::Instant::now() + Duration::from_secs(60);
            while self.site.session(None).acreate().await.is_err() {
                assert!(std::time::Instant::now() < end, "{} does not recover", self.name);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// No file is empty, and none is left of a write that failed.
    pub fn check_files(&self, sessions: usize) {
        let Some(folder) = &self.folder else { return };
        let mut files = small::files(folder);
        files.retain(|(name, _)| !name.starts_with(".cloakroom_lock_"));
        assert!(files.iter().all(|(_, size)| *size > 0), "{}: an empty file: {files:?}", self.name);
        assert_eq!(files.len(), sessions, "{}: {files:?}", self.name);
    }
}
