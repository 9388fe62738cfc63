//! For tests of an application's own handlers: the cookie of a session that was made beforehand, and what a
//! browser remembers from one request to the next.

use std::fmt;

use serde::Serialize;

use crate::{LazySession, SessionError, SessionStore};

/// Stores a new session with these members and answers what a browser that has it sends: the value of a
/// `Cookie` header, `sessionid=…`.
///
/// With the members that the application's login sets, this is a visitor who is signed in. `store` must be
/// the one that the layer has, or a clone of it.
///
/// ```
/// use axum::body::Body;
/// use axum::http::{Request, header};
/// use axum::{Router, routing::get};
/// use cloakroom::testing::session_cookie;
/// use cloakroom::{Session, SessionError, SessionLayer, SessionStore, Settings};
/// use http_body_util::BodyExt;
/// use tower::ServiceExt;
///
/// async fn greet(session: Session) -> Result<String, SessionError> {
///     Ok(format!("Hello, {}", session.get_or("name", String::from("stranger"))?))
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SessionStore::memory(Settings::new())?;
/// let app: Router = Router::new().route("/", get(greet)).layer(SessionLayer::new(store.clone()));
///
/// let cookie = session_cookie(&store, &serde_json::json!({"name": "Ada"})).await?;
/// let request = Request::get("/").header(header::COOKIE, cookie).body(Body::empty())?;
/// let body = app.oneshot(request).await?.into_body().collect().await?.to_bytes();
/// assert_eq!(body, "Hello, Ada");
/// # Ok(()) }
/// ```
///
/// # Errors
/// Members that are not written as a JSON object (a map or a struct is), or the storage did not answer.
pub async fn session_cookie<T: Serialize + ?Sized>(store: &SessionStore, members: &T) -> Result<String, SessionError> {
    let session = store.session(None);
    session.aupdate(members).await?;
    session.acreate().await?;
    let key = session.session_key().ok_or(SessionError::UpdateError)?;
    Ok(format!("{}={}", store.settings().cookie_name(), key.as_str()))
}

/// The cookies that a browser keeps, as far as a test needs them: names and values, and what is removed.
/// Domains, paths, flags and lifetimes are passed over.
///
/// ```
/// use axum::body::Body;
/// use axum::http::{Request, header};
/// use axum::{Router, routing::get};
/// use cloakroom::testing::CookieJar;
/// use cloakroom::{Session, SessionError, SessionLayer, SessionStore, Settings};
/// use tower::ServiceExt;
///
/// async fn visit(session: Session) -> Result<(), SessionError> {
///     session.set("visits", &(session.get_or("visits", 0)? + 1))
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SessionStore::memory(Settings::new())?;
/// let app: Router = Router::new().route("/", get(visit)).layer(SessionLayer::new(store.clone()));
///
/// let mut jar = CookieJar::new();
/// for _ in 0..3 {
///     let request = Request::get("/").header(header::COOKIE, jar.header()).body(Body::empty())?;
///     let response = app.clone().oneshot(request).await?;
///     jar.receive(response.headers());
/// }
/// assert_eq!(jar.session(&store).aget::<u32>("visits").await?, Some(3));
/// assert_eq!(CookieJar::with(&jar.header()).get("sessionid"), jar.get("sessionid"));
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct CookieJar(Vec<(String, String)>);

impl CookieJar {
    /// No cookies.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The cookies of a `Cookie` header, such as [`session_cookie`] answers.
    #[must_use]
    pub fn with(header: &str) -> Self {
        let mut jar = Self::new();
        for (name, value) in header.split(';').filter_map(|cookie| cookie.split_once('=')) {
            jar.put(name.trim(), Some(value.trim()));
        }
        jar
    }

    /// Takes over what a response sets and removes.
    #[cfg(feature = "tower")]
    pub fn receive(&mut self, headers: &http::HeaderMap) {
        for header in headers.get_all(http::header::SET_COOKIE) {
            self.receive_text(&String::from_utf8_lossy(header.as_bytes()));
        }
    }

    fn receive_text(&mut self, set_cookie: &str) {
        let mut parts = set_cookie.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|cookie| cookie.split_once('=')) else { return };
        let max_age = parts
            .filter_map(|attribute| attribute.split_once('='))
            .filter(|(name, _)| name.eq_ignore_ascii_case("max-age"))
            .find_map(|(_, seconds)| seconds.parse::<i64>().ok());
        self.put(name, Some(value).filter(|_| max_age.is_none_or(|seconds| seconds > 0)));
    }

    fn put(&mut self, name: &str, value: Option<&str>) {
        self.0.retain(|(known, _)| known != name);
        self.0.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }

    /// The value of the next request's `Cookie` header; empty if there are no cookies, which is as good as no
    /// header.
    #[must_use]
    pub fn header(&self) -> String {
        let cookies: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        cookies.join("; ")
    }

    /// The value of a cookie.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The session that the next request would find in this store. Nothing is read yet.
    #[must_use]
    pub fn session(&self, store: &SessionStore) -> LazySession {
        store.session_from_cookie(self.get(store.settings().cookie_name()))
    }
}

/// Names only: a session key is as good as a password.
impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    fn jar(set_cookies: &[&str]) -> String {
        let mut jar = CookieJar::new();
        set_cookies.iter().for_each(|text| jar.receive_text(text));
        jar.header()
    }

    #[test]
    fn cookies_are_set_replaced_and_removed() {
        assert_eq!(jar(&["a=1; Path=/", "b=2; HttpOnly; Max-Age=60"]), "a=1; b=2");
        assert_eq!(jar(&["a=1", "b=2", "a=3; Path=/"]), "b=2; a=3");
        assert_eq!(jar(&["a=1", "b=2", "a=\"\"; expires=Thu, 01 Jan 1970 00:00:00 GMT; max-age=0"]), "b=2");
        assert_eq!(jar(&["", "no cookie"]), "");
    }

    #[test]
    fn a_header_is_read_and_debug_shows_names_only() {
        let jar = CookieJar::with("a=1; sessionid=secret");
        assert_eq!((jar.get("a"), jar.get("b")), (Some("1"), None));
        assert_eq!(format!("{jar:?}"), r#"["a", "sessionid"]"#);
    }

    #[tokio::test]
    async fn a_stored_session_is_found_again_even_an_empty_one() {
        let store = SessionStore::memory(Settings::new().session_cookie_name("sid")).unwrap();
        let cookie = session_cookie(&store, &serde_json::json!({"name": "Ada"})).await.unwrap();
        assert!(cookie.starts_with("sid="));
        let session = CookieJar::with(&cookie).session(&store);
        assert_eq!(session.aget::<String>("name").await.unwrap().as_deref(), Some("Ada"));

        let cookie = session_cookie(&store, &serde_json::json!({})).await.unwrap();
        let key = CookieJar::with(&cookie).session(&store).session_key().unwrap();
        assert!(store.exists(&key).await.unwrap());
        assert!(session_cookie(&store, &[1]).await.is_err());
    }
}
