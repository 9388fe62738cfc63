//! What goes wrong around a session: in each case a clear error within the time-out, nothing half-written, no lock or
//! counter left behind, and recovery without a restart.
#![allow(missing_docs, clippy::unwrap_used)]

mod clock;
mod content;
mod disk;
mod dropped;
mod late;
mod lines;
#[cfg(feature = "memcached")]
#[path = "../support/memcached.rs"]
mod memcached;
#[cfg(feature = "mysql")]
#[path = "../support/mysql.rs"]
mod mysql;
mod panic;
#[path = "../support/paused.rs"]
mod paused;
#[path = "../support/places.rs"]
mod places;
mod pool;
#[cfg(feature = "postgres")]
#[path = "../support/postgres.rs"]
mod postgres;
#[cfg(feature = "redis")]
#[path = "../support/redis.rs"]
mod redis;
