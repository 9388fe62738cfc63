//! The caches.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use test_servers::{Memcached, Redis};

use super::engine::Front;

/// One for all tests of a program.
pub(crate) fn memcached() -> Option<&'static Memcached> {
    static SHARED: OnceLock<Option<Memcached>> = OnceLock::new();
    SHARED.get_or_init(Memcached::start).as_ref()
}

/// A cache of a place's own: a database of Redis, a prefix in memcached, a folder, a table.
pub(crate) struct Cache {
    front: Front,
    pub(crate) url: String,
    /// Of Redis.
    database: usize,
    /// In memcached: what stands before the keys.
    prefix: String,
    /// A server that no other place has, so that it may be stopped.
    own: Option<Mutex<Server>>,
}

pub(crate) enum Server {
    Redis(Redis),
    Memcached(Memcached),
}

impl Cache {
    /// `None` where its server is not installed.
    pub(super) fn new(front: Front, folder: &Path) -> Option<Self> {
        Some(match front {
            Front::Redis | Front::DjangoRedis => Self::on_redis(front, Redis::shared()?),
            Front::Memcached => Self::on_memcached(memcached()?),
            Front::Files => Self::at(front, format!("filecache://{}", folder.join("cache").display())),
            Front::Table => Self::at(front, "dbcache://cache_table".to_owned()),
        })
    }

    /// The same on a server of its own. Redis loses nothing that it has acknowledged, also when it is killed.
    pub(super) fn alone(front: Front) -> Option<Self> {
        Some(match front {
            Front::Redis | Front::DjangoRedis => {
                let server = Redis::start_with(&["appendonly yes", "appendfsync always"])?;
                Self { own: None, ..Self::on_redis(front, &server) }.with(Server::Redis(server))
            }
            Front::Memcached => {
                let server = Memcached::start()?;
                Self::on_memcached(&server).with(Server::Memcached(server))
            }
            Front::Files | Front::Table => panic!("{front:?} has no server"),
        })
    }

    fn at(front: Front, url: String) -> Self {
        Self { front, url, database: 0, prefix: String::new(), own: None }
    }

    fn on_redis(front: Front, server: &Redis) -> Self {
        let database = server.new_database();
        Self { database, ..Self::at(front, server.url(server.port(), database)) }
    }

    fn on_memcached(server: &Memcached) -> Self {
        static PREFIXES: AtomicUsize = AtomicUsize::new(0);
        let prefix = format!("place{}", PREFIXES.fetch_add(1, Ordering::Relaxed));
        let url = format!("pymemcache://{}?key_prefix={prefix}", server.location());
        Self { prefix, ..Self::at(Front::Memcached, url) }
    }

    fn with(self, server: Server) -> Self {
        Self { own: Some(Mutex::new(server)), ..self }
    }

    /// As `REDIS_BACKEND` names it.
    pub(crate) fn redis_backend(&self) -> Option<&'static str> {
        (self.front == Front::DjangoRedis).then_some("django_redis.cache.RedisCache")
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        let own = self.own.as_ref().expect("a server of its own");
        own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes an entry as a cache does that needs room. `name` is the key without prefix and version.
    pub(crate) fn forget(&self, name: &str) {
        let (redis, memcached) = match &self.own {
            Some(_) => panic!("meant for a server that others use too"),
            None => (Redis::shared(), memcached()),
        };
        match self.front {
            Front::Redis | Front::DjangoRedis => {
                redis.expect("it runs").command(self.database, &["DEL", &format!(":1:{name}")]);
            }
            Front::Memcached => {
                memcached.expect("it runs").ask(&format!("delete {}:1:{name}\r\n", self.prefix));
            }
            Front::Files | Front::Table => panic!("{:?} forgets nothing", self.front),
        }
    }

    pub(crate) fn stop(&self) {
        match &mut *self.server() {
            Server::Redis(server) => server.stop(),
            Server::Memcached(server) => server.stop(),
        }
    }

    pub(crate) fn kill(&self) {
        match &mut *self.server() {
            Server::Redis(server) => server.kill(),
            Server::Memcached(server) => server.kill(),
        }
    }

    /// Where it was; memcached is empty then.
    pub(crate) fn restart(&self) {
        match &mut *self.server() {
            Server::Redis(server) => server.restart(),
            Server::Memcached(server) => server.restart(),
        }
    }

    /// It keeps its connections and answers nothing.
    pub(crate) fn pause(&self) {
        match &*self.server() {
            Server::Redis(server) => server.pause(),
            Server::Memcached(server) => server.pause(),
        }
    }

    pub(crate) fn resume(&self) {
        match &*self.server() {
            Server::Redis(server) => server.resume(),
            Server::Memcached(server) => server.resume(),
        }
    }

    /// Removes all that the server of its own holds.
    pub(crate) fn empty(&self) {
        match &*self.server() {
            Server::Redis(server) => drop(server.command(self.database, &["FLUSHALL"])),
            Server::Memcached(server) => drop(server.ask("flush_all\r\n")),
        }
    }
}
