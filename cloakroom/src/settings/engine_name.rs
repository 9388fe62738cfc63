use std::fmt;
use std::str::FromStr;

use super::SettingsError;

/// The engines, by Django's names.
///
/// ```
/// use cloakroom::EngineName;
///
/// assert_eq!("django.contrib.sessions.backends.db".parse(), Ok(EngineName::Db));
/// assert_eq!("db".parse(), Ok(EngineName::Db));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EngineName {
    /// `db`: signed JSON in a database table. Django's default.
    Db,
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
            Self::Memory => "memory",
        }
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
        let refuse = |problem: &str| {
            Err(SettingsError::new("SESSION_ENGINE", Some(name), problem, "use `db`, or `memory` for a single process"))
        };
        match name.strip_prefix(MODULE).unwrap_or(name) {
            "db" => Ok(Self::Db),
            "memory" if name == "memory" => Ok(Self::Memory),
            "cache" | "cached_db" | "file" | "signed_cookies" => {
                refuse("is an engine of Django that this version of cloakroom does not have yet")
            }
            _ => refuse("is not an engine"),
        }
    }
}
