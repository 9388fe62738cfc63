//! The smallest site with sessions: it counts each visitor's visits.
//!
//! ```text
//! cargo run -p cloakroom --example minimal
//! curl -c jar -b jar http://127.0.0.1:3000/     # "visit 1", then "visit 2", …
//! ```
//!
//! Without `-c jar -b jar`, which keep cookies, each request comes from a new visitor.

use axum::{Router, routing::get};
use cloakroom::{Session, SessionError, SessionLayer, SessionStore, Settings};

/// A handler that wants the visitor's session asks for it. What it changes is saved when it is done, and the
/// cookie is sent along.
async fn visits(session: Session) -> Result<String, SessionError> {
    let visits = session.get_or("visits", 0)? + 1;
    session.set("visits", &visits)?;
    Ok(format!("visit {visits}\n"))
}

/// Ends the session: its data is removed, and the browser is told to drop the cookie.
async fn leave(session: Session) -> &'static str {
    session.flush();
    "goodbye\n"
}

fn app(store: SessionStore) -> Router {
    // The layer comes after the routes: it stands around them.
    Router::new().route("/", get(visits)).route("/leave", get(leave)).layer(SessionLayer::new(store))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // In this process's memory: when it ends, the sessions are gone. The example `sqlite` keeps them.
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
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn visit(app: &Router, jar: &mut CookieJar, path: &str) -> String {
        let request = Request::get(path).header(header::COOKIE, jar.header()).body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        jar.receive(response.headers());
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn each_visitor_is_counted_until_they_leave() {
        let app = app(SessionStore::memory(Settings::new()).unwrap());
        let (mut ada, mut bob) = (CookieJar::new(), CookieJar::new());
        assert_eq!(visit(&app, &mut ada, "/").await, "visit 1\n");
        assert_eq!(visit(&app, &mut ada, "/").await, "visit 2\n");
        assert_eq!(visit(&app, &mut bob, "/").await, "visit 1\n");
        assert_eq!(visit(&app, &mut ada, "/leave").await, "goodbye\n");
        assert_eq!(ada.get("sessionid"), None);
        assert_eq!(visit(&app, &mut ada, "/").await, "visit 1\n");
    }
}
