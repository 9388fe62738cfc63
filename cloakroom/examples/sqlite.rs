//! Sessions that survive a restart: in a SQLite file, as Django keeps them.
//!
//! ```text
//! cargo run -p cloakroom --example sqlite --features sqlite
//! curl -c jar -b jar http://127.0.0.1:3000/     # stop it, start it again: the count goes on
//! ```
//!
//! The file is `sessions.sqlite3` in the current folder, unless `DATABASE_URL` says otherwise. The secret that
//! signs what is stored is `SECRET_KEY`.

use std::time::Duration;

use axum::{Router, routing::get};
use cloakroom::storage::sqlite::SqliteOptions;
use cloakroom::{Session, SessionError, SessionLayer, SessionStore, Settings};

async fn visits(session: Session) -> Result<String, SessionError> {
    let visits = session.get_or("visits", 0)? + 1;
    session.set("visits", &visits)?;
    Ok(format!("visit {visits}\n"))
}

async fn open(settings: Settings) -> Result<SessionStore, Box<dyn std::error::Error>> {
    // By itself nothing makes a file: a mistyped path would be an empty site. This example wants one made.
    let storage = SqliteOptions::for_settings(&settings)?.create(true).open()?;
    // Makes the table if it is missing. `cloakroom migrate` and Django's `manage.py migrate` do the same.
    storage.migrate().await?;
    Ok(SessionStore::db(storage, settings)?)
}

fn app(store: SessionStore) -> Router {
    Router::new().route("/", get(visits)).layer(SessionLayer::new(store))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let settings = Settings::new()
        // Known to everyone who reads this: for trying it only.
        .secret_key("only-for-trying-it")
        .database_url("sqlite:///sessions.sqlite3")
        // What the environment says wins over what stands above.
        .with_environment()?;
    let store = open(settings).await?;
    // Expired sessions are never loaded, but they take up room until someone removes them. Each process of a site may do
    // this, or cron runs `cloakroom clearsessions` instead.
    let _clearing = store.clear_expired_every(Duration::from_secs(3_600))?;

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

    async fn visit(app: Router, jar: &mut CookieJar) {
        let request = Request::get("/").header(header::COOKIE, jar.header()).body(Body::empty()).unwrap();
        let response = app.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        jar.receive(response.headers());
    }

    #[tokio::test]
    async fn the_count_goes_on_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:///{}/sessions.sqlite3", folder.path().display());
        let settings = Settings::new().secret_key("a secret").database_url(url);
        let mut jar = CookieJar::new();
        for visits in 1..=3 {
            // Opened anew each time, as by a process that was started again.
            let store = open(settings.clone()).await.unwrap();
            visit(app(store.clone()), &mut jar).await;
            assert_eq!(jar.session(&store).aget::<u32>("visits").await.unwrap(), Some(visits));
            assert_eq!(store.clear_expired().await.unwrap(), 0);
        }
    }
}
