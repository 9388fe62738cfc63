//! Django's file-based cache: the contract, the bytes of the vectors, other processes, a real Django.
#![cfg(feature = "file")]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/django_cache.rs"]
mod django_cache;
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloakroom::storage::file_cache::{FileCacheOptions, FileCacheStorage};
use cloakroom::storage::{CacheKey, Expect, Insert, New, Replace, Storage, StorageError};
use cloakroom::testing::{StorageContract, session_contract, storage_contract};
use cloakroom::{Clock, EngineName, SessionStore, Settings, Timestamp};
use django_cache::{Django, NAME, key, python};
use support::{Report, moment, text, vectors};

fn open(folder: &Path) -> FileCacheStorage {
    FileCacheOptions::new(folder).key(key()).timeout(Duration::from_secs(20)).open().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let storage = open(folder.path());
    storage_contract(async || storage.clone()).await;
}

#[tokio::test]
async fn it_keeps_the_contract_on_one_thread_and_with_sync() {
    let folder = tempfile::tempdir().unwrap();
    let storage = FileCacheOptions::new(folder.path()).sync(true).timeout(Duration::from_secs(20)).open().unwrap();
    StorageContract::new().largest(10_000).run(async || storage.clone()).await;
}

fn bytes(value: &serde_json::Value) -> Vec<u8> {
    STANDARD.decode(text(value)).unwrap()
}

/// The name before `make_key` made a full key of it.
fn name_of<'v>(vector: &'v serde_json::Value, key: &CacheKey) -> &'v str {
    key.name_in(text(&vector["cache_key"])).unwrap()
}

fn key_of(vector: &serde_json::Value) -> CacheKey {
    CacheKey::new(text(&vector["key_prefix"]), &vector["version"].to_string())
}

/// Name, head, mode and value of each file as Django writes it. The deflate may differ: it is unpacked.
#[tokio::test]
async fn files_are_written_as_django_writes_them() {
    let mut report = Report::default();
    for vector in vectors("cache").iter().filter(|v| v["backend"] == "file" && v["op"] == "save") {
        report.begin(vector);
        let stored = &vector["stored"];
        if stored.is_null() {
            assert!(!vector["result"]["error"].is_null());
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let (key, now) = (key_of(vector), moment(&vector["now"]));
        let storage = FileCacheOptions::new(folder.path()).key(key.clone()).open().unwrap();
        let storage = storage.by_clock(&Clock::new(move || now)).unwrap();
        let (value, head) = (bytes(&stored["value_pickle_b64"]), bytes(&stored["expiry_pickle_b64"]));
        let new = New::of(&value, moment(&stored["expiry"]));
        let inserted = storage.insert(name_of(vector, &key), new).await.unwrap();
        report.check("inserted", matches!(inserted, Insert::Inserted(_)), true);
        let path = folder.path().join(text(&stored["file_name"]));
        let Ok(content) = fs::read(&path) else {
            report.fail("the file has another name");
            continue;
        };
        report.check("head", content.starts_with(&head), true);
        let unpacked = cloakroom::wire::zlib::decompress(&content[head.len()..], 1 << 24);
        report.check("value", unpacked, Ok(value));
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        report.check("mode", format!("0o{mode:o}"), text(&stored["mode"]).to_owned());
    }
    report.finish(32);
}

/// Django's files read: the value as it is in the pickle, or why there is none.
#[tokio::test]
async fn files_of_djangos_are_read() {
    let mut report = Report::default();
    for vector in vectors("cache").iter().filter(|v| v["backend"] == "file" && v["op"] == "load") {
        report.begin(vector);
        let folder = tempfile::tempdir().unwrap();
        let (key, now) = (key_of(vector), moment(&vector["now"]));
        let path = folder.path().join(text(&vector["file_name"]));
        let there = !vector["data_b64"].is_null();
        let content = bytes(&vector["data_b64"]);
        if there {
            fs::write(&path, &content).unwrap();
        }
        let storage = FileCacheOptions::new(folder.path()).key(key.clone()).open().unwrap();
        let storage = storage.by_clock(&Clock::new(move || now)).unwrap();
        let found = storage.read(name_of(vector, &key)).await;
        let exists = vector["exists"]["ok"] == true && there;
        match (text(&vector["name"]), found) {
            ("load-file-cache-bad-zlib" | "load-file-cache-expiry-only", found) => {
                report.check("damaged", matches!(found, Err(StorageError::Damaged(_))), true);
            }
            (_, Ok(found)) => {
                report.check("found", found.is_some(), exists);
                report.check("an expired file goes", path.exists(), exists);
                if let Some(stored) = found {
                    // The value begins where something can be unpacked.
                    let value = (2..40)
                        .filter_map(|at| content.get(at..))
                        .find_map(|rest| cloakroom::wire::zlib::decompress(rest, 1 << 24).ok());
                    report.check("value", Some(stored.data.to_vec()), value);
                }
            }
            (_, Err(error)) => report.fail(&format!("{error}")),
        }
    }
    report.finish(32);
}

const WORK: &str = "CLOAKROOM_TEST_CACHE";

/// In a child process it counts up, `CLOAKROOM_TEST_ROUNDS` times or until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_counting_child() {
    let Ok(folder) = std::env::var(WORK) else { return };
    let rounds = std::env::var("CLOAKROOM_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    let storage = open(Path::new(&folder));
    for _ in 0..rounds.unwrap_or(u32::MAX) {
        count_up(&storage).await;
    }
}

async fn count_up(storage: &FileCacheStorage) {
    loop {
        let stored = storage.read(NAME).await.unwrap().unwrap();
        let count: u64 = str::from_utf8(&stored.data).unwrap().trim_end_matches('x').parse().unwrap();
        let next = format!("{}{}", count + 1, "x".repeat(2_000));
        let until = Timestamp::now().checked_add_seconds(600.0).unwrap();
        let answer = storage.replace(NAME, Expect::Version(&stored.version), New::of(next.as_bytes(), until)).await;
        match answer.unwrap() {
            Replace::Replaced(_) => return,
            Replace::Changed => {}
            Replace::Missing => panic!("the entry is gone"),
        }
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn child(folder: &Path, rounds: Option<u32>) -> Running {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "a_counting_child"]).env(WORK, folder);
    if let Some(rounds) = rounds {
        command.env("CLOAKROOM_TEST_ROUNDS", rounds.to_string());
    }
    Running(command.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null()).spawn().unwrap())
}

async fn count(storage: &FileCacheStorage) -> u64 {
    let stored = storage.read(NAME).await.unwrap().unwrap();
    str::from_utf8(&stored.data).unwrap().trim_end_matches('x').parse().unwrap()
}

async fn begin(folder: &Path) -> FileCacheStorage {
    let storage = open(folder);
    let until = Timestamp::now().checked_add_seconds(600.0).unwrap();
    assert!(matches!(storage.insert(NAME, New::of(b"0", until)).await.unwrap(), Insert::Inserted(_)));
    storage
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_write_one_entry_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let storage = begin(folder.path()).await;
    let mut children: Vec<Running> = (0..4).map(|_| child(folder.path(), Some(250))).collect();
    for _ in 0..250 {
        count_up(&storage).await;
    }
    let ended = tokio::task::spawn_blocking(move || children.iter_mut().all(|child| child.0.wait().unwrap().success()));
    assert!(ended.await.unwrap());
    assert_eq!(count(&storage).await, 1_250, "an increment was overwritten");
}

#[tokio::test]
async fn a_killed_process_leaves_a_whole_entry_and_no_lock() {
    let folder = tempfile::tempdir().unwrap();
    let storage = begin(folder.path()).await;
    let mut last = 0;
    for kill in 0..10 {
        let running = child(folder.path(), None);
        tokio::time::sleep(Duration::from_millis(60 + kill * 7)).await;
        drop(running);
        let found = count(&storage).await;
        assert!(found >= last, "{found} after {last}");
        // Written to: the lock went with the process.
        count_up(&storage).await;
        last = found + 1;
    }
    assert!(last > 10, "no child wrote anything");
}

fn site(folder: &Path) -> Option<Django> {
    let location = folder.to_str().unwrap();
    python().map(|python| Django::new(python, "filebased.FileBasedCache", location, &serde_json::json!({})))
}

#[tokio::test]
async fn each_reads_what_the_other_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let Some(django) = site(folder.path()) else { return };
    django_cache::each_reads_what_the_other_wrote(&django, &open(folder.path())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_change_of_djangos_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let Some(django) = site(folder.path()) else { return };
    django_cache::no_change_of_djangos_is_overwritten(&django, async || open(folder.path()), 1_000).await;
}

/// The engines by the settings alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_keeps_what_sessions_promise() {
    let folders = std::cell::RefCell::new(Vec::new());
    session_contract(async || {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::new().session_engine(EngineName::Cache);
        let settings = settings.cache_url(format!("filecache://{}", folder.path().join("cache").display()));
        folders.borrow_mut().push(folder);
        SessionStore::open(settings).unwrap()
    })
    .await;
}
