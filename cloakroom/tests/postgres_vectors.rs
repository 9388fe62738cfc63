//! Rows and tables in PostgreSQL against the golden vectors that a real Django 5.2 wrote.
#![cfg(feature = "postgres")]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/postgres.rs"]
mod postgres;
mod support;

use cloakroom::storage::postgres::{migration_sql, sqlmigrate};
use cloakroom::storage::{Expect, Insert, Migrated, New, Rename, Storage, StorageError, Touch};
use cloakroom::{SessionStore, Settings, Timestamp};
use postgres::{Server, run};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use support::{Report, data, secret, text, vectors};

/// The vectors of an operation that are about PostgreSQL.
fn of(op: &str) -> Vec<Value> {
    let wanted = |vector: &Value| vector["op"] == op && vector["vendor"] == "postgresql";
    let found: Vec<Value> = vectors("db").into_iter().filter(wanted).collect();
    assert!(!found.is_empty(), "{op}");
    found
}

async fn texts(connection: &mut PgConnection, sql: &str) -> Vec<Vec<Option<String>>> {
    let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(connection).await.unwrap();
    rows.iter().map(|row| (0..row.len()).map(|column| row.try_get_unchecked(column).unwrap()).collect()).collect()
}

#[tokio::test]
async fn sessions_are_saved_as_django_saves_them() {
    let Some(server) = Server::shared().await else { return };
    let mut report = Report::default();
    let vectors = of("pg_save");
    for vector in &vectors {
        report.begin(vector);
        let (storage, database) = server.storage().await;
        let mut connection = server.connect(&database).await;
        let settings = Settings::new()
            .secret_key(secret(vector))
            .use_tz(vector["use_tz"].as_bool().unwrap())
            .time_zone(text(&vector["time_zone"]))
            .session_cookie_age(vector["cookie_age"].as_f64().unwrap());
        let store = support::store(vector, storage, settings);
        let session = store.session(None).load().await.unwrap();
        for (name, value) in data(&vector["value_json"]).items() {
            session.set_json(&name, value);
        }
        session.asave().await.unwrap();
        let sql = "SELECT session_key, session_data, to_char(expire_date AT TIME ZONE 'UTC', \
                   'YYYY-MM-DD HH24:MI:SS.US'), extract(epoch FROM expire_date)::text FROM django_session";
        let rows = texts(&mut connection, sql).await;
        report.check("rows", rows.len(), 1);
        let [key, stored, utc, epoch] = &rows[0][..] else { panic!() };
        let expected = &vector["rows"][0];
        report.check("key", key.as_deref(), expected["session_key"].as_str());
        report.check("epoch", epoch.as_deref(), expected["expire_epoch"].as_str());
        let utc = utc.as_deref().map(|utc| utc.trim_end_matches(".000000"));
        report.check("expire_date", utc, expected["expire_date_utc"].as_str());
        let (found, expected_data) = (stored.as_deref().unwrap(), text(&expected["session_data"]));
        if found.starts_with('.') != expected_data.starts_with('.') {
            // Near the break-even length another deflate may or may not be worth it: what it decodes to counts.
            let json = |text: &str| store.decode(text).unwrap().to_json();
            report.check("data", json(found), json(expected_data));
        } else {
            support::same_data(&mut report, "data", &store, found, expected_data);
        }
        // And Django's own row is read.
        run(&mut connection, "DELETE FROM django_session").await;
        let insert = "INSERT INTO django_session VALUES ($1, $2, to_timestamp(0) + $3::text::interval)";
        let query = sqlx::query(insert).bind(text(&expected["session_key"])).bind(text(&expected["session_data"]));
        let seconds = format!("{} seconds", text(&expected["expire_epoch"]));
        query.bind(seconds).execute(&mut connection).await.unwrap();
        let loaded = store.session_from_cookie(expected["session_key"].as_str()).aload().await.unwrap();
        report.check("load back", Some(&*loaded.to_json()), vector["load_back"]["ok"].as_str());
    }
    report.finish(vectors.len());
}

#[tokio::test]
async fn keys_that_no_session_has_are_answered_without_an_error() {
    let Some(server) = Server::shared().await else { return };
    let (storage, _) = server.storage().await;
    let store = SessionStore::db(storage, Settings::new().secret_key("a secret")).unwrap();
    let mut report = Report::default();
    let vectors = of("pg_load_key");
    for vector in &vectors {
        report.begin(vector);
        let session = store.session_from_cookie(vector["session_key"].as_str());
        report.check("data", session.aload().await.unwrap().to_json(), "{}".to_owned());
        report.check("key", session.session_key(), None);
        if !vector["error"].is_null() {
            // D11: Django lets the driver's error through.
            report.excuse("D11");
        }
    }
    report.finish(vectors.len());
}

#[tokio::test]
async fn the_tables_are_those_that_django_makes() {
    let Some(server) = Server::shared().await else { return };
    for vector in of("sqlmigrate") {
        let forwards: Vec<&str> = vector["forwards"].as_array().unwrap().iter().map(text).collect();
        let body = sqlmigrate();
        if vector["backwards"].is_null() {
            // Collected from the schema editor, without the transaction.
            assert_eq!(
                body.trim_start_matches("BEGIN;\n").trim_end_matches("COMMIT;\n").trim_end(),
                forwards.join("\n")
            );
            let record = text(&vector["django_migrations"][0]);
            assert_eq!(migration_sql()[0], record.trim_end_matches(';'));
            continue;
        }
        assert_eq!(body.trim_end(), forwards.join("\n"));
        let (_, database) = server.storage().await;
        let mut connection = server.connect(&database).await;
        let sql = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'django_session' ORDER BY 1";
        let found = texts(&mut connection, sql).await;
        let indexes: Vec<Value> = found.iter().map(|row| json!({"name": row[0], "def": row[1]})).collect();
        assert_eq!(&Value::Array(indexes), &vector["indexes"]);
        let sql = "SELECT column_name, data_type, character_maximum_length, is_nullable, column_default, \
                   datetime_precision FROM information_schema.columns WHERE table_name = 'django_session' \
                   ORDER BY ordinal_position";
        let columns: Vec<Value> = texts(&mut connection, sql)
            .await
            .iter()
            .map(|row| {
                let number = |text: &Option<String>| text.as_ref().map(|text| text.parse::<u64>().unwrap());
                json!({"name": row[0], "type": row[1], "max_length": number(&row[2]), "nullable": row[3],
                       "default": row[4], "datetime_precision": number(&row[5])})
            })
            .collect();
        assert_eq!(&Value::Array(columns), &vector["columns"]);
    }
    for vector in of("migrations") {
        let (_, database) = server.storage().await;
        let mut connection = server.connect(&database).await;
        let rows =
            texts(&mut connection, "SELECT id, app, name, now() - applied < '1 minute' FROM django_migrations").await;
        let expected = &vector["rows"][0];
        let of_row = |name: &str| Some(expected[name].to_string().trim_matches('"').to_owned());
        assert_eq!(rows, [vec![of_row("id"), of_row("app"), of_row("name"), Some("t".into())]]);
    }
}

#[tokio::test]
async fn migrate_makes_what_is_missing_and_nothing_else() {
    let Some(server) = Server::shared().await else { return };
    let database = server.database().await;
    let storage = server.options(&database).open();
    let missing = storage.read("name").await.unwrap_err();
    assert!(matches!(&missing, StorageError::MissingTable { table } if table == "django_session"), "{missing}");
    let done = storage.migrate().await.unwrap();
    assert!(done.created_table && done.created_index && done.recorded);
    assert_eq!(storage.migrate().await.unwrap(), Migrated::default());
    let _ = storage.insert("name", New::of(b"x", Timestamp::now())).await.unwrap();

    let mut connection = server.connect(&database).await;
    run(&mut connection, "DELETE FROM django_migrations").await;
    let done = storage.migrate().await.unwrap();
    assert!(done.recorded && !done.created_table && !done.created_index);
    run(&mut connection, "ALTER INDEX django_session_expire_date_a5c62663 RENAME TO old").await;
    assert!(!storage.migrate().await.unwrap().anything(), "an index of another name does as well");
    run(&mut connection, "DROP INDEX old").await;
    let done = storage.migrate().await.unwrap();
    assert!(done.created_index && !done.recorded);
    assert!(storage.read("name").await.unwrap().is_some());

    let other = server.options(&database).table("staff_session").open();
    assert!(matches!(other.migrate().await, Err(StorageError::Unsupported(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_migrations_at_once_do_not_clash() {
    let Some(server) = Server::shared().await else { return };
    for isolation in ["read committed", "serializable"] {
        let database = server.database().await;
        let mut connection = server.connect("postgres").await;
        run(&mut connection, &format!("ALTER DATABASE {database} SET default_transaction_isolation = '{isolation}'"))
            .await;
        let many = (0..12).map(|_| {
            let storage = server.options(&database).open();
            tokio::spawn(async move { storage.migrate().await.unwrap() })
        });
        let mut makers = 0;
        for migration in many.collect::<Vec<_>>() {
            makers += usize::from(migration.await.unwrap().anything());
        }
        assert_eq!(makers, 1, "{isolation}");
    }
}

#[tokio::test]
async fn migrate_refuses_a_foreign_table_and_leaves_everything_as_it_was() {
    let Some(server) = Server::shared().await else { return };
    for foreign in ["CREATE TABLE django_session (id int, x text)", "CREATE TABLE django_migrations (version int)"] {
        let database = server.database().await;
        let mut connection = server.connect(&database).await;
        run(&mut connection, foreign).await;
        let storage = server.options(&database).open();
        let error = storage.migrate().await.unwrap_err();
        assert!(matches!(error, StorageError::Damaged(what) if what.contains("other columns")), "{error}");
        let tables = texts(&mut connection, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'").await;
        assert_eq!(tables.len(), 1, "{foreign}");
        // The connection is fit for more.
        assert!(storage.migrate().await.is_err());
    }
}

#[tokio::test]
async fn a_schema_is_respected() {
    let Some(server) = Server::shared().await else { return };
    let database = server.database().await;
    let mut connection = server.connect(&database).await;
    let odd = r#"sh"op; $1"#;
    let nowhere = server.options(&database).schema(odd).open();
    assert!(matches!(nowhere.migrate().await, Err(StorageError::NotDone(_))), "the schema must exist");
    run(&mut connection, r#"CREATE SCHEMA "sh""op; $1"; CREATE SCHEMA path"#).await;
    let new = New::of(b"x", Timestamp::MAX);
    for options in [
        server.options(&database).schema(odd),
        server.options(&database).schema(odd).pgbouncer(true),
        server.options(&database).startup_option("search_path", "path"),
    ] {
        let storage = options.open();
        let _ = storage.migrate().await.unwrap();
        assert!(matches!(storage.insert("name", new).await.unwrap(), Insert::Inserted(_) | Insert::Exists));
        assert!(storage.read("name").await.unwrap().is_some());
    }
    let sql = "SELECT schemaname, tablename FROM pg_tables WHERE tablename LIKE 'django%' ORDER BY 1, 2";
    let found: Vec<String> = texts(&mut connection, sql).await.into_iter().flatten().flatten().collect();
    assert_eq!(
        found,
        ["path", "django_migrations", "path", "django_session", odd, "django_migrations", odd, "django_session"]
    );
}

/// Keys of any letters come in one order, whatever the collation, by the index that Django makes for `LIKE`.
#[tokio::test]
async fn pages_are_read_by_an_index() {
    let Some(server) = Server::shared().await else { return };
    let (storage, database) = server.storage().await;
    let mut connection = server.connect(&database).await;
    run(
        &mut connection,
        "INSERT INTO django_session SELECT md5(n::text), 'data:' || n, now() + n * interval '1 second' \
         FROM generate_series(1, 20000) n; ANALYZE django_session",
    )
    .await;
    let plan = "EXPLAIN SELECT session_key FROM django_session WHERE session_key ~>~ 'a' \
                ORDER BY session_key USING ~<~ LIMIT 100";
    let plan: Vec<String> = texts(&mut connection, plan).await.into_iter().flatten().flatten().collect();
    assert!(plan.iter().any(|line| line.contains("django_session_session_key_c0390e0f_like")), "{plan:?}");
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = storage.scan(after.as_ref(), 700).await.unwrap();
        seen.extend(page.entries.into_iter().map(|entry| entry.name));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert!(seen.len() == 20_000 && seen.is_sorted());
    let now = Timestamp::now().checked_add_seconds(10_000.5).unwrap();
    let removed = storage.remove_expired(now, 3_000).await.unwrap();
    assert_eq!(removed, 3_000);
}

#[tokio::test]
async fn what_django_could_not_read_is_damaged_and_a_page_goes_on() {
    let Some(server) = Server::shared().await else { return };
    let (_, database) = server.storage().await;
    let mut connection = server.connect(&database).await;
    for simple in [false, true] {
        let storage = server.options(&database).pgbouncer(simple).open();
        run(
            &mut connection,
            "DELETE FROM django_session; INSERT INTO django_session VALUES ('a', 'data', 'infinity'), \
             ('b', 'data', '-infinity'), ('c', 'data', '10000-01-01'), ('d', 'data', '0044-03-15 BC'), \
             ('e', 'd\u{e4}t\u{20ac}', '9999-12-31 23:59:59.999999+00'), ('f', 'data', '0001-01-01 00:00:00+00')",
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
        assert_eq!(
            listed,
            [("a", 4, None), ("b", 4, None), ("c", 4, None), ("d", 4, None), ("e", 7, max), ("f", 4, min)]
        );
        let new = New::of(b"sound", Timestamp::MAX);
        for entry in &page.entries {
            let expect = Expect::Version(&entry.version);
            assert_eq!(storage.touch(&entry.name, expect, Timestamp::MAX).await.unwrap(), Touch::Touched);
            let renamed = storage.rename(&entry.name, &format!("{}{}", entry.name, simple), expect, new).await.unwrap();
            assert!(matches!(renamed, Rename::Renamed(_)), "{}", entry.name);
        }
        // What PostgreSQL cannot keep is refused before anything is sent.
        for data in [&b"a\0b"[..], b"\xff"] {
            let refused = storage.insert("g", New::of(data, Timestamp::MAX)).await;
            assert!(matches!(refused, Err(StorageError::NotDone(_))));
        }
        let long = storage.insert(&"k".repeat(41), new).await.unwrap_err();
        let shown = format!("{long:?} {:?}", std::error::Error::source(&long).unwrap().to_string());
        assert!(matches!(long, StorageError::NotDone(_)) && !shown.contains("kkk"), "{shown}");
    }
}
