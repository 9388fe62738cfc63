//! `DATABASES`.

mod table;
mod url;

use std::fmt;

use super::environ::{OptionValue, Options, Shown, find};

/// One of the `DATABASES`, under Django's names. `Debug` and `Display` do not show its password.
///
/// ```
/// use cloakroom::{Database, DatabaseKind};
///
/// let database = Database::from_url("psql://ada:p%40ss@db.example:5433/site?sslmode=require&conn_max_age=60")?;
/// assert_eq!(database.kind(), DatabaseKind::PostgreSql);
/// assert_eq!(database.backend(), "django.db.backends.postgresql");
/// assert_eq!((database.user(), database.password()), ("ada", "p@ss"));
/// assert_eq!((database.host(), database.port(), database.name()), ("db.example", "5433", "site"));
/// assert_eq!(database.option("sslmode").and_then(|value| value.as_text()), Some("require"));
/// assert_eq!(database.setting("CONN_MAX_AGE").and_then(|value| value.as_int()), Some(60));
/// assert_eq!((database.options().len(), database.settings().len()), (1, 1));
/// assert_eq!(database.to_string(), "postgresql://ada:…@db.example:5433/site?CONN_MAX_AGE=60&sslmode=require");
/// assert!(Database::from_url("sqlite://:memory:")?.is_in_memory());
/// # Ok::<(), cloakroom::SettingsError>(())
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct Database {
    backend: String,
    name: String,
    user: String,
    password: String,
    host: String,
    port: String,
    settings: Options,
    options: Options,
}

/// The kinds of databases.
///
/// ```
/// use cloakroom::{Database, DatabaseKind};
///
/// assert_eq!(Database::from_url("sqlite:///db.sqlite3")?.kind(), DatabaseKind::Sqlite);
/// assert_eq!(Database::from_url("mysql://db.example/site")?.kind(), DatabaseKind::MySql);
/// assert_eq!(DatabaseKind::PostgreSql.to_string(), "postgresql");
/// # Ok::<(), cloakroom::SettingsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DatabaseKind {
    /// SQLite, SpatiaLite too.
    Sqlite,
    /// PostgreSQL, PostGIS too.
    PostgreSql,
    /// MySQL and MariaDB.
    MySql,
    /// One that cloakroom cannot read.
    Other,
}

impl fmt::Display for DatabaseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::PostgreSql => "postgresql",
            Self::MySql => "mysql",
            Self::Other => "other",
        })
    }
}

impl Database {
    /// What kind of database it is, by its `ENGINE`.
    #[must_use]
    pub fn kind(&self) -> DatabaseKind {
        match self.backend.as_str() {
            "mysql.connector.django" => DatabaseKind::MySql,
            backend => match backend.rsplit('.').next().unwrap_or_default() {
                "sqlite3" | "spatialite" => DatabaseKind::Sqlite,
                "postgresql" | "postgis" | "postgresql_psycopg2" => DatabaseKind::PostgreSql,
                "mysql" => DatabaseKind::MySql,
                _ => DatabaseKind::Other,
            },
        }
    }

    /// `ENGINE`: Django's dotted name of the backend.
    #[must_use]
    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// `NAME`: the database, or the path of the file; relative paths are meant from the current folder.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `USER`; empty if none is given.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// `PASSWORD`; empty if none is given. Handle with care.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// `HOST`: a name, an address, the folder of a Unix socket, or several that commas separate. Empty if none
    /// is given.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `PORT`: one, or several that commas separate. Empty if none is given.
    #[must_use]
    pub fn port(&self) -> &str {
        &self.port
    }

    /// The settings beside these: `CONN_MAX_AGE`, `ATOMIC_REQUESTS`, `TIME_ZONE` …
    #[must_use]
    pub fn settings(&self) -> &[(String, OptionValue)] {
        &self.settings
    }

    /// One of them.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&OptionValue> {
        find(&self.settings, name)
    }

    /// `OPTIONS`, what the driver is given. Tables within have dots in their names: `ssl.ca`.
    #[must_use]
    pub fn options(&self) -> &[(String, OptionValue)] {
        &self.options
    }

    /// One of them.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&OptionValue> {
        find(&self.options, name)
    }

    /// Whether it is an SQLite database in memory, which no other program can share.
    #[must_use]
    pub fn is_in_memory(&self) -> bool {
        self.kind() == DatabaseKind::Sqlite
            && (self.name.is_empty() || self.name == ":memory:" || self.name.contains("mode=memory"))
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            DatabaseKind::Other => write!(f, "{}://", self.backend)?,
            kind => write!(f, "{kind}://")?,
        }
        if !self.user.is_empty() || !self.password.is_empty() {
            f.write_str(&self.user)?;
            f.write_str(if self.password.is_empty() { "@" } else { ":…@" })?;
        }
        f.write_str(&self.host)?;
        if !self.port.is_empty() {
            write!(f, ":{}", self.port)?;
        }
        write!(f, "/{}{}", self.name, Shown(&[&self.settings, &self.options]))
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({self})")
    }
}
