//! A value from a file or a variable, put where it belongs.

use std::path::PathBuf;
use std::str::FromStr as _;

use super::given::{Given, Place};
use super::named::alias_key;
use super::secret::Secret;
use super::{Cache, Database, DerivedKey, SameSite, SettingSource, Settings, SettingsError};

impl Settings {
    /// Reads the value of a setting that has one value, by its name in [`SINGLE`](super::names::SINGLE).
    pub(super) fn assign(
        &mut self,
        name: &'static str,
        given: Given,
        source: &SettingSource,
    ) -> Result<(), SettingsError> {
        let place = Place::new(name, source);
        let at = &place;
        match name {
            "SESSION_ENGINE" => self.session_engine = parsed(&given.text(at)?, at)?,
            "SESSION_COOKIE_AGE" => self.session_cookie_age = given.number(at)?,
            "SESSION_COOKIE_NAME" => self.session_cookie_name = given.text(at)?,
            "SESSION_COOKIE_DOMAIN" => self.session_cookie_domain = unless_empty(given.text(at)?),
            "SESSION_COOKIE_PATH" => self.session_cookie_path = given.text(at)?,
            "SESSION_COOKIE_SECURE" => self.session_cookie_secure = given.boolean(at)?,
            "SESSION_COOKIE_HTTPONLY" => self.session_cookie_httponly = given.boolean(at)?,
            "SESSION_COOKIE_SAMESITE" => {
                self.session_cookie_samesite = match given {
                    Given::Bool(false) => SameSite::left_out(),
                    given => SameSite::from_str(&given.text(at)?).map_err(|error| error.at_source(source))?,
                }
            }
            "SESSION_COOKIE_PARTITIONED" => self.session_cookie_partitioned = given.boolean(at)?,
            "SESSION_EXPIRE_AT_BROWSER_CLOSE" => self.session_expire_at_browser_close = given.boolean(at)?,
            "SESSION_SAVE_EVERY_REQUEST" => self.session_save_every_request = given.boolean(at)?,
            "SESSION_ABSOLUTE_AGE" => self.limits.assign_absolute_age(given, at)?,
            "SESSION_TOUCH_THRESHOLD" => self.limits.touch_threshold = given.number(at)?,
            "SESSION_CYCLE_KEY_GRACE" => self.limits.cycle_key_grace = given.number(at)?,
            "SESSION_SERIALIZER" => self.session_serializer = given.text(at)?,
            "SESSION_FILE_PATH" => self.session_file_path = unless_empty(given.text(at)?).map(PathBuf::from),
            "SESSION_CACHE_ALIAS" => self.session_cache_alias = given.text(at)?,
            "SESSION_DATABASE_ALIAS" => self.session_database_alias = given.text(at)?,
            "SESSION_TABLE" => self.session_table = given.text(at)?,
            "SESSION_SCHEMA" => self.session_schema = unless_empty(given.text(at)?),
            "SESSION_SALT" => self.session_salt = given.text(at)?,
            "SESSION_READ_ONLY" => self.session_read_only = given.boolean(at)?,
            "USE_TZ" => self.use_tz = given.boolean(at)?,
            "TIME_ZONE" => self.time_zone = given.text(at)?,
            "DATABASE_URL" => return self.assign_database("default", name, given, place),
            "CACHE_URL" => return self.assign_cache("default", name, given, place),
            "REDIS_BACKEND" => self.use_redis_backend(given.text(at)?),
            auth if auth.starts_with("AUTH") => self.auth.assign(auth, given, at)?,
            csrf if csrf.starts_with("CSRF_COOKIE_") => self.csrf.assign(csrf, given, at)?,
            secret => self.assign_secret(secret, given, &place.clone().secret())?,
        }
        self.sources.insert(name.to_owned(), source.clone());
        Ok(())
    }

    fn assign_secret(&mut self, name: &str, given: Given, at: &Place) -> Result<(), SettingsError> {
        let from_base64 = |text: &str| {
            Secret::from_base64(text).ok_or_else(|| at.refuse("is not base64", "encode the secret's bytes in base64"))
        };
        let key = |text: &str| parsed::<DerivedKey>(text, at);
        match name {
            "SECRET_KEY" => self.secret_key = Some(Secret::from(given.text(at)?.as_str())),
            "SECRET_KEY_B64" => self.secret_key_b64 = Some(from_base64(&given.text(at)?)?),
            "SECRET_KEY_FALLBACKS" => {
                self.secret_key_fallbacks =
                    given.list(at)?.iter().map(|secret| Secret::from(secret.as_str())).collect();
            }
            "SECRET_KEY_FALLBACKS_B64" => {
                let secrets = given.list(at)?;
                self.secret_key_fallbacks_b64 =
                    secrets.iter().map(|secret| from_base64(secret)).collect::<Result<_, _>>()?;
            }
            "SESSION_SIGNING_KEY" => self.session_signing_key = Some(key(&given.text(at)?)?),
            "SESSION_SIGNING_KEY_FALLBACKS" => {
                let keys = given.list(at)?;
                self.session_signing_key_fallbacks = keys.iter().map(|text| key(text)).collect::<Result<_, _>>()?;
            }
            "SESSION_AUTH_HASH_KEY" => self.session_auth_hash_key = Some(parsed(&given.text(at)?, at)?),
            "SESSION_AUTH_HASH_KEY_FALLBACKS" => {
                let keys = given.list(at)?;
                self.session_auth_hash_key_fallbacks =
                    keys.iter().map(|text| parsed(text, at)).collect::<Result<_, _>>()?;
            }
            _ => return Err(at.refuse("is not a setting", "leave it out")),
        }
        Ok(())
    }

    /// A database by its URL or its table, under an alias; `given_as` is its name for messages.
    pub(super) fn assign_database(
        &mut self,
        alias: &str,
        given_as: &str,
        given: Given,
        at: Place,
    ) -> Result<(), SettingsError> {
        let at = at.secret();
        let database = match given {
            Given::Table(members) => Database::from_table(members, &at)?,
            url => Database::from_url(&url.text(&at)?)
                .map_err(|error| error.about(given_as.to_owned()).at_source(at.source()))?,
        };
        self.sources.insert(alias_key("DATABASES", alias), at.source().clone());
        self.databases.put(alias, given_as, Ok(database));
        Ok(())
    }

    /// A cache, likewise.
    pub(super) fn assign_cache(
        &mut self,
        alias: &str,
        given_as: &str,
        given: Given,
        at: Place,
    ) -> Result<(), SettingsError> {
        let at = at.secret();
        let cache = match given {
            Given::Table(members) => Cache::from_table(members, &at)?,
            url => Cache::from_url(&url.text(&at)?)
                .map_err(|error| error.about(given_as.to_owned()).at_source(at.source()))?
                .on_redis_by(&self.redis_backend),
        };
        self.sources.insert(alias_key("CACHES", alias), at.source().clone());
        self.caches.put(alias, given_as, Ok(cache));
        Ok(())
    }

    /// For the URLs that were read already, and those to come: the two may be given in any order.
    pub(super) fn use_redis_backend(&mut self, backend: String) {
        self.caches.change(|cache| cache.on_redis_by(&backend));
        self.redis_backend = backend;
    }
}

pub(super) fn unless_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

pub(super) fn parsed<T: std::str::FromStr<Err = SettingsError>>(text: &str, at: &Place) -> Result<T, SettingsError> {
    text.parse().map_err(|error: SettingsError| error.about(at.setting()).at_source(at.source()))
}
