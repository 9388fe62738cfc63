//! `DATABASE_URL`, by django-environ's rules.

use std::path::PathBuf;

use crate::settings::{Settings, SettingsError};
use crate::storage::sqlite::SqliteOptions;

const REMEDY: &str = "use sqlite:///relative/path or sqlite:////absolute/path";

fn refuse(problem: &str) -> SettingsError {
    // The value is not shown: the URL of another database may hold a password.
    SettingsError::new("DATABASE_URL", None, problem, REMEDY)
}

impl SqliteOptions {
    /// The file that a `sqlite:` URL names: what follows the third slash is its path. `%` escapes are
    /// decoded, `+` stands for a space, and a query is passed over.
    ///
    /// ```
    /// use cloakroom::storage::sqlite::SqliteOptions;
    ///
    /// assert!(SqliteOptions::from_url("sqlite:////srv/site/db.sqlite3").is_ok());
    /// assert!(SqliteOptions::from_url("sqlite://:memory:").is_err());
    /// ```
    ///
    /// # Errors
    /// Another kind of URL, or one for a database in memory, which nobody could share.
    pub fn from_url(url: &str) -> Result<Self, SettingsError> {
        let scheme = url.split_once(':').map(|(scheme, _)| scheme).unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("sqlite") {
            return Err(refuse("names a database that this version of cloakroom does not know"));
        }
        let rest = &url[scheme.len() + 1..];
        if rest == "//" || rest.starts_with("//:memory:") || rest.starts_with("///:memory:") {
            return Err(refuse("names a database in memory, which no other program can share"));
        }
        let path = rest.strip_prefix("///").ok_or_else(|| refuse("has no path after sqlite:///"))?;
        let path = path.split(['?', '#']).next().unwrap_or_default();
        if path.is_empty() {
            return Err(refuse("names a database in memory, which no other program can share"));
        }
        decode(path).map(Self::new).ok_or_else(|| refuse("has a path that is not UTF-8"))
    }

    /// The file that the settings' `DATABASE_URL` names, with moments written as `USE_TZ` and `TIME_ZONE`
    /// ask for.
    ///
    /// # Errors
    /// No `DATABASE_URL`, one that cannot be used, or a `TIME_ZONE` that is not known.
    pub fn for_settings(settings: &Settings) -> Result<Self, SettingsError> {
        let url = settings.database().ok_or_else(|| refuse("is not set"))?;
        Ok(Self::from_url(url)?.time_zone(settings.naive_time_zone()?))
    }
}

/// As Python's `unquote_plus`: an escape that is none stays as it is.
fn decode(text: &str) -> Option<PathBuf> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
                continue;
            }
            (b'+', ..) => decoded.push(b' '),
            _ => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8(decoded).ok().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_as_python_does() {
        assert_eq!(decode("a+b%20c%C3%A9%zz%4"), Some(PathBuf::from("a b cé%zz%4")));
        assert_eq!(decode("%ff"), None);
    }

    #[test]
    fn what_is_not_a_file_is_refused_without_showing_the_url() {
        for url in
            ["", "sqlite:", "sqlite://", "sqlite:///", "sqlite://:memory:", "sqlite://host/db", "postgres://u:pw@h/d"]
        {
            let error = SqliteOptions::from_url(url).unwrap_err().to_string();
            assert!(error.contains("DATABASE_URL") && !error.contains("pw"), "{url}: {error}");
        }
    }
}
