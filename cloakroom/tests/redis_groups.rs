//! Redis Cluster and Redis Sentinel: the contract, and a primary that dies half-way.
#![cfg(feature = "redis")]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/redis.rs"]
mod redis_server;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cloakroom::storage::redis::RedisOptions;
use cloakroom::storage::{CacheKey, Expect, Insert, New, RedisStorage, Rename, Replace, Storage, StorageError};
use cloakroom::testing::session_contract;
use cloakroom::{Engine, SessionKey, SessionStore, Settings, Timestamp};
use redis_server::{contract, in_seconds};
use test_servers::{PASSWORD, RedisCluster, RedisSentinel};

const NEW: New<'_> = New::of(b"data", Timestamp::MAX);

async fn cluster() -> Option<RedisCluster> {
    tokio::task::spawn_blocking(RedisCluster::start).await.unwrap()
}

async fn sentinel() -> Option<RedisSentinel> {
    tokio::task::spawn_blocking(RedisSentinel::start).await.unwrap()
}

/// By two of the servers.
fn in_cluster(cluster: &RedisCluster) -> RedisOptions {
    let seeds: Vec<(&str, u16)> = cluster.nodes()[4..].iter().map(|node| ("127.0.0.1", node.port())).collect();
    RedisOptions::new().cluster(seeds).password(PASSWORD)
}

fn store(storage: RedisStorage) -> SessionStore {
    SessionStore::new(Engine::cache(storage), Settings::new()).unwrap()
}

/// Saves a counter again and again, in sessions of its own, until it is told to stop; what was answered is there in the
/// end.
struct Writer {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<(SessionKey, u64, u64, u64)>,
}

impl Writer {
    fn start(store: SessionStore) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let session = store.session(None).load().await.unwrap();
            session.set("count", &0).unwrap();
            session.asave().await.unwrap();
            let key = session.session_key().unwrap();
            let (mut answered, mut tried, mut failed) = (0_u64, 0_u64, 0_u64);
            while !told.load(Ordering::SeqCst) {
                tried += 1;
                let started = Instant::now();
                let saved = async {
                    let session = store.session(Some(&key)).load().await?;
                    session.set("count", &tried)?;
                    session.asave().await
                };
                match saved.await {
                    Ok(()) => answered = tried,
                    Err(error) => {
                        failed += 1;
                        assert!(started.elapsed() < Duration::from_secs(10), "{:?}: {error}", started.elapsed());
                        assert!(!format!("{error:?}").contains(key.as_str()));
                    }
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            (key, answered, tried, failed)
        });
        Self { stop, task }
    }

    async fn finish(self) -> (SessionKey, u64, u64, u64) {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await.unwrap()
    }
}

/// How long it takes until all is well again.
async fn until_it_works(store: &SessionStore) -> Duration {
    let started = Instant::now();
    loop {
        let session = store.session(None).load().await.unwrap();
        session.set("name", "Ada").unwrap();
        if session.asave().await.is_ok() {
            return started.elapsed();
        }
        assert!(started.elapsed() < Duration::from_secs(30), "it does not come back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cluster_keeps_the_contract_and_loses_a_primary() {
    let Some(mut cluster) = cluster().await else { return };
    let storage = in_cluster(&cluster).open();
    assert!(!storage.capabilities().atomic_rename && !storage.capabilities().scan);
    contract().run(async || storage.clone()).await;
    let tagged = in_cluster(&cluster).key(CacheKey::new("{shop}", "1")).open();
    contract().run(async || tagged.clone()).await;
    session_contract(async || store(storage.clone())).await;
    // An application's own client.
    let urls: Vec<String> = cluster.nodes()[..2].iter().map(|node| node.url(node.port(), 0)).collect();
    let client = redis::cluster::ClusterClient::builder(urls).retries(3).build().unwrap();
    let own = RedisStorage::from_connection(client.get_async_connection().await.unwrap()).open();
    contract().run(async || own.clone()).await;
    a_slot_on_its_way(&cluster, &storage).await;

    let store = store(storage.clone());
    let writers: Vec<Writer> = (0..6).map(|_| Writer::start(store.clone())).collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let Insert::Inserted(version) = storage.insert("victim", NEW).await.unwrap() else { panic!() };
    let victim = cluster.owner_of(":1:victim", 0);
    cluster.nodes_mut()[victim].kill();
    let started = Instant::now();
    // Its sessions cannot be reached at once, and can soon; the others can all the time.
    let mut failures = 0;
    let back = loop {
        match storage.replace("victim", Expect::Version(&version), New::of(b"next", Timestamp::MAX)).await {
            Ok(answer) => break answer,
            Err(error) => {
                failures += 1;
                assert!(matches!(error, StorageError::NotDone(_) | StorageError::OutcomeUnknown(_)), "{error:?}");
                assert!(started.elapsed() < Duration::from_secs(30), "it does not come back");
            }
        }
    };
    println!("a primary of the cluster was replaced within {:?}, {failures} errors", started.elapsed());
    // The replica may have missed the entry itself: that is what Redis promises.
    assert!(matches!(back, Replace::Replaced(_) | Replace::Missing), "{back:?}");
    until_it_works(&store).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    for writer in writers {
        let (key, answered, tried, failed) = writer.finish().await;
        println!("{tried} saves tried, {failed} failed");
        let session = store.session(Some(&key)).load().await.unwrap();
        let count = session.get::<u64>("count").unwrap();
        // What the dead primary had not passed on is gone with it; nothing older comes back over something newer.
        assert!(count.is_none_or(|count| count + 3 >= answered && count <= tried), "{count:?} {answered} {tried}");
    }
    // The dead one comes back as a replica.
    cluster.nodes_mut()[victim].restart();
    tokio::task::block_in_place(|| cluster.until_whole());
    for _ in 0..20 {
        until_it_works(&store).await;
    }
    // One that stands still is given up in time, and its replica takes over.
    let name = "frozen";
    let _ = storage.insert(name, NEW).await.unwrap();
    let asked = (0..6).find(|node| *node != victim).unwrap();
    let frozen = cluster.owner_of(":1:frozen", asked);
    cluster.nodes()[frozen].pause();
    let started = Instant::now();
    while storage.replace(name, Expect::Present, NEW).await.is_err() {
        assert!(started.elapsed() < Duration::from_secs(30), "it does not come back");
    }
    println!("one that stood still was replaced within {:?}", started.elapsed());
    cluster.nodes()[frozen].resume();
}

/// A slot that is moved while its keys are used: ASK, then MOVED.
async fn a_slot_on_its_way(cluster: &RedisCluster, storage: &RedisStorage) {
    let (stays, moves) = ("{moving}a", "{moving}b");
    let Insert::Inserted(version) = storage.insert(moves, NEW).await.unwrap() else { panic!() };
    let key = format!(":1:{moves}");
    let from = cluster.owner_of(&key, 0);
    let primaries: Vec<usize> = (0..6)
        .filter(|node| cluster.nodes()[*node].command(0, &["INFO", "replication"]).contains("role:master"))
        .collect();
    let to = *primaries.iter().find(|node| **node != from).unwrap();
    let nodes = cluster.nodes();
    let id = |node: usize| nodes[node].command(0, &["CLUSTER", "MYID"]);
    let slot = nodes[0].command(0, &["CLUSTER", "KEYSLOT", &key]);
    nodes[to].command(0, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &id(from)]);
    nodes[from].command(0, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &id(to)]);
    let port = nodes[to].port().to_string();
    let moved = nodes[from].command(0, &["MIGRATE", "127.0.0.1", &port, &key, "0", "5000", "AUTH", PASSWORD]);
    assert_eq!(moved, "OK");
    // There already, and not yet made.
    assert_eq!(storage.read(moves).await.unwrap().unwrap().data, "data");
    let Ok(Replace::Replaced(next)) =
        storage.replace(moves, Expect::Version(&version), New::of(b"b", Timestamp::MAX)).await
    else {
        panic!()
    };
    assert!(matches!(storage.insert(stays, NEW).await.unwrap(), Insert::Inserted(_)));
    for node in primaries {
        nodes[node].command(0, &["CLUSTER", "SETSLOT", &slot, "NODE", &id(to)]);
    }
    assert_eq!(storage.read(stays).await.unwrap().unwrap().data, "data");
    let renamed = storage.rename(moves, "elsewhere", Expect::Version(&next), NEW).await.unwrap();
    assert!(matches!(renamed, Rename::Renamed(_)));
    assert!(storage.read(moves).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sentinels_name_the_primary_and_its_successor() {
    let Some(mut group) = sentinel().await else { return };
    let options = RedisOptions::new().sentinel("mymaster", group.sentinels()).sentinel_login(None, PASSWORD);
    let options = options.password(PASSWORD).database(3);
    let storage = options.clone().open();
    contract().run(async || storage.clone()).await;
    let store = store(storage.clone());
    let writers: Vec<Writer> = (0..4).map(|_| Writer::start(store.clone())).collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    group.servers[0].kill();
    let took = until_it_works(&store).await;
    println!("the replica took over within {took:?}");
    tokio::time::sleep(Duration::from_millis(500)).await;
    for writer in writers {
        let (key, answered, tried, failed) = writer.finish().await;
        println!("{tried} saves tried, {failed} failed");
        let session = store.session(Some(&key)).load().await.unwrap();
        let count = session.get::<u64>("count").unwrap();
        assert!(count.is_none_or(|count| count + 3 >= answered && count <= tried), "{count:?} {answered} {tried}");
    }
    // The old primary comes back and becomes a replica: nobody writes to it.
    group.servers[0].restart();
    for _ in 0..20 {
        until_it_works(&store).await;
    }
    // Who does not know the service says so; a wrong password is told apart.
    let unknown = RedisOptions::new().sentinel("other", group.sentinels()).sentinel_login(None, PASSWORD);
    for (wrong, part) in [
        (unknown, "does not know other"),
        (options.clone().sentinel("mymaster", group.sentinels()), "NOAUTH"),
        (options.clone().password("wrong"), "WRONGPASS"),
        (RedisOptions::new().sentinel("mymaster", [("127.0.0.1", 1)]), "refused"),
    ] {
        let error = wrong.open().insert("a", NEW).await.unwrap_err();
        let StorageError::NotDone(source) = error else { panic!("{error:?}") };
        assert!(source.to_string().contains(part) && !source.to_string().contains(PASSWORD), "{part}: {source}");
    }
    // One that stands still.
    let end = Instant::now() + Duration::from_secs(30);
    let follows = |told: String| told.contains("master_link_status:up");
    while !group.servers[0].try_command(0, &["INFO", "replication"]).is_some_and(follows) {
        assert!(Instant::now() < end, "the old primary does not follow");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    group.servers[1].pause();
    let took = until_it_works(&store).await;
    println!("one that stood still was replaced within {took:?}");
    group.servers[1].resume();
    let _ = storage.insert("late", New::of(b"x", in_seconds(60.0))).await.unwrap();
}
