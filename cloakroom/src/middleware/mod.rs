//! Sessions for requests: a tower layer and service, and axum extractors.
//!
//! ```
//! use axum::{Router, routing::get};
//! use cloakroom::middleware::SessionLayer;
//! use cloakroom::{Session, SessionError, SessionStore, Settings};
//!
//! async fn visits(session: Session) -> Result<String, SessionError> {
//!     let visits = session.get_or("visits", 0)? + 1;
//!     session.set("visits", &visits)?;
//!     Ok(format!("visit {visits}"))
//! }
//!
//! let store = SessionStore::memory(Settings::new())?;
//! let app: Router = Router::new().route("/", get(visits)).layer(SessionLayer::new(store));
//! # Ok::<(), cloakroom::SettingsError>(())
//! ```

mod error_response;
#[cfg(feature = "axum")]
mod extract;
mod future;
mod headers;
mod layer;
mod service;
mod stack;

#[cfg(feature = "axum")]
pub(crate) use error_response::plain_text;
pub use error_response::{DefaultErrorResponse, ErrorResponse};
#[cfg(feature = "axum")]
pub use extract::SessionRejection;
pub use future::ResponseFuture;
pub(crate) use headers::keep_from_caches;
pub use layer::SessionLayer;
pub use service::SessionService;
pub use stack::Sessions;
