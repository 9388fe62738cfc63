//! The settings, under Django's names and with Django's defaults (B-159 to B-162).

mod access;
mod assign;
pub(crate) mod auth;
mod builder;
mod cache;
mod csrf;
mod database;
mod derived_key;
mod engine_name;
mod entries;
pub(crate) mod environ;
mod error;
mod given;
mod limits;
mod load;
mod login_hash_key;
mod look;
#[cfg(feature = "memcached")]
mod memcached;
mod memory;
#[cfg(feature = "mysql")]
mod mysql;
mod named;
mod names;
mod nearest;
mod open_cache;
mod open_database;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
mod refusal;
mod same_site;
mod secret;
mod serializer;
mod source;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "toml")]
mod toml_file;
mod validate;
mod variables;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::wire::LoginHashKey;
use crate::wire::stored::SESSION_SALT;
use named::Named;
use secret::Secret;
use serializer::Serializers;

pub use auth::UserIdType;
pub use cache::{Cache, CacheKind};
pub use database::{Database, DatabaseKind};
pub use derived_key::DerivedKey;
pub use engine_name::EngineName;
pub use entries::{Entry, EntryValue};
pub use error::SettingsError;
pub use same_site::SameSite;
pub use serializer::SessionSerializer;
pub use source::SettingSource;

/// What Django's `settings.py` says about sessions.
///
/// Every setting has Django's default. [`Settings::load`] lays over them what stands in `cloakroom.toml`, in a
/// file `.env` and in the environment; the methods lay over that what they are given. Each value knows where it
/// came from ([`source`](Settings::source), [`entries`](Settings::entries)). All are checked together when a
/// [`SessionStore`](crate::SessionStore) is made of them.
///
/// The cookie:
///
/// ```
/// use cloakroom::{SameSite, Settings};
///
/// let settings = Settings::new()
///     .session_cookie_name("__Secure-sid")
///     .session_cookie_age(3600)
///     .session_cookie_domain("example.com")
///     .session_cookie_path("/shop")
///     .session_cookie_secure(true)
///     .session_cookie_httponly(true)
///     .session_cookie_samesite(SameSite::none())
///     .session_cookie_partitioned(true)
///     .session_expire_at_browser_close(true)
///     .session_save_every_request(true);
/// settings.validate()?;
///
/// assert_eq!((settings.cookie_name(), settings.cookie_age()), ("__Secure-sid", 3_600.0));
/// assert_eq!((settings.cookie_domain(), settings.cookie_path()), (Some("example.com"), "/shop"));
/// assert!(settings.cookie_secure() && settings.cookie_httponly() && settings.cookie_partitioned());
/// assert_eq!(settings.cookie_samesite(), &SameSite::none());
/// assert!(settings.expires_at_browser_close() && settings.saves_every_request());
/// # Ok::<(), cloakroom::SettingsError>(())
/// ```
///
/// Where the data is kept, and how it is written:
///
/// ```
/// use std::path::Path;
///
/// use cloakroom::{Cache, Database, EngineName, Settings};
///
/// let settings = Settings::new()
///     .session_engine(EngineName::CachedDb)
///     .database_url("sqlite:///db.sqlite3")
///     .add_database("sessions", Database::from_url("postgres://db.example/site")?)
///     .session_database_alias("sessions")
///     .session_schema("shop")
///     .session_table("shop_session")
///     .cache_url("locmemcache://")
///     .add_cache("fast", Cache::from_url("redis://cache.example:6379/1")?)
///     .session_cache_alias("fast")
///     .session_file_path("/var/lib/sessions")
///     .session_serializer("json")
///     .session_salt("django.contrib.sessions.ShopStore")
///     .session_read_only(true)
///     .secret_key("a long and random text")
///     .secret_key_fallback("the text before it")
///     .use_tz(false)
///     .time_zone("Europe/Vienna");
/// settings.validate()?;
///
/// assert_eq!(settings.engine_name(), EngineName::CachedDb);
/// assert_eq!(settings.databases()?.into_keys().collect::<Vec<_>>(), ["default", "sessions"]);
/// assert_eq!(settings.session_database()?.host(), "db.example");
/// assert_eq!(settings.session_database_setting(), "DATABASES.sessions");
/// assert_eq!((settings.schema(), settings.table()), (Some("shop"), "shop_session"));
/// assert_eq!(settings.caches()?.into_keys().collect::<Vec<_>>(), ["default", "fast"]);
/// assert_eq!(settings.session_cache()?.locations(), ["redis://cache.example:6379/1"]);
/// assert_eq!(settings.file_path(), Some(Path::new("/var/lib/sessions")));
/// assert_eq!(settings.salt(), "django.contrib.sessions.ShopStore");
/// assert!(settings.is_read_only() && settings.is_set("SECRET_KEY"));
/// assert_eq!(settings.secret_keys()?.1.len(), 1);
/// assert_eq!((settings.uses_tz(), settings.time_zone_name()), (false, "Europe/Vienna"));
/// assert!(settings.naive_time_zone()?.is_some());
/// # Ok::<(), cloakroom::SettingsError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Settings {
    pub(crate) session_engine: EngineName,
    pub(crate) session_cookie_age: f64,
    pub(crate) session_cookie_name: String,
    pub(crate) session_cookie_domain: Option<String>,
    pub(crate) session_cookie_path: String,
    pub(crate) session_cookie_secure: bool,
    pub(crate) session_cookie_httponly: bool,
    pub(crate) session_cookie_samesite: SameSite,
    pub(crate) session_cookie_partitioned: bool,
    pub(crate) session_expire_at_browser_close: bool,
    pub(crate) session_save_every_request: bool,
    limits: limits::LimitSettings,
    pub(crate) session_serializer: String,
    serializers: Serializers,
    session_file_path: Option<PathBuf>,
    session_cache_alias: String,
    session_database_alias: String,
    session_table: String,
    session_schema: Option<String>,
    pub(crate) session_salt: String,
    pub(crate) session_read_only: bool,
    secret_key: Option<Secret>,
    secret_key_b64: Option<Secret>,
    secret_key_fallbacks: Vec<Secret>,
    secret_key_fallbacks_b64: Vec<Secret>,
    session_signing_key: Option<DerivedKey>,
    session_signing_key_fallbacks: Vec<DerivedKey>,
    session_auth_hash_key: Option<LoginHashKey>,
    session_auth_hash_key_fallbacks: Vec<LoginHashKey>,
    auth: auth::AuthSettings,
    pub(crate) csrf: csrf::CsrfCookieSettings,
    pub(crate) use_tz: bool,
    pub(crate) time_zone: String,
    databases: Named<Database>,
    caches: Named<Cache>,
    redis_backend: String,
    /// Where those values came from that are not the defaults.
    sources: BTreeMap<String, SettingSource>,
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}

impl Settings {
    /// Django's defaults.
    pub fn new() -> Self {
        Self {
            session_engine: EngineName::Db,
            session_cookie_age: 1_209_600.0,
            session_cookie_name: "sessionid".into(),
            session_cookie_domain: None,
            session_cookie_path: "/".into(),
            session_cookie_secure: false,
            session_cookie_httponly: true,
            session_cookie_samesite: SameSite::lax(),
            session_cookie_partitioned: false,
            session_expire_at_browser_close: false,
            session_save_every_request: false,
            limits: limits::LimitSettings::default(),
            session_serializer: "django.contrib.sessions.serializers.JSONSerializer".into(),
            serializers: Serializers::default(),
            session_file_path: None,
            session_cache_alias: "default".into(),
            session_database_alias: "default".into(),
            session_table: "django_session".into(),
            session_schema: None,
            session_salt: SESSION_SALT.into(),
            session_read_only: false,
            secret_key: None,
            secret_key_b64: None,
            secret_key_fallbacks: Vec::new(),
            secret_key_fallbacks_b64: Vec::new(),
            session_signing_key: None,
            session_signing_key_fallbacks: Vec::new(),
            session_auth_hash_key: None,
            session_auth_hash_key_fallbacks: Vec::new(),
            auth: auth::AuthSettings::default(),
            csrf: csrf::CsrfCookieSettings::default(),
            use_tz: true,
            time_zone: "America/Chicago".into(),
            databases: Named::default(),
            caches: Named::default(),
            redis_backend: cache::REDIS.into(),
            sources: BTreeMap::new(),
        }
    }
}
