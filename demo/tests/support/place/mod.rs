//! Where the sessions of both sites are kept: one of the databases or caches, a folder, or the cookies themselves.

pub(crate) mod cache;
pub(crate) mod engine;

use std::sync::OnceLock;

use cloakroom::{EngineName, Settings};
use serde_json::Value;
use tempfile::TempDir;
use test_servers::{Database, MariaDb, PgBouncer, PostgreSql};

use super::django::Version;
use cache::Cache;
pub(crate) use engine::Engine;

pub(crate) const SECRET: &str = "sh4red$ecret#between(both)=sites&more-than-fifty-characters";

const COOKIE_NAME: &str = "shared_sessionid";

/// Settings, as both sites read them from their environment.
pub(crate) type Variables = Vec<(&'static str, String)>;

fn bouncer() -> Option<&'static PgBouncer> {
    static SHARED: OnceLock<Option<PgBouncer>> = OnceLock::new();
    SHARED.get_or_init(|| PgBouncer::before(PostgreSql::shared()?)).as_ref()
}

/// A new, empty place. What is in files goes when it is dropped.
pub(crate) struct Place {
    pub(crate) engine: Engine,
    pub(crate) django: Version,
    pub(crate) folder: TempDir,
    /// On a server.
    database: Option<Database>,
    cache: Option<Cache>,
}

impl Place {
    /// `None` where a server or Django is not installed: then the test is left out, which `./test` says at its end.
    pub(crate) fn new(engine: Engine, django: Version) -> Option<Self> {
        Self::with(engine, django, None, |folder| Self::shared_cache(engine, folder))
    }

    /// The same in a database of the caller's, on a server that may be stopped. `sql` does not find it.
    pub(crate) fn on(engine: Engine, django: Version, database: Database) -> Option<Self> {
        Self::with(engine, django, Some(database), |folder| Self::shared_cache(engine, folder))
    }

    fn shared_cache(engine: Engine, folder: &std::path::Path) -> Option<Option<Cache>> {
        match engine.front() {
            Some(front) => Cache::new(front, folder).map(Some),
            None => Some(None),
        }
    }

    /// The same with a cache server of its own, which may be stopped.
    pub(crate) fn alone(engine: Engine, django: Version) -> Option<Self> {
        Self::with(engine, django, None, |_| Cache::alone(engine.front()?).map(Some))
    }

    fn with(
        engine: Engine,
        django: Version,
        given: Option<Database>,
        cache: impl FnOnce(&std::path::Path) -> Option<Option<Cache>>,
    ) -> Option<Self> {
        django.python()?;
        if engine == Engine::MariaDb && django.evaluate("MySQLdb", "1").is_none() {
            println!("skipped: Django's Python has no mysqlclient");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let database = match engine {
            _ if given.is_some() => given,
            Engine::PostgreSql | Engine::PostgreSqlBehindRedis | Engine::CacheTable => {
                Some(PostgreSql::shared()?.new_database())
            }
            Engine::PgBouncer => {
                let (server, port) = (PostgreSql::shared()?, bouncer()?.port());
                let database = server.new_database();
                // What Django's documentation asks of sites behind PgBouncer.
                let url = server.url(port, &database.name) + "?DISABLE_SERVER_SIDE_CURSORS=True";
                Some(Database { url, ..database })
            }
            Engine::MariaDb => Some(MariaDb::shared()?.new_database()),
            _ => None,
        };
        if engine == Engine::File {
            std::fs::create_dir(folder.path().join("sessions")).expect("a folder");
        }
        let cache = cache(folder.path())?;
        Some(Self { engine, django, folder, database, cache })
    }

    /// The same with the cache by another URL, made of its own.
    pub(crate) fn with_cache_at(mut self, url: impl FnOnce(&str) -> String) -> Self {
        let cache = self.cache.as_mut().expect("a cache");
        cache.url = url(&cache.url);
        self
    }

    /// The cache of an engine that has one.
    pub(crate) fn cache(&self) -> &Cache {
        self.cache.as_ref().expect("a cache")
    }

    /// The same database by another URL.
    pub(crate) fn at(mut self, url: &str) -> Self {
        let database = self.database.as_mut().expect("a database on a server");
        url.clone_into(&mut database.url);
        self
    }

    /// What both sites read from their environment; `more` wins.
    pub(crate) fn variables(&self, more: &[(&'static str, &str)]) -> Variables {
        let mut variables = vec![
            ("SECRET_KEY", SECRET.to_owned()),
            ("DATABASE_URL", self.url()),
            ("SESSION_ENGINE", self.engine.name().to_string()),
            ("SESSION_COOKIE_NAME", COOKIE_NAME.to_owned()),
            ("DEMO_TEST_ROUTES", "1".to_owned()),
        ];
        if self.engine == Engine::File {
            variables.push(("SESSION_FILE_PATH", self.sessions().display().to_string()));
        }
        if let Some(cache) = &self.cache {
            variables.push(("CACHE_URL", cache.url.clone()));
            variables.extend(cache.redis_backend().map(|backend| ("REDIS_BACKEND", backend.to_owned())));
        }
        variables.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        variables.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        variables
    }

    /// The same for a store without a demo.
    pub(crate) fn settings(&self) -> Settings {
        let settings = Settings::new().time_zone("UTC").secret_key(SECRET).session_cookie_name(COOKIE_NAME);
        let mut settings = settings.session_engine(self.engine.name()).database_url(self.url());
        if self.engine == Engine::File {
            settings = settings.session_file_path(self.sessions());
        }
        if let Some(cache) = &self.cache {
            settings = settings.cache_url(&cache.url);
            settings = cache.redis_backend().into_iter().fold(settings, Settings::redis_backend);
        }
        settings
    }

    /// As `DATABASE_URL` has it. Django wants one for every engine.
    pub(crate) fn url(&self) -> String {
        self.database.as_ref().map_or_else(|| format!("sqlite:///{}", self.sqlite().display()), |on| on.url.clone())
    }

    pub(crate) fn sqlite(&self) -> std::path::PathBuf {
        self.folder.path().join("shared.sqlite3")
    }

    pub(crate) fn sessions(&self) -> std::path::PathBuf {
        self.folder.path().join("sessions")
    }

    /// Runs Django's `manage.py`, which must succeed, and answers what it printed.
    pub(crate) fn manage(&self, arguments: &[&str]) -> String {
        let variables = self.variables(&[]);
        self.django.manage(self.folder.path(), &pairs(&variables), arguments).expect("Django is there")
    }

    /// What Django finds under session keys, empty where there is no session; and in all the sessions that are in a table
    /// or in files.
    pub(crate) fn show(&self, keys: &[String]) -> [Vec<Value>; 2] {
        let under = |keys: &[String]| {
            let keys = serde_json::to_string(keys).expect("JSON");
            format!("[dict(Store(key).items()) for key in {keys}]")
        };
        let all = match self.engine.name() {
            EngineName::File => {
                let files = std::fs::read_dir(self.sessions()).expect("a folder").flatten();
                let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
                under(&names.filter_map(|name| Some(name.strip_prefix(COOKIE_NAME)?.to_owned())).collect::<Vec<_>>())
            }
            name if name.uses_database() => "[row.get_decoded() for row in Store().model.objects.all()]".to_owned(),
            _ => "[]".to_owned(),
        };
        let code = format!(
            "import json; from importlib import import_module; from django.conf import settings; \
             Store = import_module(settings.SESSION_ENGINE).SessionStore; print(json.dumps([{}, {all}]))",
            under(keys)
        );
        let told = self.manage(&["shell", "--command", &code]);
        // The shell may say before what it imports by itself.
        serde_json::from_str(told.trim().lines().next_back().unwrap_or_default()).expect(&told)
    }

    /// Makes the tables, where there are some.
    pub(crate) fn migrate(&self) {
        if self.engine.name().uses_database() {
            self.manage(&["migrate", "--verbosity", "0"]);
        }
        if self.engine == Engine::CacheTable {
            self.manage(&["createcachetable"]);
        }
    }

    /// Runs SQL on the database: a line for each row, fields as the database's own client separates them.
    pub(crate) fn sql(&self, sql: &str) -> String {
        match (self.engine, &self.database) {
            (Engine::MariaDb, Some(database)) => MariaDb::shared().expect("it runs").query(&database.name, sql),
            (_, Some(database)) => PostgreSql::shared().expect("it runs").psql(&database.name, sql),
            _ => rows(&rusqlite::Connection::open(self.sqlite()).expect("a database"), sql),
        }
    }

    /// How many sessions there are outside of caches, expired ones too.
    pub(crate) fn count(&self) -> usize {
        if self.engine == Engine::File {
            let files = std::fs::read_dir(self.sessions()).expect("a folder").flatten();
            return files.filter(|file| file.file_name().to_string_lossy().starts_with(COOKIE_NAME)).count();
        }
        self.sql("SELECT count(*) FROM django_session").parse().expect("a number")
    }
}

fn rows(connection: &rusqlite::Connection, sql: &str) -> String {
    let mut statement = connection.prepare(sql).expect("SQL");
    let columns = statement.column_count();
    let line = |row: &rusqlite::Row<'_>| {
        let fields = (0..columns).map(|column| {
            Ok(match row.get_ref(column)? {
                rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                other => format!("{other:?}"),
            })
        });
        fields.collect::<rusqlite::Result<Vec<_>>>().map(|fields| fields.join("|"))
    };
    let lines = statement.query_map([], line).expect("rows");
    lines.collect::<rusqlite::Result<Vec<_>>>().expect("rows").join("\n")
}

pub(crate) fn pairs(variables: &Variables) -> Vec<(&str, &str)> {
    variables.iter().map(|(name, value)| (*name, value.as_str())).collect()
}
