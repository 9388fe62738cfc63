//! Real servers for the tests, each on a free port of 127.0.0.1 with its data in a folder of its own.
//!
//! They are Debian's: `./test --install` installs them. A test without its server is left out, which it says, unless
//! `CLOAKROOM_REQUIRE_SERVERS` is set: then it fails. With `CLOAKROOM_WITHOUT_SERVERS` none is looked for. As root the
//! servers run as users of their own. None outlives the process that started it, not even one that is killed. Where
//! `CLOAKROOM_FIRST_DATA` names a folder, the data that databases begin with is made once and kept there.

mod certificate;
mod fault;
mod first_data;
mod guard;
mod mariadb;
mod memcached;
mod pgbouncer;
mod postgresql;
mod program;
mod proxy;
mod redis;
mod redis_group;

pub use fault::Fault;
pub use mariadb::MariaDb;
pub use memcached::{Item, Memcached};
pub use pgbouncer::PgBouncer;
pub use postgresql::PostgreSql;
pub use proxy::Proxy;
pub use redis::Redis;
pub use redis_group::{RedisCluster, RedisSentinel};

/// The password of every server here: one that has to be escaped in a URL.
pub const PASSWORD: &str = "p@ss/w:rd$#1";
/// The same in a URL.
pub(crate) const PASSWORD_IN_URL: &str = "p%40ss%2Fw%3Ard%24%231";

/// A database of its own on a server, by its URL.
#[derive(Clone, Debug)]
pub struct Database {
    /// As `DATABASE_URL` has it.
    pub url: String,
    /// Its name.
    pub name: String,
}
