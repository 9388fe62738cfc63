//! Sessions in memcached: as Django's `PyMemcacheCache` and `PyLibMCCache` keep them, shared with a Django site or
//! alone.
//!
//! On a connection that is open already, every operation is one round trip, a touch that compares two. A write compares
//! memcached's CAS id, so a change that Django made in between is noticed.
//!
//! ```no_run
//! use cloakroom::Timestamp;
//! use cloakroom::storage::memcached::MemcachedOptions;
//! use cloakroom::storage::{New, Storage};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let storage = MemcachedOptions::new(["127.0.0.1:11211"])?.open();
//! let _ = storage.insert("name", New::of(b"bytes", Timestamp::MAX)).await?;
//! # Ok(())
//! # }
//! ```

mod address;
mod connection;
mod failure;
mod life;
mod operations;
mod options;
mod placement;
mod pool;
mod request;
mod version;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{CacheKey, Storage};
use crate::time::Clock;
use pool::Pool;

pub use address::MemcachedAddressError;
pub use options::MemcachedOptions;
pub use placement::MemcachedPlacement;

/// Sessions in memcached, on one server or several.
///
/// A handle is cheap to clone. Connections are made when they are needed: a site starts while a server is down, and goes
/// on when it is back. With several servers each entry is on one of them, and a server that is down is an error for the
/// entries it has: they do not move to another one, where an old copy could come back to life later.
///
/// | what happens | what is answered |
/// |---|---|
/// | no connection can be had, no answer to a read in time, a write that the server refuses | [`StorageError::NotDone`](super::StorageError::NotDone) |
/// | a value beyond the server's limit (1 MiB unless started with `-I`) | the same, with both sizes; the old entry stays |
/// | a key of more than 250 bytes, or with blanks or control characters | the same |
/// | a write was sent, and its answer did not come | [`StorageError::OutcomeUnknown`](super::StorageError::OutcomeUnknown); the engine reads back |
/// | a value whose flags say that it is no pickle | [`StorageError::Damaged`](super::StorageError::Damaged) |
///
/// A read does not say when an entry ends ([`Stored::expires`](super::Stored::expires) is `None`). The end is kept in
/// whole seconds, rounded up, and a server counts seconds by a clock that ticks once a second; one after January 2038 is
/// kept as none at all. memcached drops entries when it needs the room, and has none after a restart.
///
/// ```no_run
/// use cloakroom::storage::MemcachedStorage;
/// use cloakroom::storage::memcached::MemcachedOptions;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let storage: MemcachedStorage = MemcachedOptions::new(["10.0.0.1", "10.0.0.2:11212"])?.open();
/// assert_eq!(storage.servers(), ["10.0.0.1:11211", "10.0.0.2:11212"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemcachedStorage {
    inner: Arc<Inner>,
    clock: Clock,
}

struct Inner {
    servers: Vec<Pool>,
    placement: MemcachedPlacement,
    key: CacheKey,
    timeout: Duration,
}

impl MemcachedStorage {
    /// The servers, as pymemcache calls them: `host:port` or the path of a socket.
    #[must_use]
    pub fn servers(&self) -> Vec<&str> {
        self.inner.servers.iter().map(Pool::name).collect()
    }

    /// The server that has the entry of a name, by its index among [`servers`](Self::servers).
    ///
    /// ```
    /// use cloakroom::storage::memcached::MemcachedOptions;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cloakroom::storage::memcached::MemcachedAddressError> {
    /// let storage = MemcachedOptions::new(["10.0.0.1:11211", "10.0.0.2:11211"])?.open();
    /// assert!(storage.server_of("name") < 2);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn server_of(&self, name: &str) -> usize {
        self.inner.placement.place(self.inner.servers.iter().map(Pool::name), &self.inner.key.of(name))
    }
}

impl fmt::Debug for MemcachedStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemcachedStorage")
            .field("servers", &self.servers())
            .field("placement", &self.inner.placement)
            .field("key", &self.inner.key)
            .finish_non_exhaustive()
    }
}
