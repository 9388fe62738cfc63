//! The engine `cached_db`: a cache in front of the database, and the database decides.
#![allow(missing_docs, clippy::unwrap_used)]

mod faults;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use cloakroom::storage::{Expect, MemoryStorage, New, Remove, Replace, Storage, StorageError};
use cloakroom::testing::{Calls, Fault, Operation, SpyStorage};
use cloakroom::{Clock, Engine, Session, SessionError, SessionKey, SessionStore, Settings, Timestamp};

type Spy = SpyStorage<MemoryStorage>;

struct Site {
    database: Spy,
    cache: Spy,
    store: SessionStore,
    key: SessionKey,
}

impl Site {
    /// With one stored session, which the cache holds too.
    async fn new() -> Self {
        let (database, cache) = (SpyStorage::new(MemoryStorage::new()), SpyStorage::new(MemoryStorage::new()));
        let engine = Engine::cached_db(database.clone(), cache.clone());
        let store = SessionStore::new(engine, Settings::new().secret_key("a secret")).unwrap();
        let session = store.session(None).load().await.unwrap();
        session.set("a", &1).unwrap();
        session.set("b", &1).unwrap();
        session.asave().await.unwrap();
        let key = session.session_key().unwrap();
        let site = Self { database, cache, store, key };
        assert_eq!(site.costs(), ([0, 1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0]), "a new session");
        site
    }

    async fn load(&self) -> Session {
        self.store.session(Some(&self.key)).load().await.unwrap()
    }

    async fn members(&self) -> String {
        self.store.session(Some(&self.key)).aload().await.unwrap().to_json()
    }

    /// What the database and the cache were asked since the last time.
    fn costs(&self) -> ([usize; 7], [usize; 7]) {
        (counted(&self.database.take_calls()), counted(&self.cache.take_calls()))
    }

    fn cache_name(&self) -> String {
        format!("django.contrib.sessions.cached_db{}", self.key.as_str())
    }

    async fn evict(&self) {
        let removed = self.cache.inner().remove(&self.cache_name(), Expect::Anything).await.unwrap();
        assert_eq!(removed, Remove::Removed);
    }

    /// Whether the cache holds anything but a marker or a lease.
    async fn has_copy(&self) -> bool {
        let stored = self.cache.inner().read(&self.cache_name()).await.unwrap();
        stored.is_some_and(|stored| !stored.data.starts_with(b"\x80\x05N."))
    }
}

/// Reads, inserts, replaces, touches, removes, renames and burials.
fn counted(calls: &Calls) -> [usize; 7] {
    assert_eq!(calls.scan + calls.remove_expired, 0);
    [calls.read, calls.insert, calls.replace, calls.touch, calls.remove, calls.rename, calls.bury]
}

const NOTHING: [usize; 7] = [0; 7];
const READ: [usize; 7] = [1, 0, 0, 0, 0, 0, 0];
const REPLACE: [usize; 7] = [0, 0, 1, 0, 0, 0, 0];
const REMOVE: [usize; 7] = [0, 0, 0, 0, 1, 0, 0];
const BURY: [usize; 7] = [0, 0, 0, 0, 0, 0, 1];

#[tokio::test]
async fn a_hit_reads_and_saves_without_reading_the_database() {
    let site = Site::new().await;
    let session = site.load().await;
    assert_eq!(session.get::<u8>("a").unwrap(), Some(1));
    assert_eq!(site.costs(), (NOTHING, READ));
    for value in 2..4 {
        session.set("a", &value).unwrap();
        session.asave().await.unwrap();
        assert_eq!(site.costs(), (REPLACE, REPLACE));
    }
    assert_eq!(site.members().await, r#"{"a":3,"b":1}"#);
    assert_eq!(site.costs(), (NOTHING, READ));
}

#[tokio::test]
async fn a_miss_reads_the_database_and_fills_the_cache() {
    let site = Site::new().await;
    site.evict().await;
    let session = site.load().await;
    // A look, a lease, and the copy in its place.
    assert_eq!(site.costs(), (READ, [1, 1, 1, 0, 0, 0, 0]));
    session.set("a", &2).unwrap();
    session.asave().await.unwrap();
    assert_eq!(site.costs(), (REPLACE, REPLACE));
    assert_eq!(site.members().await, r#"{"a":2,"b":1}"#);
}

#[tokio::test]
async fn a_refill_lives_as_long_as_its_row() {
    let seconds = Arc::new(AtomicI64::new(1_000_000));
    let hand = Arc::clone(&seconds);
    let clock = Clock::new(move || Timestamp::from_seconds(hand.load(Ordering::Relaxed)).unwrap());
    let cache = MemoryStorage::with_clock(clock.clone());
    let database = MemoryStorage::with_clock(clock.clone());
    let engine = Engine::cached_db(database.clone(), cache.clone());
    let store = SessionStore::new(engine, Settings::new().secret_key("a secret")).unwrap().with_clock(clock);
    let session = store.session(None).load().await.unwrap();
    session.set_expiry(60_u32).unwrap();
    session.asave().await.unwrap();
    let key = session.session_key().unwrap();
    let name = format!("django.contrib.sessions.cached_db{}", key.as_str());
    let _ = cache.remove(&name, Expect::Anything).await.unwrap();
    seconds.fetch_add(50, Ordering::Relaxed);
    assert!(!store.session(Some(&key)).aload().await.unwrap().is_empty());
    let refilled = cache.read(&name).await.unwrap().unwrap();
    assert_eq!(refilled.expires, Timestamp::from_seconds(1_000_060));
    seconds.fetch_add(10, Ordering::Relaxed);
    assert!(store.session(Some(&key)).aload().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_flush_a_change_of_key_and_a_renewed_expiry_cost_a_step_in_each() {
    let site = Site::new().await;
    site.store.session(Some(&site.key)).asave().await.unwrap();
    assert_eq!(site.costs(), ([0, 0, 0, 1, 0, 0, 0], [1, 0, 0, 1, 0, 0, 0]), "a renewed expiry");
    let session = site.load().await;
    session.acycle_key().await.unwrap();
    assert_eq!(site.costs(), ([0, 0, 0, 0, 0, 1, 0], [1, 1, 0, 0, 0, 0, 1]), "a change of key");
    site.store.session(session.session_key().as_ref()).aflush().await.unwrap();
    assert_eq!(site.costs(), (REMOVE, BURY), "a flush");
}

#[tokio::test]
async fn the_old_key_is_dead_in_the_cache_too() {
    let site = Site::new().await;
    let session = site.load().await;
    session.acycle_key().await.unwrap();
    assert!(!site.has_copy().await);
    assert!(site.load().await.is_empty());
    let new = site.store.session(session.session_key().as_ref());
    assert_eq!(new.aload().await.unwrap().to_json(), r#"{"a":1,"b":1}"#);
}

#[tokio::test]
async fn two_savers_keep_both_changes_and_no_old_copy_stays() {
    let site = Site::new().await;
    let (one, two) = (site.load().await, site.load().await);
    one.set("a", &2).unwrap();
    two.set("c", &3).unwrap();
    one.asave().await.unwrap();
    two.asave().await.unwrap();
    assert_eq!(site.members().await, r#"{"a":2,"b":1,"c":3}"#);
    let row = site.store.session(Some(&site.key));
    site.evict().await;
    assert_eq!(row.aload().await.unwrap().to_json(), r#"{"a":2,"b":1,"c":3}"#);
}

#[tokio::test]
async fn a_save_that_is_overtaken_between_its_two_writes_leaves_no_old_copy() {
    let site = Site::new().await;
    let (slow, store, key) = (site.load().await, site.store.clone(), site.key.clone());
    site.cache.before(Operation::Replace, move || async move {
        let quick = store.session(Some(&key)).load().await.unwrap();
        quick.set("b", &2).unwrap();
        quick.asave().await.unwrap();
    });
    slow.set("a", &2).unwrap();
    slow.asave().await.unwrap();
    assert_eq!(site.members().await, r#"{"a":2,"b":2}"#);
}

#[tokio::test]
async fn a_late_refill_does_not_put_an_old_copy_where_a_newer_one_was_removed() {
    let site = Site::new().await;
    // Two savers that had seen the same copy: the second removes what it finds.
    let (one, two) = (site.load().await, site.load().await);
    site.evict().await;
    let (key, store, cache) = (site.key.clone(), site.store.clone(), site.cache.clone());
    let name = site.cache_name();
    site.database.after(Operation::Read, move || async move {
        // The reader has the row as it was; now both save, and whatever stands in the cache goes.
        one.set("a", &2).unwrap();
        one.asave().await.unwrap();
        two.set("b", &2).unwrap();
        two.asave().await.unwrap();
        let copy = cache.inner().read(&name).await.unwrap();
        assert!(copy.is_none_or(|copy| copy.data.starts_with(b"\x80\x05N.")), "no copy of {key:?}");
        drop(store);
    });
    assert_eq!(site.members().await, r#"{"a":1,"b":1}"#, "what was read when it was read");
    assert_eq!(site.members().await, r#"{"a":2,"b":2}"#);
}

#[tokio::test]
async fn a_save_without_a_known_copy_leaves_none_behind() {
    let site = Site::new().await;
    site.cache.fail_next(Operation::Read, Fault::NotDone);
    let session = site.load().await;
    session.set("a", &2).unwrap();
    session.asave().await.unwrap();
    assert!(!site.has_copy().await);
    assert_eq!(site.members().await, r#"{"a":2,"b":1}"#);
    assert!(site.has_copy().await);
}

#[tokio::test]
async fn load_logout_save_stays_logged_out() {
    let site = Site::new().await;
    let slow = site.load().await;
    site.store.session(Some(&site.key)).aflush().await.unwrap();
    slow.set("a", &2).unwrap();
    assert!(matches!(slow.asave().await, Err(SessionError::UpdateError)));
    assert!(!site.has_copy().await && site.load().await.is_empty());
}

#[tokio::test]
async fn miss_logout_refill_stays_logged_out() {
    let site = Site::new().await;
    site.evict().await;
    let (store, key) = (site.store.clone(), site.key.clone());
    // The row was read, and before the copy is put into the cache the visitor logs out.
    site.database.after(Operation::Read, move || async move {
        store.session(Some(&key)).aflush().await.unwrap();
    });
    assert!(!site.load().await.is_empty(), "it was there when it was read");
    assert!(!site.has_copy().await && site.load().await.is_empty());
}

#[tokio::test]
async fn save_logout_copy_stays_logged_out() {
    for evicted in [false, true] {
        let site = Site::new().await;
        let slow = site.load().await;
        if evicted {
            site.evict().await;
        }
        let (store, key) = (site.store.clone(), site.key.clone());
        site.database.after(Operation::Replace, move || async move {
            store.session(Some(&key)).aflush().await.unwrap();
        });
        slow.set("a", &2).unwrap();
        slow.asave().await.unwrap();
        assert!(!site.has_copy().await && site.load().await.is_empty(), "evicted: {evicted}");
    }
}

#[tokio::test]
async fn a_session_saved_while_it_ends_does_not_take_the_markers_place() {
    let site = Site::new().await;
    let (store, key) = (site.store.clone(), site.key.clone());
    // Between the marker and the end of the row another request loads and saves.
    site.database.before(Operation::Remove, move || async move {
        let other = store.session(Some(&key)).load().await.unwrap();
        other.set("a", &2).unwrap();
        other.asave().await.unwrap();
    });
    site.store.session(Some(&site.key)).aflush().await.unwrap();
    assert!(!site.has_copy().await && site.load().await.is_empty());
}

#[tokio::test]
async fn a_row_that_others_removed_takes_its_copy_along() {
    let site = Site::new().await;
    let _ = site.database.inner().remove(site.key.as_str(), Expect::Anything).await.unwrap();
    let session = site.load().await;
    assert!(!session.is_empty(), "as in Django, the copy is served (B-135)");
    session.set("a", &2).unwrap();
    assert!(matches!(session.asave().await, Err(SessionError::UpdateError)));
    assert!(!site.has_copy().await && site.load().await.is_empty());
}

/// What Django puts there: the pickle alone.
async fn as_django_wrote_it(site: &Site) {
    let name = site.cache_name();
    let stored = site.cache.inner().read(&name).await.unwrap().unwrap();
    let row = site.database.inner().read(site.key.as_str()).await.unwrap().unwrap();
    let pickle = &stored.data[..stored.data.len() - row.version.as_bytes().len()];
    let new = New::of(pickle, Timestamp::MAX);
    assert!(matches!(site.cache.inner().replace(&name, Expect::Anything, new).await.unwrap(), Replace::Replaced(_)));
}

#[tokio::test]
async fn a_copy_of_djangos_costs_one_read_of_the_row() {
    let site = Site::new().await;
    as_django_wrote_it(&site).await;
    let session = site.load().await;
    assert_eq!(site.costs(), (NOTHING, READ));
    session.set("a", &2).unwrap();
    session.asave().await.unwrap();
    assert_eq!(site.costs(), ([1, 0, 1, 0, 0, 0, 0], REPLACE));
    assert_eq!(site.members().await, r#"{"a":2,"b":1}"#);
}

#[tokio::test]
async fn a_copy_of_djangos_that_is_older_than_its_row_overwrites_nothing() {
    let site = Site::new().await;
    as_django_wrote_it(&site).await;
    let slow = site.load().await;
    let other = site.load().await;
    other.set("b", &2).unwrap();
    other.asave().await.unwrap();
    slow.set("a", &2).unwrap();
    slow.asave().await.unwrap();
    assert_eq!(site.members().await, r#"{"a":2,"b":2}"#);
    site.evict().await;
    assert_eq!(site.members().await, r#"{"a":2,"b":2}"#);
}
