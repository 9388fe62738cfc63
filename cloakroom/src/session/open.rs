//! A store by its settings alone.

use crate::engine::Engine;
use crate::error::OpenError;
use crate::session::store::SessionStore;
use crate::settings::{EngineName, Settings};
use crate::storage::DatabaseStorage;
#[cfg(feature = "file")]
use crate::storage::file::FileOptions;

impl SessionStore {
    /// Sessions by the settings alone: the engine that `SESSION_ENGINE` names, in the database that `DATABASE_URL`
    /// names or the folder that `SESSION_FILE_PATH` names. An SQLite file or a folder is opened, so do it when the
    /// program starts; the connections to a server are made when they are needed, so a site starts while its database
    /// is down.
    ///
    /// # Errors
    /// A setting that cannot be used, or an SQLite file or folder that cannot be opened.
    pub fn open(settings: Settings) -> Result<Self, OpenError> {
        let engine = match engine_of(&settings)? {
            EngineName::Db => Engine::db(DatabaseStorage::open(&settings)?),
            other => engine_without_database(other, &settings)?,
        };
        Ok(Self::new(engine, settings)?)
    }

    /// The same, and makes what is missing: the SQLite file, Django's table and its record, as
    /// [`DatabaseStorage::migrate`] does. A folder for session files must be there. For a site of its own; beside a
    /// Django site [`open`](Self::open) is safer, since a mistyped path is an error there.
    ///
    /// ```
    /// # #[cfg(not(feature = "sqlite"))] fn main() {}
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use cloakroom::{SessionStore, Settings};
    /// #
    /// let folder = tempfile::tempdir()?;
    /// let url = format!("sqlite:///{}", folder.path().join("db.sqlite3").display());
    /// let settings = Settings::new().secret_key("a secret of this site").database_url(url);
    /// let store = SessionStore::open_or_create(settings.clone()).await?;
    /// store.session(None).asave().await?;
    /// assert!(SessionStore::open(settings).is_ok());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`open`](Self::open), or the table cannot be made. Under `SESSION_READ_ONLY` nothing is made.
    pub async fn open_or_create(settings: Settings) -> Result<Self, OpenError> {
        if engine_of(&settings)? != EngineName::Db || settings.is_read_only() {
            return Self::open(settings);
        }
        let storage = DatabaseStorage::open_or_create(&settings)?;
        storage.migrate().await?;
        Ok(Self::db(storage, settings)?)
    }
}

/// The engine that the settings name. Everything that can be refused is, before anything is opened.
fn engine_of(settings: &Settings) -> Result<EngineName, OpenError> {
    settings.validate()?;
    let engine = settings.engine_name();
    engine.available().map_err(|error| error.at_source(settings.source("SESSION_ENGINE")))?;
    if engine != EngineName::Memory {
        settings.signing_keys(settings.salt())?;
    }
    Ok(engine)
}

fn engine_without_database(engine: EngineName, settings: &Settings) -> Result<Engine, OpenError> {
    Ok(match engine {
        EngineName::Memory => Engine::memory(),
        EngineName::SignedCookies => Engine::signed_cookies(),
        #[cfg(feature = "file")]
        EngineName::File => Engine::file(FileOptions::for_settings(settings).open()?),
        other => return Err(other.not_yet().at_source(settings.source("SESSION_ENGINE")).into()),
    })
}
