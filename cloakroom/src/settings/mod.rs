//! The settings, under Django's names and with Django's defaults (B-159 to B-162).

#[cfg(feature = "sqlite")]
mod database;
mod engine_name;
mod env;
mod error;
mod same_site;
mod validate;

use jiff::tz::TimeZone;

use crate::expiry::Policy;
use crate::wire::signing::SecretKey;

pub use engine_name::EngineName;
pub use error::SettingsError;
pub use same_site::SameSite;

/// What Django's `settings.py` says about sessions.
///
/// Every setting has Django's default. They are checked together when a
/// [`SessionStore`](crate::SessionStore) is made of them.
///
/// ```
/// use cloakroom::Settings;
///
/// let settings = Settings::new()
///     .secret_key("a long and random text")
///     .session_cookie_age(3600)
///     .session_cookie_secure(true);
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
    pub(crate) secret_key: Option<Secret>,
    pub(crate) secret_key_fallbacks: Vec<Secret>,
    pub(crate) use_tz: bool,
    pub(crate) time_zone: String,
    pub(crate) database_url: Option<String>,
}

/// A secret as it was given, not yet checked: text counts as its UTF-8 bytes, as in Django.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Vec<u8>);

impl Secret {
    fn to_key(&self, setting: &'static str) -> Result<SecretKey, SettingsError> {
        SecretKey::new(self.0.clone())
            .map_err(|_| SettingsError::new(setting, None, "is empty", "set it to the secret of the Django site"))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
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
            secret_key: None,
            secret_key_fallbacks: Vec::new(),
            use_tz: true,
            time_zone: "America/Chicago".into(),
            database_url: None,
        }
    }

    /// `SESSION_ENGINE`: where sessions are kept.
    pub fn session_engine(mut self, engine: EngineName) -> Self {
        self.session_engine = engine;
        self
    }

    /// `SESSION_COOKIE_AGE`: how long a session lives after its last save, in seconds. Two weeks unless set.
    pub fn session_cookie_age(mut self, seconds: impl Into<f64>) -> Self {
        self.session_cookie_age = seconds.into();
        self
    }

    /// `SESSION_COOKIE_NAME`: `sessionid` unless set. Cookies do not know ports: two sites on one host need
    /// different names.
    pub fn session_cookie_name(mut self, name: impl Into<String>) -> Self {
        self.session_cookie_name = name.into();
        self
    }

    /// `SESSION_COOKIE_DOMAIN`: the cookie's domain; only the host that sent it unless set.
    pub fn session_cookie_domain(mut self, domain: impl Into<String>) -> Self {
        self.session_cookie_domain = Some(domain.into());
        self
    }

    /// `SESSION_COOKIE_PATH`: `/` unless set.
    pub fn session_cookie_path(mut self, path: impl Into<String>) -> Self {
        self.session_cookie_path = path.into();
        self
    }

    /// `SESSION_COOKIE_SECURE`: whether the browser sends the cookie over HTTPS only. Off unless set, as in
    /// Django; a site on HTTPS wants it on (ASVS 3.3.1).
    pub fn session_cookie_secure(mut self, secure: bool) -> Self {
        self.session_cookie_secure = secure;
        self
    }

    /// `SESSION_COOKIE_HTTPONLY`: whether the cookie is kept from the page's scripts. On unless set.
    pub fn session_cookie_httponly(mut self, httponly: bool) -> Self {
        self.session_cookie_httponly = httponly;
        self
    }

    /// `SESSION_COOKIE_SAMESITE`: `Lax` unless set.
    pub fn session_cookie_samesite(mut self, samesite: SameSite) -> Self {
        self.session_cookie_samesite = samesite;
        self
    }

    /// Whether the cookie is `Partitioned`, one for each site that embeds this one. Needs Secure. Not in
    /// Django.
    pub fn session_cookie_partitioned(mut self, partitioned: bool) -> Self {
        self.session_cookie_partitioned = partitioned;
        self
    }

    /// `SESSION_EXPIRE_AT_BROWSER_CLOSE`: whether cookies end with the browser unless a session says
    /// otherwise. Off unless set.
    pub fn session_expire_at_browser_close(mut self, at_close: bool) -> Self {
        self.session_expire_at_browser_close = at_close;
        self
    }

    /// `SESSION_SAVE_EVERY_REQUEST`: whether each request renews the session's life. Off unless set.
    pub fn session_save_every_request(mut self, every: bool) -> Self {
        self.session_save_every_request = every;
        self
    }

    /// `SECRET_KEY`, as text or bytes.
    pub fn secret_key(mut self, secret: impl Into<Vec<u8>>) -> Self {
        self.secret_key = Some(Secret(secret.into()));
        self
    }

    /// `SECRET_KEY_FALLBACKS`: one more secret that is accepted, never signed with.
    pub fn secret_key_fallback(mut self, secret: impl Into<Vec<u8>>) -> Self {
        self.secret_key_fallbacks.push(Secret(secret.into()));
        self
    }

    /// `USE_TZ`: whether moments are kept in UTC. On unless set.
    pub fn use_tz(mut self, use_tz: bool) -> Self {
        self.use_tz = use_tz;
        self
    }

    /// `TIME_ZONE`: an IANA name. Naive moments are read in it, and without `USE_TZ` all are kept in it.
    /// `America/Chicago` unless set, Django's own default.
    pub fn time_zone(mut self, name: impl Into<String>) -> Self {
        self.time_zone = name.into();
        self
    }

    /// `DATABASE_URL`: the database of the `db` engine, as django-environ reads it:
    /// `sqlite:///relative/path` or `sqlite:////absolute/path`.
    pub fn database_url(mut self, url: impl Into<String>) -> Self {
        self.database_url = Some(url.into());
        self
    }

    /// The time zone that storages write naive local time in: `None` under `USE_TZ`.
    ///
    /// # Errors
    /// A `TIME_ZONE` that is not known.
    pub fn naive_time_zone(&self) -> Result<Option<TimeZone>, SettingsError> {
        if self.use_tz { Ok(None) } else { self.zone().map(Some) }
    }

    /// The name of the session cookie.
    #[must_use]
    pub fn cookie_name(&self) -> &str {
        &self.session_cookie_name
    }

    /// The engine that the settings name.
    #[must_use]
    pub fn engine_name(&self) -> EngineName {
        self.session_engine
    }

    /// The lifetime after the last save, in seconds.
    #[must_use]
    pub fn cookie_age(&self) -> f64 {
        self.session_cookie_age
    }

    /// The database of the `db` engine, if one is set.
    #[must_use]
    pub fn database(&self) -> Option<&str> {
        self.database_url.as_deref()
    }

    pub(crate) fn policy(&self) -> Result<Policy, SettingsError> {
        Ok(Policy {
            cookie_age: self.session_cookie_age,
            at_browser_close: self.session_expire_at_browser_close,
            use_tz: self.use_tz,
            time_zone: self.zone()?,
        })
    }

    fn zone(&self) -> Result<TimeZone, SettingsError> {
        TimeZone::get(&self.time_zone).map_err(|_| {
            SettingsError::new(
                "TIME_ZONE",
                Some(&self.time_zone),
                "is not a known time zone",
                "use an IANA name such as Europe/Vienna or UTC",
            )
        })
    }

    /// The secrets to sign with and to accept, the first one first.
    ///
    /// # Errors
    /// No `SECRET_KEY`, or an empty one.
    pub fn secret_keys(&self) -> Result<(SecretKey, Vec<SecretKey>), SettingsError> {
        let Some(primary) = &self.secret_key else {
            return Err(SettingsError::new(
                "SECRET_KEY",
                None,
                "is not set",
                "set it to the secret of the Django site, or for a site of its own to 50 random characters",
            ));
        };
        let fallbacks = self.secret_key_fallbacks.iter().map(|secret| secret.to_key("SECRET_KEY_FALLBACKS"));
        Ok((primary.to_key("SECRET_KEY")?, fallbacks.collect::<Result<_, _>>()?))
    }
}
