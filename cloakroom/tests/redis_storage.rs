//! Redis on the wire and in the set-up: what each operation costs and leaves behind, passwords, rights, certificates.
#![cfg(feature = "redis")]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/redis.rs"]
mod redis_server;

use std::time::{Duration, Instant};

use cloakroom::storage::redis::{RedisExpiry, RedisOptions, RedisTls};
use cloakroom::storage::{CacheKey, Expect, Insert, New, Remove, Rename, Replace, Storage, StorageError, Touch};
use cloakroom::{Cache, Clock, Timestamp};
use redis_server::{options, own, shared};
use test_servers::{PASSWORD, Proxy};

const NEW: New<'_> = New::of(b"data", Timestamp::MAX);
const NEXT: New<'_> = New::of(b"next", Timestamp::MAX);

fn cause(error: StorageError) -> String {
    match error {
        StorageError::NotDone(source) => source.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_is_one_round_trip() {
    let Some(server) = own(&[]).await else { return };
    let proxy = Proxy::before(server.port());
    let storage = options(proxy.port(), 1).open();
    let cut = options(proxy.port(), 1).open();
    // In the first round the connection is made, and the server has not seen the scripts.
    for round in 0..3 {
        let count = |what: &str, expected: usize| {
            let found = proxy.round_trips();
            let expected =
                if round == 0 && ["replace", "touch", "rename", "remove"].contains(&what) { 2 } else { expected };
            assert!(
                round == 0 && what == "insert" || found == expected,
                "{what}: {found} round trips in round {round}"
            );
        };
        count("nothing", 0);
        let Insert::Inserted(version) = storage.insert("a", NEW).await.unwrap() else { panic!() };
        count("insert", 1);
        assert_eq!(storage.insert("a", NEW).await.unwrap(), Insert::Exists);
        count("insert of a taken name", 1);
        storage.read("a").await.unwrap().unwrap();
        count("read", 1);
        let expect = Expect::Version(&version);
        assert_eq!(storage.touch("a", expect, Timestamp::MAX).await.unwrap(), Touch::Touched);
        count("touch", 1);
        let _ = storage.replace("a", expect, NEW).await.unwrap();
        count("replace", 1);
        assert_eq!(storage.rename("a", "b", expect, NEW).await.unwrap(), Rename::Renamed(version));
        count("rename", 1);
        assert_eq!(storage.replace("a", expect, NEW).await.unwrap(), Replace::Missing);
        count("replace of nothing", 1);
        storage.scan(None, 10).await.unwrap();
        count("scan", 2);
        assert_eq!(storage.remove("b", expect).await.unwrap(), Remove::Removed);
        count("remove", 1);
        assert_eq!(storage.remove("b", Expect::Present).await.unwrap(), Remove::Missing);
        count("remove of nothing", 1);
        storage.bury("c", NEW).await.unwrap();
        count("bury", 1);
        assert_eq!(storage.remove_expired(Timestamp::MAX, 10).await.unwrap(), 0);
        count("remove_expired", 0);
        let _ = storage.remove("c", Expect::Anything).await.unwrap();
        proxy.round_trips();
    }
    // A server that lost its scripts: twice, and then once again.
    let Insert::Inserted(version) = storage.insert("a", NEW).await.unwrap() else { panic!() };
    server.command(1, &["SCRIPT", "FLUSH"]);
    proxy.round_trips();
    for expected in [2, 1] {
        let _ = storage.replace("a", Expect::Version(&version), NEW).await.unwrap();
        assert_eq!(proxy.round_trips(), expected);
    }
    // Connections that are cut while nobody uses them: the next operation works, also a write.
    for _ in 0..5 {
        assert!(matches!(cut.replace("a", Expect::Present, NEW).await, Ok(Replace::Replaced(_))));
        proxy.cut();
        tokio::time::sleep(Duration::from_millis(50)).await;
        cut.read("a").await.unwrap().unwrap();
        proxy.cut();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_a_missing_right_and_a_replica() {
    let Some(server) = shared().await else { return };
    let number = server.new_database();
    let port = server.port();
    for (wrong, code) in [
        (options(port, number).password("wrong"), "WRONGPASS"),
        (options(port, number).user("nobody"), "WRONGPASS"),
        (RedisOptions::new().host("127.0.0.1").port(port), "NOAUTH"),
        (options(port, 5_000), "ERR"),
    ] {
        let storage = wrong.open();
        for error in [storage.read("a").await.map(drop), storage.insert("a", NEW).await.map(drop)] {
            let text = cause(error.unwrap_err());
            assert!(text.contains(code) && !text.contains(PASSWORD), "{code}: {text}");
        }
    }
    // A user without scripts: reads and new sessions work, what compares does not, and says why.
    server.command(0, &["ACL", "SETUSER", "plain", "on", ">pw", "~*", "+get", "+set", "+select"]);
    let plain = RedisOptions::new().host("127.0.0.1").port(port).user("plain").password("pw").open();
    let name = format!("plain{number}");
    let _ = plain.insert(&name, NEW).await.unwrap();
    let text = cause(plain.replace(&name, Expect::Present, NEXT).await.unwrap_err());
    assert!(text.starts_with("NOPERM") && text.contains("evalsha") && !text.contains(&name), "{text}");
    // A command that the server does not know is told with its arguments: none is passed on.
    let Some(renamed) = own(&["rename-command EVALSHA \"\""]).await else { return };
    let storage = options(renamed.port(), 0).open();
    let _ = storage.insert("a-session-key", NEW).await.unwrap();
    let text = cause(storage.replace("a-session-key", Expect::Present, NEXT).await.unwrap_err());
    assert!(text.contains("unknown command") && !text.contains("a-session-key"), "{text}");

    let primary: &'static str = Box::leak(format!("replicaof 127.0.0.1 {port}").into_boxed_str());
    let settings: &'static [&'static str] = Box::leak(Box::new([primary, "masteruser default"]));
    let Some(replica) = own(settings).await else { return };
    let storage = options(replica.port(), number).open();
    let end = Instant::now() + Duration::from_secs(30);
    while !replica.command(0, &["INFO", "replication"]).contains("master_link_status:up") {
        assert!(Instant::now() < end, "the replica is not connected");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let _ = options(port, number).open().insert("copied", NEW).await.unwrap();
    while storage.read("copied").await.unwrap().is_none() {
        assert!(Instant::now() < end, "the replica does not follow");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for error in [
        storage.insert("a", NEW).await.map(drop),
        storage.bury("copied", NEW).await,
        storage.remove("copied", Expect::Present).await.map(drop),
        storage.replace("copied", Expect::Present, NEXT).await.map(drop),
    ] {
        let text = cause(error.unwrap_err());
        assert!(text.starts_with("READONLY") && text.contains("primary"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_looked_at_as_told() {
    let Some(server) = shared().await else { return };
    let Some(other) = own(&[]).await else { return };
    let (right, wrong) = (server.authority(), other.authority());
    let with = |host: &str, tls| options(server.tls_port(), 0).host(host).tls(tls);
    // The certificate is for localhost and 127.0.0.1.
    for (host, tls, fits) in [
        ("localhost", RedisTls::VerifyFull, true),
        ("127.0.0.1", RedisTls::VerifyFull, true),
        ("127.0.0.2", RedisTls::VerifyFull, false),
        ("localhost", RedisTls::VerifyCa, true),
    ] {
        let reached = with(host, tls).root_certificate(right).open().read("a").await;
        assert_eq!(reached.is_ok(), fits, "{host} {tls:?} {reached:?}");
        for refused in
            [with(host, tls).root_certificate(wrong), with(host, tls), with(host, tls).root_certificate("/nowhere")]
        {
            assert!(matches!(refused.open().read("a").await, Err(StorageError::NotDone(_))));
        }
    }
    assert!(with("localhost", RedisTls::Require).open().read("a").await.is_ok());
    // Neither side takes the other for what it is not.
    assert!(options(server.tls_port(), 0).open().read("a").await.is_err());
    assert!(options(server.port(), 0).tls(RedisTls::Require).open().read("a").await.is_err());
    // By the settings.
    let url = format!("{}?ssl_ca_certs={}", server.tls_url(server.new_database()), right.display());
    assert!(RedisOptions::from_url(&url).unwrap().open().read("a").await.is_ok());
    assert!(RedisOptions::from_url(&server.tls_url(0)).unwrap().open().read("a").await.is_err());
    let socket = server.socket_url(server.new_database());
    let cache = Cache::from_url(&socket.replace("unix://", "redis://")).unwrap();
    assert!(RedisOptions::for_cache(&cache).unwrap().open().read("a").await.is_ok());
}

/// What stands in Redis after each operation is what Django's `SET key value NX EX n` would have left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_stand_as_django_writes_them() {
    let Some(server) = shared().await else { return };
    let number = server.new_database();
    let now = Timestamp::from_seconds(1_700_000_000).unwrap();
    let at = |seconds: f64| now.checked_add_seconds(seconds).unwrap();
    let clock = Clock::new(move || now);
    for (expiry, life, milliseconds) in [
        (RedisExpiry::Seconds, 60.0, 60_000),
        (RedisExpiry::Seconds, 59.000_001, 60_000),
        (RedisExpiry::Milliseconds, 60.0, 60_000),
        (RedisExpiry::Milliseconds, 59.000_001, 59_001),
    ] {
        server.command(number, &["FLUSHDB"]);
        let options = options(server.port(), number).expiry(expiry).key(CacheKey::new("shop", "3"));
        let storage = options.open().by_clock(&clock).unwrap();
        let data: &[u8] = b"\x80\x05}\x94.\n\0\xff";
        let stands = |name: &str, data: &[u8]| {
            let key = format!("shop:3:{name}");
            assert_eq!(server.get(number, &key).as_deref(), Some(data));
            let left: i64 = server.command(number, &["PTTL", &key]).parse().unwrap();
            assert!((milliseconds - 3_000..=milliseconds).contains(&left), "{expiry:?} {life}: {left}");
        };
        let Insert::Inserted(version) = storage.insert("a", New::of(data, at(life))).await.unwrap() else { panic!() };
        stands("a", data);
        let next = New::of(b"next\n", at(life));
        let expect = Expect::Version(&version);
        let Replace::Replaced(second) = storage.replace("a", expect, next).await.unwrap() else { panic!() };
        stands("a", b"next\n");
        let until = at(life);
        let _ = storage.touch("a", Expect::Present, at(9_000.0)).await.unwrap();
        assert_eq!(storage.touch("a", Expect::Version(&second), until).await.unwrap(), Touch::Touched);
        stands("a", b"next\n");
        let _ = storage.rename("a", "b", Expect::Version(&second), New::of(data, at(life))).await.unwrap();
        stands("b", data);
        assert_eq!(server.command(number, &["DBSIZE"]), "1");
        storage.bury("b", New::of(b"N.", at(life))).await.unwrap();
        stands("b", b"N.");
        // What has expired is removed, and counts as done (B-98).
        for past in [now, at(-5.0)] {
            let gone = New::of(data, past);
            let _ = storage.insert("c", New::of(data, at(life))).await.unwrap();
            assert!(matches!(storage.replace("c", Expect::Present, gone).await.unwrap(), Replace::Replaced(_)));
            assert!(matches!(storage.insert("c", gone).await.unwrap(), Insert::Inserted(_)));
            assert_eq!(storage.insert("b", gone).await.unwrap(), Insert::Exists);
            let _ = storage.insert("c", New::of(data, at(life))).await.unwrap();
            assert_eq!(storage.touch("c", Expect::Present, past).await.unwrap(), Touch::Touched);
            assert!(storage.read("c").await.unwrap().is_none());
            let _ = storage.insert("c", New::of(data, at(life))).await.unwrap();
            assert!(matches!(storage.rename("c", "d", Expect::Present, gone).await.unwrap(), Rename::Renamed(_)));
            let _ = storage.insert("c", New::of(data, at(life))).await.unwrap();
            storage.bury("c", gone).await.unwrap();
            assert_eq!(server.command(number, &["DBSIZE"]), "1");
        }
    }
}
