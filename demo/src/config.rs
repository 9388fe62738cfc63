//! What the settings say, and what is done where they say nothing.

use std::fmt;

use cloakroom::storage::sqlite::SqliteOptions;
use cloakroom::{EngineName, SessionStore, Settings};

use crate::failure::Failure;
use crate::private;
use crate::secret::{self, SecretFile};

const DEFAULT_ADDRESS: &str = "127.0.0.1:8000";
const DATABASE_FILE: &str = "cloakroom-demo.sqlite3";
const SECRET_FILE: &str = "cloakroom-demo.secret";
/// Cookies do not know ports: under Django's usual name the demo would end the session of another site that
/// is being developed on this host.
const COOKIE_NAME: &str = "cloakroom_demo_sessionid";

/// The demo's configuration.
pub(crate) struct Config {
    pub(crate) address: String,
    /// Whether the routes are there that only tests need.
    pub(crate) test_routes: bool,
    settings: Settings,
    /// No database was named: the demo has its own.
    own_database: bool,
    secret_file: Option<SecretFile>,
}

/// What the visitor at the terminal should know.
pub(crate) struct About {
    engine: EngineName,
    database: Option<String>,
    secret: Option<String>,
    cookie: String,
}

impl Config {
    pub(crate) fn from_environment() -> Result<Self, Failure> {
        let mut settings = Settings::new().time_zone("UTC").with_all_sources()?;
        let own_database = !settings.is_set("DATABASE_URL") && !settings.is_set("SESSION_DATABASE_ALIAS");
        if own_database && !settings.is_set("SESSION_COOKIE_NAME") {
            settings = settings.session_cookie_name(COOKIE_NAME);
        }
        settings.validate()?;
        let has_secret =
            ["SECRET_KEY", "SECRET_KEY_B64", "SESSION_SIGNING_KEY"].iter().any(|name| settings.is_set(name));
        // A secret made up for a database that others share would make all their sessions unreadable.
        let own_secret = own_database && settings.engine_name() == EngineName::Db && !has_secret;
        let secret_file = if own_secret { Some(secret::read_or_make(SECRET_FILE.as_ref())?) } else { None };
        if let Some(file) = &secret_file {
            settings = settings.secret_key(file.secret());
        }
        Ok(Self {
            address: std::env::var("DEMO_ADDR").unwrap_or_else(|_| DEFAULT_ADDRESS.to_owned()),
            test_routes: std::env::var("DEMO_TEST_ROUTES").is_ok_and(|value| value == "1"),
            settings,
            own_database,
            secret_file,
        })
    }

    /// The sessions, their table made if it is missing.
    pub(crate) async fn open(&self) -> Result<(SessionStore, About), Failure> {
        let engine = self.settings.engine_name();
        let cookie = self.settings.cookie_name().to_owned();
        if engine == EngineName::Memory {
            let about = About { engine, database: None, secret: None, cookie };
            return Ok((SessionStore::memory(self.settings.clone())?, about));
        }
        if engine != EngineName::Db {
            // Refused by name, before anything is made.
            SessionStore::open(self.settings.clone())?;
        }
        // Nothing is made on the disk for settings that are refused anyway.
        self.settings.signing_keys(self.settings.salt())?;
        // Only the demo's own file is switched to WAL: the switch is for good, and for Django too.
        let options = if self.own_database {
            // SQLite would let others read it. If it cannot be made here, opening it says why.
            let _ = private::make(DATABASE_FILE.as_ref());
            SqliteOptions::new(DATABASE_FILE)
                .wal(true)
                .table(self.settings.table())
                .time_zone(self.settings.naive_time_zone()?)
        } else {
            SqliteOptions::for_settings(&self.settings)?
        };
        let read_only = self.settings.is_read_only();
        let storage = options.create(!read_only).open()?;
        // A table of another name belongs to a model of the Django site, which makes it.
        let ours = !read_only && self.settings.table() == Settings::new().table();
        let made = ours && storage.migrate().await?.created_table;
        let about = About {
            engine,
            database: Some(format!(
                "{} ({})",
                storage.path().display(),
                match (self.own_database, made) {
                    (true, true) => "made just now",
                    (true, false) => "the demo's own",
                    (false, true) => "from DATABASE_URL; the table was made just now",
                    (false, false) if read_only => "from DATABASE_URL, only to be read",
                    (false, false) => "from DATABASE_URL",
                }
            )),
            secret: Some(match &self.secret_file {
                Some(file) => file.to_string(),
                None if self.settings.is_set("SESSION_SIGNING_KEY") => "from SESSION_SIGNING_KEY".to_owned(),
                None if self.settings.is_set("SECRET_KEY_B64") => "from SECRET_KEY_B64".to_owned(),
                None => "from SECRET_KEY".to_owned(),
            }),
            cookie,
        };
        Ok((SessionStore::db(storage, self.settings.clone())?, about))
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let none = || "none needed: sessions end with this process".to_owned();
        writeln!(f, "engine    {}", self.engine)?;
        writeln!(f, "database  {}", self.database.clone().unwrap_or_else(none))?;
        writeln!(f, "secret    {}", self.secret.clone().unwrap_or_else(none))?;
        write!(f, "cookie    {}", self.cookie)
    }
}
