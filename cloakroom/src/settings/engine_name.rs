use std::fmt;
use std::str::FromStr;

use super::SettingsError;

/// The engines, by Django's names.
///
/// All of Django's can be named. Whether this version of cloakroom has one is told when a
/// [`SessionStore`](crate::SessionStore) is opened by it.
///
/// ```
/// use cloakroom::EngineName;
///
/// assert_eq!("django.contrib.sessions.backends.db".parse(), Ok(EngineName::Db));
/// assert_eq!("cached_db".parse(), Ok(EngineName::CachedDb));
/// assert_eq!(EngineName::CachedDb.as_str(), "cached_db");
/// assert!(EngineName::CachedDb.uses_database() && EngineName::CachedDb.uses_cache());
/// assert!(EngineName::Db.available().is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EngineName {
    /// `db`: signed JSON in a database table. Django's default.
    Db,
    /// `cache`: in one of the `CACHES`.
    Cache,
    /// `cached_db`: in a database table, and in one of the `CACHES` in front of it.
    CachedDb,
    /// `file`: signed JSON in files.
    File,
    /// `signed_cookies`: nothing on the server, the cookie is the data.
    SignedCookies,
    /// Signed by nobody, kept in this process, gone with it. Chosen in code or by the name `memory`; not in
    /// Django.
    Memory,
}

const MODULE: &str = "django.contrib.sessions.backends.";

impl EngineName {
    /// The short name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Db => "db",
            Self::Cache => "cache",
            Self::CachedDb => "cached_db",
            Self::File => "file",
            Self::SignedCookies => "signed_cookies",
            Self::Memory => "memory",
        }
    }

    /// Django's dotted name; `None` for the engine that Django has not.
    ///
    /// ```
    /// use cloakroom::EngineName;
    ///
    /// assert_eq!(EngineName::Db.dotted().as_deref(), Some("django.contrib.sessions.backends.db"));
    /// ```
    #[must_use]
    pub fn dotted(self) -> Option<String> {
        (self != Self::Memory).then(|| format!("{MODULE}{self}"))
    }

    /// Whether sessions of this engine stand in a database table.
    #[must_use]
    pub const fn uses_database(self) -> bool {
        matches!(self, Self::Db | Self::CachedDb)
    }

    /// Whether sessions of this engine stand in one of the `CACHES`.
    #[must_use]
    pub const fn uses_cache(self) -> bool {
        matches!(self, Self::Cache | Self::CachedDb)
    }

    /// Whether this build of cloakroom has the engine: `file` needs the feature `file`.
    ///
    /// # Errors
    /// It has not; the error names the engine and the feature.
    pub fn available(self) -> Result<(), SettingsError> {
        if self == Self::File && cfg!(not(feature = "file")) { Err(self.lacks_feature()) } else { Ok(()) }
    }

    pub(crate) fn lacks_feature(self) -> SettingsError {
        let problem = format!("needs cloakroom's feature `{self}`");
        SettingsError::new("SESSION_ENGINE", Some(self.as_str()), problem, "switch it on, or use `db`")
    }
}

impl fmt::Display for EngineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EngineName {
    type Err = SettingsError;

    /// Reads Django's dotted name or the short one.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name.strip_prefix(MODULE).unwrap_or(name) {
            "db" => Ok(Self::Db),
            "cache" => Ok(Self::Cache),
            "cached_db" => Ok(Self::CachedDb),
            "file" => Ok(Self::File),
            "signed_cookies" => Ok(Self::SignedCookies),
            "memory" if name == "memory" => Ok(Self::Memory),
            _ => Err(SettingsError::new(
                "SESSION_ENGINE",
                Some(name),
                "is not an engine",
                "use `db`, `cache`, `cached_db`, `file`, `signed_cookies`, or `memory` for a single process",
            )),
        }
    }
}
