//! "Keep me signed in": an expiry for each session.
//!
//! ```text
//! cargo run -p cloakroom --example remember_me
//! ```
//!
//! and open http://127.0.0.1:3000 in a browser. Whom to believe is another matter: see the example `login`.

use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use axum::{Form, Router};
use cloakroom::{Session, SessionError, SessionLayer, SessionStore, Settings};
use serde::Deserialize;

const THIRTY_DAYS: i64 = 30 * 24 * 60 * 60;

const FORM: &str = r#"<!doctype html><title>Sign in</title>
<form method="post" action="/login">
  <label><input type="checkbox" name="remember" value="yes"> Keep me signed in</label>
  <button>Sign in</button>
</form>"#;

#[derive(Deserialize)]
struct Login {
    /// A browser sends a box that is ticked, and leaves out one that is not.
    remember: Option<String>,
}

async fn login(session: Session, Form(form): Form<Login>) -> Result<Redirect, SessionError> {
    session.cycle_key();
    session.set("user", "ada")?;
    if form.remember.is_some() {
        // Thirty days after the last save, on the server and in the cookie. It is an idle time: each change of
        // the session begins it anew. For a fixed end give it a `std::time::Duration` or a moment.
        session.set_expiry(THIRTY_DAYS)?;
    } else {
        // The cookie ends with the browser, the stored session after SESSION_COOKIE_AGE, two weeks unless set.
        session.set_expiry(0)?;
    }
    Ok(Redirect::to("/"))
}

// The expiry is kept in the session itself: the handlers that come later need not repeat it.
async fn home(session: Session) -> Result<Html<String>, SessionError> {
    let Some(user) = session.get::<String>("user")? else { return Ok(Html(FORM.into())) };
    let until = if session.get_expire_at_browser_close()? {
        "until you close the browser".to_owned()
    } else {
        format!("for {:.0} days", session.get_expiry_age()? / 86_400.0)
    };
    Ok(Html(format!("<!doctype html><title>Welcome</title><p>{user}, signed in {until}.</p>\n")))
}

fn app(store: SessionStore) -> Router {
    Router::new().route("/", get(home)).route("/login", post(login)).layer(SessionLayer::new(store))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
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
    use cloakroom::testing::CookieJar;
    use tower::ServiceExt;

    use super::*;

    /// Signs in with this form; answers the `Set-Cookie` and the session.
    async fn sign_in(form: &'static str) -> (String, Session) {
        let store = SessionStore::memory(Settings::new()).unwrap();
        let request = Request::post("/login").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let response = app(store.clone()).oneshot(request.body(Body::from(form)).unwrap()).await.unwrap();
        assert_eq!(response.status(), 303);
        let mut jar = CookieJar::new();
        jar.receive(response.headers());
        let set_cookie = response.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
        (set_cookie, jar.session(&store).load().await.unwrap())
    }

    #[tokio::test]
    async fn a_ticked_box_keeps_the_visitor_for_thirty_days() {
        let (set_cookie, session) = sign_in("remember=yes").await;
        assert!(set_cookie.contains("; Max-Age=2592000;"), "{set_cookie}");
        assert_eq!(session.get_expiry_age().unwrap(), 2_592_000.0);
    }

    #[tokio::test]
    async fn without_it_the_cookie_ends_with_the_browser() {
        let (set_cookie, session) = sign_in("").await;
        assert!(!set_cookie.contains("Max-Age") && !set_cookie.contains("expires"), "{set_cookie}");
        assert!(session.get_expire_at_browser_close().unwrap());
    }
}
