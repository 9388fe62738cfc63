//! The PostgreSQL database that the settings name.

mod options;

use super::{Database, DatabaseKind, Settings, SettingsError};
use crate::storage::postgres::PostgresOptions;
use options::Read;

impl PostgresOptions {
    /// The database that a `postgres:` URL names, by django-environ's rules; its query holds `OPTIONS`.
    ///
    /// ```
    /// use cloakroom::storage::postgres::PostgresOptions;
    ///
    /// assert!(PostgresOptions::from_url("postgres://ada:secret@db.example/site?sslmode=verify-full").is_ok());
    /// let error = PostgresOptions::from_url("postgres://db.example/site?service=site").unwrap_err();
    /// assert_eq!(error.setting(), "DATABASE_URL: OPTIONS.service");
    /// ```
    ///
    /// # Errors
    /// Another kind of URL, or an option that cannot be honoured and would change something.
    pub fn from_url(url: &str) -> Result<Self, SettingsError> {
        of_database(&Database::from_url(url)?, "DATABASE_URL")
    }

    /// The database that a member of Django's `DATABASES` names. `docs/engines.md` lists what becomes of each of
    /// its `OPTIONS`.
    ///
    /// ```
    /// use cloakroom::Database;
    /// use cloakroom::storage::postgres::PostgresOptions;
    ///
    /// let database = Database::from_url("postgres:////run/postgresql/site?application_name=shop")?;
    /// assert!(format!("{:?}", PostgresOptions::from_database(&database)?).contains("/run/postgresql"));
    /// # Ok::<(), cloakroom::SettingsError>(())
    /// ```
    ///
    /// # Errors
    /// Another kind of database, or an option that cannot be honoured and would change something.
    pub fn from_database(database: &Database) -> Result<Self, SettingsError> {
        of_database(database, "DATABASES")
    }

    /// The database, the schema and the table that the settings name.
    ///
    /// ```
    /// use cloakroom::Settings;
    /// use cloakroom::storage::postgres::PostgresOptions;
    ///
    /// let settings = Settings::new().database_url("postgres://db.example/site").session_schema("shop");
    /// assert!(PostgresOptions::for_settings(&settings).is_ok());
    /// ```
    ///
    /// # Errors
    /// No `DATABASE_URL`, or one that cannot be used.
    pub fn for_settings(settings: &Settings) -> Result<Self, SettingsError> {
        let source = settings.source(&format!("DATABASES.{}", settings.session_database_alias));
        let options = of_database(settings.session_database()?, &settings.session_database_setting())
            .map_err(|error| error.at_source(source))?
            .table(settings.table());
        Ok(match settings.schema() {
            Some(schema) => options.schema(schema),
            None => options,
        })
    }
}

fn of_database(database: &Database, setting: &str) -> Result<PostgresOptions, SettingsError> {
    let refuse = |name: &str, problem: &str, remedy: &str| {
        let setting = if name.is_empty() { setting.to_owned() } else { format!("{setting}: {name}") };
        SettingsError::new(setting, None, problem, remedy)
    };
    if database.kind() != DatabaseKind::PostgreSql {
        let problem = format!("names a database of the kind {}", database.kind());
        return Err(refuse("", &problem, "use postgres://user:password@host:port/name"));
    }
    if database.name().is_empty() {
        // Django asks for it too, unless a service names it.
        return Err(refuse("NAME", "is empty", "give the name of the database"));
    }
    if database.host().contains(',') || database.port().contains(',') {
        let remedy = "give the one that sessions are written to, or a proxy before them";
        return Err(refuse("HOST", "names several hosts, and only one can be used", remedy));
    }
    let mut options = PostgresOptions::new().database(database.name());
    if !database.host().is_empty() {
        // An IPv6 address in brackets, as a URL has it.
        let host = database.host();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        options = options.host(bare);
    }
    if !database.port().is_empty() {
        let port = database.port().parse().map_err(|_| refuse("PORT", "is no port", "use a number up to 65535"))?;
        options = options.port(port);
    }
    if !database.user().is_empty() {
        options = options.user(database.user());
    }
    if !database.password().is_empty() {
        options = options.password(database.password());
    }
    let mut read = Read::new(options);
    for (name, value) in database.options() {
        read.option(name, value)
            .map_err(|refusal| refuse(&format!("OPTIONS.{name}"), &refusal.problem, &refusal.remedy))?;
    }
    for (name, value) in database.settings() {
        read.setting(name, value).map_err(|refusal| refuse(name, &refusal.problem, &refusal.remedy))?;
    }
    read.finish().map_err(|refusal| refuse("OPTIONS.sslmode", &refusal.problem, &refusal.remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> String {
        format!("{:?}", PostgresOptions::from_url(url).unwrap_or_else(|error| panic!("{url}: {error}")))
    }

    fn refused(url: &str) -> String {
        PostgresOptions::from_url(url).err().unwrap_or_else(|| panic!("{url} is not refused")).to_string()
    }

    #[test]
    fn what_django_gives_libpq_arrives() {
        let all = shown("postgres://ada:hunter2@[::1]:5433/site?sslmode=verify-full&sslrootcert=/ca.pem");
        for part in ["host: \"::1\"", "port: 5433", "user: \"ada\"", "Some(\"site\")", "VerifyFull"] {
            assert!(all.contains(part), "{part}: {all}");
        }
        assert!(!all.contains("hunter2"));
        assert!(shown("postgres:////run/pg/site").contains("host: \"/run/pg\""));
        // With a root certificate libpq looks at the server's.
        assert!(shown("postgres://h/d?sslmode=require&sslrootcert=/ca.pem").contains("VerifyCa"));
        assert!(shown("postgres://h/d?sslrootcert=system").contains("VerifyFull"));
        assert!(shown("postgres://h/d?sslmode=allow").contains("Prefer"));
        assert!(shown("postgres://h/d?connect_timeout=1").contains("connect: Some(1s)"));
        assert!(shown("postgres://h/d?connect_timeout=0").contains("connect: None"));
        assert!(shown("postgres://h/d?conn_max_age=60").contains("lifetime: Some(60s)"));
        assert!(shown("postgres://h/d?conn_max_age=None").contains("lifetime: None"));
        assert!(shown("postgres://h/d?conn_max_age=0").contains("lifetime: Some(1800s)"));
        assert!(shown("postgres://h/d?pool.max_size=3&pool.max_idle=5").contains("connections: 3"));
    }

    #[test]
    fn hints_at_pgbouncer_are_taken() {
        for (query, expected) in [
            ("", false),
            ("?prepare_threshold=None", true),
            ("?prepare_threshold=5", false),
            ("?disable_server_side_cursors=True", true),
            ("?disable_server_side_cursors=False", false),
            ("?disable_server_side_cursors=True&prepare_threshold=5", false),
        ] {
            assert!(shown(&format!("postgres://h/d{query}")).contains(&format!("pgbouncer: {expected}")), "{query}");
        }
    }

    #[test]
    fn what_would_change_something_is_refused_by_name() {
        for (query, name) in [
            ("service=x", "OPTIONS.service"),
            ("passfile=/x", "OPTIONS.passfile"),
            ("sslmode=always", "OPTIONS.sslmode"),
            ("sslmode=require&sslrootcert=system", "OPTIONS.sslmode"),
            ("sslcert=/a.pem", "OPTIONS.sslmode"),
            ("sslcrl=/x", "OPTIONS.sslcrl"),
            ("channel_binding=require", "OPTIONS.channel_binding"),
            ("gssencmode=require", "OPTIONS.gssencmode"),
            ("ssl_min_protocol_version=TLSv1.3", "OPTIONS.ssl_min_protocol_version"),
            ("target_session_attrs=read-write", "OPTIONS.target_session_attrs"),
            ("isolation_level=9", "OPTIONS.isolation_level"),
            ("connect_timeout=soon", "OPTIONS.connect_timeout"),
            ("options=-W", "OPTIONS.options"),
            ("options=-c", "OPTIONS.options"),
            ("password=hunter2", "OPTIONS.password"),
            ("pool=4", "OPTIONS.pool"),
            ("pool.max_size=0", "OPTIONS.pool.max_size"),
            ("typo=1", "OPTIONS.typo"),
            ("conn_max_age=long", "CONN_MAX_AGE"),
        ] {
            let error = refused(&format!("postgres://u:hunter2@h/d?{query}"));
            assert!(error.contains(name) && !error.contains("hunter2"), "{query}: {error}");
        }
        assert!(refused("postgres://u:hunter2@a,b/d").contains("HOST"));
        assert!(refused("postgres://h:5432/").contains("NAME"));
        assert!(refused("mysql://h/d").contains("mysql"));
    }

    #[test]
    fn what_is_harmless_is_accepted() {
        for query in [
            "server_side_binding=True&client_encoding=LATIN1&keepalives_idle=30&gssencmode=disable&pool=True",
            "assume_role=writer&isolation_level=4&options=-c%20search_path%3Dshop%5C%2C%20x%20--geqo%3Doff",
            "sslsni=1&target_session_attrs=any&atomic_requests=True&conn_health_checks=True",
        ] {
            let _ = shown(&format!("postgres://h/d?{query}").replace("%20x", ""));
        }
    }
}
