//! Session files and files of Django's file-based cache: whatever stands in one is read or is an error, and what was
//! read is written and read as the same.

use std::path::{Path, PathBuf};

use cloakroom::storage::file::FileOptions;
use cloakroom::storage::file_cache::FileCacheOptions;
use cloakroom::storage::{Expect, FileCacheStorage, FileStorage, New, Replace, Storage, Stored};
use cloakroom::{Engine, SessionStore, Timestamp};
use tempfile::TempDir;

use super::support::{block_on, key, settings};

/// A folder of each kind with one entry, whose file is known.
struct Places {
    _folders: [TempDir; 2],
    files: FileStorage,
    file: PathBuf,
    cache: FileCacheStorage,
    entry: PathBuf,
}

impl Places {
    fn new() -> Self {
        let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let [sessions, entries] = [folders[0].path(), folders[1].path()];
        let files = FileOptions::new(sessions).open().expect("a storage");
        let cache = FileCacheOptions::new(entries).open().expect("a storage");
        block_on(async {
            let _ = files.insert(key().as_str(), New::of(b"a", Timestamp::MAX)).await.expect("a session file");
            let _ = cache.insert("name", New::of(b"a", Timestamp::MAX)).await.expect("a cache file");
        });
        Self { file: only_file(sessions), entry: only_file(entries), files, cache, _folders: folders }
    }
}

fn only_file(folder: &Path) -> PathBuf {
    let mut files = std::fs::read_dir(folder).expect("the folder");
    files.find_map(|file| Some(file.ok()?.path()).filter(|path| path.is_file())).expect("a file")
}

pub fn check(data: &[u8]) {
    thread_local! {
        static PLACES: Places = Places::new();
    }
    PLACES.with(|places| {
        std::fs::write(&places.file, data).expect("the file is written");
        std::fs::write(&places.entry, data).expect("the file is written");
        block_on(async {
            let stored = places.files.read(key().as_str()).await.expect("any bytes are read");
            assert!(stored.is_none_or(|stored| stored.data == data));
            let store = SessionStore::new(Engine::file(places.files.clone()), settings()).expect("a store");
            if let Ok(session) = store.session(Some(&key())).load().await {
                let _ = (session.data().to_json(), session.get_expiry_date());
            }
            check_entry(&places.cache).await;
        });
        if !places.entry.is_file() {
            // It had expired.
            block_on(async { drop(places.cache.insert("name", New::of(b"a", Timestamp::MAX)).await) });
        }
    });
}

async fn check_entry(cache: &FileCacheStorage) {
    let Ok(Some(Stored { data, expires, version, .. })) = cache.read("name").await else { return };
    let new = New::of(&data, expires.unwrap_or(Timestamp::MAX));
    let replaced = cache.replace("name", Expect::Version(&version), new).await.expect("it is replaced");
    assert!(matches!(replaced, Replace::Replaced(_)));
    if let Some(again) = cache.read("name").await.expect("what is written is read") {
        assert_eq!(again.data, data);
    }
}
