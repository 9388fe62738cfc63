//! Django's custom session models (B-94) in MariaDB: columns beside Django's own, filled by a hook.
#![cfg(feature = "mysql")]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/mysql.rs"]
mod mysql;

use cloakroom::storage::{Column, Expect, MysqlStorage, New, Storage, StorageError};
use cloakroom::{Engine, SessionData, SessionStore, Settings, Timestamp};
use mysql::{connect, options, pool, run, shared, storage};

/// As `migrate` makes the model of django-user-sessions 2.0.
const USER_SESSIONS: &str = "CREATE TABLE user_sessions_session (session_key varchar(40) NOT NULL PRIMARY KEY, \
    session_data longtext NOT NULL, expire_date datetime(6) NOT NULL, user_agent varchar(200) NULL, \
    last_activity datetime(6) NOT NULL, ip char(39) NULL, user_id integer NULL)";

/// As `migrate` makes the model of django-qsessions 2.1.
const QSESSIONS: &str = "CREATE TABLE qsessions_session (session_key varchar(40) NOT NULL PRIMARY KEY, \
    session_data longtext NOT NULL, expire_date datetime(6) NOT NULL, user_agent varchar(300) NULL, \
    created_at datetime(6) NULL, updated_at datetime(6) NOT NULL, ip char(39) NULL, user_id integer NULL)";

tokio::task_local! {
    /// What the application's own middleware knows of a request.
    static REQUEST: (&'static str, &'static str);
}

fn settings() -> Settings {
    Settings::new().secret_key("a secret")
}

fn columns(data: &SessionData, activity: &'static str) -> Vec<Column> {
    let user = data.get_json("_auth_user_id").and_then(|user| user.to::<String>().ok());
    let request = REQUEST.try_with(|request| *request).ok();
    vec![
        Column::new("user_id", user),
        Column::new(activity, Timestamp::UNIX_EPOCH),
        Column::new("user_agent", request.map(|(agent, _)| agent)),
        Column::new("ip", request.map(|(_, ip)| ip)),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_columns_of_custom_models_are_filled_at_every_write() {
    let Some(server) = shared().await else { return };
    for (ddl, table, activity) in
        [(USER_SESSIONS, "user_sessions_session", "last_activity"), (QSESSIONS, "qsessions_session", "updated_at")]
    {
        for pooled in [false, true] {
            let database = server.new_database();
            run(&mut connect(server, &database.name).await, ddl).await;
            let storage = if pooled {
                MysqlStorage::from_pool(pool(&database.url, 2, "SET sql_mode = ''")).table(table).open()
            } else {
                options(server.port(), &database.name).table(table).open()
            };
            // Without the columns that must not be NULL, nothing is written.
            let bare = SessionStore::db(storage.clone(), settings()).unwrap();
            assert!(bare.session(None).acreate().await.is_err());
            let engine = Engine::db(storage).with_columns(move |data| columns(data, activity));
            let store = SessionStore::new(engine, settings()).unwrap();
            let row = || {
                let sql = format!(
                    "SELECT CONCAT_WS('|', IFNULL(user_id, ''), IFNULL(user_agent, ''), IFNULL(ip, ''), \
                                   {activity}) FROM {table}"
                );
                server.query(&database.name, &sql)
            };
            let agent = "O'Brien\\'s \u{20ac} browser; --";
            let session = store.session(None).load().await.unwrap();
            session.set("name", "Ada").unwrap();
            REQUEST.scope((agent, "::1"), session.asave()).await.unwrap();
            assert_eq!(row(), format!("|{agent}|::1|1970-01-01 00:00:00.000000"));
            session.set("_auth_user_id", "42").unwrap();
            REQUEST.scope(("other", "192.0.2.1"), session.asave()).await.unwrap();
            assert_eq!(row(), "42|other|192.0.2.1|1970-01-01 00:00:00.000000");
            session.acycle_key().await.unwrap();
            assert_eq!(row(), "42|||1970-01-01 00:00:00.000000");
            let loaded = store.session(session.session_key().as_ref()).load().await.unwrap();
            assert_eq!(loaded.keys(), ["name", "_auth_user_id"]);
            // Nothing is cut short, and nothing of it is told.
            let long: &'static str = "x".repeat(301).leak();
            loaded.set("name", "Bob").unwrap();
            let error = REQUEST.scope((long, "::1"), loaded.asave()).await.unwrap_err();
            assert!(!format!("{error:?}").contains("xxx"), "{error:?}");
            loaded.asave().await.unwrap();
            loaded.aflush().await.unwrap();
            assert_eq!(row(), "");
        }
    }
}

#[tokio::test]
async fn columns_that_cannot_be_written_are_typed_errors() {
    let Some(server) = shared().await else { return };
    let (storage, name) = storage(server).await;
    let insert = async |column: Column| {
        storage.insert("name", New { data: b"data", expires: Timestamp::MAX, columns: &[column] }).await
    };
    for column in ["missing", "session_key", "Session_Data", "a`b", "", "a b", "?"] {
        let error = insert(Column::new(column, 1)).await.unwrap_err();
        assert!(matches!(error, StorageError::NotDone(_)), "{column}: {error:?}");
    }
    let sql = "ALTER TABLE django_session ADD flag bool, ADD number bigint UNIQUE";
    run(&mut connect(server, &name).await, sql).await;
    let _ = insert(Column::new("flag", true)).await.unwrap();
    let new = New { data: b"data", expires: Timestamp::MAX, columns: &[Column::new("number", -7)] };
    let _ = storage.replace("name", Expect::Present, new).await.unwrap();
    assert_eq!(server.query(&name, "SELECT flag, number FROM django_session"), "1\t-7");
    // A value that is taken is no key that is taken.
    assert!(matches!(storage.insert("other", new).await, Err(StorageError::NotDone(_))));
    assert!(storage.rename("name", "name2", Expect::Present, new).await.is_ok());
}
