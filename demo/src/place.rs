//! Where the sessions are kept.

use std::fmt;
use std::sync::Arc;

use cloakroom::auth::{Auth, DatabaseUsers};
use cloakroom::storage::file::FileOptions;
use cloakroom::storage::sqlite::SqliteOptions;
use cloakroom::storage::{CacheStorage, DatabaseStorage};
use cloakroom::{CacheKind, Engine, EngineName, SessionStore, Settings};

use crate::api::SiteUsers;
use crate::config::{Config, signs};
use crate::failure::Failure;
use crate::private;

const DATABASE_FILE: &str = "cloakroom-demo.sqlite3";

/// What the visitor at the terminal should know.
pub(crate) struct About {
    engine: EngineName,
    /// What it is that keeps the sessions, and which.
    places: Vec<Kept>,
    secret: Option<String>,
    cookie: String,
}

type Kept = (&'static str, String);

/// The sessions, their table made if it is missing.
pub(crate) async fn open(config: &Config) -> Result<(SessionStore, About), Failure> {
    let settings = &config.settings;
    let engine = settings.engine_name();
    // Nothing is made on the disk for settings that are refused anyway.
    if signs(engine) {
        settings.signing_keys(settings.salt())?;
    }
    let (store, places) = match engine {
        EngineName::Db => {
            let (store, database) = in_database(config).await?;
            (store, vec![database])
        }
        EngineName::CachedDb => {
            // Refused before the database is touched.
            CacheStorage::open(settings)?;
            let (store, database) = in_database(config).await?;
            (store, vec![database, ("cache", cache(settings)?)])
        }
        EngineName::Cache => (SessionStore::open(settings.clone())?, vec![("cache", cache(settings)?)]),
        EngineName::File => {
            let (store, folder) = in_files(config)?;
            (store, vec![folder])
        }
        _ => {
            // Refuses an engine that is not there, and says where it is named.
            let store = SessionStore::open(settings.clone())?;
            let place = match engine {
                EngineName::Memory => "in this process, and end with it",
                _ => "in the visitors' cookies",
            };
            (store, vec![("sessions", place.to_owned())])
        }
    };
    let secret = signs(engine).then(|| match &config.secret_file {
        Some(file) => file.to_string(),
        None if settings.is_set("SESSION_SIGNING_KEY") => "from SESSION_SIGNING_KEY".to_owned(),
        None if settings.is_set("SECRET_KEY_B64") => "from SECRET_KEY_B64".to_owned(),
        None => "from SECRET_KEY".to_owned(),
    });
    Ok((store, About { engine, places, secret, cookie: settings.cookie_name().to_owned() }))
}

/// The users of the Django site, where the demo is to know them. Their database is not asked yet.
pub(crate) fn users(config: &Config) -> Result<Option<SiteUsers>, Failure> {
    if !config.users {
        return Ok(None);
    }
    let users = Arc::new(DatabaseUsers::open(&config.settings)?);
    let auth = Auth::new(Arc::clone(&users), &config.settings)?;
    Ok(Some(SiteUsers { auth, users }))
}

async fn in_database(config: &Config) -> Result<(SessionStore, Kept), Failure> {
    let settings = &config.settings;
    let read_only = settings.is_read_only();
    let storage = if config.own {
        // SQLite would let others read it. If it cannot be made here, opening it says why.
        let _ = private::make(DATABASE_FILE.as_ref());
        // Only the demo's own file is switched to WAL: the switch is for good, and for Django too.
        let options = SqliteOptions::new(DATABASE_FILE).wal(true).create(!read_only);
        let options = options.table(settings.table()).time_zone(settings.naive_time_zone()?);
        DatabaseStorage::Sqlite(options.open()?)
    } else if read_only {
        DatabaseStorage::open(settings)?
    } else {
        DatabaseStorage::open_or_create(settings)?
    };
    // A table of another name belongs to a model of the Django site, which makes it.
    let ours = !read_only && settings.table() == Settings::new().table();
    let made = ours && storage.migrate().await?.created_table;
    let name = match &storage {
        DatabaseStorage::Sqlite(file) => file.path().display().to_string(),
        _ => settings.session_database()?.to_string(),
    };
    let remark = match (config.own, made) {
        (true, true) => "made just now",
        (true, false) => "the demo's own",
        (false, true) => "from DATABASE_URL; the table was made just now",
        (false, false) if read_only => "from DATABASE_URL, only to be read",
        (false, false) => "from DATABASE_URL",
    };
    Ok((SessionStore::in_database(storage, settings.clone())?, ("database", format!("{name} ({remark})"))))
}

/// Without its passwords.
fn cache(settings: &Settings) -> Result<String, Failure> {
    let cache = settings.session_cache()?;
    Ok(match cache.kind() {
        CacheKind::LocMem => "the memory of this process, which ends with it".to_owned(),
        _ => cache.to_string(),
    })
}

fn in_files(config: &Config) -> Result<(SessionStore, Kept), Failure> {
    let storage = FileOptions::for_settings(&config.settings).open()?;
    let remark = if config.own { "the folder of temporary files" } else { "from SESSION_FILE_PATH" };
    let place = format!("{} ({remark})", storage.path().display());
    Ok((SessionStore::new(Engine::file(storage), config.settings.clone())?, ("folder", place)))
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "engine    {}", self.engine)?;
        for (what, which) in &self.places {
            writeln!(f, "{what:<9} {which}")?;
        }
        writeln!(f, "secret    {}", self.secret.as_deref().unwrap_or("none needed"))?;
        write!(f, "cookie    {}", self.cookie)
    }
}
