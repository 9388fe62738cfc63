//! axum's extractors: [`AuthSession`] and [`CurrentUser`].

use std::ops::Deref;
use std::sync::Arc;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::header::{HeaderValue, LOCATION};
use http::request::Parts;
use http::{StatusCode, Uri};

use super::User;
use super::error::AuthError;
use super::layer::Given;
use super::session::AuthSession;
use super::users::AuthUser;
use crate::Session;
use crate::middleware::{SessionRejection, plain_text};

/// The user who is logged in. A handler that takes it is for users only: Django's `login_required`. As
/// `Option<CurrentUser>` it lets everybody in.
///
/// ```
/// use cloakroom::auth::CurrentUser;
///
/// async fn account(user: CurrentUser) -> String {
///     format!("user {}", user.id())
/// }
///
/// async fn home(user: Option<CurrentUser>) -> String {
///     user.map_or("Hello".into(), |user| format!("Hello, user {}", user.id()))
/// }
/// ```
#[derive(Debug)]
pub struct CurrentUser<U = User>(pub Arc<U>);

impl<U> Clone for CurrentUser<U> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<U> Deref for CurrentUser<U> {
    type Target = U;

    fn deref(&self) -> &U {
        &self.0
    }
}

/// Why a handler did not get its user.
///
/// ```
/// use axum::response::IntoResponse;
/// use cloakroom::auth::AuthRejection;
///
/// assert_eq!(AuthRejection::LoginRequired { redirect: None }.into_response().status(), 401);
/// let redirect = Some("/login?next=/account".to_owned());
/// assert_eq!(AuthRejection::LoginRequired { redirect }.into_response().status(), 302);
/// assert_eq!(AuthRejection::MissingLayer.into_response().status(), 500);
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthRejection {
    /// No layer of this kind of user is around the route.
    #[error("no layer for logins: add `.layer(AuthLayer::new(auth))` to the router, around this route")]
    MissingLayer,
    /// Nobody is logged in. A response of its own: 302 to where [`login_url`](super::Auth::login_url) says, otherwise
    /// 401.
    #[error("nobody is logged in")]
    LoginRequired {
        /// The address to log in at, and to come back from.
        redirect: Option<String>,
    },
    /// There is no session, or it could not be loaded.
    #[error(transparent)]
    Session(#[from] SessionRejection),
    /// The login could not be checked.
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl IntoResponse for AuthRejection {
    fn into_response(self) -> Response {
        match self {
            Self::MissingLayer => {
                tracing::error!("{self}");
                plain_text(500, self.to_string())
            }
            Self::LoginRequired { redirect } => match redirect.map(HeaderValue::try_from) {
                Some(Ok(location)) => {
                    let mut response = StatusCode::FOUND.into_response();
                    response.headers_mut().insert(LOCATION, location);
                    response
                }
                _ => plain_text(401, "Please log in.".to_owned()),
            },
            Self::Session(rejection) => rejection.into_response(),
            Self::Auth(error) => error.into_response(),
        }
    }
}

/// So that a handler can pass errors on with `?`: logged, and answered with a short text.
impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        if let Self::Session(error) = self {
            return error.into_response();
        }
        let cause = std::error::Error::source(&self).map(ToString::to_string);
        tracing::error!(error = %self, cause, "a request was answered with {}", self.status());
        plain_text(self.status(), "The login could not be handled.".to_owned())
    }
}

/// Loads the session. The user is not read yet.
impl<S: Sync, U: AuthUser> FromRequestParts<S> for AuthSession<U> {
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let given = parts.extensions.get::<Given<U>>().ok_or(AuthRejection::MissingLayer)?;
        let (auth, request) = (given.auth.clone(), Arc::clone(&given.request));
        let session = Session::from_request_parts(parts, state).await?;
        Ok(Self::of_request(auth, session, request))
    }
}

impl<S: Sync, U: AuthUser> FromRequestParts<S> for CurrentUser<U> {
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let login = AuthSession::<U>::from_request_parts(parts, state).await?;
        if let Some(user) = login.auser().await? {
            return Ok(Self(user));
        }
        let uri = parts.extensions.get::<Given<U>>().and_then(|given| given.uri.as_ref()).unwrap_or(&parts.uri);
        let login_url = login.auth().inner().login_url.as_deref();
        Err(AuthRejection::LoginRequired { redirect: login_url.map(|url| with_next(url, uri)) })
    }
}

/// `None` where nobody is logged in.
impl<S: Sync, U: AuthUser> OptionalFromRequestParts<S> for CurrentUser<U> {
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Self::Rejection> {
        let login = AuthSession::<U>::from_request_parts(parts, state).await?;
        Ok(login.auser().await?.map(Self))
    }
}

/// Django's `redirect_to_login`: the address to come back to as `next`.
fn with_next(login_url: &str, request: &Uri) -> String {
    let mut url = login_url.to_owned();
    url.push(if login_url.contains('?') { '&' } else { '?' });
    url.push_str("next=");
    for byte in request.path_and_query().map_or("/", |asked| asked.as_str()).bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_to_come_back_to_is_quoted_as_django_quotes_it() {
        let asked = Uri::from_static("/shop/cart?a=1&b=%20c");
        assert_eq!(with_next("/login", &asked), "/login?next=/shop/cart%3Fa%3D1%26b%3D%2520c");
        assert_eq!(with_next("/login?x=1", &Uri::from_static("/")), "/login?x=1&next=/");
    }
}
