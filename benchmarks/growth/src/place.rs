//! Where sessions are kept, each opened as a site would, with room for a long wait.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cloakroom::storage::file::FileOptions;
use cloakroom::storage::memcached::MemcachedOptions;
use cloakroom::storage::mysql::MysqlOptions;
use cloakroom::storage::postgres::PostgresOptions;
use cloakroom::storage::redis::RedisOptions;
use cloakroom::storage::sqlite::SqliteOptions;
use cloakroom::storage::{DatabaseStorage, MemoryStorage};
use cloakroom::{Engine, SessionStore, Settings};
use test_servers::{MariaDb, Memcached, PASSWORD, PostgreSql, Redis};

use crate::Result;
use crate::sessions::SECRET;

/// Longer than anything is held up here: a wait is to be measured, not cut short.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Memory,
    File,
    Sqlite,
    SqliteRollback,
    PostgreSql,
    MariaDb,
    Redis,
    Memcached,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::Memory,
        Self::File,
        Self::Sqlite,
        Self::SqliteRollback,
        Self::PostgreSql,
        Self::MariaDb,
        Self::Redis,
        Self::Memcached,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::File => "file",
            Self::Sqlite => "SQLite WAL",
            Self::SqliteRollback => "SQLite rollback",
            Self::PostgreSql => "PostgreSQL",
            Self::MariaDb => "MariaDB",
            Self::Redis => "Redis",
            Self::Memcached => "memcached",
        }
    }
}

/// A place of its own, which goes when it is dropped.
pub struct Place {
    pub kind: Kind,
    /// A file, a folder, or the port and the name of a database; text that another process can open.
    pub address: String,
    pub folder: tempfile::TempDir,
    pub server: Server,
}

pub enum Server {
    None,
    PostgreSql(PostgreSql),
    MariaDb(MariaDb),
    Redis { _server: Redis },
    Memcached { _server: Memcached },
}

impl Place {
    /// `None` where the server is not installed.
    pub fn new(kind: Kind) -> Result<Option<Self>> {
        let folder = tempfile::tempdir()?;
        let (address, server) = match kind {
            Kind::Memory => (String::new(), Server::None),
            Kind::File => (text(folder.path())?, Server::None),
            Kind::Sqlite | Kind::SqliteRollback => (text(&folder.path().join("db.sqlite3"))?, Server::None),
            Kind::PostgreSql => {
                let Some(server) = PostgreSql::start() else { return Ok(None) };
                (format!("{} {}", server.port(), server.new_database().name), Server::PostgreSql(server))
            }
            Kind::MariaDb => {
                let Some(server) = MariaDb::start() else { return Ok(None) };
                (format!("{} {}", server.port(), server.new_database().name), Server::MariaDb(server))
            }
            Kind::Redis => {
                let Some(server) = Redis::start() else { return Ok(None) };
                (format!("{} 0", server.port()), Server::Redis { _server: server })
            }
            Kind::Memcached => {
                // With room for all of them.
                let Some(server) = Memcached::start_with(&["-m", "4096"]) else { return Ok(None) };
                (server.location(), Server::Memcached { _server: server })
            }
        };
        Ok(Some(Self { kind, address, folder, server }))
    }

    /// The URL of its database, for Django.
    pub fn url(&self) -> Option<String> {
        let database = self.address.split_once(' ').map(|(_, name)| name);
        match (&self.server, self.kind) {
            (Server::PostgreSql(server), _) => Some(server.url(server.port(), database?)),
            (Server::MariaDb(server), _) => Some(server.url(server.port(), database?)),
            (_, Kind::Sqlite | Kind::SqliteRollback) => Some(format!("sqlite:///{}", self.address)),
            _ => None,
        }
    }
}

fn text(path: &Path) -> Result<String> {
    Ok(path.to_str().ok_or("the folder for temporary files has a name that is no text")?.to_owned())
}

/// The database of a place.
pub fn database(kind: Kind, address: &str) -> Result<DatabaseStorage> {
    let (port, name) = address.split_once(' ').unwrap_or_default();
    Ok(match kind {
        Kind::Sqlite | Kind::SqliteRollback => {
            let options = SqliteOptions::new(PathBuf::from(address)).create(true).wal(kind == Kind::Sqlite);
            DatabaseStorage::Sqlite(options.busy_timeout(PATIENCE).open()?)
        }
        Kind::PostgreSql => {
            let options = PostgresOptions::new().host("127.0.0.1").port(port.parse()?).user("site").password(PASSWORD);
            DatabaseStorage::Postgres(options.database(name).timeout(PATIENCE).open())
        }
        Kind::MariaDb => {
            let options = MysqlOptions::new(name).host("127.0.0.1").port(port.parse()?).user("site").password(PASSWORD);
            DatabaseStorage::Mysql(options.timeout(PATIENCE).open())
        }
        other => return Err(format!("{other:?} is no database").into()),
    })
}

/// The sessions of a place.
pub fn store(kind: Kind, address: &str) -> Result<SessionStore> {
    let settings = Settings::new().secret_key(SECRET);
    let engine = match kind {
        Kind::Memory => Engine::memory_in(MemoryStorage::new()),
        Kind::File => Engine::file(FileOptions::new(address).timeout(PATIENCE).open()?),
        Kind::Redis => {
            let port = address.split_once(' ').ok_or("a port and a database")?.0;
            let options = RedisOptions::new().host("127.0.0.1").port(port.parse()?).password(PASSWORD);
            Engine::cache(options.timeout(PATIENCE).open())
        }
        Kind::Memcached => Engine::cache(MemcachedOptions::new([address])?.timeout(PATIENCE).open()),
        _ => Engine::db(database(kind, address)?),
    };
    Ok(SessionStore::new(engine, settings)?)
}
