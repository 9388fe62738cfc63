//! What a handle does after such an order, and what is concluded from an outcome that is unknown.

use std::sync::Arc;

use cloakroom::storage::{MemoryStorage, StorageError};
use cloakroom::testing::{Fault, Operation, SpyStorage};
use cloakroom::{Clock, Session, SessionError, SessionKey, SessionStore, Settings, Timestamp};

type Spy = SpyStorage<MemoryStorage>;

fn site() -> (Spy, SessionStore) {
    let spy = SpyStorage::new(MemoryStorage::new());
    let store = SessionStore::db(spy.clone(), Settings::new().secret_key("a secret")).unwrap();
    (spy, store)
}

async fn stored(store: &SessionStore) -> SessionKey {
    let session = store.session(None).load().await.unwrap();
    session.set("a", &1).unwrap();
    session.set("b", &1).unwrap();
    session.asave().await.unwrap();
    session.session_key().unwrap()
}

async fn load(store: &SessionStore, key: &SessionKey) -> Session {
    store.session(Some(key)).load().await.unwrap()
}

async fn members(store: &SessionStore, key: &SessionKey) -> String {
    store.session(Some(key)).aload().await.unwrap().to_json()
}

#[tokio::test]
async fn load_logout_save_stays_logged_out() {
    let (_, store) = site();
    let key = stored(&store).await;
    let slow = load(&store, &key).await;
    store.session(Some(&key)).aflush().await.unwrap();
    slow.set("a", &2).unwrap();
    assert!(matches!(slow.asave().await, Err(SessionError::UpdateError)));
    assert!(!store.exists(&key).await.unwrap());
    // Django's `load` after such a save gives nothing and drops the key (B-77).
    assert!(slow.aload().await.unwrap().is_empty());
    assert_eq!(slow.session_key(), None);
}

#[tokio::test]
async fn a_change_of_key_does_not_bring_a_deleted_session_back() {
    let (_, store) = site();
    let key = stored(&store).await;
    for at_once in [true, false] {
        let key = if at_once { key.clone() } else { stored(&store).await };
        let slow = load(&store, &key).await;
        store.delete(&key).await.unwrap();
        let result = if at_once {
            slow.acycle_key().await
        } else {
            slow.cycle_key();
            slow.asave().await
        };
        assert!(matches!(result, Err(SessionError::UpdateError)));
    }
    assert_eq!(store.clear_expired().await.unwrap(), 0);
}

#[tokio::test]
async fn a_session_that_was_live_when_it_was_loaded_may_be_saved_after_its_end() {
    let now = Arc::new(std::sync::atomic::AtomicI64::new(1_800_000_000));
    let clock = {
        let now = Arc::clone(&now);
        Clock::new(move || Timestamp::from_seconds(now.load(std::sync::atomic::Ordering::SeqCst)).unwrap())
    };
    // The storage's own clock stands still, so that it drops nothing.
    let storage = MemoryStorage::with_clock(Clock::new(|| Timestamp::UNIX_EPOCH));
    let store = SessionStore::db(storage, Settings::new().secret_key("s")).unwrap().with_clock(clock);
    let key = stored(&store).await;
    let (slow, other) = (load(&store, &key).await, load(&store, &key).await);
    other.set("b", &2).unwrap();
    other.set_expiry(10).unwrap();
    other.asave().await.unwrap();
    now.fetch_add(60, std::sync::atomic::Ordering::SeqCst);
    slow.set("a", &3).unwrap();
    slow.asave().await.unwrap();
    assert_eq!(slow.get::<u8>("b").unwrap(), Some(2));
}

/// What became of a write whose outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lost {
    /// It was done.
    Answer,
    /// It was not done, and a second try is.
    Request,
    /// Neither was done.
    Both,
}

#[tokio::test]
async fn an_unknown_outcome_is_read_back_before_anything_is_concluded() {
    for operation in [Operation::Insert, Operation::Replace, Operation::Touch, Operation::Rename, Operation::Remove] {
        for lost in [Lost::Answer, Lost::Request, Lost::Both] {
            let (spy, store) = site();
            let key = stored(&store).await;
            let session = if operation == Operation::Insert {
                store.session(None).load().await.unwrap()
            } else {
                load(&store, &key).await
            };
            if operation != Operation::Touch {
                session.set("new", &1).unwrap();
            }
            spy.fail_next(operation, if lost == Lost::Answer { Fault::LostAnswer } else { Fault::LostRequest });
            if lost == Lost::Both {
                spy.fail_next(operation, Fault::LostRequest);
            }
            let result = match operation {
                Operation::Rename => session.acycle_key().await,
                Operation::Remove => session.aflush().await,
                _ => session.asave().await,
            };
            if lost == Lost::Both {
                let done = matches!(result, Err(SessionError::Storage(StorageError::NotDone(_))));
                assert!(done, "{operation:?} was not done, and {result:?}");
                // Nothing is lost: the next try does it.
                match operation {
                    Operation::Rename => session.acycle_key().await.unwrap(),
                    Operation::Remove => session.asave().await.map(drop).unwrap_or_default(),
                    _ => session.asave().await.unwrap(),
                }
            } else {
                result.unwrap_or_else(|error| panic!("{operation:?} was done ({lost:?}), and {error}"));
            }
            match operation {
                Operation::Remove => assert!(!store.exists(&key).await.unwrap()),
                Operation::Touch => assert_eq!(members(&store, &key).await, r#"{"a":1,"b":1}"#),
                _ => assert!(members(&store, &session.session_key().unwrap()).await.contains(r#""new":1"#)),
            }
            if operation == Operation::Rename {
                assert!(!store.exists(&key).await.unwrap(), "the old key must be dead");
            }
        }
    }
}

#[tokio::test]
async fn a_save_whose_future_is_dropped_loses_no_change() {
    let (spy, store) = site();
    let key = stored(&store).await;
    let session = load(&store, &key).await;
    session.set("a", &2).unwrap();
    spy.before(Operation::Replace, std::future::pending::<()>);
    let dropped = tokio::time::timeout(std::time::Duration::from_millis(20), session.asave()).await;
    assert!(dropped.is_err(), "the save was to hang");
    session.asave().await.unwrap();
    assert_eq!(members(&store, &key).await, r#"{"a":2,"b":1}"#);
}

#[tokio::test]
async fn a_flush_during_a_save_wins() {
    let (spy, store) = site();
    let session = store.session(None).load().await.unwrap();
    session.set("a", &1).unwrap();
    let twin = session.clone();
    spy.after(Operation::Insert, move || async move { twin.flush() });
    session.asave().await.unwrap();
    assert_eq!(session.session_key(), None);
    session.set_modified(false);
    // What the save wrote is removed with the next thing that is done.
    session.asave().await.ok();
    assert!(store.session(session.session_key().as_ref()).aload().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_row_signed_with_a_fallback_key_is_signed_anew_by_the_next_save() {
    let storage = MemoryStorage::new();
    let old = SessionStore::db(storage.clone(), Settings::new().secret_key("old")).unwrap();
    let key = stored(&old).await;
    let rotated = Settings::new().secret_key("new").secret_key_fallback("old");
    let both = SessionStore::db(storage.clone(), rotated).unwrap();
    load(&both, &key).await.asave().await.unwrap();
    let new = SessionStore::db(storage, Settings::new().secret_key("new")).unwrap();
    assert_eq!(members(&new, &key).await, r#"{"a":1,"b":1}"#);
}
