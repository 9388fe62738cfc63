//! S11 to S16: what browsers are sent, and what they send.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::routing::any;
use cloakroom::{LazySession, SameSite, SessionError, SessionLayer, SessionStore, Settings};
use http::{Request, header};
use tower::ServiceExt;

use crate::visits::{Answer, cookies, ok, request, set, set_to, site, stored, visit};
use crate::{settings, signed, signing};

#[tokio::test]
async fn s11_http_only_by_default_same_site_explicit_secure_configurable() {
    let store = SessionStore::memory(settings()).unwrap();
    let response = visit(&store, None, set).await;
    let cookie = cookies(response.headers())[0];
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Lax") && !cookie.contains("; Secure"));
    let store = SessionStore::memory(Settings::new().session_cookie_secure(true)).unwrap();
    let response = visit(&store, None, set).await;
    assert!(cookies(response.headers())[0].ends_with("; Secure"));
    let store = SessionStore::memory(Settings::new().session_cookie_samesite(SameSite::left_out())).unwrap();
    let response = visit(&store, None, set).await;
    assert!(!cookies(response.headers())[0].contains("SameSite"));
    let store = SessionStore::memory(settings().session_cookie_httponly(false)).unwrap();
    assert!(!cookies(visit(&store, None, set).await.headers())[0].contains("HttpOnly"));
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

async fn grow(session: LazySession) -> Answer {
    session.aset("much", &(0..4_000).map(|at| at.to_string()).collect::<Vec<_>>()).await
}

#[tokio::test]
async fn s13_a_cookie_of_more_than_4096_bytes_is_an_error_and_the_old_one_stays() {
    let store = signing(settings());
    let cookie = signed(&store, "name", "Ada").await;
    let response = visit(&store, Some(&cookie), grow).await;
    assert_eq!((response.status().as_u16(), set_to(&response)), (500, None));

    let session = store.session_from_cookie(Some(&cookie));
    grow(session.clone()).await.unwrap();
    let error = session.asave().await.unwrap_err();
    let SessionError::CookieTooLarge { size, limit } = error else { panic!("{error}") };
    assert!(size > 4_096 && limit == 4_096);
    assert!(error.to_string().contains(&size.to_string()) && !error.to_string().contains("Ada"), "{error}");
    // Nothing is lost: less can still be saved.
    assert_eq!(session.session_key().unwrap().as_str(), cookie);
    session.adel("much").await.unwrap();
    session.asave().await.unwrap();
    assert_eq!(session.aget::<String>("name").await.unwrap().as_deref(), Some("Ada"));
}

#[tokio::test]
async fn s13_name_and_value_may_have_4096_bytes_together() {
    let size = "sessionid".len() + signed(&signing(settings()), "name", "Ada").await.len();
    let named = |length: usize| signing(settings().session_cookie_name("n".repeat(length)));
    let value = size - "sessionid".len();
    let longest = 4_096 - value;
    assert_eq!(signed(&named(longest), "name", "Ada").await.len(), value);
    let session = named(longest + 1).session(None);
    session.aset("name", "Ada").await.unwrap();
    assert!(matches!(session.asave().await, Err(SessionError::CookieTooLarge { size: 4_097, limit: 4_096 })));
}

#[tokio::test]
async fn s14_one_set_cookie_a_name_and_a_removal_with_the_same_attributes() {
    let settings = Settings::new()
        .session_cookie_path("/app")
        .session_cookie_domain("example.com")
        .session_cookie_secure(true)
        .session_cookie_partitioned(true);
    let store = SessionStore::memory(settings).unwrap();
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
    let store = SessionStore::memory(settings()).unwrap();
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
    assert_eq!(*seen.lock().unwrap(), vec![Some(key); 3], "the last one counts");
}

#[tokio::test]
async fn s16_a_set_cookie_implies_vary_and_a_cache_control() {
    let store = SessionStore::memory(Settings::new().session_save_every_request(true)).unwrap();
    let key = stored(&store).await;
    // Set without a read, set after a change, removed.
    for (cookie, touch) in [(Some(key.as_str()), false), (None, true), (Some("short"), false)] {
        let response = if touch { visit(&store, cookie, set).await } else { visit(&store, cookie, ok).await };
        assert_eq!(cookies(response.headers()).len(), 1);
        assert_eq!(response.headers()[header::VARY], "Cookie");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "private");
    }
    // What the application says of caches stays as it is.
    let handler =
        |session: LazySession| async move { set(session).await.map(|()| [(header::CACHE_CONTROL, "no-store")]) };
    let response = site(&store, handler).oneshot(request(&store, None)).await.unwrap();
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    assert_eq!(response.headers()[header::VARY], "Cookie");
}
