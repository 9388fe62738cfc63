//! One test a line of the security checklist (`docs/security.md`), as far as this version has engines for it.
#![allow(missing_docs, clippy::unwrap_used)]

mod caches;

use std::collections::HashSet;
use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::routing::any;
use cloakroom::storage::MemoryStorage;
use cloakroom::testing::{Fault, Operation, SpyStorage};
use cloakroom::{
    Clock, LazySession, SameSite, SessionError, SessionKey, SessionLayer, SessionStore, Settings, Timestamp,
};
use http::{HeaderMap, Request, Response, header};
use tower::ServiceExt;

type Spy = SpyStorage<MemoryStorage>;
type Answer = Result<(), SessionError>;

fn site_with(settings: Settings) -> (Spy, SessionStore) {
    let spy = SpyStorage::new(MemoryStorage::new());
    let store = SessionStore::db(spy.clone(), settings.secret_key("a secret")).unwrap();
    (spy, store)
}

fn site() -> (Spy, SessionStore) {
    site_with(Settings::new())
}

async fn stored(store: &SessionStore) -> SessionKey {
    let session = store.session(None).load().await.unwrap();
    session.set("name", "Ada").unwrap();
    session.asave().await.unwrap();
    session.session_key().unwrap()
}

async fn visit<F: Future<Output = Answer> + Send + 'static>(
    store: &SessionStore,
    cookie: Option<&str>,
    handler: impl Fn(LazySession) -> F + Clone + Send + Sync + 'static,
) -> Response<Body> {
    let app = Router::new().fallback(any(handler)).layer(SessionLayer::new(store.clone()));
    let mut request = Request::new(Body::empty());
    if let Some(value) = cookie {
        let cookie = format!("{}={value}", store.settings().cookie_name());
        request.headers_mut().insert(header::COOKIE, header::HeaderValue::from_bytes(cookie.as_bytes()).unwrap());
    }
    app.oneshot(request).await.unwrap()
}

fn cookies(headers: &HeaderMap) -> Vec<&str> {
    headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect()
}

async fn ok(_: LazySession) -> Answer {
    Ok(())
}

async fn set(session: LazySession) -> Answer {
    session.aset("a", &1).await
}

#[test]
fn s01_keys_have_165_random_bits() {
    let keys: HashSet<String> = (0..10_000).map(|_| SessionKey::generate().as_str().to_owned()).collect();
    assert_eq!(keys.len(), 10_000);
    let of_a_key = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    assert!(keys.iter().all(|key| key.len() == 32 && key.bytes().all(of_a_key)));
    // Each place takes each of the 36 characters.
    for place in 0..32 {
        let seen: HashSet<u8> = keys.iter().map(|key| key.as_bytes()[place]).collect();
        assert_eq!(seen.len(), 36, "place {place}");
    }
}

#[tokio::test]
async fn s02_a_key_the_server_did_not_issue_is_never_adopted() {
    let planted = "attackerschosenkey0123456789abcd";
    type Path = fn(LazySession) -> std::pin::Pin<Box<dyn Future<Output = Answer> + Send>>;
    let paths: [Path; 9] = [
        |session| Box::pin(async move { session.aset("a", &1).await }),
        |session| Box::pin(async move { session.aupdate(&serde_json::json!({"a": 1})).await }),
        |session| Box::pin(async move { session.acycle_key().await }),
        |session| Box::pin(async move { session.acreate().await }),
        |session| Box::pin(async move { session.asave_must_create().await }),
        |session| Box::pin(async move { session.asave().await.or(Ok(())) }),
        |session| Box::pin(async move { session.aset_expiry(60).await }),
        |session| {
            Box::pin(async move {
                let session = session.load().await?;
                session.clear();
                session.set("a", &1)
            })
        },
        |session| {
            Box::pin(async move {
                let session = session.load().await?;
                session.flush();
                session.set("a", &1)
            })
        },
    ];
    for save_every in [false, true] {
        for (at, path) in paths.iter().enumerate() {
            let (_, store) = site_with(Settings::new().session_save_every_request(save_every));
            let path = *path;
            let response = visit(&store, Some(planted), path).await;
            assert!(response.status().is_success(), "path {at}");
            assert!(!store.exists(&planted.parse().unwrap()).await.unwrap(), "path {at} adopted the key");
            assert!(!cookies(response.headers()).iter().any(|cookie| cookie.contains(planted)), "path {at}");
        }
    }
}

#[tokio::test]
async fn s03_a_hostile_key_reaches_no_storage() {
    let hostile = [
        "\0\0\0\0\0\0\0\0",
        "../../../../etc/passwd",
        "'; DROP TABLE django_session; --",
        "AAAAAAAAAAAAAAAA",
        "é€😀é€😀",
        &"a".repeat(100_000),
        "%00%00%00%00%00",
        "a b c d e f g h",
        "\"quoted quoted\"",
        "abcdefg",
    ];
    for value in hostile {
        let (spy, store) = site();
        let session = store.session_from_cookie(Some(value));
        session.akeys().await.unwrap();
        session.aflush().await.unwrap();
        assert_eq!(spy.calls().total(), 0, "{value:.40}");
        assert!(SessionKey::parse(value).is_err());
    }
}

#[tokio::test]
async fn s04_changing_the_key_makes_the_old_one_dead() {
    let (_, store) = site();
    let key = stored(&store).await;
    visit(&store, Some(key.as_str()), |session: LazySession| async move { session.acycle_key().await }).await;
    assert!(!store.exists(&key).await.unwrap());
    assert!(store.session(Some(&key)).aload().await.unwrap().is_empty());
}

#[tokio::test]
async fn s05_an_empty_key_is_never_valid_and_flush_means_no_key() {
    assert!(SessionKey::parse("").is_err());
    let (spy, store) = site();
    let response = visit(&store, Some(""), ok).await;
    assert!(cookies(response.headers())[0].contains("Max-Age=0"));
    assert_eq!(spy.calls().total(), 0);
    let key = stored(&store).await;
    let session = store.session(Some(&key));
    session.aflush().await.unwrap();
    assert_eq!(session.session_key(), None);
}

#[tokio::test]
async fn s06_no_empty_session_is_stored() {
    let (spy, store) = site_with(Settings::new().session_save_every_request(true));
    let unknown = SessionKey::generate();
    for cookie in [None, Some(unknown.as_str()), Some("short"), Some("Not-A-Key-At-All")] {
        visit(&store, cookie, ok).await;
        visit(&store, cookie, |session: LazySession| async move { session.aflush().await }).await;
        visit(&store, cookie, |session: LazySession| async move {
            session.load().await?.flush();
            Ok(())
        })
        .await;
    }
    assert_eq!(spy.calls().insert, 0);
    assert!(spy.inner().is_empty());
}

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

#[tokio::test]
async fn s08_keys_and_data_never_appear_in_a_log_an_error_or_debug() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);

    let storage = MemoryStorage::new();
    let spy = SpyStorage::new(storage.clone());
    let store = SessionStore::db(spy.clone(), Settings::new().secret_key("hushhush")).unwrap();
    let other = SessionStore::db(storage, Settings::new().secret_key("another")).unwrap();
    let session = store.session(None).load().await.unwrap();
    session.set("name", "Lovelace").unwrap();
    session.asave().await.unwrap();
    let key = session.session_key().unwrap();
    let mut errors = String::new();
    // A row that cannot be verified, a storage that fails, a session that is gone.
    other.session(Some(&key)).akeys().await.unwrap();
    for fault in [Fault::NotDone, Fault::LostAnswer, Fault::LostRequest] {
        for operation in [Operation::Read, Operation::Replace] {
            spy.fail_next(operation, fault);
            let response = visit(&store, Some(key.as_str()), set).await;
            errors.push_str(&format!("{response:?}"));
            spy.reset();
        }
    }
    store.delete(&key).await.unwrap();
    session.set("name", "Lovelace").unwrap();
    let error = session.asave().await.unwrap_err();
    errors.push_str(&format!("{error} {error:?} {session:?} {store:?}"));

    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("cannot be verified"), "nothing was logged");
    assert!(logged.contains(&key.short_hash()), "the log does not say which session");
    for hidden in [key.as_str(), "Lovelace", "hushhush"] {
        assert!(!logged.contains(hidden), "{hidden} in the log:\n{logged}");
        assert!(!errors.contains(hidden), "{hidden} in an error:\n{errors}");
    }
}

#[tokio::test]
async fn s09_the_idle_limit_holds_on_the_server() {
    let now = Arc::new(Mutex::new(Timestamp::from_seconds(1_800_000_000).unwrap()));
    let ticking = Arc::clone(&now);
    // The storage itself keeps everything: the limit is not its doing.
    let storage = MemoryStorage::with_clock(Clock::new(|| Timestamp::UNIX_EPOCH));
    let settings = Settings::new().secret_key("s").session_cookie_age(60);
    let store = SessionStore::db(storage, settings).unwrap().with_clock(Clock::new(move || *ticking.lock().unwrap()));
    let key = stored(&store).await;
    let pass = |seconds: f64| {
        let mut now = now.lock().unwrap();
        *now = now.checked_add_seconds(seconds).unwrap();
    };
    pass(59.999);
    assert_eq!(store.session(Some(&key)).aget::<String>("name").await.unwrap().as_deref(), Some("Ada"));
    pass(0.001);
    assert_eq!(store.session(Some(&key)).aget::<String>("name").await.unwrap(), None);
    assert!(store.exists(&key).await.unwrap(), "the row itself is left for the clean-up");
}

#[tokio::test]
async fn s10_after_a_flush_the_key_fails_and_a_racing_request_does_not_bring_it_back() {
    let (_, store) = site();
    let key = stored(&store).await;
    let racing = store.session(Some(&key)).load().await.unwrap();
    visit(&store, Some(key.as_str()), |session: LazySession| async move { session.aflush().await }).await;
    racing.set("name", "Bob").unwrap();
    assert!(matches!(racing.asave().await, Err(SessionError::UpdateError)));
    racing.cycle_key();
    assert!(matches!(racing.asave().await, Err(SessionError::UpdateError)));
    assert!(!store.exists(&key).await.unwrap());
}

#[tokio::test]
async fn s11_http_only_by_default_same_site_explicit_secure_configurable() {
    let (_, store) = site();
    let response = visit(&store, None, set).await;
    let cookie = cookies(response.headers())[0];
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Lax") && !cookie.contains("; Secure"));
    let (_, store) = site_with(Settings::new().session_cookie_secure(true));
    let response = visit(&store, None, set).await;
    assert!(cookies(response.headers())[0].ends_with("; Secure"));
    let (_, store) = site_with(Settings::new().session_cookie_samesite(SameSite::left_out()));
    let response = visit(&store, None, set).await;
    assert!(!cookies(response.headers())[0].contains("SameSite"));
}

#[test]
fn s12_prefixed_names_are_validated_at_start_up_without_regard_to_case() {
    for name in ["__Host-sid", "__HOST-sid", "__Secure-sid", "__sEcUrE-sid"] {
        let settings = Settings::new().secret_key("s").session_cookie_name(name);
        let error = SessionStore::memory(settings).unwrap_err();
        assert_eq!(error.setting(), "SESSION_COOKIE_NAME");
    }
}

#[test]
fn s13_a_cookie_never_exceeds_4096_bytes() {
    // A key has at most 40 characters: the name is what could be too long, and it is known at start-up.
    let longest = "n".repeat(4_096 - 40);
    assert!(SessionStore::memory(Settings::new().session_cookie_name(longest.clone())).is_ok());
    assert!(SessionStore::memory(Settings::new().session_cookie_name(longest + "n")).is_err());
}

#[tokio::test]
async fn s14_one_set_cookie_a_name_and_a_removal_with_the_same_attributes() {
    let settings = Settings::new()
        .session_cookie_path("/app")
        .session_cookie_domain("example.com")
        .session_cookie_secure(true)
        .session_cookie_partitioned(true);
    let (_, store) = site_with(settings);
    let set_response = visit(&store, None, set).await;
    let flushed = visit(&store, Some("x"), ok).await;
    assert_eq!((cookies(set_response.headers()).len(), cookies(flushed.headers()).len()), (1, 1));
    let attributes = |cookie: &str| -> HashSet<String> {
        let volatile = |part: &&str| !part.starts_with("expires") && !part.starts_with("Max-Age");
        cookie.split("; ").skip(1).filter(volatile).map(str::to_owned).collect()
    };
    assert_eq!(attributes(cookies(set_response.headers())[0]), attributes(cookies(flushed.headers())[0]));
    assert!(SessionStore::memory(Settings::new().session_cookie_partitioned(true)).is_err());
}

#[tokio::test]
async fn s15_several_cookie_headers_and_duplicate_names_have_a_defined_answer() {
    let (_, store) = site();
    let key = stored(&store).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let handler = move |session: LazySession| {
        log.lock().unwrap().push(session.session_key());
        async { Ok::<_, SessionError>(()) }
    };
    let app = Router::new().fallback(any(handler)).layer(SessionLayer::new(store));
    let ours = format!("sessionid={}", key.as_str());
    let other = "sessionid=zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz";
    for headers in [vec![other, &ours], vec!["a=b", &ours, ";;;=;"], vec![&format!("{other}; {ours}")]] {
        let mut request = Request::new(Body::empty());
        for header in headers {
            request.headers_mut().append(header::COOKIE, header.parse().unwrap());
        }
        app.clone().oneshot(request).await.unwrap();
    }
    assert!(seen.lock().unwrap().iter().all(|found| found.as_ref() == Some(&key)));
}

#[tokio::test]
async fn s16_a_set_cookie_implies_vary_and_a_cache_control() {
    let (_, store) = site_with(Settings::new().session_save_every_request(true));
    let key = stored(&store).await;
    // Set without a read, set after a change, removed.
    for (cookie, touch) in [(Some(key.as_str()), false), (None, true), (Some("short"), false)] {
        let response = if touch { visit(&store, cookie, set).await } else { visit(&store, cookie, ok).await };
        assert_eq!(cookies(response.headers()).len(), 1);
        assert_eq!(response.headers()[header::VARY], "Cookie");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "private");
    }
}

#[test]
fn s17_to_s22_are_held_by_the_signing_vectors_and_the_decoders_properties() {
    // A signature is checked before anything else is looked at: what follows it is never reached.
    let store = SessionStore::db(MemoryStorage::new(), Settings::new().secret_key("s")).unwrap();
    for forged in [".AAAA:1:x", "!!!:1:x", "", ":::", &format!(".{}:1:{}", "A".repeat(100_000), "A".repeat(43))] {
        let error = store.decode(forged).unwrap_err();
        assert!(matches!(error, cloakroom::wire::DecodeError::BadSignature), "{error}");
    }
}

#[tokio::test]
async fn s24_a_storage_error_never_means_anonymous_then_overwrite() {
    for fault in [Fault::NotDone, Fault::LostRequest] {
        let (spy, store) = site();
        let key = stored(&store).await;
        spy.reset();
        spy.fail_next(Operation::Read, fault);
        let response = visit(&store, Some(key.as_str()), set).await;
        assert_eq!(response.status(), 500);
        assert!(cookies(response.headers()).is_empty());
        assert_eq!(spy.calls().total(), 1, "nothing but the read was tried");
        assert_eq!(store.session(Some(&key)).akeys().await.unwrap(), ["name"]);
    }
}
