//! A change of key that is carried out after it was looked for: the second try finds the old entry gone, and that was the
//! first one's doing.

use std::sync::{Arc, Mutex};

use cloakroom::storage::{
    Capabilities, Expect, Insert, MemoryStorage, New, Remove, Rename, Replace, Storage, StorageError, Stored, Touch,
    Version,
};
use cloakroom::{Engine, SessionStore, Settings, Timestamp};

/// The first change of key, until it is carried out: before the second one.
#[derive(Clone, Default)]
struct Late {
    storage: MemoryStorage,
    first: Arc<Mutex<First>>,
}

#[derive(Default)]
enum First {
    #[default]
    Awaited,
    UnderWay {
        from: String,
        to: String,
        version: Version,
        data: Vec<u8>,
        expires: Timestamp,
    },
    Done,
}

impl Storage for Late {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StorageError> {
        self.storage.read(name).await
    }

    async fn insert(&self, name: &str, new: New<'_>) -> Result<Insert, StorageError> {
        self.storage.insert(name, new).await
    }

    async fn replace(&self, name: &str, expect: Expect<'_>, new: New<'_>) -> Result<Replace, StorageError> {
        self.storage.replace(name, expect, new).await
    }

    async fn touch(&self, name: &str, expect: Expect<'_>, until: Timestamp) -> Result<Touch, StorageError> {
        self.storage.touch(name, expect, until).await
    }

    async fn remove(&self, name: &str, expect: Expect<'_>) -> Result<Remove, StorageError> {
        self.storage.remove(name, expect).await
    }

    async fn rename(&self, from: &str, to: &str, expect: Expect<'_>, new: New<'_>) -> Result<Rename, StorageError> {
        let first = std::mem::replace(&mut *self.first.lock().unwrap(), First::Done);
        match first {
            First::Awaited => {
                let Expect::Version(version) = expect else { panic!("{expect:?}") };
                let (from, to, version, data) = (from.to_owned(), to.to_owned(), *version, new.data.to_vec());
                *self.first.lock().unwrap() = First::UnderWay { from, to, version, data, expires: new.expires };
                return Err(StorageError::outcome_unknown("the line was cut"));
            }
            First::UnderWay { from, to, version, data, expires } => {
                let new = New::of(&data, expires);
                let renamed = self.storage.rename(&from, &to, Expect::Version(&version), new).await?;
                assert!(matches!(renamed, Rename::Renamed(_)));
            }
            First::Done => {}
        }
        self.storage.rename(from, to, expect, new).await
    }

    fn capabilities(&self) -> Capabilities {
        self.storage.capabilities()
    }
}

#[tokio::test]
async fn a_change_of_key_that_comes_late_is_found_by_the_second_try() {
    let late = Late::default();
    let store = SessionStore::new(Engine::db(late.clone()), Settings::new().secret_key("a secret")).unwrap();
    let session = store.session(None).load().await.unwrap();
    session.set("name", "Ada").unwrap();
    session.asave().await.unwrap();
    let old = session.session_key().unwrap();
    let session = store.session(Some(&old)).load().await.unwrap();
    session.acycle_key().await.unwrap();
    let new = session.session_key().unwrap();
    assert!(new != old && !store.exists(&old).await.unwrap());
    let loaded = store.session(Some(&new)).load().await.unwrap();
    assert_eq!(loaded.get::<String>("name").unwrap().unwrap(), "Ada");
    assert_eq!(late.storage.len(), 1);
}
