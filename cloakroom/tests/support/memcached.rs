//! memcached for the tests.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use cloakroom::storage::MemcachedStorage;
use cloakroom::storage::memcached::MemcachedOptions;
use test_servers::Memcached;

/// Starts a server without holding up the runtime.
pub async fn start(how: impl FnOnce() -> Option<Memcached> + Send + 'static) -> Option<Memcached> {
    tokio::task::spawn_blocking(how).await.unwrap()
}

/// Several servers.
pub async fn several(count: usize) -> Option<Vec<Memcached>> {
    start_all(vec![Memcached::start; count]).await
}

pub async fn start_all(how: Vec<fn() -> Option<Memcached>>) -> Option<Vec<Memcached>> {
    tokio::task::spawn_blocking(move || how.into_iter().map(|start| start()).collect()).await.unwrap()
}

pub fn options<'m>(servers: impl IntoIterator<Item = &'m Memcached>) -> MemcachedOptions {
    MemcachedOptions::new(servers.into_iter().map(Memcached::location)).unwrap()
}

pub fn storage(server: &Memcached) -> MemcachedStorage {
    options([server]).open()
}
