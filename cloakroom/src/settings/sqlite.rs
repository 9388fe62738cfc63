//! The SQLite file that the settings name.

use super::{Database, DatabaseKind, Settings, SettingsError};
use crate::storage::sqlite::SqliteOptions;

/// The value is not shown: another database may have a password.
fn refuse(setting: String, problem: &str) -> SettingsError {
    let remedy = "use sqlite:///relative/path or sqlite:////absolute/path";
    SettingsError::new(setting, None, problem.to_owned(), remedy)
}

impl SqliteOptions {
    /// The file that a `sqlite:` URL names: what follows the third slash is its path. `%` escapes are
    /// decoded, `+` stands for a space. Of the query, `timeout` is how long to wait for locks, in seconds; the
    /// rest is for Django's driver.
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
        of_database(&Database::from_url(url)?, || "DATABASE_URL".to_owned())
    }

    /// The file and the table that the settings name, with moments written as `USE_TZ` and `TIME_ZONE` ask for.
    ///
    /// ```
    /// use cloakroom::Settings;
    /// use cloakroom::storage::sqlite::SqliteOptions;
    ///
    /// let settings = Settings::new().database_url("sqlite:////srv/site/db.sqlite3");
    /// assert!(SqliteOptions::for_settings(&settings).is_ok());
    /// let error = SqliteOptions::for_settings(&settings.session_schema("shop")).unwrap_err();
    /// assert_eq!(error.problem(), "SQLite has no schemas");
    /// ```
    ///
    /// # Errors
    /// No `DATABASE_URL`, one that cannot be used, a `SESSION_SCHEMA`, which SQLite does not have, or a time zone
    /// that is not known.
    pub fn for_settings(settings: &Settings) -> Result<Self, SettingsError> {
        let name = settings.session_database_setting();
        let source = settings.source(&format!("DATABASES.{}", settings.session_database_alias));
        let database = settings.session_database()?;
        let options = of_database(database, || name).map_err(|error| error.at_source(source))?;
        if let Some(schema) = settings.schema() {
            let problem = "SQLite has no schemas";
            return Err(SettingsError::new("SESSION_SCHEMA", Some(schema), problem, "leave it out")
                .at_source(settings.source("SESSION_SCHEMA")));
        }
        Ok(options.table(settings.table()).time_zone(settings.time_zone_in(database)?))
    }
}

fn of_database(database: &Database, setting: impl FnOnce() -> String) -> Result<SqliteOptions, SettingsError> {
    if database.kind() != DatabaseKind::Sqlite {
        let kind = match database.kind() {
            DatabaseKind::Other => database.backend().to_owned(),
            kind => kind.to_string(),
        };
        let problem = format!("names a database of the kind {kind}, and not an SQLite file");
        return Err(refuse(setting(), &problem));
    }
    if database.is_in_memory() {
        return Err(refuse(setting(), "names a database in memory, which no other program can share"));
    }
    let options = SqliteOptions::new(database.name());
    let timeout = database.option("timeout").and_then(|seconds| seconds.as_number());
    let timeout = timeout.and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok());
    Ok(match timeout {
        Some(timeout) => options.busy_timeout(timeout),
        None => options,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_file_is_refused_without_showing_the_url() {
        for url in
            ["", "sqlite:", "sqlite://", "sqlite:///", "sqlite://:memory:", "sqlite://host/db", "postgres://u:pw@h/d"]
        {
            for error in [
                SqliteOptions::from_url(url).unwrap_err(),
                SqliteOptions::for_settings(&Settings::new().database_url(url)).unwrap_err(),
            ] {
                let error = error.to_string();
                assert!(error.contains("DATABASE_URL") && !error.contains("pw"), "{url}: {error}");
            }
        }
    }

    #[test]
    fn a_schema_is_refused() {
        let settings = Settings::new().database_url("sqlite:///db").session_schema("site");
        assert_eq!(SqliteOptions::for_settings(&settings).unwrap_err().setting(), "SESSION_SCHEMA");
    }
}
