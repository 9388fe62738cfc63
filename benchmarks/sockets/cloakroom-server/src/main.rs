//! `cloakroom-server PORT`: cloakroom with the settings of the environment. `cloakroom-server PORT bare`: axum alone.
#![allow(clippy::unwrap_used)]

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::{Router, routing::get};
use cloakroom::{Session, SessionError, SessionLayer, SessionStore, Settings};
use rand::RngExt as _;
use rand::distr::Alphanumeric;
use site::{CHANGED, HELLO, READ};

#[tokio::main]
async fn main() {
    let (port, arguments) = site::arguments();
    let router = if arguments == ["bare"] {
        bare()
    } else {
        let settings = Settings::new().with_environment().unwrap();
        with_sessions(SessionStore::open_or_create(settings).await.unwrap())
    };
    site::serve(router, port).await;
}

async fn untouched() -> &'static str {
    HELLO
}

/// The same routes without sessions. A new visitor is sent a random key, which anyone with sessions has to.
fn bare() -> Router {
    async fn new() -> impl IntoResponse {
        let key: String = rand::rng().sample_iter(Alphanumeric).take(32).map(char::from).collect();
        let cookie = format!("sessionid={key}; HttpOnly; Max-Age=1209600; Path=/; SameSite=Lax");
        ([(header::SET_COOKIE, cookie)], HELLO)
    }
    let routes = ["/untouched", "/read", "/change"];
    routes.iter().fold(Router::new().route("/new", get(new)), |router, route| router.route(route, get(untouched)))
}

fn with_sessions(store: SessionStore) -> Router {
    async fn read(session: Session) -> Result<&'static str, StatusCode> {
        let found = session.get::<String>(READ).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        site::is_read(found.as_deref()).then_some(HELLO).ok_or(StatusCode::NOT_FOUND)
    }
    async fn change(session: Session) -> Result<&'static str, SessionError> {
        session.set(CHANGED, &site::another())?;
        Ok(HELLO)
    }
    async fn fill(session: Session) -> Result<&'static str, SessionError> {
        for (name, value) in site::members() {
            session.set(&name, &value)?;
        }
        Ok(HELLO)
    }
    async fn stored(session: Session) -> Result<String, SessionError> {
        session.get_or(CHANGED, String::new())
    }
    site::router(get(read), get(change), get(fill), get(stored)).layer(SessionLayer::new(store))
}
