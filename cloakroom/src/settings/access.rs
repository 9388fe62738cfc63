//! What the settings say.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::tz::TimeZone;

use super::named::alias_key;
use super::{Cache, Database, EngineName, SettingSource, Settings, SettingsError};
use crate::expiry::Policy;
use crate::wire::stored::SIGNED_COOKIES_SALT;

static DEFAULT: SettingSource = SettingSource::Default;

impl Settings {
    /// Where the value of a setting came from, by its name: `SESSION_COOKIE_AGE`, `DATABASE_URL`,
    /// `DATABASES.replica`. [`SettingSource::Default`] for what nobody set, and for names that are none.
    #[must_use]
    pub fn source(&self, name: &str) -> &SettingSource {
        let name = match name {
            "DATABASE_URL" => "DATABASES.default",
            "CACHE_URL" => "CACHES.default",
            name => name,
        };
        self.sources.get(name).unwrap_or(&DEFAULT)
    }

    /// Whether somebody set it, by its name as in [`source`](Self::source).
    #[must_use]
    pub fn is_set(&self, name: &str) -> bool {
        *self.source(name) != SettingSource::Default
    }

    /// The time zone that storages write naive local time in: `None` under `USE_TZ`.
    ///
    /// # Errors
    /// A `TIME_ZONE` that is not known.
    pub fn naive_time_zone(&self) -> Result<Option<TimeZone>, SettingsError> {
        if self.use_tz { Ok(None) } else { self.zone().map(Some) }
    }

    /// The same for one of the databases: under `USE_TZ` it may have a `TIME_ZONE` of its own, that of another program
    /// that uses it.
    #[cfg(any(feature = "sqlite", feature = "mysql"))]
    pub(super) fn time_zone_in(&self, database: &Database) -> Result<Option<TimeZone>, SettingsError> {
        match database.setting("TIME_ZONE").and_then(|value| value.as_text()) {
            Some(name) if self.use_tz => zone_named("DATABASES.TIME_ZONE", name).map(Some),
            _ => self.naive_time_zone(),
        }
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

    /// The table of the engines `db` and `cached_db`.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.session_table
    }

    /// The schema of that table, where one is set.
    #[must_use]
    pub fn schema(&self) -> Option<&str> {
        self.session_schema.as_deref()
    }

    /// The salt that sessions are signed with: `SESSION_SALT`, or the one that the engine `signed_cookies` always has
    /// (B-120).
    ///
    /// ```
    /// use cloakroom::wire::stored::SIGNED_COOKIES_SALT;
    /// use cloakroom::{EngineName, Settings};
    ///
    /// let settings = Settings::new().session_salt("django.contrib.sessions.ShopStore");
    /// assert_eq!(settings.salt(), "django.contrib.sessions.ShopStore");
    /// assert_eq!(settings.session_engine(EngineName::SignedCookies).salt(), SIGNED_COOKIES_SALT);
    /// ```
    #[must_use]
    pub fn salt(&self) -> &str {
        match self.session_engine {
            EngineName::SignedCookies => SIGNED_COOKIES_SALT,
            _ => &self.session_salt,
        }
    }

    /// The folder of the `file` engine, where one is set.
    #[must_use]
    pub fn file_path(&self) -> Option<&Path> {
        self.session_file_path.as_deref()
    }

    /// Whether every write is refused.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.session_read_only
    }

    /// The `DATABASES`, by alias.
    ///
    /// # Errors
    /// One that could not be read.
    pub fn databases(&self) -> Result<BTreeMap<&str, &Database>, SettingsError> {
        self.databases.iter().map(|(alias, read)| Ok((alias, read.as_ref().map_err(Clone::clone)?))).collect()
    }

    /// The `CACHES`, by alias; without any, Django's `default`: the memory of one process.
    ///
    /// # Errors
    /// One that could not be read.
    pub fn caches(&self) -> Result<BTreeMap<String, Cache>, SettingsError> {
        let read = self.caches.iter().map(|(alias, read)| Ok((alias.to_owned(), read.clone()?)));
        let mut caches: BTreeMap<_, _> = read.collect::<Result<_, SettingsError>>()?;
        if caches.is_empty() {
            caches.insert("default".to_owned(), Cache::local_memory());
        }
        Ok(caches)
    }

    /// The database that `SESSION_DATABASE_ALIAS` names.
    ///
    /// ```
    /// use cloakroom::Settings;
    ///
    /// let settings = Settings::new().database_url("sqlite:///db.sqlite3");
    /// assert_eq!(settings.session_database()?.name(), "db.sqlite3");
    /// # Ok::<(), cloakroom::SettingsError>(())
    /// ```
    ///
    /// # Errors
    /// There is none of that alias, or it could not be read.
    pub fn session_database(&self) -> Result<&Database, SettingsError> {
        let alias = &self.session_database_alias;
        match self.databases.get(alias) {
            Some(read) => read,
            None if alias == "default" => Err(SettingsError::new(
                "DATABASE_URL",
                None,
                "is not set",
                "set it, such as to sqlite:///db.sqlite3, or give DATABASES.default in cloakroom.toml",
            )),
            None => Err(self.no_such_alias("SESSION_DATABASE_ALIAS", alias, "DATABASES", &self.databases.aliases())),
        }
    }

    /// The cache that `SESSION_CACHE_ALIAS` names.
    ///
    /// # Errors
    /// There is none of that alias, or it could not be read.
    pub fn session_cache(&self) -> Result<Cache, SettingsError> {
        let alias = &self.session_cache_alias;
        match self.caches.get(alias) {
            Some(read) => read.cloned(),
            None if alias == "default" && self.caches.aliases().is_empty() => Ok(Cache::local_memory()),
            None => Err(self.no_such_alias("SESSION_CACHE_ALIAS", alias, "CACHES", &self.caches.aliases())),
        }
    }

    /// The name that the session database was given under, for messages: `DATABASE_URL` or `DATABASES.replica`.
    #[must_use]
    pub fn session_database_setting(&self) -> String {
        let alias = &self.session_database_alias;
        self.databases.given_as(alias).map_or_else(|| alias_key("DATABASES", alias), str::to_owned)
    }

    pub(super) fn no_such_alias(&self, setting: &'static str, alias: &str, of: &str, known: &[&str]) -> SettingsError {
        let remedy = if known.is_empty() {
            format!("add it to {of}")
        } else {
            format!("add it to {of}, or use one of {}", known.join(", "))
        };
        SettingsError::new(setting, Some(alias), format!("is no alias in {of}"), remedy).at_source(self.source(setting))
    }

    pub(crate) fn policy(&self) -> Result<Policy, SettingsError> {
        Ok(Policy {
            cookie_age: self.session_cookie_age,
            at_browser_close: self.session_expire_at_browser_close,
            absolute_age: self.limits.absolute_age,
            touch_threshold: Some(self.limits.touch_threshold).filter(|share| *share < 1.0),
            cycle_key_grace: Some(self.limits.cycle_key_grace).filter(|seconds| *seconds > 0.0),
            use_tz: self.use_tz,
            time_zone: self.zone()?,
        })
    }

    fn zone(&self) -> Result<TimeZone, SettingsError> {
        zone_named("TIME_ZONE", &self.time_zone).map_err(|error| error.at_source(self.source("TIME_ZONE")))
    }
}

/// A time zone by its name.
pub(super) fn zone_named(setting: &'static str, name: &str) -> Result<TimeZone, SettingsError> {
    TimeZone::get(name).map_err(|_| {
        let remedy = "use an IANA name such as Europe/Vienna or UTC";
        SettingsError::new(setting, Some(name), "is not a known time zone", remedy)
    })
}
