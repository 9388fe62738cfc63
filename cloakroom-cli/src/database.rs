//! The settings, and the database they name.

use std::path::Path;

use cloakroom::storage::SqliteStorage;
use cloakroom::storage::sqlite::{SqliteOpenError, SqliteOptions};
use cloakroom::{EngineName, Settings};

use crate::failure::Failure;
use crate::options::Place;

/// The environment's settings, with the command line's laid over them.
pub(crate) fn settings(place: &Place) -> Result<Settings, Failure> {
    let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    Ok(Settings::new().with_variables(|name| match name {
        "DATABASE_URL" => given(&place.database_url),
        "SESSION_ENGINE" => given(&place.engine),
        _ => std::env::var(name).ok(),
    })?)
}

/// The database that holds the sessions. A missing file is made only if `create` says so.
pub(crate) fn open(place: &Place, create: bool) -> Result<SqliteStorage, Failure> {
    let settings = settings(place)?;
    if settings.engine_name() == EngineName::Memory {
        return Err(Failure::new(
            "SESSION_ENGINE = \"memory\": these sessions live inside the site's own process and need no table; \
             use the engine db to keep them in a database",
        ));
    }
    if settings.database().is_none() {
        return Err(Failure::new(
            "DATABASE_URL is not set; set it or give --database-url, such as sqlite:///db.sqlite3",
        ));
    }
    SqliteOptions::for_settings(&settings)?.create(create).open().map_err(|error| match error {
        SqliteOpenError::Missing { path } => Failure::new(missing(&path)),
        error => error.into(),
    })
}

fn missing(path: &Path) -> String {
    format!("there is no SQLite file {}; check DATABASE_URL, or make it with `cloakroom migrate`", path.display())
}

/// Runs to the end what has to be awaited.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(future))
}
