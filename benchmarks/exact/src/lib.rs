//! The same site without sessions and with those of each library, and the requests that are sent to it.
#![allow(missing_docs, clippy::unwrap_used)]

mod routes;
mod session;
mod site;

use std::convert::Infallible;

use axum::body::Body;
use http::{Request, Response, header};
use tower::{Service, ServiceExt as _};

pub use site::with_site;

/// A router, or a layer around one.
pub trait App: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone {}
impl<S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone> App for S {}

/// What is done with a site.
pub trait Use {
    fn with(self, app: impl App, visit: &Visit);
}

/// What a request of a scenario is like.
pub struct Visit {
    cookie: Option<String>,
    sets_cookie: bool,
}

impl Visit {
    pub fn request(&self) -> Request<Body> {
        let mut request = Request::builder().uri("/").body(Body::empty()).unwrap();
        if let Some(cookie) = &self.cookie {
            request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
        }
        request
    }

    /// A request from its making to its answer.
    pub async fn pay(&self, app: &impl App) -> Response<Body> {
        app.clone().oneshot(self.request()).await.unwrap()
    }

    /// The same, and whether the site did what the scenario is about.
    pub async fn check(&self, app: &impl App) {
        let response = self.pay(app).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers().contains_key(header::SET_COOKIE), self.sets_cookie);
    }
}
