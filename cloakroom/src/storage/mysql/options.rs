use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::tz::TimeZone;
use sqlx::mysql::MySqlConnectOptions;

use super::statements::{Ends, Statements};
use super::{Handle, MysqlStorage, MysqlTls};
use crate::storage::date_column::DateColumn;
use crate::storage::layout::Layout;
use crate::storage::sql::{Connections, Limits};

/// Django's table for sessions.
const DEFAULT_TABLE: &str = "django_session";

/// What a transaction sees of others. Every promise of the storage holds at each of them.
///
/// ```
/// use cloakroom::storage::mysql::MysqlIsolation;
///
/// assert_eq!(MysqlIsolation::from_name("Read Committed"), Some(MysqlIsolation::ReadCommitted));
/// assert_eq!(MysqlIsolation::from_name("snapshot"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MysqlIsolation {
    /// `read uncommitted`
    ReadUncommitted,
    /// `read committed`, Django's default and the one here.
    ReadCommitted,
    /// `repeatable read`, the server's own default.
    RepeatableRead,
    /// `serializable`
    Serializable,
}

impl MysqlIsolation {
    /// By the name that Django's `isolation_level` has for it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::ReadUncommitted, Self::ReadCommitted, Self::RepeatableRead, Self::Serializable]
            .into_iter()
            .find(|level| level.sql().eq_ignore_ascii_case(name))
    }

    fn sql(self) -> &'static str {
        match self {
            Self::ReadUncommitted => "READ UNCOMMITTED",
            Self::ReadCommitted => "READ COMMITTED",
            Self::RepeatableRead => "REPEATABLE READ",
            Self::Serializable => "SERIALIZABLE",
        }
    }
}

/// Which MySQL or MariaDB database holds the sessions, and how it is reached.
///
/// ```
/// use cloakroom::storage::mysql::{MysqlIsolation, MysqlOptions, MysqlTls};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let options = MysqlOptions::new("site")
///     .host("db.example")
///     .port(3307)
///     .user("ada")
///     .password("secret")
///     .tls(MysqlTls::VerifyIdentity)
///     .root_certificate("/etc/ssl/db-ca.pem")
///     .client_certificate("/etc/ssl/site.pem", "/etc/ssl/site.key")
///     .isolation(Some(MysqlIsolation::ReadCommitted))
///     .sql_mode("ANSI")
///     .init_command("SET lc_messages = 'en_US'")
///     .max_connections(20)
///     .timeout(Duration::from_secs(2))
///     .connect_timeout(Duration::from_secs(1))
///     .connection_lifetime(Some(Duration::from_secs(3600)))
///     .connection_idle(Some(Duration::from_secs(60)))
///     .table("shop_session")
///     .time_zone(None);
/// assert!(!format!("{options:?}").contains("secret"));
/// assert_eq!(options.open().table(), "shop_session");
/// // Over a Unix socket, which takes the place of host and port:
/// let _ = MysqlOptions::new("site").socket("/run/mysqld/mysqld.sock").user("ada").open();
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct MysqlOptions {
    connect: MySqlConnectOptions,
    tls: Option<MysqlTls>,
    init_command: Option<String>,
    sql_mode: Option<String>,
    isolation: Option<MysqlIsolation>,
    limits: Limits,
    target: Target,
}

/// An application's own pool, and what is to be found through it.
///
/// ```no_run
/// use cloakroom::storage::mysql::{MysqlPoolOptions, MysqlStorage};
/// use std::time::Duration;
///
/// # async fn example() -> Result<(), sqlx::Error> {
/// let pool = sqlx::MySqlPool::connect_lazy("mysql://ada@db.example/site")?;
/// let options: MysqlPoolOptions = MysqlStorage::from_pool(pool);
/// let storage = options.table("shop_session").time_zone(None).timeout(Duration::from_secs(1)).open();
/// assert_eq!(storage.table(), "shop_session");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct MysqlPoolOptions {
    pool: sqlx::MySqlPool,
    timeout: Duration,
    target: Target,
}

/// The table, and how moments are kept in it.
#[derive(Clone, Debug)]
struct Target {
    table: String,
    time_zone: Option<TimeZone>,
}

impl Default for Target {
    fn default() -> Self {
        Self { table: DEFAULT_TABLE.to_owned(), time_zone: None }
    }
}

impl Target {
    fn storage(self, connections: Connections<sqlx::MySql>, foreign: Option<&Ends>) -> MysqlStorage {
        let prefix = foreign.map(Ends::for_statement).unwrap_or_default();
        MysqlStorage(Arc::new(Handle {
            connections,
            statements: Statements::new(Layout::Sessions, &self.table, &prefix),
            dates: DateColumn(self.time_zone),
            is_djangos: self.table == DEFAULT_TABLE,
            autocommit: foreign.map(|_| OnceLock::new()),
        }))
    }
}

impl MysqlOptions {
    /// A database of the server on this machine, over TCP, as `root` without a password.
    pub fn new(database: &str) -> Self {
        // All that sqlx would set on a connection is set below, or does not matter.
        let connect = MySqlConnectOptions::new().pipes_as_concat(false).no_engine_substitution(false);
        Self {
            connect: connect.timezone(None::<String>).set_names(false).database(database),
            tls: None,
            init_command: None,
            sql_mode: None,
            isolation: Some(MysqlIsolation::ReadCommitted),
            limits: Limits::default(),
            target: Target::default(),
        }
    }

    /// The name of the database.
    pub fn database(mut self, database: &str) -> Self {
        self.connect = self.connect.database(database);
        self
    }

    /// The host; `localhost` unless told.
    pub fn host(mut self, host: &str) -> Self {
        self.connect = self.connect.host(host);
        self
    }

    /// The port; 3306 unless told.
    pub fn port(mut self, port: u16) -> Self {
        self.connect = self.connect.port(port);
        self
    }

    /// The Unix socket of the server, instead of a host and a port.
    pub fn socket(mut self, path: impl AsRef<Path>) -> Self {
        self.connect = self.connect.socket(path);
        self
    }

    /// The user to log in as.
    pub fn user(mut self, user: &str) -> Self {
        self.connect = self.connect.username(user);
        self
    }

    /// The user's password. MySQL 8's `caching_sha2_password` takes it over TLS or a Unix socket only.
    pub fn password(mut self, password: &str) -> Self {
        self.connect = self.connect.password(password);
        self
    }

    /// How the connection is encrypted. Unless told, [`MysqlTls::Preferred`] over TCP, and not at all over a socket.
    pub fn tls(mut self, tls: MysqlTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// A file of certificates (PEM) of the authorities that may sign the server's, **beside** the public ones, which
    /// are always known. (The client library knows those of the file alone.)
    pub fn root_certificate(mut self, path: impl AsRef<Path>) -> Self {
        self.connect = self.connect.ssl_ca(path);
        self
    }

    /// The files (PEM) of this client's own certificate and its key.
    pub fn client_certificate(mut self, certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Self {
        self.connect = self.connect.ssl_client_cert(certificate).ssl_client_key(key);
        self
    }

    /// SQL that is run on each new connection, before what the storage itself sets.
    pub fn init_command(mut self, sql: impl Into<String>) -> Self {
        self.init_command = Some(sql.into());
        self
    }

    /// The `sql_mode` of the connections. `STRICT_TRANS_TABLES` is added to it: nothing is ever cut off in silence.
    pub fn sql_mode(mut self, mode: impl Into<String>) -> Self {
        self.sql_mode = Some(mode.into());
        self
    }

    /// The isolation level of the connections; Django's `read committed` unless told, `None` for the server's own.
    pub fn isolation(mut self, level: Option<MysqlIsolation>) -> Self {
        self.isolation = level;
        self
    }

    /// How many connections at most; 10 unless told.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.limits.connections = connections.max(1);
        self
    }

    /// How long an operation may take, waiting for a connection included; 2.4 seconds unless told, so that a write
    /// and the look at what became of it stay within 5 seconds. The server is told to end a statement after seven
    /// eighths of it (`max_statement_time`, on MariaDB), and to wait for locks three quarters of it, in whole seconds
    /// and at least one.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.timeout = timeout;
        self
    }

    /// The shorter of this and the time-out so far.
    pub(crate) fn timeout_at_most(self, timeout: Duration) -> Self {
        let timeout = self.limits.timeout.min(timeout);
        self.timeout(timeout)
    }

    /// How long making a connection may take, within [`timeout`](Self::timeout).
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.limits.connect = Some(timeout);
        self
    }

    /// After so long a connection is not used again; 30 minutes unless told, `None` for never.
    pub fn connection_lifetime(mut self, lifetime: Option<Duration>) -> Self {
        self.limits.lifetime = lifetime;
        self
    }

    /// After so long without work a connection is not used again; 10 minutes unless told, `None` for never.
    pub fn connection_idle(mut self, idle: Option<Duration>) -> Self {
        self.limits.idle = idle;
        self
    }

    /// The table that holds the sessions; `django_session` unless told.
    pub fn table(mut self, table: impl Into<String>) -> Self {
        self.target.table = table.into();
        self
    }

    /// How `expire_date` is kept. `None`, the default, is Django's `USE_TZ = True`: UTC. `Some(zone)` is
    /// `USE_TZ = False` with that `TIME_ZONE`: the local time there, without an offset.
    pub fn time_zone(mut self, zone: Option<TimeZone>) -> Self {
        self.target.time_zone = zone;
        self
    }

    /// The storage. This does no I/O: connections are made when they are needed.
    #[must_use]
    pub fn open(self) -> MysqlStorage {
        let over_tcp = self.connect.get_socket().is_none();
        let tls = self.tls.unwrap_or(if over_tcp { MysqlTls::Preferred } else { MysqlTls::Disabled });
        let ends = Ends::before(self.limits.timeout);
        let mut setup: Vec<String> = self.init_command.into_iter().collect();
        let mode = match &self.sql_mode {
            // A list of words; what is none cannot be a mode.
            Some(mode) => format!("'{}'", mode.replace(['\'', '\\'], "")),
            None => "@@SESSION.sql_mode".to_owned(),
        };
        let isolation =
            self.isolation.map(|level| format!("SET SESSION TRANSACTION ISOLATION LEVEL {}; ", level.sql()));
        // One round trip.
        setup.push(format!(
            "SET NAMES utf8mb4; {}{}; SET SESSION autocommit = 1, sql_mode = CONCAT({mode}, ',STRICT_TRANS_TABLES')",
            isolation.unwrap_or_default(),
            ends.for_session(),
        ));
        let connections = Connections::own(self.connect.ssl_mode(tls.mode()), setup, self.limits);
        self.target.storage(connections, None)
    }
}

impl fmt::Debug for MysqlOptions {
    /// Leaves out the password, and the command, which may hold one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MysqlOptions")
            .field("host", &self.connect.get_host())
            .field("port", &self.connect.get_port())
            .field("socket", &self.connect.get_socket())
            .field("user", &self.connect.get_username())
            .field("database", &self.connect.get_database())
            .field("tls", &self.tls)
            .field("init_command", &self.init_command.is_some())
            .field("sql_mode", &self.sql_mode)
            .field("isolation", &self.isolation)
            .field("limits", &self.limits)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

impl MysqlPoolOptions {
    pub(super) fn new(pool: sqlx::MySqlPool) -> Self {
        Self { pool, timeout: Limits::default().timeout, target: Target::default() }
    }

    /// As [`MysqlOptions::table`].
    pub fn table(mut self, table: impl Into<String>) -> Self {
        self.target.table = table.into();
        self
    }

    /// As [`MysqlOptions::time_zone`].
    pub fn time_zone(mut self, zone: Option<TimeZone>) -> Self {
        self.target.time_zone = zone;
        self
    }

    /// As [`MysqlOptions::timeout`], but only MariaDB is told of it: the connections are the application's.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The storage. This does no I/O.
    #[must_use]
    pub fn open(self) -> MysqlStorage {
        let ends = Ends::before(self.timeout);
        self.target.storage(Connections::of_pool(self.pool, self.timeout), Some(&ends))
    }
}
