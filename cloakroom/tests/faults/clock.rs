//! A clock that steps back, or far forward: nothing lost, nothing immortal, no panic.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use cloakroom::storage::MemoryStorage;
use cloakroom::storage::sqlite::SqliteOptions;
use cloakroom::{Clock, Engine, Session, SessionKey, SessionStore, Settings, Timestamp};

const START: i64 = 1_800_000_000;
const DAY: i64 = 86_400;
const AGE: i64 = 1_000;
/// Back and forth, by less and by more than a session lives.
const STEPS: [i64; 6] = [-1, -100, -DAY, -40 * 365 * DAY, 100, 500];

#[derive(Clone)]
struct Hand(Arc<AtomicI64>);

impl Hand {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(START)))
    }

    fn step(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    fn set(&self, seconds: i64) {
        self.0.store(seconds, Ordering::SeqCst);
    }

    fn clock(&self) -> Clock {
        let hand = Arc::clone(&self.0);
        Clock::new(move || Timestamp::from_seconds(hand.load(Ordering::SeqCst)).unwrap())
    }
}

fn settings() -> Settings {
    Settings::new().secret_key("a secret").session_cookie_age(AGE as f64)
}

/// Every engine of which both clocks, the site's and the storage's, are one.
async fn sites(folder: &std::path::Path, hand: &Hand) -> Vec<SessionStore> {
    let memory = || MemoryStorage::with_clock(hand.clock());
    let sqlite = SqliteOptions::new(folder.join("db.sqlite3")).create(true).wal(true).open().unwrap();
    sqlite.migrate().await.unwrap();
    let engines = vec![
        Engine::db(sqlite.clone()),
        Engine::db(memory()),
        Engine::cache(memory()),
        Engine::cached_db(sqlite, memory()),
        Engine::cached_db(memory(), memory()),
        #[cfg(feature = "file")]
        Engine::file(cloakroom::storage::file::FileOptions::new(folder).open().unwrap()),
        #[cfg(feature = "file")]
        Engine::cache(cloakroom::storage::file_cache::FileCacheOptions::new(folder.join("cache")).open().unwrap()),
    ];
    engines.into_iter().map(|engine| SessionStore::new(engine, settings()).unwrap().with_clock(hand.clock())).collect()
}

async fn stored(store: &SessionStore) -> SessionKey {
    let session = store.session(None).load().await.unwrap();
    session.set("a", &1).unwrap();
    session.asave().await.unwrap();
    session.session_key().unwrap()
}

async fn load(store: &SessionStore, key: &SessionKey) -> Session {
    store.session(Some(key)).load().await.unwrap()
}

#[tokio::test]
async fn a_clock_that_steps_between_load_and_save_loses_nothing_and_makes_nothing_immortal() {
    let (folder, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    for store in sites(folder.path(), &hand).await {
        for step in STEPS {
            for touch in [false, true] {
                let what = format!("{:?}, a step of {step}, touch: {touch}", store.engine());
                hand.set(START);
                let key = stored(&store).await;
                let session = load(&store, &key).await;
                hand.step(step);
                if !touch {
                    session.set("a", &2).unwrap();
                }
                session.asave().await.unwrap();
                let value = if touch { 1 } else { 2 };
                assert_eq!(load(&store, &key).await.get::<u8>("a").unwrap(), Some(value), "{what}");
                // Not removed before its time: by the clock as it is now.
                hand.step(AGE - 2);
                store.clear_expired().await.unwrap();
                assert_eq!(load(&store, &key).await.get::<u8>("a").unwrap(), Some(value), "{what}: lost");
                hand.step(3);
                assert!(load(&store, &key).await.is_empty(), "{what}: it lives on");
                store.clear_expired().await.unwrap();
                assert!(load(&store, &key).await.is_empty(), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_clock_that_stepped_back_ends_no_session_and_lets_every_operation_go_on() {
    let (folder, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    for store in sites(folder.path(), &hand).await {
        hand.set(START);
        let (key, ended) = (stored(&store).await, stored(&store).await);
        // Leases and markers of `cached_db` are put down by the clock as it was.
        store.session(Some(&ended)).aflush().await.unwrap();
        hand.step(-DAY);
        store.clear_expired().await.unwrap();
        let session = load(&store, &key).await;
        assert_eq!(session.get::<u8>("a").unwrap(), Some(1), "{:?}", store.engine());
        session.acycle_key().await.unwrap();
        let new = session.session_key().unwrap();
        assert!(load(&store, &key).await.is_empty() && load(&store, &ended).await.is_empty());
        session.set("a", &2).unwrap();
        session.asave().await.unwrap();
        assert_eq!(load(&store, &new).await.get::<u8>("a").unwrap(), Some(2));
        assert!(session.get_expiry_age().unwrap() >= 0.0);
        store.session(Some(&new)).aflush().await.unwrap();
        hand.set(START);
        assert!(load(&store, &new).await.is_empty() && !store.exists(&new).await.unwrap());
    }
}

#[tokio::test]
async fn the_first_and_the_last_moments_there_are_bring_no_panic() {
    let (folder, hand) = (tempfile::tempdir().unwrap(), Hand::new());
    for store in sites(folder.path(), &hand).await {
        for edge in [Timestamp::MIN.as_seconds() + 1, Timestamp::MAX.as_seconds() - 1] {
            hand.set(START);
            let key = stored(&store).await;
            let session = load(&store, &key).await;
            hand.set(edge);
            session.set("a", &2).unwrap();
            let saved = session.asave().await;
            hand.set(START);
            let seen = load(&store, &key).await.get::<u8>("a").unwrap();
            // Whole, whether it could be saved then or not; what was saved long ago has ended since.
            assert!(seen.is_none_or(|seen| seen == if saved.is_ok() { 2 } else { 1 }), "{:?}", store.engine());
            session.aflush().await.unwrap();
            assert!(!store.exists(&key).await.unwrap());
        }
    }
}

/// A signed cookie from the future is a session, as in Django, and ends when its own time is over.
#[tokio::test]
async fn a_signed_cookie_survives_a_step_back_and_still_ends() {
    let hand = Hand::new();
    let store = SessionStore::signed_cookies(settings()).unwrap().with_clock(hand.clock());
    for step in STEPS.into_iter().filter(|step| *step < 0) {
        hand.set(START);
        let key = stored(&store).await;
        hand.step(step);
        let session = load(&store, &key).await;
        assert_eq!(session.get::<u8>("a").unwrap(), Some(1), "a step of {step}");
        session.set("a", &2).unwrap();
        session.asave().await.unwrap();
        let again = session.session_key().unwrap();
        assert_eq!(load(&store, &again).await.get::<u8>("a").unwrap(), Some(2));
        hand.step(AGE + 1);
        assert!(load(&store, &again).await.is_empty(), "a step of {step}: it lives on");
        hand.set(START + AGE + 1);
        assert!(load(&store, &key).await.is_empty());
    }
}
