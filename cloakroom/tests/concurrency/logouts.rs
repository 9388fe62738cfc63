//! A logout races against a save, a change of key, a renewed expiry and a late reader, each with a store of its own.

use std::sync::Arc;
use std::time::Instant;

use cloakroom::{Session, SessionError, SessionKey, SessionStore};
use tokio::sync::Barrier;

use super::{Place, bounded, patiently, say};

/// Races that run side by side.
const LANES: usize = 4;

/// How the saves of the races ended.
#[derive(Default)]
struct Seen {
    keys: Vec<SessionKey>,
    /// Saves and renewed expiries that came before the logout, and after it.
    early: usize,
    late: usize,
}

pub(crate) async fn race(name: &str, place: &Place) {
    let races = bounded(120, 10_000);
    let started = Instant::now();
    let mut lanes = Vec::new();
    for lane in 0..LANES {
        let stores = Arc::new([place.open().await, place.open().await, place.open().await, place.open().await]);
        lanes.push(tokio::spawn(async move {
            let mut seen = Seen::default();
            for race in (lane..races).step_by(LANES) {
                one(&stores, race, &mut seen).await;
            }
            seen
        }));
    }
    let mut all = Seen::default();
    for lane in lanes {
        let seen = lane.await.unwrap();
        all.keys.extend(seen.keys);
        all.early += seen.early;
        all.late += seen.late;
    }
    assert_eq!(all.keys.len(), races);
    // Once more when everything has settled: what came late would be there now.
    let store = place.open().await;
    for (race, key) in all.keys.iter().enumerate() {
        assert_gone(&store, key, race).await;
    }
    let (early, late, seconds) = (all.early, all.late, started.elapsed().as_secs_f32());
    say(&format!(
        "{name}: {races} logouts, {early} saves before them, {late} after, none brought back, {seconds:.1} s"
    ));
}

async fn load(store: &SessionStore, key: &SessionKey) -> Session {
    patiently(|| async { store.session(Some(key)).load().await }).await.unwrap()
}

async fn assert_gone(store: &SessionStore, key: &SessionKey, race: usize) {
    let exists = patiently(|| async { store.exists(key).await }).await.unwrap();
    assert!(!exists, "race {race}: the session is back");
    let seen = patiently(|| async { store.session(Some(key)).aload().await }).await.unwrap();
    assert!(seen.is_empty(), "race {race}: the session is still served");
}

async fn one(stores: &Arc<[SessionStore; 4]>, race: usize, seen: &mut Seen) {
    let [saving, cycling, leaving, reading] = &**stores;
    let session = saving.session(None).load().await.unwrap();
    session.set("name", "Ada").unwrap();
    patiently(|| async { session.asave().await }).await.unwrap();
    let key = session.session_key().unwrap();
    let start = Arc::new(Barrier::new(4));
    // A save of a change, or every third time of nothing but the expiry.
    let save = {
        let (session, start) = (load(saving, &key).await, Arc::clone(&start));
        tokio::spawn(async move {
            if !race.is_multiple_of(3) {
                session.set("name", "Bob").unwrap();
            }
            start.wait().await;
            patiently(|| async { session.asave().await }).await
        })
    };
    let cycle = {
        let (session, start) = (load(cycling, &key).await, Arc::clone(&start));
        tokio::spawn(async move {
            start.wait().await;
            if !race.is_multiple_of(2) {
                return None;
            }
            session.acycle_key().await.is_ok().then_some(session)
        })
    };
    // One that finds nothing in a cache fills it.
    let read = {
        let (store, key, start) = (reading.clone(), key.clone(), Arc::clone(&start));
        tokio::spawn(async move {
            start.wait().await;
            patiently(|| async { store.session(Some(&key)).aload().await }).await
        })
    };
    let logout = {
        let (session, start) = (leaving.session(Some(&key)), Arc::clone(&start));
        tokio::spawn(async move {
            start.wait().await;
            patiently(|| async { session.aflush().await }).await
        })
    };
    logout.await.unwrap().unwrap();
    let saved = save.await.unwrap();
    assert!(matches!(saved, Ok(()) | Err(SessionError::UpdateError)), "race {race}: {saved:?}");
    seen.early += usize::from(saved.is_ok());
    seen.late += usize::from(saved.is_err());
    read.await.unwrap().unwrap();
    // A change of key that came first is another session by then: the logout ended the old key.
    if let Some(cycled) = cycle.await.unwrap() {
        assert_ne!(cycled.session_key().as_ref(), Some(&key), "race {race}");
    }
    assert_gone(saving, &key, race).await;
    seen.keys.push(key);
}
