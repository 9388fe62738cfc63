use tower_layer::Layer;

use crate::SessionStore;
use crate::middleware::{DefaultErrorResponse, SessionService};

/// Gives every request its session: Django's `SessionMiddleware` as a tower layer.
///
/// Two layers with different cookie names can stand around each other; see
/// [`Sessions`](crate::middleware::Sessions).
///
/// ```
/// use axum::Router;
/// use cloakroom::{SessionLayer, SessionStore, Settings};
///
/// let store = SessionStore::memory(Settings::new())?;
/// let app: Router = Router::new().layer(SessionLayer::new(store));
/// # Ok::<(), cloakroom::SettingsError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SessionLayer<E = DefaultErrorResponse> {
    store: SessionStore,
    on_error: E,
}

impl SessionLayer {
    /// Sessions from this store. Errors are answered with a short text, 400 or 500.
    #[must_use]
    pub fn new(store: SessionStore) -> Self {
        Self { store, on_error: DefaultErrorResponse }
    }
}

impl<E> SessionLayer<E> {
    /// Answers session errors in the application's own way: with a function from
    /// [`&SessionError`](crate::SessionError) to a response, or an
    /// [`ErrorResponse`](crate::middleware::ErrorResponse). That is so for an error at the end of the request, for one
    /// of the extractor, and for one that a handler passes on with `?`. The error is logged beforehand.
    ///
    /// ```
    /// use axum::body::Body;
    /// use cloakroom::middleware::SessionLayer;
    /// use cloakroom::{SessionError, SessionStore, Settings};
    /// use http::Response;
    ///
    /// let layer = SessionLayer::new(SessionStore::memory(Settings::new())?).on_error(|error: &SessionError| {
    ///     let mut response = Response::new(Body::from("Please sign in again."));
    ///     *response.status_mut() = http::StatusCode::from_u16(error.status()).unwrap();
    ///     response
    /// });
    /// # Ok::<(), cloakroom::SettingsError>(())
    /// ```
    pub fn on_error<F>(self, on_error: F) -> SessionLayer<F> {
        SessionLayer { store: self.store, on_error }
    }
}

impl<S, E: Clone> Layer<S> for SessionLayer<E> {
    type Service = SessionService<S, E>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService::new(inner, self.store.clone(), self.on_error.clone())
    }
}
