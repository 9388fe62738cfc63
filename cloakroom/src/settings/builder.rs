//! Settings in code, which win over those of files and of the environment when they come after them.

use std::path::PathBuf;

use super::named::{Named, alias_key};
use super::secret::Secret;
use super::{
    Cache, Database, DerivedKey, EngineName, SameSite, SessionSerializer, SettingSource, Settings, SettingsError,
};
use crate::wire::LoginHashKey;

/// What is set in code wins over what was read before it.
///
/// ```
/// use cloakroom::{DerivedKey, SettingSource, Settings};
///
/// let settings = Settings::new()
///     .with_variables(|name| (name == "SESSION_COOKIE_NAME").then(|| "sid".into()))?
///     .session_cookie_name("shop");
/// assert_eq!(settings.cookie_name(), "shop");
/// assert_eq!(settings.source("SESSION_COOKIE_NAME"), &SettingSource::Code);
///
/// // The derived keys of the site's sessions in place of its secret, the second for what was signed before a change:
/// let key = |digit: &str| format!("session:{}", digit.repeat(64)).parse::<DerivedKey>();
/// let settings = Settings::new().session_signing_key(key("a")?).session_signing_key_fallback(key("b")?);
/// assert_eq!(settings.signing_keys(settings.salt())?.1.len(), 1);
/// # Ok::<(), cloakroom::SettingsError>(())
/// ```
impl Settings {
    /// `SESSION_ENGINE`: where sessions are kept.
    pub fn session_engine(mut self, engine: EngineName) -> Self {
        self.session_engine = engine;
        self.in_code("SESSION_ENGINE")
    }

    /// `SESSION_COOKIE_AGE`: how long a session lives after its last save, in seconds. Two weeks unless set.
    pub fn session_cookie_age(mut self, seconds: impl Into<f64>) -> Self {
        self.session_cookie_age = seconds.into();
        self.in_code("SESSION_COOKIE_AGE")
    }

    /// `SESSION_COOKIE_NAME`: `sessionid` unless set. Cookies do not know ports: two sites on one host need
    /// different names.
    pub fn session_cookie_name(mut self, name: impl Into<String>) -> Self {
        self.session_cookie_name = name.into();
        self.in_code("SESSION_COOKIE_NAME")
    }

    /// `SESSION_COOKIE_DOMAIN`: the cookie's domain; only the host that sent it unless set.
    pub fn session_cookie_domain(mut self, domain: impl Into<String>) -> Self {
        self.session_cookie_domain = Some(domain.into());
        self.in_code("SESSION_COOKIE_DOMAIN")
    }

    /// `SESSION_COOKIE_PATH`: `/` unless set.
    pub fn session_cookie_path(mut self, path: impl Into<String>) -> Self {
        self.session_cookie_path = path.into();
        self.in_code("SESSION_COOKIE_PATH")
    }

    /// `SESSION_COOKIE_SECURE`: whether the browser sends the cookie over HTTPS only. Off unless set, as in
    /// Django; a site on HTTPS wants it on (ASVS 3.3.1).
    pub fn session_cookie_secure(mut self, secure: bool) -> Self {
        self.session_cookie_secure = secure;
        self.in_code("SESSION_COOKIE_SECURE")
    }

    /// `SESSION_COOKIE_HTTPONLY`: whether the cookie is kept from the page's scripts. On unless set.
    pub fn session_cookie_httponly(mut self, httponly: bool) -> Self {
        self.session_cookie_httponly = httponly;
        self.in_code("SESSION_COOKIE_HTTPONLY")
    }

    /// `SESSION_COOKIE_SAMESITE`: `Lax` unless set.
    pub fn session_cookie_samesite(mut self, samesite: SameSite) -> Self {
        self.session_cookie_samesite = samesite;
        self.in_code("SESSION_COOKIE_SAMESITE")
    }

    /// Whether the cookie is `Partitioned`, one for each site that embeds this one. Needs Secure. Not in
    /// Django.
    pub fn session_cookie_partitioned(mut self, partitioned: bool) -> Self {
        self.session_cookie_partitioned = partitioned;
        self.in_code("SESSION_COOKIE_PARTITIONED")
    }

    /// `SESSION_EXPIRE_AT_BROWSER_CLOSE`: whether cookies end with the browser unless a session says
    /// otherwise. Off unless set.
    pub fn session_expire_at_browser_close(mut self, at_close: bool) -> Self {
        self.session_expire_at_browser_close = at_close;
        self.in_code("SESSION_EXPIRE_AT_BROWSER_CLOSE")
    }

    /// `SESSION_SAVE_EVERY_REQUEST`: whether each request renews the session's life. Off unless set.
    pub fn session_save_every_request(mut self, every: bool) -> Self {
        self.session_save_every_request = every;
        self.in_code("SESSION_SAVE_EVERY_REQUEST")
    }

    /// `SESSION_SERIALIZER`: `json` or Django's dotted path of it, which is the default, or the path of one that
    /// was [registered](Self::register_serializer).
    pub fn session_serializer(mut self, path: impl Into<String>) -> Self {
        self.session_serializer = path.into();
        self.in_code("SESSION_SERIALIZER")
    }

    /// Makes a serializer known under the dotted path that it has on the Django site, for `SESSION_SERIALIZER`
    /// to name.
    pub fn register_serializer(mut self, path: impl Into<String>, serializer: impl SessionSerializer) -> Self {
        self.serializers.register(path.into(), std::sync::Arc::new(serializer));
        self
    }

    /// `SESSION_FILE_PATH`: the folder of the `file` engine. The system's folder for temporary files unless set.
    pub fn session_file_path(mut self, folder: impl Into<PathBuf>) -> Self {
        self.session_file_path = Some(folder.into());
        self.in_code("SESSION_FILE_PATH")
    }

    /// `SESSION_CACHE_ALIAS`: which of the `CACHES` the engines `cache` and `cached_db` use; `default` unless set.
    pub fn session_cache_alias(mut self, alias: impl Into<String>) -> Self {
        self.session_cache_alias = alias.into();
        self.in_code("SESSION_CACHE_ALIAS")
    }

    /// `SESSION_DATABASE_ALIAS`: which of the `DATABASES` the engines `db` and `cached_db` use; `default` unless
    /// set. Django has a database router in its place.
    pub fn session_database_alias(mut self, alias: impl Into<String>) -> Self {
        self.session_database_alias = alias.into();
        self.in_code("SESSION_DATABASE_ALIAS")
    }

    /// `SESSION_TABLE`: the table of a custom session model; `django_session` unless set. Not in Django.
    pub fn session_table(mut self, table: impl Into<String>) -> Self {
        self.session_table = table.into();
        self.in_code("SESSION_TABLE")
    }

    /// `SESSION_SCHEMA`: the schema the table is in, for databases that have them; the connection's own unless
    /// set. Not in Django.
    pub fn session_schema(mut self, schema: impl Into<String>) -> Self {
        self.session_schema = Some(schema.into());
        self.in_code("SESSION_SCHEMA")
    }

    /// `SESSION_SALT`: the salt that stored data is signed with. A session class of the site's own that is not
    /// named `SessionStore` has another one: `django.contrib.sessions.` and the class's name. Not in Django.
    pub fn session_salt(mut self, salt: impl Into<String>) -> Self {
        self.session_salt = salt.into();
        self.in_code("SESSION_SALT")
    }

    /// `SESSION_READ_ONLY`: whether every write is refused, for a first roll-out beside a running site. Reading
    /// works; a request that changed its session is answered with an error; nobody's cookie is set or removed.
    /// Off unless set. Not in Django.
    pub fn session_read_only(mut self, read_only: bool) -> Self {
        self.session_read_only = read_only;
        self.in_code("SESSION_READ_ONLY")
    }

    /// `SECRET_KEY`, as text or bytes, also in place of a `SECRET_KEY_B64` that was read before.
    pub fn secret_key(mut self, secret: impl Into<Vec<u8>>) -> Self {
        self.secret_key = Some(Secret(secret.into()));
        self.secret_key_b64 = None;
        self.sources.remove("SECRET_KEY_B64");
        self.in_code("SECRET_KEY")
    }

    /// `SECRET_KEY_FALLBACKS`: one more secret that is accepted, never signed with.
    pub fn secret_key_fallback(mut self, secret: impl Into<Vec<u8>>) -> Self {
        self.secret_key_fallbacks.push(Secret(secret.into()));
        self.in_code("SECRET_KEY_FALLBACKS")
    }

    /// `SESSION_SIGNING_KEY`: the derived key, in place of `SECRET_KEY`; [`DerivedKey`] says why. Not in Django.
    pub fn session_signing_key(mut self, key: DerivedKey) -> Self {
        self.session_signing_key = Some(key);
        self.in_code("SESSION_SIGNING_KEY")
    }

    /// `SESSION_SIGNING_KEY_FALLBACKS`: one more derived key that is accepted, never signed with.
    pub fn session_signing_key_fallback(mut self, key: DerivedKey) -> Self {
        self.session_signing_key_fallbacks.push(key);
        self.in_code("SESSION_SIGNING_KEY_FALLBACKS")
    }

    /// `SESSION_AUTH_HASH_KEY`: the key of the login hash, in place of `SECRET_KEY`; [`LoginHashKey`] says why. Not in
    /// Django.
    pub fn session_auth_hash_key(mut self, key: LoginHashKey) -> Self {
        self.session_auth_hash_key = Some(key);
        self.in_code("SESSION_AUTH_HASH_KEY")
    }

    /// `SESSION_AUTH_HASH_KEY_FALLBACKS`: one more such key that is accepted; a login that it verifies is renewed.
    pub fn session_auth_hash_key_fallback(mut self, key: LoginHashKey) -> Self {
        self.session_auth_hash_key_fallbacks.push(key);
        self.in_code("SESSION_AUTH_HASH_KEY_FALLBACKS")
    }

    /// `USE_TZ`: whether moments are kept in UTC. On unless set.
    pub fn use_tz(mut self, use_tz: bool) -> Self {
        self.use_tz = use_tz;
        self.in_code("USE_TZ")
    }

    /// `TIME_ZONE`: an IANA name. Naive moments are read in it, and without `USE_TZ` all are kept in it.
    /// `America/Chicago` unless set, Django's own default.
    pub fn time_zone(mut self, name: impl Into<String>) -> Self {
        self.time_zone = name.into();
        self.in_code("TIME_ZONE")
    }

    /// `DATABASE_URL`: the database under the alias `default`, as django-environ reads it:
    /// `sqlite:///relative/path`, `sqlite:////absolute/path`, `postgres://…`, `mysql://…`. A URL that cannot be
    /// read is an error of [`validate`](Self::validate) and of all who need it.
    pub fn database_url(self, url: impl AsRef<str>) -> Self {
        let read = Database::from_url(url.as_ref());
        self.given("DATABASES", "DATABASE_URL", "default", read, |settings| &mut settings.databases)
    }

    /// `DATABASES`: a database under an alias.
    pub fn add_database(self, alias: impl Into<String>, database: Database) -> Self {
        let alias = alias.into();
        let name = alias_key("DATABASES", &alias);
        self.given("DATABASES", &name, &alias, Ok(database), |settings| &mut settings.databases)
    }

    /// `CACHE_URL`: the cache under the alias `default`, as django-environ reads it: `redis://…`,
    /// `pymemcache://…`, `locmemcache://`, `filecache:///path`, `dbcache://table`. A URL that cannot be read is
    /// an error of [`validate`](Self::validate) and of all who need it.
    pub fn cache_url(self, url: impl AsRef<str>) -> Self {
        let read = Cache::from_url(url.as_ref()).map(|cache| cache.on_redis_by(&self.redis_backend));
        self.given("CACHES", "CACHE_URL", "default", read, |settings| &mut settings.caches)
    }

    /// `REDIS_BACKEND`: the `BACKEND` that a URL of a cache on Redis stands for. Django's own unless set;
    /// `django_redis.cache.RedisCache` beside a site with the package `django-redis`, which django-environ takes as
    /// soon as it is installed. The URLs may be given before or after it.
    ///
    /// ```
    /// use cloakroom::{CacheKind, Settings};
    ///
    /// let settings = Settings::new().cache_url("redis://cache.example/1?key_prefix=shop");
    /// assert_eq!(settings.session_cache()?.kind(), CacheKind::Redis);
    /// let settings = settings.redis_backend("django_redis.cache.RedisCache");
    /// assert_eq!(settings.session_cache()?.kind(), CacheKind::DjangoRedis);
    /// assert_eq!(settings.session_cache()?.key_prefix(), "shop");
    /// # Ok::<(), cloakroom::SettingsError>(())
    /// ```
    pub fn redis_backend(mut self, dotted_name: impl Into<String>) -> Self {
        self.use_redis_backend(dotted_name.into());
        self.in_code("REDIS_BACKEND")
    }

    /// `CACHES`: a cache under an alias.
    pub fn add_cache(self, alias: impl Into<String>, cache: Cache) -> Self {
        let alias = alias.into();
        let name = alias_key("CACHES", &alias);
        self.given("CACHES", &name, &alias, Ok(cache), |settings| &mut settings.caches)
    }

    pub(super) fn in_code(mut self, name: &'static str) -> Self {
        self.sources.insert(name.into(), SettingSource::Code);
        self
    }

    fn given<T>(
        mut self,
        setting: &'static str,
        given_as: &str,
        alias: &str,
        read: Result<T, SettingsError>,
        of: impl Fn(&mut Self) -> &mut Named<T>,
    ) -> Self {
        let key = alias_key(setting, alias);
        self.sources.insert(key, SettingSource::Code);
        let read = read.map_err(|error| error.at_source(&SettingSource::Code));
        of(&mut self).put(alias, given_as, read);
        self
    }
}
