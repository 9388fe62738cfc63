//! The layer that gives handlers their users.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use http::{Request, Response, Uri};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::User;
use super::session::OfRequest;
use super::users::AuthUser;
use super::verify::Auth;
use crate::Timestamp;
use crate::cookie;
use crate::middleware::keep_from_caches;

/// Gives handlers the users of their sessions: within a [`SessionLayer`](crate::SessionLayer), for
/// [`AuthSession`](super::AuthSession) and [`CurrentUser`](super::CurrentUser).
///
/// It reads nothing by itself. After a login it sends Django's CSRF cookie with a new token, if the visitor has one.
///
/// ```
/// use axum::Router;
/// use cloakroom::auth::{Auth, AuthLayer, User, Users};
/// use cloakroom::{SessionLayer, SessionStore, Settings, SettingsError};
///
/// fn app(users: impl Users<User = User>) -> Result<Router, SettingsError> {
///     let store = SessionStore::memory(Settings::new().secret_key("a secret"))?;
///     let auth = Auth::new(users, store.settings())?;
///     Ok(Router::new().layer(AuthLayer::new(auth)).layer(SessionLayer::new(store)))
/// }
/// ```
pub struct AuthLayer<U = User>(Auth<U>);

impl<U: AuthUser> AuthLayer<U> {
    /// Logins by this.
    #[must_use]
    pub fn new(auth: Auth<U>) -> Self {
        Self(auth)
    }
}

impl<U> Clone for AuthLayer<U> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<U> fmt::Debug for AuthLayer<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AuthLayer").field(&self.0).finish()
    }
}

impl<S, U> Layer<S> for AuthLayer<U> {
    type Service = AuthService<S, U>;

    fn layer(&self, inner: S) -> Self::Service {
        AuthService { inner, auth: self.0.clone() }
    }
}

/// The service that [`AuthLayer`] makes.
pub struct AuthService<S, U = User> {
    inner: S,
    auth: Auth<U>,
}

impl<S: Clone, U> Clone for AuthService<S, U> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), auth: self.auth.clone() }
    }
}

impl<S: fmt::Debug, U> fmt::Debug for AuthService<S, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// What the layer puts among a request's extensions.
#[cfg_attr(not(feature = "axum"), allow(dead_code))]
pub(super) struct Given<U> {
    pub(super) auth: Auth<U>,
    pub(super) request: Arc<OfRequest<U>>,
    /// Where somebody may be sent to a login and has to come back: a nested router sees a part of it only.
    pub(super) uri: Option<Uri>,
}

impl<U> Clone for Given<U> {
    fn clone(&self) -> Self {
        Self { auth: self.auth.clone(), request: Arc::clone(&self.request), uri: self.uri.clone() }
    }
}

impl<S, U, RequestBody, ResponseBody> Service<Request<RequestBody>> for AuthService<S, U>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>>,
    U: AuthUser,
{
    type Response = Response<ResponseBody>;
    type Error = S::Error;
    type Future = AuthFuture<S::Future, U>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Self::Future {
        let of_request = Arc::new(OfRequest::new());
        let csrf = has_cookie(request.headers(), self.auth.inner().csrf.name());
        let uri = self.auth.inner().login_url.as_ref().map(|_| request.uri().clone());
        let given = Given { auth: self.auth.clone(), request: Arc::clone(&of_request), uri };
        request.extensions_mut().insert(given);
        let csrf = csrf.then(|| (self.auth.clone(), of_request));
        AuthFuture { handling: self.inner.call(request), csrf }
    }
}

fn has_cookie(headers: &HeaderMap, name: &str) -> bool {
    headers.get_all(COOKIE).iter().any(|header| cookie::find(header.as_bytes(), name).is_some())
}

pin_project! {
    /// The future of [`AuthService`].
    pub struct AuthFuture<F, U> {
        #[pin]
        handling: F,
        // Where the visitor has a CSRF cookie.
        csrf: Option<(Auth<U>, Arc<OfRequest<U>>)>,
    }
}

impl<F, U, B, E> Future for AuthFuture<F, U>
where
    F: Future<Output = Result<Response<B>, E>>,
    U: AuthUser,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut handled = ready!(this.handling.poll(context));
        if let (Ok(response), Some((auth, request))) = (&mut handled, this.csrf.as_ref())
            && let Some(token) = request.new_csrf_token()
        {
            send_csrf_cookie(auth, &token, response.headers_mut());
        }
        Poll::Ready(handled)
    }
}

fn send_csrf_cookie<U: AuthUser>(auth: &Auth<U>, token: &str, headers: &mut HeaderMap) {
    let inner = auth.inner();
    let life = inner.csrf_age.and_then(|age| Some((age as i64, Timestamp::now().checked_add_seconds(age)?)));
    // The settings were checked to hold nothing that a header cannot.
    if let Ok(mut text) = HeaderValue::try_from(inner.csrf.set(token, life)) {
        text.set_sensitive(true);
        headers.append(SET_COOKIE, text);
        keep_from_caches(headers);
    }
}

impl<F, U> fmt::Debug for AuthFuture<F, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthFuture").finish_non_exhaustive()
    }
}
