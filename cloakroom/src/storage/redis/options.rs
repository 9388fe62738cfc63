use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::cluster::Cluster;
use super::dial::{Address, Dialer, Login};
use super::given::RedisConnection;
use super::life::RedisExpiry;
use super::link::{End, Link};
use super::sentinel::Sentinels;
use super::tls::{RedisTls, Tls};
use super::way::Way;
use super::{Inner, RedisStorage};
use crate::Clock;
use crate::storage::CacheKey;

/// Where Redis listens unless told otherwise.
const PORT: u16 = 6379;
/// What a cache is given for an answer.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Which Redis holds the entries, how it is reached, and what they are called there.
///
/// ```
/// use cloakroom::storage::CacheKey;
/// use cloakroom::storage::redis::{RedisExpiry, RedisOptions, RedisTls};
/// use std::time::Duration;
///
/// let options = RedisOptions::new()
///     .host("cache.example")
///     .port(6380)
///     .user("site")
///     .password("hunter2")
///     .database(1)
///     .tls(RedisTls::VerifyFull)
///     .root_certificate("/etc/ssl/cache-ca.pem")
///     .client_certificate("/etc/ssl/site.pem", "/etc/ssl/site.key")
///     .timeout(Duration::from_secs(2))
///     .connect_timeout(Duration::from_secs(1))
///     .key(CacheKey::new("shop", "2"))
///     .expiry(RedisExpiry::Milliseconds);
/// let shown = format!("{options:?}");
/// assert!(shown.contains("cache.example:6380") && !shown.contains("hunter2"));
/// let storage = options.open();
/// assert!(format!("{storage:?}").contains("shop:2:"));
/// let _ = RedisOptions::new().unix_socket("/run/redis/redis.sock");
/// ```
#[derive(Clone)]
#[must_use]
pub struct RedisOptions {
    place: Place,
    login: Login,
    database: i64,
    tls: Option<Tls>,
    connect_timeout: Option<Duration>,
    entries: Entries,
}

#[derive(Clone)]
enum Place {
    Server(Address),
    Sentinel { service: String, sentinels: Vec<Address>, login: Login },
    Cluster(Vec<Address>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(address) => write!(f, "{address}"),
            Self::Cluster(servers) => write!(f, "a cluster with {servers:?}"),
            Self::Sentinel { service, sentinels, .. } => write!(f, "{service} by the sentinels {sentinels:?}"),
        }
    }
}

/// An application's own connection, and what the entries are called there.
///
/// ```no_run
/// use cloakroom::storage::redis::{RedisConnectionOptions, RedisExpiry};
/// use cloakroom::storage::{CacheKey, RedisStorage};
/// use std::time::Duration;
///
/// # async fn example() -> Result<(), redis::RedisError> {
/// let manager = redis::Client::open("redis://cache.example/1")?.get_connection_manager().await?;
/// let options: RedisConnectionOptions = RedisStorage::from_connection(manager);
/// let options = options.key(CacheKey::new("shop", "2")).expiry(RedisExpiry::Seconds);
/// let storage = options.timeout(Duration::from_secs(1)).open();
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RedisConnectionOptions {
    connection: RedisConnection,
    entries: Entries,
}

/// What holds for the entries, wherever they are.
#[derive(Clone, Debug)]
struct Entries {
    key: CacheKey,
    expiry: RedisExpiry,
    timeout: Duration,
}

impl Default for Entries {
    fn default() -> Self {
        Self { key: CacheKey::default(), expiry: RedisExpiry::default(), timeout: TIMEOUT }
    }
}

impl Entries {
    fn storage(self, way: Way, place: String) -> RedisStorage {
        let Self { key, expiry, timeout } = self;
        let pattern = format!("{}*", escaped(&key.of("")));
        RedisStorage { inner: Arc::new(Inner { way, place, key, pattern, expiry, timeout }), clock: Clock::system() }
    }
}

/// A text as a pattern that fits this text only.
fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(|character| "*?[]\\^-".contains(character).then_some('\\').into_iter().chain([character]))
        .collect()
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl RedisOptions {
    /// Port 6379 of this machine, database 0, without a password.
    pub fn new() -> Self {
        Self {
            place: Place::Server(Address::Tcp("localhost".to_owned(), PORT)),
            login: Login::default(),
            database: 0,
            tls: None,
            connect_timeout: None,
            entries: Entries::default(),
        }
    }

    /// The host; `localhost` unless told.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        let port = match self.place {
            Place::Server(Address::Tcp(_, port)) => port,
            _ => PORT,
        };
        self.place = Place::Server(Address::Tcp(host.into(), port));
        self
    }

    /// The port; 6379 unless told.
    pub fn port(mut self, port: u16) -> Self {
        let host = match self.place {
            Place::Server(Address::Tcp(host, _)) => host,
            _ => "localhost".to_owned(),
        };
        self.place = Place::Server(Address::Tcp(host, port));
        self
    }

    /// The server's Unix socket, in the place of host and port.
    pub fn unix_socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.place = Place::Server(Address::Unix(path.into()));
        self
    }

    /// The primary that Redis Sentinel names for a service, in the place of host and port. The sentinels are asked
    /// whenever a connection is made, so a failover is followed without a restart.
    ///
    /// ```
    /// use cloakroom::storage::redis::RedisOptions;
    ///
    /// let sentinels = [("one.example", 26379), ("two.example", 26379), ("three.example", 26379)];
    /// let options = RedisOptions::new().sentinel("mymaster", sentinels).sentinel_login(None, "hunter2").database(1);
    /// assert!(format!("{options:?}").contains("mymaster by the sentinels [one.example:26379"));
    /// ```
    pub fn sentinel<H: Into<String>>(
        mut self,
        service: impl Into<String>,
        sentinels: impl IntoIterator<Item = (H, u16)>,
    ) -> Self {
        let sentinels = sentinels.into_iter().map(|(host, port)| Address::Tcp(host.into(), port)).collect();
        self.place = Place::Sentinel { service: service.into(), sentinels, login: Login::default() };
        self
    }

    /// As whom one logs in to the sentinels themselves, where they ask. After [`sentinel`](Self::sentinel).
    pub fn sentinel_login(mut self, user: Option<&str>, password: impl Into<String>) -> Self {
        if let Place::Sentinel { login, .. } = &mut self.place {
            *login = Login { user: user.map(str::to_owned), password: Some(password.into()) };
        }
        self
    }

    /// A Redis Cluster by some of its servers, in the place of host and port; the others, and what becomes of them, are
    /// found out. A change of key takes two steps there, since its two keys may be on two servers.
    ///
    /// ```
    /// use cloakroom::storage::Storage;
    /// use cloakroom::storage::redis::RedisOptions;
    ///
    /// let storage = RedisOptions::new().cluster([("one.example", 7000), ("two.example", 7000)]).open();
    /// assert!(!storage.capabilities().atomic_rename);
    /// ```
    pub fn cluster<H: Into<String>>(mut self, servers: impl IntoIterator<Item = (H, u16)>) -> Self {
        let servers = servers.into_iter().map(|(host, port)| Address::Tcp(host.into(), port)).collect();
        self.place = Place::Cluster(servers);
        self
    }

    /// The user to log in as (`ACL`); the server's default user unless told.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.login.user = Some(user.into());
        self
    }

    /// The password.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.login.password = Some(password.into());
        self
    }

    /// The number of the database; 0 unless told.
    pub fn database(mut self, number: u32) -> Self {
        self.database = number.into();
        self
    }

    /// TLS, and how far the server's certificate is looked at; without this, none. Over a Unix socket there is none
    /// either way, and the sentinels are asked without.
    pub fn tls(self, mode: RedisTls) -> Self {
        self.with_tls(|tls| tls.mode = mode)
    }

    /// A file of certificates (PEM) of the authorities that may sign the server's, beside the system's. Means TLS.
    pub fn root_certificate(self, path: impl AsRef<Path>) -> Self {
        let authorities = Some(path.as_ref().to_owned());
        self.with_tls(|tls| tls.authorities = authorities)
    }

    /// The files (PEM) of this client's own certificate and its key. Means TLS.
    pub fn client_certificate(self, certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Self {
        let identity = Some((certificate.as_ref().to_owned(), key.as_ref().to_owned()));
        self.with_tls(|tls| tls.identity = identity)
    }

    fn with_tls(mut self, change: impl FnOnce(&mut Tls)) -> Self {
        let mut tls = self.tls.take().unwrap_or_default().afresh();
        change(&mut tls);
        self.tls = Some(tls);
        self
    }

    /// How long an operation may take, making a connection included; 1 second unless told.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.entries.timeout = timeout;
        self
    }

    /// How long making a connection may take, within [`timeout`](Self::timeout), which it is unless told.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// What keys are called in this cache: its `KEY_PREFIX` and `VERSION`.
    pub fn key(mut self, key: CacheKey) -> Self {
        self.entries.key = key;
        self
    }

    /// How the life of an entry is counted; in seconds, as Django's own backend does, unless told.
    pub fn expiry(mut self, expiry: RedisExpiry) -> Self {
        self.entries.expiry = expiry;
        self
    }

    /// The storage. The server is not asked yet.
    #[must_use]
    pub fn open(self) -> RedisStorage {
        let timeout = self.connect_timeout.unwrap_or(self.entries.timeout).min(self.entries.timeout);
        let place = self.place.to_string();
        let dialer = Dialer { login: self.login, database: self.database, tls: self.tls, timeout };
        let link = |end| Way::Link(Box::new(Link::to(end)));
        let way = match self.place {
            Place::Server(address) => link(End::Server(dialer, address)),
            Place::Sentinel { service, sentinels, login } => {
                let ask = Dialer { login, database: 0, tls: None, timeout };
                link(End::Sentinels(Sentinels::new(service, sentinels, ask, dialer)))
            }
            Place::Cluster(servers) => Way::Cluster(Box::new(Cluster::new(dialer, servers))),
        };
        self.entries.storage(way, place)
    }
}

impl fmt::Debug for RedisOptions {
    /// Leaves out passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("place", &format_args!("{}", self.place))
            .field("user", &self.login.user)
            .field("database", &self.database)
            .field("tls", &self.tls)
            .field("connect_timeout", &self.connect_timeout)
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}

impl RedisConnectionOptions {
    pub(super) fn new(connection: RedisConnection) -> Self {
        Self { connection, entries: Entries::default() }
    }

    /// What keys are called in this cache: its `KEY_PREFIX` and `VERSION`.
    pub fn key(mut self, key: CacheKey) -> Self {
        self.entries.key = key;
        self
    }

    /// How the life of an entry is counted; in seconds, as Django's own backend does, unless told.
    pub fn expiry(mut self, expiry: RedisExpiry) -> Self {
        self.entries.expiry = expiry;
        self
    }

    /// How long an operation may take; 1 second unless told.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.entries.timeout = timeout;
        self
    }

    /// The storage.
    #[must_use]
    pub fn open(self) -> RedisStorage {
        let place = format!("{:?} of the application", self.connection);
        self.entries.storage(Way::Given(self.connection), place)
    }
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn a_prefix_is_no_pattern() {
        assert_eq!(escaped("a*b?[c]\\:1:"), "a\\*b\\?\\[c\\]\\\\:1:");
    }
}
