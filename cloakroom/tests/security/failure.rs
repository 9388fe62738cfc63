//! S24 to S26: when something fails.

use cloakroom::storage::{MemoryStorage, New, Storage};
use cloakroom::testing::{Fault, Operation};
use cloakroom::{Engine, SessionKey, SessionStore, Settings, Timestamp};

use crate::engines::watched;
use crate::settings;
use crate::visits::{cookies, name, set, stored, visit};

#[tokio::test]
async fn s24_a_storage_error_never_means_anonymous_then_overwrite_on_any_engine() {
    for engine in watched() {
        for save_every in [false, true] {
            for fault in [Fault::NotDone, Fault::LostRequest, Fault::LostAnswer] {
                let store = engine.store(settings().session_save_every_request(save_every));
                let key = stored(&store).await;
                engine.take_calls();
                engine.fail_next(Operation::Read, fault);
                let response = visit(&store, Some(key.as_str()), set).await;
                assert_eq!(response.status(), 500, "{}", engine.name);
                assert!(cookies(response.headers()).is_empty(), "{}", engine.name);
                for calls in engine.take_calls() {
                    assert_eq!((calls.total(), calls.read), (1, 1), "{}: nothing but the read was tried", engine.name);
                }
                assert_eq!(store.session(Some(&key)).akeys().await.unwrap(), ["name"], "{}", engine.name);
                assert_eq!(name(&store, &key).await.as_deref(), Some("Ada"), "{}", engine.name);
            }
        }
    }
}

fn name_of(engine: &str, key: &SessionKey) -> String {
    format!("django.contrib.sessions.{engine}{}", key.as_str())
}

#[tokio::test]
async fn s25_sessions_have_a_prefix_of_their_own_in_a_cache() {
    // Something that an application cached under a visitor's text.
    let storage = MemoryStorage::new();
    let key = SessionKey::generate();
    let foreign = New::of(b"\x80\x05}\x8c\x05admin\x88s.", Timestamp::MAX);
    let _ = storage.insert(key.as_str(), foreign).await.unwrap();
    let engines = [Engine::cache(storage.clone()), Engine::cached_db(MemoryStorage::new(), storage.clone())];
    for engine in engines {
        let prefix = name_of(engine.name().as_str(), &key);
        let store = SessionStore::new(engine, Settings::new().secret_key("a secret")).unwrap();
        let session = store.session(Some(&key)).load().await.unwrap();
        assert!(session.is_empty(), "{prefix}");
        session.set("mine", &1).unwrap();
        session.asave().await.unwrap();
        let own = session.session_key().unwrap();
        let name = name_of(store.engine().as_str(), &own);
        assert!(storage.read(&name).await.unwrap().is_some() && storage.read(own.as_str()).await.unwrap().is_none());
    }
}

#[cfg(feature = "file")]
mod files {
    //! Each in the session files and in the files of a cache.

    use std::collections::BTreeSet;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};

    use cloakroom::storage::StorageError;
    use cloakroom::{EngineName, SessionError};

    use super::*;

    /// What a child process works on: the engine, the key and the folder.
    const WORK: &str = "CLOAKROOM_TEST_FILES";
    const ENGINES: [EngineName; 2] = [EngineName::File, EngineName::Cache];

    fn open(engine: EngineName, folder: &Path) -> SessionStore {
        let settings = settings().session_engine(engine).session_file_path(folder);
        SessionStore::open(settings.cache_url(format!("filecache://{}", folder.display()))).unwrap()
    }

    /// The one file that holds a session, and all others.
    fn files(folder: &Path) -> (PathBuf, BTreeSet<PathBuf>) {
        let mut all: BTreeSet<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        let hidden = |path: &Path| path.file_name().unwrap().to_str().unwrap().starts_with('.');
        let session = all.iter().find(|path| !hidden(path)).unwrap().clone();
        all.remove(&session);
        (session, all)
    }

    async fn put(store: &SessionStore, key: &SessionKey, value: &str) -> Result<(), SessionError> {
        let session = store.session(Some(key)).load().await?;
        session.set("name", value)?;
        session.asave().await
    }

    #[tokio::test]
    async fn s26_files_are_created_0600() {
        for engine in ENGINES {
            let folder = tempfile::tempdir().unwrap();
            let store = open(engine, folder.path());
            let key = stored(&store).await;
            put(&store, &key, "Bob").await.unwrap();
            store.session(Some(&key)).acycle_key().await.unwrap();
            let (session, others) = files(folder.path());
            for path in others.iter().chain([&session]) {
                let mode = fs::metadata(path).unwrap().permissions().mode() & 0o7777;
                assert_eq!(mode, 0o600, "{engine}: {}", path.display());
            }
        }
    }

    #[tokio::test]
    async fn s26_a_save_puts_another_file_in_the_place_of_the_old_one() {
        for engine in ENGINES {
            let folder = tempfile::tempdir().unwrap();
            let store = open(engine, folder.path());
            let key = stored(&store).await;
            let (path, _) = files(folder.path());
            // Who has it open goes on reading what was there, whole.
            let mut reader = fs::File::open(&path).unwrap();
            let before = (reader.metadata().unwrap().ino(), fs::read(&path).unwrap());
            put(&store, &key, "Bob").await.unwrap();
            assert_ne!(fs::metadata(&path).unwrap().ino(), before.0, "{engine}: written in place");
            assert_ne!(fs::read(&path).unwrap(), before.1);
            let mut seen = Vec::new();
            std::io::Read::read_to_end(&mut reader, &mut seen).unwrap();
            assert_eq!(seen, before.1, "{engine}");
            assert_eq!(reader.metadata().unwrap().nlink(), 0, "{engine}: nothing is left of it");
        }
    }

    /// In a child process, which may write no more than a kilobyte into a file: a fault between the steps of a save.
    #[tokio::test]
    async fn a_child_with_too_little_room() {
        let Ok(work) = std::env::var(WORK) else { return };
        let [engine, key, folder] = work.splitn(3, ' ').collect::<Vec<_>>().try_into().unwrap();
        let store = open(engine.parse().unwrap(), Path::new(folder));
        let key = key.parse().unwrap();
        // What does not get shorter by packing it.
        let long: String = (0..2_000).map(|_| SessionKey::generate().as_str().to_owned()).collect();
        let error = put(&store, &key, &long).await.unwrap_err();
        assert!(matches!(error, SessionError::Storage(StorageError::NotDone(_))), "{error:?}");
        assert_eq!(name(&store, &key).await.as_deref(), Some("Ada"));
        let session = store.session(None).load().await.unwrap();
        session.set("name", &long).unwrap();
        assert!(session.asave().await.is_err(), "nor is a new session half there");
    }

    #[tokio::test]
    async fn s26_a_failed_write_is_an_error_and_the_old_content_stays() {
        for engine in ENGINES {
            let folder = tempfile::tempdir().unwrap();
            let store = open(engine, folder.path());
            let key = stored(&store).await;
            let (path, _) = files(folder.path());
            let before = fs::read(&path).unwrap();
            let mut child = Command::new("/bin/sh");
            // The signal is ignored: the write itself fails then.
            child.args([
                "-c",
                "trap '' XFSZ; ulimit -f 2; exec \"$0\" --exact failure::files::a_child_with_too_little_room",
            ]);
            child.arg(std::env::current_exe().unwrap());
            child.env(WORK, format!("{engine} {} {}", key.as_str(), folder.path().display()));
            let output = child.stdin(Stdio::null()).output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && text.contains("1 passed"), "{text}");
            assert_eq!(fs::read(&path).unwrap(), before, "{engine}");
            let (_, others) = files(folder.path());
            let left = others.iter().filter(|path| !path.to_str().unwrap().contains("_lock_")).count();
            assert_eq!(left, 0, "{engine}: {others:?}");
            put(&store, &key, "Bob").await.unwrap();
            assert_eq!(name(&store, &key).await.as_deref(), Some("Bob"), "{engine}");
        }
    }
}
