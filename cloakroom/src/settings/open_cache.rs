//! Opening the cache that the settings name.

use super::{Cache, CacheKind, Settings, SettingsError};
use crate::error::OpenError;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use crate::storage::DatabaseCacheStorage;
#[cfg(feature = "file")]
use crate::storage::file_cache::FileCacheOptions;
#[cfg(feature = "memcached")]
use crate::storage::memcached::MemcachedOptions;
#[cfg(feature = "redis")]
use crate::storage::redis::RedisOptions;
use crate::storage::{CacheStorage, DatabaseStorage, MemoryStorage};

impl CacheStorage {
    /// The cache that the settings name: `CACHE_URL`, or that of `SESSION_CACHE_ALIAS` among the `CACHES`. A server is
    /// not asked yet: connections to it are made when they are needed.
    ///
    /// # Errors
    /// A setting that cannot be used, a kind of cache whose feature is off, or one that keeps nothing.
    pub fn open(settings: &Settings) -> Result<Self, OpenError> {
        Self::open_beside(settings, None)
    }

    /// The same, where the session database is open already: a cache in a table of it has its connections.
    pub(crate) fn open_beside(settings: &Settings, database: Option<&DatabaseStorage>) -> Result<Self, OpenError> {
        let cache = settings.session_cache()?;
        open(settings, &cache, database).map_err(|error| match error {
            // That of the database has a source of its own.
            OpenError::Settings(error) if error.setting().starts_with("CACHE") => {
                error.at_source(settings.source(&alias(settings))).into()
            }
            other => other,
        })
    }
}

fn open(settings: &Settings, cache: &Cache, database: Option<&DatabaseStorage>) -> Result<CacheStorage, OpenError> {
    let key = cache.cache_key()?;
    match cache.kind() {
        #[cfg(feature = "memcached")]
        CacheKind::PyMemcache | CacheKind::PyLibMc => {
            Ok(CacheStorage::Memcached(MemcachedOptions::for_cache(cache)?.open()))
        }
        CacheKind::LocMem => Ok(CacheStorage::Memory(MemoryStorage::for_cache(cache)?)),
        #[cfg(feature = "file")]
        CacheKind::File => {
            only(cache, &CULLING)?;
            let folder = cache.locations().first().map(String::as_str).unwrap_or_default();
            let options = FileCacheOptions::new(folder).key(key).read_only(settings.is_read_only());
            Ok(CacheStorage::File(options.open()?))
        }
        #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
        CacheKind::Database => {
            only(cache, &CULLING)?;
            let table = cache.locations().first().map(String::as_str).filter(|table| !table.is_empty());
            let table = table.ok_or_else(|| {
                SettingsError::new("CACHES", None, "names no table", "give its LOCATION, such as dbcache://cache_table")
            })?;
            let opened;
            let database = match database {
                Some(database) => database,
                None => {
                    opened = DatabaseStorage::open(settings)?;
                    &opened
                }
            };
            Ok(CacheStorage::Database(DatabaseCacheStorage::new(database, table).with_key(key)))
        }
        #[cfg(feature = "redis")]
        CacheKind::Redis | CacheKind::DjangoRedis => Ok(CacheStorage::Redis(RedisOptions::for_cache(cache)?.open())),
        kind => {
            let _ = (key, settings, database);
            Err(refuse(kind, cache.backend()).into())
        }
    }
}

/// Django removes live entries once there are many; here they have no effect (D59).
#[cfg(any(feature = "file", feature = "sqlite", feature = "postgres", feature = "mysql"))]
const CULLING: [&str; 2] = ["MAX_ENTRIES", "CULL_FREQUENCY"];

/// Refuses what a backend's `OPTIONS` name beside these.
#[cfg(any(feature = "file", feature = "sqlite", feature = "postgres", feature = "mysql"))]
fn only(cache: &Cache, known: &[&str]) -> Result<(), SettingsError> {
    match cache.options().iter().find(|(name, _)| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some((name, _)) => {
            let remedy = format!("leave it out; there are {}", known.join(" and "));
            Err(SettingsError::new(format!("CACHES.OPTIONS.{name}"), None, "is no option of this backend", remedy))
        }
    }
}

fn alias(settings: &Settings) -> String {
    format!("CACHES.{}", settings.session_cache_alias)
}

fn refuse(kind: CacheKind, backend: &str) -> SettingsError {
    let feature = match kind {
        CacheKind::Redis | CacheKind::DjangoRedis => Some("redis"),
        CacheKind::PyMemcache | CacheKind::PyLibMc => Some("memcached"),
        CacheKind::File => Some("file"),
        CacheKind::Database => Some("sqlite`, `postgres` or `mysql"),
        _ => None,
    };
    let (problem, remedy) = match (kind, feature) {
        (_, Some(feature)) => (
            format!("names a cache of the kind {backend}, which this program was built without"),
            format!("switch on cloakroom's feature `{feature}`"),
        ),
        (CacheKind::Dummy, _) => (
            format!("names {backend}, which keeps nothing: no session would outlive its request"),
            "use a cache that keeps what it is given, such as redis://host:6379/0".to_owned(),
        ),
        _ => (
            format!("names a cache of the kind {backend}, which cloakroom cannot read"),
            "use Redis, memcached, or one of Django's other caches".to_owned(),
        ),
    };
    SettingsError::new("CACHES", None, problem, remedy)
}
