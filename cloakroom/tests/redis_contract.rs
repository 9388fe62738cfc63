//! The public contract suites on Redis.
#![cfg(feature = "redis")]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/redis.rs"]
mod redis_server;

use cloakroom::storage::redis::{RedisExpiry, RedisOptions, RedisTls};
use cloakroom::storage::{CacheKey, RedisStorage, Storage};
use cloakroom::testing::session_contract;
use cloakroom::{Engine, SessionStore, Settings};
use redis_server::{contract, options, shared};
use test_servers::PASSWORD;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_keeps_the_contract() {
    let Some(server) = shared().await else { return };
    let storage = options(server.port(), server.new_database()).open();
    contract().run(async || storage.clone()).await;
}

#[tokio::test]
async fn redis_keeps_the_contract_on_one_thread() {
    let Some(server) = shared().await else { return };
    let options = options(server.port(), server.new_database());
    let storage = options.expiry(RedisExpiry::Milliseconds).key(CacheKey::new("a*[b]?\\é:", "7")).open();
    contract().run(async || storage.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_behind_a_unix_socket_keeps_the_contract() {
    let Some(server) = shared().await else { return };
    let options = RedisOptions::new().unix_socket(server.socket()).user("site").password(PASSWORD);
    let storage = options.database(server.new_database() as u32).open();
    contract().run(async || storage.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_behind_tls_keeps_the_contract() {
    let Some(server) = shared().await else { return };
    let options = options(server.tls_port(), server.new_database());
    let storage = options.host("localhost").tls(RedisTls::VerifyFull).root_certificate(server.authority()).open();
    contract().run(async || storage.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_applications_connection_keeps_the_contract() {
    let Some(server) = shared().await else { return };
    let client = redis::Client::open(server.url(server.port(), server.new_database())).unwrap();
    let manager = RedisStorage::from_connection(client.get_connection_manager().await.unwrap()).open();
    contract().run(async || manager.clone()).await;
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let multiplexed = RedisStorage::from_connection(connection).key(CacheKey::new("other", "1")).open();
    contract().run(async || multiplexed.clone()).await;
    // RESP3, which answers in other types.
    let url = format!("{}?protocol=resp3", server.url(server.port(), server.new_database()));
    let client = redis::Client::open(url).unwrap();
    let third = RedisStorage::from_connection(client.get_connection_manager().await.unwrap()).open();
    assert!(third.capabilities().scan);
    contract().run(async || third.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cache_engine_on_redis_keeps_what_sessions_promise() {
    let Some(server) = shared().await else { return };
    session_contract(async || {
        let storage = options(server.port(), server.new_database()).open();
        SessionStore::new(Engine::cache(storage), Settings::new()).unwrap()
    })
    .await;
}
