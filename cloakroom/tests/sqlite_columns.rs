//! Columns beside Django's own (B-94) in SQLite, filled by a hook.
#![allow(missing_docs, clippy::unwrap_used)]

use cloakroom::storage::sqlite::SqliteOptions;
use cloakroom::storage::{Column, New, Storage, StorageError};
use cloakroom::{Engine, SessionStore, Settings, Timestamp};

#[tokio::test]
async fn the_columns_of_a_custom_model_are_filled_at_every_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.sqlite3");
    let connection = rusqlite::Connection::open(&path).unwrap();
    // A name that holds what the statements are told apart by.
    let table = "odd) VALUES ( WHERE session_key = ";
    let ddl = format!(
        "CREATE TABLE \"{table}\" (session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL, \
         expire_date datetime NOT NULL, user_agent varchar(200) NULL, last_activity datetime NOT NULL, \
         ip char(39) NULL, user_id integer NULL, flag bool)"
    );
    connection.execute_batch(&ddl).unwrap();
    let row = || {
        let sql = format!("SELECT concat_ws('|', user_id, user_agent, ip, last_activity, flag) FROM \"{table}\"");
        connection.query_row(&sql, [], |row| row.get::<_, String>(0)).unwrap()
    };
    let storage = SqliteOptions::new(&path).table(table).open().unwrap();
    let settings = Settings::new().secret_key("a secret");
    let engine = Engine::db(storage.clone()).with_columns(|data| {
        vec![
            Column::new("user_id", data.get_json("id").and_then(|id| id.to::<i64>().ok())),
            Column::new("user_agent", "O'Brien; --"),
            Column::new("ip", None::<String>),
            Column::new("last_activity", Timestamp::UNIX_EPOCH),
            Column::new("flag", true),
        ]
    });
    let store = SessionStore::new(engine, settings.clone()).unwrap();
    let session = store.session(None).load().await.unwrap();
    session.asave().await.unwrap();
    assert_eq!(row(), "O'Brien; --|1970-01-01 00:00:00|1");
    session.set("id", &7).unwrap();
    session.asave().await.unwrap();
    assert_eq!(row(), "7|O'Brien; --|1970-01-01 00:00:00|1");
    session.set("id", &8).unwrap();
    session.acycle_key().await.unwrap();
    assert_eq!(row(), "8|O'Brien; --|1970-01-01 00:00:00|1");

    for name in ["missing", "expire_date", "a\"b", ""] {
        let new = New { data: b"data", expires: Timestamp::MAX, columns: &[Column::new(name, 1)] };
        let refused = storage.insert("name", new).await;
        assert!(matches!(refused, Err(StorageError::NotDone(_))), "{name}");
    }
}
