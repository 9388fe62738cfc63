//! The public contract suites on MariaDB.
#![cfg(feature = "mysql")]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/mysql.rs"]
mod mysql;

use cloakroom::storage::MysqlStorage;
use cloakroom::storage::mysql::MysqlIsolation;
use cloakroom::testing::{StorageContract, session_contract, storage_contract};
use cloakroom::{SessionStore, Settings};
use mysql::{connect, options, own, pool, run, shared, socket, storage};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mariadb_keeps_the_contract() {
    let Some(server) = shared().await else { return };
    let (storage, _) = storage(server).await;
    storage_contract(async || storage.clone()).await;
}

#[tokio::test]
async fn mariadb_keeps_the_contract_on_one_thread_over_a_socket() {
    let Some(server) = shared().await else { return };
    let (_, database) = storage(server).await;
    let storage = socket(&server.socket(), &database).open();
    storage_contract(async || storage.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_contract_holds_at_every_isolation_level() {
    let Some(server) = shared().await else { return };
    for level in ["read uncommitted", "repeatable read", "serializable"] {
        let (_, database) = storage(server).await;
        let storage = options(server.port(), &database).isolation(MysqlIsolation::from_name(level)).open();
        storage_contract(async || storage.clone()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_holds_without_use_tz() {
    let Some(server) = shared().await else { return };
    // Zones without summer time: an hour that occurs twice does not come back as it was.
    for name in ["Asia/Kolkata", "America/Phoenix"] {
        let (_, database) = storage(server).await;
        let zone = jiff::tz::TimeZone::get(name).unwrap();
        let storage = options(server.port(), &database).time_zone(Some(zone)).open();
        StorageContract::new().largest(1_000).run(async || storage.clone()).await;
    }
}

async fn in_a_pool(setup: &'static str) {
    let Some(server) = shared().await else { return };
    let database = server.new_database();
    let storage = MysqlStorage::from_pool(pool(&database.url, 10, setup)).open();
    storage.migrate().await.unwrap();
    storage_contract(async || storage.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_applications_pool_keeps_the_contract() {
    in_a_pool("DO 1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_applications_pool_without_autocommit_keeps_the_contract() {
    in_a_pool("SET SESSION autocommit = 0, sql_mode = '', time_zone = '+05:30'").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_applications_pool_with_other_settings_keeps_the_contract() {
    in_a_pool(
        "SET SESSION sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH', time_zone = '-03:00', \
         collation_connection = 'utf8mb4_bin', tx_isolation = 'SERIALIZABLE', lc_messages = 'de_DE'",
    )
    .await;
}

/// The server's default in MariaDB 11.6 and later, where a row that changed after the snapshot is an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_contract_holds_under_snapshot_isolation() {
    let Some(server) = own(&["--innodb-snapshot-isolation=ON"]).await else { return };
    let (_, database) = storage(&server).await;
    let storage = options(server.port(), &database).isolation(None).open();
    storage_contract(async || storage.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_session_contract_holds() {
    let Some(server) = shared().await else { return };
    session_contract(async || {
        let (storage, _) = storage(server).await;
        SessionStore::db(storage, Settings::new().secret_key("a secret")).unwrap()
    })
    .await;
}

/// Other collations and character sets than MariaDB gives a table by default.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_holds_whatever_the_collation() {
    let Some(server) = shared().await else { return };
    for collation in ["utf8mb4_bin", "utf8mb4_unicode_nopad_ci", "utf8mb3_general_ci"] {
        let (storage, database) = storage(server).await;
        let mut connection = connect(server, &database).await;
        let character_set = collation.split('_').next().unwrap();
        let sql = format!("ALTER TABLE django_session CONVERT TO CHARACTER SET {character_set} COLLATE {collation}");
        run(&mut connection, &sql).await;
        storage_contract(async || storage.clone()).await;
    }
}
