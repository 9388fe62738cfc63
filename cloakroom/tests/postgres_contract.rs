//! The public contract suites on PostgreSQL.
#![cfg(feature = "postgres")]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/postgres.rs"]
mod postgres;

use cloakroom::storage::PostgresStorage;
use cloakroom::testing::{session_contract, storage_contract};
use cloakroom::{SessionStore, Settings};
use postgres::{Server, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgresql_keeps_the_contract() {
    let Some(server) = Server::shared().await else { return };
    let (storage, _) = server.storage().await;
    storage_contract(async || storage.clone()).await;
}

#[tokio::test]
async fn postgresql_keeps_the_contract_on_one_thread() {
    let Some(server) = Server::shared().await else { return };
    let (storage, _) = server.storage().await;
    storage_contract(async || storage.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn simple_queries_keep_the_contract() {
    let Some(server) = Server::shared().await else { return };
    let (_, database) = server.storage().await;
    let storage = server.options(&database).pgbouncer(true).open();
    storage_contract(async || storage.clone()).await;
}

/// Foreign settings of the server: text in quotes read the old way, bytes shown the old way.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn simple_queries_keep_the_contract_under_old_settings() {
    let Some(server) = Server::shared().await else { return };
    let (_, database) = server.storage().await;
    let mut connection = server.connect("postgres").await;
    for setting in ["standard_conforming_strings = off", "bytea_output = escape", "datestyle = 'German'"] {
        run(&mut connection, &format!("ALTER DATABASE {database} SET {setting}")).await;
    }
    let storage = server.options(&database).pgbouncer(true).open();
    storage_contract(async || storage.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_contract_holds_when_transactions_are_serializable() {
    let Some(server) = Server::shared().await else { return };
    let (_, database) = server.storage().await;
    let mut connection = server.connect("postgres").await;
    run(&mut connection, &format!("ALTER DATABASE {database} SET default_transaction_isolation = 'serializable'"))
        .await;
    let storage = server.options(&database).open();
    storage_contract(async || storage.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_applications_pool_keeps_the_contract() {
    let Some(server) = Server::shared().await else { return };
    let (_, database) = server.storage().await;
    let storage = PostgresStorage::from_pool(postgres::pool(&server.url(&database), 5)).open();
    storage_contract(async || storage.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_db_engine_on_postgresql_keeps_what_sessions_promise() {
    let Some(server) = Server::shared().await else { return };
    session_contract(async || {
        let (storage, _) = server.storage().await;
        SessionStore::db(storage, Settings::new().secret_key("a secret")).unwrap()
    })
    .await;
}

/// Collations that ignore case and punctuation, an encoding that is not UTF-8.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_collations_and_encodings_keep_the_contract() {
    let Some(server) = Server::shared().await else { return };
    let mut connection = server.connect("postgres").await;
    run(&mut connection, "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0").await;
    run(&mut connection, "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0").await;
    for name in ["latin", "ascii"] {
        let storage = server.options(name).open();
        storage.migrate().await.unwrap();
        storage_contract(async || storage.clone()).await;
    }
    let (storage, database) = server.storage().await;
    let mut connection = server.connect(&database).await;
    let columns = "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2-ka-shifted'); \
                   ALTER TABLE django_session ALTER session_key TYPE varchar(40) COLLATE loose, \
                   ALTER session_data TYPE text COLLATE loose";
    run(&mut connection, columns).await;
    storage_contract(async || storage.clone()).await;
}
