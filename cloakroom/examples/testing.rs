//! How to test handlers of one's own: the second half of this file.
//!
//! ```text
//! cargo test -p cloakroom --example testing --features testing
//! ```
//!
//! In another crate, `cloakroom = { …, features = ["testing"] }` under `[dev-dependencies]` brings the helpers, and
//! `tower` (feature `util`) brings `oneshot`, which sends a request through the whole site without a socket.

use axum::http::StatusCode;
use axum::{Router, routing::get};
use cloakroom::{Session, SessionError, SessionLayer, SessionStore, Settings};

/// What is to be tested: only who is signed in may see it, and it remembers that they did.
async fn account(session: Session) -> Result<(StatusCode, String), SessionError> {
    let Some(user) = session.get::<String>("user")? else {
        return Ok((StatusCode::FORBIDDEN, "please sign in\n".into()));
    };
    session.set("seen_account", &true)?;
    Ok((StatusCode::OK, format!("the account of {user}\n")))
}

/// The site takes its store from outside: `main` gives it the real one, a test one of its own.
fn app(store: SessionStore) -> Router {
    Router::new().route("/account", get(account)).layer(SessionLayer::new(store))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, app(SessionStore::memory(Settings::new())?)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, Response, header};
    use cloakroom::storage::MemoryStorage;
    use cloakroom::testing::{CookieJar, Fault, Operation, SpyStorage, session_cookie};
    use cloakroom::{Clock, Timestamp};
    use serde_json::json;
    use tower::ServiceExt;

    use super::*;

    /// In memory, one for each test: tests share nothing and need no clean-up.
    fn store() -> SessionStore {
        SessionStore::memory(Settings::new()).unwrap()
    }

    async fn get_account(store: &SessionStore, cookie: &str) -> Response<Body> {
        let request = Request::get("/account").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
        app(store.clone()).oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn nobody_is_sent_away_without_a_cookie() {
        let response = get_account(&store(), "").await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert!(!response.headers().contains_key(header::SET_COOKIE));
    }

    // The login itself need not be played: make the session that it would have made.
    #[tokio::test]
    async fn who_is_signed_in_sees_the_account() {
        let store = store();
        let cookie = session_cookie(&store, &json!({"user": "ada"})).await.unwrap();
        assert_eq!(get_account(&store, &cookie).await.status(), StatusCode::OK);
    }

    // What a handler leaves behind is looked up in the store. The jar also follows a change of key.
    #[tokio::test]
    async fn the_visit_is_remembered() {
        let store = store();
        let mut jar = CookieJar::with(&session_cookie(&store, &json!({"user": "ada"})).await.unwrap());
        let response = get_account(&store, &jar.header()).await;
        jar.receive(response.headers());
        assert_eq!(jar.session(&store).aget("seen_account").await.unwrap(), Some(true));
    }

    // Time is a setting of the store: three weeks pass at once.
    #[tokio::test]
    async fn after_two_weeks_the_session_has_ended() {
        let store = store();
        let cookie = session_cookie(&store, &json!({"user": "ada"})).await.unwrap();
        let in_three_weeks = Timestamp::now().checked_add_seconds(21.0 * 86_400.0).unwrap();
        let later = store.with_clock(Clock::new(move || in_three_weeks));
        assert_eq!(get_account(&later, &cookie).await.status(), StatusCode::FORBIDDEN);
    }

    // A storage that fails on command: is the visitor told, and not taken for a stranger?
    #[tokio::test]
    async fn a_storage_that_is_out_of_reach_is_no_reason_to_sign_in_again() {
        let storage = SpyStorage::new(MemoryStorage::new());
        let store = SessionStore::db(storage.clone(), Settings::new().secret_key("a secret")).unwrap();
        let cookie = session_cookie(&store, &json!({"user": "ada"})).await.unwrap();
        storage.fail_next(Operation::Read, Fault::NotDone);
        assert_eq!(get_account(&store, &cookie).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(get_account(&store, &cookie).await.status(), StatusCode::OK);
    }
}
