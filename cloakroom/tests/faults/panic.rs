//! A handler that panics under a real server: a flush is carried out, a change is not saved, nothing is poisoned.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use cloakroom::storage::MemoryStorage;
use cloakroom::{Session, SessionKey, SessionLayer, SessionStore, Settings};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::places::{Cache, Database, Place, Site};

/// A value that panics while the session writes or reads it.
struct Broken;

impl Serialize for Broken {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("on purpose")
    }
}

impl<'de> Deserialize<'de> for Broken {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("on purpose")
    }
}

async fn handler(Path(act): Path<String>, session: Session) -> String {
    match act.as_str() {
        "change" => session.set("a", &2).unwrap(),
        "flush" => session.flush(),
        "cycle" => session.cycle_key(),
        "cycle_now" => session.acycle_key().await.unwrap(),
        "write" => {
            session.set("a", &2).unwrap();
            session.set("b", &Broken).unwrap();
        }
        "read" => drop(session.get::<Broken>("a")),
        // Handles of the same request live on in other tasks.
        "held" => {
            session.set("a", &2).unwrap();
            let (other, data) = (session.clone(), Arc::new(session.data()));
            tokio::spawn(async move { drop((other.get::<u8>("a"), data)) });
        }
        _ => return session.data().to_json(),
    }
    panic!("on purpose")
}

/// A server on a port of its own.
async fn serve(store: &SessionStore) -> String {
    let app = Router::new().route("/{act}", get(handler)).layer(SessionLayer::new(store.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

/// The answer's text; `None` if the line was closed instead.
async fn ask(site: &str, act: &str, key: &SessionKey) -> Option<String> {
    let (url, cookie) = (format!("{site}/{act}"), format!("sessionid={}", key.as_str()));
    let ask = move || ureq::get(&url).header("cookie", &cookie).call().ok()?.body_mut().read_to_string().ok();
    tokio::task::spawn_blocking(ask).await.unwrap()
}

async fn panics_on(place: Place) {
    let Some(site) = Site::open(place).await else { return };
    let url = serve(&site.store).await;
    for act in ["change", "cycle", "write", "read", "held", "cycle_now", "flush"] {
        site.forget_keys();
        let key = site.stored().await;
        assert_eq!(ask(&url, act, &key).await, None, "{place:?}: {act}");
        match act {
            "flush" => {
                let started = Instant::now();
                while site.store.exists(&key).await.unwrap() {
                    assert!(started.elapsed() < Duration::from_secs(30), "{place:?}: the flush was not carried out");
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                assert_eq!(ask(&url, "look", &key).await.unwrap(), "{}");
                site.assert_gone(&key).await;
            }
            // It took effect before: the session is whole under its new key.
            "cycle_now" => {
                site.assert_gone(&key).await;
                let live = site.live_keys().await;
                assert_eq!(live.len(), 1, "{place:?}");
                assert_eq!(ask(&url, "look", &live[0]).await.unwrap(), r#"{"a":1,"b":1}"#);
            }
            _ => {
                assert_eq!(ask(&url, "look", &key).await.unwrap(), r#"{"a":1,"b":1}"#, "{place:?}: {act}");
                assert_eq!(site.live_keys().await, std::slice::from_ref(&key), "{place:?}: {act}");
                assert_eq!(site.members(&key).await, r#"{"a":1,"b":1}"#, "{place:?}: {act}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panicking_handler_saves_nothing_but_a_flush_in_a_database() {
    panics_on(Place::Db(Database::Sqlite)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panicking_handler_saves_nothing_but_a_flush_in_files() {
    panics_on(Place::Files).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panicking_handler_saves_nothing_but_a_flush_on_memcached() {
    panics_on(Place::Cache(Cache::Memcached)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panicking_handler_saves_nothing_but_a_flush_on_postgresql_behind_redis() {
    panics_on(Place::CachedDb(Database::PostgreSql, Cache::Redis)).await;
}

/// A panic while a value is written or read, with the session's own state in hand, leaves a handle that works.
#[tokio::test]
async fn a_panic_inside_the_session_poisons_no_handle() {
    let store = SessionStore::db(MemoryStorage::new(), Settings::new().secret_key("a secret")).unwrap();
    let session = store.session(None).load().await.unwrap();
    session.set("a", &1).unwrap();
    for write in [true, false] {
        let handle = session.clone();
        let task = tokio::spawn(async move {
            if write {
                handle.set("a", &Broken).unwrap();
            } else {
                handle.get::<Broken>("a").unwrap();
            }
        });
        assert!(task.await.unwrap_err().is_panic());
    }
    assert_eq!(session.get::<u8>("a").unwrap(), Some(1));
    session.asave().await.unwrap();
    let again = store.session(session.session_key().as_ref()).load().await.unwrap();
    assert_eq!(again.data().to_json(), r#"{"a":1}"#);
}
