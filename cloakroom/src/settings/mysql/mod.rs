//! The MySQL or MariaDB database that the settings name.

mod option_file;
mod options;

use super::refusal::Refusal;
use super::{Database, DatabaseKind, Settings, SettingsError};
use crate::storage::mysql::MysqlOptions;
use options::Read;

/// Where servers put their socket; the client library knows the one of its own build.
const SOCKETS: [&str; 4] =
    ["/run/mysqld/mysqld.sock", "/var/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock"];

impl MysqlOptions {
    /// The database that a `mysql:` URL names, by django-environ's rules; its query holds `OPTIONS`.
    ///
    /// ```
    /// use cloakroom::storage::mysql::MysqlOptions;
    ///
    /// assert!(MysqlOptions::from_url("mysql://ada:secret@db.example/site?ssl_mode=VERIFY_IDENTITY").is_ok());
    /// let error = MysqlOptions::from_url("mysql://ada@db.example/site?auth_plugin=dialog").unwrap_err();
    /// assert_eq!(error.setting(), "DATABASE_URL: OPTIONS.auth_plugin");
    /// ```
    ///
    /// # Errors
    /// Another kind of URL, or an option that cannot be honoured and would change something.
    pub fn from_url(url: &str) -> Result<Self, SettingsError> {
        of_database(&Database::from_url(url)?, "DATABASE_URL", None)
    }

    /// The database that a member of Django's `DATABASES` names. `docs/engines.md` lists what becomes of each of its
    /// `OPTIONS`. A file that `read_default_file` names is read at once.
    ///
    /// ```
    /// use cloakroom::Database;
    /// use cloakroom::storage::mysql::MysqlOptions;
    ///
    /// let database = Database::from_url("mysql://ada@db.example/site?unix_socket=/run/db.sock")?;
    /// assert!(format!("{:?}", MysqlOptions::from_database(&database)?).contains("/run/db.sock"));
    /// # Ok::<(), cloakroom::SettingsError>(())
    /// ```
    ///
    /// # Errors
    /// Another kind of database, or an option that cannot be honoured and would change something.
    pub fn from_database(database: &Database) -> Result<Self, SettingsError> {
        of_database(database, "DATABASES", None)
    }

    /// The database and the table that the settings name, with moments written as `USE_TZ` and `TIME_ZONE` ask for. A
    /// schema is a database in MySQL: `SESSION_SCHEMA` takes the place of `NAME`.
    ///
    /// ```
    /// use cloakroom::Settings;
    /// use cloakroom::storage::mysql::MysqlOptions;
    ///
    /// let settings = Settings::new().database_url("mysql://ada@db.example/site").session_schema("shop");
    /// assert!(format!("{:?}", MysqlOptions::for_settings(&settings)?).contains("shop"));
    /// # Ok::<(), cloakroom::SettingsError>(())
    /// ```
    ///
    /// # Errors
    /// No `DATABASE_URL`, one that cannot be used, or a time zone that is not known.
    pub fn for_settings(settings: &Settings) -> Result<Self, SettingsError> {
        let source = settings.source(&format!("DATABASES.{}", settings.session_database_alias));
        let database = settings.session_database()?;
        let options = of_database(database, &settings.session_database_setting(), settings.schema())
            .map_err(|error| error.at_source(source))?;
        Ok(options.table(settings.table()).time_zone(settings.time_zone_in(database)?))
    }
}

fn of_database(database: &Database, setting: &str, schema: Option<&str>) -> Result<MysqlOptions, SettingsError> {
    let refuse = |name: &str, refusal: Refusal| {
        let setting = if name.is_empty() { setting.to_owned() } else { format!("{setting}: {name}") };
        SettingsError::new(setting, None, refusal.problem, refusal.remedy)
    };
    if database.kind() != DatabaseKind::MySql {
        let problem = format!("names a database of the kind {}", database.kind());
        return Err(refuse("", Refusal::new(problem, "use mysql://user:password@host:port/name")));
    }
    let mut read = Read::default();
    // Django's order: the option file is overruled by NAME and its like, and those by OPTIONS.
    if let Some(file) = database.option("read_default_file") {
        let group = database.option("read_default_group").map(ToString::to_string);
        let found = option_file::read(&file.to_string(), group.as_deref())
            .map_err(|refusal| refuse("OPTIONS.read_default_file", refusal))?;
        for (name, value) in found {
            read.of_file(&name, &value)
                .map_err(|refusal| refuse(&format!("OPTIONS.read_default_file, {name}"), refusal))?;
        }
    }
    for (name, value) in [
        ("NAME", database.name()),
        ("USER", database.user()),
        ("PASSWORD", database.password()),
        ("HOST", database.host()),
        ("PORT", database.port()),
    ] {
        if !value.is_empty() {
            read.member(name, value).map_err(|refusal| refuse(name, refusal))?;
        }
    }
    for (name, value) in database.options() {
        read.option(name, value).map_err(|refusal| refuse(&format!("OPTIONS.{name}"), refusal))?;
    }
    for (name, value) in database.settings() {
        read.setting(name, value).map_err(|refusal| refuse(name, refusal))?;
    }
    if let Some(schema) = schema {
        read.member("NAME", schema).map_err(|refusal| refuse("SESSION_SCHEMA", refusal))?;
    }
    read.finish(default_socket).map_err(|(name, refusal)| refuse(name, refusal))
}

/// The socket that the client library would use.
fn default_socket() -> Option<String> {
    let named = std::env::var("MYSQL_UNIX_PORT").ok();
    let known = SOCKETS.map(str::to_owned).into_iter().find(|path| std::path::Path::new(path).exists());
    named.or(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> String {
        format!("{:?}", MysqlOptions::from_url(url).unwrap_or_else(|error| panic!("{url}: {error}")))
    }

    fn refused(url: &str) -> String {
        MysqlOptions::from_url(url).err().unwrap_or_else(|| panic!("{url} is not refused")).to_string()
    }

    #[test]
    fn what_django_gives_the_driver_arrives() {
        let all = shown("mysql://ada:hunter2@db.example:3307/site?init_command=SET%20x%3D'hunter2'&sql_mode=ANSI");
        for part in ["\"db.example\"", "3307", "\"ada\"", "\"site\"", "init_command: true", "ANSI", "ReadCommitted"] {
            assert!(all.contains(part), "{part}: {all}");
        }
        assert!(!all.contains("hunter2"), "{all}");
        for (query, expected) in [
            ("unix_socket=/run/x.sock", "/run/x.sock"),
            ("ssl_mode=REQUIRED", "Some(Required)"),
            ("ssl_mode=verify_identity&ssl.ca=/ca.pem", "Some(VerifyIdentity)"),
            ("ssl.ca=/ca.pem", "Some(VerifyCa)"),
            ("ssl_ca=/ca.pem&ssl_verify_identity=True", "Some(VerifyIdentity)"),
            ("ssl_disabled=True", "Some(Disabled)"),
            ("ssl=True", "Some(Required)"),
            ("ssl.cert=/a.pem&ssl.key=/a.key", "Some(Required)"),
            ("isolation_level=repeatable%20read", "Some(RepeatableRead)"),
            ("isolation_level=None", "isolation: None"),
            ("connect_timeout=1", "connect: Some(1s)"),
            ("read_timeout=1", "timeout: 1s"),
            ("read_timeout=30", "timeout: 2.4s"),
            ("conn_max_age=60", "lifetime: Some(60s)"),
            ("conn_max_age=None", "lifetime: None"),
            ("conn_max_age=0", "lifetime: Some(1800s)"),
        ] {
            let all = shown(&format!("mysql://ada@h/d?{query}"));
            assert!(all.contains(expected), "{query}: {all}");
        }
    }

    #[test]
    fn what_would_change_something_is_refused_by_name() {
        for (query, name) in [
            ("ssl_mode=always", "OPTIONS.ssl_mode"),
            ("ssl.capath=/etc/ssl/certs", "OPTIONS.ssl.capath"),
            ("ssl.cipher=AES", "OPTIONS.ssl.cipher"),
            ("ssl.cert=/a.pem", "OPTIONS.ssl"),
            ("ssl_mode=DISABLED&ssl.ca=/ca.pem", "OPTIONS.ssl"),
            ("client_flag=2050", "OPTIONS.client_flag"),
            ("auth_plugin=mysql_clear_password", "OPTIONS.auth_plugin"),
            ("server_public_key_path=/x", "OPTIONS.server_public_key_path"),
            ("named_pipe=x", "OPTIONS.named_pipe"),
            ("isolation_level=snapshot", "OPTIONS.isolation_level"),
            ("connect_timeout=soon", "OPTIONS.connect_timeout"),
            ("sql_mode=x'y", "OPTIONS.sql_mode"),
            ("read_default_file=/nowhere/my.cnf", "OPTIONS.read_default_file"),
            ("timeout=5", "OPTIONS.timeout"),
            ("table=x", "OPTIONS.table"),
            ("max_connections=5", "OPTIONS.max_connections"),
            ("typo=1", "OPTIONS.typo"),
            ("conn_max_age=long", "CONN_MAX_AGE"),
        ] {
            let error = refused(&format!("mysql://u:hunter2@h/d?{query}"));
            assert!(error.contains(name) && !error.contains("hunter2"), "{query}: {error}");
        }
        assert!(refused("mysql://u@h/").contains("NAME"));
        assert!(refused("postgres://h/d").contains("postgresql"));
    }

    #[test]
    fn what_is_harmless_is_accepted() {
        let _ = shown(
            "mysql://u@h/d?charset=latin1&collation=utf8mb4_bin&autocommit=True&use_unicode=True&compress=True\
             &local_infile=0&write_timeout=3&client_flag=2&auth_plugin=mysql_native_password&atomic_requests=True",
        );
    }

    #[test]
    fn an_option_file_is_overruled_by_what_stands_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my.cnf");
        std::fs::write(
            &path,
            "# a comment\n[mysqld]\nport = 1\n[client]\nuser=ada\npassword = \"hun#ter2\"\nhost=db.example # there\n\
             database=site\nssl-ca=/ca.pem\ndefault-character-set = utf8mb4\n[shop]\nport=3310\n",
        )
        .unwrap();
        let url = format!("mysql://@/shop?read_default_file={}&read_default_group=shop", path.display());
        let all = shown(&url);
        for part in ["\"ada\"", "\"db.example\"", "3310", "\"shop\"", "VerifyCa"] {
            assert!(all.contains(part), "{part}: {all}");
        }
        assert!(!all.contains("hun#ter2"));
        for (text, name) in
            [("[client]\nplugin-dir=/x\n", "plugin-dir"), ("!include /x\n", "include"), ("x=1\n", "group")]
        {
            std::fs::write(&path, text).unwrap();
            let error = refused(&url);
            assert!(error.contains(name), "{text}: {error}");
        }
    }

    #[test]
    fn a_server_on_this_machine_is_found_as_the_client_library_finds_it() {
        let read = |host: &str, port: &str| {
            let mut read = Read::default();
            for (name, value) in [("NAME", "d"), ("USER", "u"), ("HOST", host), ("PORT", port)] {
                if !value.is_empty() {
                    read.member(name, value).map_err(|refusal| refusal.problem).unwrap();
                }
            }
            format!("{:?}", read.finish(|| Some("/default.sock".into())).map_err(|(name, _)| name).unwrap())
        };
        assert!(read("", "").contains("/default.sock"));
        assert!(read("localhost", "").contains("/default.sock"));
        for (host, port) in [("localhost", "3307"), ("127.0.0.1", ""), ("db.example", "")] {
            assert!(read(host, port).contains("socket: None"), "{host}:{port}");
        }
        assert!(read("/run/x.sock", "").contains("/run/x.sock"));
        assert!(read("[::1]", "").contains("\"::1\""));
    }
}
