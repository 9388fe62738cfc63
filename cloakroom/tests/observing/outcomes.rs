//! What does not go well has an outcome of its own, and nobody is told of what did not happen.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom::SessionStore;
use cloakroom::storage::MemoryStorage;
use cloakroom::testing::{Fault, Operation, SpyStorage};

use crate::engines::watched;
use crate::{seen, settings, stored};

#[tokio::test]
async fn a_storage_that_fails_is_an_error_and_no_event_on_every_engine() {
    use Operation::{Insert, Read, Remove, Rename, Replace, Touch};

    seen::look();
    for engine in watched() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let hear = Arc::clone(&told);
        let store =
            engine.store(settings()).with_observer(move |event| hear.lock().unwrap().push(format!("{event:?}")));
        for (operation, expected) in [
            (Read, "session.load error"),
            (Insert, "session.save error"),
            (Replace, "session.save error"),
            (Touch, "session.save error"),
            (Rename, "session.change_key error"),
            (Remove, "session.delete error"),
        ] {
            let session = store.session(Some(&stored(&store).await));
            if operation != Read {
                session.load().await.unwrap();
            }
            engine.reset();
            seen::take();
            told.lock().unwrap().clear();
            // In a cache in front a failure is no error: so twice, for both are asked.
            engine.fail_next(operation, Fault::NotDone);
            let key = session.session_key().unwrap();
            let failed = match operation {
                Read => session.load().await.map(drop),
                Insert => store.session(None).asave().await,
                Replace => match session.aset("a", &1).await {
                    Ok(()) => session.asave().await,
                    failed => failed,
                },
                Touch => session.asave().await,
                Rename => session.acycle_key().await,
                _ => store.delete(&key).await,
            };
            failed.unwrap_err();
            let spans = seen::take();
            assert_eq!(spans.iter().map(seen::Seen::brief).collect::<Vec<_>>(), [expected], "{}", engine.name);
            assert_eq!(spans[0].round_trips(), engine.total(), "{}, {operation:?}", engine.name);
            assert_eq!(told.lock().unwrap()[..], [""; 0], "{}, {operation:?}", engine.name);
        }
    }
}

#[tokio::test]
async fn an_answer_that_was_lost_counts_as_what_was_found_out() {
    seen::look();
    let spy = SpyStorage::new(MemoryStorage::new());
    let told = Arc::new(Mutex::new(0));
    let hear = Arc::clone(&told);
    let store = SessionStore::db(spy.clone(), settings()).unwrap().with_observer(move |_| *hear.lock().unwrap() += 1);
    spy.fail_next(Operation::Insert, Fault::LostAnswer);
    let key = stored(&store).await;
    let spans = seen::take();
    assert_eq!((spans[0].brief().as_str(), spans[0].round_trips(), spy.total()), ("session.save created", 2, 2));
    assert_eq!(*told.lock().unwrap(), 1);

    spy.fail_next(Operation::Remove, Fault::LostAnswer);
    store.delete(&key).await.unwrap();
    assert_eq!(seen::briefly(), ["session.delete removed"]);
    assert_eq!(*told.lock().unwrap(), 2);

    spy.fail_next(Operation::Insert, Fault::LostAnswer);
    spy.fail_next(Operation::Read, Fault::NotDone);
    store.session(None).asave().await.unwrap_err();
    assert_eq!(seen::briefly(), ["session.save unknown"]);
    assert_eq!(*told.lock().unwrap(), 2, "it may have been stored, which is not for certain");
}

#[tokio::test]
async fn a_write_is_refused_where_sessions_are_only_read() {
    seen::look();
    let store = SessionStore::memory(settings().session_read_only(true)).unwrap();
    store.delete(&cloakroom::SessionKey::generate()).await.unwrap_err();
    assert_eq!(seen::briefly(), ["session.delete refused"]);
}

#[tokio::test]
async fn an_operation_that_nobody_waits_for_any_more_was_dropped() {
    seen::look();
    let spy = SpyStorage::new(MemoryStorage::new());
    let store = SessionStore::db(spy.clone(), settings()).unwrap();
    let key = stored(&store).await;
    seen::take();
    spy.before(Operation::Read, std::future::pending::<()>);
    let session = store.session(Some(&key));
    assert!(tokio::time::timeout(Duration::from_millis(5), session.load()).await.is_err());
    let spans = seen::take();
    assert_eq!((spans[0].brief().as_str(), spans[0].round_trips()), ("session.load dropped", 1));
    session.load().await.unwrap();
    assert_eq!(seen::briefly(), ["session.load loaded"]);
}
