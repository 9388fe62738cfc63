use std::fmt;
use std::path::PathBuf;

/// Where the value of a setting came from. `Display` is a phrase for messages: `.env, line 3`.
///
/// ```
/// use cloakroom::{Settings, SettingSource};
///
/// let settings = Settings::new().session_cookie_age(3600);
/// assert_eq!(settings.source("SESSION_COOKIE_AGE"), &SettingSource::Code);
/// assert_eq!(settings.source("SESSION_COOKIE_NAME"), &SettingSource::Default);
///
/// let shown = |source: SettingSource| source.to_string();
/// assert_eq!(shown(SettingSource::File { path: "cloakroom.toml".into(), line: 7 }), "cloakroom.toml, line 7");
/// assert_eq!(shown(SettingSource::DotEnv { path: ".env".into(), line: 3 }), ".env, line 3");
/// let variable = "DATABASE_URL".to_owned();
/// assert_eq!(shown(SettingSource::Environment { variable }), "environment variable DATABASE_URL");
/// assert_eq!(shown(SettingSource::Argument { option: "--engine".into() }), "option --engine");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingSource {
    /// Nobody set it: it has Django's default.
    #[default]
    Default,
    /// A TOML file such as `cloakroom.toml`.
    File {
        /// The file, as it was named.
        path: PathBuf,
        /// The line of the setting's name, counted from 1.
        line: usize,
    },
    /// A file of variables such as `.env`.
    DotEnv {
        /// The file, as it was named.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// The process's environment, or what was given in its place.
    Environment {
        /// The variable's name.
        variable: String,
    },
    /// An option of a command line.
    Argument {
        /// The option's name, such as `--database-url`.
        option: String,
    },
    /// A method of [`Settings`](crate::Settings).
    Code,
}

impl fmt::Display for SettingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } | Self::DotEnv { path, line } => write!(f, "{}, line {line}", path.display()),
            Self::Environment { variable } => write!(f, "environment variable {variable}"),
            Self::Argument { option } => write!(f, "option {option}"),
            Self::Code => f.write_str("code"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_is_a_phrase() {
        let path = PathBuf::from("conf/cloakroom.toml");
        assert_eq!(SettingSource::File { path, line: 7 }.to_string(), "conf/cloakroom.toml, line 7");
        assert_eq!(SettingSource::Environment { variable: "USE_TZ".into() }.to_string(), "environment variable USE_TZ");
        assert_eq!(SettingSource::default().to_string(), "default");
    }
}
