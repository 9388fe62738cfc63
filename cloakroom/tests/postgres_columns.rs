//! Django's custom session models (B-94) in PostgreSQL: columns beside Django's own, filled by a hook.
#![cfg(feature = "postgres")]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/postgres.rs"]
mod postgres;

use cloakroom::storage::{Column, ColumnValue, MemoryStorage, New, PostgresStorage, Storage, StorageError};
use cloakroom::{Engine, SessionData, SessionStore, Settings, Timestamp};
use postgres::Server;

/// As `migrate` makes the model of django-user-sessions 2.0.
const USER_SESSIONS: &str = r#"CREATE TABLE "user_sessions_session" ("session_key" varchar(40) NOT NULL PRIMARY KEY,
    "session_data" text NOT NULL, "expire_date" timestamp with time zone NOT NULL, "user_agent" varchar(200) NULL,
    "last_activity" timestamp with time zone NOT NULL, "ip" inet NULL, "user_id" integer NULL)"#;

/// As `migrate` makes the model of django-qsessions 2.1.
const QSESSIONS: &str = r#"CREATE TABLE "qsessions_session" ("session_key" varchar(40) NOT NULL PRIMARY KEY,
    "session_data" text NOT NULL, "expire_date" timestamp with time zone NOT NULL, "user_agent" varchar(300) NULL,
    "created_at" timestamp with time zone NULL, "updated_at" timestamp with time zone NOT NULL, "ip" inet NULL,
    "user_id" integer NULL)"#;

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
        Column::new("user_agent", request.map(|(agent, _)| agent)),
        Column::new("ip", request.map(|(_, ip)| ip)),
        Column::new(activity, Timestamp::UNIX_EPOCH),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_columns_of_custom_models_are_filled_at_every_write() {
    let Some(server) = Server::shared().await else { return };
    for (ddl, table, activity) in
        [(USER_SESSIONS, "user_sessions_session", "last_activity"), (QSESSIONS, "qsessions_session", "updated_at")]
    {
        for simple in [false, true] {
            let name = server.database().await;
            server.0.psql(&name, ddl);
            let storage = server.options(&name).table(table).pgbouncer(simple).open();
            // Without the columns that must not be NULL, nothing is written.
            let bare = SessionStore::db(storage.clone(), settings()).unwrap();
            assert!(bare.session(None).acreate().await.is_err());
            let engine = Engine::db(storage).with_columns(move |data| columns(data, activity));
            let store = SessionStore::new(engine, settings()).unwrap();
            let row = || {
                let sql = format!("SELECT user_id, user_agent, host(ip), {activity} AT TIME ZONE 'UTC' FROM {table}");
                server.0.psql(&name, &sql)
            };
            let agent = "O'Brien\\'s \u{20ac} browser; --";
            let session = store.session(None).load().await.unwrap();
            session.set("name", "Ada").unwrap();
            REQUEST.scope((agent, "::1"), session.asave()).await.unwrap();
            assert_eq!(row(), format!("|{agent}|::1|1970-01-01 00:00:00"));
            session.set("_auth_user_id", "42").unwrap();
            REQUEST.scope(("other", "192.0.2.1"), session.asave()).await.unwrap();
            assert_eq!(row(), "42|other|192.0.2.1|1970-01-01 00:00:00");
            session.acycle_key().await.unwrap();
            assert_eq!(row(), "42|||1970-01-01 00:00:00");
            let loaded = store.session(session.session_key().as_ref()).load().await.unwrap();
            assert_eq!(loaded.keys(), ["name", "_auth_user_id"]);
            // Nothing is cut short, and nothing of it is told.
            let long: &'static str = "x".repeat(301).leak();
            loaded.set("name", "Bob").unwrap();
            let error = REQUEST.scope((long, "::1"), loaded.asave()).await.unwrap_err();
            assert!(!format!("{error:?}").contains("xxx"), "{error:?}");
            let error = REQUEST.scope(("a", "no address"), loaded.asave()).await.unwrap_err();
            assert!(!format!("{error:?}").contains("no address"), "{error:?}");
            loaded.asave().await.unwrap();
            loaded.aflush().await.unwrap();
            assert_eq!(row(), "");
        }
    }
}

#[tokio::test]
async fn columns_that_cannot_be_written_are_typed_errors() {
    let Some(server) = Server::shared().await else { return };
    let (storage, name) = server.storage().await;
    let insert = async |storage: &PostgresStorage, column: Column| {
        let new = New { data: b"data", expires: Timestamp::MAX, columns: &[column] };
        storage.insert("name", new).await
    };
    for column in ["missing", "session_key", "Session_Data", "a\"b", "", "a b", "$1"] {
        let error = insert(&storage, Column::new(column, 1)).await.unwrap_err();
        assert!(matches!(error, StorageError::NotDone(_)), "{column}: {error:?}");
    }
    // One that is added later is found.
    server.0.psql(&name, "ALTER TABLE django_session ADD flag boolean, ADD number bigint");
    let _ = insert(&storage, Column::new("flag", true)).await.unwrap();
    let new = New { data: b"data", expires: Timestamp::MAX, columns: &[Column::new("number", -7)] };
    let _ = storage.replace("name", cloakroom::storage::Expect::Present, new).await.unwrap();
    assert_eq!(server.0.psql(&name, "SELECT flag, number FROM django_session"), "t|-7");
    let nul = insert(&storage, Column::new("number", ColumnValue::Text("\0".into()))).await;
    assert!(matches!(nul, Err(StorageError::NotDone(_))));

    let engine = Engine::db(MemoryStorage::new()).with_columns(|_| Vec::new());
    let refused = SessionStore::new(engine, settings()).unwrap_err();
    assert!(refused.problem().contains("columns"));
}
