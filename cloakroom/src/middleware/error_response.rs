use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

use crate::error::SessionError;

/// What the layer answers when a session cannot be loaded or saved.
///
/// ```
/// use axum::body::Body;
/// use cloakroom::SessionError;
/// use cloakroom::middleware::ErrorResponse;
/// use http::Response;
///
/// struct Page;
///
/// impl ErrorResponse<Body> for Page {
///     fn error_response(&self, error: &SessionError) -> Response<Body> {
///         let mut response = Response::new(Body::from("<h1>Please sign in again</h1>"));
///         *response.status_mut() = http::StatusCode::from_u16(error.status()).unwrap();
///         response
///     }
/// }
/// ```
pub trait ErrorResponse<B> {
    /// The response in place of the handler's.
    fn error_response(&self, error: &SessionError) -> Response<B>;
}

impl<B, F: Fn(&SessionError) -> Response<B>> ErrorResponse<B> for F {
    fn error_response(&self, error: &SessionError) -> Response<B> {
        self(error)
    }
}

/// A short text that tells a visitor nothing about the server's inside, with the error's status: 400 for a
/// session that was deleted during the request, otherwise 500.
///
/// ```
/// use axum::body::Body;
/// use cloakroom::SessionError;
/// use cloakroom::middleware::{DefaultErrorResponse, ErrorResponse};
///
/// let response: http::Response<Body> = DefaultErrorResponse.error_response(&SessionError::SessionInterrupted);
/// assert_eq!(response.status(), 400);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultErrorResponse;

impl<B: From<String>> ErrorResponse<B> for DefaultErrorResponse {
    fn error_response(&self, error: &SessionError) -> Response<B> {
        plain_text(error.status(), error.public_message())
    }
}

/// Marks a response that a session error became, so that the layer can let the application answer it.
#[derive(Clone)]
pub(super) struct Failed(pub(super) Arc<SessionError>);

pub(crate) fn plain_text<B: From<String>>(status: u16, text: String) -> Response<B> {
    let mut response = Response::new(B::from(text + "\n"));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// Logs an error that became a response. Errors hold neither keys nor data.
pub(super) fn log(error: &SessionError) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    if error.status() < 500 {
        tracing::warn!(%error, cause, "a request was answered with {}", error.status());
    } else {
        tracing::error!(%error, cause, "a request was answered with {}", error.status());
    }
}
