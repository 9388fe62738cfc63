//! Settings from variables: of the environment, or of a file `.env`.

use std::path::Path;

use super::environ::{DotEnvFile, Proxied, resolve};
use super::given::{Given, Place};
use super::names::{PREFIXES, SINGLE};
use super::{SettingSource, Settings, SettingsError};

/// A variable that is or may be a setting.
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) source: SettingSource,
}

impl Settings {
    /// These settings, with those of the process's environment laid over them, under their own names:
    /// `SESSION_ENGINE`, `SESSION_COOKIE_AGE` and the other `SESSION_…` names, `SECRET_KEY`,
    /// `SECRET_KEY_FALLBACKS` (separated by commas), `USE_TZ`, `TIME_ZONE`, `DATABASE_URL`, `CACHE_URL`, `REDIS_BACKEND`; further
    /// databases and caches as `DATABASE_URL_<ALIAS>` and `CACHE_URL_<ALIAS>`, the alias in small letters.
    ///
    /// Values are read by django-environ's rules. A value that begins with `$` names another variable; only
    /// when it cannot be a name, as in a generated secret, it stands for itself.
    ///
    /// ```no_run
    /// use cloakroom::Settings;
    ///
    /// let settings = Settings::new().session_cookie_name("shop").with_environment()?;
    /// # Ok::<(), cloakroom::SettingsError>(())
    /// ```
    ///
    /// # Errors
    /// A value that cannot be read, with the setting's name. Nothing is checked beyond that.
    pub fn with_environment(mut self) -> Result<Self, SettingsError> {
        self.lay(environment()?, &|name| std::env::var(name).ok())?;
        Ok(self)
    }

    /// The same from a file such as `.env`, by the rules that [`DotEnvFile`] tells. A name that a value refers to
    /// with `$` is looked for in the environment first, then in the file.
    ///
    /// ```
    /// use cloakroom::Settings;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let path = folder.path().join(".env");
    /// std::fs::write(&path, "# the site's\nSESSION_COOKIE_SECURE=on\n")?;
    /// let settings = Settings::new().with_dotenv_file(&path)?;
    /// assert!(settings.cookie_secure());
    /// assert!(settings.source("SESSION_COOKIE_SECURE").to_string().ends_with(".env, line 2"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The file cannot be read, or a value cannot, with the setting's name and the line.
    pub fn with_dotenv_file(mut self, path: impl AsRef<Path>) -> Result<Self, SettingsError> {
        let file = DotEnvFile::read(path)?;
        self.lay(of_file(&file), &|name| std::env::var(name).ok().or_else(|| file.get(name).map(str::to_owned)))?;
        Ok(self)
    }

    /// The same from anything that knows variables by name. Further databases and caches are asked for by the
    /// aliases that `SESSION_DATABASE_ALIAS` and `SESSION_CACHE_ALIAS` name.
    ///
    /// ```
    /// use cloakroom::Settings;
    ///
    /// let settings = Settings::new().with_variables(|name| match name {
    ///     "SESSION_COOKIE_NAME" => Some("sid".into()),
    ///     _ => None,
    /// })?;
    /// assert_eq!(settings.cookie_name(), "sid");
    /// # Ok::<(), cloakroom::SettingsError>(())
    /// ```
    ///
    /// # Errors
    /// A value that cannot be read, with the setting's name.
    pub fn with_variables(mut self, variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let one = |name: String| {
            let value = variable(&name)?;
            Some(Variable { source: SettingSource::Environment { variable: name.clone() }, name, value })
        };
        self.lay(SINGLE.iter().filter_map(|name| one((*name).to_owned())).collect(), &variable)?;
        let aliases = [self.session_database_alias.to_uppercase(), self.session_cache_alias.to_uppercase()];
        let named = PREFIXES.iter().zip(aliases).map(|(prefix, alias)| format!("{prefix}{alias}"));
        self.lay(named.filter_map(one).collect(), &variable)?;
        Ok(self)
    }

    /// One setting by its name, from a place of the caller's own such as an option of a command line. The text is
    /// read as that of a variable, but a `$` means nothing.
    ///
    /// ```
    /// use cloakroom::{SettingSource, Settings};
    ///
    /// let source = SettingSource::Argument { option: "--engine".into() };
    /// let settings = Settings::new().with_value("SESSION_ENGINE", "memory", &source)?;
    /// assert_eq!(settings.source("SESSION_ENGINE").to_string(), "option --engine");
    /// # Ok::<(), cloakroom::SettingsError>(())
    /// ```
    ///
    /// # Errors
    /// A name that is no setting, or a value that cannot be read.
    pub fn with_value(
        mut self,
        name: &str,
        text: impl Into<String>,
        source: &SettingSource,
    ) -> Result<Self, SettingsError> {
        let known = Place::new(name.to_owned(), source).known(&SINGLE)?;
        self.assign(known, Given::Plain(text.into()), source)?;
        Ok(self)
    }

    /// Lays variables over these settings; `all` finds those that others name.
    pub(super) fn lay(
        &mut self,
        variables: Vec<Variable>,
        all: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), SettingsError> {
        for variable in variables {
            let place = Place::new(variable.name.clone(), &variable.source);
            if let Some(known) = SINGLE.iter().find(|known| **known == variable.name) {
                let given = value_of(variable.value, &place, all)?;
                self.assign(known, given, &variable.source)?;
                continue;
            }
            let of =
                |prefix| variable.name.strip_prefix(prefix).filter(|alias| !alias.is_empty()).map(str::to_lowercase);
            let given = || value_of(variable.value.clone(), &place, all);
            // An error counts when somebody wants that database or cache: the variable may be another program's.
            let [databases, caches] = PREFIXES;
            if let Some(alias) = of(databases) {
                if let Err(error) =
                    given().and_then(|given| self.assign_database(&alias, &variable.name, given, place.clone()))
                {
                    self.databases.put(&alias, &variable.name, Err(error));
                }
            } else if let Some(alias) = of(caches)
                && let Err(error) =
                    given().and_then(|given| self.assign_cache(&alias, &variable.name, given, place.clone()))
            {
                self.caches.put(&alias, &variable.name, Err(error));
            }
        }
        Ok(())
    }
}

/// A variable's value, or that of the variable it names.
fn value_of(value: String, place: &Place, all: &dyn Fn(&str) -> Option<String>) -> Result<Given, SettingsError> {
    const REMEDY: &str = "a value that begins with $ names another variable: set that one, or write the value itself";
    match resolve(value, all) {
        Proxied::Value(value) => Ok(Given::Plain(value)),
        Proxied::Missing(other) => Err(place.refuse(format!("names the variable {other}, which is not set"), REMEDY)),
        Proxied::Circle => Err(place.refuse("names variables that name one another in a circle", REMEDY)),
    }
}

fn is_setting(name: &str) -> bool {
    SINGLE.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Those of the process's environment that are settings.
pub(super) fn environment() -> Result<Vec<Variable>, SettingsError> {
    let mut found = Vec::new();
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| is_setting(name)).map(str::to_owned) else { continue };
        let source = SettingSource::Environment { variable: name.clone() };
        let value = value.into_string().map_err(|_| {
            Place::new(name.clone(), &source).refuse("is not UTF-8", "for a secret of bytes, use SECRET_KEY_B64")
        })?;
        found.push(Variable { name, value, source });
    }
    Ok(found)
}

/// Those of a file, with a warning where lines mean nothing.
pub(super) fn of_file(file: &DotEnvFile) -> Vec<Variable> {
    for line in file.passed_over() {
        tracing::warn!(
            "{}, line {line}: is not NAME=value and is passed over, as django-environ does",
            file.path().display()
        );
    }
    let variable = |variable: &super::environ::DotEnvVariable| Variable {
        name: variable.name.clone(),
        value: variable.value.clone(),
        source: file.source(&variable.name),
    };
    file.variables().iter().map(variable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Cache, EngineName};

    fn read(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::new().with_variables(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn every_setting_is_read_under_djangos_name() {
        let settings = read(&[
            ("SESSION_ENGINE", "django.contrib.sessions.backends.cached_db"),
            ("SESSION_COOKIE_AGE", "3600"),
            ("SESSION_COOKIE_NAME", "sid"),
            ("SESSION_COOKIE_SECURE", "Yes"),
            ("SESSION_COOKIE_HTTPONLY", "off"),
            ("SESSION_COOKIE_SAMESITE", "strict"),
            ("SECRET_KEY", "one"),
            ("SECRET_KEY_FALLBACKS", "two,three"),
            ("SECRET_KEY_FALLBACKS_B64", "Zm91cg=="),
            ("SESSION_DATABASE_ALIAS", "sessions"),
            ("DATABASE_URL_SESSIONS", "psql://h/d"),
            ("CACHE_URL", "redis://h"),
            ("SESSION_TABLE", "site_session"),
            ("SESSION_SALT", "django.contrib.sessions.SiteStore"),
            ("SESSION_READ_ONLY", "1"),
            ("USE_TZ", "False"),
            ("TIME_ZONE", "UTC"),
        ])
        .unwrap();
        settings.validate().unwrap();
        assert_eq!(settings.session_engine, EngineName::CachedDb);
        assert_eq!(settings.session_cookie_age, 3_600.0);
        assert_eq!(settings.session_cookie_name, "sid");
        assert!(settings.session_cookie_secure && !settings.session_cookie_httponly && !settings.use_tz);
        assert_eq!(settings.session_cookie_samesite.as_str(), Some("strict"));
        let fallbacks = settings.secret_keys().unwrap().1;
        assert_eq!(fallbacks.iter().map(|key| key.as_bytes()).collect::<Vec<_>>(), [&b"two"[..], b"three", b"four"]);
        assert_eq!(settings.session_database().unwrap().host(), "h");
        assert_eq!(settings.session_cache().unwrap().locations(), ["redis://h"]);
        assert_eq!((settings.table(), settings.salt()), ("site_session", "django.contrib.sessions.SiteStore"));
        assert!(settings.is_read_only());
        assert_eq!(settings.source("DATABASES.sessions").to_string(), "environment variable DATABASE_URL_SESSIONS");
    }

    #[test]
    fn the_backend_of_redis_urls_is_read_in_any_order() {
        let backend = ("REDIS_BACKEND", "django_redis.cache.RedisCache");
        let urls = [("CACHE_URL", "redis://h?key_prefix=p&Db=2"), ("CACHE_URL_MORE", "pymemcache://h")];
        let variable = |(name, value): (&str, &str)| Variable {
            name: name.to_owned(),
            value: value.to_owned(),
            source: SettingSource::Environment { variable: name.to_owned() },
        };
        for order in [[backend, urls[0], urls[1]], [urls[1], urls[0], backend]] {
            let mut settings = Settings::new();
            settings.lay(order.into_iter().map(variable).collect(), &|_| None).unwrap();
            let caches = settings.caches().unwrap();
            let expected = Cache::from_url_for(urls[0].1, Some(backend.1)).unwrap();
            let read = &caches["default"];
            assert_eq!((read.backend(), read.locations()), (expected.backend(), expected.locations()));
            assert_eq!((read.settings(), read.options()), (expected.settings(), expected.options()));
            assert_eq!(caches["more"], Cache::from_url(urls[1].1).unwrap());
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (name, value) in [
            ("SESSION_ENGINE", "redis"),
            ("SESSION_COOKIE_AGE", "two weeks"),
            ("SESSION_COOKIE_SECURE", "ture"),
            ("SESSION_COOKIE_SAMESITE", "Loose"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!(error.setting(), name);
            assert_eq!(error.source_of_value(), &SettingSource::Environment { variable: name.to_owned() });
            assert!(error.to_string().contains(value), "{error}");
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let settings = read(&[("SECRET_KEY", "xyzzy"), ("SECRET_KEY_FALLBACKS", "plugh")]).unwrap();
        let shown = format!("{settings:?}");
        assert!(!shown.contains("xyzzy") && !shown.contains("plugh"), "{shown}");
        let empty = read(&[("SECRET_KEY", "")]).unwrap().secret_keys().unwrap_err();
        assert!(empty.to_string().contains("SECRET_KEY"));
        for name in ["SECRET_KEY_B64", "SECRET_KEY_FALLBACKS_B64", "SESSION_SIGNING_KEY", "DATABASE_URL", "CACHE_URL"] {
            let error = read(&[(name, "xyzzy%:é")]).unwrap_err();
            assert!(error.setting() == name && !error.to_string().contains("xyzzy"), "{error}");
        }
    }

    #[test]
    fn what_is_given_to_another_program_does_no_harm_until_it_is_wanted() {
        let variable = |name: &str, value: &str| Variable {
            name: name.to_owned(),
            value: value.to_owned(),
            source: SettingSource::Environment { variable: name.to_owned() },
        };
        let mut settings = Settings::new();
        let variables = vec![
            variable("DATABASE_URL_FILE", "/run/secrets/database"),
            variable("CACHE_URL_OTHER", "$NOT_SET"),
            variable("DATABASE_URL_GOOD", "sqlite:///db"),
        ];
        settings.lay(variables, &|_| None).unwrap();
        settings.validate().unwrap();
        assert_eq!(settings.clone().session_database_alias("good").session_database().unwrap().name(), "db");
        let error = settings.clone().session_database_alias("file").validate().unwrap_err();
        assert_eq!(error.setting(), "DATABASE_URL_FILE");
        assert!(settings.session_cache_alias("other").session_cache().unwrap_err().problem().contains("NOT_SET"));
    }

    #[test]
    fn a_dollar_at_the_start_names_another_variable() {
        let settings = read(&[("SECRET_KEY", "$OTHER"), ("OTHER", "xyzzy")]).unwrap();
        assert_eq!(settings.secret_keys().unwrap().0.as_bytes(), b"xyzzy");
        let settings = read(&[("SECRET_KEY", "$a(b&c")]).unwrap();
        assert_eq!(settings.secret_keys().unwrap().0.as_bytes(), b"$a(b&c");
        let error = read(&[("SECRET_KEY", "$OTHER")]).unwrap_err();
        assert!(error.setting() == "SECRET_KEY" && error.problem().contains("OTHER"), "{error}");
    }
}
