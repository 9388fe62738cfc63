//! The PostgreSQL database that the settings name.

use std::time::Duration;

use super::environ::OptionValue;
use super::{Database, DatabaseKind, Settings, SettingsError};
use crate::storage::postgres::{PostgresOptions, PostgresTls};

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
    let mut read = Read { options, tls: None, root: None, certificate: None, key: None, pgbouncer: None };
    for (name, value) in database.options() {
        read.option(name, value)
            .map_err(|refusal| refuse(&format!("OPTIONS.{name}"), &refusal.problem, &refusal.remedy))?;
    }
    for (name, value) in database.settings() {
        read.setting(name, value).map_err(|refusal| refuse(name, &refusal.problem, &refusal.remedy))?;
    }
    read.finish().map_err(|refusal| refuse("OPTIONS.sslmode", &refusal.problem, &refusal.remedy))
}

/// Why an option is refused. Values are not shown: some are secrets.
struct Refusal {
    problem: String,
    remedy: String,
}

fn refusal(problem: impl Into<String>, remedy: impl Into<String>) -> Refusal {
    Refusal { problem: problem.into(), remedy: remedy.into() }
}

struct Read {
    options: PostgresOptions,
    tls: Option<PostgresTls>,
    root: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
    pgbouncer: Option<bool>,
}

impl Read {
    fn change(&mut self, change: impl FnOnce(PostgresOptions) -> PostgresOptions) {
        self.options = change(self.options.clone());
    }

    /// One of `OPTIONS`, under libpq's, psycopg's or Django's name.
    fn option(&mut self, name: &str, value: &OptionValue) -> Result<(), Refusal> {
        let text = value.to_string();
        let only = |harmless: &[&str]| {
            if harmless.contains(&&*text) {
                return Ok(());
            }
            let remedy = format!("leave it out, or use {}", harmless.join(" or "));
            Err(refusal("has a value that cloakroom cannot honour", remedy))
        };
        match name {
            "sslmode" => {
                let modes = "use disable, allow, prefer, require, verify-ca or verify-full";
                let mode = PostgresTls::from_sslmode(&text).ok_or_else(|| refusal("is no sslmode", modes))?;
                self.tls = Some(mode);
            }
            "sslrootcert" => self.root = Some(text),
            "sslcert" => self.certificate = Some(text),
            "sslkey" => self.key = Some(text),
            "application_name" => self.change(|options| options.application_name(&text)),
            "fallback_application_name" => self.change(|options| options.fallback_application_name(&text)),
            "connect_timeout" => {
                // libpq: 0 and less mean no limit. The storage's own time-out holds in any case.
                let seconds = number(value)?;
                if seconds > 0.0 {
                    let timeout = duration(seconds)?;
                    self.change(|options| options.connect_timeout(timeout));
                }
            }
            "options" => self.startup_options(&text)?,
            "assume_role" => self.change(|options| options.startup_option("role", text)),
            "isolation_level" => {
                let level = match text.to_ascii_lowercase().replace(['_', '-'], " ").as_str() {
                    "1" | "read uncommitted" => "read uncommitted",
                    "2" | "read committed" => "read committed",
                    "3" | "repeatable read" => "repeatable read",
                    "4" | "serializable" => "serializable",
                    "none" => return Ok(()),
                    _ => return Err(refusal("is no isolation level", "use a number from 1 to 4, as psycopg counts")),
                };
                self.change(|options| options.startup_option("default_transaction_isolation", level));
            }
            "prepare_threshold" => self.pgbouncer = Some(text == "None"),
            "pool" => only(&["True", "true", "False", "false", "1", "0"])?,
            "pool.max_size" => {
                let connections = number(value)?;
                if !(1.0..=10_000.0).contains(&connections) {
                    return Err(refusal("is no number of connections", "use a number from 1 to 10000"));
                }
                self.change(|options| options.max_connections(connections as usize));
            }
            "pool.max_lifetime" => {
                let lifetime = duration(number(value)?)?;
                self.change(|options| options.connection_lifetime(Some(lifetime)));
            }
            "pool.max_idle" => {
                let idle = duration(number(value)?)?;
                self.change(|options| options.connection_idle(Some(idle)));
            }
            // How psycopg keeps its own pool; the time-out of an operation holds for the wait as well.
            "pool.min_size"
            | "pool.timeout"
            | "pool.max_waiting"
            | "pool.reconnect_timeout"
            | "pool.num_workers"
            | "pool.name"
            | "pool.open" => {}
            // How Django's side sends and reads; sessions are ASCII.
            "server_side_binding" | "client_encoding" | "prepared_max" => {}
            // A connection that died is found out by the time-out of an operation.
            "keepalives" | "keepalives_idle" | "keepalives_interval" | "keepalives_count" | "tcp_user_timeout" => {}
            "gssencmode" | "channel_binding" => only(&["disable", "prefer"])?,
            "sslcompression" => only(&["0"])?,
            "sslsni" => only(&["1"])?,
            "sslnegotiation" => only(&["postgres"])?,
            "sslcertmode" => only(&["allow"])?,
            "ssl_min_protocol_version" => only(&["TLSv1", "TLSv1.1", "TLSv1.2"])?,
            "ssl_max_protocol_version" => only(&["TLSv1.3"])?,
            "target_session_attrs" => only(&["any"])?,
            "load_balance_hosts" => only(&["disable"])?,
            "service" | "servicefile" => {
                return Err(refusal("names a service file, which is not read", "give HOST, NAME, USER and PASSWORD"));
            }
            "passfile" => {
                return Err(refusal("names a password file, which is not read", "give PASSWORD"));
            }
            "host" | "hostaddr" | "port" | "user" | "password" | "dbname" | "database" => {
                let remedy = "give it as HOST, PORT, USER, PASSWORD or NAME";
                return Err(refusal("belongs beside OPTIONS, not in it", remedy));
            }
            _ => {
                return Err(refusal(
                    "is not known to cloakroom",
                    "leave it out, or open the database with a pool of your own",
                ));
            }
        }
        Ok(())
    }

    /// libpq's `options`: what would stand on the server's command line.
    fn startup_options(&mut self, text: &str) -> Result<(), Refusal> {
        let bad =
            || refusal("holds something other than -c name=value", "use -c name=value, several with blanks between");
        let mut words = words(text).into_iter();
        while let Some(word) = words.next() {
            let pair = if word == "-c" {
                words.next().ok_or_else(bad)?
            } else if let Some(pair) = word.strip_prefix("--").or_else(|| word.strip_prefix("-c")) {
                pair.to_owned()
            } else {
                return Err(bad());
            };
            let (name, value) = pair.split_once('=').ok_or_else(bad)?;
            // The server takes dashes for underscores.
            let (name, value) = (name.replace('-', "_"), value.to_owned());
            self.change(|options| options.startup_option(name, value));
        }
        Ok(())
    }

    /// One of Django's settings beside `OPTIONS`.
    fn setting(&mut self, name: &str, value: &OptionValue) -> Result<(), Refusal> {
        match (name, value) {
            // For ever; and 0, which closes after each request, would cost a connection an operation.
            ("CONN_MAX_AGE", OptionValue::None) => self.change(|options| options.connection_lifetime(None)),
            ("CONN_MAX_AGE", value) => {
                let seconds = number(value)?;
                if seconds > 0.0 {
                    let lifetime = duration(seconds)?;
                    self.change(|options| options.connection_lifetime(Some(lifetime)));
                }
            }
            // Django's own advice for PgBouncer in transaction mode.
            ("DISABLE_SERVER_SIDE_CURSORS", value) => {
                let yes = matches!(value, OptionValue::Bool(true) | OptionValue::Int(1));
                self.pgbouncer = self.pgbouncer.or(yes.then_some(true));
            }
            // The others say how Django's requests use a connection, or in which zone it shows moments.
            _ => {}
        }
        Ok(())
    }

    fn finish(mut self) -> Result<PostgresOptions, Refusal> {
        let mut tls = self.tls;
        if let Some(root) = self.root.take() {
            if root == "system" {
                // libpq: this alone means verify-full, and a weaker mode is an error.
                if !matches!(tls, None | Some(PostgresTls::VerifyFull)) {
                    return Err(refusal("is too weak for sslrootcert=system", "use verify-full"));
                }
                tls = Some(PostgresTls::VerifyFull);
            } else {
                // libpq: with a root certificate `require` looks at the server's.
                if tls == Some(PostgresTls::Require) {
                    tls = Some(PostgresTls::VerifyCa);
                }
                self.change(|options| options.root_certificate(root));
            }
        }
        if let Some(tls) = tls {
            self.change(|options| options.tls(tls));
        }
        match (self.certificate.take(), self.key.take()) {
            (Some(certificate), Some(key)) => self.change(|options| options.client_certificate(certificate, key)),
            (None, None) => {}
            _ => return Err(refusal("has only one of sslcert and sslkey beside it", "give both")),
        }
        let pgbouncer = self.pgbouncer.unwrap_or(false);
        Ok(self.options.pgbouncer(pgbouncer))
    }
}

/// Words between blanks; a backslash takes away the meaning of what follows it.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut inside) = (Vec::new(), String::new(), false);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character.is_ascii_whitespace() {
            if inside {
                words.push(std::mem::take(&mut word));
            }
            inside = false;
            continue;
        }
        inside = true;
        word.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
    }
    if inside {
        words.push(word);
    }
    words
}

fn number(value: &OptionValue) -> Result<f64, Refusal> {
    let number = value.as_number().or_else(|| value.as_text()?.trim().parse().ok());
    number.filter(|number| number.is_finite()).ok_or_else(|| refusal("is no number", "use a number"))
}

fn duration(seconds: f64) -> Result<Duration, Refusal> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| refusal("is no length of time in seconds", "use a number from 0 up"))
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

    #[test]
    fn startup_options_are_split_as_the_server_splits_them() {
        assert_eq!(words(r"-c search_path=a\ b,c  --geqo=off"), ["-c", "search_path=a b,c", "--geqo=off"]);
        assert_eq!(words(r"a\\b"), [r"a\b"]);
        assert!(words(" ").is_empty());
    }
}
