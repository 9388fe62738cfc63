//! Settings from the environment, under Django's names.

use std::str::FromStr;

use super::{SameSite, Secret, Settings, SettingsError};

/// As django-environ reads them, beside whole numbers other than 0.
const TRUE: [&str; 5] = ["true", "on", "ok", "y", "yes"];
/// Django-environ takes everything else for false; a typing error should not switch off a protection.
const FALSE: [&str; 5] = ["false", "off", "n", "no", ""];

impl Settings {
    /// These settings, with those of the process's environment laid over them: `SESSION_ENGINE`,
    /// `SESSION_COOKIE_AGE` and the other `SESSION_…` names, `SECRET_KEY`, `SECRET_KEY_FALLBACKS` (separated
    /// by commas), `USE_TZ`, `TIME_ZONE`, `DATABASE_URL`.
    ///
    /// # Errors
    /// A value that cannot be read, with the setting's name. Nothing is checked beyond that.
    pub fn with_environment(self) -> Result<Self, SettingsError> {
        self.with_variables(|name| std::env::var(name).ok())
    }

    /// The same from anything that knows variables by name.
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
        if let Some(name) = variable("SESSION_ENGINE") {
            self.session_engine = name.parse()?;
        }
        if let Some(text) = variable("SESSION_COOKIE_AGE") {
            self.session_cookie_age = number("SESSION_COOKIE_AGE", &text)?;
        }
        if let Some(name) = variable("SESSION_COOKIE_NAME") {
            self.session_cookie_name = name;
        }
        if let Some(domain) = variable("SESSION_COOKIE_DOMAIN") {
            self.session_cookie_domain = Some(domain).filter(|domain| !domain.is_empty());
        }
        if let Some(path) = variable("SESSION_COOKIE_PATH") {
            self.session_cookie_path = path;
        }
        if let Some(text) = variable("SESSION_COOKIE_SAMESITE") {
            self.session_cookie_samesite = SameSite::from_str(&text)?;
        }
        for (name, setting) in [
            ("SESSION_COOKIE_SECURE", &mut self.session_cookie_secure),
            ("SESSION_COOKIE_HTTPONLY", &mut self.session_cookie_httponly),
            ("SESSION_COOKIE_PARTITIONED", &mut self.session_cookie_partitioned),
            ("SESSION_EXPIRE_AT_BROWSER_CLOSE", &mut self.session_expire_at_browser_close),
            ("SESSION_SAVE_EVERY_REQUEST", &mut self.session_save_every_request),
            ("USE_TZ", &mut self.use_tz),
        ] {
            if let Some(text) = variable(name) {
                *setting = boolean(name, &text)?;
            }
        }
        if let Some(secret) = variable("SECRET_KEY") {
            self.secret_key = Some(Secret::from(secret.as_str()));
        }
        if let Some(list) = variable("SECRET_KEY_FALLBACKS") {
            self.secret_key_fallbacks = list.split(',').filter(|secret| !secret.is_empty()).map(Secret::from).collect();
        }
        if let Some(name) = variable("TIME_ZONE") {
            self.time_zone = name;
        }
        if let Some(url) = variable("DATABASE_URL") {
            self.database_url = Some(url);
        }
        Ok(self)
    }
}

fn boolean(setting: &'static str, text: &str) -> Result<bool, SettingsError> {
    let is = |known: &&str| text.eq_ignore_ascii_case(known);
    if let Ok(number) = text.parse::<i64>() {
        Ok(number != 0)
    } else if TRUE.iter().any(is) {
        Ok(true)
    } else if FALSE.iter().any(is) {
        Ok(false)
    } else {
        Err(SettingsError::new(setting, Some(text), "is neither true nor false", "use True or False"))
    }
}

fn number(setting: &'static str, text: &str) -> Result<f64, SettingsError> {
    text.trim().parse().map_err(|_| {
        SettingsError::new(setting, Some(text), "is not a number", "use a number of seconds, such as 1209600")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::EngineName;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::new().with_variables(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn every_setting_is_read_under_djangos_name() {
        let settings = read(&[
            ("SESSION_ENGINE", "django.contrib.sessions.backends.db"),
            ("SESSION_COOKIE_AGE", "3600"),
            ("SESSION_COOKIE_NAME", "sid"),
            ("SESSION_COOKIE_SECURE", "Yes"),
            ("SESSION_COOKIE_HTTPONLY", "off"),
            ("SESSION_COOKIE_SAMESITE", "strict"),
            ("SECRET_KEY", "one"),
            ("SECRET_KEY_FALLBACKS", "two,three"),
            ("USE_TZ", "False"),
            ("TIME_ZONE", "UTC"),
        ])
        .unwrap();
        assert_eq!(settings.session_engine, EngineName::Db);
        assert_eq!(settings.session_cookie_age, 3_600.0);
        assert_eq!(settings.session_cookie_name, "sid");
        assert!(settings.session_cookie_secure && !settings.session_cookie_httponly && !settings.use_tz);
        assert_eq!(settings.session_cookie_samesite.as_str(), Some("strict"));
        assert_eq!(settings.secret_keys().unwrap().1.len(), 2);
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
    }
}
