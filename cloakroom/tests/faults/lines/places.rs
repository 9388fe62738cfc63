//! Where sessions are kept, each with a line that can be made bad, and one that is good.

use std::sync::OnceLock;
use std::time::Duration;

use cloakroom::storage::memcached::MemcachedOptions;
use cloakroom::storage::mysql::MysqlTls;
use cloakroom::storage::postgres::PostgresTls;
use cloakroom::storage::{MemcachedStorage, MysqlStorage, PostgresStorage, RedisStorage, Storage};
use cloakroom::{Engine, SessionStore, Settings};
use test_servers::{Memcached, Proxy};

use crate::{memcached, mysql, postgres, redis};

/// How long one operation of a storage may take on the line that is made bad.
pub const TIMEOUT: Duration = Duration::from_millis(400);
/// How many connections the site has at most, where there is more than one.
pub const CONNECTIONS: usize = 6;

pub struct Place {
    pub name: &'static str,
    /// The line.
    pub proxy: Proxy,
    /// The site at its end.
    pub site: SessionStore,
    /// The same sessions over a good line.
    pub good: SessionStore,
    /// Where they are kept for good: the database alone where a cache stands in front of it.
    pub kept: SessionStore,
    /// How many connections the site may have on the line.
    pub connections: usize,
    /// Whether the line leads to a cache in front of a database.
    pub cache_in_front: bool,
}

/// A storage twice: on the line, and over a good one.
struct Both<S> {
    proxy: Proxy,
    line: S,
    good: S,
}

fn settings() -> Settings {
    Settings::new().secret_key("a secret")
}

async fn postgresql() -> Option<Both<PostgresStorage>> {
    let server = postgres::Server::shared().await?;
    let (good, name) = server.storage().await;
    let proxy = Proxy::before(server.0.port());
    let line = postgres::options(proxy.port(), &name).tls(PostgresTls::Disable);
    let line = line.max_connections(CONNECTIONS).timeout(TIMEOUT).open();
    Some(Both { proxy, line, good })
}

async fn mariadb() -> Option<Both<MysqlStorage>> {
    let server = mysql::shared().await?;
    let (good, name) = mysql::storage(server).await;
    let proxy = Proxy::before(server.port());
    let line = mysql::options(proxy.port(), &name).tls(MysqlTls::Disabled);
    let line = line.max_connections(CONNECTIONS).timeout(TIMEOUT).open();
    Some(Both { proxy, line, good })
}

async fn redis() -> Option<Both<RedisStorage>> {
    let server = redis::shared().await?;
    let database = server.new_database();
    let proxy = Proxy::before(server.port());
    let line = redis::options(proxy.port(), database).timeout(TIMEOUT).open();
    let good = redis::options(server.port(), database).timeout(Duration::from_secs(20)).open();
    Some(Both { proxy, line, good })
}

async fn memcached() -> Option<Both<MemcachedStorage>> {
    static SHARED: OnceLock<Option<Memcached>> = OnceLock::new();
    let server = tokio::task::spawn_blocking(|| SHARED.get_or_init(Memcached::start).as_ref()).await.unwrap()?;
    let proxy = Proxy::before(server.port());
    let line = MemcachedOptions::new([format!("127.0.0.1:{}", proxy.port())]).unwrap();
    let line = line.max_connections(CONNECTIONS).timeout(TIMEOUT).connect_timeout(TIMEOUT).open();
    let good = memcached::options([server]).timeout(Duration::from_secs(20)).open();
    Some(Both { proxy, line, good })
}

impl Place {
    pub async fn db_on_postgresql() -> Option<Self> {
        Some(Self::db("db on PostgreSQL", postgresql().await?))
    }

    pub async fn db_on_mariadb() -> Option<Self> {
        Some(Self::db("db on MariaDB", mariadb().await?))
    }

    pub async fn cache_on_redis() -> Option<Self> {
        Some(Self::cache("cache on Redis", redis().await?, 1))
    }

    pub async fn cache_on_memcached() -> Option<Self> {
        Some(Self::cache("cache on memcached", memcached().await?, CONNECTIONS))
    }

    pub async fn cached_db_with_postgresql_behind() -> Option<Self> {
        Some(Self::behind("cached_db, PostgreSQL behind", postgresql().await?, redis().await?.good))
    }

    pub async fn cached_db_with_mariadb_behind() -> Option<Self> {
        Some(Self::behind("cached_db, MariaDB behind", mariadb().await?, memcached().await?.good))
    }

    pub async fn cached_db_with_redis_before() -> Option<Self> {
        Some(Self::before("cached_db, Redis before", mariadb().await?.good, redis().await?, 1))
    }

    pub async fn cached_db_with_memcached_before() -> Option<Self> {
        Some(Self::before("cached_db, memcached before", postgresql().await?.good, memcached().await?, CONNECTIONS))
    }

    fn db<S: Storage>(name: &'static str, Both { proxy, line, good }: Both<S>) -> Self {
        let good = SessionStore::db(good, settings()).unwrap();
        let site = SessionStore::db(line, settings()).unwrap();
        Self { name, proxy, site, kept: good.clone(), good, connections: CONNECTIONS, cache_in_front: false }
    }

    fn cache<S: Storage>(name: &'static str, Both { proxy, line, good }: Both<S>, connections: usize) -> Self {
        let good = SessionStore::new(Engine::cache(good), settings()).unwrap();
        let site = SessionStore::new(Engine::cache(line), settings()).unwrap();
        Self { name, proxy, site, kept: good.clone(), good, connections, cache_in_front: false }
    }

    /// The line leads to the database.
    fn behind<S: Storage + Clone, C: Storage + Clone>(name: &'static str, database: Both<S>, cache: C) -> Self {
        let Both { proxy, line, good } = database;
        let kept = SessionStore::db(good.clone(), settings()).unwrap();
        let good = SessionStore::new(Engine::cached_db(good, cache.clone()), settings()).unwrap();
        let site = SessionStore::new(Engine::cached_db(line, cache), settings()).unwrap();
        Self { name, proxy, site, good, kept, connections: CONNECTIONS, cache_in_front: false }
    }

    /// The line leads to the cache.
    fn before<S: Storage + Clone, C: Storage>(
        name: &'static str,
        database: S,
        cache: Both<C>,
        connections: usize,
    ) -> Self {
        let Both { proxy, line, good } = cache;
        let kept = SessionStore::db(database.clone(), settings()).unwrap();
        let good = SessionStore::new(Engine::cached_db(database.clone(), good), settings()).unwrap();
        let site = SessionStore::new(Engine::cached_db(database, line), settings()).unwrap();
        Self { name, proxy, site, good, kept, connections, cache_in_front: true }
    }
}
