//! Django's logins: the user of a session, verified as Django verifies it.
//!
//! A session that a user logged in to holds who that is (`_auth_user_id`), by which backend (`_auth_user_backend`), and
//! an HMAC of the user's password field (`_auth_user_hash`). [`Auth`] reads the user, checks all three as Django's
//! `get_user` does, and so a password that was changed on the Django site ends the sessions here, and the reverse.
//! `docs/logins.md` is the guide.
//!
//! Passwords themselves are none of its business: [`login`](AuthSession::login) takes a user who is authenticated
//! already, by a Django site's own login page, a token, or a check of the application's own.
//!
//! ```
//! # #[cfg(feature = "axum")] mod example {
//! use axum::routing::{get, post};
//! use axum::{Router, http::StatusCode};
//! use cloakroom::auth::{Auth, AuthError, AuthLayer, AuthSession, CurrentUser, Users};
//! use cloakroom::auth::{User, UsersError};
//! use cloakroom::{SessionLayer, SessionStore, Settings};
//!
//! /// Handlers say whether they need a user, or only ask.
//! async fn account(user: CurrentUser) -> String {
//!     format!("user {}", user.id())
//! }
//!
//! async fn home(user: Option<CurrentUser>) -> &'static str {
//!     if user.is_some() { "Hello again" } else { "Hello" }
//! }
//!
//! async fn logout(auth: AuthSession) -> StatusCode {
//!     auth.logout();
//!     StatusCode::NO_CONTENT
//! }
//!
//! fn app(store: SessionStore, users: impl Users<User = User>) -> Result<Router, cloakroom::SettingsError> {
//!     let auth = Auth::new(users, store.settings())?;
//!     Ok(Router::new()
//!         .route("/", get(home))
//!         .route("/account", get(account))
//!         .route("/logout", post(logout))
//!         .layer(AuthLayer::new(auth))
//!         .layer(SessionLayer::new(store)))
//! }
//! # }
//! ```

mod backends;
mod csrf;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod database;
mod error;
#[cfg(feature = "axum")]
mod extract;
mod keys;
#[cfg(feature = "tower")]
mod layer;
mod login;
mod session;
mod user;
mod users;
mod verify;

pub use crate::settings::UserIdType;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use database::DatabaseUsers;
pub use error::{AuthError, UsersError};
#[cfg(feature = "axum")]
pub use extract::{AuthRejection, CurrentUser};
#[cfg(feature = "tower")]
pub use layer::{AuthFuture, AuthLayer, AuthService};
pub use session::AuthSession;
pub use user::User;
pub use users::{AuthUser, Users};
pub use verify::{Anonymous, Auth};

/// The member that holds the user's primary key, as text.
pub const SESSION_KEY: &str = "_auth_user_id";
/// The member that holds the dotted path of the backend.
pub const BACKEND_SESSION_KEY: &str = "_auth_user_backend";
/// The member that holds the HMAC of the password field.
pub const HASH_SESSION_KEY: &str = "_auth_user_hash";
