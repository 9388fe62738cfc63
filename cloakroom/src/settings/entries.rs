//! All settings, for a human reader.

use std::fmt;

use super::{SettingSource, Settings, SettingsError};

/// One setting: its name, its value with secrets masked, and where it came from.
///
/// ```
/// use cloakroom::{EntryValue, SettingSource, Settings};
///
/// let entries = Settings::new().session_cookie_secure(true).entries();
/// let entry = entries.iter().find(|entry| entry.name == "SESSION_COOKIE_SECURE").ok_or("no such entry")?;
/// assert_eq!(entry.value, EntryValue::Bool(true));
/// assert_eq!(entry.source, SettingSource::Code);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Entry {
    /// The name, as in Django. A member of `DATABASES` or `CACHES` has its alias behind a dot.
    pub name: String,
    /// The value.
    pub value: EntryValue,
    /// Where it came from.
    pub source: SettingSource,
}

/// The value of a setting, never a secret. `Display` writes it as Python does, text without quotes.
///
/// ```
/// use cloakroom::EntryValue;
///
/// assert_eq!(EntryValue::None.to_string(), "None");
/// assert_eq!(EntryValue::Bool(true).to_string(), "True");
/// assert_eq!(EntryValue::Number(1_209_600.0).to_string(), "1209600");
/// assert_eq!(EntryValue::Text("sessionid".into()).to_string(), "sessionid");
/// assert_eq!(EntryValue::Secrets(2).to_string(), "(2, not shown)");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EntryValue {
    /// No value.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// A number; of seconds where it is a time.
    Number(f64),
    /// Text; URLs without their passwords.
    Text(String),
    /// So many secrets are set.
    Secrets(usize),
}

impl fmt::Display for EntryValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Bool(true) => f.write_str("True"),
            Self::Bool(false) => f.write_str("False"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::Secrets(0) => f.write_str("none"),
            Self::Secrets(1) => f.write_str("(set, not shown)"),
            Self::Secrets(count) => write!(f, "({count}, not shown)"),
        }
    }
}

impl Settings {
    /// All settings in a fixed order, secrets masked.
    ///
    /// ```
    /// use cloakroom::Settings;
    ///
    /// let settings = Settings::new().secret_key("xyzzy").session_cookie_age(3600);
    /// let entries = settings.entries();
    /// let age = entries.iter().find(|entry| entry.name == "SESSION_COOKIE_AGE").ok_or("no age")?;
    /// assert_eq!((age.value.to_string().as_str(), age.source.to_string().as_str()), ("3600", "code"));
    /// assert!(entries.iter().all(|entry| !entry.value.to_string().contains("xyzzy")));
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        let text = |text: &str| EntryValue::Text(text.to_owned());
        let maybe = |text: Option<&str>| text.map_or(EntryValue::None, |text| EntryValue::Text(text.to_owned()));
        let secret = |is_set: bool| if is_set { EntryValue::Secrets(1) } else { EntryValue::None };
        let file_path = self.session_file_path.as_ref().map(|path| path.display().to_string());
        let same_site = self.session_cookie_samesite.as_str().map_or(EntryValue::Bool(false), text);
        let single = [
            ("SESSION_ENGINE", text(&self.session_engine.dotted().unwrap_or_else(|| self.session_engine.to_string()))),
            ("SESSION_COOKIE_AGE", EntryValue::Number(self.session_cookie_age)),
            ("SESSION_COOKIE_NAME", text(&self.session_cookie_name)),
            ("SESSION_COOKIE_DOMAIN", maybe(self.session_cookie_domain.as_deref())),
            ("SESSION_COOKIE_PATH", text(&self.session_cookie_path)),
            ("SESSION_COOKIE_SECURE", EntryValue::Bool(self.session_cookie_secure)),
            ("SESSION_COOKIE_HTTPONLY", EntryValue::Bool(self.session_cookie_httponly)),
            ("SESSION_COOKIE_SAMESITE", same_site),
            ("SESSION_COOKIE_PARTITIONED", EntryValue::Bool(self.session_cookie_partitioned)),
            ("SESSION_EXPIRE_AT_BROWSER_CLOSE", EntryValue::Bool(self.session_expire_at_browser_close)),
            ("SESSION_SAVE_EVERY_REQUEST", EntryValue::Bool(self.session_save_every_request)),
            ("SESSION_SERIALIZER", text(&self.session_serializer)),
            ("SESSION_FILE_PATH", maybe(file_path.as_deref())),
            ("SESSION_CACHE_ALIAS", text(&self.session_cache_alias)),
            ("SESSION_DATABASE_ALIAS", text(&self.session_database_alias)),
            ("SESSION_TABLE", text(&self.session_table)),
            ("SESSION_SCHEMA", maybe(self.session_schema.as_deref())),
            ("SESSION_SALT", text(&self.session_salt)),
            ("SESSION_READ_ONLY", EntryValue::Bool(self.session_read_only)),
            ("SECRET_KEY", secret(self.secret_key.is_some())),
            ("SECRET_KEY_B64", secret(self.secret_key_b64.is_some())),
            ("SECRET_KEY_FALLBACKS", EntryValue::Secrets(self.secret_key_fallbacks.len())),
            ("SECRET_KEY_FALLBACKS_B64", EntryValue::Secrets(self.secret_key_fallbacks_b64.len())),
            ("SESSION_SIGNING_KEY", secret(self.session_signing_key.is_some())),
            ("SESSION_SIGNING_KEY_FALLBACKS", EntryValue::Secrets(self.session_signing_key_fallbacks.len())),
            ("SESSION_AUTH_HASH_KEY", secret(self.session_auth_hash_key.is_some())),
            ("SESSION_AUTH_HASH_KEY_FALLBACKS", EntryValue::Secrets(self.session_auth_hash_key_fallbacks.len())),
            ("USE_TZ", EntryValue::Bool(self.use_tz)),
            ("TIME_ZONE", text(&self.time_zone)),
            ("REDIS_BACKEND", text(&self.redis_backend)),
        ];
        let entry = |name: String, value| Entry { source: self.source(&name).clone(), name, value };
        let mut entries: Vec<_> = single.into_iter().map(|(name, value)| entry(name.to_owned(), value)).collect();
        let others = self.limits.entries().into_iter().chain(self.auth.entries()).chain(self.csrf.entries());
        entries.extend(others.map(|(name, value)| entry(name.to_owned(), value)));
        entries.extend(self.databases.iter().map(|(alias, read)| entry(format!("DATABASES.{alias}"), shown(read))));
        entries.extend(self.caches.iter().map(|(alias, read)| entry(format!("CACHES.{alias}"), shown(read))));
        entries
    }
}

fn shown<T: fmt::Display>(read: &Result<T, SettingsError>) -> EntryValue {
    EntryValue::Text(match read {
        Ok(value) => value.to_string(),
        Err(error) => format!("({})", error.problem()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::names::SINGLE;

    #[test]
    fn every_setting_is_shown_and_no_secret() {
        let settings = Settings::new()
            .with_variables(|name| match name {
                "SECRET_KEY" | "SECRET_KEY_FALLBACKS" => Some("hunter2".to_owned()),
                "DATABASE_URL" => Some("psql://u:hunter2@h/d".to_owned()),
                "CACHE_URL" => Some("redis://:hunter2@h".to_owned()),
                _ => None,
            })
            .unwrap();
        let entries = settings.entries();
        for name in SINGLE.iter().filter(|name| !name.ends_with("_URL")) {
            assert!(entries.iter().any(|entry| entry.name == *name), "{name}");
        }
        let shown: Vec<_> =
            entries.iter().map(|entry| format!("{} {} {}", entry.name, entry.value, entry.source)).collect();
        let shown = shown.join("\n");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("DATABASES.default postgresql://u:…@h/d environment variable DATABASE_URL"), "{shown}");
        assert!(shown.contains("CACHES.default") && shown.contains("redis://:…@h"), "{shown}");
    }
}
