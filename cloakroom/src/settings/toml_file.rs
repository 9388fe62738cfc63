//! Settings from a file `cloakroom.toml`.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::given::{Given, Member, Place};
use super::named::alias_key;
use super::names::{SINGLE, TABLES};
use super::{SettingSource, Settings, SettingsError};

impl Settings {
    /// These settings, with those of a TOML file laid over them, under Django's names:
    ///
    /// ```toml
    /// SECRET_KEY = "…"
    /// SESSION_COOKIE_AGE = 3600
    /// SESSION_COOKIE_SECURE = true
    /// DATABASE_URL = "sqlite:///db.sqlite3"
    ///
    /// [DATABASES.replica]
    /// ENGINE = "django.db.backends.postgresql"
    /// NAME = "site"
    ///
    /// [CACHES.default]
    /// BACKEND = "django.core.cache.backends.redis.RedisCache"
    /// LOCATION = ["redis://one:6379", "redis://two:6379"]
    /// ```
    ///
    /// A member of `DATABASES` or `CACHES` may also be a URL. Values have TOML's types, and a `$` in them means
    /// nothing.
    ///
    /// ```
    /// use cloakroom::Settings;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("cloakroom.toml");
    /// std::fs::write(&path, "SESSION_COOKIE_AGE = 3600\nDATABASES.replica = 'postgres://db.example/site'\n")?;
    /// let settings = Settings::new().with_toml_file(&path)?;
    /// assert_eq!(settings.cookie_age(), 3_600.0);
    /// assert_eq!(settings.databases()?["replica"].name(), "site");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A file that cannot be read or is no TOML, a name that is no setting, or a value of another type, each
    /// with its line.
    pub fn with_toml_file(self, path: impl AsRef<Path>) -> Result<Self, SettingsError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let problem = format!("the file {} cannot be read: {error}", path.display());
            SettingsError::new(
                "CLOAKROOM_CONFIG",
                None,
                problem,
                "check its path, its permissions and that it is UTF-8",
            )
        })?;
        self.with_toml(&text, path)
    }

    fn with_toml(mut self, text: &str, path: &Path) -> Result<Self, SettingsError> {
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            // The message alone: the error's own text shows the line, which may hold a secret.
            SettingsError::new("cloakroom.toml", None, error.message().replace('\n', ", "), "mend that line")
                .at_source(&SettingSource::File { path: path.to_owned(), line })
        })?;
        for Member { name, value, line } in members(table.into_inner(), text) {
            let source = SettingSource::File { path: path.to_owned(), line };
            let place = Place::new(name.clone(), &source);
            match TABLES.iter().find(|table| **table == name) {
                Some(table) => self.read_members(table, value, &place)?,
                None => {
                    let all: Vec<&'static str> = SINGLE.into_iter().chain(TABLES).collect();
                    let known = place.known(&all)?;
                    if matches!(known, "DATABASE_URL" | "CACHE_URL") && self.is_of_file(known, path) {
                        return Err(twice(&place));
                    }
                    self.assign(known, value, &source)?;
                }
            }
        }
        Ok(self)
    }

    fn read_members(&mut self, table: &'static str, value: Given, place: &Place) -> Result<(), SettingsError> {
        let Given::Table(members) = value else {
            return Err(
                place.refuse("is not a table", format!("write [{table}.default], or {table}.default = \"URL\""))
            );
        };
        for member in members {
            let at = place.member(&member);
            let name = alias_key(table, &member.name);
            if let SettingSource::File { path, .. } = at.source()
                && self.is_of_file(&name, path)
            {
                return Err(twice(&at));
            }
            if table == "DATABASES" {
                self.assign_database(&member.name, &name, member.value, at)?;
            } else {
                self.assign_cache(&member.name, &name, member.value, at)?;
            }
        }
        Ok(())
    }

    /// Whether this very file has set it already.
    fn is_of_file(&self, name: &str, file: &Path) -> bool {
        matches!(self.source(name), SettingSource::File { path, .. } if path == file)
    }
}

fn twice(place: &Place) -> SettingsError {
    place.refuse("is given a second time in this file", "keep either the URL or the table")
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// The members in the order of the file.
fn members(table: DeTable<'_>, text: &str) -> Vec<Member> {
    let mut members: Vec<_> = table
        .into_iter()
        .map(|(name, value)| {
            let line = line_of(text, name.span().start);
            Member { name: name.into_inner().into_owned(), value: given(value, text), line }
        })
        .collect();
    members.sort_by_key(|member| member.line);
    members
}

fn given(value: Spanned<DeValue<'_>>, text: &str) -> Given {
    match value.into_inner() {
        DeValue::String(value) => Given::Text(value.into_owned()),
        DeValue::Boolean(truth) => Given::Bool(truth),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Given::Other("a number that is too large"), Given::Int),
        DeValue::Float(number) => number.as_str().parse().map_or(Given::Other("no number"), Given::Float),
        DeValue::Array(values) => Given::List(values.into_iter().map(|value| given(value, text)).collect()),
        DeValue::Table(table) => Given::Table(members(table, text)),
        DeValue::Datetime(_) => Given::Other("a date or a time"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{CacheKind, DatabaseKind, EngineName};

    fn read(text: &str) -> Result<Settings, SettingsError> {
        Settings::new().with_toml(text, Path::new("conf/cloakroom.toml"))
    }

    #[test]
    fn a_file_is_read_with_its_types() {
        let settings = read(
            r#"
            SECRET_KEY = "$not#a(proxy"
            SECRET_KEY_FALLBACKS = ["with, comma", "b"]
            SESSION_ENGINE = "cached_db"
            SESSION_COOKIE_AGE = 1_000
            SESSION_COOKIE_SAMESITE = false
            SESSION_COOKIE_SECURE = true
            DATABASES.replica = "psql://h/d"

            [DATABASES.default]
            ENGINE = "django.db.backends.mysql"
            NAME = "site"
            PORT = 3307
            CONN_MAX_AGE = 60
            [DATABASES.default.OPTIONS]
            charset = "utf8mb4"
            ssl = { ca = "/ca.pem" }

            [CACHES.default]
            BACKEND = "django_redis.cache.RedisCache"
            LOCATION = ["redis://a", "redis://b"]
            KEY_PREFIX = "site"
            "#,
        )
        .unwrap();
        settings.validate().unwrap();
        let (secret, fallbacks) = settings.secret_keys().unwrap();
        assert_eq!((secret.as_bytes(), fallbacks[0].as_bytes()), (&b"$not#a(proxy"[..], &b"with, comma"[..]));
        assert_eq!(settings.engine_name(), EngineName::CachedDb);
        assert_eq!((settings.cookie_age(), settings.session_cookie_samesite.as_str()), (1_000.0, None));
        let database = settings.session_database().unwrap();
        assert_eq!((database.kind(), database.port()), (DatabaseKind::MySql, "3307"));
        assert_eq!(database.option("ssl.ca").and_then(|value| value.as_text()), Some("/ca.pem"));
        assert_eq!(settings.databases().unwrap().len(), 2);
        let cache = settings.session_cache().unwrap();
        assert_eq!((cache.kind(), cache.key_prefix().as_str()), (CacheKind::DjangoRedis, "site"));
        assert_eq!(settings.source("SESSION_COOKIE_AGE").to_string(), "conf/cloakroom.toml, line 5");
        assert_eq!(settings.source("DATABASE_URL").to_string(), "conf/cloakroom.toml, line 10");
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        for (text, line, named) in [
            ("SESSION_COOKIE_AEG = 1", 1, "SESSION_COOKIE_AGE"),
            ("\nSESSION_COOKIE_SECURE = \"yes\"", 2, "SESSION_COOKIE_SECURE"),
            ("USE_TZ = 1", 1, "USE_TZ"),
            ("SESSION_COOKIE_NAME = 1", 1, "SESSION_COOKIE_NAME"),
            ("SECRET_KEY_FALLBACKS = \"hunter2\"", 1, "SECRET_KEY_FALLBACKS"),
            ("SESSION_ENGINE = \"redis\"", 1, "SESSION_ENGINE"),
            ("\n\n[CACHES.default]\nBACKED = \"x\"", 4, "BACKEND"),
            ("[DATABASES.default]\nNAME = \"x\"", 1, "ENGINE"),
            ("DATABASES = 1", 1, "DATABASES"),
            ("DATABASE_URL = \"sqlite:///a\"\n[DATABASES.default]\nENGINE = \"x\"", 2, "DATABASES.default"),
            ("SECRET_KEY = \"a\"\nSECRET_KEY = \"hunter2\"", 2, "duplicate"),
            ("A\nSECRET_KEY = 'hunter2", 1, "cloakroom.toml"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(&format!("conf/cloakroom.toml, line {line})")), "{text}: {error}");
            assert!(error.contains(named) && !error.contains("hunter2"), "{text}: {error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }
}
