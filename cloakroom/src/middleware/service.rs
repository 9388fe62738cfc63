use std::task::{Context, Poll};

use http::header::COOKIE;
use http::{HeaderMap, Request, Response};
use tower_service::Service;

use crate::cookie;
use crate::middleware::{ErrorResponse, ResponseFuture, Sessions};
use crate::{LazySession, SessionStore};

/// The service that [`SessionLayer`](crate::middleware::SessionLayer) makes.
///
/// ```
/// use axum::body::Body;
/// use cloakroom::middleware::{DefaultErrorResponse, SessionService};
/// use cloakroom::{SessionLayer, SessionStore, Settings};
/// use http::{Request, Response};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SessionStore::memory(Settings::new())?;
/// let handler = service_fn(|_: Request<Body>| async { Ok::<_, std::io::Error>(Response::new(Body::empty())) });
/// let service: SessionService<_, DefaultErrorResponse> = SessionLayer::new(store).layer(handler);
/// assert_eq!(service.oneshot(Request::new(Body::empty())).await?.status(), 200);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SessionService<S, E> {
    inner: S,
    store: SessionStore,
    on_error: E,
}

impl<S, E> SessionService<S, E> {
    pub(super) fn new(inner: S, store: SessionStore, on_error: E) -> Self {
        Self { inner, store, on_error }
    }
}

impl<S, E, RequestBody, ResponseBody> Service<Request<RequestBody>> for SessionService<S, E>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>>,
    E: ErrorResponse<ResponseBody> + Clone,
{
    type Response = Response<ResponseBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, E, ResponseBody>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Self::Future {
        let (session, had_cookie) = session_of(&self.store, request.headers());
        let extensions = request.extensions_mut();
        let outer = extensions.remove::<Sessions>();
        extensions.insert(Sessions::new(session.clone(), outer));
        ResponseFuture::new(self.inner.call(request), session, had_cookie, self.on_error.clone())
    }
}

/// The request's session. Several `Cookie` headers count as one, the last cookie of the name as the cookie
/// (S15).
fn session_of(store: &SessionStore, headers: &HeaderMap) -> (LazySession, bool) {
    let name = store.cookie().name();
    let found = headers.get_all(COOKIE).iter().rev().find_map(|header| cookie::find(header.as_bytes(), name));
    (store.session_from_cookie_bytes(found.as_deref()), found.is_some())
}
