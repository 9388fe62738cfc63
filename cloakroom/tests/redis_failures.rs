//! A Redis that stops, dies, stands still, refuses or changes: typed errors in time, nothing overwritten, and the next
//! request after its return works.
#![cfg(feature = "redis")]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/redis.rs"]
mod redis_server;

use std::time::{Duration, Instant};

use cloakroom::storage::redis::RedisOptions;
use cloakroom::storage::{Expect, Insert, New, RedisStorage, Remove, Replace, Storage, StorageError, Touch};
use cloakroom::{Engine, Session, SessionError, SessionKey, SessionStore, Settings, Timestamp};
use redis_server::{in_seconds, options, own};
use test_servers::{PASSWORD, Proxy};

/// What a request may wait at the defaults: a write, a look at what became of it, and some time of this machine's.
const IN_TIME: Duration = Duration::from_secs(10);

const NEW: New<'_> = New::of(b"data", Timestamp::MAX);
const NEXT: New<'_> = New::of(b"next", Timestamp::MAX);

/// Loses nothing when it is killed.
const KEEPS: &[&str] = &["appendonly yes", "appendfsync always"];

fn store(storage: RedisStorage) -> SessionStore {
    SessionStore::new(Engine::cache(storage), Settings::new()).unwrap()
}

async fn saved(store: &SessionStore) -> (Session, SessionKey) {
    let session = store.session(None).load().await.unwrap();
    session.set("name", "Ada").unwrap();
    session.asave().await.unwrap();
    let key = session.session_key().unwrap();
    (store.session(Some(&key)).load().await.unwrap(), key)
}

/// An error that says that the storage did not answer, in time, without the key in it.
async fn fails_in_time<T>(what: impl Future<Output = Result<T, SessionError>>, key: &SessionKey) {
    let started = Instant::now();
    let error = what.await.map(drop).unwrap_err();
    assert!(started.elapsed() < IN_TIME, "{:?}", started.elapsed());
    assert!(matches!(error, SessionError::Storage(_)), "{error:?}");
    let source = std::error::Error::source(&error).map(|source| format!("{source:?}"));
    assert!(!format!("{error:?} {source:?}").contains(key.as_str()));
}

fn cause(error: StorageError) -> String {
    match error {
        StorageError::NotDone(source) => source.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_or_dies_and_comes_back() {
    let Some(mut server) = own(KEEPS).await else { return };
    let store = store(options(server.port(), 1).open());
    for round in ["stop", "kill"] {
        let (session, key) = saved(&store).await;
        let (other, _) = saved(&store).await;
        session.set("name", "Bob").unwrap();
        match round {
            "stop" => server.stop(),
            _ => server.kill(),
        }
        fails_in_time(session.asave(), &key).await;
        fails_in_time(async { store.session(Some(&key)).load().await }, &key).await;
        fails_in_time(async { store.session(None).acreate().await }, &key).await;
        server.restart();
        // The very next request of each kind: a read, a save, a new session, a logout.
        let loaded = store.session(Some(&key)).load().await.unwrap();
        assert_eq!(loaded.get::<String>("name").unwrap().unwrap(), "Ada", "{round}");
        session.asave().await.unwrap();
        server.restart();
        store.session(None).acreate().await.unwrap();
        server.restart();
        other.set("name", "Eve").unwrap();
        other.asave().await.unwrap();
        server.restart();
        store.delete(&key).await.unwrap();
        assert!(!store.exists(&key).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_is_given_up_in_time_and_nothing_is_overwritten() {
    let Some(server) = own(&[]).await else { return };
    let store = store(options(server.port(), 1).open());
    let (session, key) = saved(&store).await;
    session.set("name", "Bob").unwrap();
    server.pause();
    fails_in_time(session.asave(), &key).await;
    fails_in_time(async { store.session(Some(&key)).load().await }, &key).await;
    fails_in_time(async { store.session(None).acreate().await }, &key).await;
    fails_in_time(store.delete(&key), &key).await;
    server.resume();
    // What was sent may take effect now: a save or the logout, but nothing else, and the next request works.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let loaded = store.session(Some(&key)).load().await.unwrap();
    let found = loaded.get::<String>("name").unwrap();
    assert!(matches!(found.as_deref(), None | Some("Ada" | "Bob")), "{found:?}");
}

/// A save that was given up and is carried out later compares then too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_comes_late_overwrites_nothing() {
    let Some(server) = own(&[]).await else { return };
    let storage = options(server.port(), 1).timeout(Duration::from_millis(200)).open();
    let Insert::Inserted(version) = storage.insert("a", NEW).await.unwrap() else { panic!() };
    // Known to the server by name, and the connection is there.
    let _ = storage.replace("a", Expect::Version(&version), NEW).await.unwrap();
    server.pause();
    let late = storage.replace("a", Expect::Version(&version), NEXT).await.unwrap_err();
    assert!(matches!(late, StorageError::OutcomeUnknown(_)), "{late:?}");
    // Nothing was sent on a connection that cannot be made.
    let started = Instant::now();
    let unsent = storage.replace("a", Expect::Version(&version), NEXT).await.unwrap_err();
    assert!(matches!(unsent, StorageError::NotDone(_)), "{unsent:?}");
    assert!(started.elapsed() < IN_TIME);
    server.resume();
    let other = New::of(b"other", Timestamp::MAX);
    let answer = storage.replace("a", Expect::Version(&version), other).await.unwrap();
    let expected: &[u8] = if answer == Replace::Changed { b"next" } else { b"other" };
    assert_eq!(storage.read("a").await.unwrap().unwrap().data, expected);
}

/// The line is cut while the server works on it: a read is repeated, what became of a write is found out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_is_cut_after_the_command_was_sent() {
    let Some(server) = own(&[]).await else { return };
    let proxy = Proxy::before(server.port());
    let storage = options(proxy.port(), 1).timeout(Duration::from_secs(3)).open();
    let store = store(storage.clone());
    let (session, key) = saved(&store).await;
    let _ = storage.insert("a", NEW).await.unwrap();
    for write in [false, true] {
        server.pause();
        let asked = {
            let storage = storage.clone();
            tokio::spawn(async move {
                if write {
                    storage.replace("a", Expect::Present, NEXT).await.map(drop)
                } else {
                    storage.read("a").await.map(drop)
                }
            })
        };
        tokio::time::sleep(Duration::from_millis(200)).await;
        proxy.cut();
        tokio::time::sleep(Duration::from_millis(50)).await;
        server.resume();
        let answer = asked.await.unwrap();
        assert!(
            if write { matches!(answer, Err(StorageError::OutcomeUnknown(_))) } else { answer.is_ok() },
            "{answer:?}"
        );
    }
    // The engine sees to it: the save is done, once.
    session.set("name", "Bob").unwrap();
    storage.read("a").await.unwrap().unwrap();
    server.pause();
    let saving = tokio::spawn(async move { session.asave().await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    proxy.cut();
    server.resume();
    saving.await.unwrap().unwrap();
    let loaded = store.session(Some(&key)).load().await.unwrap();
    assert_eq!(loaded.get::<String>("name").unwrap().unwrap(), "Bob");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_refuses_was_not_done_and_says_what_to_do() {
    let Some(server) = own(&["maxmemory-policy noeviction"]).await else { return };
    let storage = options(server.port(), 1).open();
    let Insert::Inserted(version) = storage.insert("a", NEW).await.unwrap() else { panic!() };
    let expect = Expect::Version(&version);
    server.command(0, &["CONFIG", "SET", "maxmemory", "1"]);
    let refused = [
        storage.insert("b", NEW).await.map(drop),
        storage.replace("a", expect, NEXT).await.map(drop),
        storage.rename("a", "b", expect, NEXT).await.map(drop),
        storage.bury("a", NEXT).await,
    ];
    for error in refused {
        let text = cause(error.unwrap_err());
        assert!(text.starts_with("OOM") && text.contains("maxmemory-policy"), "{text}");
    }
    // What needs no memory is done.
    assert_eq!(storage.touch("a", expect, in_seconds(60.0)).await.unwrap(), Touch::Touched);
    assert_eq!(storage.read("a").await.unwrap().unwrap().data, "data");
    assert!(storage.read("b").await.unwrap().is_none());
    assert_eq!(storage.remove("a", expect).await.unwrap(), Remove::Removed);
    server.command(0, &["CONFIG", "SET", "maxmemory", "0"]);

    // Something else under a session's key: never overwritten.
    server.command(1, &["RPUSH", ":1:list", "x"]);
    let damaged = [
        storage.read("list").await.map(drop),
        storage.replace("list", Expect::Present, NEW).await.map(drop),
        storage.touch("list", expect, Timestamp::MAX).await.map(drop),
        storage.remove("list", expect).await.map(drop),
        storage.rename("list", "b", Expect::Present, NEW).await.map(drop),
    ];
    for error in damaged {
        assert!(matches!(error, Err(StorageError::Damaged(_))), "{error:?}");
    }
    assert_eq!(storage.insert("list", NEW).await.unwrap(), Insert::Exists);
    assert_eq!(server.command(1, &["LLEN", ":1:list"]), "1");
    assert!(storage.scan(None, 100).await.unwrap().entries.is_empty());

    // A script that blocks the server.
    server.command(0, &["CONFIG", "SET", "busy-reply-threshold", "50"]);
    let endless = std::thread::scope(|scope| {
        let endless = scope.spawn(|| server.command(0, &["EVAL", "while true do end", "0"]));
        std::thread::sleep(Duration::from_millis(300));
        let busy = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(storage.read("a")));
        let text = cause(busy.unwrap_err());
        assert!(text.starts_with("BUSY"), "{text}");
        server.command(0, &["SCRIPT", "KILL"]);
        endless.join().unwrap()
    });
    assert!(endless.contains("killed"), "{endless}");
    storage.read("a").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_starts_while_its_redis_is_down_and_errors_keep_the_password() {
    let Some(mut server) = own(&[]).await else { return };
    let url = server.url(server.port(), 1);
    server.stop();
    let options = RedisOptions::from_url(&url).unwrap();
    assert!(!format!("{options:?}").contains(PASSWORD));
    let storage = options.open();
    assert!(!format!("{storage:?}").contains(PASSWORD));
    let started = Instant::now();
    let error = storage.insert("a", NEW).await.unwrap_err();
    assert!(matches!(error, StorageError::NotDone(_)) && started.elapsed() < IN_TIME);
    assert!(!format!("{error:?}").contains(PASSWORD));
    server.restart();
    assert!(matches!(storage.insert("a", NEW).await, Ok(Insert::Inserted(_))));
}

/// An application's own connections: one that comes back, and one that does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_applications_connections_under_failure() {
    let Some(mut server) = own(KEEPS).await else { return };
    let client = redis::Client::open(server.url(server.port(), 1)).unwrap();
    let manager = RedisStorage::from_connection(client.get_connection_manager().await.unwrap()).open();
    let multiplexed = RedisStorage::from_connection(client.get_multiplexed_async_connection().await.unwrap()).open();
    let _ = manager.insert("a", NEW).await.unwrap();
    multiplexed.read("a").await.unwrap().unwrap();
    server.kill();
    for storage in [&manager, &multiplexed] {
        let started = Instant::now();
        assert!(matches!(storage.read("a").await, Err(StorageError::NotDone(_))));
        assert!(storage.replace("a", Expect::Present, NEXT).await.is_err());
        assert!(started.elapsed() < IN_TIME);
    }
    server.restart();
    let end = Instant::now() + Duration::from_secs(10);
    while manager.read("a").await.is_err() {
        assert!(Instant::now() < end, "the manager does not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(matches!(multiplexed.read("a").await, Err(StorageError::NotDone(_))));
}
