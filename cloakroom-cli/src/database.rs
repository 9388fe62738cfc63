//! The settings, and the database they name.

use std::path::Path;

use cloakroom::storage::DatabaseStorage;
use cloakroom::storage::sqlite::SqliteOpenError;
use cloakroom::{DatabaseKind, EngineName, OpenError, SettingSource, Settings};

use crate::failure::Failure;
use crate::options::Place;

/// The settings from all their sources, with the command line's laid over them: the one place where the command
/// reads settings.
pub(crate) fn settings(place: &Place) -> Result<Settings, Failure> {
    settings_over(Settings::new(), place)
}

/// The same over other values than the defaults. An option without a value is one that was not given.
pub(crate) fn settings_over(base: Settings, place: &Place) -> Result<Settings, Failure> {
    let mut settings = base.with_all_sources()?;
    for (setting, option, value) in [
        ("DATABASE_URL", "--database-url", &place.database_url),
        ("CACHE_URL", "--cache-url", &place.cache_url),
        ("SESSION_ENGINE", "--engine", &place.engine),
    ] {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            let source = SettingSource::Argument { option: option.to_owned() };
            settings = settings.with_value(setting, value, &source)?;
        }
    }
    Ok(settings)
}

/// Whether anything comes from elsewhere than the defaults.
pub(crate) fn is_anything_given(settings: &Settings) -> bool {
    settings.entries().iter().any(|entry| entry.source != SettingSource::Default)
}

/// The settings of a command that writes.
pub(crate) fn settings_to_write(place: &Place) -> Result<Settings, Failure> {
    let settings = settings(place)?;
    if settings.is_read_only() {
        return Err(Failure::new(format!(
            "SESSION_READ_ONLY ({}): sessions are only to be read here; switch it off to let this command write",
            settings.source("SESSION_READ_ONLY")
        )));
    }
    Ok(settings)
}

/// The database of an engine that has a table there. A missing SQLite file is made only if `create` says so.
pub(crate) fn open(settings: &Settings, create: bool) -> Result<DatabaseStorage, Failure> {
    if !settings.is_set("DATABASE_URL") && !settings.is_set("SESSION_DATABASE_ALIAS") {
        return Err(Failure::new(
            "DATABASE_URL is not set; set it or give --database-url, such as sqlite:///db.sqlite3",
        ));
    }
    let opened = if create { DatabaseStorage::open_or_create(settings) } else { DatabaseStorage::open(settings) };
    opened.map_err(|error| match error {
        OpenError::Sqlite(SqliteOpenError::Missing { path }) => Failure::new(missing(&path)),
        error => error.into(),
    })
}

/// The kind of the database that the settings name; SQLite where they name none.
pub(crate) fn kind(settings: &Settings) -> Result<DatabaseKind, Failure> {
    let named = settings.is_set("DATABASE_URL") || settings.is_set("SESSION_DATABASE_ALIAS");
    Ok(if named { settings.session_database()?.kind() } else { DatabaseKind::Sqlite })
}

/// Why nothing can be printed for a database.
pub(crate) fn no_statements(kind: DatabaseKind) -> Failure {
    Failure::new(format!("there are no statements for a database of the kind {kind}"))
}

/// Which database it is, without its password.
pub(crate) fn name(settings: &Settings, storage: &DatabaseStorage) -> Result<String, Failure> {
    Ok(match storage {
        DatabaseStorage::Sqlite(file) => file.path().display().to_string(),
        _ => settings.session_database()?.to_string(),
    })
}

/// Why an engine has no table to be made.
pub(crate) fn needs_no_table(engine: EngineName) -> Failure {
    let why = match engine {
        EngineName::Memory => {
            "these sessions live inside the site's own process and need no table; use the engine db to keep them in a \
             database"
        }
        EngineName::File => "these sessions are files and need no table",
        EngineName::Cache => {
            "these sessions are in a cache and need no session table; `cloakroom createcachetable` makes that of a \
             database cache"
        }
        EngineName::SignedCookies => "these sessions are in the visitors' cookies and need no table",
        _ => "this version of cloakroom keeps no sessions there",
    };
    Failure::new(format!("SESSION_ENGINE = {:?}: {why}", engine.as_str()))
}

fn missing(path: &Path) -> String {
    format!("there is no SQLite file {}; check DATABASE_URL, or make it with `cloakroom migrate`", path.display())
}

/// Runs to the end what has to be awaited.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(future))
}
