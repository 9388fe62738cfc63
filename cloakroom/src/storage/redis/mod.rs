//! Sessions in Redis, as Django's own backend keeps them and as `django-redis` does.
//!
//! Every operation is one command and one round trip. A write that compares is a script, which the server runs as one
//! step; what it compares is the SHA-1 of the value, so a change that Django made in between is noticed.
//!
//! ```no_run
//! use cloakroom::storage::redis::RedisOptions;
//! use cloakroom::{Engine, SessionStore, Settings};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let storage = RedisOptions::from_url("redis://:secret@cache.example/1")?.open();
//! let store = SessionStore::new(Engine::cache(storage), Settings::new())?;
//! # Ok(())
//! # }
//! ```

mod cluster;
mod dial;
mod eviction;
mod failure;
mod gather;
mod given;
mod life;
mod link;
mod operations;
mod options;
mod scripts;
mod sentinel;
mod tls;
mod way;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::CacheKey;
use crate::Clock;
use way::Way;

pub use given::RedisConnection;
pub use life::RedisExpiry;
pub use options::{RedisConnectionOptions, RedisOptions};
pub use tls::RedisTls;

/// Entries in Redis.
///
/// A handle is cheap to clone. The connection, which all commands share, is made when it is needed: a site starts while
/// its Redis is down, and goes on when it is back.
///
/// | what happens | what is answered |
/// |---|---|
/// | no connection can be had, no answer to a read in time, or the server refuses (`OOM`, `READONLY`, `LOADING`, `NOAUTH` …) | [`StorageError::NotDone`](super::StorageError::NotDone) |
/// | a write was sent, and its answer did not come | [`StorageError::OutcomeUnknown`](super::StorageError::OutcomeUnknown); the engine reads back |
/// | there is a list, a set or the like under the key | [`StorageError::Damaged`](super::StorageError::Damaged) |
///
/// A read that loses its connection is tried once more on a new one. Neither `Debug` nor an error shows the password, a
/// session key or session data.
///
/// ```no_run
/// use cloakroom::storage::{RedisStorage, Storage};
/// use cloakroom::storage::redis::RedisOptions;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let storage: RedisStorage = RedisOptions::new().host("cache.example").open();
/// assert!(storage.capabilities().atomic_rename);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisStorage {
    inner: Arc<Inner>,
    clock: Clock,
}

struct Inner {
    way: Way,
    /// For `Debug`.
    place: String,
    key: CacheKey,
    /// The keys of this prefix and version, for `SCAN`.
    pattern: String,
    expiry: RedisExpiry,
    timeout: Duration,
}

impl RedisStorage {
    /// The application's own connection; [`RedisConnectionOptions::open`] makes the storage.
    ///
    /// A connection has a response time-out of its own, half a second unless its configuration says otherwise.
    ///
    /// ```no_run
    /// use cloakroom::storage::RedisStorage;
    ///
    /// # async fn example() -> Result<(), redis::RedisError> {
    /// let client = redis::Client::open("redis://cache.example/1")?;
    /// let storage = RedisStorage::from_connection(client.get_connection_manager().await?).open();
    /// # Ok(()) }
    /// ```
    pub fn from_connection(connection: impl Into<RedisConnection>) -> RedisConnectionOptions {
        RedisConnectionOptions::new(connection.into())
    }
}

impl fmt::Debug for RedisStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStorage")
            .field("place", &self.inner.place)
            .field("key", &self.inner.key)
            .field("expiry", &self.inner.expiry)
            .field("timeout", &self.inner.timeout)
            .finish_non_exhaustive()
    }
}
