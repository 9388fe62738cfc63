//! A storage that needs several steps for a rename or a marker: each of them is a round trip.

use cloakroom::storage::{Expect, Insert, MemoryStorage, New, Remove, Replace, Storage, StorageError, Stored, Touch};
use cloakroom::testing::{Operation, SpyStorage};
use cloakroom::{Engine, SessionStore, Timestamp};

use crate::{seen, settings, stored};

/// Nothing but the least: the spy within counts the steps.
#[derive(Clone)]
struct InSteps(SpyStorage<MemoryStorage>);

impl Storage for InSteps {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StorageError> {
        self.0.read(name).await
    }
    async fn insert(&self, name: &str, new: New<'_>) -> Result<Insert, StorageError> {
        self.0.insert(name, new).await
    }
    async fn replace(&self, name: &str, expect: Expect<'_>, new: New<'_>) -> Result<Replace, StorageError> {
        self.0.replace(name, expect, new).await
    }
    async fn touch(&self, name: &str, expect: Expect<'_>, until: Timestamp) -> Result<Touch, StorageError> {
        self.0.touch(name, expect, until).await
    }
    async fn remove(&self, name: &str, expect: Expect<'_>) -> Result<Remove, StorageError> {
        self.0.remove(name, expect).await
    }
}

fn in_steps() -> InSteps {
    InSteps(SpyStorage::new(MemoryStorage::new()))
}

#[tokio::test]
async fn a_change_of_key_in_two_steps_counts_two_and_one_more_for_each_that_is_taken_back() {
    seen::look();
    let storage = in_steps();
    let store = SessionStore::db(storage.clone(), settings()).unwrap();
    let session = store.session(Some(&stored(&store).await));
    session.load().await.unwrap();
    seen::take();
    storage.0.reset();
    session.acycle_key().await.unwrap();
    assert_eq!((seen::take()[0].round_trips(), storage.0.take_calls().total()), (2, 2));

    // Another one saves between the two steps: the new entry is taken back, the session merged, and all begins anew.
    let other = store.session(session.session_key().as_ref());
    other.aset("theirs", &1).await.unwrap();
    storage.0.before(Operation::Remove, move || async move { other.asave().await.unwrap() });
    seen::take();
    storage.0.take_calls();
    session.acycle_key().await.unwrap();
    let (spans, asked) = (seen::take(), storage.0.take_calls().total());
    // Insert, remove, take back, read, insert, remove; the other's save is a span of its own.
    let theirs = spans.iter().find(|span| span.name == "session.save").unwrap();
    let ours = spans.iter().find(|span| span.name == "session.change_key").unwrap();
    assert_eq!((theirs.round_trips(), ours.round_trips(), ours.field("merges"), asked), (1, 6, "1", 7));
}

#[tokio::test]
async fn a_marker_in_two_steps_counts_two() {
    seen::look();
    let (database, cache) = (in_steps(), in_steps());
    let store = SessionStore::new(Engine::cached_db(database.clone(), cache.clone()), settings()).unwrap();
    let key = stored(&store).await;
    let total = || database.0.take_calls().total() + cache.0.take_calls().total();
    for asked in [2, 3] {
        seen::take();
        total();
        store.delete(&key).await.unwrap();
        assert_eq!((seen::take()[0].round_trips(), total()), (asked, asked));
        // Nothing is there the next time, so the marker is put there in a second step.
        let name = format!("django.contrib.sessions.cached_db{}", key.as_str());
        assert_eq!(cache.0.inner().remove(&name, Expect::Anything).await.unwrap(), Remove::Removed);
    }
}
