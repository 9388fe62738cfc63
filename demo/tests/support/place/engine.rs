//! The engines, each with the kinds of places that the tests know.

use cloakroom::EngineName;
use test_servers::{MariaDb, PostgreSql, Redis};

use super::cache::memcached;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Engine {
    Sqlite,
    PostgreSql,
    /// PostgreSQL behind a PgBouncer that hands out connections by the transaction.
    PgBouncer,
    MariaDb,
    /// Redis by Django's own backend.
    Redis,
    DjangoRedis,
    /// By Django's `PyMemcacheCache`.
    Memcached,
    CacheFiles,
    /// A table in PostgreSQL: in SQLite, Django's writes to its cache are lost without a word while another one writes.
    CacheTable,
    PostgreSqlBehindRedis,
    SqliteBehindMemcached,
    File,
    SignedCookies,
}

/// What the entries of a cache are kept in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Front {
    Redis,
    DjangoRedis,
    Memcached,
    Files,
    Table,
}

impl Engine {
    pub(crate) const fn name(self) -> EngineName {
        match self {
            Self::Sqlite | Self::PostgreSql | Self::PgBouncer | Self::MariaDb => EngineName::Db,
            Self::Redis | Self::DjangoRedis | Self::Memcached | Self::CacheFiles | Self::CacheTable => {
                EngineName::Cache
            }
            Self::PostgreSqlBehindRedis | Self::SqliteBehindMemcached => EngineName::CachedDb,
            Self::File => EngineName::File,
            Self::SignedCookies => EngineName::SignedCookies,
        }
    }

    pub(crate) const fn front(self) -> Option<Front> {
        match self {
            Self::Redis | Self::PostgreSqlBehindRedis => Some(Front::Redis),
            Self::DjangoRedis => Some(Front::DjangoRedis),
            Self::Memcached | Self::SqliteBehindMemcached => Some(Front::Memcached),
            Self::CacheFiles => Some(Front::Files),
            Self::CacheTable => Some(Front::Table),
            _ => None,
        }
    }

    /// Whether the session key stands for data on the server, and ends with it.
    pub(crate) const fn keeps_sessions(self) -> bool {
        !matches!(self, Self::SignedCookies)
    }

    /// Whether the database that Django keeps its users in has truth values of a type of their own.
    pub(crate) const fn has_booleans(self) -> bool {
        matches!(self, Self::PostgreSql | Self::PgBouncer | Self::CacheTable | Self::PostgreSqlBehindRedis)
    }

    /// Whether Django judges on the server when a session ends.
    pub(crate) const fn ends_sessions(self) -> bool {
        !matches!(self, Self::File | Self::SignedCookies)
    }

    /// As people call it, with the version of the server.
    pub(crate) fn title(self) -> String {
        let place = match self {
            Self::Sqlite => "SQLite".to_owned(),
            Self::PostgreSql => postgresql(),
            Self::PgBouncer => format!("{}, PgBouncer", postgresql()),
            Self::MariaDb => mariadb(),
            Self::Redis => redis(),
            Self::DjangoRedis => format!("{} by django-redis", redis()),
            Self::Memcached => memcached_server(),
            Self::CacheFiles => "files".to_owned(),
            Self::CacheTable => format!("a table, {}", postgresql()),
            Self::PostgreSqlBehindRedis => format!("{}, {}", postgresql(), redis()),
            Self::SqliteBehindMemcached => format!("SQLite, {}", memcached_server()),
            Self::File | Self::SignedCookies => return self.name().as_str().to_owned(),
        };
        format!("{}, {place}", self.name())
    }
}

fn with_version(server: &str, version: Option<String>) -> String {
    let version = version.unwrap_or_default();
    format!("{server} {}", version.split(['-', ' ']).next().unwrap_or_default()).trim_end().to_owned()
}

fn postgresql() -> String {
    with_version("PostgreSQL", PostgreSql::shared().map(|server| server.psql("postgres", "SHOW server_version")))
}

fn mariadb() -> String {
    with_version("MariaDB", MariaDb::shared().map(|server| server.query("", "SELECT VERSION()")))
}

fn redis() -> String {
    let version = |server: &Redis| {
        let told = server.command(0, &["INFO", "server"]);
        told.lines().find_map(|line| line.strip_prefix("redis_version:")).map(|version| version.trim().to_owned())
    };
    with_version("Redis", Redis::shared().and_then(version))
}

fn memcached_server() -> String {
    let version = memcached().map(|server| server.ask("version\r\n").replace("VERSION ", ""));
    with_version("memcached", version)
}
