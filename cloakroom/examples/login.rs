//! Login and logout, and what a session has to do with them.
//!
//! ```text
//! cargo run -p cloakroom --example login
//! curl -c jar -b jar -d 'name=ada&password=lovelace' http://127.0.0.1:3000/login
//! curl -c jar -b jar http://127.0.0.1:3000/
//! curl -c jar -b jar -X POST http://127.0.0.1:3000/logout
//! ```
//!
//! Beyond this example, a login keeps passwords as slow hashes (Argon2, scrypt) and compares those, limits how
//! often somebody may try, and speaks HTTPS only (`SESSION_COOKIE_SECURE`).

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use cloakroom::{Session, SessionError, SessionLayer, SessionStore, Settings};
use serde::Deserialize;

/// The one user of this demonstration. A real site has a table of users and no password in its source.
const DEMO_USER: (&str, &str) = ("ada", "lovelace");

#[derive(Deserialize)]
struct Login {
    name: String,
    password: String,
}

/// By POST, like everything that changes something: a link or an image on another site cannot cause it.
///
/// The cookie is `SameSite=Lax` by default, so browsers leave it out of forms that other sites post here. That
/// does not cover a neighbour on a subdomain, nor a login, which needs no cookie. So a real site checks in
/// addition that `Sec-Fetch-Site` or `Origin` names itself, or puts a token into its forms.
async fn login(session: Session, Form(form): Form<Login>) -> Result<Response, SessionError> {
    if (form.name.as_str(), form.password.as_str()) != DEMO_USER {
        return Ok((StatusCode::FORBIDDEN, "wrong name or password\n").into_response());
    }
    match session.get::<String>("user")? {
        // Somebody else is signed in here: none of their data may pass to this user.
        Some(other) if other != form.name => session.flush(),
        // A new key for the same data, a cart filled before the login for example. Whoever knew the old key,
        // or planted it (session fixation), is left with nothing.
        _ => session.cycle_key(),
    }
    session.set("user", &form.name)?;
    Ok(Redirect::to("/").into_response())
}

/// Removes the data on the server and the cookie in the browser. A copy of the cookie is worth nothing then, and
/// a request that is still under way does not bring the session back.
async fn logout(session: Session) -> Redirect {
    session.flush();
    Redirect::to("/")
}

async fn home(session: Session) -> Result<String, SessionError> {
    Ok(match session.get::<String>("user")? {
        Some(user) => format!("signed in as {user}\n"),
        None => "signed out\n".into(),
    })
}

fn app(store: SessionStore) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .layer(SessionLayer::new(store))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // On HTTPS: `Settings::new().session_cookie_secure(true)`.
    let store = SessionStore::memory(Settings::new())?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, app(store)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, header};
    use cloakroom::testing::{CookieJar, session_cookie};
    use serde_json::json;
    use tower::ServiceExt;

    use super::*;

    async fn post(store: &SessionStore, jar: &mut CookieJar, path: &str, form: &'static str) -> StatusCode {
        let request = Request::post(path)
            .header(header::COOKIE, jar.header())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .unwrap();
        let response = app(store.clone()).oneshot(request).await.unwrap();
        jar.receive(response.headers());
        response.status()
    }

    /// A visitor with these members, before the login; the jar, and what the cookie was.
    async fn visitor(store: &SessionStore, members: serde_json::Value) -> (CookieJar, CookieJar) {
        let jar = CookieJar::with(&session_cookie(store, &members).await.unwrap());
        (jar.clone(), jar)
    }

    #[tokio::test]
    async fn a_login_changes_the_key_and_keeps_the_cart() {
        let store = SessionStore::memory(Settings::new()).unwrap();
        let (mut jar, before) = visitor(&store, json!({"cart": ["teapot"]})).await;
        assert_eq!(post(&store, &mut jar, "/login", "name=ada&password=lovelace").await, 303);
        assert_eq!(jar.session(&store).aload().await.unwrap().to_json(), r#"{"cart":["teapot"],"user":"ada"}"#);
        assert!(before.session(&store).aload().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_login_takes_nothing_over_from_another_user() {
        let store = SessionStore::memory(Settings::new()).unwrap();
        let (mut jar, before) = visitor(&store, json!({"user": "bob", "cart": ["kettle"]})).await;
        assert_eq!(post(&store, &mut jar, "/login", "name=ada&password=lovelace").await, 303);
        assert_eq!(jar.session(&store).aload().await.unwrap().to_json(), r#"{"user":"ada"}"#);
        assert!(before.session(&store).aload().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_wrong_password_changes_nothing_and_a_logout_ends_the_session() {
        let store = SessionStore::memory(Settings::new()).unwrap();
        let mut jar = CookieJar::new();
        assert_eq!(post(&store, &mut jar, "/login", "name=ada&password=byron").await, 403);
        assert_eq!(jar.header(), "");

        post(&store, &mut jar, "/login", "name=ada&password=lovelace").await;
        let before = jar.clone();
        assert_eq!(post(&store, &mut jar, "/logout", "").await, 303);
        assert_eq!(jar.header(), "");
        assert!(before.session(&store).aload().await.unwrap().is_empty());
    }
}
