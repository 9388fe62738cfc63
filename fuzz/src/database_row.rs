//! Rows of the tables of sessions and of the database cache, in SQLite, which holds values of any type in any column:
//! read or an error, and what was read is written and read as the same.

use cloakroom::Timestamp;
use cloakroom::storage::sqlite::SqliteOptions;
use cloakroom::storage::{
    DatabaseCacheStorage, DatabaseStorage, Expect, New, Replace, SqliteStorage, Storage, StorageError, Stored,
};
use rusqlite::Connection;
use rusqlite::types::Value;
use tempfile::TempDir;

use super::support::{block_on, key};

struct Tables {
    _folder: TempDir,
    connection: Connection,
    sessions: SqliteStorage,
    cache: DatabaseCacheStorage,
}

impl Tables {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("db.sqlite3");
        let sessions = SqliteOptions::new(&path).create(true).open().expect("a storage");
        let cache = DatabaseCacheStorage::new(&DatabaseStorage::Sqlite(sessions.clone()), "cache_table");
        block_on(async {
            sessions.migrate().await.expect("a table");
            cache.create_table().await.expect("a table");
            let new = New::of(b"a", Timestamp::MAX);
            let _ = sessions.insert(key().as_str(), new).await.expect("a session");
            let _ = cache.insert("name", new).await.expect("an entry");
        });
        let connection = Connection::open(&path).expect("a connection");
        connection.execute_batch("PRAGMA synchronous = OFF").expect("a setting");
        Self { _folder: folder, connection, sessions, cache }
    }
}

/// The first byte says of what types the values are, a first line is the moment, the rest is the data.
pub fn check(data: &[u8]) {
    let Some((&types, data)) = data.split_first() else { return };
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let moment = value(types & 3, &data[..end]);
    let value = value(types >> 2 & 3, data.get(end + 1..).unwrap_or_default());
    thread_local! {
        static TABLES: Tables = Tables::new();
    }
    TABLES.with(|tables| {
        // A column that is never NULL says so.
        let put = |sql: &str| tables.connection.execute(sql, (&value, &moment)).is_ok();
        if put("UPDATE django_session SET session_data = ?1, expire_date = ?2") {
            block_on(check_row(&tables.sessions, key().as_str()));
        }
        if put("UPDATE cache_table SET value = ?1, expires = ?2") {
            block_on(check_row(&tables.cache, "name"));
        }
    });
}

fn value(kind: u8, bytes: &[u8]) -> Value {
    match (kind, String::from_utf8(bytes.to_vec())) {
        (0 | 1, Ok(text)) => Value::Text(text),
        (2, _) => Value::Integer(bytes.first_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes))),
        (3, _) => Value::Real(bytes.first_chunk().map_or(f64::NAN, |bytes| f64::from_le_bytes(*bytes))),
        (_, _) => Value::Blob(bytes.to_vec()),
    }
}

async fn check_row(storage: &impl Storage, name: &str) {
    match storage.scan(None, 10).await {
        Ok(page) => assert!(page.entries.len() <= 1),
        Err(error) => assert!(matches!(error, StorageError::Unsupported(_)), "{error}"),
    }
    let Ok(Some(Stored { data, expires, version, .. })) = storage.read(name).await else { return };
    let new = New::of(&data, expires.unwrap_or(Timestamp::MAX));
    let replaced = storage.replace(name, Expect::Version(&version), new).await.expect("it is replaced");
    assert!(matches!(replaced, Replace::Replaced(_)), "{replaced:?}");
    let again = storage.read(name).await.expect("what is written is read").expect("it is there");
    assert_eq!(again.data, data);
}
