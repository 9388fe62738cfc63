use std::error::Error;

use crate::error::SessionError;

/// What can go wrong with a login. Never holds a session key, a secret or a password field.
///
/// ```
/// use cloakroom::auth::{AuthError, UsersError};
///
/// let error = AuthError::from(UsersError::new("connection refused"));
/// assert_eq!((error.status(), error.to_string().as_str()), (500, "the users could not be asked"));
/// assert!(AuthError::SeveralBackends.to_string().contains("login_by"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The session could not be read or changed.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The users could not be asked. Nothing was changed.
    #[error(transparent)]
    Users(#[from] UsersError),
    /// The user who was to be logged in is not there any more. Nothing was changed.
    #[error("the user who was to be logged in does not exist any more")]
    NoSuchUser,
    /// A login by a backend that `AUTHENTICATION_BACKENDS` does not name would not hold. Nothing was changed.
    #[error("the backend {backend:?} is not among the AUTHENTICATION_BACKENDS: a login by it would not hold")]
    UnknownBackend {
        /// The backend's dotted path.
        backend: String,
    },
    /// `AUTHENTICATION_BACKENDS` names several, and which one is meant was not said. Nothing was changed.
    #[error("AUTHENTICATION_BACKENDS names several backends: say which one with `login_by` or `alogin_by`")]
    SeveralBackends,
    /// This method would have to wait for the users, and a synchronous method never does.
    #[error("`{method}` has to wait for the users: await `{twin}` instead")]
    Synchronous {
        /// The method that was called.
        method: &'static str,
        /// The method to await instead.
        twin: &'static str,
    },
}

impl AuthError {
    /// The HTTP status that fits: that of a session's error, otherwise 500.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Session(error) => error.status(),
            _ => 500,
        }
    }
}

/// Why users could not be asked.
///
/// ```
/// use cloakroom::auth::UsersError;
///
/// let error = UsersError::new(std::io::Error::other("no route to host"));
/// assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "no route to host");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UsersError {
    /// The place where they are kept did not answer, or not as it should.
    #[error("the users could not be asked")]
    NotDone(#[source] Box<dyn Error + Send + Sync>),
    /// The table of users is not there.
    #[error("there is no table {table} of users: set AUTH_USER_TABLE to the one of the site's AUTH_USER_MODEL")]
    MissingTable {
        /// The table that was looked for.
        table: String,
    },
}

impl UsersError {
    /// For a place of the application's own.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::NotDone(source.into())
    }
}
