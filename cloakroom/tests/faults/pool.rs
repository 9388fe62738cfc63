//! No connection to be had, or one that hangs: a typed error in time, a 500, nothing half-written, and at once all is well
//! again.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use cloakroom::storage::StorageError;
use cloakroom::{Engine, Session, SessionError, SessionKey, SessionLayer, SessionStore, Settings};
use http::{Request, StatusCode};
use tower::ServiceExt as _;

/// What the storages are told; the tests allow for a machine that does much else.
const TIMEOUT: Duration = Duration::from_millis(1_500);
const IN_TIME: Duration = Duration::from_secs(30);

struct Site {
    store: SessionStore,
    app: Router,
    key: SessionKey,
    /// Of another visitor, who logs out meanwhile.
    leaving: SessionKey,
}

async fn stored(store: &SessionStore) -> SessionKey {
    let session = store.session(None).load().await.unwrap();
    session.set("a", &1).unwrap();
    session.set("b", &1).unwrap();
    session.asave().await.unwrap();
    session.session_key().unwrap()
}

impl Site {
    async fn new(engine: Engine) -> Self {
        let store = SessionStore::new(engine, Settings::new().secret_key("a secret")).unwrap();
        let handler = |session: Session| async move {
            session.set("a", &2)?;
            session.set("b", &2)?;
            Ok::<_, SessionError>("changed")
        };
        let app = Router::new().route("/", get(handler)).layer(SessionLayer::new(store.clone()));
        let (key, leaving) = (stored(&store).await, stored(&store).await);
        Self { store, app, key, leaving }
    }

    async fn status(&self) -> StatusCode {
        let request = Request::get("/").header("cookie", format!("sessionid={}", self.key.as_str()));
        self.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    }

    async fn members(&self) -> String {
        self.store.session(Some(&self.key)).aload().await.unwrap().to_json()
    }

    /// While nothing can be written, which also holds up reads where `reads` is false.
    async fn fails_in_time(&self, loaded: Session, reads: bool) {
        let started = Instant::now();
        loaded.set("a", &3).unwrap();
        let (reading, leaving) = (self.store.session(Some(&self.key)), self.store.session(Some(&self.leaving)));
        let (read, saved, status, left) =
            tokio::join!(reading.aload(), loaded.asave(), self.status(), leaving.aflush());
        assert!(matches!((reads, &read), (true, Ok(_)) | (false, Err(SessionError::Storage(_)))), "{read:?}");
        let known =
            matches!(saved, Err(SessionError::Storage(StorageError::NotDone(_) | StorageError::OutcomeUnknown(_))));
        assert!(known, "{saved:?}");
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(matches!(left, Err(SessionError::Storage(_))), "nobody may think it logged out: {left:?}");
        assert!(started.elapsed() < IN_TIME, "{:?}", started.elapsed());
    }

    /// Once there is a connection again; `before` is what may be there.
    async fn is_well(&self, before: &[&str]) {
        let members = self.members().await;
        assert!(before.contains(&&*members), "{members}");
        assert_eq!(self.status().await, StatusCode::OK);
        assert_eq!(self.members().await, r#"{"a":2,"b":2}"#);
        for key in [&self.key, &self.leaving] {
            self.store.session(Some(key)).aflush().await.unwrap();
            assert!(!self.store.exists(key).await.unwrap());
        }
    }

    async fn loaded(&self) -> Session {
        self.store.session(Some(&self.key)).load().await.unwrap()
    }
}

const AS_BEFORE: &[&str] = &[r#"{"a":1,"b":1}"#];

#[cfg(feature = "postgres")]
#[tokio::test]
async fn a_site_that_holds_postgresqls_last_connection_gets_errors_in_time() {
    let Some(server) = crate::postgres::Server::shared().await else { return };
    let (_, name) = server.storage().await;
    let pool = crate::postgres::pool(&server.url(&name), 1);
    let storage = cloakroom::storage::PostgresStorage::from_pool(pool.clone()).timeout(TIMEOUT).open();
    let site = Site::new(Engine::db(storage)).await;
    let loaded = site.loaded().await;
    let held = pool.acquire().await.unwrap();
    site.fails_in_time(loaded, false).await;
    drop(held);
    site.is_well(AS_BEFORE).await;
}

#[cfg(feature = "mysql")]
#[tokio::test]
async fn a_site_that_holds_mariadbs_last_connection_gets_errors_in_time() {
    let Some(server) = crate::mysql::shared().await else { return };
    let (_, name) = crate::mysql::storage(server).await;
    let pool = crate::mysql::pool(&server.url(server.port(), &name), 1, "SELECT 1");
    let storage = cloakroom::storage::MysqlStorage::from_pool(pool.clone()).timeout(TIMEOUT).open();
    let site = Site::new(Engine::db(storage)).await;
    let loaded = site.loaded().await;
    let held = pool.acquire().await.unwrap();
    site.fails_in_time(loaded, false).await;
    drop(held);
    site.is_well(AS_BEFORE).await;
}

#[tokio::test]
async fn another_writer_of_the_sqlite_file_costs_an_error_in_time() {
    use cloakroom::storage::sqlite::SqliteOptions;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.sqlite3");
    let storage = SqliteOptions::new(&path).create(true).wal(true).busy_timeout(TIMEOUT).open().unwrap();
    storage.migrate().await.unwrap();
    let site = Site::new(Engine::db(storage)).await;
    let loaded = site.loaded().await;
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    site.fails_in_time(loaded, true).await;
    assert_eq!(site.members().await, AS_BEFORE[0], "reading goes on");
    other.execute_batch("ROLLBACK").unwrap();
    site.is_well(AS_BEFORE).await;
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn a_redis_that_hangs_costs_an_error_in_time() {
    let Some(server) = crate::redis::own(&[]).await else { return };
    let storage = crate::redis::options(server.port(), 0).timeout(TIMEOUT).open();
    let site = Site::new(Engine::cache(storage)).await;
    let loaded = site.loaded().await;
    server.pause();
    site.fails_in_time(loaded, false).await;
    server.resume();
    // What had left before the time was up may be carried out: whole, if at all.
    site.is_well(&[AS_BEFORE[0], r#"{"a":3,"b":1}"#, r#"{"a":2,"b":2}"#]).await;
}
