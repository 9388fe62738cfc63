//! The extractors and the layer.

use axum::Router;
use axum::body::Body;
use axum::extract::Request as AxumRequest;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use cloakroom::auth::{Auth, AuthError, AuthLayer, AuthSession, CurrentUser};
use cloakroom::{SameSite, SessionLayer, Settings};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::json;
use tower::ServiceExt as _;

use crate::site::{Known, Site, ada, bob, login_of, settings};

async fn shown(user: Option<CurrentUser>) -> String {
    user.map_or("nobody".to_owned(), |user| user.id().to_owned())
}

async fn account(user: CurrentUser) -> String {
    user.id().to_owned()
}

async fn asked_thrice(first: Option<CurrentUser>, auth: AuthSession, user: CurrentUser) -> Result<String, AuthError> {
    assert_eq!(first.map(|first| first.id().to_owned()).as_deref(), Some(user.id()));
    Ok(auth.auser().await?.map_or("nobody".to_owned(), |user| user.id().to_owned()))
}

async fn log_in(auth: AuthSession) -> Result<&'static str, AuthError> {
    auth.alogin(bob()).await?;
    Ok("logged in")
}

async fn log_in_and_fail(auth: AuthSession) -> Result<StatusCode, AuthError> {
    auth.alogin(bob()).await?;
    Ok(StatusCode::SERVICE_UNAVAILABLE)
}

async fn record_login(auth: AuthSession) -> Result<&'static str, AuthError> {
    auth.login(bob())?;
    Ok("logged in")
}

async fn log_out(auth: AuthSession) {
    auth.logout();
}

fn app(site: &Site, auth: Auth) -> Router {
    Router::new()
        .route("/", get(shown))
        .route("/untouched", get(|| async {}))
        .route("/account", get(account))
        .route("/thrice", get(asked_thrice))
        .route("/login", post(log_in))
        .route("/failing", post(log_in_and_fail))
        .route("/recorded", post(record_login))
        .route("/logout", post(log_out))
        .nest("/shop", Router::new().route("/cart", get(account)))
        .layer(AuthLayer::new(auth))
        .layer(SessionLayer::new(site.store.clone()))
}

async fn ask(app: Router, method: &str, path: &str, cookie: &str) -> (StatusCode, Response, String) {
    let request = Request::builder().method(method).uri(path).header(header::COOKIE, cookie);
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    (parts.status, Response::from_parts(parts, Body::empty()), text)
}

fn cookies(response: &Response) -> Vec<&str> {
    response.headers().get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect()
}

#[tokio::test]
async fn a_handler_gets_the_user_or_none_and_the_user_is_read_once() {
    let site = Site::new();
    let cookie = format!("sessionid={}", site.stored(&login_of(&ada())).await.as_str());
    for (path, reads, sessions) in [("/", 1, 1), ("/account", 1, 1), ("/thrice", 1, 1), ("/untouched", 0, 0)] {
        let (status, response, text) = ask(app(&site, site.auth.clone()), "GET", path, &cookie).await;
        assert_eq!(
            (status, site.users.reads(), site.spy.take_calls().total()),
            (StatusCode::OK, reads, sessions),
            "{path}"
        );
        assert_eq!(text, if reads > 0 { "1" } else { "" });
        assert_eq!(response.headers().contains_key(header::VARY), reads > 0, "{path}");
    }
    let (_, _, text) = ask(app(&site, site.auth.clone()), "GET", "/", "").await;
    assert_eq!((text.as_str(), site.users.reads()), ("nobody", 0));
}

#[tokio::test]
async fn who_is_nobody_is_refused_or_sent_to_the_login() {
    let site = Site::new();
    let (status, response, _) = ask(app(&site, site.auth.clone()), "GET", "/account", "").await;
    assert_eq!((status, response.headers().get(header::LOCATION)), (StatusCode::UNAUTHORIZED, None));
    assert_eq!(response.headers()[header::VARY], "Cookie");
    for (path, location) in
        [("/account?a=1&b=2", "/in?next=/account%3Fa%3D1%26b%3D2"), ("/shop/cart", "/in?next=/shop/cart")]
    {
        let (status, response, _) = ask(app(&site, site.auth.clone().login_url("/in")), "GET", path, "").await;
        assert_eq!((status, response.headers()[header::LOCATION].to_str().unwrap()), (StatusCode::FOUND, location));
    }
}

#[tokio::test]
async fn a_login_that_does_not_hold_loses_its_cookie_with_the_first_look() {
    let site = Site::new();
    let mut members = login_of(&ada());
    members["_auth_user_hash"] = json!("made up");
    let key = site.stored(&members).await;
    let (status, response, _) =
        ask(app(&site, site.auth.clone()), "GET", "/account", &format!("sessionid={}", key.as_str())).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(cookies(&response)[0].contains("Max-Age=0"), "{:?}", cookies(&response));
    assert!(!site.store.exists(&key).await.unwrap());
}

#[tokio::test]
async fn a_login_in_a_handler_costs_no_second_write_and_outlives_an_error_page() {
    let site = Site::new();
    for (path, status) in [("/login", 200), ("/failing", 503), ("/recorded", 200)] {
        let key = site.stored(&login_of(&ada())).await;
        let (got, response, _) =
            ask(app(&site, site.auth.clone()), "POST", path, &format!("sessionid={}", key.as_str())).await;
        // The read, the removal of Ada's session, and Bob's.
        let calls = site.spy.take_calls();
        assert_eq!(
            (got.as_u16(), calls.read, calls.remove, calls.insert, calls.total()),
            (status, 1, 1, 1, 3),
            "{path}"
        );
        let cookie = cookies(&response)[0].split(';').next().unwrap().to_owned();
        let (_, _, text) = ask(app(&site, site.auth.clone()), "GET", "/", &cookie).await;
        assert_eq!(text, "2", "{path}");
        site.spy.reset();
    }
}

#[tokio::test]
async fn a_logout_in_a_handler_removes_session_and_cookie() {
    let site = Site::new();
    let key = site.stored(&login_of(&ada())).await;
    let (_, response, _) =
        ask(app(&site, site.auth.clone()), "POST", "/logout", &format!("sessionid={}", key.as_str())).await;
    assert!(cookies(&response)[0].contains("Max-Age=0"));
    assert!(!site.store.exists(&key).await.unwrap());
}

#[tokio::test]
async fn the_csrf_cookie_of_a_visitor_is_rotated_with_the_settings_attributes() {
    let planted = "p".repeat(32);
    let own = settings()
        .csrf_cookie_name("token")
        .csrf_cookie_age(60.0)
        .csrf_cookie_domain("example.com")
        .csrf_cookie_path("/shop")
        .csrf_cookie_secure(true)
        .csrf_cookie_httponly(true)
        .csrf_cookie_samesite(SameSite::strict());
    let at_close = settings().csrf_cookie_age(None);
    for (settings, name, attributes) in [
        (settings(), "csrftoken", vec!["; expires=", "; Max-Age=31449600; Path=/; SameSite=Lax"]),
        (
            own,
            "token",
            vec!["; Domain=example.com; expires=", "; HttpOnly; Max-Age=60; Path=/shop; SameSite=Strict; Secure"],
        ),
        (at_close, "csrftoken", vec!["; Path=/; SameSite=Lax"]),
    ] {
        let site = Site::with(settings);
        for path in ["/login", "/recorded", "/failing"] {
            let cookie = format!("a=b; {name}={planted}");
            let (_, response, _) = ask(app(&site, site.auth.clone()), "POST", path, &cookie).await;
            let all = cookies(&response);
            let sent = all.iter().find(|cookie| cookie.starts_with(&format!("{name}="))).expect("the cookie");
            let (value, rest) = sent.split_once(';').unwrap();
            assert!(value.len() == name.len() + 33 && !sent.contains(&planted), "{sent}");
            let rest = format!(";{rest}");
            assert!(attributes.iter().all(|part| rest.contains(part)), "{rest}");
            assert!(rest.ends_with(attributes.last().unwrap()), "{rest}");
            assert_eq!(response.headers()[header::VARY], "Cookie");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "private");
        }
    }
    let site = Site::new();
    // Without a login, and without such a cookie, nothing is sent.
    for (method, path, cookie) in [("GET", "/", format!("csrftoken={planted}")), ("POST", "/login", String::new())] {
        let (_, response, _) = ask(app(&site, site.auth.clone()), method, path, &cookie).await;
        assert!(!cookies(&response).iter().any(|cookie| cookie.starts_with("csrftoken")), "{path}");
    }
}

#[tokio::test]
async fn users_who_cannot_be_asked_are_a_500_and_nobody_is_let_in() {
    let site = Site::new();
    let key = site.stored(&login_of(&ada())).await;
    *site.users.broken.lock().unwrap() = true;
    for (path, login) in [("/", false), ("/account", false), ("/login", true)] {
        let method = if login { "POST" } else { "GET" };
        let (status, response, text) =
            ask(app(&site, site.auth.clone()), method, path, &format!("sessionid={}", key.as_str())).await;
        assert_eq!((status.as_u16(), text.as_str()), (500, "The login could not be handled.\n"), "{path}");
        assert!(cookies(&response).is_empty());
    }
    assert_eq!(site.members(&key).await, login_of(&ada()));
}

#[tokio::test]
async fn a_route_without_the_layers_says_which_is_missing() {
    let site = Site::new();
    let without_auth = Router::new().route("/", get(account)).layer(SessionLayer::new(site.store.clone()));
    let without_session = Router::new().route("/", get(account)).layer(AuthLayer::new(site.auth.clone()));
    for (app, missing) in [(without_auth, "AuthLayer"), (without_session, "SessionLayer")] {
        let (status, _, text) = ask(app, "GET", "/", "").await;
        assert!(status == 500 && text.contains(missing), "{text}");
    }
}

/// Two session layers, each with users of its own.
#[tokio::test]
async fn each_layers_session_has_a_user_of_its_own() {
    async fn outer_user(user: Option<CurrentUser>, request: AxumRequest, next: Next) -> Response {
        assert_eq!(user.map(|user| user.id().to_owned()).as_deref(), Some("1"));
        next.run(request).await
    }
    let (outer, inner) = (Site::new(), Site::with(settings().session_cookie_name("staff")));
    let users: &Known = &outer.users;
    let app = Router::new()
        .route("/", get(shown))
        .layer(SessionLayer::new(inner.store.clone()))
        .layer(from_fn(outer_user))
        .layer(AuthLayer::new(outer.auth.clone()))
        .layer(SessionLayer::new(outer.store.clone()));
    let (ada, bob) = (outer.stored(&login_of(&ada())).await, inner.stored(&login_of(&bob())).await);
    let cookie = format!("sessionid={}; staff={}", ada.as_str(), bob.as_str());
    let (_, _, text) = ask(app, "GET", "/", &cookie).await;
    assert_eq!((text.as_str(), users.reads()), ("2", 2));
}

#[test]
fn the_settings_are_checked_when_logins_are_set_up() {
    let refused = Auth::new(Known::default(), &Settings::new().secret_key("a").csrf_cookie_name("a b")).unwrap_err();
    assert_eq!(refused.setting(), "CSRF_COOKIE_NAME");
}
