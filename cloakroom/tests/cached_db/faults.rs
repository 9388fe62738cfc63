//! A cache that fails, and what it may hold.

use super::*;

#[tokio::test]
async fn without_the_cache_everything_goes_on_but_a_logout() {
    let site = Site::new().await;
    let down = |operations: &[Operation]| {
        for operation in operations {
            site.cache.fail_next(*operation, Fault::NotDone);
        }
    };
    down(&[Operation::Read]);
    let session = site.load().await;
    assert_eq!(site.costs(), (READ, READ), "and nothing is put into it");
    session.set("a", &2).unwrap();
    down(&[Operation::Read]);
    session.asave().await.unwrap();
    assert_eq!(site.costs(), (REPLACE, READ), "what stands in the cache would have to go");
    site.cache.reset();

    down(&[Operation::Insert]);
    let new = site.store.session(None).load().await.unwrap();
    new.set("a", &1).unwrap();
    new.asave().await.unwrap();
    assert!(site.store.exists(&new.session_key().unwrap()).await.unwrap());

    down(&[Operation::Bury, Operation::Read]);
    let flushed = site.store.session(Some(&site.key));
    assert!(matches!(flushed.aflush().await, Err(SessionError::Storage(StorageError::NotDone(_)))));
    assert!(!site.store.exists(&site.key).await.unwrap(), "the row is gone all the same");
    // The end of the request tries again.
    flushed.asave().await.unwrap();
    assert!(!site.has_copy().await && site.load().await.is_empty());
}

/// A full memory or a full disk refuses to write and removes all the same.
#[tokio::test]
async fn a_cache_without_room_lets_go_of_old_copies() {
    let site = Site::new().await;
    let session = site.load().await;
    session.set("a", &2).unwrap();
    site.cache.fail_next(Operation::Replace, Fault::NotDone);
    session.asave().await.unwrap();
    assert!(!site.has_copy().await);
    assert_eq!(site.members().await, r#"{"a":2,"b":1}"#);

    assert!(site.has_copy().await, "the look has filled it");
    site.cache.fail_next(Operation::Bury, Fault::NotDone);
    site.store.session(Some(&site.key)).aflush().await.unwrap();
    assert!(!site.has_copy().await && site.load().await.is_empty());
}

#[tokio::test]
async fn a_change_of_key_is_not_done_while_the_old_copy_cannot_be_removed() {
    let site = Site::new().await;
    let session = site.load().await;
    site.cache.fail_next(Operation::Bury, Fault::NotDone);
    assert!(matches!(session.acycle_key().await, Err(SessionError::Storage(_))));
    assert_eq!(session.session_key().as_ref(), Some(&site.key));
    assert_eq!(site.members().await, r#"{"a":1,"b":1}"#);
    session.acycle_key().await.unwrap();
    assert_ne!(session.session_key().as_ref(), Some(&site.key));
}

#[tokio::test]
async fn a_copy_whose_outcome_is_unknown_does_not_stay() {
    for fault in [Fault::LostRequest, Fault::LostAnswer] {
        let site = Site::new().await;
        let session = site.load().await;
        session.set("a", &2).unwrap();
        site.cache.fail_next(Operation::Replace, fault);
        session.asave().await.unwrap();
        assert!(!site.has_copy().await, "{fault:?}");
        assert_eq!(site.members().await, r#"{"a":2,"b":1}"#);
    }
}

#[tokio::test]
async fn a_row_whose_outcome_is_unknown_takes_its_copy_along() {
    let site = Site::new().await;
    let session = site.load().await;
    session.set("a", &2).unwrap();
    site.database.fail_next(Operation::Replace, Fault::LostAnswer);
    site.database.fail_next(Operation::Read, Fault::NotDone);
    assert!(matches!(session.asave().await, Err(SessionError::Storage(StorageError::OutcomeUnknown(_)))));
    assert!(!site.has_copy().await);
    assert_eq!(site.members().await, r#"{"a":2,"b":1}"#, "it was done");
}

#[tokio::test]
async fn a_dropped_request_saves_both_or_neither() {
    let site = Site::new().await;
    let session = site.load().await;
    session.set("a", &2).unwrap();
    let (reached, done) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let (at_database, at_cache) = (Arc::clone(&reached), Arc::clone(&done));
    site.database.after(Operation::Replace, move || async move {
        at_database.notify_one();
        tokio::task::yield_now().await;
    });
    site.cache.after(Operation::Replace, move || async move { at_cache.notify_one() });
    {
        let save = session.asave();
        tokio::pin!(save);
        tokio::select! {
            biased;
            () = reached.notified() => {}
            saved = &mut save => panic!("{saved:?}"),
        }
    }
    done.notified().await;
    assert_eq!(site.members().await, r#"{"a":2,"b":1}"#);
}

#[tokio::test]
async fn what_is_no_session_in_the_cache_gives_way() {
    let site = Site::new().await;
    let name = site.cache_name();
    let replaced = site.cache.inner().replace(&name, Expect::Anything, New::of(b"not a pickle", Timestamp::MAX)).await;
    assert!(matches!(replaced.unwrap(), Replace::Replaced(_)));
    let session = site.load().await;
    assert_eq!(session.get::<u8>("a").unwrap(), Some(1));
    assert_eq!(site.costs(), (READ, [1, 0, 1, 0, 0, 0, 0]));
    session.set("a", &2).unwrap();
    session.asave().await.unwrap();
    assert_eq!(site.costs(), (REPLACE, REPLACE));
    assert_eq!(site.members().await, r#"{"a":2,"b":1}"#);
    assert_eq!(site.costs(), (NOTHING, READ));
}
