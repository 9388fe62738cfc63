//! A PostgreSQL that stops, dies, stands still or changes: typed errors in time, nothing overwritten, and the next
//! request after its return works.
#![cfg(feature = "postgres")]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/postgres.rs"]
mod postgres;

use std::time::{Duration, Instant};

use cloakroom::storage::postgres::{PostgresOptions, PostgresTls};
use cloakroom::storage::{Expect, Insert, New, PostgresStorage, Replace, Storage, StorageError, Touch};
use cloakroom::{Session, SessionError, SessionKey, SessionStore, Settings, Timestamp};
use postgres::{Server, options, pool, run, storage};
use test_servers::{PASSWORD, PgBouncer, PostgreSql, Proxy};

/// What a request may wait at the defaults.
const IN_TIME: Duration = Duration::from_secs(10);

const NEW: New<'_> = New::of(b"data", Timestamp::MAX);

async fn own() -> Option<PostgreSql> {
    tokio::task::spawn_blocking(PostgreSql::start).await.unwrap()
}

fn store(storage: PostgresStorage) -> SessionStore {
    SessionStore::db(storage, Settings::new().secret_key("a secret")).unwrap()
}

async fn saved(store: &SessionStore) -> (Session, SessionKey) {
    let session = store.session(None).load().await.unwrap();
    session.set("name", "Ada").unwrap();
    session.asave().await.unwrap();
    let key = session.session_key().unwrap();
    (store.session(Some(&key)).load().await.unwrap(), key)
}

/// An error that says that the storage did not answer, in time, without the key in it.
async fn fails_in_time<T>(what: impl Future<Output = Result<T, SessionError>>, key: &SessionKey) {
    let started = Instant::now();
    let error = what.await.map(drop).unwrap_err();
    assert!(started.elapsed() < IN_TIME, "{:?}", started.elapsed());
    assert!(matches!(error, SessionError::Storage(_)), "{error:?}");
    let source = std::error::Error::source(&error).map(|source| format!("{source:?}"));
    assert!(!format!("{error:?} {source:?}").contains(key.as_str()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_or_dies_and_comes_back() {
    let Some(mut server) = own().await else { return };
    let (storage, _) = storage(&server).await;
    let store = store(storage);
    for round in ["stop", "kill"] {
        let (session, key) = saved(&store).await;
        let (other, _) = saved(&store).await;
        session.set("name", "Bob").unwrap();
        match round {
            "stop" => server.stop(),
            _ => server.kill(),
        }
        fails_in_time(session.asave(), &key).await;
        fails_in_time(async { store.session(Some(&key)).load().await }, &key).await;
        fails_in_time(async { store.session(None).acreate().await }, &key).await;
        server.restart();
        // The very next request of each kind: a read, a save, a new session, a logout.
        let loaded = store.session(Some(&key)).load().await.unwrap();
        assert_eq!(loaded.get::<String>("name").unwrap().unwrap(), "Ada", "{round}");
        session.asave().await.unwrap();
        server.restart();
        store.session(None).acreate().await.unwrap();
        server.restart();
        other.set("name", "Eve").unwrap();
        other.asave().await.unwrap();
        server.restart();
        store.delete(&key).await.unwrap();
        assert!(!store.exists(&key).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_is_given_up_in_time_and_nothing_is_overwritten() {
    let Some(server) = own().await else { return };
    let (storage, name) = storage(&server).await;
    let store = store(storage);
    let (session, key) = saved(&store).await;
    session.set("name", "Bob").unwrap();
    server.pause();
    fails_in_time(session.asave(), &key).await;
    fails_in_time(async { store.session(Some(&key)).load().await }, &key).await;
    fails_in_time(async { store.session(None).acreate().await }, &key).await;
    fails_in_time(store.delete(&key), &key).await;
    server.resume();
    // What was sent may take effect now: a save or the logout, but nothing else, and the next request works.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let loaded = store.session(Some(&key)).load().await.unwrap();
    let found = loaded.get::<String>("name").unwrap();
    assert!(matches!(found.as_deref(), None | Some("Ada" | "Bob")), "{found:?}");
    let busy = "SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' AND query LIKE '%django_session%' \
                AND pid <> pg_backend_pid()";
    assert_eq!(server.psql(&name, busy), "0", "no statement goes on");
}

/// A row that somebody holds: the statement ends on the server before it is given up, and has no effect later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_was_given_up_has_no_effect_later() {
    let Some(server) = Server::shared().await else { return };
    let (_, name) = server.storage().await;
    let bouncer = PgBouncer::before(server.0);
    let mut ways = vec![server.options(&name), server.options(&name).pgbouncer(true)];
    ways.extend(bouncer.iter().map(|bouncer| options(bouncer.port(), &name).pgbouncer(true)));
    for way in ways {
        let storage = way.timeout(Duration::from_secs(4)).open();
        let Insert::Inserted(version) = storage.insert("held", NEW).await.unwrap() else { panic!() };
        let mut holder = server.connect(&name).await;
        run(&mut holder, "BEGIN; UPDATE django_session SET session_data = session_data").await;
        let new = New::of(b"next", Timestamp::MAX);
        let error = storage.replace("held", Expect::Version(&version), new).await.unwrap_err();
        assert!(matches!(error, StorageError::NotDone(_)), "the server said so itself: {error:?}");
        assert_eq!(storage.remove_expired(Timestamp::MAX, 10).await.unwrap(), 0, "rows that others hold are left");
        run(&mut holder, "ROLLBACK").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(storage.read("held").await.unwrap().unwrap().data, "data");
        let _ = storage.remove("held", Expect::Present).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_is_one_round_trip() {
    let Some(server) = Server::shared().await else { return };
    let (_, name) = server.storage().await;
    for simple in [false, true] {
        let proxy = Proxy::before(server.0.port());
        let storage =
            options(proxy.port(), &name).tls(PostgresTls::Disable).pgbouncer(simple).max_connections(1).open();
        // The first round opens the connection and prepares.
        for round in 0..3 {
            let count = |what: &str, expected: usize| {
                let found = proxy.round_trips();
                assert!(round == 0 || found == expected, "{what}: {found} round trips");
            };
            count("nothing", 0);
            let Insert::Inserted(version) = storage.insert("a", NEW).await.unwrap() else { panic!() };
            count("insert", 1);
            assert_eq!(storage.insert("a", NEW).await.unwrap(), Insert::Exists);
            count("insert of a taken name", 1);
            storage.read("a").await.unwrap().unwrap();
            count("read", 1);
            let expect = Expect::Version(&version);
            assert_eq!(storage.touch("a", expect, Timestamp::MAX).await.unwrap(), Touch::Touched);
            count("touch", 1);
            let _ = storage.replace("a", expect, NEW).await.unwrap();
            count("replace", 1);
            let _ = storage.rename("a", "b", expect, NEW).await.unwrap();
            count("rename", 1);
            assert_eq!(storage.replace("a", expect, NEW).await.unwrap(), Replace::Missing);
            count("replace of nothing", 2);
            storage.scan(None, 10).await.unwrap();
            count("scan", 1);
            let _ = storage.remove("b", expect).await.unwrap();
            count("remove", 1);
            storage.remove_expired(Timestamp::now(), 10).await.unwrap();
            count("remove_expired", 1);
        }
        // Connections that are cut while nobody uses them: the next request works.
        let store = store(storage);
        let (session, _) = saved(&store).await;
        proxy.cut();
        session.set("name", "Bob").unwrap();
        session.asave().await.unwrap();
        proxy.cut();
        assert_eq!(store.session(session.session_key().as_ref()).load().await.unwrap().keys().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_changes_under_prepared_statements() {
    let Some(server) = Server::shared().await else { return };
    let (storage, name) = server.storage().await;
    let _ = storage.insert("a", NEW).await.unwrap();
    storage.read("a").await.unwrap().unwrap();
    let mut other = server.connect(&name).await;
    run(&mut other, "ALTER TABLE django_session ALTER session_data TYPE varchar(5000)").await;
    assert_eq!(storage.read("a").await.unwrap().unwrap().data, "data");
    run(&mut other, "ALTER TABLE django_session ADD more text").await;
    let _ = storage.replace("a", Expect::Present, NEW).await.unwrap();
    run(&mut other, "DROP TABLE django_session").await;
    assert!(matches!(storage.read("a").await, Err(StorageError::MissingTable { .. })));
    assert!(matches!(storage.insert("a", NEW).await, Err(StorageError::MissingTable { .. })));
    storage.migrate().await.unwrap();
    assert!(matches!(storage.insert("a", NEW).await.unwrap(), Insert::Inserted(_)));
    // An administrator ends the connections.
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    run(&mut other, end).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    storage.read("a").await.unwrap().unwrap();
    // Statements that somebody dropped.
    let pool = pool(&server.url(&name), 1);
    let storage = PostgresStorage::from_pool(pool.clone()).open();
    let _ = storage.replace("a", Expect::Present, NEW).await.unwrap();
    sqlx::raw_sql("DEALLOCATE ALL").execute(&pool).await.unwrap();
    let _ = storage.replace("a", Expect::Present, NEW).await.unwrap();
    sqlx::raw_sql("DEALLOCATE ALL").execute(&pool).await.unwrap();
    storage.read("a").await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_is_exhausted_is_an_error_in_time() {
    let Some(server) = Server::shared().await else { return };
    let (_, name) = server.storage().await;
    let pool = pool(&server.url(&name), 1);
    let storage = PostgresStorage::from_pool(pool.clone()).timeout(Duration::from_secs(1)).open();
    let _ = storage.insert("a", NEW).await.unwrap();
    let taken = pool.acquire().await.unwrap();
    let started = Instant::now();
    assert!(matches!(storage.read("a").await, Err(StorageError::NotDone(_))));
    assert!(matches!(storage.insert("b", NEW).await, Err(StorageError::NotDone(_))));
    assert!(started.elapsed() < IN_TIME);
    drop(taken);
    storage.read("a").await.unwrap().unwrap();

    // The storage's own connections, one of them, held up by a lock.
    let storage = server.options(&name).max_connections(1).timeout(Duration::from_secs(1)).open();
    let mut holder = server.connect(&name).await;
    run(&mut holder, "BEGIN; LOCK TABLE django_session").await;
    let blocked = {
        let storage = storage.clone();
        tokio::spawn(async move { storage.read("a").await })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(matches!(storage.read("a").await, Err(StorageError::NotDone(_))));
    assert!(matches!(blocked.await.unwrap(), Err(StorageError::NotDone(_))));
    // Requests that go away in the middle leave the connections usable.
    for _ in 0..20 {
        let gone = tokio::time::timeout(Duration::from_millis(20), storage.replace("a", Expect::Present, NEW)).await;
        assert!(gone.is_err());
    }
    run(&mut holder, "ROLLBACK").await;
    storage.read("a").await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_looked_at_as_told() {
    let Some(server) = Server::shared().await else { return };
    let (_, name) = server.storage().await;
    let Some(other) = own().await else { return };
    let (right, wrong) = (server.0.authority(), other.authority());
    let encrypted = async |options: PostgresOptions| -> Result<bool, StorageError> {
        let application = format!("tls{}", Timestamp::now().as_micros());
        let storage = options.application_name(&application).max_connections(1).open();
        storage.read("a").await?;
        let sql = format!(
            "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = '{application}'"
        );
        Ok(server.0.psql(&name, &sql) == "t")
    };
    let with = |tls| server.options(&name).tls(tls);
    assert!(!encrypted(with(PostgresTls::Disable)).await.unwrap());
    assert!(encrypted(with(PostgresTls::Prefer)).await.unwrap());
    assert!(encrypted(with(PostgresTls::Require)).await.unwrap());
    for tls in [PostgresTls::VerifyCa, PostgresTls::VerifyFull] {
        assert!(encrypted(with(tls).root_certificate(right)).await.unwrap());
        for refused in [with(tls).root_certificate(wrong), with(tls), with(tls).root_certificate("/nowhere")] {
            let error = encrypted(refused).await.unwrap_err();
            assert!(matches!(error, StorageError::NotDone(_)), "{error:?}");
        }
    }
    // A name that the certificate is not for.
    let elsewhere = |tls| with(tls).root_certificate(right).host("127.0.0.2");
    assert!(encrypted(elsewhere(PostgresTls::VerifyFull)).await.is_err());
    // By the settings, and through the Unix socket.
    let url = format!("{}?sslmode=verify-full&sslrootcert={}", server.url(&name), right.display());
    assert!(encrypted(PostgresOptions::from_url(&url).unwrap()).await.unwrap());
    let folder = server.0.folder().display().to_string();
    assert!(!encrypted(server.options(&name).host(&folder)).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_starts_while_its_database_is_down_and_errors_keep_the_password() {
    let Some(mut server) = own().await else { return };
    let name = server.new_database().name;
    let url = server.url(server.port(), &name);
    server.stop();
    let options = PostgresOptions::from_url(&url).unwrap();
    assert!(!format!("{options:?}").contains(PASSWORD));
    let storage = options.open();
    assert!(!format!("{storage:?}").contains(PASSWORD));
    let started = Instant::now();
    let error = storage.read("a").await.unwrap_err();
    assert!(matches!(error, StorageError::NotDone(_)) && started.elapsed() < IN_TIME);
    assert!(!format!("{error:?}").contains(PASSWORD));
    server.restart();
    assert!(matches!(storage.read("a").await, Err(StorageError::MissingTable { .. })));
    storage.migrate().await.unwrap();
    assert!(storage.read("a").await.unwrap().is_none());
    let wrong = postgres::options(server.port(), &name).password("wrong").open();
    let error = wrong.read("a").await.unwrap_err();
    assert!(matches!(&error, StorageError::NotDone(source) if source.to_string().contains("password")), "{error:?}");
}

/// What Django's settings say arrives at the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn startup_options_arrive() {
    let Some(server) = Server::shared().await else { return };
    let (_, name) = server.storage().await;
    let mut connection = server.connect(&name).await;
    run(&mut connection, "CREATE ROLE reader; CREATE SCHEMA shop").await;
    let url = server.url(&name);
    let denied = PostgresOptions::from_url(&format!("{url}?assume_role=reader")).unwrap().open();
    let error = denied.read("a").await.unwrap_err();
    assert!(matches!(&error, StorageError::NotDone(source) if source.to_string().contains("42501")), "{error:?}");
    let shop =
        PostgresOptions::from_url(&format!("{url}?options=-c%20search_path%3Dshop%5C%20,pg_temp&isolation_level=4"));
    let shop = shop.unwrap().open();
    assert!(matches!(shop.read("a").await, Err(StorageError::MissingTable { .. })));
    let done = shop.migrate().await.unwrap();
    assert!(done.created_table && server.0.psql(&name, "SELECT count(*) FROM shop.django_session") == "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions_go_through_pgbouncer_in_transaction_mode() {
    let Some(server) = Server::shared().await else { return };
    let Some(bouncer) = PgBouncer::before(server.0) else { return };
    let name = server.database().await;
    // Who forgets it is told what to do.
    let unaware = options(bouncer.port(), &name).open().migrate().await.unwrap_err();
    let StorageError::NotDone(cause) = unaware else { panic!("{unaware}") };
    assert!(cause.to_string().contains("DISABLE_SERVER_SIDE_CURSORS"), "{cause}");

    let url = format!("{}?disable_server_side_cursors=True", server.0.url(bouncer.port(), &name));
    let storage = PostgresOptions::from_url(&url).unwrap().open();
    storage.migrate().await.unwrap();
    cloakroom::testing::storage_contract(async || storage.clone()).await;
    let own = PostgresStorage::from_pool(pool(&server.0.url(bouncer.port(), &name), 5)).pgbouncer(true).open();
    cloakroom::testing::storage_contract(async || own.clone()).await;
    let store = store(storage);
    let many = (0..50).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let (session, key) = saved(&store).await;
            session.set("more", &1).unwrap();
            session.asave().await.unwrap();
            assert_eq!(store.session(Some(&key)).load().await.unwrap().keys().len(), 2);
        })
    });
    for one in many.collect::<Vec<_>>() {
        one.await.unwrap();
    }
}
