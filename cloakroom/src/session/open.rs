//! A store by its settings alone.

use crate::engine::Engine;
use crate::error::OpenError;
use crate::session::store::SessionStore;
use crate::settings::{EngineName, Settings};
#[cfg(feature = "file")]
use crate::storage::file::FileOptions;
use crate::storage::{CacheStorage, DatabaseStorage, Storage};

impl SessionStore {
    /// Sessions by the settings alone: the engine that `SESSION_ENGINE` names, in the database that `DATABASE_URL`
    /// names, the cache that `SESSION_CACHE_ALIAS` names or the folder that `SESSION_FILE_PATH` names. An SQLite file or a folder is opened, so do it when the
    /// program starts; the connections to a server are made when they are needed, so a site starts while its database
    /// is down.
    ///
    /// # Errors
    /// A setting that cannot be used, or an SQLite file or folder that cannot be opened.
    #[cfg_attr(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")), allow(unreachable_code))]
    pub fn open(settings: Settings) -> Result<Self, OpenError> {
        let name = engine_of(&settings)?;
        if name.uses_database() {
            let storage = DatabaseStorage::open(&settings)?;
            return in_database(storage.clone(), Some(&storage), settings);
        }
        Ok(Self::new(engine_without_database(name, &settings)?, settings)?)
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
    #[cfg_attr(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")), allow(unreachable_code))]
    pub async fn open_or_create(settings: Settings) -> Result<Self, OpenError> {
        if !engine_of(&settings)?.uses_database() || settings.is_read_only() {
            return Self::open(settings);
        }
        let storage = DatabaseStorage::open_or_create(&settings)?;
        storage.migrate().await?;
        in_database(storage.clone(), Some(&storage), settings)
    }

    /// Sessions in a database that is open already: the engine `cached_db` if the settings name it, with the cache that
    /// they name, otherwise `db`.
    ///
    /// ```
    /// # #[cfg(not(feature = "sqlite"))] fn main() {}
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use cloakroom::storage::SqliteStorage;
    /// use cloakroom::{EngineName, SessionStore, Settings};
    ///
    /// let settings = Settings::new().secret_key("a secret").session_engine(EngineName::CachedDb);
    /// let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db.sqlite3");
    /// let database = cloakroom::storage::sqlite::SqliteOptions::new(path).create(true).open()?;
    /// database.migrate().await?;
    /// let store = SessionStore::in_database(database, settings.cache_url("locmemcache://"))?;
    /// assert_eq!(store.engine(), EngineName::CachedDb);
    /// # let _: fn(SqliteStorage) = drop;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub fn in_database(database: impl Storage, settings: Settings) -> Result<Self, OpenError> {
        in_database(database, None, settings)
    }
}

fn in_database(
    database: impl Storage,
    known: Option<&DatabaseStorage>,
    settings: Settings,
) -> Result<SessionStore, OpenError> {
    let engine = if settings.engine_name() == EngineName::CachedDb {
        let format = settings.session_cache()?.format()?;
        Engine::cached_db(database, CacheStorage::open_beside(&settings, known)?).with_cache_format(format)
    } else {
        Engine::db(database)
    };
    Ok(SessionStore::new(engine, settings)?)
}

/// The engine that the settings name. Everything that can be refused is, before anything is opened.
fn engine_of(settings: &Settings) -> Result<EngineName, OpenError> {
    settings.validate()?;
    let engine = settings.engine_name();
    engine.available().map_err(|error| error.at_source(settings.source("SESSION_ENGINE")))?;
    if !matches!(engine, EngineName::Memory | EngineName::Cache) {
        settings.signing_keys(settings.salt())?;
    }
    Ok(engine)
}

fn engine_without_database(engine: EngineName, settings: &Settings) -> Result<Engine, OpenError> {
    Ok(match engine {
        EngineName::Memory => Engine::memory(),
        EngineName::SignedCookies => Engine::signed_cookies(),
        EngineName::Cache => {
            let format = settings.session_cache()?.format()?;
            Engine::cache(CacheStorage::open(settings)?).with_cache_format(format)
        }
        #[cfg(feature = "file")]
        EngineName::File => Engine::file(FileOptions::for_settings(settings).open()?),
        other => return Err(other.lacks_feature().at_source(settings.source("SESSION_ENGINE")).into()),
    })
}
