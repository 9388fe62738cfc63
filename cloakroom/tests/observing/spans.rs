//! Each operation of a session on its storage is a span, on every engine.

use cloakroom::storage::MemoryStorage;
use cloakroom::{Engine, EngineName, LazySession, SessionKey, SessionStore};
use tracing::{Instrument, Level};

use crate::engines::{Watched, local, timeless, watched};
use crate::visits::{self, visit};
use crate::{in_a_month, seen, settings, stored};

/// The one span since the last time; its round trips are those that the storages counted.
fn the_span(engine: &Watched, expected: &str) {
    let (spans, asked) = (seen::take(), engine.total());
    let what = format!("{}, {expected}: {spans:#?}", engine.name);
    assert_eq!(spans.iter().map(seen::Seen::brief).collect::<Vec<_>>(), [expected], "{what}");
    let span = &spans[0];
    assert_eq!((span.target, span.level), ("cloakroom", Level::DEBUG), "{what}");
    assert_eq!(span.field("engine"), engine.engine.name().as_str(), "{what}");
    assert_eq!(span.name, format!("session.{}", span.field("operation")), "{what}");
    assert_eq!(span.round_trips(), asked, "{what}");
}

#[tokio::test]
async fn each_operation_is_a_span_whose_round_trips_are_those_of_the_storage() {
    seen::look();
    for engine in watched() {
        let store = engine.store(settings());
        let see = |expected| the_span(&engine, expected);
        let key = stored(&store).await;
        see("session.save created");

        let session = store.session(Some(&key)).load().await.unwrap();
        see("session.load loaded");
        session.akeys().await.unwrap();
        assert!(seen::take().is_empty(), "what is loaded is not loaded again");
        session.set("visits", &1).unwrap();
        session.asave().await.unwrap();
        see("session.save saved");
        session.asave().await.unwrap();
        see("session.save prolonged");
        session.aload().await.unwrap();
        see("session.load loaded");

        session.acycle_key().await.unwrap();
        see("session.change_key changed_key");
        let key = session.session_key().unwrap();
        assert!(store.exists(&key).await.unwrap());
        see("session.exists found");
        assert!(!store.exists(&SessionKey::generate()).await.unwrap());
        see("session.exists nothing");
        store.session(Some(&SessionKey::generate())).load().await.unwrap();
        see("session.load nothing");

        let other = store.session(Some(&key)).load().await.unwrap();
        other.set("theirs", &1).unwrap();
        session.set("ours", &1).unwrap();
        other.asave().await.unwrap();
        seen::take();
        engine.total();
        session.asave().await.unwrap();
        assert_eq!(seen::take().iter().map(|span| span.field("merges")).collect::<Vec<_>>(), ["1"], "{}", engine.name);
        let calls = engine.take_calls();
        assert_eq!((calls[0].read, calls[0].replace), (1, 2), "{}", engine.name);

        store.delete(&key).await.unwrap();
        see("session.delete removed");
        store.delete(&key).await.unwrap();
        see("session.delete missing");
        session.set("visits", &2).unwrap();
        session.asave().await.unwrap_err();
        see("session.save missing");

        let ends = store.session(Some(&stored(&store).await));
        see("session.save created");
        ends.aflush().await.unwrap();
        see("session.flush removed");
        ends.aflush().await.unwrap();
        assert!(seen::take().is_empty(), "there was nothing to end");

        store.clear_expired().await.unwrap();
        see("session.clear_expired complete");
        let shown = seen::shown();
        assert!(shown.contains("session.flush"));
        assert!(!shown.contains(key.as_str()) && !shown.contains(seen::DATA), "{shown}");
    }
}

#[tokio::test]
async fn it_is_the_same_on_every_engine_of_this_process() {
    seen::look();
    for place in local().await {
        let store = place.store(settings());
        let key = stored(&store).await;
        let session = store.session(Some(&key)).load().await.unwrap();
        session.set("visits", &1).unwrap();
        session.asave().await.unwrap();
        session.acycle_key().await.unwrap();
        session.aflush().await.unwrap();
        let expected = [
            "session.save created",
            "session.load loaded",
            "session.save saved",
            "session.change_key changed_key",
            "session.flush removed",
        ];
        let spans = seen::take();
        assert_eq!(spans.iter().map(seen::Seen::brief).collect::<Vec<_>>(), expected, "{}", place.name);
        for span in spans {
            assert_eq!(span.field("engine"), store.engine().as_str());
            assert!((1..=4).contains(&span.round_trips()), "{}: {span:?}", place.name);
        }
    }
}

#[tokio::test]
async fn a_cookie_is_opened_and_signed_without_a_round_trip() {
    seen::look();
    let store = SessionStore::signed_cookies(settings()).unwrap();
    let key = stored(&store).await;
    let session = store.session(Some(&key)).load().await.unwrap();
    session.set("visits", &1).unwrap();
    session.asave().await.unwrap();
    store.session_from_cookie(Some("nothing:that:holds")).load().await.unwrap();
    store.session(None).load().await.unwrap();
    store.delete(&key).await.unwrap();
    let spans = seen::take();
    let expected = [
        "session.save created",
        "session.load loaded",
        "session.save saved",
        "session.load nothing",
        "session.delete missing",
    ];
    assert_eq!(spans.iter().map(seen::Seen::brief).collect::<Vec<_>>(), expected);
    assert!(spans.iter().all(|span| span.round_trips() == 0 && span.field("engine") == "signed_cookies"));
    assert!(!seen::shown().contains(key.as_str()));
}

#[tokio::test]
async fn a_request_that_leaves_its_session_alone_is_no_span_and_others_are_within_their_request() {
    seen::look();
    let store = SessionStore::memory(settings()).unwrap();
    let key = stored(&store).await;
    seen::take();
    visit(&store, Some(key.as_str()), visits::ok).await;
    visit(&store, None, visits::ok).await;
    assert!(seen::take().is_empty());

    visit(&store, Some(key.as_str()), visits::set).instrument(tracing::info_span!("request")).await;
    let spans = seen::take();
    assert_eq!(spans.iter().map(|span| span.name).collect::<Vec<_>>(), ["session.load", "session.save", "request"]);
    assert_eq!([spans[0].parent, spans[1].parent], [Some("request"); 2]);

    let both = |session: LazySession| async move {
        session.load().await?.cycle_key();
        session.aset("a", &2).await
    };
    visit(&store, Some(key.as_str()), both).await;
    assert_eq!(seen::briefly(), ["session.load loaded", "session.change_key changed_key"]);
}

#[tokio::test]
async fn what_has_expired_or_nobody_can_read_is_told_apart() {
    seen::look();
    let storage = timeless();
    let store = SessionStore::db(storage.clone(), settings()).unwrap();
    let key = stored(&store).await;
    let others = SessionStore::db(storage.clone(), settings().secret_key("another secret")).unwrap();
    seen::take();
    others.session(Some(&key)).load().await.unwrap();
    assert_eq!(seen::briefly(), ["session.load unreadable"]);
    in_a_month(&store).session(Some(&key)).load().await.unwrap();
    assert_eq!(seen::briefly(), ["session.load expired"]);

    assert_eq!(in_a_month(&store).clear_expired().await.unwrap(), 1);
    let spans = seen::take();
    assert_eq!((spans[0].brief().as_str(), spans[0].field("removed")), ("session.clear_expired complete", "1"));
    cloakroom::Clearing::of_storage(storage).max_rows(0).run().await.unwrap();
    let spans = seen::take();
    assert_eq!((spans[0].field("engine"), spans[0].field("outcome")), ("none", "max_rows"));
}

#[tokio::test]
async fn a_log_line_is_within_the_span_of_its_operation_also_where_the_work_has_a_task_of_its_own() {
    use cloakroom::testing::{Fault, Operation, SpyStorage};

    seen::look();
    let (database, cache) = (MemoryStorage::new(), SpyStorage::new(MemoryStorage::new()));
    let store = SessionStore::new(Engine::cached_db(database, cache.clone()), settings()).unwrap();
    assert_eq!(store.engine(), EngineName::CachedDb);
    seen::take_lines();
    cache.fail_next(Operation::Insert, Fault::NotDone);
    stored(&store).await;
    let lines = seen::take_lines();
    assert!(lines[0].0.contains("the cache did not take a copy"), "{lines:?}");
    assert_eq!(lines.iter().map(|(_, span)| *span).collect::<Vec<_>>(), [Some("session.save")]);
}
