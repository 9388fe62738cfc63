//! A database by its URL, as django-environ reads it.

use super::Database;
use crate::settings::SettingsError;
use crate::settings::environ::{OptionValue, Url, digits, literal, parse_query, put, unquote, unquote_plus};

const POSTGRES: &str = "django.db.backends.postgresql";
const MYSQL: &str = "django.db.backends.mysql";
const SQLITE: &str = "django.db.backends.sqlite3";

/// What the query says about Django's side of the connection, and not to the driver.
const SETTINGS: [&str; 5] =
    ["CONN_MAX_AGE", "ATOMIC_REQUESTS", "AUTOCOMMIT", "DISABLE_SERVER_SIDE_CURSORS", "CONN_HEALTH_CHECKS"];

fn backend(scheme: &str) -> Option<&'static str> {
    Some(match scheme {
        "postgres" | "postgresql" | "psql" | "pgsql" => POSTGRES,
        "postgis" => "django.contrib.gis.db.backends.postgis",
        "mysql" | "mysql2" => MYSQL,
        "mysqlgis" => "django.contrib.gis.db.backends.mysql",
        "mysql-connector" => "mysql.connector.django",
        "sqlite" => SQLITE,
        "spatialite" => "django.contrib.gis.db.backends.spatialite",
        _ => return None,
    })
}

/// The value is never shown: it may hold a password.
fn refuse(problem: &str) -> SettingsError {
    SettingsError::new(
        "DATABASE_URL",
        None,
        problem,
        "use sqlite:///relative/path, sqlite:////absolute/path, postgres://user:password@host:port/name or \
         mysql://user:password@host:port/name",
    )
}

impl Database {
    /// A database by its URL, by the rules of django-environ's `db_url`: the schemes `sqlite`, `postgres`,
    /// `postgresql`, `psql`, `pgsql`, `mysql`, `mysql2` and their geographic relatives; `%` escapes in user,
    /// password and name; several hosts for PostgreSQL; a Unix socket's folder before the name; options in
    /// the query.
    ///
    /// ```
    /// use cloakroom::Database;
    ///
    /// assert_eq!(Database::from_url("sqlite:///db.sqlite3")?.name(), "db.sqlite3");
    /// assert_eq!(Database::from_url("sqlite:////srv/db.sqlite3")?.name(), "/srv/db.sqlite3");
    /// let socket = Database::from_url("postgres:////run/postgresql/site")?;
    /// assert_eq!((socket.host(), socket.name()), ("/run/postgresql", "site"));
    /// # Ok::<(), cloakroom::SettingsError>(())
    /// ```
    ///
    /// # Errors
    /// A scheme that is not known, a port or address that is none, escapes that are not UTF-8, and two typing
    /// errors that django-environ lets through: a host in an SQLite URL, and no `//`.
    pub fn from_url(text: &str) -> Result<Self, SettingsError> {
        if text.trim().is_empty() {
            return Err(refuse("is empty"));
        }
        // Not a URL: Python would look for a port in it.
        if text == "sqlite://:memory:" {
            return Ok(Self { backend: SQLITE.into(), name: ":memory:".into(), ..Self::default() });
        }
        let bad = |_| refuse("has a port or an address that is none");
        let mut url = Url::parse(text).or_else(|_| Url::parse_escaped(text)).map_err(bad)?;
        if url.path.is_empty() {
            // A `#` or `?` in the password may have hidden the path.
            url = Url::parse_escaped(&url.to_text()).map_err(bad)?;
        }
        let Some(backend) = backend(&url.scheme) else {
            return Err(refuse("names a database that cloakroom does not know"));
        };
        if !url.path.is_empty() && !url.path.starts_with('/') {
            return Err(refuse("has no // after the colon"));
        }
        let is_sqlite = backend.ends_with("sqlite3") || backend.ends_with("spatialite");
        if is_sqlite && !url.netloc.is_empty() {
            return Err(refuse("has a host where a third slash belongs"));
        }
        let mut database = Self { backend: backend.into(), ..Self::default() };
        database.read(&url, backend)?;
        if url.scheme == "sqlite" && database.name.is_empty() {
            database.name = ":memory:".into();
        }
        Ok(database)
    }

    fn read(&mut self, url: &Url, backend: &str) -> Result<(), SettingsError> {
        let not_utf8 = || refuse("has escapes that are not UTF-8");
        self.name = unquote_plus(url.path.get(1..).unwrap_or_default()).ok_or_else(not_utf8)?;
        self.user = unquote(url.username()).ok_or_else(not_utf8)?;
        self.password = unquote(url.password()).ok_or_else(not_utf8)?;
        let hosts = unquote(url.host_and_port()).ok_or_else(not_utf8)?;
        let postgres = backend == POSTGRES || backend.ends_with("postgis");
        if postgres && hosts.contains(',') {
            (self.host, self.port) = several(&hosts);
        } else {
            self.host = url.hostname();
            let port = url.port().map_err(|_| refuse("has a port that is none"))?;
            self.port = port.filter(|port| *port > 0).map(|port| port.to_string()).unwrap_or_default();
        }
        // The folder of a socket stands before the name.
        if self.name.starts_with('/')
            && (postgres || self.name.contains("cloudsql"))
            && let Some((folder, name)) = self.name.clone().rsplit_once('/')
        {
            (self.host, self.name) = (folder.to_owned(), name.to_owned());
        }
        for (name, value) in parse_query(&url.query).ok_or_else(not_utf8)? {
            let upper = name.to_uppercase();
            if SETTINGS.contains(&upper.as_str()) {
                put(&mut self.settings, upper, literal(&value));
            } else {
                put(&mut self.options, name, digits(&value));
            }
        }
        Ok(())
    }
}

/// The hosts and the ports of a cluster; hosts without a port leave none behind.
fn several(hosts: &str) -> (String, String) {
    let parts: Vec<(&str, &str)> = hosts
        .split(',')
        .map(|host| match host.strip_prefix('[').and_then(|rest| rest.find(']')) {
            Some(end) => {
                let (host, rest) = host.split_at(end + 2);
                (host, rest.strip_prefix(':').unwrap_or_default())
            }
            None => match host.rsplit_once(':') {
                Some((name, port)) if matches!(digits(port), OptionValue::Int(_)) => (name, port),
                _ => (host, ""),
            },
        })
        .collect();
    let names: Vec<_> = parts.iter().map(|(name, _)| *name).collect();
    let ports: Vec<_> = parts.iter().map(|(_, port)| *port).filter(|port| !port.is_empty()).collect();
    (names.join(","), ports.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::DatabaseKind;

    #[test]
    fn what_cannot_be_read_is_refused_without_showing_it() {
        for url in [
            "",
            "db.sqlite3",
            "sqlite:db",
            "sqlite://host/db",
            "sqlite://db.sqlite3",
            "oracle://u:hunter2@h/d",
            "postgres://u:hunter2@h:port/d",
            "mysql://u:hunter2%ff@h/d",
        ] {
            let error = Database::from_url(url).unwrap_err().to_string();
            assert!(error.contains("DATABASE_URL") && !error.contains("hunter2"), "{url}: {error}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let database = Database::from_url("mysql://u:hunter2@h/d?ssl_password=hunter2&charset=utf8mb4").unwrap();
        assert_eq!((database.kind(), database.password()), (DatabaseKind::MySql, "hunter2"));
        let shown = format!("{database} {database:?}");
        assert!(!shown.contains("hunter2") && shown.contains("charset=utf8mb4"), "{shown}");
    }
}
