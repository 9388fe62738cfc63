//! `list`, `show`, `delete` and `stats`, on each kind of place.

#[path = "../support/mod.rs"]
mod support;

mod delete;
mod faults;
mod interrupted;
mod list;
mod refused;
mod show;
mod stats;

use std::collections::BTreeSet;
use std::future::Future;
use std::path::Path;

use cloakroom::{Expiry, SessionKey, SessionStore, SettingSource, Settings};
use support::site::{OTHER_SECRET, SECRET};
use support::{Run, run_with_input};
use test_servers::{MariaDb, PostgreSql, Redis};

/// Where a test's sessions are, with what the command and the library are told of it.
pub(crate) struct Place {
    pub(crate) name: &'static str,
    folder: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Place {
    pub(crate) fn new(name: &'static str, variables: &[(&'static str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let here = folder.path().display().to_string();
        let mut all = vec![("SECRET_KEY", SECRET.to_owned())];
        all.extend(variables.iter().map(|(name, value)| (*name, value.replace("HERE", &here))));
        Self { name, folder, variables: all }
    }

    /// The same sessions by other settings.
    pub(crate) fn with(&self, name: &'static str, value: &str) -> Self {
        let mut variables = self.variables.clone();
        variables.retain(|(known, _)| *known != name);
        variables.push((name, value.to_owned()));
        Self { name: self.name, folder: tempfile::tempdir().expect("a folder"), variables }
    }

    pub(crate) fn sqlite() -> Self {
        let place = Self::new("db on SQLite", &[("DATABASE_URL", "sqlite:///HERE/db.sqlite3")]);
        place.make("migrate");
        place
    }

    /// Makes the tables.
    fn make(&self, command: &str) {
        let made = self.cloakroom(&[command]);
        assert_eq!(made.code, 0, "{}: {}", self.name, made.err);
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn cloakroom(&self, arguments: &[&str]) -> Run {
        self.cloakroom_with(arguments, "")
    }

    /// No secret and no password is ever shown.
    pub(crate) fn cloakroom_with(&self, arguments: &[&str], input: &str) -> Run {
        let variables: Vec<_> = self.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let run = run_with_input(self.path(), &variables, arguments, input);
        for hidden in ["Wq8vT2nLk5", OTHER_SECRET, "p@ss/w", "p%40ss"] {
            assert!(!run.out.contains(hidden) && !run.err.contains(hidden), "{}{}", run.out, run.err);
        }
        run
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let run = self.cloakroom(arguments);
        assert_eq!(run.err, "", "{}: {arguments:?}", self.name);
        serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{}: {error}: {}", self.name, run.out))
    }

    /// The library on the same sessions.
    pub(crate) fn store(&self) -> SessionStore {
        let mut settings = Settings::new();
        for (name, value) in &self.variables {
            settings = settings.with_value(name, value, &SettingSource::Code).expect("a setting");
        }
        SessionStore::open(settings).expect("a store")
    }

    /// Makes sessions of a user, which end in so many seconds.
    pub(crate) fn sessions(&self, count: usize, user: Option<&str>, seconds: i64) -> Vec<SessionKey> {
        wait(async {
            let store = self.store();
            let mut keys = Vec::new();
            for _ in 0..count {
                let session = store.session(None).load().await.expect("a session");
                session.set("cart", &[1, 2]).expect("set");
                if let Some(user) = user {
                    session.set("_auth_user_id", user).expect("set");
                    session.set("_auth_user_hash", "hash-of-a-login").expect("set");
                }
                session.set_expiry(Expiry::Seconds(seconds)).expect("an expiry");
                session.asave().await.expect("saved");
                keys.push(session.session_key().expect("a key"));
            }
            keys
        })
    }

    pub(crate) fn exists(&self, key: &SessionKey) -> bool {
        wait(async { self.store().exists(key).await.expect("an answer") })
    }
}

/// Every kind of place whose sessions can be listed, as far as the servers are installed.
pub(crate) fn places() -> Vec<Place> {
    let mut places = vec![Place::sqlite()];
    let file = Place::new("file", &[("SESSION_ENGINE", "file"), ("SESSION_FILE_PATH", "HERE")]);
    places.push(file);
    let table = [
        ("SESSION_ENGINE", "cache"),
        ("DATABASE_URL", "sqlite:///HERE/db.sqlite3"),
        ("CACHE_URL", "dbcache://session_cache"),
    ];
    places.push(Place::new("cache in a table", &table));
    places.last().expect("a place").make("createcachetable");
    if let Some(server) = Redis::shared() {
        let url = server.url(server.port(), server.new_database());
        places.push(Place::new("cache on Redis", &[("SESSION_ENGINE", "cache"), ("CACHE_URL", &url)]));
    }
    places.extend(databases());
    places
}

/// A database on each server that is installed.
pub(crate) fn databases() -> Vec<Place> {
    let mut urls = Vec::new();
    urls.extend(PostgreSql::shared().map(|server| ("db on PostgreSQL", server.new_database().url)));
    urls.extend(MariaDb::shared().map(|server| ("db on MariaDB", server.new_database().url)));
    let place = |(name, url): (&'static str, String)| {
        let place = Place::new(name, &[("DATABASE_URL", url.as_str())]);
        place.make("migrate");
        place
    };
    urls.into_iter().map(place).collect()
}

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

pub(crate) fn shorts<'k>(keys: impl IntoIterator<Item = &'k SessionKey>) -> BTreeSet<String> {
    keys.into_iter().map(SessionKey::short_hash).collect()
}
