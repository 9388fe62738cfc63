//! A memcached that stops, dies, stands still or cuts the line: typed errors in time, nothing overwritten, no answer
//! for anybody else, and the next request after its return works.
#![cfg(feature = "memcached")]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/memcached.rs"]
mod memcached;

use std::future::{Future, poll_fn};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use cloakroom::Timestamp;
use cloakroom::storage::memcached::MemcachedOptions;
use cloakroom::storage::{
    Expect, Insert, MemcachedStorage, New, Remove, Replace, Storage, StorageError, Touch, Version,
};
use memcached::{options, several, start, storage};
use test_servers::{Memcached, Proxy};

/// One second unless told, and some for a busy machine.
const IN_TIME: Duration = Duration::from_secs(5);

const NEW: New<'_> = New::of(b"data", Timestamp::MAX);
const NEXT: New<'_> = New::of(b"next", Timestamp::MAX);

fn at(port: u16) -> MemcachedOptions {
    MemcachedOptions::new([format!("127.0.0.1:{port}")]).unwrap()
}

async fn inserted(storage: &MemcachedStorage, name: &str) -> Version {
    match storage.insert(name, NEW).await.unwrap() {
        Insert::Inserted(version) => version,
        Insert::Exists => panic!("{name} is taken"),
    }
}

async fn in_time<T>(what: impl Future<Output = Result<T, StorageError>>) -> StorageError {
    let started = Instant::now();
    let error = what.await.map(drop).unwrap_err();
    assert!(started.elapsed() < IN_TIME, "{:?}", started.elapsed());
    error
}

async fn certainly_not<T>(what: impl Future<Output = Result<T, StorageError>>) {
    let error = in_time(what).await;
    assert!(matches!(error, StorageError::NotDone(_)), "{error:?}");
}

async fn unknown<T>(what: impl Future<Output = Result<T, StorageError>>) {
    let error = in_time(what).await;
    assert!(matches!(error, StorageError::OutcomeUnknown(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_down_is_an_error_and_the_next_request_after_its_return_works() {
    let Some(mut server) = start(Memcached::start).await else { return };
    let storage = storage(&server);
    for end in [Memcached::stop, Memcached::kill] {
        let version = inserted(&storage, "a").await;
        let expect = Expect::Version(&version);
        end(&mut server);
        // Whoever holds a connection that was ended learns it before anything is sent, or at once.
        for _ in 0..2 {
            certainly_not(storage.read("a")).await;
            certainly_not(storage.insert("a", NEW)).await;
            certainly_not(storage.replace("a", expect, NEXT)).await;
            certainly_not(storage.touch("a", expect, Timestamp::MAX)).await;
            certainly_not(storage.remove("a", expect)).await;
            certainly_not(storage.bury("a", NEXT)).await;
            certainly_not(storage.rename("a", "b", expect, NEXT)).await;
        }
        server.restart();
        assert!(storage.read("a").await.unwrap().is_none(), "it comes back empty");
    }
    // Connections that died while nobody used them: each kind of request works at once.
    let version = inserted(&storage, "a").await;
    let expect = Expect::Version(&version);
    server.restart();
    assert_eq!(storage.replace("a", expect, NEXT).await.unwrap(), Replace::Missing);
    server.restart();
    assert_eq!(storage.remove("a", expect).await.unwrap(), Remove::Missing);
    server.restart();
    assert_eq!(storage.touch("a", expect, Timestamp::MAX).await.unwrap(), Touch::Missing);
    server.restart();
    inserted(&storage, "a").await;
    server.restart();
    storage.bury("a", NEXT).await.unwrap();
}

/// memcached numbers its writes from 1 again after a restart: the numbers alone would agree.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_from_before_a_restart_matches_nothing_after_it() {
    let Some(mut server) = start(Memcached::start).await else { return };
    let storage = storage(&server);
    let old = inserted(&storage, "a").await;
    let number = server.get(":1:a").unwrap().cas;
    // The next second: a run is told by its process and the second of its start.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    server.restart();
    let current = inserted(&storage, "a").await;
    assert_eq!(server.get(":1:a").unwrap().cas, number, "the test is about equal numbers");
    assert_ne!(old, current);
    let expect = Expect::Version(&old);
    assert_eq!(storage.replace("a", expect, NEXT).await.unwrap(), Replace::Changed);
    assert_eq!(storage.touch("a", expect, Timestamp::MAX).await.unwrap(), Touch::Changed);
    assert_eq!(storage.remove("a", expect).await.unwrap(), Remove::Changed);
    assert_eq!(storage.read("a").await.unwrap().unwrap().version, current);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_is_given_up_in_time_and_nothing_is_overwritten() {
    let Some(server) = start(Memcached::start).await else { return };
    let storage = storage(&server);
    let version = inserted(&storage, "a").await;
    let expect = Expect::Version(&version);
    server.pause();
    // The connection that is open: what is sent there may be done when the server goes on.
    unknown(storage.replace("a", expect, NEXT)).await;
    // New ones get no further than the greeting.
    certainly_not(storage.read("a")).await;
    certainly_not(storage.replace("a", expect, New::of(b"later", Timestamp::MAX))).await;
    certainly_not(storage.insert("b", NEW)).await;
    certainly_not(storage.remove("a", expect)).await;
    server.resume();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let stored = storage.read("a").await.unwrap().unwrap();
    assert!(stored.data == "next" || stored.data == "data");
    assert!(storage.read("b").await.unwrap().is_none());
    // A write that was given up and is carried out late never goes over somebody else's.
    let version = stored.version;
    server.pause();
    unknown(storage.replace("a", Expect::Version(&version), New::of(b"late", Timestamp::MAX))).await;
    server.resume();
    for _ in 0..50 {
        let Some(stored) = storage.read("a").await.unwrap() else { panic!() };
        let expect = Expect::Version(&stored.version);
        if let Replace::Replaced(_) = storage.replace("a", expect, New::of(b"others", Timestamp::MAX)).await.unwrap() {
            break;
        }
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(storage.read("a").await.unwrap().unwrap().data, "others");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_outs_are_those_that_were_set() {
    let Some(server) = start(Memcached::start).await else { return };
    let storage = options([&server]).timeout(Duration::from_millis(300)).max_connections(1).open();
    inserted(&storage, "a").await;
    server.pause();
    let started = Instant::now();
    // They wait for one connection, all at once.
    let all: Vec<_> = (0..20)
        .map(|_| {
            let storage = storage.clone();
            tokio::spawn(async move { storage.read("a").await })
        })
        .collect();
    for one in all {
        assert!(matches!(one.await.unwrap(), Err(StorageError::NotDone(_))));
    }
    assert!(started.elapsed() < IN_TIME, "{:?}", started.elapsed());
    server.resume();
    assert!(storage.read("a").await.unwrap().is_some());
    // A port where connections are neither accepted nor refused.
    let full = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = full.local_addr().unwrap().port();
    let storage = at(port).connect_timeout(Duration::from_millis(200)).open();
    let started = Instant::now();
    certainly_not(storage.insert("a", NEW)).await;
    assert!(started.elapsed() < IN_TIME);
}

/// Stands before a server and, when told, passes a request on but cuts the line instead of bringing the answer.
struct Cutter {
    port: u16,
    cut: Arc<AtomicBool>,
}

impl Cutter {
    fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&cut);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                });
                let (mut from, mut to, told) = (server, client, Arc::clone(&told));
                std::thread::spawn(move || {
                    let mut bytes = [0; 65_536];
                    while let Ok(count @ 1..) = from.read(&mut bytes) {
                        if told.load(Ordering::SeqCst) || to.write_all(&bytes[..count]).is_err() {
                            break;
                        }
                    }
                    let _ = to.shutdown(Shutdown::Both);
                    let _ = from.shutdown(Shutdown::Both);
                });
            }
        });
        Self { port, cut }
    }

    /// The next answer is cut off.
    fn cut(&self, yes: bool) {
        self.cut.store(yes, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_cut_after_a_write_was_sent_leaves_its_outcome_unknown() {
    let Some(server) = start(Memcached::start).await else { return };
    let cutter = Cutter::before(server.port());
    let storage = at(cutter.port).open();
    let version = inserted(&storage, "a").await;
    let expect = Expect::Version(&version);
    cutter.cut(true);
    unknown(storage.replace("a", expect, NEXT)).await;
    cutter.cut(false);
    assert_eq!(server.get(":1:a").unwrap().data, b"next", "it was done");
    assert_eq!(storage.replace("a", expect, NEXT).await.unwrap(), Replace::Changed);

    cutter.cut(true);
    unknown(storage.insert("b", NEW)).await;
    cutter.cut(false);
    assert_eq!(storage.insert("b", NEW).await.unwrap(), Insert::Exists);
    cutter.cut(true);
    unknown(storage.remove("b", Expect::Present)).await;
    cutter.cut(false);
    assert!(storage.read("b").await.unwrap().is_none());
    cutter.cut(true);
    unknown(storage.bury("b", NEW)).await;
    cutter.cut(false);
    assert!(storage.read("b").await.unwrap().is_some());
    // A read on a connection that dies is tried once more, on a new one, and gives up there.
    cutter.cut(true);
    certainly_not(storage.read("a")).await;
    cutter.cut(false);
    assert!(storage.read("a").await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_is_one_round_trip() {
    let Some(server) = start(Memcached::start).await else { return };
    let proxy = Proxy::before(server.port());
    let storage = at(proxy.port()).max_connections(1).open();
    for round in 0..3 {
        let count = |what: &str, expected: usize| {
            let found = proxy.round_trips();
            // The first asks the server what it is, too.
            let expected = if (round, what) == (0, "insert") { 2 } else { expected };
            assert_eq!(found, expected, "{what}");
        };
        let version = inserted(&storage, "a").await;
        count("insert", 1);
        assert_eq!(storage.insert("a", NEW).await.unwrap(), Insert::Exists);
        count("insert of a taken name", 1);
        storage.read("a").await.unwrap().unwrap();
        count("read", 1);
        let expect = Expect::Version(&version);
        assert_eq!(storage.touch("a", expect, Timestamp::MAX).await.unwrap(), Touch::Touched);
        count("touch that compares", 2);
        assert_eq!(storage.touch("a", Expect::Present, Timestamp::MAX).await.unwrap(), Touch::Touched);
        count("touch", 1);
        let Replace::Replaced(version) = storage.replace("a", expect, NEXT).await.unwrap() else { panic!() };
        count("replace", 1);
        assert_eq!(storage.replace("a", expect, NEXT).await.unwrap(), Replace::Changed);
        count("replace of what has changed", 1);
        let expect = Expect::Version(&version);
        let _ = storage.rename("a", "b", expect, NEXT).await.unwrap();
        count("rename", 2);
        assert_eq!(storage.replace("a", expect, NEXT).await.unwrap(), Replace::Missing);
        count("replace of nothing", 1);
        storage.bury("b", NEXT).await.unwrap();
        count("bury", 1);
        assert_eq!(storage.remove("b", expect).await.unwrap(), Remove::Changed);
        count("remove of what has changed", 1);
        assert_eq!(storage.remove("b", Expect::Present).await.unwrap(), Remove::Removed);
        count("remove", 1);
        let large = vec![b'x'; 1_000_000];
        let _ = storage.insert("large", New::of(&large, Timestamp::MAX)).await.unwrap();
        count("insert of a megabyte", 1);
        storage.read("large").await.unwrap().unwrap();
        count("read of a megabyte", 1);
        let _ = storage.remove("large", Expect::Anything).await.unwrap();
        count("remove", 1);
    }
}

/// Polls so many times at most and drops what is left.
async fn poll_at_most<T>(times: usize, future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut polls) = (pin!(future), 0);
    poll_fn(|context| {
        if polls == times {
            return Poll::Ready(None);
        }
        polls += 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// Each connection serves one after the other: an answer that nobody waited for would reach the next one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_operation_dropped_at_any_point_leaves_no_answer_for_the_next() {
    let Some(server) = start(Memcached::start).await else { return };
    let storage = options([&server]).max_connections(2).timeout(Duration::from_secs(30)).open();
    let dropped = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..8_usize)
        .map(|task| {
            let (storage, dropped) = (storage.clone(), Arc::clone(&dropped));
            tokio::spawn(async move {
                let name = format!("name{task}");
                let mine = format!("data of {task}");
                let new = New::of(mine.as_bytes(), Timestamp::MAX);
                assert!(matches!(storage.insert(&name, new).await.unwrap(), Insert::Inserted(_)));
                for round in 0..400 {
                    let times = round % 7;
                    let other = format!("other{task}-{round}");
                    let gone = match round % 6 {
                        0 => poll_at_most(times, storage.read(&name)).await.is_none(),
                        1 => poll_at_most(times, storage.insert(&other, new)).await.is_none(),
                        2 => poll_at_most(times, storage.replace(&name, Expect::Present, new)).await.is_none(),
                        3 => poll_at_most(times, storage.touch(&name, Expect::Present, Timestamp::MAX)).await.is_none(),
                        4 => poll_at_most(times, storage.remove(&other, Expect::Anything)).await.is_none(),
                        _ => poll_at_most(times, storage.bury(&name, new)).await.is_none(),
                    };
                    dropped.fetch_add(usize::from(gone), Ordering::Relaxed);
                    let stored = storage.read(&name).await.unwrap().unwrap();
                    assert_eq!(stored.data, mine.as_bytes(), "{round}");
                    assert!(storage.read(&format!("nothing{task}")).await.unwrap().is_none(), "{round}");
                    let _ = storage.remove(&other, Expect::Anything).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(dropped.load(Ordering::Relaxed) > 500, "{dropped:?} were dropped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_several_servers_that_is_down_is_an_error_for_its_entries_only() {
    let Some(mut servers) = several(3).await else { return };
    let storage = options(&servers).open();
    let names: Vec<_> = (0..60).map(|n| format!("name{n}")).collect();
    for name in &names {
        inserted(&storage, name).await;
    }
    servers[1].kill();
    let (mut refused, mut read) = (0, 0);
    for _ in 0..3 {
        for name in &names {
            if storage.server_of(name) == 1 {
                certainly_not(storage.read(name)).await;
                certainly_not(storage.insert(name, NEW)).await;
                refused += 1;
            } else {
                assert!(storage.read(name).await.unwrap().is_some());
                read += 1;
            }
        }
    }
    assert!(refused > 0 && read > 0);
    for name in names.iter().filter(|name| storage.server_of(name) == 1) {
        for other in [0, 2] {
            assert!(servers[other].get(&format!(":1:{name}")).is_none(), "no entry has moved");
        }
    }
    servers[1].restart();
    for name in &names {
        assert_eq!(storage.read(name).await.unwrap().is_some(), storage.server_of(name) != 1);
    }
}

/// What is not memcached, or another's answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_speaks_something_else_is_an_error() {
    let greeting = "STAT pid 1\r\nSTAT uptime 5\r\nSTAT time 9\r\nEND\r\nSTAT item_size_max 1048576\r\nEND\r\n";
    let long = format!("{greeting}{}", "x".repeat(5_000));
    let cases = [
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "",
        "ERROR\r\nERROR\r\n",
        "STAT pid 1\r\nEND\r\nEND\r\n",
        &format!("{greeting}VALUE :1:b 1 4 5\r\ndata\r\nEND\r\n"),
        &format!("{greeting}VALUE :1:a 1 99999999999 5\r\ndata\r\nEND\r\n"),
        &format!("{greeting}VALUE :1:a 1 -1 5\r\ndata\r\nEND\r\n"),
        &format!("{greeting}VALUE :1:a 1 3 5\r\ndata\r\nEND\r\n"),
        &format!("{greeting}VALUE :1:a 1 4\r\ndata\r\nEND\r\n"),
        &format!("{greeting}SERVER_ERROR busy\r\n"),
        &format!("{greeting}\u{fffd}\r\n"),
        &long,
    ];
    for case in cases {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = case.to_owned();
        std::thread::spawn(move || {
            for mut client in listener.incoming().map_while(Result::ok) {
                let _ = client.write_all(answer.as_bytes());
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let storage = at(port).open();
        certainly_not(storage.read("a")).await;
        let error = in_time(storage.insert("a", NEW)).await;
        assert!(matches!(error, StorageError::NotDone(_) | StorageError::OutcomeUnknown(_)), "{case}: {error:?}");
    }
}
