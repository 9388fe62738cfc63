//! Requests that are dropped half-way, and requests that wait for a storage.

use std::sync::Arc;
use std::time::Duration;

use cloakroom::testing::Operation;
use cloakroom::{LazySession, SessionError};
use tokio::sync::Notify;
use tower::ServiceExt;

use crate::spied;
use crate::visits::{Answer, flush, name, request, set, set_to, site, stored, visit};

/// Far longer than anything here takes that does not wait for ever.
const PATIENCE: Duration = Duration::from_secs(60);

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it waits for ever")
}

#[tokio::test]
async fn p11_a_cancelled_request_leaves_nothing_that_blocks_a_logout() {
    let change: fn(LazySession) -> std::pin::Pin<Box<dyn Future<Output = Answer> + Send>> =
        |session| Box::pin(async move { session.aset("name", "Bob").await });
    let cycle: fn(LazySession) -> std::pin::Pin<Box<dyn Future<Output = Answer> + Send>> =
        |session| Box::pin(async move { session.acycle_key().await });
    let stuck = [(Operation::Read, change), (Operation::Replace, change), (Operation::Rename, cycle)];
    for (operation, handler) in stuck {
        let (spy, store) = spied();
        let key = stored(&store).await;
        // Dropped while the storage is asked, again and again.
        for _ in 0..20 {
            let reached = Arc::new(Notify::new());
            let there = Arc::clone(&reached);
            spy.before(operation, move || async move {
                there.notify_one();
                std::future::pending::<()>().await;
            });
            let request = tokio::spawn(site(&store, handler).oneshot(request(&store, Some(key.as_str()))));
            in_time(reached.notified()).await;
            request.abort();
            assert!(request.await.unwrap_err().is_cancelled());
        }
        // Dropped in the handler.
        let reached = Arc::new(Notify::new());
        let there = Arc::clone(&reached);
        let waiting = move |session: LazySession| {
            let there = Arc::clone(&there);
            async move {
                session.aset("name", "Bob").await?;
                there.notify_one();
                std::future::pending::<()>().await;
                Ok::<_, SessionError>(())
            }
        };
        let request = tokio::spawn(site(&store, waiting).oneshot(request(&store, Some(key.as_str()))));
        in_time(reached.notified()).await;
        request.abort();
        assert!(request.await.unwrap_err().is_cancelled());

        assert_eq!(in_time(name(&store, &key)).await.as_deref(), Some("Ada"), "{operation:?}");
        let response = in_time(visit(&store, Some(key.as_str()), flush)).await;
        assert_eq!((response.status().as_u16(), set_to(&response).as_deref()), (200, Some("")), "{operation:?}");
        assert!(!store.exists(&key).await.unwrap() && spy.inner().is_empty(), "{operation:?}");
    }
}

/// While one request is stuck in the storage, others go on: with the same session, with others, and with the same
/// handle as far as it needs no storage.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn p12_no_lock_is_held_while_a_storage_is_asked() {
    for operation in [Operation::Read, Operation::Replace, Operation::Touch, Operation::Rename, Operation::Remove] {
        let (spy, store) = spied();
        let (key, other) = (stored(&store).await, stored(&store).await);
        let (reached, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (there, wait) = (Arc::clone(&reached), Arc::clone(&go_on));
        spy.before(operation, move || async move {
            there.notify_one();
            wait.notified().await;
        });
        let session = store.session(Some(&key));
        let asking = session.clone();
        let stuck = tokio::spawn(async move {
            match operation {
                Operation::Read => asking.akeys().await.map(drop),
                Operation::Replace => {
                    asking.aset("stuck", &1).await?;
                    asking.asave().await
                }
                Operation::Touch => asking.asave().await,
                Operation::Rename => asking.acycle_key().await,
                _ => asking.aflush().await,
            }
        });
        in_time(reached.notified()).await;
        // In a task of its own: where a lock was held, its thread would stand still and the time run out all the same.
        let same_handle = tokio::spawn(async move {
            let shown = format!("{session:?} {:?}", session.session_key());
            session.set_accessed(true);
            (session.is_empty(), session.accessed(), session.modified(), shown)
        });
        in_time(same_handle).await.unwrap();
        for (key, may_be_gone) in [(key, operation == Operation::Remove), (other, false)] {
            let (store, cookie) = (store.clone(), key.clone());
            let request = tokio::spawn(async move { visit(&store, Some(cookie.as_str()), set).await });
            let response = in_time(request).await.unwrap();
            assert_eq!(response.status(), 200, "{operation:?}");
            assert!(set_to(&response).as_deref() == Some(key.as_str()) || may_be_gone, "{operation:?}");
        }
        go_on.notify_one();
        in_time(stuck).await.unwrap().unwrap();
    }
}
