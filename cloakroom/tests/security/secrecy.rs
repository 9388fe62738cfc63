//! S8: what nobody gets to see.

use std::error::Error;
use std::fmt::{Debug, Write as _};
use std::io::Write;
use std::sync::{Arc, Mutex};

use cloakroom::testing::{Fault, Operation};
use cloakroom::{EngineName, LazySession, Session, SessionKey, SessionStore, Settings};
use http::header;
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::engines::{database_urls, every_engine, watched};
use crate::keys::Path;
use crate::visits::{request, set, site, visit};

/// Everything that is logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Of the whole process, at the finest level: storages log from threads of their own.
    fn start() -> Self {
        let log = Self::default();
        let writer = log.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
            .with_writer(move || writer.clone())
            .init();
        log
    }
}

const SECRET: &str = "hush-hush-this-is-the-secret";
const OTHER_SECRET: &str = "another-secret-to-keep";
const DATA: &str = "Lovelace";
const PASSWORD: &str = "hunter2-hidden";

/// What is shown of anything, one way or another.
#[derive(Default)]
struct Shown(String);

impl Shown {
    fn debug(&mut self, what: &impl Debug) {
        writeln!(self.0, "{what:?} {what:#?}").unwrap();
    }

    fn error(&mut self, error: &(dyn Error + 'static)) {
        let mut next = Some(error);
        while let Some(error) = next {
            writeln!(self.0, "{error} {error:?} {error:#?}").unwrap();
            next = error.source();
        }
    }

    fn errors<T>(&mut self, result: Result<T, impl Error + 'static>) {
        if let Err(error) = result {
            self.error(&error);
        }
    }

    /// A response, but for the cookie, which is where the key belongs.
    async fn visit<H, T>(&mut self, store: &SessionStore, key: &SessionKey, handler: H)
    where
        H: axum::handler::Handler<T, ()>,
        T: 'static,
    {
        let mut response = site(store, handler).oneshot(request(store, Some(key.as_str()))).await.unwrap();
        response.headers_mut().remove(header::SET_COOKIE);
        self.debug(&response);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        self.0.push_str(std::str::from_utf8(&body).unwrap());
    }
}

async fn hiding(store: &SessionStore, hidden: &mut Vec<String>) -> (Session, SessionKey) {
    let session = store.session(None).load().await.unwrap();
    session.set("name", DATA).unwrap();
    session.asave().await.unwrap();
    let key = session.session_key().unwrap();
    hidden.push(key.as_str().to_owned());
    (session, key)
}

/// A store with the wrong secret, an update of what is gone, a name of another type, `Debug` of everything.
async fn on_every_engine(shown: &mut Shown, hidden: &mut Vec<String>) {
    let settings = || Settings::new().secret_key(SECRET);
    for place in every_engine().await {
        let (store, other) = (place.store(settings()), place.store(Settings::new().secret_key(OTHER_SECRET)));
        let (session, key) = hiding(&store, hidden).await;
        shown.errors(other.session(Some(&key)).akeys().await);
        shown.errors(session.get::<u32>("name"));
        shown.visit(&store, &key, |session: Session| async move { session.get::<u32>("name").map(drop) }).await;
        store.delete(&key).await.unwrap();
        session.set("name", DATA).unwrap();
        shown.error(&session.asave().await.unwrap_err());
        let late = store.clone();
        let ended = |session: LazySession| async move {
            session.aset("name", DATA).await?;
            late.delete(&session.session_key().unwrap()).await
        };
        let (_, key) = hiding(&store, hidden).await;
        shown.visit(&store, &key, ended).await;
        shown.debug(&(&session, &store, &place.engine, &key, session.data(), session.items(), store.settings()));
        let kept = session.encode(&session.data()).unwrap();
        hidden.push(kept.clone());
        shown.errors(other.decode(&kept));
    }
    let store = SessionStore::signed_cookies(settings()).unwrap();
    let (session, key) = hiding(&store, hidden).await;
    let other = SessionStore::signed_cookies(Settings::new().secret_key(OTHER_SECRET)).unwrap();
    other.session_from_cookie(Some(key.as_str())).akeys().await.unwrap();
    shown.errors(other.decode(key.as_str()));
    session.set("much", &format!("{DATA}{:?}", (0..4_000).collect::<Vec<_>>())).unwrap();
    shown.error(&session.asave().await.unwrap_err());
    shown.debug(&(&session, &store, &key));
}

/// Every operation of every storage fails once in every way.
async fn with_faults(shown: &mut Shown, hidden: &mut Vec<String>) {
    use Operation::{Bury, Insert, Read, Remove, Rename, Replace, Touch};
    for engine in watched() {
        let store = engine.store(Settings::new().secret_key(SECRET));
        for fault in [Fault::NotDone, Fault::LostAnswer, Fault::LostRequest] {
            for operation in [Read, Insert, Replace, Touch, Remove, Rename, Bury] {
                let (_, key) = hiding(&store, hidden).await;
                let handlers: [Path; 5] = [
                    |session| Box::pin(async move { session.aset("name", DATA).await }),
                    |session| Box::pin(async move { session.acycle_key().await }),
                    |session| Box::pin(async move { session.asave().await }),
                    |session| Box::pin(async move { session.acreate().await }),
                    |session| Box::pin(async move { session.aflush().await }),
                ];
                for handler in handlers {
                    engine.fail_next(operation, fault);
                    shown.visit(&store, &key, handler).await;
                    engine.reset();
                }
            }
        }
    }
}

/// Servers that are not there, or do not let us in, and URLs that say nothing useful.
async fn passwords(shown: &mut Shown) {
    let nobody = |scheme: &str, path: &str| format!("{scheme}://ada:{PASSWORD}@127.0.0.1:1/{path}");
    let mut urls = vec![nobody("postgres", "site"), nobody("mysql", "site"), nobody("redis", "0")];
    for url in database_urls().await {
        let (user, rest) = url.split_once('@').unwrap();
        urls.push(format!("{}:{PASSWORD}@{rest}", user.rsplit_once(':').unwrap().0));
    }
    for url in [nobody("postgres", "site?sslmode=odd"), nobody("mysql", "site?odd=1"), nobody("odd", "site")] {
        urls.extend([url.replace("127.0.0.1:1", "127.0.0.1:port"), url]);
    }
    for url in urls {
        let settings = if url.starts_with("redis") {
            Settings::new().session_engine(EngineName::Cache).cache_url(&url)
        } else {
            Settings::new().database_url(&url)
        };
        let settings = settings.secret_key(SECRET);
        shown.debug(&settings);
        match SessionStore::open(settings) {
            Err(error) => shown.error(&error),
            Ok(store) => {
                shown.debug(&store);
                let error = store.session(Some(&SessionKey::generate())).akeys().await.unwrap_err();
                shown.error(&error);
                shown.visit(&store, &SessionKey::generate(), set).await;
            }
        }
    }
}

#[tokio::test]
async fn s08_keys_data_secrets_and_passwords_appear_in_no_log_error_or_debug_of_any_engine() {
    let log = Log::start();
    let (mut shown, mut hidden) = (Shown::default(), vec![]);
    on_every_engine(&mut shown, &mut hidden).await;
    with_faults(&mut shown, &mut hidden).await;
    passwords(&mut shown).await;

    let logged = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(logged.contains("cannot be verified"), "nothing was logged");
    assert!(logged.contains("session.change_key"), "no span was logged");
    let known: SessionKey = hidden[0].parse().unwrap();
    assert!(shown.0.contains(&known.short_hash()), "Debug does not say which session");
    hidden.extend([SECRET, OTHER_SECRET, DATA, PASSWORD].map(str::to_owned));
    for hidden in hidden {
        let context = |text: &str| {
            let at = text.find(&hidden).unwrap();
            text[..at].chars().rev().take(400).collect::<Vec<_>>().into_iter().rev().collect::<String>()
        };
        assert!(!logged.contains(&hidden), "{hidden} in the log, behind:\n{}", context(&logged));
        assert!(!shown.0.contains(&hidden), "{hidden} is shown, behind:\n{}", context(&shown.0));
    }
}

#[tokio::test]
async fn s08_a_key_in_a_url_is_none() {
    let store = SessionStore::memory(Settings::new()).unwrap();
    let (_, key) = hiding(&store, &mut Vec::new()).await;
    let handler = |session: LazySession| async move {
        assert_eq!((session.session_key(), session.aget::<String>("name").await?), (None, None));
        session.aset("a", &1).await
    };
    let mut request = request(&store, None);
    *request.uri_mut() = format!("/?sessionid={0}&session_key={0}#{0}", key.as_str()).parse().unwrap();
    let response = site(&store, handler).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(!response.headers().contains_key(header::LOCATION));
    // And with the cookie it counts.
    let response = visit(&store, Some(key.as_str()), |session| async move {
        assert_eq!(session.aget::<String>("name").await?.as_deref(), Some(DATA));
        Ok(())
    });
    assert_eq!(response.await.status(), 200);
}
