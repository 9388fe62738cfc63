//! The public contract suites on memcached, and how entries are framed there.
#![cfg(feature = "memcached")]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/memcached.rs"]
mod memcached;

use std::time::Duration;

use cloakroom::storage::memcached::MemcachedPlacement;
use cloakroom::storage::{
    CacheKey, Expect, Insert, MemcachedStorage, New, Remove, Replace, Storage, StorageError, Touch,
};
use cloakroom::testing::{StorageContract, session_contract};
use cloakroom::{Clock, Engine, SessionStore, Settings, Timestamp};
use memcached::{options, several, start, start_all, storage};
use test_servers::Memcached;

const CONTRACT: StorageContract = StorageContract::new().unknown_expiry().largest((1 << 20) - 300);

async fn keeps_the_contract(storage: MemcachedStorage) {
    CONTRACT.run(async || storage.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memcached_keeps_the_contract() {
    let Some(server) = start(Memcached::start).await else { return };
    keeps_the_contract(storage(&server)).await;
    keeps_the_contract(options([&server]).max_connections(1).timeout(Duration::from_secs(20)).open()).await;
}

#[tokio::test]
async fn memcached_keeps_the_contract_on_one_thread() {
    let Some(server) = start(Memcached::start).await else { return };
    keeps_the_contract(storage(&server)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memcached_over_ipv6_keeps_the_contract() {
    let Some(server) = start(Memcached::start_on_ipv6).await else { return };
    keeps_the_contract(storage(&server)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memcached_behind_a_unix_socket_keeps_the_contract() {
    let Some(server) = start(Memcached::start_on_socket).await else { return };
    keeps_the_contract(storage(&server)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_servers_keep_the_contract() {
    let how = vec![Memcached::start as fn() -> _, Memcached::start, Memcached::start_on_socket];
    let Some(servers) = start_all(how).await else { return };
    for placement in [MemcachedPlacement::Rendezvous, MemcachedPlacement::Modulo] {
        keeps_the_contract(options(&servers).placement(placement).open()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_on_memcached_keep_what_sessions_promise() {
    let Some(servers) = several(2).await else { return };
    session_contract(async || SessionStore::new(Engine::cache(options(&servers).open()), Settings::new()).unwrap())
        .await;
}

fn in_seconds(seconds: f64) -> Timestamp {
    Timestamp::now().checked_add_seconds(seconds).unwrap()
}

#[tokio::test]
async fn entries_are_framed_as_django_frames_them() {
    let Some(server) = start(Memcached::start).await else { return };
    let storage = options([&server]).key(CacheKey::new("shop", "2")).open();
    let ttl = |name: &str| server.ttl(&format!("shop:2:{name}"));
    let near = |found: Option<u32>, expected: u32| found.is_some_and(|found| expected.abs_diff(found) <= 2);

    let Insert::Inserted(version) = storage.insert("a", New::of(b"data", in_seconds(99.2))).await.unwrap() else {
        panic!()
    };
    let item = server.get("shop:2:a").unwrap();
    assert_eq!((item.flags, item.data.as_slice()), (1, b"data".as_slice()));
    assert!(near(ttl("a"), 100));

    // Past thirty days memcached takes the number for a moment.
    let expect = Expect::Version(&version);
    let Replace::Replaced(version) = storage.replace("a", expect, New::of(b"more", in_seconds(3e6))).await.unwrap()
    else {
        panic!()
    };
    assert!(near(ttl("a"), 3_000_000));
    let expect = Expect::Version(&version);
    assert_eq!(storage.touch("a", expect, in_seconds(4e6)).await.unwrap(), Touch::Touched);
    assert!(near(ttl("a"), 4_000_000));
    assert_eq!(storage.touch("a", expect, in_seconds(50.0)).await.unwrap(), Touch::Touched);
    assert!(near(ttl("a"), 50));
    storage.bury("a", New::of(b"marker", in_seconds(3e6))).await.unwrap();
    assert!(near(ttl("a"), 3_000_000));
    let item = server.get("shop:2:a").unwrap();
    assert_eq!((item.flags, item.data.as_slice()), (1, b"marker".as_slice()));

    // Later than it can be told is for ever.
    let _ = storage.insert("b", New::of(b"data", Timestamp::MAX)).await.unwrap();
    assert_eq!((ttl("b"), server.get("shop:2:b").is_some()), (None, true));

    // A storage counts by its clock; the server by its own.
    let frozen = Timestamp::from_seconds(1_000_000).unwrap();
    let clocked = storage.by_clock(&Clock::new(move || frozen)).unwrap();
    for (name, seconds) in [("c", 100), ("d", 3_000_000)] {
        let expires = frozen.checked_add_seconds(f64::from(seconds)).unwrap();
        let _ = clocked.insert(name, New::of(b"data", expires)).await.unwrap();
        assert!(near(ttl(name), seconds));
    }
}

#[tokio::test]
async fn an_expiry_in_the_past_removes() {
    let Some(server) = start(Memcached::start).await else { return };
    let storage = storage(&server);
    let (past, later) = (in_seconds(-5.0), in_seconds(500.0));
    assert!(matches!(storage.insert("a", New::of(b"over", past)).await.unwrap(), Insert::Inserted(_)));
    for step in 0..6 {
        assert!(storage.read("a").await.unwrap().is_none(), "{step}");
        let Insert::Inserted(version) = storage.insert("a", New::of(b"data", later)).await.unwrap() else { panic!() };
        let (right, wrong) = (Expect::Version(&version), Expect::Present);
        let over = New::of(b"over", past);
        match step {
            0 => assert!(matches!(storage.replace("a", right, over).await.unwrap(), Replace::Replaced(_))),
            1 => assert!(matches!(storage.replace("a", wrong, over).await.unwrap(), Replace::Replaced(_))),
            2 => assert_eq!(storage.touch("a", right, past).await.unwrap(), Touch::Touched),
            3 => assert_eq!(storage.touch("a", wrong, past).await.unwrap(), Touch::Touched),
            4 => storage.bury("a", over).await.unwrap(),
            _ => assert_eq!(storage.insert("a", over).await.unwrap(), Insert::Exists),
        }
        if step == 5 {
            assert_eq!(storage.remove("a", right).await.unwrap(), Remove::Removed);
        }
    }
    let wrong = storage.insert("other", New::of(b"data", later)).await.unwrap();
    let Insert::Inserted(wrong) = wrong else { panic!() };
    let _ = storage.insert("a", New::of(b"data", later)).await.unwrap();
    assert_eq!(storage.touch("a", Expect::Version(&wrong), past).await.unwrap(), Touch::Changed);
    assert!(storage.read("a").await.unwrap().is_some());
}

#[tokio::test]
async fn an_entry_ends_by_itself() {
    let Some(server) = start(Memcached::start).await else { return };
    let storage = storage(&server);
    let _ = storage.insert("a", New::of(b"data", in_seconds(2.0))).await.unwrap();
    assert!(storage.read("a").await.unwrap().is_some());
    tokio::time::sleep(Duration::from_millis(3_100)).await;
    assert!(storage.read("a").await.unwrap().is_none());
    assert!(matches!(storage.insert("a", New::of(b"data", in_seconds(9.0))).await.unwrap(), Insert::Inserted(_)));
    assert_eq!(storage.remove_expired(Timestamp::MAX, 10).await.unwrap(), 0);
    assert!(matches!(storage.scan(None, 10).await, Err(StorageError::Unsupported("scan"))));
}

#[tokio::test]
async fn what_is_no_pickle_is_damaged_and_stays() {
    let Some(server) = start(Memcached::start).await else { return };
    let storage = storage(&server);
    // Nothing said, numbers, text, one of somebody else.
    for flags in [0, 2, 4, 16, 17, 32, 4_294_967_295] {
        server.set(":1:a", flags, 0, b"42");
        let error = storage.read("a").await.unwrap_err();
        assert!(matches!(error, StorageError::Damaged(_)), "{error:?}");
        assert_eq!(server.get(":1:a").unwrap().data, b"42");
    }
    for flags in [1, 9, 33] {
        server.set(":1:a", flags, 0, b"42");
        assert_eq!(storage.read("a").await.unwrap().unwrap().data, "42", "{flags}");
    }
}

#[tokio::test]
async fn keys_that_memcached_cannot_take_are_refused_before_anything_is_sent() {
    let Some(server) = start(Memcached::start).await else { return };
    let storage = storage(&server);
    for name in ["a b", "a\r\nflush_all\r\n", "a\0", &"k".repeat(248)] {
        let new = New::of(b"data", Timestamp::MAX);
        for error in [
            storage.read(name).await.unwrap_err(),
            storage.insert(name, new).await.unwrap_err(),
            storage.replace(name, Expect::Present, new).await.unwrap_err(),
            storage.remove(name, Expect::Anything).await.unwrap_err(),
            storage.bury(name, new).await.unwrap_err(),
        ] {
            let shown = format!("{error:?}");
            assert!(matches!(error, StorageError::NotDone(_)) && !shown.contains(name), "{shown}");
        }
    }
    let longest = "k".repeat(247);
    let _ = storage.insert(&longest, New::of(b"data", Timestamp::MAX)).await.unwrap();
    assert!(storage.read(&longest).await.unwrap().is_some());
}

fn said(error: &StorageError) -> String {
    let mut all = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        all = format!("{all}: {error}");
        source = error.source();
    }
    all
}

/// The limit that the server was started with, and what it takes of it for itself.
#[tokio::test]
async fn a_value_over_the_item_size_limit_is_a_clear_error_and_the_old_one_stays() {
    for (option, limit) in [("1m", 1_048_576_usize), ("2m", 2_097_152), ("512k", 524_288)] {
        let how = move || Memcached::start_with(&["-I", option]);
        let Some(server) = start(how).await else { return };
        let storage = storage(&server);
        let later = in_seconds(900.0);
        let Insert::Inserted(mut version) = storage.insert("a", New::of(b"old", later)).await.unwrap() else {
            panic!()
        };
        let largest = vec![b'x'; limit - 67];
        let Replace::Replaced(next) =
            storage.replace("a", Expect::Version(&version), New::of(&largest, later)).await.unwrap()
        else {
            panic!()
        };
        version = next;
        for size in [limit - 66, limit, limit + 1, 3 * limit] {
            let data = vec![b'y'; size];
            let new = New::of(&data, later);
            for error in [
                storage.replace("a", Expect::Version(&version), new).await.unwrap_err(),
                storage.replace("a", Expect::Present, new).await.unwrap_err(),
                storage.insert("b", new).await.unwrap_err(),
                storage.rename("a", "b", Expect::Version(&version), new).await.unwrap_err(),
            ] {
                assert!(matches!(error, StorageError::NotDone(_)), "{error:?}");
                let said = said(&error);
                assert!(
                    said.contains(&format!(" {size} bytes")) && said.contains(&format!(" {limit} bytes")),
                    "{said}"
                );
            }
            let stored = storage.read("a").await.unwrap().unwrap();
            assert!(stored.data == largest && stored.version == version, "{size} of {limit}");
            assert!(storage.read("b").await.unwrap().is_none());
        }
    }
}

/// Without room, and told not to make any, memcached refuses; nothing that is there may go.
#[tokio::test]
async fn a_server_without_room_loses_nothing() {
    let Some(server) = start(|| Memcached::start_with(&["-m", "2", "-M"])).await else { return };
    let storage = storage(&server);
    let later = in_seconds(900.0);
    let data = vec![b'x'; 100_000];
    let mut kept = Vec::new();
    loop {
        let name = format!("n{}", kept.len());
        match storage.insert(&name, New::of(&data, later)).await {
            Ok(Insert::Inserted(version)) => kept.push((name, version)),
            Ok(Insert::Exists) => panic!(),
            Err(error) => {
                assert!(
                    matches!(error, StorageError::NotDone(_)) && said(&error).contains("out of memory"),
                    "{error:?}"
                );
                break;
            }
        }
        assert!(kept.len() < 1_000);
    }
    assert!(!kept.is_empty());
    let mut refused = 0;
    for (name, version) in &kept {
        match storage.replace(name, Expect::Version(version), New::of(&vec![b'y'; 150_000], later)).await {
            Ok(Replace::Replaced(_)) => continue,
            Ok(other) => panic!("{other:?}"),
            Err(error) => assert!(matches!(error, StorageError::NotDone(_)), "{error:?}"),
        }
        refused += 1;
        assert!(storage.read(name).await.unwrap().is_some_and(|stored| stored.version == *version));
        // A logout needs no room.
        assert_eq!(storage.remove(name, Expect::Version(version)).await.unwrap(), Remove::Removed);
    }
    assert!(refused > 0);
}
