use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::address::{Address, MemcachedAddressError};
use super::pool::{Limits, Pool};
use super::{Inner, MemcachedPlacement, MemcachedStorage};
use crate::storage::CacheKey;
use crate::time::Clock;

/// Which memcached servers hold the sessions, and how they are reached.
///
/// A server is named as in Django's `LOCATION`: `host`, `host:port`, `[IPv6]:port`, `/path` or `unix:/path`. Without a
/// port it is 11211. All sites that share sessions must name the same servers by the same names, and in the same order
/// where the [placement](MemcachedPlacement) is `Modulo`.
///
/// ```
/// use cloakroom::storage::CacheKey;
/// use cloakroom::storage::memcached::{MemcachedOptions, MemcachedPlacement};
/// use std::time::Duration;
///
/// let options = MemcachedOptions::new(["10.0.0.1:11211", "[::1]:11211", "unix:/run/memcached.sock"])?
///     .key(CacheKey::new("shop", "1"))
///     .placement(MemcachedPlacement::Rendezvous)
///     .timeout(Duration::from_millis(500))
///     .connect_timeout(Duration::from_millis(200))
///     .max_connections(20)
///     .connection_idle(Some(Duration::from_secs(60)));
/// assert_eq!(options.open().servers().len(), 3);
/// # Ok::<(), cloakroom::storage::memcached::MemcachedAddressError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct MemcachedOptions {
    servers: Vec<Address>,
    key: CacheKey,
    placement: MemcachedPlacement,
    limits: Limits,
}

impl MemcachedOptions {
    /// One server or several, at least one and at most 65,535.
    ///
    /// # Errors
    /// A text that names no server, or none at all.
    pub fn new<L: AsRef<str>>(locations: impl IntoIterator<Item = L>) -> Result<Self, MemcachedAddressError> {
        let servers: Vec<_> =
            locations.into_iter().map(|location| Address::parse(location.as_ref())).collect::<Result<_, _>>()?;
        if servers.is_empty() || servers.len() > usize::from(u16::MAX) {
            return Err(MemcachedAddressError::new("", "name from 1 to 65535 servers"));
        }
        let second = Duration::from_secs(1);
        let limits =
            Limits { connections: 10, timeout: second, connect: second, idle: Some(Duration::from_secs(10 * 60)) };
        Ok(Self { servers, key: CacheKey::default(), placement: MemcachedPlacement::default(), limits })
    }

    /// How full keys are made of names: the cache's `KEY_PREFIX` and `VERSION`.
    pub fn key(mut self, key: CacheKey) -> Self {
        self.key = key;
        self
    }

    /// How keys are spread over several servers; as pymemcache does it unless told.
    pub fn placement(mut self, placement: MemcachedPlacement) -> Self {
        self.placement = placement;
        self
    }

    /// How long an operation may take, waiting for a connection and making one included; 1 second unless told.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.timeout = timeout;
        self
    }

    /// How long making a connection may take, within [`timeout`](Self::timeout); 1 second unless told.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.limits.connect = timeout;
        self
    }

    /// How many connections to each server at most, idle ones included; 10 unless told, and never fewer than 1.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.limits.connections = connections.max(1);
        self
    }

    /// After so long without work a connection is not used again; 10 minutes unless told, `None` for no such limit.
    pub fn connection_idle(mut self, limit: Option<Duration>) -> Self {
        self.limits.idle = limit;
        self
    }

    /// The storage. No server is asked yet: connections are made when they are needed.
    #[must_use]
    pub fn open(self) -> MemcachedStorage {
        let limits = self.limits;
        let pools = (0_u16..).zip(self.servers).map(|(index, address)| Pool::new(address, index, limits));
        let inner =
            Inner { servers: pools.collect(), placement: self.placement, key: self.key, timeout: limits.timeout };
        MemcachedStorage { inner: Arc::new(inner), clock: Clock::system() }
    }
}

impl fmt::Debug for MemcachedOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemcachedOptions")
            .field("servers", &self.servers)
            .field("key", &self.key)
            .field("placement", &self.placement)
            .field("limits", &self.limits)
            .finish()
    }
}
