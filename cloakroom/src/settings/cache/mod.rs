//! `CACHES`.

mod format;
mod table;
mod url;

use std::fmt;

use super::SettingsError;
use super::environ::{OptionValue, Options, Shown, find, put, without_password};
use crate::storage::CacheKey;

/// One of the `CACHES`, under Django's names. `Debug` and `Display` show no passwords.
///
/// ```
/// use cloakroom::{Cache, CacheKind};
///
/// let cache = Cache::from_url("redis://one:6379,two:6379/1?timeout=60&db=2")?;
/// assert_eq!(cache.kind(), CacheKind::Redis);
/// assert_eq!(cache.backend(), "django.core.cache.backends.redis.RedisCache");
/// assert_eq!(cache.locations(), ["redis://one:6379/1", "redis://two:6379/1"]);
/// assert_eq!(cache.timeout(), Some(60));
/// assert_eq!(cache.option("db").and_then(|value| value.as_int()), Some(2));
/// assert_eq!((cache.options().len(), cache.settings().len()), (1, 1));
///
/// let cache = Cache::from_url("pymemcache://one:11211?key_prefix=shop&version=3&timeout=None")?;
/// assert_eq!((cache.key_prefix().as_str(), cache.version().as_str()), ("shop", "3"));
/// assert_eq!(cache.timeout(), None);
///
/// assert_eq!(Cache::local_memory().kind(), CacheKind::LocMem);
/// # Ok::<(), cloakroom::SettingsError>(())
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct Cache {
    backend: String,
    locations: Vec<String>,
    settings: Options,
    options: Options,
    /// Whether it comes from a URL that only says Redis.
    by_redis_url: bool,
}

/// The kinds of caches.
///
/// ```
/// use cloakroom::{Cache, CacheKind};
///
/// assert_eq!(Cache::from_url("filecache:///var/tmp/cache")?.kind(), CacheKind::File);
/// assert_eq!(Cache::from_url("dbcache://cache_table")?.kind(), CacheKind::Database);
/// assert_eq!(Cache::local_memory().kind(), CacheKind::LocMem);
/// # Ok::<(), cloakroom::SettingsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CacheKind {
    /// Redis or Valkey by Django's own backend.
    Redis,
    /// Redis or Valkey by the package `django-redis`.
    DjangoRedis,
    /// memcached by `pymemcache`.
    PyMemcache,
    /// memcached by `pylibmc`.
    PyLibMc,
    /// The memory of one process: Django's default.
    LocMem,
    /// Files.
    File,
    /// A database table.
    Database,
    /// Nothing is kept.
    Dummy,
    /// One that cloakroom does not know.
    Other,
}

pub(super) const REDIS: &str = "django.core.cache.backends.redis.RedisCache";
pub(super) const LOCMEM: &str = "django.core.cache.backends.locmem.LocMemCache";

/// The one that makes `KEY_PREFIX:VERSION:name`.
const KEY_FUNCTION: &str = "django.core.cache.backends.base.default_key_func";

impl Cache {
    /// What Django has under the alias `default` when no `CACHES` are set: the memory of one process.
    #[must_use]
    pub fn local_memory() -> Self {
        Self { backend: LOCMEM.into(), ..Self::default() }
    }

    /// The same with a `KEY_PREFIX`, which no URL of Django's own Redis backend can carry.
    ///
    /// ```
    /// use cloakroom::Cache;
    ///
    /// let cache = Cache::from_url("redis://one/1")?.with_key_prefix("shop").with_version(2);
    /// assert_eq!((cache.key_prefix().as_str(), cache.version().as_str()), ("shop", "2"));
    /// # Ok::<(), cloakroom::SettingsError>(())
    /// ```
    #[must_use]
    pub fn with_key_prefix(mut self, prefix: impl Into<String>) -> Self {
        put(&mut self.settings, "KEY_PREFIX".to_owned(), OptionValue::Text(prefix.into()));
        self
    }

    /// The same with a `VERSION`.
    #[must_use]
    pub fn with_version(mut self, version: i64) -> Self {
        put(&mut self.settings, "VERSION".to_owned(), OptionValue::Int(version));
        self
    }

    /// A cache by its `BACKEND`, as a table of Django's `CACHES` has it: says what no URL can, such as a `KEY_PREFIX`
    /// for Django's own Redis backend.
    ///
    /// ```
    /// use cloakroom::{Cache, CacheKind, Settings};
    ///
    /// let cache = Cache::new("django.core.cache.backends.redis.RedisCache")
    ///     .location("redis://cache.example:6379")
    ///     .with_setting("KEY_PREFIX", "shop")
    ///     .with_option("db", 2);
    /// assert_eq!((cache.kind(), cache.key_prefix().as_str()), (CacheKind::Redis, "shop"));
    /// let settings = Settings::new().add_cache("default", cache);
    /// # settings.validate()?;
    /// # Ok::<(), cloakroom::SettingsError>(())
    /// ```
    #[must_use]
    pub fn new(backend: impl Into<String>) -> Self {
        Self { backend: backend.into(), ..Self::default() }
    }

    /// `LOCATION`: one more server, or the folder, table or name.
    #[must_use]
    pub fn location(mut self, location: impl Into<String>) -> Self {
        self.locations.push(location.into());
        self
    }

    /// A setting beside `LOCATION` and `OPTIONS`: `KEY_PREFIX`, `VERSION`, `TIMEOUT`.
    #[must_use]
    pub fn with_setting(mut self, name: impl Into<String>, value: impl Into<OptionValue>) -> Self {
        put(&mut self.settings, name.into(), value.into());
        self
    }

    /// One of the `OPTIONS`. The name of one in a table within has a dot.
    #[must_use]
    pub fn with_option(mut self, name: impl Into<String>, value: impl Into<OptionValue>) -> Self {
        put(&mut self.options, name.into(), value.into());
        self
    }

    /// What kind of cache it is, by its `BACKEND`.
    #[must_use]
    pub fn kind(&self) -> CacheKind {
        match self.backend.as_str() {
            REDIS => CacheKind::Redis,
            "django_redis.cache.RedisCache" => CacheKind::DjangoRedis,
            "django.core.cache.backends.memcached.PyMemcacheCache" => CacheKind::PyMemcache,
            "django.core.cache.backends.memcached.PyLibMCCache" => CacheKind::PyLibMc,
            LOCMEM => CacheKind::LocMem,
            "django.core.cache.backends.filebased.FileBasedCache" => CacheKind::File,
            "django.core.cache.backends.db.DatabaseCache" => CacheKind::Database,
            "django.core.cache.backends.dummy.DummyCache" => CacheKind::Dummy,
            _ => CacheKind::Other,
        }
    }

    /// `BACKEND`: Django's dotted name.
    #[must_use]
    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// `LOCATION`: servers, a folder, a table, or a name. May hold passwords.
    #[must_use]
    pub fn locations(&self) -> &[String] {
        &self.locations
    }

    /// The settings beside these, named as they were given.
    #[must_use]
    pub fn settings(&self) -> &[(String, OptionValue)] {
        &self.settings
    }

    /// `OPTIONS`, what the driver is given. Tables within have dots in their names.
    #[must_use]
    pub fn options(&self) -> &[(String, OptionValue)] {
        &self.options
    }

    #[cfg(all(test, feature = "memcached"))]
    pub(super) fn options_mut(&mut self) -> &mut Options {
        &mut self.options
    }

    /// One of them.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&OptionValue> {
        find(&self.options, name)
    }

    /// `KEY_PREFIX`, what stands before each key; empty unless set.
    ///
    /// Django reads this name in capitals only, and django-environ turns `?key_prefix=` of a `redis:` URL into
    /// small letters when Django's own backend is used: such a prefix is without effect there, and so here.
    #[must_use]
    pub fn key_prefix(&self) -> String {
        find(&self.settings, "KEY_PREFIX").map(ToString::to_string).unwrap_or_default()
    }

    /// `VERSION`, a part of each key; 1 unless set. In capitals only, as [`key_prefix`](Self::key_prefix).
    #[must_use]
    pub fn version(&self) -> String {
        find(&self.settings, "VERSION").map_or_else(|| "1".to_owned(), ToString::to_string)
    }

    /// How full keys are made here. Python cannot be run, so the function must be Django's own.
    ///
    /// # Errors
    /// `KEY_FUNCTION` names another one.
    pub(crate) fn cache_key(&self) -> Result<CacheKey, SettingsError> {
        match find(&self.settings, "KEY_FUNCTION") {
            None | Some(OptionValue::None) => {}
            Some(OptionValue::Text(function)) if function == KEY_FUNCTION => {}
            Some(_) => {
                let problem = "names a function of the site's own, which cloakroom cannot call";
                return Err(SettingsError::new("CACHES.KEY_FUNCTION", None, problem, "leave it out"));
            }
        }
        Ok(CacheKey::new(&self.key_prefix(), &self.version()))
    }

    /// `TIMEOUT`: how long entries live unless told otherwise, in seconds. 300 unless set; `None` for ever.
    #[must_use]
    pub fn timeout(&self) -> Option<i64> {
        let given = find(&self.settings, "timeout").or_else(|| find(&self.settings, "TIMEOUT"));
        match given {
            Some(OptionValue::None) => None,
            Some(OptionValue::Int(seconds)) => Some(*seconds),
            Some(OptionValue::Float(seconds)) => Some(*seconds as i64),
            Some(OptionValue::Bool(truth)) => Some(i64::from(*truth)),
            Some(OptionValue::Text(text)) => Some(text.trim().parse().unwrap_or(300)),
            Some(OptionValue::List(_)) | None => Some(300),
        }
    }
}

impl fmt::Display for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let locations: Vec<_> = self.locations.iter().map(|location| without_password(location)).collect();
        f.write_str(&self.backend)?;
        if !locations.is_empty() {
            write!(f, " at {}", locations.join(", "))?;
        }
        write!(f, "{}", Shown(&[&self.settings, &self.options]))
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cache({self})")
    }
}
