//! Where a vector is played: a cache of each kind, as others see it, and a database.

use std::io::Read as _;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloakroom::storage::MemoryStorage;
use cloakroom::wire::CacheFormat;
use cloakroom::wire::pickle::Protocol;
use cloakroom::{Cache, Engine, EngineName, SessionStore, Settings};
use flate2::read::ZlibDecoder;
use serde_json::Value;
use tempfile::TempDir;
use test_servers::{Memcached, Redis};

use crate::support::{Database, at_its_moment, secret, text};

const TABLE: &str = "session_cache_table";

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Backend {
    Redis,
    DjangoRedis,
    Memcached,
    File,
    Db,
}

fn memcached() -> Option<&'static Memcached> {
    static SHARED: OnceLock<Option<Memcached>> = OnceLock::new();
    SHARED.get_or_init(Memcached::start).as_ref()
}

impl Backend {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::DjangoRedis => "django_redis",
            Self::Memcached => "memcached",
            Self::File => "file",
            Self::Db => "db",
        }
    }

    /// Whether its server is installed.
    pub(crate) fn is_there(self) -> bool {
        match self {
            Self::Redis | Self::DjangoRedis => Redis::shared().is_some(),
            Self::Memcached => memcached().is_some(),
            Self::File | Self::Db => true,
        }
    }

    fn format(self) -> CacheFormat {
        CacheFormat::pickle(if self == Self::DjangoRedis { Protocol::Four } else { Protocol::Five })
    }
}

/// What stands in the cache under a key, taken out of its frame.
pub(crate) struct Kept {
    /// The value as it was serialized.
    pub(crate) value: Vec<u8>,
    /// What remains of its life in seconds, or the moment when it ends, as the backend keeps it.
    pub(crate) end: Option<f64>,
}

pub(crate) struct Place {
    pub(crate) backend: Backend,
    pub(crate) store: SessionStore,
    pub(crate) database: Database,
    folder: TempDir,
    redis_database: usize,
}

impl Place {
    pub(crate) async fn new(backend: Backend, vector: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (prefix, version) = (text(&vector["key_prefix"]), vector["version"].as_i64().unwrap_or(1));
        let settings = Settings::new().secret_key(secret(vector)).time_zone("UTC");
        let settings = settings.session_cookie_age(vector["cookie_age"].as_f64().unwrap_or(1_209_600.0));
        let database = Database::new(&settings).await;
        let redis_database = match backend {
            Backend::Redis | Backend::DjangoRedis => Redis::shared().unwrap().new_database(),
            _ => 0,
        };
        let url = match backend {
            Backend::Redis | Backend::DjangoRedis => {
                let server = Redis::shared().unwrap();
                server.url(server.port(), redis_database)
            }
            Backend::Memcached => {
                let server = memcached().unwrap();
                server.ask("flush_all");
                format!("pymemcache://{}", server.location())
            }
            Backend::File => format!("filecache://{}", folder.path().display()),
            Backend::Db => {
                let connection = database.connect();
                connection
                    .execute_batch(&format!(
                        "CREATE TABLE \"{TABLE}\" (\"cache_key\" varchar(255) NOT NULL PRIMARY KEY, \
                         \"value\" text NOT NULL, \"expires\" datetime NOT NULL); \
                         CREATE INDEX \"{TABLE}_expires\" ON \"{TABLE}\" (\"expires\");"
                    ))
                    .unwrap();
                format!("dbcache://{TABLE}")
            }
        };
        let django_redis = (backend == Backend::DjangoRedis).then_some("django_redis.cache.RedisCache");
        let cache = Cache::from_url_for(&url, django_redis).unwrap().with_key_prefix(prefix).with_version(version);
        let engine = if vector["engine"] == "cached_db" { EngineName::CachedDb } else { EngineName::Cache };
        let settings = settings
            .session_engine(engine)
            .database_url(format!("sqlite:///{}", database.path().display()))
            .add_cache("default", cache);
        let store = at_its_moment(vector, SessionStore::open(settings).unwrap());
        Self { backend, store, database, folder, redis_database }
    }

    /// What Django calls the entry of a session key.
    pub(crate) fn full_key(vector: &Value, key: &str) -> String {
        let prefix = text(&vector["key_prefix"]);
        let version = vector["version"].as_i64().unwrap_or(1);
        format!("{prefix}:{version}:django.contrib.sessions.{}{key}", text(&vector["engine"]))
    }

    /// Puts what a vector says is there.
    pub(crate) fn put(&self, vector: &Value) {
        let Some(encoded) = vector["data_b64"].as_str() else { return };
        let data = STANDARD.decode(encoded).unwrap();
        let key = text(&vector["cache_key"]);
        match self.backend {
            Backend::Redis | Backend::DjangoRedis => {
                Redis::shared().unwrap().set(self.redis_database, key, &data);
            }
            Backend::Memcached => {
                // What no cache could hold under such a key is not there.
                if key.len() <= 250 && key.bytes().all(|byte| byte.is_ascii_graphic()) {
                    memcached().unwrap().set(key, vector["flags"].as_u64().unwrap() as u32, 0, &data);
                }
            }
            Backend::File => std::fs::write(self.folder.path().join(text(&vector["file_name"])), data).unwrap(),
            Backend::Db => {
                let values = (key, String::from_utf8(data).unwrap(), text(&vector["expires"]).to_owned());
                let sql = format!("INSERT INTO {TABLE} VALUES (?, ?, ?)");
                self.database.connect().execute(&sql, values).unwrap();
            }
        }
    }

    /// What stands under a full key.
    pub(crate) fn get(&self, key: &str) -> Option<Kept> {
        match self.backend {
            Backend::Redis | Backend::DjangoRedis => {
                let server = Redis::shared().unwrap();
                let value = server.get(self.redis_database, key)?;
                let left: f64 = server.command(self.redis_database, &["PTTL", key]).parse().unwrap();
                Some(Kept { value, end: (left >= 0.0).then_some(left / 1_000.0) })
            }
            Backend::Memcached => {
                let server = memcached().unwrap();
                let item = server.get(key)?;
                assert_eq!(item.flags & 1, 1, "a pickle");
                Some(Kept { value: item.data, end: server.ttl(key).map(f64::from) })
            }
            Backend::File => {
                let content = std::fs::read(self.file_of(key)).ok()?;
                // The pickle of a float in protocol 5 has 21 bytes.
                let end = f64::from_be_bytes(content[12..20].try_into().unwrap());
                let mut value = Vec::new();
                ZlibDecoder::new(&content[21..]).read_to_end(&mut value).unwrap();
                Some(Kept { value, end: Some(end) })
            }
            Backend::Db => {
                let sql = format!("SELECT value, expires FROM {TABLE} WHERE cache_key = ?");
                let row = self
                    .database
                    .connect()
                    .query_row(&sql, [key], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
                let (value, expires) = row.ok()?;
                let moment: jiff::civil::DateTime = expires.replace(' ', "T").parse().unwrap();
                let moment = jiff::tz::TimeZone::UTC.to_timestamp(moment).unwrap();
                Some(Kept { value: STANDARD.decode(value).unwrap(), end: Some(moment.as_second() as f64) })
            }
        }
    }

    /// Removes what stands under a full key.
    pub(crate) fn evict(&self, key: &str) {
        match self.backend {
            Backend::Redis | Backend::DjangoRedis => {
                Redis::shared().unwrap().command(self.redis_database, &["DEL", key]);
            }
            Backend::Memcached => {
                memcached().unwrap().ask(&format!("delete {key}"));
            }
            Backend::File => {
                let _ = std::fs::remove_file(self.file_of(key));
            }
            Backend::Db => {
                let sql = format!("DELETE FROM {TABLE} WHERE cache_key = ?");
                self.database.connect().execute(&sql, [key]).unwrap();
            }
        }
    }

    pub(crate) fn file_of(&self, key: &str) -> std::path::PathBuf {
        use md5::Digest as _;
        let name: String = md5::Md5::digest(key).iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.path().join(name + ".djcache")
    }

    /// A serialized value as the session that it holds is shown; `None` for a marker.
    pub(crate) async fn shown(&self, value: &[u8]) -> Option<String> {
        use cloakroom::storage::{New, Storage as _};
        let (storage, key) = (MemoryStorage::new(), cloakroom::SessionKey::generate());
        let name = format!("django.contrib.sessions.cache{}", key.as_str());
        let _ = storage.insert(&name, New::of(value, cloakroom::Timestamp::MAX)).await.unwrap();
        let engine = Engine::cache(storage).with_cache_format(self.backend.format());
        let session = SessionStore::new(engine, Settings::new()).unwrap().session(Some(&key));
        let data = session.aload().await.unwrap();
        session.session_key().is_some().then(|| data.to_json())
    }
}
