//! Redis for the tests.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use std::time::Duration;

use cloakroom::Timestamp;
use cloakroom::storage::redis::RedisOptions;
use cloakroom::testing::StorageContract;
use test_servers::{PASSWORD, Redis};

/// The server that the tests of a program share.
pub async fn shared() -> Option<&'static Redis> {
    tokio::task::spawn_blocking(Redis::shared).await.unwrap()
}

/// One of a test's own.
pub async fn own(settings: &'static [&'static str]) -> Option<Redis> {
    tokio::task::spawn_blocking(|| Redis::start_with(settings)).await.unwrap()
}

/// A database of the server, through a port that may be a proxy's.
pub fn options(port: u16, database: usize) -> RedisOptions {
    RedisOptions::new().host("127.0.0.1").port(port).password(PASSWORD).database(database as u32)
}

/// Redis does not say with a value when it ends.
pub fn contract() -> StorageContract {
    StorageContract::new().unknown_expiry().expiry_precision(Duration::from_secs(2))
}

pub fn in_seconds(seconds: f64) -> Timestamp {
    Timestamp::now().checked_add_seconds(seconds).unwrap()
}
