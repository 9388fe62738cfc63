//! The stored sessions from outside, on every engine: listed, counted, looked into, ended with their user.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/engines.rs"]
mod engines;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use cloakroom::storage::{Cursor, Insert, MemoryStorage, New, Storage, StorageError};
use cloakroom::testing::{Fault, Operation, SpyStorage};
use cloakroom::{
    Clock, Counted, Engine, EngineName, KeySource, SessionError, SessionKey, SessionStore, Settings, Timestamp,
    WalkProgress,
};
use engines::{Place, every_engine, timeless};

const DAY: f64 = 86_400.0;

fn settings() -> Settings {
    Settings::new().secret_key("a secret")
}

/// The sessions of these places can be listed.
async fn listable() -> Vec<Place> {
    let mut places = every_engine().await;
    // The last one has the rows of another place.
    let left_out = ["cache in files", "cache on memcached", "cached_db on SQLite, a table in front"];
    places.retain(|place| !left_out.contains(&place.name));
    assert!(places.len() >= 5);
    places
}

/// A session of a user, or of nobody.
async fn stored(store: &SessionStore, user: Option<&str>) -> SessionKey {
    let session = store.session(None).load().await.unwrap();
    session.set("visits", &1).unwrap();
    if let Some(user) = user {
        session.set("_auth_user_id", user).unwrap();
    }
    session.asave().await.unwrap();
    session.session_key().unwrap()
}

/// A store whose clock is off by so many days.
fn days_off(store: &SessionStore, days: f64) -> SessionStore {
    store.clone().with_clock(Clock::new(move || Timestamp::now().checked_add_seconds(days * DAY).unwrap()))
}

fn names(keys: &HashSet<SessionKey>) -> Vec<&str> {
    let mut names: Vec<_> = keys.iter().map(SessionKey::as_str).collect();
    names.sort_unstable();
    names
}

fn is_unsupported<T: std::fmt::Debug>(answer: Result<T, SessionError>) {
    match answer {
        Err(SessionError::Storage(StorageError::Unsupported(_))) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_session_is_on_a_page_and_a_position_holds_good_in_another_process() {
    for place in listable().await {
        let mut expected = HashSet::new();
        for _ in 0..25 {
            expected.insert(stored(&place.store(settings()), None).await);
        }
        for limit in [1, 7, 24, 25, 26] {
            let (mut found, mut position) = (HashSet::new(), None::<String>);
            for _ in 0..1_000 {
                let after = position.map(Cursor::new);
                let page = place.store(settings()).page(after.as_ref(), limit).await.unwrap();
                position = page.next.map(|next| next.position().to_owned());
                let by_redis = place.name == "cache on Redis";
                assert!(by_redis || page.sessions.len() <= limit, "{}: {limit}", place.name);
                for session in page.sessions {
                    assert!(session.bytes > 0 && session.expires.is_some(), "{}: {session:?}", place.name);
                    assert!(found.insert(session.key) || by_redis, "{}: listed twice", place.name);
                }
                let Some(shown) = &position else { break };
                let whole = expected.iter().find(|key| shown.ends_with(key.as_str()));
                assert!(whole.is_none(), "{}: the position is the key of a session", place.name);
            }
            assert!(position.is_none(), "{}: there is no end", place.name);
            assert_eq!(names(&found), names(&expected), "{}: pages of {limit}", place.name);
        }
    }
}

#[tokio::test]
async fn an_end_is_told_as_the_session_has_it() {
    for place in listable().await {
        let store = place.store(settings());
        let session = store.session(None).load().await.unwrap();
        session.set_expiry(3_600).unwrap();
        session.asave().await.unwrap();
        let page = store.page(None, 10).await.unwrap();
        let left = page.sessions[0].expires.unwrap().micros_since(Timestamp::now()) / 1_000_000;
        assert!((3_500..=3_601).contains(&left), "{}: {left} s", place.name);
    }
}

#[tokio::test]
async fn where_entries_are_not_listed_that_is_said() {
    let mut places: Vec<_> = every_engine().await;
    places.retain(|place| ["cache in files", "cache on memcached"].contains(&place.name));
    let mut stores: Vec<_> = places.iter().map(|place| place.store(settings())).collect();
    stores.push(SessionStore::signed_cookies(settings()).unwrap());
    for store in stores {
        is_unsupported(store.page(None, 10).await);
        is_unsupported(store.counting().run().await);
        is_unsupported(store.ending_of_user("42").run().await);
    }
}

#[tokio::test]
async fn other_entries_of_a_shared_cache_are_passed_over() {
    for count in [1, 2_500] {
        let storage = MemoryStorage::new();
        let put = async |name: &str| {
            let inserted = storage.insert(name, New::of(b"somebody else's", Timestamp::MAX)).await.unwrap();
            assert!(matches!(inserted, Insert::Inserted(_)));
        };
        for number in 0..count {
            put(&format!("before{number}")).await;
            put(&format!("views.decorators.cache{number}")).await;
        }
        let key = SessionKey::generate();
        put(&format!("django.contrib.sessions.cached_db{}", key.as_str())).await;
        put("django.contrib.sessions.cache").await;
        put(&format!("django.contrib.sessions.cache{}", key.as_str().to_uppercase())).await;
        let store = SessionStore::new(Engine::cache(storage.clone()), settings()).unwrap();
        let keys = HashSet::from([stored(&store, None).await, stored(&store, Some("42")).await]);
        let first = store.page(None, 1).await.unwrap();
        let second = store.page(first.next.as_ref(), 1).await.unwrap();
        let found = [first.sessions, second.sessions].concat().into_iter().map(|session| session.key).collect();
        assert_eq!(names(&found), names(&keys));
        assert!(second.next.is_none());
        assert_eq!(store.counting().run().await.unwrap().sessions, 2);
        let ended = store.ending_of_user("42").run().await.unwrap();
        assert_eq!((ended.ended, ended.looked_at, ended.unreadable), (1, 2, 0));
        assert_eq!(storage.len(), 2 * count + 3 + 1);
    }
}

#[tokio::test]
async fn a_look_into_a_session_shows_what_it_holds_and_changes_nothing() {
    for place in every_engine().await {
        let store = place.store(settings());
        let key = stored(&store, Some("42")).await;
        let inspected = store.inspect(&key).await.unwrap().unwrap();
        assert_eq!(inspected.data.to_json(), r#"{"visits":1,"_auth_user_id":"42"}"#, "{}", place.name);
        let signs = ![EngineName::Cache, EngineName::Memory].contains(&store.engine());
        assert_eq!(inspected.verified_by, signs.then_some(0), "{}", place.name);
        assert_eq!(inspected.signed_at.is_some(), signs, "{}", place.name);
        assert!(!inspected.has_expired && inspected.bytes > 0, "{}", place.name);
        assert!(store.inspect(&SessionKey::generate()).await.unwrap().is_none(), "{}", place.name);
        if place.by_clock {
            let late = days_off(&store, 20.0).inspect(&key).await.unwrap();
            assert!(late.is_none_or(|late| late.has_expired), "{}: it has expired by now", place.name);
        }
    }
    let (database, cache) = (SpyStorage::new(timeless()), SpyStorage::new(timeless()));
    let engine = Engine::cached_db(database.clone(), cache.clone());
    let store = SessionStore::new(engine, settings()).unwrap();
    let key = stored(&store, None).await;
    database.take_calls();
    cache.take_calls();
    store.inspect(&key).await.unwrap().unwrap();
    assert_eq!((database.take_calls().total(), cache.take_calls().total()), (1, 0));
}

#[tokio::test]
async fn what_no_secret_verifies_is_an_error_and_a_fallback_is_told() {
    let storage = timeless();
    let store = |settings: Settings| SessionStore::db(storage.clone(), settings).unwrap();
    let key = stored(&store(settings()), Some("42")).await;
    let error = store(Settings::new().secret_key("another")).inspect(&key).await.unwrap_err();
    assert!(matches!(error, SessionError::Decode(_)), "{error:?}");
    let rotated = Settings::new().secret_key("newest").secret_key_fallback("newer").secret_key_fallback("a secret");
    assert_eq!(store(rotated).inspect(&key).await.unwrap().unwrap().verified_by, Some(2));
}

async fn count(store: &SessionStore) -> Counted {
    store.counting().run().await.unwrap()
}

#[tokio::test]
async fn sessions_are_counted_by_what_they_are() {
    for place in listable().await.into_iter().filter(|place| place.by_clock) {
        let store = place.store(settings());
        assert_eq!(count(&store).await, Counted::default_of_nothing(), "{}", place.name);
        for seconds in [600, 7_200, 5 * 86_400, 20 * 86_400, 90 * 86_400] {
            let session = store.session(None).load().await.unwrap();
            session.set("text", &"x".repeat(300)).unwrap();
            session.set_expiry(seconds).unwrap();
            session.asave().await.unwrap();
        }
        let past = days_off(&store, -30.0);
        let (_, _) = (stored(&past, None).await, stored(&past, None).await);
        let counted = count(&store).await;
        assert_eq!((counted.sessions, counted.live, counted.expired, counted.unknown), (7, 5, 2, 0), "{}", place.name);
        let ends = counted.ends;
        assert_eq!([ends.hour, ends.day, ends.week, ends.month, ends.later], [1, 2, 3, 4, 1], "{}", place.name);
        let listed: Vec<u64> = store.page(None, 10).await.unwrap().sessions.iter().map(|listed| listed.bytes).collect();
        assert_eq!(counted.bytes.total, listed.iter().sum::<u64>(), "{}", place.name);
        assert_eq!(Some(&counted.bytes.largest), listed.iter().max(), "{}", place.name);
        assert!(counted.bytes.median > 300 && counted.bytes.percentile_95 == counted.bytes.largest, "{}", place.name);
        assert_eq!((counted.margin, counted.looked_at, counted.complete), (None, 7, true), "{}", place.name);
    }
}

trait OfNothing {
    fn default_of_nothing() -> Self;
}

impl OfNothing for Counted {
    fn default_of_nothing() -> Self {
        let mut counted = Self::default();
        counted.complete = true;
        counted
    }
}

#[tokio::test]
async fn many_are_estimated_and_exact_means_exact() {
    let storage = SpyStorage::new(timeless());
    let store = SessionStore::new(Engine::memory_in(storage.clone()), settings()).unwrap();
    let past = days_off(&store, -30.0);
    for number in 0..12_000 {
        store_one(if number % 4 == 0 { &past } else { &store }).await;
    }
    storage.take_calls();
    let about = store.counting().sample(2_000).run().await.unwrap();
    assert_eq!((storage.take_calls().scan, about.looked_at), (2, 2_000), "no more is read than is told");
    let margin = about.margin.unwrap();
    assert!((margin - 0.0447).abs() < 0.001, "{margin}");
    let off = |found: u64, expected: f64| (found as f64 / expected - 1.0).abs();
    // Two and a half times the margin: once in a million.
    assert!(off(about.sessions, 12_000.0) < 2.5 * margin, "{about:?}");
    assert!(off(about.expired, 3_000.0) < 0.25 && about.live + about.expired == about.sessions, "{about:?}");
    let exact = store.counting().exact().run().await.unwrap();
    assert_eq!((exact.sessions, exact.expired, exact.margin), (12_000, 3_000, None));
    // Half of all anyway: then the rest as well.
    let all = store.counting().sample(7_000).run().await.unwrap();
    assert_eq!((all.sessions, all.margin), (12_000, None));
}

async fn store_one(store: &SessionStore) {
    store.session(None).asave().await.unwrap();
}

#[tokio::test]
async fn keys_that_are_not_random_are_all_counted() {
    let next = Mutex::new(0_u32);
    let keys = KeySource::new(move || {
        let mut next = next.lock().unwrap();
        *next += 1;
        SessionKey::parse(&format!("{:08}", *next)).unwrap()
    });
    let store = SessionStore::memory(settings()).unwrap().with_key_source(keys);
    for _ in 0..5_000 {
        store_one(&store).await;
    }
    let counted = store.counting().sample(100).run().await.unwrap();
    assert_eq!((counted.sessions, counted.margin), (5_000, None));
}

#[tokio::test]
async fn a_count_can_be_told_to_stop_and_says_so() {
    let store = SessionStore::memory(settings()).unwrap();
    for _ in 0..3_000 {
        store_one(&store).await;
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let shown = Arc::clone(&seen);
    let look = move |progress: &WalkProgress| {
        shown.lock().unwrap().push(*progress);
        if progress.looked_at >= 2_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let counted = store.counting().exact().on_progress(look).run().await.unwrap();
    assert_eq!((counted.sessions, counted.complete), (2_000, false));
    let shares: Vec<f64> = seen.lock().unwrap().iter().map(|progress| progress.share.unwrap()).collect();
    assert!((shares[0] - 0.333).abs() < 0.1 && (shares[1] - 0.667).abs() < 0.1, "{shares:?}");
}

#[tokio::test]
async fn the_sessions_of_a_user_are_ended_and_no_others() {
    for place in listable().await {
        let store = place.store(settings());
        let (mut theirs, mut others) = (Vec::new(), Vec::new());
        for number in 0..30 {
            match number % 3 {
                0 => theirs.push(stored(&store, Some("42")).await),
                1 => others.push(stored(&store, Some("421")).await),
                _ => others.push(stored(&store, None).await),
            }
        }
        let dry = store.ending_of_user("42").dry_run().run().await.unwrap();
        assert_eq!((dry.found, dry.ended, dry.complete), (10, 0, true), "{}", place.name);
        assert!(store.exists(&theirs[0]).await.unwrap(), "{}", place.name);
        let ended = store.ending_of_user("42").run().await.unwrap();
        assert_eq!((ended.found, ended.ended, ended.unreadable), (10, 10, 0), "{}", place.name);
        assert!(ended.looked_at >= 30 && ended.complete, "{}: {ended:?}", place.name);
        for key in &theirs {
            assert!(!store.exists(key).await.unwrap(), "{}", place.name);
            // Not from a cache in front either.
            assert!(store.session(Some(key)).load().await.unwrap().is_empty(), "{}", place.name);
        }
        for key in &others {
            assert_eq!(store.session(Some(key)).aget::<u32>("visits").await.unwrap(), Some(1), "{}", place.name);
        }
        let again = store.ending_of_user("42").run().await.unwrap();
        assert_eq!((again.found, again.ended), (0, 0), "{}", place.name);
    }
}

#[tokio::test]
async fn sessions_that_nobody_can_read_are_counted_and_left() {
    for (name, storage) in [("db", timeless()), ("cached_db", timeless())] {
        let store = |settings: Settings| {
            let engine = match name {
                "db" => Engine::db(storage.clone()),
                _ => Engine::cached_db(storage.clone(), timeless()),
            };
            SessionStore::new(engine, settings).unwrap()
        };
        let foreign = stored(&store(Settings::new().secret_key("another")), Some("42")).await;
        stored(&store(settings()), Some("42")).await;
        let ended = store(settings()).ending_of_user("42").run().await.unwrap();
        assert_eq!((ended.ended, ended.unreadable, ended.looked_at), (1, 1, 2), "{name}");
        assert!(store(settings()).exists(&foreign).await.unwrap(), "{name}");
    }
}

#[tokio::test]
async fn nothing_is_ended_where_sessions_are_only_to_be_read() {
    let storage = timeless();
    let key = stored(&SessionStore::db(storage.clone(), settings()).unwrap(), Some("42")).await;
    let store = SessionStore::db(storage, settings().session_read_only(true)).unwrap();
    assert!(matches!(store.ending_of_user("42").run().await, Err(SessionError::ReadOnly)));
    assert_eq!(store.ending_of_user("42").dry_run().run().await.unwrap().found, 1);
    assert!(store.exists(&key).await.unwrap());
}

#[tokio::test]
async fn a_fault_half_way_is_an_error_and_what_was_ended_is_told() {
    let storage = SpyStorage::new(timeless());
    let store = SessionStore::db(storage.clone(), settings()).unwrap();
    for _ in 0..40 {
        stored(&store, Some("42")).await;
    }
    let told = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&told);
    let spy = storage.clone();
    let look = move |progress: &WalkProgress| {
        *seen.lock().unwrap() = progress.found;
        if progress.looked_at == 16 {
            spy.fail_next(Operation::Remove, Fault::NotDone);
            spy.fail_next(Operation::Remove, Fault::NotDone);
        }
        ControlFlow::Continue(())
    };
    let failed = store.ending_of_user("42").at_once(8).on_progress(look).run().await;
    assert!(matches!(failed, Err(SessionError::Storage(_))), "{failed:?}");
    let left = store.counting().run().await.unwrap().sessions;
    let told = *told.lock().unwrap();
    assert!(told >= 16 && told + left == 40, "{told} told, {left} left");
    assert_eq!(store.ending_of_user("42").run().await.unwrap().ended, left, "the next one goes on from there");
}

#[tokio::test]
async fn an_ending_can_be_told_to_stop() {
    let store = SessionStore::memory(settings()).unwrap();
    for _ in 0..100 {
        stored(&store, Some("42")).await;
    }
    let look = |progress: &WalkProgress| {
        if progress.looked_at >= 50 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let ended = store.ending_of_user("42").at_once(10).on_progress(look).run().await.unwrap();
    assert_eq!((ended.ended, ended.complete), (50, false));
    assert_eq!(store.counting().run().await.unwrap().sessions, 50);
}
