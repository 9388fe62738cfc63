//! Rows and tables in MariaDB against the golden vectors that a real Django 5.2 wrote, and rows that it would not write.
#![cfg(feature = "mysql")]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/mysql.rs"]
mod mysql;
mod support;

use cloakroom::storage::mysql::{migration_sql, sqlmigrate};
use cloakroom::storage::{
    Cursor, Expect, Insert, Migrated, MysqlStorage, New, Remove, Rename, Storage, StorageError, Touch,
};
use cloakroom::{Timestamp, storage::Replace};
use mysql::{connect, options, pool, run, shared, storage};
use serde_json::Value;
use support::{text, vectors};

fn sqlmigrate_vectors() -> Vec<Value> {
    let wanted =
        |vector: &Value| vector["op"] == "sqlmigrate" && matches!(text(&vector["vendor"]), "mysql" | "mariadb");
    vectors("db").into_iter().filter(wanted).collect()
}

#[tokio::test]
async fn the_tables_are_those_that_django_makes() {
    let found = sqlmigrate_vectors();
    assert_eq!(found.len(), 2);
    for vector in &found {
        let forwards: Vec<&str> = vector["forwards"].as_array().unwrap().iter().map(text).collect();
        assert_eq!(sqlmigrate().trim_end(), forwards.join("\n"));
        assert_eq!(format!("{};", migration_sql()[0]), text(&vector["django_migrations"][0]));
    }
    let Some(server) = shared().await else { return };
    // What `migrate` makes is what these statements make.
    let (_, migrated) = storage(server).await;
    let by_hand = server.new_database().name;
    let mut connection = connect(server, &by_hand).await;
    for sql in migration_sql() {
        run(&mut connection, sql).await;
    }
    let shown = |database: &str| {
        ["SHOW CREATE TABLE django_session", "SHOW CREATE TABLE django_migrations"]
            .map(|sql| server.query(database, sql).replace(" AUTO_INCREMENT=2", ""))
    };
    assert_eq!(shown(&migrated), shown(&by_hand));
    for database in [&migrated, &by_hand] {
        let sql = "SELECT id, app, name, ABS(TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(6), applied)) < 60 \
                   FROM django_migrations";
        assert_eq!(server.query(database, sql), "1\tsessions\t0001_initial\t1");
    }
}

#[tokio::test]
async fn migrate_makes_what_is_missing_and_nothing_else() {
    let Some(server) = shared().await else { return };
    let database = server.new_database();
    let pooled = MysqlStorage::from_pool(pool(&database.url, 2, "SET autocommit = 0")).open();
    for storage in [options(server.port(), &database.name).open(), pooled] {
        let missing = storage.read("name").await.unwrap_err();
        assert!(matches!(&missing, StorageError::MissingTable { table } if table == "django_session"), "{missing}");
        let done = storage.migrate().await.unwrap();
        assert!(done.created_table && done.created_index && done.recorded);
        assert_eq!(storage.migrate().await.unwrap(), Migrated::default());
        let _ = storage.insert("name", New::of(b"x", Timestamp::now())).await.unwrap();

        let mut connection = connect(server, &database.name).await;
        run(&mut connection, "DELETE FROM django_migrations").await;
        let done = storage.migrate().await.unwrap();
        assert!(done.recorded && !done.created_table && !done.created_index);
        run(&mut connection, "ALTER TABLE django_session RENAME INDEX django_session_expire_date_a5c62663 TO old")
            .await;
        assert!(!storage.migrate().await.unwrap().anything(), "an index of another name does as well");
        // As after a crash between the table and its index.
        run(&mut connection, "ALTER TABLE django_session DROP INDEX old").await;
        let done = storage.migrate().await.unwrap();
        assert!(done.created_index && !done.recorded);
        assert!(storage.read("name").await.unwrap().is_some());
        run(&mut connection, "DROP TABLE django_session, django_migrations").await;
    }
    let other = options(server.port(), &database.name).table("staff_session").open();
    assert!(matches!(other.migrate().await, Err(StorageError::Unsupported(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_migrations_at_once_do_not_clash() {
    let Some(server) = shared().await else { return };
    let database = server.new_database().name;
    let many = (0..12).map(|_| {
        let storage = options(server.port(), &database).open();
        tokio::spawn(async move { storage.migrate().await.unwrap() })
    });
    let mut makers = 0;
    for migration in many.collect::<Vec<_>>() {
        makers += usize::from(migration.await.unwrap().anything());
    }
    assert_eq!(makers, 1);
    assert_eq!(server.query(&database, "SELECT count(*) FROM django_migrations"), "1");
    let free = "SELECT IS_FREE_LOCK(CONCAT('cloakroom.migrate.', SHA1(DATABASE())))";
    assert_eq!(server.query(&database, free), "1");
}

#[tokio::test]
async fn migrate_refuses_a_foreign_table_and_leaves_everything_as_it_was() {
    let Some(server) = shared().await else { return };
    for foreign in ["CREATE TABLE django_session (id int, x text)", "CREATE TABLE django_migrations (version int)"] {
        let database = server.new_database().name;
        run(&mut connect(server, &database).await, foreign).await;
        let storage = options(server.port(), &database).open();
        for _ in 0..2 {
            let error = storage.migrate().await.unwrap_err();
            assert!(matches!(error, StorageError::Damaged(what) if what.contains("other columns")), "{error}");
        }
        assert_eq!(server.query(&database, "SHOW TABLES").lines().count(), 1, "{foreign}");
    }
}

/// MariaDB's default collation finds `ABC` and `abc ` when asked for `abc`, and takes data that differ in that way for
/// the same.
#[tokio::test]
async fn case_and_trailing_blanks_count() {
    let Some(server) = shared().await else { return };
    let (storage, database) = storage(server).await;
    let collation = server.query(
        &database,
        "SELECT collation_name FROM information_schema.columns WHERE table_schema = DATABASE() \
         AND table_name = 'django_session' AND column_name = 'session_key'",
    );
    assert!(collation.ends_with("_general_ci"), "{collation}");
    let new = |data: &'static str| New::of(data.as_bytes(), Timestamp::MAX);
    let Insert::Inserted(version) = storage.insert("abc", new("Data")).await.unwrap() else { panic!() };
    for name in ["ABC", "abc ", "\u{e5}bc"] {
        assert!(storage.read(name).await.unwrap().is_none(), "{name:?}");
        // One that the collation takes for another's is not kept.
        assert!(matches!(storage.insert(name, new("x")).await, Err(StorageError::NotDone(_))), "{name:?}");
        let renamed = storage.rename("abc", name, Expect::Present, new("x")).await;
        assert!(matches!(renamed, Err(StorageError::NotDone(_))), "{name:?}");
        assert_eq!(storage.replace(name, Expect::Anything, new("x")).await.unwrap(), Replace::Missing);
        assert_eq!(storage.touch(name, Expect::Version(&version), Timestamp::MIN).await.unwrap(), Touch::Missing);
        assert_eq!(storage.remove(name, Expect::Anything).await.unwrap(), Remove::Missing);
        assert_eq!(storage.rename(name, "other", Expect::Present, new("x")).await.unwrap(), Rename::Missing);
    }
    for data in ["data", "Data ", "D\u{e2}ta"] {
        let Replace::Replaced(other) = storage.replace("abc", Expect::Present, new(data)).await.unwrap() else {
            panic!()
        };
        assert_eq!(storage.replace("abc", Expect::Version(&version), new("x")).await.unwrap(), Replace::Changed);
        assert_eq!(storage.touch("abc", Expect::Version(&version), Timestamp::MIN).await.unwrap(), Touch::Changed);
        assert_eq!(storage.remove("abc", Expect::Version(&version)).await.unwrap(), Remove::Changed);
        assert_eq!(storage.touch("abc", Expect::Version(&other), Timestamp::MAX).await.unwrap(), Touch::Touched);
    }
    assert_eq!(storage.read("abc").await.unwrap().unwrap().data, "D\u{e2}ta");
}

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index() {
    let Some(server) = shared().await else { return };
    let (storage, database) = storage(server).await;
    let mut connection = connect(server, &database).await;
    run(
        &mut connection,
        "INSERT INTO django_session SELECT MD5(seq), CONCAT('data:', seq), UTC_TIMESTAMP(6) + INTERVAL seq SECOND \
         FROM seq_1_to_20000; ANALYZE TABLE django_session",
    )
    .await;
    let found = "session_key = 'a' AND CAST(session_key AS BINARY) = 'a' \
                 AND RIGHT(CAST(session_data AS BINARY), 43) = x'61'";
    for (sql, index) in [
        (format!("UPDATE django_session SET session_data = 'x' WHERE {found}"), "PRIMARY"),
        (format!("DELETE FROM django_session WHERE {found}"), "PRIMARY"),
        (
            "SELECT session_key FROM django_session WHERE session_key > 'a' ORDER BY session_key LIMIT 9".into(),
            "PRIMARY",
        ),
        (
            "DELETE FROM django_session WHERE expire_date < '2020-01-01' ORDER BY expire_date, session_key LIMIT 9"
                .into(),
            "django_session_expire_date_a5c62663",
        ),
    ] {
        let plan = server.query(&database, &format!("EXPLAIN {sql}"));
        let fields: Vec<&str> = plan.split('\t').collect();
        assert_eq!(fields[5], index, "{plan}");
        assert!(!plan.contains("filesort"), "{plan}");
    }
    let (mut seen, mut after): (Vec<String>, Option<Cursor>) = (Vec::new(), None);
    loop {
        let page = storage.scan(after.as_ref(), 700).await.unwrap();
        seen.extend(page.entries.into_iter().map(|entry| entry.name));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    seen.dedup();
    assert_eq!(seen.len(), 20_000);
    let now = Timestamp::now().checked_add_seconds(10_000.5).unwrap();
    assert_eq!(storage.remove_expired(now, 3_000).await.unwrap(), 3_000);
}

#[tokio::test]
async fn what_django_could_not_read_is_damaged_and_a_page_goes_on() {
    let Some(server) = shared().await else { return };
    let (storage, database) = storage(server).await;
    let mut connection = connect(server, &database).await;
    run(
        &mut connection,
        "SET sql_mode = 'ALLOW_INVALID_DATES'; INSERT INTO django_session VALUES ('a', 'data', '0000-00-00 00:00:00'), \
         ('b', 'data', '0000-01-01 00:00:00'), ('c', 'data', '2027-02-30 00:00:00'), ('d', '', '2027-00-10 00:00:00'), \
         ('e', 'd\u{e4}t\u{20ac}', '9999-12-31 23:59:59.999999'), ('f', 'data', '0001-01-01 00:00:00')",
    )
    .await;
    for name in ["a", "b", "c", "d"] {
        assert!(matches!(storage.read(name).await, Err(StorageError::Damaged("expire_date"))), "{name}");
    }
    assert_eq!(storage.read("e").await.unwrap().unwrap().expires, Some(Timestamp::MAX));
    assert_eq!(storage.read("f").await.unwrap().unwrap().expires, Some(Timestamp::MIN));
    let page = storage.scan(None, 100).await.unwrap();
    let listed: Vec<_> = page.entries.iter().map(|entry| (&*entry.name, entry.bytes, entry.expires)).collect();
    let (max, min) = (Some(Timestamp::MAX), Some(Timestamp::MIN));
    assert_eq!(listed, [("a", 4, None), ("b", 4, None), ("c", 4, None), ("d", 0, None), ("e", 7, max), ("f", 4, min)]);
    let new = New::of(b"sound", Timestamp::MAX);
    for entry in &page.entries {
        let expect = Expect::Version(&entry.version);
        assert_eq!(storage.touch(&entry.name, expect, Timestamp::MAX).await.unwrap(), Touch::Touched);
        let renamed = storage.rename(&entry.name, &format!("{}x", entry.name), expect, new).await.unwrap();
        assert!(matches!(renamed, Rename::Renamed(_)), "{}", entry.name);
    }
    let refused = storage.insert("g", New::of(b"\xff", Timestamp::MAX)).await;
    assert!(matches!(refused, Err(StorageError::NotDone(_))));
    let long = storage.insert(&"k".repeat(41), new).await.unwrap_err();
    let shown = format!("{long:?} {}", std::error::Error::source(&long).unwrap());
    assert!(matches!(long, StorageError::NotDone(_)) && !shown.contains("kkk"), "{shown}");
    // A value that its column does not hold: nothing is cut short, and nothing of it is told.
    run(&mut connection, "DELETE FROM django_session; ALTER TABLE django_session MODIFY session_data varchar(9)").await;
    let url = server.url(server.port(), &database);
    let pooled = MysqlStorage::from_pool(pool(&url, 1, "SET sql_mode = ''")).open();
    for storage in [storage, pooled] {
        let error = storage.insert("g", New::of(b"secretsecret", Timestamp::MAX)).await.unwrap_err();
        assert!(matches!(error, StorageError::NotDone(_)) && !format!("{error:?}").contains("secret"), "{error:?}");
        assert!(storage.read("g").await.unwrap().is_none());
    }
}
