//! What a Django site says about its sessions.

use std::path::Path;

use cloakroom::wire::base64;
use cloakroom::wire::stored::SESSION_SALT;
use cloakroom::{EngineName, SameSite, Settings, SettingsError};
use serde::Deserialize;
use serde_json::Value;

use super::address;
use super::site_cache::SiteCache;

const BACKENDS: &str = "django.contrib.sessions.backends.";

/// The site's settings. Holds secrets, so it has no `Debug`.
#[derive(Deserialize)]
pub(super) struct Site {
    pub(super) version: String,
    engine: String,
    /// The modules of the store's class and of those it derives from.
    bases: Vec<String>,
    serializer: String,
    key_salt: Option<String>,
    pub(super) cache: Option<SiteCache>,
    cache_key_prefix: Option<String>,
    database: Option<Database>,
    #[serde(default)]
    reads_elsewhere: bool,
    table: Option<String>,
    has_table: Option<bool>,
    file_path: Option<String>,
    secret_key: String,
    fallbacks: Vec<String>,
    pub(super) cookie_name: String,
    pub(super) cookie_age: f64,
    pub(super) cookie_domain: Option<String>,
    pub(super) cookie_path: String,
    pub(super) cookie_secure: bool,
    pub(super) cookie_httponly: bool,
    pub(super) cookie_samesite: String,
    pub(super) at_browser_close: bool,
    pub(super) save_every_request: bool,
    pub(super) use_tz: bool,
    pub(super) time_zone: String,
}

#[derive(Deserialize)]
pub(super) struct Database {
    alias: String,
    pub(super) vendor: String,
    pub(super) name: Option<String>,
    zone: String,
    pub(super) user: String,
    password: String,
    pub(super) host: String,
    pub(super) port: String,
    /// A name, its value, and whether it is one that can be written down.
    pub(super) options: Vec<(String, Value, bool)>,
    pub(super) max_age: Option<f64>,
    /// Why the site itself cannot reach it.
    problem: Option<String>,
}

impl Database {
    pub(super) fn password(&self) -> String {
        String::from_utf8(decoded(&self.password)).unwrap_or_default()
    }
}

/// Something that this version cannot share.
pub(super) struct Obstacle {
    pub(super) id: &'static str,
    pub(super) message: String,
    pub(super) remedy: &'static str,
}

impl Site {
    pub(super) fn secret_key(&self) -> Vec<u8> {
        decoded(&self.secret_key)
    }

    pub(super) fn fallbacks(&self) -> Vec<Vec<u8>> {
        self.fallbacks.iter().map(|secret| decoded(secret)).collect()
    }

    /// The engine as SESSION_ENGINE names it: short where it is Django's own or derives from one that cloakroom has.
    pub(super) fn engine(&self) -> &str {
        match self.own_engine() {
            own @ ("db" | "cache" | "cached_db" | "file" | "signed_cookies") => own,
            _ => self.engine.strip_prefix(BACKENDS).unwrap_or(&self.engine),
        }
    }

    /// The first of Django's engines that the site's store is or derives from.
    fn own_engine(&self) -> &str {
        self.bases.iter().find_map(|module| module.strip_prefix(BACKENDS)).unwrap_or_default()
    }

    /// The database of the sessions, or of the cache that they are in.
    pub(super) fn database(&self) -> Option<&Database> {
        let of_cache = || self.cache.as_ref().and_then(|cache| cache.database.as_ref());
        self.database.as_ref().or_else(of_cache)
    }

    /// The file of the database, where it is one.
    pub(super) fn file(&self) -> Option<&Path> {
        let database = self.database().filter(|database| database.vendor == "sqlite")?;
        database.name.as_deref().map(Path::new).filter(|path| path.is_absolute())
    }

    /// The database as DATABASE_URL names it, its password included; `None` where no URL can say it.
    pub(super) fn database_url(&self) -> Option<String> {
        match self.database()? {
            database if database.vendor == "sqlite" => self.file().and_then(Path::to_str).map(address::of_file),
            database => address::of_server(database),
        }
    }

    /// The folder of the session files.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.file_path.as_deref().map(Path::new)
    }

    /// What stands in the way, the gravest first.
    pub(super) fn obstacles(&self) -> Vec<Obstacle> {
        let mut found = Vec::new();
        let mut add = |id, message: String, remedy| found.push(Obstacle { id, message, remedy });
        let engine = self.own_engine();
        if !["db", "cache", "cached_db", "file", "signed_cookies"].contains(&engine) {
            let uses = format!("this site uses {}, which is none of Django's engines", self.engine);
            add("SESSION_ENGINE", uses, "use the engine db, cache, cached_db, file or signed_cookies");
        }
        if let Some(cache) = &self.cache {
            cache.obstacles(&mut add);
        }
        let prefix = self.cache_key_prefix.as_deref();
        if prefix.is_some_and(|prefix| prefix.strip_prefix("django.contrib.sessions.") != Some(engine)) {
            let message =
                "the site's SessionStore has a cache_key_prefix of its own, which this version cannot be told";
            add("cache_key_prefix", message.to_owned(), "leave the cache_key_prefix of Django's class alone");
        }
        if let Some(database) = self.database() {
            let Database { alias, vendor, zone, .. } = database;
            if !["sqlite", "postgresql", "mysql"].contains(&vendor.as_str()) {
                let uses = format!("this site uses {vendor} (DATABASES[{alias:?}]), which cloakroom cannot read");
                add("DATABASES", uses, "keep the sessions in PostgreSQL, MySQL, MariaDB or SQLite");
            } else if vendor == "sqlite" && self.database_url().is_none() {
                let message = format!("DATABASES[{alias:?}] is no plain file: no other program can share it");
                add("DATABASES", message, "give NAME the path of a file");
            } else if let Some((name, ..)) = database.options.iter().find(|(_, _, plain)| !plain && vendor != "sqlite")
            {
                let message = format!("DATABASES[{alias:?}] has the option {name:?}, whose value only Python has");
                add("DATABASES", message, "set the database in cloakroom.toml by hand");
            }
            if let Some(problem) = &database.problem {
                let message = format!("the site cannot reach DATABASES[{alias:?}]: {problem}");
                add("DATABASES", message, "start the database, or mend the site's settings");
            }
            // PostgreSQL keeps the moment itself, whatever the zone.
            if self.use_tz && zone != "UTC" && vendor != "postgresql" {
                let message = format!("DATABASES[{alias:?}] keeps moments in its own TIME_ZONE {zone}");
                add("DATABASES", message, "leave TIME_ZONE out of DATABASES");
            }
        }
        if self.reads_elsewhere {
            let message = "the database routers read sessions from another database than they write to".to_owned();
            add("DATABASE_ROUTERS", message, "make sure that both are the same data");
        }
        // A cache is trusted: nothing in it is signed.
        if !["signed_cookies", "cache"].contains(&engine) && self.key_salt.as_deref() != Some(SESSION_SALT) {
            let message = "the site's SessionStore signs with a key_salt of its own, which this version cannot be told";
            add("key_salt", message.to_owned(), "name the class SessionStore and leave its key_salt alone");
        }
        if self.table.as_deref().is_some_and(|table| table != "django_session") {
            let message = "the site keeps its sessions in a table of its own, which this version cannot be told";
            add("table", message.to_owned(), "use Django's table django_session");
        }
        if engine != "cache" && self.serializer != "django.contrib.sessions.serializers.JSONSerializer" {
            let message = format!("this site uses {}, and cloakroom reads JSON alone", self.serializer);
            add("SESSION_SERIALIZER", message, "use django.contrib.sessions.serializers.JSONSerializer");
        }
        if self.has_table == Some(false) {
            add("table", "the site's database has no session table".to_owned(), "run the site's `manage.py migrate`");
        }
        found
    }

    /// The same settings in cloakroom, as far as this version has them.
    pub(super) fn settings(&self) -> Result<Settings, SettingsError> {
        let mut settings = Settings::new()
            .session_engine(self.engine().parse::<EngineName>()?)
            .secret_key(self.secret_key())
            .session_cookie_name(&self.cookie_name)
            .session_cookie_age(self.cookie_age)
            .session_cookie_path(&self.cookie_path)
            .session_cookie_secure(self.cookie_secure)
            .session_cookie_httponly(self.cookie_httponly)
            .session_cookie_samesite(self.cookie_samesite.parse::<SameSite>()?)
            .session_expire_at_browser_close(self.at_browser_close)
            .session_save_every_request(self.save_every_request)
            .use_tz(self.use_tz)
            .time_zone(&self.time_zone);
        if let Some(domain) = self.cookie_domain.as_deref().filter(|domain| !domain.is_empty()) {
            settings = settings.session_cookie_domain(domain);
        }
        if let Some(url) = self.database_url() {
            settings = settings.database_url(url);
        }
        if let Some(folder) = self.folder() {
            settings = settings.session_file_path(folder);
        }
        if let Some(cache) = &self.cache {
            settings = settings.session_cache_alias(&cache.alias).add_cache(&cache.alias, cache.to_cache());
        }
        Ok(self.fallbacks().into_iter().fold(settings, Settings::secret_key_fallback))
    }
}

pub(super) fn decoded(text: &str) -> Vec<u8> {
    base64::decode(text.as_bytes()).unwrap_or_default()
}
