//! The Redis that the settings name.

mod options;
#[cfg(test)]
mod tests;

use super::environ::{OptionValue, Url, parse_query, unquote};
use super::refusal::Refusal;
use super::{Cache, CacheKind, SettingsError};
use crate::storage::redis::{RedisExpiry, RedisOptions};
use options::Read;

impl RedisOptions {
    /// The Redis that a URL names, by django-environ's rules; its query holds `OPTIONS`.
    ///
    /// ```
    /// use cloakroom::storage::redis::RedisOptions;
    ///
    /// assert!(RedisOptions::from_url("rediss://site:secret@cache.example/1?ssl_cert_reqs=required").is_ok());
    /// assert!(RedisOptions::from_url("redis:///run/redis/redis.sock?db=1").is_ok());
    /// let error = RedisOptions::from_url("redis://cache.example/1?retries=3").unwrap_err();
    /// assert_eq!(error.setting(), "CACHES.OPTIONS.retries");
    /// ```
    ///
    /// # Errors
    /// Another kind of URL, or an option that cannot be honoured and would change something.
    pub fn from_url(url: &str) -> Result<Self, SettingsError> {
        Self::for_cache(&Cache::from_url(url)?)
    }

    /// The Redis that a member of Django's `CACHES` names, for Django's own backend or `django-redis`. Of several
    /// locations the first is the primary, which sessions are read from too. `docs/engines.md` lists what becomes of
    /// each of the `OPTIONS`.
    ///
    /// ```
    /// use cloakroom::Cache;
    /// use cloakroom::storage::redis::RedisOptions;
    ///
    /// let cache = Cache::from_url("redis://primary.example,replica.example/1?socket_timeout=0.5")?;
    /// let shown = format!("{:?}", RedisOptions::for_cache(&cache)?);
    /// assert!(shown.contains("primary.example:6379") && shown.contains("500ms"));
    /// # Ok::<(), cloakroom::SettingsError>(())
    /// ```
    ///
    /// # Errors
    /// Another kind of cache, no `LOCATION`, one that is no address, a `KEY_FUNCTION` of the site's own, or an option that
    /// cannot be honoured and would change something.
    pub fn for_cache(cache: &Cache) -> Result<Self, SettingsError> {
        let (expiry, separators): (_, &[char]) = match cache.kind() {
            CacheKind::Redis => (RedisExpiry::Seconds, &[',', ';']),
            CacheKind::DjangoRedis => (RedisExpiry::Milliseconds, &[',']),
            _ => {
                let problem = format!("names a cache of the kind {}", cache.backend());
                return Err(SettingsError::new("CACHES.BACKEND", None, problem, "use redis://host:6379/0"));
            }
        };
        let _checked = cache.format()?;
        let mut read = Read::new(RedisOptions::new().key(cache.cache_key()?).expiry(expiry));
        for (name, value) in cache.options() {
            let read = match cache.kind() {
                CacheKind::DjangoRedis => read.of_django_redis(name, value),
                _ => read.of_django(name, value),
            };
            read.map_err(|refusal| refuse(&format!("OPTIONS.{name}"), refusal))?;
        }
        let locations = cache.locations();
        let first = locations.first().map(String::as_str).unwrap_or_default();
        // A list is Django's list; a text is taken apart.
        let first = if locations.len() == 1 { first.split(separators).next().unwrap_or_default() } else { first };
        location(&mut read, first).map_err(|refusal| refuse("LOCATION", refusal))?;
        read.finish().map_err(|refusal| refuse("LOCATION", refusal))
    }
}

fn refuse(name: &str, Refusal { problem, remedy }: Refusal) -> SettingsError {
    SettingsError::new(format!("CACHES.{name}"), None, problem, remedy)
}

/// As redis-py's `from_url` takes it apart; what it says goes before `OPTIONS`.
fn location(read: &mut Read, text: &str) -> Result<(), Refusal> {
    let form = "use redis://host:6379/0, rediss://host:6379/0 or unix:///path/to/socket?db=0";
    let bad = |problem: &str| Refusal::new(problem, form);
    if text.trim().is_empty() {
        return Err(bad("is empty"));
    }
    let url = Url::parse(text).map_err(|_| bad("is no address"))?;
    let decoded = |text: &str| unquote(text).ok_or_else(|| bad("has escapes that are not UTF-8"));
    let query = parse_query(&url.query).ok_or_else(|| bad("has escapes that are not UTF-8"))?;
    let (user, password) = (decoded(url.username())?, decoded(url.password())?);
    for (name, text) in [("username", user), ("password", password)] {
        if !text.is_empty() {
            read.of_url(name, &OptionValue::Text(text))?;
        }
    }
    match url.scheme.as_str() {
        "unix" => read.socket(decoded(&url.path)?),
        "redis" | "rediss" => {
            let number = decoded(&url.path)?.replace('/', "");
            // Like redis-py: what is no number is none.
            if let Ok(number) = number.parse::<i64>() {
                read.of_url("db", &OptionValue::Int(number))?;
            }
            let port = url.port().map_err(|_| bad("has a port that is none"))?;
            read.server(decoded(&url.hostname())?, port, url.scheme == "rediss");
        }
        _ => return Err(bad("has a scheme that is none of Redis's")),
    }
    for (name, value) in query {
        read.of_url(&name, &OptionValue::Text(value)).map_err(|mut refusal| {
            refusal.problem = format!("has the option {name}, which {}", refusal.problem);
            refusal
        })?;
    }
    Ok(())
}
