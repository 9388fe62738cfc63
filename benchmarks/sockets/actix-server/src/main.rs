//! `actix-server PORT bare`, `cookie` or `redis URL`: actix-web alone, and actix-session with its cookie and Redis stores.
#![allow(clippy::unwrap_used)]

use actix_session::storage::{CookieSessionStore, RedisSessionStore, SessionStore};
use actix_session::{Session, SessionMiddleware};
use actix_web::cookie::Key;
use actix_web::{App, HttpResponse, HttpServer, Responder, Result, error, web};
use rand::RngExt as _;
use rand::distr::Alphanumeric;
use site::{CHANGED, HELLO, READ};

#[actix_web::main]
async fn main() {
    let (port, arguments) = site::arguments();
    match &arguments[..] {
        [store] if store == "bare" => bare(port).await,
        [store] if store == "cookie" => with_sessions(port, CookieSessionStore::default).await,
        [store, url] if store == "redis" => {
            let store = RedisSessionStore::new(url).await.unwrap();
            with_sessions(port, move || store.clone()).await;
        }
        _ => panic!("bare, cookie or redis with a URL"),
    }
}

async fn untouched() -> &'static str {
    HELLO
}

/// The same routes without sessions, with a random key for a new visitor.
async fn bare(port: u16) {
    async fn new() -> impl Responder {
        let key: String = rand::rng().sample_iter(Alphanumeric).take(32).map(char::from).collect();
        let cookie = format!("sessionid={key}; HttpOnly; Max-Age=1209600; Path=/; SameSite=Lax");
        HttpResponse::Ok().insert_header(("Set-Cookie", cookie)).body(HELLO)
    }
    let app = || {
        let app = App::new().route("/new", web::get().to(new));
        let routes = ["/untouched", "/read", "/change"];
        routes.iter().fold(app, |app, route| app.route(route, web::get().to(untouched)))
    };
    HttpServer::new(app).workers(1).bind(("127.0.0.1", port)).unwrap().run().await.unwrap();
}

async fn with_sessions<S: SessionStore + 'static>(port: u16, store: impl Fn() -> S + Send + Clone + 'static) {
    async fn read(session: Session) -> Result<&'static str> {
        let found = session.get::<String>(READ)?;
        site::is_read(found.as_deref()).then_some(HELLO).ok_or_else(|| error::ErrorNotFound("no such member"))
    }
    async fn change(session: Session) -> Result<&'static str> {
        session.insert(CHANGED, site::another())?;
        Ok(HELLO)
    }
    async fn fill(session: Session) -> Result<&'static str> {
        for (name, value) in site::members() {
            session.insert(name, value)?;
        }
        Ok(HELLO)
    }
    async fn stored(session: Session) -> Result<String> {
        Ok(session.get(CHANGED)?.unwrap_or_default())
    }
    let key = Key::generate();
    let app = move || {
        App::new()
            .wrap(SessionMiddleware::new(store(), key.clone()))
            .route("/untouched", web::get().to(untouched))
            .route("/read", web::get().to(read))
            .route("/change", web::get().to(change))
            .route("/new", web::get().to(change))
            .route("/fill", web::get().to(fill))
            .route("/stored", web::get().to(stored))
    };
    HttpServer::new(app).workers(1).bind(("127.0.0.1", port)).unwrap().run().await.unwrap();
}
