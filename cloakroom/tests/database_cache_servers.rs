//! Django's database cache on PostgreSQL and MariaDB: the contract, the bytes of the rows, a real Django.
#![cfg(all(feature = "mysql", feature = "postgres"))]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/database_cache.rs"]
mod database_cache;
#[path = "support/django_cache.rs"]
mod django_cache;
#[path = "support/mysql.rs"]
mod mysql;
#[path = "support/postgres.rs"]
mod postgres;
mod support;

use std::time::Duration;

use cloakroom::storage::{
    CacheKey, DatabaseCacheStorage, DatabaseStorage, Expect, Insert, MysqlStorage, New, Remove, Replace, Storage,
    StorageError, Touch,
};
use cloakroom::testing::StorageContract;
use cloakroom::{DatabaseKind, Timestamp};
use database_cache::Rows;
use django_cache::{Django, NAME, key, python};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, PgConnection, Row as _};
use test_servers::{PASSWORD, Proxy};

const TABLE: &str = "session_cache_table";

/// An empty database with the table of a cache.
struct Site {
    kind: DatabaseKind,
    port: u16,
    url: String,
    database: String,
    storage: DatabaseCacheStorage,
}

async fn on(database: &DatabaseStorage) -> DatabaseCacheStorage {
    let storage = DatabaseCacheStorage::new(database, TABLE);
    assert!(storage.create_table().await.unwrap());
    assert!(!storage.create_table().await.unwrap());
    storage
}

impl Site {
    async fn on_postgresql() -> Option<Self> {
        let server = postgres::Server::shared().await?;
        let database = server.database().await;
        let storage = on(&DatabaseStorage::Postgres(server.options(&database).open())).await;
        let (port, url) = (server.0.port(), server.url(&database));
        Some(Self { kind: DatabaseKind::PostgreSql, port, url, database, storage })
    }

    async fn on_mariadb() -> Option<Self> {
        let server = mysql::shared().await?;
        let database = server.new_database().name;
        let storage = on(&DatabaseStorage::Mysql(mysql::options(server.port(), &database).open())).await;
        let (port, url) = (server.port(), server.url(server.port(), &database));
        Some(Self { kind: DatabaseKind::MySql, port, url, database, storage })
    }

    async fn both() -> Vec<Self> {
        [Self::on_postgresql().await, Self::on_mariadb().await].into_iter().flatten().collect()
    }

    /// Runs a statement; the rows' columns as text.
    async fn sql(&self, sql: &str) -> Vec<Vec<String>> {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.kind == DatabaseKind::PostgreSql {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            let rows = sqlx::raw_sql(sql).fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| (0..row.len()).map(|column| row.get(column)).collect()).collect()
        } else {
            let mut connection = MySqlConnection::connect(&self.url).await.unwrap();
            let rows = sqlx::raw_sql(sql).fetch_all(&mut connection).await.unwrap();
            let text = |row: &sqlx::mysql::MySqlRow, column| row.get_unchecked::<String, _>(column);
            rows.iter().map(|row| (0..row.len()).map(|column| text(row, column)).collect()).collect()
        }
    }

    fn django(&self) -> Option<Django> {
        let engine = if self.kind == DatabaseKind::PostgreSql { "postgresql" } else { "mysql" };
        let database = json!({
            "ENGINE": format!("django.db.backends.{engine}"),
            "HOST": "127.0.0.1",
            "PORT": self.port,
            "USER": "site",
            "PASSWORD": PASSWORD,
            "NAME": self.database,
        });
        let more = json!({ "DATABASES": { "default": database } });
        python().map(|python| Django::new(python, "db.DatabaseCache", TABLE, &more))
    }

    fn hex(text: &str) -> String {
        text.bytes().map(|byte| format!("{byte:02x}")).collect()
    }

    fn literal(&self, text: &str) -> String {
        let digits = Self::hex(text);
        if self.kind == DatabaseKind::PostgreSql {
            format!("convert_from(decode('{digits}', 'hex'), 'UTF8')")
        } else {
            format!("CONVERT(X'{digits}' USING utf8mb4)")
        }
    }
}

impl Rows for Site {
    async fn get(&self, key: &str) -> Option<(String, String)> {
        let expires = if self.kind == DatabaseKind::PostgreSql {
            "(expires AT TIME ZONE 'UTC')::text"
        } else {
            // The fraction is there, and zero.
            "CAST(TRIM(TRAILING '.000000' FROM CAST(expires AS CHAR)) AS CHAR)"
        };
        let sql = format!("SELECT value, {expires} FROM {TABLE} WHERE cache_key = {}", self.literal(key));
        self.sql(&sql).await.into_iter().next().map(|row| (row[0].clone(), row[1].clone()))
    }

    async fn put(&self, key: &str, value: &str, expires: &str) {
        let zone = if self.kind == DatabaseKind::PostgreSql { "+00" } else { "" };
        let (key, value) = (self.literal(key), self.literal(value));
        self.sql(&format!("INSERT INTO {TABLE} VALUES ({key}, {value}, '{expires}{zone}')")).await;
    }
}

fn contract() -> StorageContract {
    StorageContract::new().expiry_precision(Duration::from_secs(1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract_on_postgresql() {
    let Some(site) = Site::on_postgresql().await else { return };
    contract().run(async || site.storage.clone()).await;
    // As simple queries, through PgBouncer for example.
    let server = postgres::Server::shared().await.unwrap();
    let simple = DatabaseStorage::Postgres(server.options(&site.database).pgbouncer(true).open());
    let storage = DatabaseCacheStorage::new(&simple, TABLE);
    contract().largest(10_000).run(async || storage.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract_on_mariadb() {
    let Some(site) = Site::on_mariadb().await else { return };
    contract().run(async || site.storage.clone()).await;
    // On an application's connections, which do not commit by themselves.
    let pool = mysql::pool(&site.url, 10, "SET SESSION autocommit = 0, sql_mode = '', time_zone = '+05:30'");
    let pool = DatabaseStorage::Mysql(MysqlStorage::from_pool(pool).open());
    let storage = DatabaseCacheStorage::new(&pool, TABLE);
    contract().largest(10_000).run(async || storage.clone()).await;
}

#[tokio::test]
async fn in_a_schema_of_its_own() {
    let Some(site) = Site::on_postgresql().await else { return };
    site.sql("CREATE SCHEMA shop").await;
    let server = postgres::Server::shared().await.unwrap();
    let storage = on(&DatabaseStorage::Postgres(server.options(&site.database).schema("shop").open())).await;
    storage.bury(NAME, New::of(b"x", Timestamp::MAX)).await.unwrap();
    assert!(site.storage.read(NAME).await.unwrap().is_none());
    assert_eq!(site.sql("SELECT count(*)::text FROM shop.session_cache_table").await, [["1"]]);
}

#[tokio::test]
async fn rows_are_djangos() {
    for site in Site::both().await {
        database_cache::rows_are_djangos(&site.storage, &site).await;
    }
}

#[tokio::test]
async fn an_expired_entry_reads_as_nothing_and_makes_room() {
    for site in Site::both().await {
        database_cache::an_expired_entry_reads_as_nothing_and_makes_room(&site.storage).await;
    }
}

#[tokio::test]
async fn a_marker_takes_any_place() {
    for site in Site::both().await {
        database_cache::a_marker_takes_any_place(&site.storage).await;
    }
}

#[tokio::test]
async fn keys_are_kept_whole() {
    for site in Site::both().await {
        database_cache::keys_are_kept_whole(&site.storage).await;
    }
}

#[tokio::test]
async fn what_is_no_base64_is_damaged_and_stays() {
    for site in Site::both().await {
        database_cache::what_is_no_base64_is_damaged_and_stays(&site.storage, &site).await;
    }
}

#[tokio::test]
async fn names_that_a_collation_folds_are_refused_on_mariadb() {
    let Some(site) = Site::on_mariadb().await else { return };
    let new = New::of(b"x", Timestamp::MAX);
    for name in ["Upper", "e\u{301}", "blank ", "a-b"] {
        assert!(matches!(site.storage.insert(name, new).await, Err(StorageError::NotDone(_))), "{name}");
        assert!(site.storage.read(name).await.unwrap().is_none());
    }
    // A prefix that differs in its case alone: another's row is not read and not written.
    let (small, large) = (CacheKey::new("shop", "1"), CacheKey::new("SHOP", "1"));
    let (small, large) = (site.storage.clone().with_key(small), site.storage.clone().with_key(large));
    assert!(matches!(small.insert(NAME, new).await.unwrap(), Insert::Inserted(_)));
    assert!(large.read(NAME).await.unwrap().is_none());
    assert_eq!(large.replace(NAME, Expect::Anything, new).await.unwrap(), Replace::Missing);
    assert_eq!(large.insert(NAME, new).await.unwrap(), Insert::Exists);
}

/// One round trip an operation, on connections that are open.
#[tokio::test]
async fn every_operation_is_one_round_trip() {
    for site in Site::both().await {
        let proxy = Proxy::before(site.port);
        let database = if site.kind == DatabaseKind::PostgreSql {
            DatabaseStorage::Postgres(postgres::options(proxy.port(), &site.database).open())
        } else {
            DatabaseStorage::Mysql(mysql::options(proxy.port(), &site.database).open())
        };
        let storage = DatabaseCacheStorage::new(&database, TABLE);
        for round in 0..2 {
            let name = format!("{NAME}{round}");
            let _ = proxy.round_trips();
            let mut each = Vec::new();
            let new = New::of(b"x", Timestamp::MAX);
            let Insert::Inserted(version) = storage.insert(&name, new).await.unwrap() else { panic!("taken") };
            each.push(proxy.round_trips());
            assert!(storage.read(&name).await.unwrap().is_some());
            each.push(proxy.round_trips());
            let answer = storage.replace(&name, Expect::Version(&version), New::of(b"y", Timestamp::MAX)).await;
            let Replace::Replaced(version) = answer.unwrap() else { panic!("refused") };
            each.push(proxy.round_trips());
            let touched = storage.touch(&name, Expect::Version(&version), Timestamp::MAX).await.unwrap();
            each.push(proxy.round_trips());
            storage.bury(&name, new).await.unwrap();
            each.push(proxy.round_trips());
            let removed = storage.remove(&name, Expect::Present).await.unwrap();
            each.push(proxy.round_trips());
            assert_eq!((touched, removed), (Touch::Touched, Remove::Removed));
            // The first round connects and prepares.
            if round > 0 {
                assert_eq!(each, [1; 6], "{}", site.kind);
            }
        }
    }
}

/// The columns and the indexes, as the database tells of them.
async fn structure(site: &Site) -> Vec<Vec<String>> {
    if site.kind == DatabaseKind::PostgreSql {
        let columns = "SELECT column_name::text, udt_name::text, coalesce(character_maximum_length, 0)::text, \
                       is_nullable::text FROM information_schema.columns \
                       WHERE table_name = 'session_cache_table' ORDER BY ordinal_position";
        let indexes =
            "SELECT indexname::text, indexdef FROM pg_indexes WHERE tablename = 'session_cache_table' ORDER BY 1";
        return [site.sql(columns).await, site.sql(indexes).await].concat();
    }
    let table = site.sql(&format!("SHOW CREATE TABLE {TABLE}")).await;
    table.into_iter().map(|row| vec![row[1].clone()]).collect()
}

#[tokio::test]
async fn the_table_is_that_of_django() {
    for site in Site::both().await {
        let Some(django) = site.django() else { return };
        assert!(django.run(&["create_table"]).contains("already exists"));
        let [table, index] = site.storage.create_table_sql();
        let ours = structure(&site).await;
        site.sql(&format!("DROP TABLE {TABLE}")).await;
        assert_eq!(format!("{table};\n{index};"), django.run(&["create_table", "--dry-run"]));
        assert!(django.run(&["create_table"]).contains("created"));
        assert_eq!(ours, structure(&site).await, "{}", site.kind);
        assert!(!ours.is_empty());
        assert!(!site.storage.create_table().await.unwrap());
    }
}

#[tokio::test]
async fn each_reads_what_the_other_wrote() {
    for site in Site::both().await {
        let Some(django) = site.django() else { return };
        django_cache::each_reads_what_the_other_wrote(&django, &site.storage.clone().with_key(key())).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_change_of_djangos_is_overwritten() {
    for site in Site::both().await {
        let Some(django) = site.django() else { return };
        let storage = site.storage.clone().with_key(key());
        django_cache::no_change_of_djangos_is_overwritten(&django, async || storage.clone(), 300).await;
    }
}
