//! A cache by its URL, as django-environ reads it.

use super::{Cache, LOCMEM, REDIS};
use crate::settings::SettingsError;
use crate::settings::environ::{Url, literal, parse_query, put};

/// What the query says to Django, and not to the driver.
const SETTINGS: [&str; 5] = ["TIMEOUT", "KEY_PREFIX", "VERSION", "KEY_FUNCTION", "BINARY"];

fn backend(scheme: &str) -> Option<&'static str> {
    Some(match scheme {
        "dbcache" => "django.core.cache.backends.db.DatabaseCache",
        "dummycache" => "django.core.cache.backends.dummy.DummyCache",
        "filecache" => "django.core.cache.backends.filebased.FileBasedCache",
        "locmemcache" => LOCMEM,
        // Django 4.1 has dropped it.
        "memcache" => "django.core.cache.backends.memcached.MemcachedCache",
        "pymemcache" => "django.core.cache.backends.memcached.PyMemcacheCache",
        "pylibmc" => "django.core.cache.backends.memcached.PyLibMCCache",
        "rediscache" | "redis" | "rediss" | "valkey" | "valkeys" => REDIS,
        _ => return None,
    })
}

/// The value is never shown: it may hold a password.
fn refuse(problem: &str) -> SettingsError {
    SettingsError::new(
        "CACHE_URL",
        None,
        problem,
        "use redis://host:6379/0, pymemcache://host:11211, locmemcache://, filecache:///path or dbcache://table",
    )
}

impl Cache {
    /// A cache by its URL, by the rules of django-environ's `cache_url` beside a Django without
    /// `django-redis`: the schemes `redis`, `rediss`, `rediscache`, `valkey`, `valkeys`, `pymemcache`,
    /// `pylibmc`, `memcache`, `locmemcache`, `filecache`, `dbcache`, `dummycache`; several hosts that commas
    /// separate; settings and options in the query.
    ///
    /// ```
    /// use cloakroom::Cache;
    ///
    /// assert_eq!(Cache::from_url("redis:///run/redis.sock")?.locations(), ["unix:///run/redis.sock"]);
    /// let error = Cache::from_url("unix:///run/redis.sock").unwrap_err();
    /// assert_eq!(error.problem(), "names a cache that cloakroom does not know");
    /// # Ok::<(), cloakroom::SettingsError>(())
    /// ```
    ///
    /// # Errors
    /// A scheme that is not known (`unix:` is none: a Redis socket is `redis:///path/to/socket`), an address
    /// that is none, or escapes that are not UTF-8.
    pub fn from_url(url: &str) -> Result<Self, SettingsError> {
        Self::from_url_for(url, None)
    }

    /// The same for another `BACKEND`, which also decides how the names in the query are written: small for
    /// Django's own Redis backend, capitals for the others, `django_redis.cache.RedisCache` among them.
    ///
    /// ```
    /// use cloakroom::{Cache, CacheKind};
    ///
    /// let cache = Cache::from_url_for("redis://one/1?key_prefix=shop", Some("django_redis.cache.RedisCache"))?;
    /// assert_eq!(cache.kind(), CacheKind::DjangoRedis);
    /// assert_eq!(cache.key_prefix(), "shop");
    /// # Ok::<(), cloakroom::SettingsError>(())
    /// ```
    ///
    /// # Errors
    /// As [`from_url`](Self::from_url).
    pub fn from_url_for(text: &str, other_backend: Option<&str>) -> Result<Self, SettingsError> {
        if text.trim().is_empty() {
            return Err(refuse("is empty"));
        }
        let url = Url::parse(text).map_err(|_| refuse("has an address that is none"))?;
        let Some(backend) = backend(&url.scheme) else {
            return Err(refuse("names a cache that cloakroom does not know"));
        };
        let by_redis_url = other_backend.is_none() && backend == REDIS;
        let backend = other_backend.unwrap_or(backend).to_owned();
        let mut cache = Self { backend, locations: locations(&url), by_redis_url, ..Self::default() };
        for (name, value) in parse_query(&url.query).ok_or_else(|| refuse("has escapes that are not UTF-8"))? {
            let is_setting = SETTINGS.contains(&name.to_uppercase().as_str());
            let name = spelt(&cache.backend, &name);
            put(if is_setting { &mut cache.settings } else { &mut cache.options }, name, literal(&value));
        }
        Ok(cache)
    }

    /// The same by another backend for Redis, if it comes from a URL that leaves that open.
    pub(in crate::settings) fn on_redis_by(mut self, backend: &str) -> Self {
        if self.by_redis_url && self.backend != backend {
            backend.clone_into(&mut self.backend);
            let (settings, options) = (std::mem::take(&mut self.settings), std::mem::take(&mut self.options));
            settings.into_iter().for_each(|(name, value)| put(&mut self.settings, spelt(backend, &name), value));
            options.into_iter().for_each(|(name, value)| put(&mut self.options, spelt(backend, &name), value));
        }
        self
    }
}

/// As a backend wants the names in the query.
fn spelt(backend: &str, name: &str) -> String {
    if backend == REDIS { name.to_lowercase() } else { name.to_uppercase() }
}

fn locations(url: &Url) -> Vec<String> {
    let hosts = url.netloc.split(',');
    match url.scheme.as_str() {
        "filecache" => vec![format!("{}{}", url.netloc, url.path)],
        "memcache" | "pymemcache" if url.netloc.is_empty() => vec![format!("unix:{}", url.path)],
        "redis" | "rediss" | "rediscache" => {
            let scheme = if url.hostname().is_empty() { "unix" } else { url.scheme.trim_end_matches("cache") };
            hosts.map(|host| format!("{scheme}://{host}{}", url.path)).collect()
        }
        _ => hosts.map(str::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_refused_without_showing_it() {
        for url in ["", "unix:///run/redis.sock", "redis+socket:///x", "memory", "amqp://u:hunter2@h"] {
            let error = Cache::from_url(url).unwrap_err().to_string();
            assert!(error.contains("CACHE_URL") && !error.contains("hunter2"), "{url}: {error}");
        }
    }

    #[test]
    fn what_django_does_not_read_has_no_effect() {
        let url = "redis://h?key_prefix=p&version=2&timeout=9";
        let own = Cache::from_url(url).unwrap();
        assert_eq!((own.key_prefix(), own.version(), own.timeout()), (String::new(), "1".into(), Some(9)));
        let other = Cache::from_url_for(url, Some("django_redis.cache.RedisCache")).unwrap();
        assert_eq!((other.key_prefix(), other.version(), other.timeout()), ("p".into(), "2".into(), Some(9)));
    }

    #[test]
    fn a_password_is_not_shown() {
        let cache = Cache::from_url("rediss://:hunter2@a,b:hunter2@c/1?password=hunter2").unwrap();
        assert_eq!(cache.locations()[0], "rediss://:hunter2@a/1");
        let shown = format!("{cache} {cache:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
