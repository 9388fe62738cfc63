//! Users in each kind of database, in Django's table and in others.

use cloakroom::auth::{DatabaseUsers, User, UserIdType, Users as _, UsersError};
use cloakroom::storage::DatabaseStorage;
use cloakroom::{Settings, Timestamp};

/// A database that holds nothing yet.
enum Kind {
    Sqlite(tempfile::TempDir),
    #[cfg(feature = "postgres")]
    PostgreSql(&'static test_servers::PostgreSql, test_servers::Database),
    #[cfg(feature = "mysql")]
    MariaDb(&'static test_servers::MariaDb, test_servers::Database),
}

impl Kind {
    async fn all() -> Vec<Self> {
        #[allow(unused_mut)]
        let mut kinds = vec![Self::Sqlite(tempfile::tempdir().unwrap())];
        #[cfg(feature = "postgres")]
        if let Some(server) = tokio::task::spawn_blocking(test_servers::PostgreSql::shared).await.unwrap() {
            kinds.push(Self::PostgreSql(server, server.new_database()));
        }
        #[cfg(feature = "mysql")]
        if let Some(server) = tokio::task::spawn_blocking(test_servers::MariaDb::shared).await.unwrap() {
            kinds.push(Self::MariaDb(server, server.new_database()));
        }
        kinds
    }

    fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite:///{}", folder.path().join("db.sqlite3").display()),
            #[cfg(feature = "postgres")]
            Self::PostgreSql(_, database) => database.url.clone(),
            #[cfg(feature = "mysql")]
            Self::MariaDb(_, database) => database.url.clone(),
        }
    }

    fn run(&self, sql: &str) -> String {
        match self {
            Self::Sqlite(folder) => {
                let file = rusqlite::Connection::open(folder.path().join("db.sqlite3")).unwrap();
                if sql.starts_with("SELECT") {
                    return file.query_row(sql, [], |row| row.get::<_, Option<String>>(0)).unwrap().unwrap_or_default();
                }
                file.execute_batch(sql).unwrap();
                String::new()
            }
            #[cfg(feature = "postgres")]
            Self::PostgreSql(server, database) => server.psql(&database.name, sql),
            #[cfg(feature = "mysql")]
            Self::MariaDb(server, database) => server.query(&database.name, sql),
        }
    }

    /// The types that Django gives columns of UUIDs, truth values and moments.
    fn types(&self) -> [&'static str; 3] {
        match self {
            Self::Sqlite(_) => ["char(32)", "bool", "datetime"],
            #[cfg(feature = "postgres")]
            Self::PostgreSql(..) => ["uuid", "boolean", "timestamp with time zone"],
            #[cfg(feature = "mysql")]
            Self::MariaDb(..) => ["uuid", "bool", "datetime(6)"],
        }
    }

    fn settings(&self) -> Settings {
        Settings::new().secret_key("a secret").database_url(self.url())
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            #[cfg(feature = "postgres")]
            Self::PostgreSql(..) => "PostgreSQL",
            #[cfg(feature = "mysql")]
            Self::MariaDb(..) => "MariaDB",
        }
    }
}

#[tokio::test]
async fn djangos_table_is_read_with_columns_of_ones_choice_and_last_login_written() {
    for kind in Kind::all().await {
        let [_, truth, moment] = kind.types();
        kind.run(&format!(
            "CREATE TABLE auth_user (id integer PRIMARY KEY, password varchar(128) NOT NULL, last_login {moment} NULL, \
             is_active {truth} NOT NULL, username varchar(150), visits integer); \
             INSERT INTO auth_user VALUES (1, 'pbkdf2$é''s', NULL, {truth_of_1}, 'ada', 7), (2, '!', NULL, {truth_of_0}, NULL, NULL)",
            truth_of_1 = if truth == "boolean" { "true" } else { "1" },
            truth_of_0 = if truth == "boolean" { "false" } else { "0" },
        ));
        let users = DatabaseUsers::open(&kind.settings()).unwrap().with_columns(["username", "visits"]);
        let ada = users.get("1").await.unwrap().unwrap();
        assert_eq!((ada.id(), ada.password(), ada.is_active()), ("1", "pbkdf2$é's", true), "{}", kind.name());
        assert_eq!(
            (ada.column("username"), ada.column("visits"), ada.column("password")),
            (Some("ada"), Some("7"), None)
        );
        let other = users.get("2").await.unwrap().unwrap();
        assert_eq!(
            (other.password(), other.is_active(), other.column("username")),
            ("!", false, None),
            "{}",
            kind.name()
        );
        for nobody in
            ["3", "-1", "", "nonsense", "1.0", "0x1", "99999999999999999999", "1; DROP TABLE auth_user", "1\0"]
        {
            assert_eq!(users.get(nobody).await.unwrap(), None, "{}: {nobody:?}", kind.name());
        }
        let at = Timestamp::from_micros(1_783_746_612_000_010).unwrap();
        assert!(users.update_last_login(&ada, at).await.unwrap());
        let shown = match kind.name() {
            "PostgreSQL" => "to_char(last_login AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
            _ => "CAST(last_login AS CHAR(26))",
        };
        let seen = kind.run(&format!("SELECT {shown} FROM auth_user WHERE id = 1"));
        assert_eq!(seen, "2026-07-11 05:10:12.000010", "{}", kind.name());
        assert_eq!(kind.run("SELECT CAST(count(last_login) AS CHAR(1)) FROM auth_user"), "1");
        assert!(!users.update_last_login(&User::new("99", ""), at).await.unwrap());
        assert!(!format!("{users:?} {ada:?}").contains("pbkdf2"));
    }
}

#[tokio::test]
async fn a_table_of_another_name_with_uuids_and_named_columns_is_read() {
    const ID: &str = "12345678-1234-5678-9abc-def012345678";
    for kind in Kind::all().await {
        let [uuid, ..] = kind.types();
        let table = if kind.name() == "MariaDB" { r#"`the "members"`"# } else { r#""the ""members""""# };
        let stored = if uuid == "uuid" { ID.to_owned() } else { ID.replace('-', "") };
        kind.run(&format!(
            "CREATE TABLE {table} (number {uuid} PRIMARY KEY, secret varchar(128), noise integer); \
             INSERT INTO {table} VALUES ('{stored}', NULL, 1)"
        ));
        let settings = kind
            .settings()
            .auth_user_table("the \"members\"")
            .auth_user_id_column("number")
            .auth_user_id_type(UserIdType::Uuid)
            .auth_user_password_column("secret")
            .auth_user_is_active_column(None)
            .auth_user_last_login_column(None);
        let database = DatabaseStorage::open(&settings).unwrap();
        let users = DatabaseUsers::in_database(&database, &settings).unwrap();
        for id in [ID, &ID.replace('-', ""), &ID.to_uppercase()] {
            let user = users.get(id).await.unwrap().unwrap();
            // What Python makes of NULL.
            assert_eq!((user.id(), user.password(), user.is_active()), (ID, "None", true), "{}", kind.name());
            assert!(users.update_last_login(&user, Timestamp::now()).await.unwrap(), "there is no such column");
        }
        assert_eq!(users.get("1").await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_primary_key_of_text_is_read() {
    for kind in Kind::all().await {
        kind.run(
            "CREATE TABLE people (id varchar(50) PRIMARY KEY, password varchar(128), is_active integer); \
             INSERT INTO people VALUES ('ada@x.example', 'a', 1)",
        );
        let settings = kind.settings().auth_user_table("people").auth_user_id_type(UserIdType::Text);
        let users = DatabaseUsers::open(&settings.auth_user_last_login_column(None)).unwrap();
        assert_eq!(users.get("ada@x.example").await.unwrap().unwrap().password(), "a", "{}", kind.name());
        assert_eq!(users.get("' OR 1=1 --").await.unwrap(), None);
        assert_eq!(users.get("a\0").await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_table_or_a_column_that_is_not_there_is_an_error_that_says_so() {
    for kind in Kind::all().await {
        // An SQLite file is there once something is in it.
        kind.run("CREATE TABLE other (id integer)");
        let users = DatabaseUsers::open(&kind.settings()).unwrap();
        match users.get("1").await {
            Err(UsersError::MissingTable { table }) => assert_eq!(table, "auth_user"),
            other => panic!("{}: {other:?}", kind.name()),
        }
        kind.run(
            "CREATE TABLE auth_user (id integer PRIMARY KEY, secret varchar(9), is_active integer); \
                  INSERT INTO auth_user VALUES (1, 'x', 1)",
        );
        let users = DatabaseUsers::open(&kind.settings()).unwrap();
        let error = users.get("1").await.unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("password"), "{}: {cause}", kind.name());
        assert!(users.update_last_login(&User::new("1", "x"), Timestamp::now()).await.is_err());
    }
}

#[tokio::test]
async fn a_setting_that_cannot_be_used_is_refused_by_name() {
    let kind = Kind::Sqlite(tempfile::tempdir().unwrap());
    kind.run("CREATE TABLE other (id integer)");
    let refused = |settings: Settings| DatabaseUsers::open(&settings).unwrap_err().to_string();
    assert!(refused(kind.settings().auth_user_schema("shop")).contains("AUTH_USER_SCHEMA"));
    assert!(refused(kind.settings().auth_user_database_alias("users")).contains("AUTH_USER_DATABASE_ALIAS"));
    // The schema and the table of the sessions are nothing to the users.
    let there = cloakroom::Database::from_url(&kind.url()).unwrap();
    let elsewhere = Settings::new().secret_key("a").database_url("postgres://db.example/x").session_schema("shop");
    let users = DatabaseUsers::open(&elsewhere.add_database("users", there).auth_user_database_alias("users"));
    assert!(matches!(users.unwrap().get("1").await, Err(UsersError::MissingTable { .. })));
}
