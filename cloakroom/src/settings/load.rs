//! Settings from all their sources.

use std::path::{Path, PathBuf};

use super::environ::DotEnvFile;
use super::variables::{environment, of_file};
use super::{Settings, SettingsError};

/// The variable that names another file.
const CONFIG: &str = "CLOAKROOM_CONFIG";
const FILE: &str = "cloakroom.toml";

impl Settings {
    /// The settings from all their sources, later ones winning: the defaults, a file `cloakroom.toml` in the
    /// current folder or the one that the variable `CLOAKROOM_CONFIG` names, a file `.env` beside it, the
    /// environment. Files that are not there are passed over, but one that was named must be. The builder's
    /// methods, called on what this gives, win over all of them.
    ///
    /// ```no_run
    /// use cloakroom::Settings;
    ///
    /// let settings = Settings::load()?.session_cookie_secure(true);
    /// # Ok::<(), cloakroom::SettingsError>(())
    /// ```
    ///
    /// # Errors
    /// A file or a value that cannot be read. A `cloakroom.toml` without the feature `toml`.
    pub fn load() -> Result<Self, SettingsError> {
        Self::new().with_all_sources()
    }

    /// The same with defaults of the program's own: these settings, and over them what
    /// [`load`](Self::load) reads.
    ///
    /// ```no_run
    /// use cloakroom::Settings;
    ///
    /// let settings = Settings::new().session_cookie_name("shop").with_all_sources()?;
    /// # Ok::<(), cloakroom::SettingsError>(())
    /// ```
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn with_all_sources(self) -> Result<Self, SettingsError> {
        let named = std::env::var_os(CONFIG).filter(|path| !path.is_empty()).map(PathBuf::from);
        let path = named.clone().unwrap_or_else(|| FILE.into());
        let settings = if named.is_some() || path.exists() { self.with_config(&path)? } else { self };
        settings.with_variables_beside(&path)
    }

    #[cfg(feature = "toml")]
    fn with_config(self, path: &Path) -> Result<Self, SettingsError> {
        self.with_toml_file(path)
    }

    #[cfg(not(feature = "toml"))]
    fn with_config(self, path: &Path) -> Result<Self, SettingsError> {
        Err(SettingsError::new(
            CONFIG,
            Some(&path.display().to_string()),
            "this program was built without the feature that reads such files",
            "switch on cloakroom's feature `toml`, or use a .env file",
        ))
    }

    fn with_variables_beside(mut self, config: &Path) -> Result<Self, SettingsError> {
        let path = config.with_file_name(".env");
        let file = if path.exists() { DotEnvFile::read(&path)? } else { DotEnvFile::default() };
        // As django-environ, which puts into the environment what is not there yet.
        let all = |name: &str| std::env::var(name).ok().or_else(|| file.get(name).map(str::to_owned));
        self.lay(of_file(&file), &all)?;
        self.lay(environment()?, &all)?;
        Ok(self)
    }
}
