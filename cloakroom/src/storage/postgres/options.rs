use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::columns::Types;
use super::statements::Statements;
use super::{Handle, PostgresStorage};
use crate::storage::layout::Layout;
use crate::storage::sql::{Connections, Limits};

/// Django's table for sessions.
pub(super) const DEFAULT_TABLE: &str = "django_session";

/// How a connection to PostgreSQL is encrypted: libpq's `sslmode`.
///
/// ```
/// use cloakroom::storage::postgres::PostgresTls;
///
/// assert_eq!(PostgresTls::from_sslmode("verify-full"), Some(PostgresTls::VerifyFull));
/// assert_eq!(PostgresTls::from_sslmode("always"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PostgresTls {
    /// `disable`: never.
    Disable,
    /// `prefer`, libpq's default: where the server can, without a look at its certificate. `allow` is this too.
    Prefer,
    /// `require`: always, without a look at its certificate.
    Require,
    /// `verify-ca`: always, with a certificate that a known authority signed.
    VerifyCa,
    /// `verify-full`: the same, and the certificate is for the host that was asked for.
    VerifyFull,
}

impl PostgresTls {
    /// By libpq's name for it.
    #[must_use]
    pub fn from_sslmode(name: &str) -> Option<Self> {
        Some(match name {
            "disable" => Self::Disable,
            "allow" | "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => return None,
        })
    }
}

/// Which PostgreSQL database holds the sessions, and how it is reached.
///
/// What is not said here is taken where libpq takes it: from `PGHOST`, `PGPORT`, `PGUSER`, `PGPASSWORD`,
/// `PGDATABASE`, `PGSSLMODE` and their like, and then from libpq's defaults. The password file `.pgpass` and the service
/// file are not read.
///
/// ```
/// use cloakroom::storage::postgres::{PostgresOptions, PostgresTls};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let options = PostgresOptions::new()
///     .host("db.example")
///     .port(5433)
///     .user("ada")
///     .password("secret")
///     .database("site")
///     .tls(PostgresTls::VerifyFull)
///     .root_certificate("/etc/ssl/db-ca.pem")
///     .client_certificate("/etc/ssl/site.pem", "/etc/ssl/site.key")
///     .application_name("site")
///     .startup_option("search_path", "shop")
///     .max_connections(20)
///     .timeout(Duration::from_secs(2))
///     .connect_timeout(Duration::from_secs(1))
///     .connection_lifetime(Some(Duration::from_secs(3600)))
///     .connection_idle(Some(Duration::from_secs(60)))
///     .schema("shop")
///     .table("shop_session")
///     .pgbouncer(false);
/// assert!(!format!("{options:?}").contains("secret"));
/// assert_eq!(options.open().table(), "shop.shop_session");
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct PostgresOptions {
    connect: PgConnectOptions,
    startup: Vec<(String, String)>,
    limits: Limits,
    target: Target,
}

/// An application's own pool, and what is to be found through it.
///
/// ```no_run
/// use cloakroom::storage::postgres::{PostgresPoolOptions, PostgresStorage};
/// use std::time::Duration;
///
/// # async fn example() -> Result<(), sqlx::Error> {
/// let pool = sqlx::PgPool::connect_lazy("postgres://db.example/site")?;
/// let options: PostgresPoolOptions = PostgresStorage::from_pool(pool);
/// let storage = options.schema("shop").table("shop_session").timeout(Duration::from_secs(1)).pgbouncer(false).open();
/// assert_eq!(storage.table(), "shop.shop_session");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct PostgresPoolOptions {
    pool: sqlx::PgPool,
    timeout: Duration,
    target: Target,
}

/// The table, and the way there.
#[derive(Clone, Debug)]
struct Target {
    schema: Option<String>,
    table: String,
    pgbouncer: bool,
}

impl Default for Target {
    fn default() -> Self {
        Self { schema: None, table: DEFAULT_TABLE.to_owned(), pgbouncer: false }
    }
}

/// A statement ends itself somewhat before it is given up here, so that it does not take effect after that.
#[derive(Clone, Copy)]
struct Ends {
    statement: u128,
    lock: u128,
}

impl Ends {
    fn before(timeout: Duration) -> Self {
        // 0 would mean for ever.
        let at_least_one = |duration: Duration| duration.as_millis().max(1);
        Self { statement: at_least_one(timeout - timeout / 8), lock: at_least_one(timeout - timeout / 4) }
    }
}

impl Target {
    fn storage(self, connections: Connections<sqlx::Postgres>, timeout: Duration) -> PostgresStorage {
        let simple = self.pgbouncer.then(|| {
            let ends = Ends::before(timeout);
            format!("SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = {}; ", ends.statement, ends.lock)
        });
        PostgresStorage(Arc::new(Handle {
            connections,
            statements: Statements::new(Layout::Sessions, self.schema.as_deref(), &self.table, self.pgbouncer),
            is_djangos: self.table == DEFAULT_TABLE,
            schema: self.schema,
            together: super::together::Together::default(),
            types: Types::default(),
            simple,
        }))
    }
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl PostgresOptions {
    /// The database that libpq's environment variables and defaults name.
    pub fn new() -> Self {
        Self {
            connect: PgConnectOptions::new_without_pgpass(),
            startup: Vec::new(),
            limits: Limits::default(),
            target: Target::default(),
        }
    }

    /// The host, or the folder of the Unix socket, which begins with a slash.
    pub fn host(mut self, host: &str) -> Self {
        self.connect = self.connect.host(host);
        self
    }

    /// The port; 5432 unless told.
    pub fn port(mut self, port: u16) -> Self {
        self.connect = self.connect.port(port);
        self
    }

    /// The role to log in as; unless told, the name of the user that the process runs as.
    pub fn user(mut self, user: &str) -> Self {
        self.connect = self.connect.username(user);
        self
    }

    /// Its password.
    pub fn password(mut self, password: &str) -> Self {
        self.connect = self.connect.password(password);
        self
    }

    /// The name of the database; unless told, that of the user.
    pub fn database(mut self, database: &str) -> Self {
        self.connect = self.connect.database(database);
        self
    }

    /// How the connection is encrypted; [`PostgresTls::Prefer`] unless told.
    pub fn tls(mut self, tls: PostgresTls) -> Self {
        self.connect = self.connect.ssl_mode(match tls {
            PostgresTls::Disable => PgSslMode::Disable,
            PostgresTls::Prefer => PgSslMode::Prefer,
            PostgresTls::Require => PgSslMode::Require,
            PostgresTls::VerifyCa => PgSslMode::VerifyCa,
            PostgresTls::VerifyFull => PgSslMode::VerifyFull,
        });
        self
    }

    /// A file of certificates (PEM) of the authorities that may sign the server's, **beside** the public ones, which
    /// are always known. (libpq knows those of the file alone.)
    pub fn root_certificate(mut self, path: impl AsRef<Path>) -> Self {
        self.connect = self.connect.ssl_root_cert(path);
        self
    }

    /// The files (PEM) of this client's own certificate and its key.
    pub fn client_certificate(mut self, certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Self {
        self.connect = self.connect.ssl_client_cert(certificate).ssl_client_key(key);
        self
    }

    /// What the server calls these connections in `pg_stat_activity`.
    pub fn application_name(mut self, name: &str) -> Self {
        self.connect = self.connect.application_name(name);
        self
    }

    /// The same, unless a name was given.
    pub(crate) fn fallback_application_name(self, name: &str) -> Self {
        if self.connect.get_application_name().is_none() { self.application_name(name) } else { self }
    }

    /// A parameter of the server for these connections, such as `search_path`: libpq's `-c name=value`. It comes
    /// after the two time-outs that this storage sets, and so before them in rank.
    pub fn startup_option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.startup.push((name.into(), value.into()));
        self
    }

    /// How many connections at most; 10 unless told.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.limits.connections = connections.max(1);
        self
    }

    /// How long an operation may take, waiting for a connection included; 2.4 seconds unless told, so that a write
    /// and the look at what became of it stay within 5 seconds. The server is told to end a statement
    /// (`statement_timeout`) after seven eighths of it.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.timeout = timeout;
        self
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

    /// The schema of the table. Unless told, the `search_path` finds it.
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.target.schema = Some(schema.into());
        self
    }

    /// The table that holds the sessions; `django_session` unless told.
    pub fn table(mut self, table: impl Into<String>) -> Self {
        self.target.table = table.into();
        self
    }

    /// For connections through PgBouncer in transaction mode: nothing is prepared, each operation is one simple query
    /// with its values in it, and no start-up options are sent but those of
    /// [`startup_option`](Self::startup_option), which PgBouncer refuses unless told otherwise. Works without
    /// PgBouncer too; the server then parses and plans each statement anew.
    pub fn pgbouncer(mut self, pgbouncer: bool) -> Self {
        self.target.pgbouncer = pgbouncer;
        self
    }

    /// The storage. This does no I/O: connections are made when they are needed.
    #[must_use]
    pub fn open(self) -> PostgresStorage {
        let mut connect = self.connect;
        if self.target.pgbouncer {
            connect = connect.extra_float_digits(None).statement_cache_capacity(0);
        } else {
            let ends = Ends::before(self.limits.timeout);
            connect = connect.options([("statement_timeout", ends.statement), ("lock_timeout", ends.lock)]);
        }
        if !self.startup.is_empty() {
            connect = connect.options(self.startup);
        }
        let timeout = self.limits.timeout;
        self.target.storage(Connections::own(connect, Vec::new(), self.limits), timeout)
    }
}

impl fmt::Debug for PostgresOptions {
    /// Leaves out the password, and the start-up options, which may hold one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("host", &self.connect.get_host())
            .field("port", &self.connect.get_port())
            .field("user", &self.connect.get_username())
            .field("database", &self.connect.get_database())
            .field("tls", &self.connect.get_ssl_mode())
            .field("limits", &self.limits)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

impl PostgresPoolOptions {
    pub(super) fn new(pool: sqlx::PgPool) -> Self {
        Self { pool, timeout: Limits::default().timeout, target: Target::default() }
    }

    /// As [`PostgresOptions::schema`].
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.target.schema = Some(schema.into());
        self
    }

    /// As [`PostgresOptions::table`].
    pub fn table(mut self, table: impl Into<String>) -> Self {
        self.target.table = table.into();
        self
    }

    /// As [`PostgresOptions::timeout`], but the server is told only behind PgBouncer: the connections are the
    /// application's.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// As [`PostgresOptions::pgbouncer`]. **The pool must not log statements** then, since they hold session keys and
    /// data: make it with `disable_statement_logging()` of [`sqlx::ConnectOptions`]. PgBouncer also wants
    /// `extra_float_digits(None)`.
    pub fn pgbouncer(mut self, pgbouncer: bool) -> Self {
        self.target.pgbouncer = pgbouncer;
        self
    }

    /// The storage. This does no I/O.
    #[must_use]
    pub fn open(self) -> PostgresStorage {
        self.target.storage(Connections::of_pool(self.pool, self.timeout), self.timeout)
    }
}
