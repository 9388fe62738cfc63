//! axum's extractors: [`Session`], [`LazySession`] and [`Sessions`].

use std::sync::Arc;

use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use thiserror::Error;

use crate::error::SessionError;
use crate::middleware::Sessions;
use crate::middleware::error_response::{Failed, log, plain_text};
use crate::{LazySession, Session};

/// Why a handler did not get its session. A response of its own: 500.
///
/// ```
/// use axum::response::IntoResponse;
/// use cloakroom::{Session, SessionRejection};
///
/// // A handler that wants to answer by itself takes the result.
/// async fn home(session: Result<Session, SessionRejection>) -> impl IntoResponse {
///     match session {
///         Ok(session) => format!("{} things", session.keys().len()),
///         Err(_) => "no session today".to_owned(),
///     }
/// }
///
/// // Any other handler that gets none is answered with 500.
/// assert_eq!(SessionRejection::MissingLayer.into_response().status(), 500);
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SessionRejection {
    /// No layer put a session into the request.
    #[error("no session layer: add `.layer(SessionLayer::new(store))` to the router, around this route")]
    MissingLayer,
    /// The session could not be loaded.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl IntoResponse for SessionRejection {
    fn into_response(self) -> Response {
        match self {
            Self::MissingLayer => {
                tracing::error!("{self}");
                plain_text(500, self.to_string())
            }
            Self::Session(error) => error.into_response(),
        }
    }
}

impl IntoResponse for SessionError {
    /// So that a handler can pass errors on with `?`: logged, and answered with a short text, or as the layer's
    /// [`on_error`](crate::middleware::SessionLayer::on_error) wants it.
    fn into_response(self) -> Response {
        log(&self);
        let mut response: Response = plain_text(self.status(), self.public_message());
        response.extensions_mut().insert(Failed(Arc::new(self)));
        response
    }
}

impl<S: Sync> FromRequestParts<S> for Sessions {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        parts.extensions.get::<Sessions>().cloned().ok_or(SessionRejection::MissingLayer)
    }
}

/// Loads nothing.
impl<S: Sync> FromRequestParts<S> for LazySession {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let sessions = parts.extensions.get::<Sessions>().ok_or(SessionRejection::MissingLayer)?;
        Ok(sessions.innermost().clone())
    }
}

/// Loads the session once, without marking it as accessed.
impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let session = LazySession::from_request_parts(parts, state).await?;
        Ok(session.load().await?)
    }
}
