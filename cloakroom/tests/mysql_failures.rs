//! A MariaDB that stops, dies, stands still or changes: typed errors in time, nothing overwritten, and the next request
//! after its return works.
#![cfg(feature = "mysql")]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/mysql.rs"]
mod mysql;

use std::time::{Duration, Instant};

use cloakroom::storage::mysql::{MysqlOptions, MysqlTls};
use cloakroom::storage::{Expect, Insert, MysqlStorage, New, Replace, Storage, StorageError, Touch};
use cloakroom::{Session, SessionError, SessionKey, SessionStore, Settings, Timestamp};
use mysql::{connect, options, own, pool, run, shared, socket, storage};
use test_servers::{PASSWORD, Proxy};

/// What a request may wait at the defaults.
const IN_TIME: Duration = Duration::from_secs(10);

const NEW: New<'_> = New::of(b"data", Timestamp::MAX);

fn store(storage: MysqlStorage) -> SessionStore {
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
    let Some(mut server) = own(&[]).await else { return };
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
    let Some(server) = own(&[]).await else { return };
    let (storage, _) = storage(&server).await;
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
}

/// A row that somebody holds: the server ends the statement before it is given up here, and it has no effect later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_was_given_up_has_no_effect_later() {
    let Some(server) = shared().await else { return };
    let (_, name) = storage(server).await;
    let url = server.url(server.port(), &name);
    let short = Duration::from_secs(4);
    let ways = [
        options(server.port(), &name).timeout(short).open(),
        MysqlStorage::from_pool(pool(&url, 2, "DO 1")).timeout(short).open(),
        MysqlStorage::from_pool(pool(&url, 2, "SET autocommit = 0")).timeout(short).open(),
    ];
    for storage in ways {
        let Insert::Inserted(version) = storage.insert("held", NEW).await.unwrap() else { panic!() };
        let mut holder = connect(server, &name).await;
        run(&mut holder, "BEGIN; UPDATE django_session SET expire_date = '2000-01-01'").await;
        let new = New::of(b"next", Timestamp::MAX);
        let error = storage.replace("held", Expect::Version(&version), new).await.unwrap_err();
        assert!(matches!(error, StorageError::NotDone(_)), "the server said so itself: {error:?}");
        run(&mut holder, "ROLLBACK").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(storage.read("held").await.unwrap().unwrap().data, "data");
        let _ = storage.remove("held", Expect::Present).await.unwrap();
    }
    // A lock is waited for in whole seconds, and that too is an answer in time at the defaults.
    let storage = options(server.port(), &name).open();
    let _ = storage.insert("held", NEW).await.unwrap();
    let mut holder = connect(server, &name).await;
    run(&mut holder, "LOCK TABLES django_session WRITE").await;
    let started = Instant::now();
    let error = storage.touch("held", Expect::Present, Timestamp::MIN).await.unwrap_err();
    assert!(matches!(error, StorageError::NotDone(_)) && started.elapsed() < IN_TIME, "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_is_one_round_trip() {
    let Some(server) = shared().await else { return };
    let (_, name) = storage(server).await;
    let proxy = Proxy::before(server.port());
    let storage = options(proxy.port(), &name).tls(MysqlTls::Disabled).max_connections(1).open();
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
        // The rows that were found count, not those that changed.
        assert_eq!(storage.touch("a", expect, Timestamp::MAX).await.unwrap(), Touch::Touched);
        count("touch", 1);
        assert_eq!(storage.replace("a", expect, NEW).await.unwrap(), Replace::Replaced(version));
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_changes_under_prepared_statements() {
    let Some(server) = shared().await else { return };
    let (storage, name) = storage(server).await;
    let _ = storage.insert("a", NEW).await.unwrap();
    storage.read("a").await.unwrap().unwrap();
    let mut other = connect(server, &name).await;
    run(&mut other, "ALTER TABLE django_session MODIFY session_data varchar(5000) NOT NULL, ADD more text").await;
    assert_eq!(storage.read("a").await.unwrap().unwrap().data, "data");
    let _ = storage.replace("a", Expect::Present, NEW).await.unwrap();
    run(&mut other, "DROP TABLE django_session").await;
    assert!(matches!(storage.read("a").await, Err(StorageError::MissingTable { .. })));
    assert!(matches!(storage.insert("a", NEW).await, Err(StorageError::MissingTable { .. })));
    storage.migrate().await.unwrap();
    assert!(matches!(storage.insert("a", NEW).await.unwrap(), Insert::Inserted(_)));
    // An administrator ends the connections.
    let store = store(storage.clone());
    let (session, _) = saved(&store).await;
    let end = "BEGIN NOT ATOMIC FOR p IN (SELECT id FROM information_schema.processlist WHERE db = DATABASE() \
               AND id <> CONNECTION_ID()) DO KILL p.id; END FOR; END";
    run(&mut other, end).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    storage.read("a").await.unwrap().unwrap();
    run(&mut other, end).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    session.set("name", "Bob").unwrap();
    session.asave().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_is_exhausted_is_an_error_in_time() {
    let Some(server) = shared().await else { return };
    let (_, name) = storage(server).await;
    let pool = pool(&server.url(server.port(), &name), 1, "DO 1");
    let storage = MysqlStorage::from_pool(pool.clone()).timeout(Duration::from_millis(400)).open();
    let _ = storage.insert("a", NEW).await.unwrap();
    let taken = pool.acquire().await.unwrap();
    let started = Instant::now();
    assert!(matches!(storage.read("a").await, Err(StorageError::NotDone(_))));
    assert!(matches!(storage.insert("b", NEW).await, Err(StorageError::NotDone(_))));
    assert!(started.elapsed() < IN_TIME);
    drop(taken);
    storage.read("a").await.unwrap().unwrap();

    // The storage's own connections, one of them, held up by a lock.
    let storage = options(server.port(), &name).max_connections(1).timeout(Duration::from_secs(1)).open();
    let mut holder = connect(server, &name).await;
    run(&mut holder, "LOCK TABLES django_session WRITE").await;
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
    run(&mut holder, "UNLOCK TABLES").await;
    storage.read("a").await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_that_no_packet_holds_is_a_clear_error_and_nothing_is_written() {
    let Some(server) = own(&["--max-allowed-packet=1M"]).await else { return };
    let (storage, name) = storage(&server).await;
    let large = "x".repeat(3 * 1024 * 1024);
    let new = New::of(large.as_bytes(), Timestamp::MAX);
    let pooled = MysqlStorage::from_pool(pool(&server.url(server.port(), &name), 2, "DO 1")).open();
    for storage in [storage, pooled] {
        let Insert::Inserted(version) = storage.insert("a", NEW).await.unwrap() else { panic!() };
        for error in [
            storage.insert("b", new).await.map(drop).unwrap_err(),
            storage.replace("a", Expect::Version(&version), new).await.map(drop).unwrap_err(),
            storage.rename("a", "b", Expect::Present, new).await.map(drop).unwrap_err(),
        ] {
            let StorageError::NotDone(source) = &error else { panic!("{error:?}") };
            assert!(source.to_string().contains("max_allowed_packet (1048576)"), "{source}");
        }
        assert!(storage.read("b").await.unwrap().is_none());
        assert_eq!(storage.read("a").await.unwrap().unwrap().data, "data");
        let _ = storage.remove("a", Expect::Present).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_looked_at_as_told() {
    let Some(server) = shared().await else { return };
    let (_, name) = storage(server).await;
    let Some(other) = own(&[]).await else { return };
    let (right, wrong) = (server.authority(), other.authority());
    // The first command of a connection writes down how it is encrypted.
    run(&mut connect(server, &name).await, "CREATE TABLE tls (cipher text)").await;
    let encrypted = async |options: MysqlOptions| -> Result<bool, StorageError> {
        let note = "DELETE FROM tls; INSERT INTO tls SELECT variable_value FROM information_schema.session_status \
                    WHERE variable_name = 'Ssl_cipher'";
        options.init_command(note).max_connections(1).open().read("a").await?;
        Ok(!server.query(&name, "SELECT cipher FROM tls").is_empty())
    };
    let with = |tls| options(server.port(), &name).tls(tls);
    assert!(!encrypted(with(MysqlTls::Disabled)).await.unwrap());
    assert!(encrypted(with(MysqlTls::Preferred)).await.unwrap());
    assert!(encrypted(with(MysqlTls::Required)).await.unwrap());
    for tls in [MysqlTls::VerifyCa, MysqlTls::VerifyIdentity] {
        assert!(encrypted(with(tls).root_certificate(right)).await.unwrap());
        for refused in [with(tls).root_certificate(wrong), with(tls), with(tls).root_certificate("/nowhere")] {
            let error = encrypted(refused).await.unwrap_err();
            assert!(matches!(error, StorageError::NotDone(_)), "{error:?}");
        }
    }
    // A name that the certificate is not for.
    let elsewhere = |tls| with(tls).root_certificate(right).host("127.0.0.2");
    assert!(encrypted(elsewhere(MysqlTls::VerifyIdentity)).await.is_err());
    // A user who has to come with TLS; by the settings; and through the Unix socket.
    assert!(encrypted(with(MysqlTls::Required).user("tls")).await.unwrap());
    assert!(encrypted(with(MysqlTls::Disabled).user("tls")).await.is_err());
    let url = server.url(server.port(), &name);
    let url = format!("{url}?ssl_mode=VERIFY_IDENTITY&ssl.ca={}", right.display());
    assert!(encrypted(MysqlOptions::from_url(&url).unwrap()).await.unwrap());
    assert!(!encrypted(socket(&server.socket(), &name)).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_starts_while_its_database_is_down_and_errors_keep_the_password() {
    let Some(mut server) = own(&[]).await else { return };
    let name = server.new_database().name;
    let url = server.url(server.port(), &name);
    server.stop();
    let options = MysqlOptions::from_url(&url).unwrap();
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
    let wrong = mysql::options(server.port(), &name).password("wrong").open();
    let error = wrong.read("a").await.unwrap_err();
    assert!(matches!(&error, StorageError::NotDone(source) if source.to_string().contains("denied")), "{error:?}");
}

/// What Django's settings say arrives at the server, and so does what the storage sets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn options_arrive() {
    let Some(server) = shared().await else { return };
    let (_, name) = storage(server).await;
    let sql = "CREATE TABLE seen (what text); ALTER TABLE django_session ADD mode text DEFAULT (@@sql_mode)";
    run(&mut connect(server, &name).await, sql).await;
    let url = format!(
        "{}?unix_socket={}&isolation_level=serializable&sql_mode=ANSI_QUOTES&init_command={}",
        server.url(1, &name),
        server.socket().display(),
        "SET%20%40%40session.default_week_format%3D3"
    );
    let storage = MysqlOptions::from_url(&url).unwrap().max_connections(1).open();
    // A trigger looks at the connection that writes.
    let trigger = "CREATE TRIGGER look BEFORE INSERT ON django_session FOR EACH ROW INSERT INTO seen VALUES (CONCAT_WS(\
                   ' ', @@tx_isolation, @@default_week_format, @@autocommit, @@character_set_client, \
                   @@innodb_lock_wait_timeout, @@max_statement_time))";
    run(&mut connect(server, &name).await, trigger).await;
    let _ = storage.insert("a", NEW).await.unwrap();
    let seen = server.query(&name, "SELECT what FROM seen");
    assert!(seen.starts_with("SERIALIZABLE 3 ON utf8mb4 1 2.1"), "{seen}");
    let mode = server.query(&name, "SELECT mode FROM django_session");
    assert_eq!(mode, "ANSI_QUOTES,STRICT_TRANS_TABLES");
    let shop = server.new_database().name;
    let settings = Settings::new().database_url(server.url(server.port(), &name)).session_schema(&shop);
    let storage = MysqlOptions::for_settings(&settings).unwrap().open();
    assert!(storage.migrate().await.unwrap().created_table);
    assert_eq!(server.query(&shop, "SELECT count(*) FROM django_session"), "0");
}
