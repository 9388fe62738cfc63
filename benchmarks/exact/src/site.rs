//! A site with the sessions of one library, and one session stored.

use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use cloakroom::{SessionLayer, SessionStore, Settings};
use http::Request;
use tokio::runtime::Runtime;
use tower::{Layer, Service};

use crate::routes;
use crate::session::{name, value};
use crate::{Use, Visit};

/// A layer that does nothing but stand there. It holds something, as every layer with a store or settings does: a router
/// boxes and clones it.
#[derive(Clone)]
struct Nothing(Arc<str>);

#[derive(Clone)]
struct NothingService<S> {
    inner: S,
    _held: Arc<str>,
}

impl<S> Layer<S> for Nothing {
    type Service = NothingService<S>;
    fn layer(&self, inner: S) -> Self::Service {
        NothingService { inner, _held: Arc::clone(&self.0) }
    }
}

impl<S: Service<Request<Body>>> Service<Request<Body>> for NothingService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }
    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.inner.call(request)
    }
}

/// Gives a site to whoever wants it. The layer stands inside the router, around its route, or around the router when
/// the scenario's name begins with `around-`.
///
/// # Panics
/// On a library that is unknown.
pub fn with_site(runtime: &Runtime, library: &str, scenario: &str, members: usize, user: impl Use) {
    let (around, scenario) = match scenario.strip_prefix("around-") {
        Some(scenario) => (true, scenario),
        None => (false, scenario),
    };
    let cookie_of = |stored: String| (scenario != "nocookie" && scenario != "new").then_some(stored);
    let sets_cookie = library != "bare" && library != "nothing" && (scenario == "change" || scenario == "new");
    let visit = |stored| Visit { cookie: cookie_of(stored), sets_cookie };
    match library {
        "bare" => user.with(routes::bare(), &visit("sessionid=0123456789abcdef0123456789abcdef".into())),
        "nothing" => {
            let nothing = Nothing("a layer".into());
            let visit = visit("sessionid=0123456789abcdef0123456789abcdef".into());
            if around {
                user.with(nothing.layer(routes::bare()), &visit);
            } else {
                user.with(routes::bare().layer(nothing), &visit);
            }
        }
        "cloakroom" | "cloakroom-signed-cookies" => {
            let settings = Settings::new().secret_key("a secret of this benchmark, as long as most are");
            let store = match library {
                "cloakroom" => SessionStore::memory(settings),
                _ => SessionStore::new(cloakroom::Engine::signed_cookies(), settings),
            };
            let store = store.unwrap();
            let key = runtime.block_on(async {
                let session = store.session(None).load().await.unwrap();
                (0..members).for_each(|at| session.set(&name(at), &value(at, members)).unwrap());
                session.asave().await.unwrap();
                session.session_key().unwrap()
            });
            let visit = visit(format!("sessionid={}", key.as_str()));
            let (layer, router) = (SessionLayer::new(store), routes::cloakroom(scenario));
            if around {
                user.with(layer.layer(router), &visit);
            } else {
                user.with(router.layer(layer), &visit);
            }
        }
        "tower-sessions" => {
            let store = tower_sessions::MemoryStore::default();
            let session = tower_sessions::Session::new(None, Arc::new(store.clone()), None);
            runtime.block_on(async {
                for at in 0..members {
                    session.insert(&name(at), value(at, members)).await.unwrap();
                }
                session.save().await.unwrap();
            });
            let visit = visit(format!("id={}", session.id().unwrap()));
            let (layer, router) = (tower_sessions::SessionManagerLayer::new(store), routes::tower_sessions(scenario));
            if around {
                user.with(layer.layer(router), &visit);
            } else {
                user.with(router.layer(layer), &visit);
            }
        }
        library => panic!("unknown library {library}"),
    }
}
