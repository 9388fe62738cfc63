//! The engine signed_cookies: what it promises, what it does not, and what hostile cookies come to. Size, salts and age
//! are lines of the security checklist and stand in `tests/security/`.
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::routing;
use cloakroom::storage::MemoryStorage;
use cloakroom::testing::SpyStorage;
use cloakroom::wire::SecretKey;
use cloakroom::wire::stored::{SESSION_SALT, SIGNED_COOKIES_SALT};
use cloakroom::{
    Clock, DerivedKey, LazySession, SessionError, SessionKey, SessionLayer, SessionStore, Settings, Timestamp,
};
use http::{Request, Response, header};
use proptest::prelude::*;
use tower::ServiceExt;

type Answer = Result<(), SessionError>;

const START: i64 = 1_831_700_317;

fn settings() -> Settings {
    Settings::new().secret_key("a secret")
}

fn site(settings: Settings) -> SessionStore {
    SessionStore::signed_cookies(settings).unwrap().with_clock(Clock::new(|| Timestamp::from_seconds(START).unwrap()))
}

/// A store whose clock is so many seconds ahead.
fn later(store: &SessionStore, seconds: i64) -> SessionStore {
    store.clone().with_clock(Clock::new(move || Timestamp::from_seconds(START + seconds).unwrap()))
}

async fn signed(store: &SessionStore, name: &str, value: &str) -> String {
    let session = store.session(None).load().await.unwrap();
    session.set(name, value).unwrap();
    session.asave().await.unwrap();
    session.session_key().unwrap().as_str().to_owned()
}

async fn read(store: &SessionStore, cookie: &str, name: &str) -> Option<String> {
    store.session_from_cookie(Some(cookie)).aget(name).await.unwrap()
}

async fn visit<F: Future<Output = Answer> + Send + 'static>(
    store: &SessionStore,
    cookie: &str,
    handler: impl Fn(LazySession) -> F + Clone + Send + Sync + 'static,
) -> Response<Body> {
    let app = Router::new().fallback(routing::any(handler)).layer(SessionLayer::new(store.clone()));
    let request = Request::builder().header(header::COOKIE, format!("sessionid={cookie}"));
    app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

/// The value of the cookie that a response sets: `""` for a removal.
fn set_to(response: &Response<Body>) -> Option<String> {
    let cookie = response.headers().get(header::SET_COOKIE)?.to_str().unwrap();
    Some(cookie.strip_prefix("sessionid=").unwrap().split(';').next().unwrap().to_owned())
}

#[tokio::test]
async fn what_does_not_hold_up_is_an_empty_session_and_is_removed_when_it_is_read() {
    let store = site(settings());
    let cookie = signed(&store, "name", "Ada").await;
    let tampered = cookie.replacen("eyJ", "eyK", 1);
    let truncated = &cookie[..cookie.len() - 1];
    let foreign = signed(&site(Settings::new().secret_key("another")), "name", "Ada").await;
    for bad in [tampered.as_str(), truncated, &foreign, "12345678", &"a:b:".repeat(900), "0123456789abcdef"] {
        let response = visit(&store, bad, async |session: LazySession| {
            assert!(session.akeys().await?.is_empty() && session.session_key().is_none());
            Ok(())
        });
        assert_eq!(set_to(&response.await).as_deref(), Some("\"\""), "{bad}");
        // Nobody looked, so nothing is verified and nothing is said.
        assert_eq!(set_to(&visit(&store, bad, async |_| Ok(())).await), None, "{bad}");
        // What is set goes to a new session.
        let response = visit(&store, bad, async |session: LazySession| session.aset("a", "b").await).await;
        assert_eq!(read(&store, &set_to(&response).unwrap(), "a").await.as_deref(), Some("b"));
    }
}

#[tokio::test]
async fn a_flush_removes_the_cookie_and_a_copy_of_it_opens_the_session_again() {
    let store = site(settings());
    let cookie = signed(&store, "name", "Ada").await;
    let response = visit(&store, &cookie, async |session: LazySession| session.aflush().await).await;
    assert_eq!(set_to(&response).as_deref(), Some("\"\""));
    let response = visit(&store, &cookie, async |session: LazySession| {
        session.load().await?.flush();
        Ok(())
    });
    assert_eq!(set_to(&response.await).as_deref(), Some("\"\""));
    // Documented: nothing on the server knows of the logout (B-126).
    assert_eq!(read(&store, &cookie, "name").await.as_deref(), Some("Ada"));
}

#[tokio::test]
async fn the_last_cookie_wins() {
    let store = site(settings());
    let cookie = signed(&store, "name", "Ada").await;
    let (one, two) = (store.session_from_cookie(Some(&cookie)), store.session_from_cookie(Some(&cookie)));
    one.aset("one", "1").await.unwrap();
    two.aset("two", "2").await.unwrap();
    one.asave().await.unwrap();
    two.asave().await.unwrap();
    let last = two.session_key().unwrap();
    assert_eq!(read(&store, last.as_str(), "one").await, None);
    assert_eq!(read(&store, last.as_str(), "two").await.as_deref(), Some("2"));
}

#[tokio::test]
async fn a_fallback_key_opens_a_cookie_and_the_next_save_signs_it_anew() {
    let old = site(Settings::new().secret_key("old"));
    let cookie = signed(&old, "name", "Ada").await;
    let both = site(Settings::new().secret_key("new").secret_key_fallback("old"));
    let session = both.session_from_cookie(Some(&cookie));
    session.asave().await.unwrap();
    let new = session.session_key().unwrap();
    let only_new = site(Settings::new().secret_key("new"));
    assert_eq!(read(&only_new, new.as_str(), "name").await.as_deref(), Some("Ada"));
    assert_eq!(read(&only_new, &cookie, "name").await, None);
}

#[tokio::test]
async fn a_derived_key_must_be_the_one_for_signed_cookies() {
    let secret = SecretKey::new("a secret").unwrap();
    let key = |salt| Settings::new().session_signing_key(DerivedKey::derive(&secret, salt));
    let cookie = signed(&site(settings()), "name", "Ada").await;
    assert_eq!(read(&site(key(SIGNED_COOKIES_SALT)), &cookie, "name").await.as_deref(), Some("Ada"));
    let error = SessionStore::signed_cookies(key(SESSION_SALT)).unwrap_err();
    assert_eq!(error.setting(), "SESSION_SIGNING_KEY");
    assert!(error.to_string().contains("derive-key --salt signed_cookies"), "{error}");
    // A salt of the site's own is for stored sessions.
    let custom = settings().session_salt("django.contrib.sessions.ShopStore");
    assert_eq!(read(&site(custom), &cookie, "name").await.as_deref(), Some("Ada"));
}

#[tokio::test]
async fn read_only_refuses_every_write_and_leaves_the_cookie() {
    let cookie = signed(&site(settings()), "name", "Ada").await;
    let store = site(settings().session_read_only(true).session_save_every_request(true));
    let read_only = |answer: Answer| assert!(matches!(answer, Err(SessionError::ReadOnly)));
    let session = store.session_from_cookie(Some(&cookie));
    read_only(session.asave().await);
    read_only(session.acreate().await);
    read_only(session.acycle_key().await);
    read_only(session.aflush().await);
    read_only(session.adelete().await);
    assert_eq!(session.session_key().unwrap().as_str(), cookie);
    let read = visit(&store, &cookie, async |session: LazySession| session.akeys().await.map(drop)).await;
    let set = visit(&store, &cookie, async |session: LazySession| session.aset("a", "b").await).await;
    let flushed = visit(&store, &cookie, async |session: LazySession| {
        session.load().await?.flush();
        Ok(())
    });
    let flushed = flushed.await;
    let bad = visit(&store, "12345678", async |session: LazySession| session.akeys().await.map(drop)).await;
    for (response, status) in [(read, 200), (set, 500), (flushed, 500), (bad, 200)] {
        assert_eq!((response.status().as_u16(), set_to(&response)), (status, None));
    }
}

#[tokio::test]
async fn every_request_signs_anew_where_that_is_asked_for() {
    let store = site(settings().session_save_every_request(true));
    let cookie = signed(&store, "name", "Ada").await;
    let response = visit(&later(&store, 60), &cookie, async |_| Ok(())).await;
    let new = set_to(&response).unwrap();
    assert_ne!(new, cookie);
    assert_eq!(read(&later(&store, 1_209_660), &new, "name").await.as_deref(), Some("Ada"));
    assert_eq!(set_to(&visit(&store, "12345678", async |_| Ok(())).await).as_deref(), Some("\"\""));
}

#[tokio::test]
async fn after_the_response_it_is_too_late() {
    let store = site(settings());
    let cookie = signed(&store, "name", "Ada").await;
    let kept: Arc<std::sync::Mutex<Option<LazySession>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let response = visit(&store, &cookie, move |session: LazySession| {
        *keep.lock().unwrap() = Some(session);
        async { Ok(()) }
    });
    assert_eq!(response.await.status(), 200);
    let session = kept.lock().unwrap().take().unwrap();
    assert_eq!(session.aget::<String>("name").await.unwrap().as_deref(), Some("Ada"));
    session.aset("a", "b").await.unwrap();
    assert!(matches!(session.asave().await, Err(SessionError::ResponseSent)));
    assert!(matches!(session.aflush().await, Err(SessionError::ResponseSent)));
}

#[tokio::test]
async fn the_synchronous_methods_work_too() {
    let store = site(settings());
    let cookie = signed(&store, "name", "Ada").await;
    let in_a_minute = later(&store, 60);
    let response = visit(&in_a_minute, &cookie, async |session: LazySession| {
        session.load().await?.cycle_key();
        Ok(())
    });
    let cycled = set_to(&response.await).unwrap();
    assert_ne!(cycled, cookie);
    assert_eq!(read(&store, &cycled, "name").await.as_deref(), Some("Ada"));
    let key = store.session_from_cookie(Some(&cookie)).session_key().unwrap();
    let blocking = store.clone();
    let value = tokio::task::spawn_blocking(move || {
        std::thread::spawn(move || {
            let session = blocking.blocking_session(Some(&key)).unwrap();
            session.set("name", "Grace").unwrap();
            session.save().unwrap();
            blocking.blocking_session(session.session_key().as_ref()).unwrap().get::<String>("name").unwrap()
        })
        .join()
        .unwrap()
    });
    assert_eq!(value.await.unwrap().as_deref(), Some("Grace"));
}

#[tokio::test]
async fn a_stored_engine_never_takes_the_text_of_a_signed_cookie_for_a_key() {
    let spy = SpyStorage::new(MemoryStorage::new());
    let stored = SessionStore::db(spy.clone(), settings()).unwrap();
    let cookies = site(settings());
    // Also where it has the form of a key.
    for text in [signed(&cookies, "name", "Ada").await, "0123456789abcdef".to_owned()] {
        let key: SessionKey = cookies.session_from_cookie(Some(&text)).session_key().unwrap();
        assert!(!format!("{key:?}").contains(&text));
        assert!(!stored.exists(&key).await.unwrap());
        stored.delete(&key).await.unwrap();
        let session = stored.session(Some(&key));
        assert!(session.akeys().await.unwrap().is_empty() && session.session_key().is_none());
        session.aflush().await.unwrap();
        assert!(matches!(stored.session(Some(&key)).asave().await, Err(SessionError::UpdateError)));
        let source = key.clone();
        let misled = stored.clone().with_key_source(cloakroom::KeySource::new(move || source.clone()));
        assert!(matches!(misled.session(None).asave().await, Err(SessionError::Storage(_))));
    }
    assert_eq!(spy.total(), 0);
}

/// Counts up, so that no two signatures are alike.
static TICK: AtomicI64 = AtomicI64::new(START);

proptest! {
    #[test]
    fn any_cookie_is_read_or_refused(
        value in prop_oneof!["\\PC{0,200}", "[.]?[A-Za-z0-9_-]{0,80}(:[A-Za-z0-9_-]{0,50}){0,3}"],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let session = site(settings()).session_from_cookie(Some(&value));
        prop_assert!(runtime.block_on(session.akeys()).unwrap().is_empty());
        prop_assert!(session.session_key().is_none());
    }

    #[test]
    fn any_bytes_in_the_header_are_answered(value in proptest::collection::vec(any::<u8>(), 0..200)) {
        let Ok(header) = header::HeaderValue::from_bytes(&[b"sessionid=".as_slice(), &value].concat()) else {
            return Ok(());
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let keys = async |session: LazySession| session.akeys().await.map(drop);
        let app = Router::new().fallback(routing::any(keys)).layer(SessionLayer::new(site(settings())));
        let mut request = Request::new(Body::empty());
        request.headers_mut().insert(header::COOKIE, header);
        let response = runtime.block_on(app.oneshot(request)).unwrap();
        prop_assert_eq!(response.status().as_u16(), 200);
        prop_assert_eq!(set_to(&response).unwrap_or_default(), "\"\"");
    }

    #[test]
    fn what_is_saved_loads_again_and_any_change_to_it_is_refused(
        members in proptest::collection::btree_map("\\PC{0,8}", any::<i64>(), 0..20),
        at in any::<prop::sample::Index>(),
        flip in 1_u8..8,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let clock = Clock::new(|| Timestamp::from_seconds(TICK.fetch_add(1, Ordering::Relaxed)).unwrap());
        let store = site(settings()).with_clock(clock);
        runtime.block_on(async {
            let session = store.session(None).load().await.unwrap();
            for (name, value) in &members {
                session.set(name, value).unwrap();
            }
            session.asave().await.unwrap();
            let cookie = session.session_key().unwrap().as_str().to_owned();
            let again = store.session_from_cookie(Some(&cookie)).load().await.unwrap();
            prop_assert_eq!(again.data(), session.data());
            let mut bytes = cookie.into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            if let Ok(forged) = String::from_utf8(bytes) {
                let forged = store.session_from_cookie(Some(&forged));
                prop_assert!(forged.akeys().await.unwrap().is_empty() && forged.session_key().is_none());
            }
            Ok(())
        })?;
    }
}
