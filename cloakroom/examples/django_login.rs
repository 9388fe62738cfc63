//! Beside a Django site: who is logged in there, and logging out.
//!
//! ```text
//! SECRET_KEY=… DATABASE_URL=sqlite:////srv/site/db.sqlite3 \
//!     cargo run -p cloakroom --features sqlite --example django_login
//! ```
//!
//! `docs/logins.md` runs it beside a Django site.

use axum::Router;
use axum::routing::{get, post};
use cloakroom::auth::{Auth, AuthError, AuthLayer, AuthSession, CurrentUser, DatabaseUsers};
use cloakroom::storage::DatabaseStorage;
use cloakroom::{SessionLayer, SessionStore, Settings};

/// For everybody: the user is read if somebody is logged in.
async fn home(user: Option<CurrentUser>) -> String {
    let name = user.as_ref().and_then(|user| user.column("username"));
    format!("Hello, {}\n", name.unwrap_or("stranger"))
}

/// For users only: others are answered with 401, or sent to where `Auth::login_url` says.
async fn account(user: CurrentUser) -> String {
    format!("The account of user {}\n", user.id())
}

/// By POST, like everything that changes something.
async fn logout(auth: AuthSession) -> Result<&'static str, AuthError> {
    auth.alogout().await?;
    Ok("Good bye\n")
}

fn app(settings: Settings) -> Result<Router, Box<dyn std::error::Error>> {
    // Sessions and users are in one database: they share its connections.
    let database = DatabaseStorage::open(&settings)?;
    let users = DatabaseUsers::in_database(&database, &settings)?.with_columns(["username"]);
    let store = SessionStore::in_database(database, settings)?;
    let auth = Auth::new(users, store.settings())?;
    Ok(Router::new()
        .route("/", get(home))
        .route("/account", get(account))
        .route("/logout", post(logout))
        .layer(AuthLayer::new(auth))
        .layer(SessionLayer::new(store)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // SECRET_KEY, DATABASE_URL and the other settings, from .env and the environment.
    let app = app(Settings::load()?)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::{Request, header};
    use cloakroom::testing::CookieJar;
    use cloakroom::wire::{LoginHashKey, SecretKey};
    use tower::ServiceExt;

    use super::*;

    const PASSWORD: &str = "pbkdf2_sha256$1000000$salt$hash";

    async fn ask(settings: &Settings, jar: &mut CookieJar, method: &str, path: &str) -> (u16, String) {
        let request = Request::builder().method(method).uri(path).header(header::COOKIE, jar.header());
        let response = app(settings.clone()).unwrap().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        jar.receive(response.headers());
        let status = response.status().as_u16();
        (status, String::from_utf8(to_bytes(response.into_body(), 1024).await.unwrap().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_login_of_djangos_holds_until_the_logout() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db.sqlite3");
        let settings = Settings::new().secret_key("a secret").database_url(format!("sqlite:///{}", path.display()));
        let store = SessionStore::open_or_create(settings.clone()).await.unwrap();
        rusqlite::Connection::open(&path)
            .unwrap()
            .execute_batch(&format!(
                "CREATE TABLE auth_user (id integer, password text, is_active bool, last_login datetime, username text); \
                 INSERT INTO auth_user VALUES (7, '{PASSWORD}', 1, NULL, 'ada')"
            ))
            .unwrap();
        // What Django's login view leaves in a session.
        let login = serde_json::json!({
            "_auth_user_id": "7",
            "_auth_user_backend": "django.contrib.auth.backends.ModelBackend",
            "_auth_user_hash": LoginHashKey::derive(&SecretKey::new("a secret").unwrap()).hash(PASSWORD),
        });
        let mut jar = CookieJar::with(&cloakroom::testing::session_cookie(&store, &login).await.unwrap());

        assert_eq!(ask(&settings, &mut jar, "GET", "/").await, (200, "Hello, ada\n".to_owned()));
        assert_eq!(ask(&settings, &mut jar, "GET", "/account").await, (200, "The account of user 7\n".to_owned()));
        assert_eq!(ask(&settings, &mut jar, "POST", "/logout").await.0, 200);
        assert_eq!(ask(&settings, &mut jar, "GET", "/account").await.0, 401);
        assert_eq!(ask(&settings, &mut jar, "GET", "/").await, (200, "Hello, stranger\n".to_owned()));
    }
}
