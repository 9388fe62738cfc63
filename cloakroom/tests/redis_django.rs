//! Entries in Redis that Django's own backend and `django-redis` write and read as well.
#![cfg(feature = "redis")]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/django_cache.rs"]
mod django_cache;
#[path = "support/redis.rs"]
mod redis_server;

use cloakroom::storage::RedisStorage;
use cloakroom::storage::redis::RedisExpiry;
use django_cache::{Django, key, python};
use redis_server::{options, shared};
use test_servers::Redis;

const BACKENDS: [(&str, RedisExpiry); 2] =
    [("redis.RedisCache", RedisExpiry::Seconds), ("django_redis.cache.RedisCache", RedisExpiry::Milliseconds)];

/// A database that both know, as each is told of it.
fn both(server: &Redis, backend: &str, expiry: RedisExpiry) -> Option<(Django, RedisStorage)> {
    let number = server.new_database();
    let django = Django::new(python()?, backend, &server.url(server.port(), number), &serde_json::json!({}));
    Some((django, options(server.port(), number).key(key()).expiry(expiry).open()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_reads_what_the_other_wrote() {
    let Some(server) = shared().await else { return };
    for (backend, expiry) in BACKENDS {
        let Some((django, storage)) = both(server, backend, expiry) else { return };
        django_cache::each_reads_what_the_other_wrote(&django, &storage).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_change_of_djangos_is_overwritten() {
    let Some(server) = shared().await else { return };
    for (backend, expiry) in BACKENDS {
        let Some((django, storage)) = both(server, backend, expiry) else { return };
        django_cache::no_change_of_djangos_is_overwritten(&django, async || storage.clone(), 1_000).await;
    }
}
