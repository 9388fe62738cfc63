//! SQLite files as other programs make, hold, damage and remove them.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cloakroom::Timestamp;
use cloakroom::storage::sqlite::{SqliteOpenError, SqliteOptions};
use cloakroom::storage::{Expect, Insert, New, Remove, Rename, Replace, SqliteStorage, Storage, StorageError, Touch};
use rusqlite::Connection;
use tempfile::TempDir;

/// How long the storages wait that meet a lock which stays.
const SOON: Duration = Duration::from_millis(300);
/// What no operation takes that waits no longer than that, on a machine that has other things to do.
const NOT_SO_SOON: Duration = Duration::from_secs(3);

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.sqlite3");
    (folder, path)
}

fn options(path: &Path, wal: bool) -> SqliteOptions {
    SqliteOptions::new(path).create(true).wal(wal).busy_timeout(Duration::from_secs(30))
}

async fn storage(path: &Path, wal: bool) -> SqliteStorage {
    let storage = options(path, wal).open().unwrap();
    storage.migrate().await.unwrap();
    storage
}

async fn hasty_storage(path: &Path, wal: bool) -> SqliteStorage {
    storage(path, wal).await;
    options(path, wal).busy_timeout(SOON).open().unwrap()
}

fn new(data: &str) -> New<'_> {
    New::of(data.as_bytes(), Timestamp::from_seconds(4_102_444_800).unwrap())
}

fn is_not_done<T>(answer: &Result<T, StorageError>) -> bool {
    matches!(answer, Err(StorageError::NotDone(_)))
}

#[test]
fn a_path_that_cannot_work_is_refused_with_a_remedy() {
    let (folder, path) = folder();
    let message = |options: SqliteOptions| options.open().unwrap_err().to_string();
    assert!(message(SqliteOptions::new(":memory:")).contains("use the memory engine"));
    assert!(message(SqliteOptions::new("")).contains("use the memory engine"));
    let missing = message(SqliteOptions::new(&path));
    assert!(missing.contains("db.sqlite3") && missing.contains("create(true)"), "{missing}");
    assert!(!path.exists(), "nothing was made");
    let nowhere = options(&folder.path().join("nowhere/db.sqlite3"), false).open().unwrap_err();
    assert!(matches!(nowhere, SqliteOpenError::NoAccess { .. }), "{nowhere:?}");
    let directory = SqliteOptions::new(folder.path()).open().unwrap_err();
    assert!(matches!(directory, SqliteOpenError::NotAFile { .. }), "{directory:?}");
    std::fs::write(&path, "this is no database, but it is long enough to be looked at".repeat(20)).unwrap();
    let garbage = SqliteOptions::new(&path).open().unwrap_err();
    assert!(matches!(garbage, SqliteOpenError::NotADatabase { .. }), "{garbage:?}");
    for table in ["", "a\0b"] {
        let error = options(&path, false).table(table).open().unwrap_err();
        assert!(matches!(error, SqliteOpenError::TableName), "{error:?}");
    }
}

#[test]
fn a_utf_16_database_is_refused() {
    let (_folder, path) = folder();
    Connection::open(&path).unwrap().execute_batch("PRAGMA encoding = 'UTF-16'; CREATE TABLE t (x)").unwrap();
    let error = SqliteOptions::new(&path).open().unwrap_err();
    assert!(matches!(error, SqliteOpenError::Utf16 { .. }), "{error:?}");
}

#[tokio::test]
async fn a_path_that_looks_like_a_uri_is_a_path() {
    let (folder, _) = folder();
    let path = folder.path().join("file:memory?mode=memory");
    storage(&path, false).await;
    assert!(path.is_file());
}

#[tokio::test]
async fn the_journal_mode_is_switched_only_when_told() {
    let (_folder, path) = folder();
    assert_eq!(storage(&path, false).await.journal_mode(), "delete");
    assert_eq!(storage(&path, true).await.journal_mode(), "wal");
    let again = storage(&path, false).await;
    assert_eq!(again.journal_mode(), "wal", "it stays in the file");
    assert_eq!(again.path(), path);
}

#[tokio::test]
async fn a_missing_table_is_named_and_nothing_is_made() {
    for wal in [false, true] {
        let (_folder, path) = folder();
        let storage = options(&path, wal).open().unwrap();
        let now = Timestamp::now();
        let errors = [
            storage.read("name").await.map(drop).unwrap_err(),
            storage.insert("name", new("x")).await.map(drop).unwrap_err(),
            storage.replace("name", Expect::Present, new("x")).await.map(drop).unwrap_err(),
            storage.touch("name", Expect::Present, now).await.map(drop).unwrap_err(),
            storage.remove("name", Expect::Present).await.map(drop).unwrap_err(),
            storage.rename("name", "other", Expect::Present, new("x")).await.map(drop).unwrap_err(),
            storage.rename("name", "name", Expect::Present, new("x")).await.map(drop).unwrap_err(),
            storage.scan(None, 10).await.map(drop).unwrap_err(),
            storage.remove_expired(now, 10).await.map(drop).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(&error, StorageError::MissingTable { table } if table == "django_session"), "{error:?}");
            assert!(error.to_string().contains("cloakroom migrate"));
        }
        storage.migrate().await.unwrap();
        assert!(storage.read("name").await.unwrap().is_none(), "the same handle works once the table is there");
    }
}

#[tokio::test]
async fn a_table_of_another_name_is_used_as_it_is() {
    let (_folder, path) = folder();
    let name = "odd \"table\" 'name'";
    Connection::open(&path)
        .unwrap()
        .execute_batch(r#"CREATE TABLE "odd ""table"" 'name'" (session_key TEXT PRIMARY KEY, session_data TEXT, expire_date TEXT)"#)
        .unwrap();
    let storage = options(&path, true).table(name).open().unwrap();
    assert_eq!(storage.table(), name);
    assert!(matches!(storage.insert("name", new("data")).await.unwrap(), Insert::Inserted(_)));
    assert_eq!(storage.read("name").await.unwrap().unwrap().data, "data");
    assert!(matches!(storage.migrate().await, Err(StorageError::Unsupported(_))));
}

#[tokio::test]
async fn a_locked_file_is_not_done_in_time_and_works_afterwards() {
    for wal in [false, true] {
        let (_folder, path) = folder();
        let storage = hasty_storage(&path, wal).await;
        let _ = storage.insert("name", new("data")).await.unwrap();
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();

        let start = Instant::now();
        let (one, two, three) = tokio::join!(
            storage.replace("name", Expect::Present, new("other")),
            storage.insert("new", new("data")),
            storage.read("name"),
        );
        assert!(is_not_done(&one) && is_not_done(&two));
        // In WAL mode a reader does not mind.
        assert_eq!(three.is_ok(), wal);
        assert!(start.elapsed() >= SOON && start.elapsed() < NOT_SO_SOON, "{:?}", start.elapsed());

        other.execute_batch("COMMIT").unwrap();
        assert_eq!(storage.read("name").await.unwrap().unwrap().data, "data");
        assert!(storage.read("new").await.unwrap().is_none(), "not done is not done");
        assert!(matches!(storage.replace("name", Expect::Present, new("other")).await.unwrap(), Replace::Replaced(_)));
    }
}

#[tokio::test]
async fn writes_that_queue_behind_a_lock_each_wait_no_longer_than_the_time_out() {
    let (_folder, path) = folder();
    let storage = hasty_storage(&path, true).await;
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let start = Instant::now();
    let writes: Vec<_> = (0..300)
        .map(|n| {
            let storage = storage.clone();
            tokio::spawn(async move { storage.insert(&format!("name{n}"), new("data")).await.map(drop) })
        })
        .collect();
    for write in writes {
        assert!(is_not_done(&write.await.unwrap()));
    }
    assert!(start.elapsed() < NOT_SO_SOON, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_commit_that_meets_a_reader_is_undone_in_time() {
    let (_folder, path) = folder();
    let storage = hasty_storage(&path, false).await;
    let _ = storage.insert("name", new("data")).await.unwrap();
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let _: i64 = reader.query_row("SELECT count(*) FROM django_session", [], |row| row.get(0)).unwrap();
    let start = Instant::now();
    let answer = storage.replace("name", Expect::Present, new("other")).await;
    assert!(is_not_done(&answer) && start.elapsed() < NOT_SO_SOON);
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(storage.read("name").await.unwrap().unwrap().data, "data");
    assert_eq!(storage.remove("name", Expect::Present).await.unwrap(), Remove::Removed);
}

#[tokio::test]
async fn in_wal_mode_a_read_does_not_wait_for_a_writer() {
    let (_folder, path) = folder();
    let storage = storage(&path, true).await;
    let _ = storage.insert("name", new("before")).await.unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE; UPDATE django_session SET session_data = 'after'").unwrap();
    let start = Instant::now();
    assert_eq!(storage.read("name").await.unwrap().unwrap().data, "before");
    assert!(start.elapsed() < NOT_SO_SOON, "{:?}", start.elapsed());
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(storage.read("name").await.unwrap().unwrap().data, "after");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_of_many_concurrent_writes_land() {
    for wal in [false, true] {
        let (_folder, path) = folder();
        let storage = storage(&path, wal).await;
        let writes: Vec<_> = (0..2_000)
            .map(|n| {
                let storage = storage.clone();
                tokio::spawn(async move { storage.insert(&format!("name{n}"), new(&format!("data{n}"))).await })
            })
            .collect();
        for write in writes {
            assert!(matches!(write.await.unwrap().unwrap(), Insert::Inserted(_)));
        }
        let count: i64 = Connection::open(&path)
            .unwrap()
            .query_row("SELECT count(*) FROM django_session", [], |row| row.get(0))
            .unwrap();
        assert_eq!(count, 2_000);
        assert_eq!(storage.read("name1234").await.unwrap().unwrap().data, "data1234");
    }
}

/// Queues one insert for each name while the file is locked, so that they share a commit.
async fn insert_together(
    storage: &SqliteStorage,
    path: &Path,
    names: &[&'static str],
) -> Vec<Result<Insert, StorageError>> {
    let other = Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut writes = Vec::new();
    for name in names {
        let (storage, name) = (storage.clone(), *name);
        writes.push(tokio::spawn(async move { storage.insert(name, new(name)).await }));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    other.execute_batch("COMMIT").unwrap();
    let mut answers = Vec::new();
    for write in writes {
        answers.push(write.await.unwrap());
    }
    answers
}

#[tokio::test]
async fn a_write_that_fails_does_not_spoil_those_that_share_its_commit() {
    let triggers = [
        // The statement fails alone; the whole transaction is rolled back; the commit itself fails.
        "CREATE TRIGGER t BEFORE INSERT ON django_session WHEN NEW.session_key = 'bad'
         BEGIN SELECT raise(ABORT, 'no'); END",
        "CREATE TRIGGER t BEFORE INSERT ON django_session WHEN NEW.session_key = 'bad'
         BEGIN SELECT raise(ROLLBACK, 'no'); END",
        "CREATE TABLE child (x REFERENCES django_session (session_key) DEFERRABLE INITIALLY DEFERRED);
         CREATE TRIGGER t AFTER INSERT ON django_session WHEN NEW.session_key = 'bad'
         BEGIN INSERT INTO child VALUES ('nobody'); END",
    ];
    for trigger in triggers {
        let (_folder, path) = folder();
        let storage = storage(&path, true).await;
        Connection::open(&path).unwrap().execute_batch(trigger).unwrap();
        let _ = storage.insert("taken", new("x")).await.unwrap();
        let answers = insert_together(&storage, &path, &["one", "taken", "bad", "two"]).await;
        assert!(matches!(answers[0], Ok(Insert::Inserted(_))), "{trigger}: {:?}", answers[0]);
        assert!(matches!(answers[1], Ok(Insert::Exists)), "{trigger}: {:?}", answers[1]);
        assert!(matches!(answers[2], Err(StorageError::NotDone(_))), "{trigger}: {:?}", answers[2]);
        assert!(matches!(answers[3], Ok(Insert::Inserted(_))), "{trigger}: {:?}", answers[3]);
        for (name, there) in [("one", true), ("two", true), ("bad", false)] {
            assert_eq!(storage.read(name).await.unwrap().is_some(), there, "{name}");
        }
        assert_eq!(storage.read("taken").await.unwrap().unwrap().data, "x");
    }
}

#[tokio::test]
async fn two_storages_on_one_file_compare_and_swap() {
    for wal in [false, true] {
        let (_folder, path) = folder();
        let (here, there) = (storage(&path, wal).await, storage(&path, wal).await);
        let Insert::Inserted(version) = here.insert("name", new("first")).await.unwrap() else { panic!() };
        assert_eq!(there.read("name").await.unwrap().unwrap().version, version);
        let answer = there.replace("name", Expect::Version(&version), new("second")).await.unwrap();
        assert!(matches!(answer, Replace::Replaced(_)));
        let expect = Expect::Version(&version);
        assert_eq!(here.replace("name", expect, new("third")).await.unwrap(), Replace::Changed);
        assert_eq!(here.touch("name", expect, Timestamp::now()).await.unwrap(), Touch::Changed);
        assert_eq!(here.remove("name", expect).await.unwrap(), Remove::Changed);
        assert_eq!(here.rename("name", "other", expect, new("third")).await.unwrap(), Rename::Changed);
        assert_eq!(here.read("name").await.unwrap().unwrap().data, "second");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_removed_or_replaced_file_takes_no_more_writes() {
    for wal in [false, true] {
        let (_folder, path) = folder();
        let storage = storage(&path, wal).await;
        let _ = storage.insert("name", new("data")).await.unwrap();
        std::fs::rename(&path, path.with_extension("moved")).unwrap();
        let error = storage.insert("other", new("data")).await.unwrap_err();
        let StorageError::NotDone(source) = error else { panic!("{error:?}") };
        assert!(source.to_string().contains("removed or replaced"), "{source}");
        std::fs::write(&path, "").unwrap();
        assert!(is_not_done(&storage.replace("name", Expect::Present, new("x")).await));
    }
}

#[tokio::test]
async fn what_was_queued_is_written_when_the_last_handle_is_dropped() {
    for wal in [false, true] {
        let (_folder, path) = folder();
        let storage = storage(&path, wal).await;
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let waiting = {
            let storage = storage.clone();
            tokio::spawn(async move { storage.insert("name", new("data")).await })
        };
        tokio::time::sleep(Duration::from_millis(50)).await;
        // The request goes away, and so does the storage.
        waiting.abort();
        drop(storage);
        other.execute_batch("COMMIT").unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        let count = || other.query_row("SELECT count(*) FROM django_session", [], |row| row.get::<_, i64>(0));
        while count().unwrap_or(0) == 0 {
            assert!(Instant::now() < deadline, "the write was lost");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn an_error_holds_neither_the_key_nor_the_data() {
    let (_folder, path) = folder();
    let storage = storage(&path, true).await;
    let trigger = "CREATE TRIGGER t BEFORE INSERT ON django_session BEGIN SELECT raise(ABORT, 'no'); END";
    Connection::open(&path).unwrap().execute_batch(trigger).unwrap();
    let error = storage.insert("0123456789secretkey", new("secret data")).await.unwrap_err();
    let StorageError::NotDone(source) = &error else { panic!("{error:?}") };
    for text in [format!("{error}"), format!("{error:?}"), format!("{source}"), format!("{source:?}")] {
        assert!(!text.contains("secret"), "{text}");
    }
    assert_eq!(format!("{storage:?}").matches("django_session").count(), 1);
}
