//! Session files as others see them: their modes, what a killed process leaves, how they end.
#![cfg(feature = "file")]
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use cloakroom::storage::file::{FileOpenError, FileOptions};
use cloakroom::testing::SpyStorage;
use cloakroom::{Clock, Engine, EngineName, OpenError, SessionError, SessionKey, SessionStore, Settings, Timestamp};

const KEY: &str = "0123456789abcdefghijklmnopqrstuv";
/// The folder a child process works in.
const WORK: &str = "CLOAKROOM_TEST_FOLDER";

fn settings(folder: &Path) -> Settings {
    Settings::new().secret_key("a secret").session_engine(EngineName::File).session_file_path(folder)
}

async fn stored(store: &SessionStore) -> SessionKey {
    let session = store.session(None).load().await.unwrap();
    session.set("name", "Ada").unwrap();
    session.asave().await.unwrap();
    session.session_key().unwrap()
}

/// A store whose clock is moved by hand, in seconds.
fn clocked(settings: Settings) -> (SessionStore, Arc<AtomicI64>) {
    let seconds = Arc::new(AtomicI64::new(1_831_700_317));
    let at = Arc::clone(&seconds);
    let clock = Clock::new(move || Timestamp::from_seconds(at.load(Ordering::Relaxed)).unwrap());
    (SessionStore::open(settings).unwrap().with_clock(clock), seconds)
}

/// In a child process it goes on saving until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saving_child() {
    let Ok(folder) = std::env::var(WORK) else { return };
    let store = SessionStore::open(settings(Path::new(&folder))).unwrap();
    let key: SessionKey = KEY.parse().unwrap();
    let long = "x".repeat(40_000);
    for round in 0..u32::MAX {
        let session = store.session(Some(&key)).load().await.unwrap();
        session.set("round", &round).unwrap();
        session.set("long", &format!("{round}{long}")).unwrap();
        session.asave().await.unwrap();
        store.session(None).asave().await.unwrap();
        if std::env::var("CLOAKROOM_TEST_ONCE").is_ok() {
            return;
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

fn child(folder: &Path, umask: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("umask {umask} && exec \"$0\" --exact a_saving_child")]);
    command.arg(std::env::current_exe().unwrap()).env(WORK, folder);
    command.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null());
    command
}

async fn prepare(folder: &Path) -> (SessionStore, SessionKey) {
    let key: SessionKey = KEY.parse().unwrap();
    let first = key.clone();
    let source = cloakroom::KeySource::new(move || first.clone());
    let store = SessionStore::open(settings(folder)).unwrap();
    store.clone().with_key_source(source).session(None).asave().await.unwrap();
    (store, key)
}

#[tokio::test]
async fn a_killed_process_leaves_a_whole_session_and_no_lock() {
    let folder = tempfile::tempdir().unwrap();
    let (store, key) = prepare(folder.path()).await;
    let mut left_over = 0;
    let mut rounds = Vec::new();
    for kill in 0..12 {
        let mut running = Running(child(folder.path(), "022").spawn().unwrap());
        tokio::time::sleep(Duration::from_millis(60 + kill * 7)).await;
        running.0.kill().unwrap();
        running.0.wait().unwrap();
        // Read, and written to: the lock went with the process.
        let session = store.session(Some(&key)).load().await.unwrap();
        assert_eq!(session.session_key().as_ref(), Some(&key), "the session is gone or damaged");
        rounds.push(session.get_or("round", 0).unwrap());
        session.set("seen", &kill).unwrap();
        session.asave().await.unwrap();
        let names = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name());
        let names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        let temporary = |name: &&String| name.starts_with(".cloakroom_") && !name.contains("_lock_");
        left_over = names.iter().filter(temporary).count();
    }
    println!("12 kills after {rounds:?} rounds: {left_over} temporary files left, every session whole");
    assert!(rounds.iter().any(|round| *round > 0), "no child saved anything");
    let cleared = store.clear_expired_and_count().await.unwrap();
    // A file made by `create` and not yet named is none: nothing under a session's name is ever half.
    assert_eq!((cleared.removed, cleared.unreadable), (0, 0));
}

#[tokio::test]
async fn files_are_the_owners_alone_whatever_the_umask() {
    for umask in ["000", "277", "777"] {
        let folder = tempfile::tempdir().unwrap();
        let (store, key) = prepare(folder.path()).await;
        assert!(child(folder.path(), umask).env("CLOAKROOM_TEST_ONCE", "1").status().unwrap().success());
        let session = store.session(Some(&key)).load().await.unwrap();
        assert_eq!(session.get::<u32>("round").unwrap(), Some(0));
        for entry in folder.path().read_dir().unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
            assert_eq!(mode, 0o600, "{:?} under umask {umask}", entry.file_name());
        }
    }
}

#[tokio::test]
async fn a_session_ends_by_what_it_holds_and_when_it_was_saved() {
    let folder = tempfile::tempdir().unwrap();
    let (store, clock) = clocked(settings(folder.path()).session_cookie_age(100.0));
    let key = stored(&store).await;
    let live = async |key: &SessionKey| store.session(Some(key)).load().await.unwrap().session_key().is_some();
    clock.fetch_add(99, Ordering::Relaxed);
    assert!(live(&key).await);
    // Saving without a change counts as a save (B-71, D22): it lives on from there.
    store.session(Some(&key)).asave().await.unwrap();
    clock.fetch_add(99, Ordering::Relaxed);
    assert!(live(&key).await);
    clock.fetch_add(1, Ordering::Relaxed);
    assert!(!live(&key).await);
    // D2: nothing was made, and the file waits to be cleared.
    assert!(store.exists(&key).await.unwrap());
    assert_eq!(store.clear_expired().await.unwrap(), 1);
    assert!(!store.exists(&key).await.unwrap());

    // D1: seconds count from the last save.
    let session = store.session(None).load().await.unwrap();
    session.set_expiry(10).unwrap();
    session.asave().await.unwrap();
    let key = session.session_key().unwrap();
    clock.fetch_add(9, Ordering::Relaxed);
    assert!(live(&key).await);
    assert_eq!(store.clear_expired().await.unwrap(), 0);
    clock.fetch_add(1, Ordering::Relaxed);
    assert!(!live(&key).await);
    assert_eq!(store.clear_expired().await.unwrap(), 1);
}

#[tokio::test]
async fn what_nobody_can_read_stays_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (store, clock) = clocked(settings(folder.path()));
    let key = stored(&store).await;
    let damaged = folder.path().join(format!("sessionid{KEY}"));
    fs::write(&damaged, b"\xc3\xa9").unwrap();
    let session = store.session_from_cookie(Some(KEY));
    session.aset("name", "Bob").await.unwrap();
    session.asave().await.unwrap();
    assert_ne!(session.session_key().unwrap().as_str(), KEY, "a new key, and the file is left alone");
    assert_eq!(fs::read(&damaged).unwrap(), b"\xc3\xa9");
    clock.fetch_add(100_000_000, Ordering::Relaxed);
    let cleared = store.clear_expired_and_count().await.unwrap();
    assert_eq!((cleared.removed, cleared.unreadable), (2, 1));
    assert!(damaged.exists() && !store.exists(&key).await.unwrap());
}

#[tokio::test]
async fn a_folder_that_was_removed_is_an_error_and_signs_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let store = SessionStore::open(settings(folder.path())).unwrap();
    let key = stored(&store).await;
    fs::remove_dir_all(folder.path()).unwrap();
    assert!(matches!(store.session(Some(&key)).load().await, Err(SessionError::Storage(_))));
    let session = store.session(None);
    session.aset("name", "Bob").await.unwrap();
    assert!(matches!(session.asave().await, Err(SessionError::Storage(_))), "D3: a failed write is an error");
}

#[test]
fn the_settings_alone_open_it() {
    let missing = SessionStore::open(settings(&PathBuf::from("/nowhere")));
    assert!(matches!(missing, Err(OpenError::File(FileOpenError::Missing { .. }))));
    assert!(matches!(
        SessionStore::open(Settings::new().session_engine(EngineName::File)),
        Err(OpenError::Settings(error)) if error.setting() == "SECRET_KEY"
    ));
    assert!(EngineName::File.available().is_ok());
}

#[tokio::test]
async fn the_round_trips_are_those_of_the_design() {
    let folder = tempfile::tempdir().unwrap();
    let spy = SpyStorage::new(FileOptions::for_settings(&settings(folder.path())).open().unwrap());
    let store = SessionStore::new(Engine::file(spy.clone()), settings(folder.path())).unwrap();
    let key = stored(&store).await;
    assert_eq!((spy.calls().insert, spy.take_calls().total()), (1, 1), "new");
    let session = store.session(Some(&key));
    session.aget::<String>("name").await.unwrap();
    assert_eq!(spy.take_calls().total(), 1, "read");
    session.aset("name", "Bob").await.unwrap();
    session.asave().await.unwrap();
    assert_eq!((spy.calls().replace, spy.take_calls().total()), (1, 1), "change");
    session.asave().await.unwrap();
    assert_eq!((spy.calls().touch, spy.take_calls().total()), (1, 1), "refresh");
    session.acycle_key().await.unwrap();
    assert_eq!((spy.calls().rename, spy.take_calls().total()), (1, 1), "change of key");
    session.aflush().await.unwrap();
    assert_eq!((spy.calls().remove, spy.take_calls().total()), (1, 1), "flush");
    assert_eq!(store.session(Some(&key)).load().await.unwrap().session_key(), None);
    // A clock that the store is given reaches the files through the spy.
    let moment = Timestamp::from_seconds(1_831_700_317).unwrap();
    let key = stored(&store.with_clock(Clock::new(move || moment))).await;
    let metadata = fs::metadata(folder.path().join(format!("sessionid{}", key.as_str()))).unwrap();
    assert_eq!(Timestamp::from(metadata.modified().unwrap()), moment);
}
