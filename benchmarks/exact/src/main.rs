//! Requests through a router, to be counted under valgrind: `exact.sh` runs it.
//!
//! `cloakroom-benchmarks LIBRARY SCENARIO MEMBERS` sends a thousand requests to warm up and a thousand inside
//! `counting`, which is what callgrind counts.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use cloakroom::{Session, SessionLayer, SessionStore, Settings};
use http::{Request, Response, header};
use tower::{Layer, Service, ServiceExt};

const REQUESTS: usize = 1_000;

fn name(at: usize) -> String {
    format!("member_{at:02}")
}

/// About 60 bytes a member: 5 members make about 300 bytes.
fn value(at: usize) -> String {
    format!("{at:02}{}", "v".repeat(if at == 0 { 40 } else { 44 }))
}

/// A layer that does nothing but stand there.
#[derive(Clone)]
struct Nothing;

#[derive(Clone)]
struct NothingService<S>(S);

impl<S> Layer<S> for Nothing {
    type Service = NothingService<S>;
    fn layer(&self, inner: S) -> Self::Service {
        NothingService(inner)
    }
}

impl<S: Service<Request<Body>>> Service<Request<Body>> for NothingService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;
    fn poll_ready(&mut self, context: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }
    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.0.call(request)
    }
}

async fn untouched() -> &'static str {
    "hello"
}

/// Another value for each request: some libraries notice when nothing changed.
fn another() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1_000_000_000_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

async fn cloakroom_read(session: Session) -> &'static str {
    black_box(session.get::<String>("member_02").unwrap().unwrap());
    "hello"
}

async fn cloakroom_change(session: Session) -> &'static str {
    session.set("member_03", &another()).unwrap();
    "hello"
}

async fn tower_read(session: tower_sessions::Session) -> &'static str {
    black_box(session.get::<String>("member_02").await.unwrap().unwrap());
    "hello"
}

async fn tower_change(session: tower_sessions::Session) -> &'static str {
    session.insert("member_03", another()).await.unwrap();
    "hello"
}

/// A router and the cookie of a stored session.
async fn site(library: &str, scenario: &str, members: usize) -> (Router, String) {
    match library {
        "bare" => (Router::new().route("/", get(untouched)), "sessionid=0123456789abcdef0123456789abcdef".into()),
        "noop" => {
            let app = Router::new().route("/", get(untouched)).layer(Nothing);
            (app, "sessionid=0123456789abcdef0123456789abcdef".into())
        }
        "cloakroom" => {
            let store = SessionStore::memory(Settings::new()).unwrap();
            let session = store.session(None).load().await.unwrap();
            (0..members).for_each(|at| session.set(&name(at), &value(at)).unwrap());
            session.asave().await.unwrap();
            let cookie = format!("sessionid={}", session.session_key().unwrap().as_str());
            let routes = match scenario {
                "read" => Router::new().route("/", get(cloakroom_read)),
                "change" | "new" => Router::new().route("/", get(cloakroom_change)),
                _ => Router::new().route("/", get(untouched)),
            };
            (routes.layer(SessionLayer::new(store)), cookie)
        }
        "tower-sessions" => {
            let store = tower_sessions::MemoryStore::default();
            let session = tower_sessions::Session::new(None, std::sync::Arc::new(store.clone()), None);
            for at in 0..members {
                session.insert(&name(at), value(at)).await.unwrap();
            }
            session.save().await.unwrap();
            let cookie = format!("id={}", session.id().unwrap());
            let routes = match scenario {
                "read" => Router::new().route("/", get(tower_read)),
                "change" | "new" => Router::new().route("/", get(tower_change)),
                _ => Router::new().route("/", get(untouched)),
            };
            (routes.layer(tower_sessions::SessionManagerLayer::new(store)), cookie)
        }
        library => panic!("unknown library {library}"),
    }
}

fn request(cookie: Option<&str>) -> Request<Body> {
    let mut request = Request::builder().uri("/").body(Body::empty()).unwrap();
    if let Some(cookie) = cookie {
        request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
    }
    request
}

/// A request from its making to its answer.
async fn visit(app: &Router, cookie: Option<&str>) -> Response<Body> {
    app.clone().oneshot(request(cookie)).await.unwrap()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, scenario, members] = &arguments[..] else {
        eprintln!("usage: cloakroom-benchmarks bare|noop|cloakroom|tower-sessions untouched|nocookie|read|change|new MEMBERS");
        std::process::exit(2);
    };
    let members: usize = members.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (app, cookie) = runtime.block_on(site(library, scenario, members));
    let cookie = (scenario != "nocookie" && scenario != "new").then_some(cookie.as_str());
    let sets_cookie = scenario == "change" || scenario == "new";
    runtime.block_on(async {
        for _ in 0..REQUESTS {
            let response = visit(&app, cookie).await;
            assert_eq!(response.status(), 200);
            assert_eq!(response.headers().contains_key(header::SET_COOKIE), sets_cookie);
        }
    });
    counting(&runtime, &app, cookie);
}

/// The frame that callgrind is told to count.
#[inline(never)]
fn counting(runtime: &tokio::runtime::Runtime, app: &Router, cookie: Option<&str>) {
    runtime.block_on(async {
        for _ in 0..REQUESTS {
            black_box(visit(app, cookie).await);
        }
    });
}
