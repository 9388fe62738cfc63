//! Observers hear of what happened to sessions, in order, once, and of nothing that did not happen.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom::storage::MemoryStorage;
use cloakroom::testing::{Operation, SpyStorage};
use cloakroom::{EndReason, Engine, LazySession, Session, SessionEvent, SessionKey, SessionStore, Settings};

use crate::engines::{local, timeless};
use crate::visits::{self, visit};
use crate::{in_a_month, seen, settings, stored};

/// An event that has its keys for itself.
#[derive(Clone, Debug, PartialEq)]
enum Told {
    Created(SessionKey),
    Loaded(SessionKey),
    KeyChanged(SessionKey, SessionKey),
    Ended(SessionKey, EndReason),
}
use Told::{Created, Ended, KeyChanged, Loaded};

#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<Told>>>);

impl Ear {
    fn at(&self, store: SessionStore) -> SessionStore {
        let ear = self.clone();
        store.with_observer(move |event| {
            let told = match *event {
                SessionEvent::Created { key } => Created(key.clone()),
                SessionEvent::Loaded { key } => Loaded(key.clone()),
                SessionEvent::KeyChanged { from, to } => KeyChanged(from.clone(), to.clone()),
                SessionEvent::Ended { key, reason } => Ended(key.clone(), reason),
                _ => panic!("an event that nobody knows"),
            };
            ear.0.lock().unwrap().push(told);
        })
    }

    fn take(&self) -> Vec<Told> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// What is done by a task in the background is done soon.
    async fn wait(&self, many: usize) -> Vec<Told> {
        for _ in 0..1_000 {
            if self.0.lock().unwrap().len() >= many {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.take()
    }
}

fn memory() -> (SessionStore, Ear) {
    let ear = Ear::default();
    (ear.at(SessionStore::memory(Settings::new()).unwrap()), ear)
}

#[tokio::test]
async fn the_life_of_a_session_is_told_in_order_on_every_engine() {
    for place in local().await {
        let ear = Ear::default();
        let store = ear.at(place.store(settings()));
        let first = stored(&store).await;
        let session = store.session(Some(&first)).load().await.unwrap();
        session.akeys().await.unwrap();
        session.set("visits", &1).unwrap();
        session.asave().await.unwrap();
        session.asave().await.unwrap();
        session.acycle_key().await.unwrap();
        let second = session.session_key().unwrap();
        session.aflush().await.unwrap();
        session.aflush().await.unwrap();
        let expected = [
            Created(first.clone()),
            Loaded(first.clone()),
            KeyChanged(first, second.clone()),
            Ended(second, EndReason::Flushed),
        ];
        assert_eq!(ear.take(), expected, "{}", place.name);
    }
}

#[tokio::test]
async fn a_request_tells_the_same() {
    let (store, ear) = memory();
    let created = visits::key_in(&visit(&store, None, visits::set).await);
    assert_eq!(ear.take(), [Created(created.clone())]);
    visit(&store, Some(created.as_str()), visits::ok).await;
    assert_eq!(ear.take(), [], "a session that is left alone is not loaded");
    let recorded = |session: LazySession| async move {
        session.load().await?.cycle_key();
        Ok(())
    };
    let changed = visits::key_in(&visit(&store, Some(created.as_str()), recorded).await);
    assert_eq!(ear.take(), [Loaded(created.clone()), KeyChanged(created.clone(), changed.clone())]);
    let logout = |session: LazySession| async move {
        session.load().await?.flush();
        Ok(())
    };
    visit(&store, Some(changed.as_str()), logout).await;
    assert_eq!(ear.take(), [Loaded(changed.clone()), Ended(changed, EndReason::Flushed)]);
    visit(&store, Some(created.as_str()), visits::flush).await;
    assert_eq!(ear.take(), [], "nothing lived under that key any more");
}

#[tokio::test]
async fn one_who_is_logged_out_in_another_tab_is_told_of_by_both() {
    let (store, ear) = memory();
    let key = stored(&store).await;
    let (late, logout) = (store.session(Some(&key)), store.session(Some(&key)));
    late.aset("cart", &1).await.unwrap();
    ear.take();
    logout.aflush().await.unwrap();
    late.asave().await.unwrap_err();
    assert_eq!(ear.take(), [Ended(key.clone(), EndReason::Flushed), Ended(key, EndReason::Interrupted)]);
}

#[tokio::test]
async fn an_operator_who_deletes_a_session_ends_it_once() {
    let (store, ear) = memory();
    let keys = [stored(&store).await, stored(&store).await, stored(&store).await];
    ear.take();
    store.delete(&keys[0]).await.unwrap();
    store.delete(&keys[0]).await.unwrap();
    store.delete(&SessionKey::generate()).await.unwrap();
    store.session(Some(&keys[1])).adelete().await.unwrap();
    store.session(None).adelete_key(&keys[2]).await.unwrap();
    assert_eq!(ear.take(), keys.map(|key| Ended(key, EndReason::Deleted)));
}

#[tokio::test]
async fn an_expired_session_ends_when_it_is_looked_for_and_a_clean_up_says_nothing() {
    let ear = Ear::default();
    let store = ear.at(SessionStore::new(Engine::memory_in(timeless()), Settings::new()).unwrap());
    let key = stored(&store).await;
    let later = in_a_month(&store);
    ear.take();
    later.session(Some(&key)).load().await.unwrap();
    assert_eq!(ear.take(), [Ended(key.clone(), EndReason::Expired)]);
    assert_eq!(later.clear_expired().await.unwrap(), 1);
    later.session(Some(&key)).load().await.unwrap();
    assert_eq!(ear.take(), []);
}

#[tokio::test]
async fn a_cookie_is_created_once_and_never_ends() {
    let ear = Ear::default();
    let store = ear.at(SessionStore::signed_cookies(settings()).unwrap());
    let key = stored(&store).await;
    let session = store.session(Some(&key)).load().await.unwrap();
    session.set("visits", &1).unwrap();
    session.asave().await.unwrap();
    session.acycle_key().await.unwrap();
    session.aflush().await.unwrap();
    store.delete(&key).await.unwrap();
    store.session_from_cookie(Some("nothing:that:holds")).load().await.unwrap();
    assert_eq!(ear.take(), [Created(key.clone()), Loaded(key)]);
}

#[tokio::test]
async fn what_happens_when_nobody_waits_any_more_is_told_all_the_same() {
    let (database, cache) = (SpyStorage::new(MemoryStorage::new()), SpyStorage::new(MemoryStorage::new()));
    let ear = Ear::default();
    let store = ear.at(SessionStore::new(Engine::cached_db(database.clone(), cache), settings()).unwrap());
    // A write of several steps goes on.
    database.before(Operation::Insert, || tokio::time::sleep(Duration::from_millis(20)));
    let session = store.session(None);
    assert!(tokio::time::timeout(Duration::from_millis(1), session.asave()).await.is_err());
    assert_eq!(ear.take(), []);
    let told = ear.wait(1).await;
    assert!(matches!(told[..], [Created(_)]), "{told:?}");

    // And so does a logout in a request that panics.
    let (store, ear) = memory();
    let key = stored(&store).await;
    let panics = |session: Session| async move {
        session.flush();
        panic!("on purpose");
        #[expect(unreachable_code)]
        Ok::<_, cloakroom::SessionError>(())
    };
    let site = visits::site(&store, panics);
    let request = visits::request(&store, Some(key.as_str()));
    tokio::spawn(async move { tower::ServiceExt::oneshot(site, request).await }).await.unwrap_err();
    assert_eq!(ear.wait(3).await, [Created(key.clone()), Loaded(key.clone()), Ended(key, EndReason::Flushed)]);
}

#[tokio::test]
async fn observers_hear_of_it_in_the_order_they_came_and_a_panic_harms_neither_them_nor_the_session() {
    seen::look();
    let order = Arc::new(Mutex::new(Vec::new()));
    let hear = |name: &'static str| {
        let order = Arc::clone(&order);
        move |_: &SessionEvent<'_>| order.lock().unwrap().push(name)
    };
    let store = SessionStore::memory(Settings::new()).unwrap().with_observer(hear("first"));
    let store = store.with_observer(|event| panic!("at {}", key_of(event).as_str())).with_observer(hear("last"));
    let response = visit(&store, None, visits::set).await;
    assert_eq!(response.status(), 200);
    let key = visits::key_in(&response);
    assert_eq!(visits::name(&store, &key).await, None);
    assert_eq!(order.lock().unwrap()[..], ["first", "last", "first", "last"]);
    let lines = seen::take_lines();
    assert_eq!(lines.iter().filter(|(line, _)| line.contains("an observer of sessions panicked")).count(), 2);
    assert!(!seen::shown().contains(key.as_str()), "what it panicked with is not logged");
}

fn key_of<'a>(event: &SessionEvent<'a>) -> &'a SessionKey {
    match *event {
        SessionEvent::Created { key } | SessionEvent::Loaded { key } | SessionEvent::Ended { key, .. } => key,
        SessionEvent::KeyChanged { to, .. } => to,
        _ => panic!("an event that nobody knows"),
    }
}

#[test]
fn an_observer_may_look_into_the_session_it_hears_of() {
    for store in [SessionStore::memory(settings()).unwrap(), SessionStore::signed_cookies(settings()).unwrap()] {
        let handle: Arc<Mutex<Option<LazySession>>> = Arc::default();
        let (into, (done, looked)) = (Arc::clone(&handle), std::sync::mpsc::channel());
        let count = Arc::new(Mutex::new(0));
        let counting = Arc::clone(&count);
        let store = store.with_observer(move |_| {
            let session = into.lock().unwrap().clone();
            if let Some(session) = session {
                let _ = (session.is_empty(), session.session_key());
                *counting.lock().unwrap() += 1;
            }
        });
        let work = async move {
            let session = store.session(Some(&stored(&store).await));
            *handle.lock().unwrap() = Some(session.clone());
            session.load().await.unwrap().set("a", &1).unwrap();
            session.aload().await.unwrap();
            session.acycle_key().await.unwrap();
            session.aflush().await.unwrap();
            session.asave().await.unwrap();
        };
        // In a thread of its own: one that waits for itself is left behind.
        std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
            done.send(()).unwrap();
        });
        looked.recv_timeout(Duration::from_secs(10)).expect("it waits for itself");
        assert!(*count.lock().unwrap() >= 3);
    }
}

#[test]
fn an_event_shows_no_key() {
    let key = SessionKey::generate();
    let events = [
        SessionEvent::Created { key: &key },
        SessionEvent::Loaded { key: &key },
        SessionEvent::KeyChanged { from: &key, to: &key },
        SessionEvent::Ended { key: &key, reason: EndReason::Deleted },
    ];
    for event in events {
        let shown = format!("{event:?} {event:#?}");
        assert!(!shown.contains(key.as_str()) && shown.contains(&key.short_hash()), "{shown}");
    }
}
