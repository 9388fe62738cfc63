use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::User;
use super::error::AuthError;
use super::users::AuthUser;
use super::verify::{Anonymous, Auth, id_in};
use crate::Session;

/// The login of a session: who its user is, and what changes that.
///
/// As an axum extractor it loads the session, as [`Session`] does, and reads no user until it is asked. The user is read
/// once a request at most, whichever extractor asks first. Handles are cheap to clone.
///
/// ```
/// use cloakroom::auth::{AuthError, AuthSession};
///
/// async fn home(auth: AuthSession) -> Result<String, AuthError> {
///     Ok(match auth.auser().await? {
///         Some(user) => format!("Hello, user {}", user.id()),
///         None => "Hello".into(),
///     })
/// }
/// ```
pub struct AuthSession<U = User> {
    auth: Auth<U>,
    session: Session,
    request: Arc<OfRequest<U>>,
}

/// What handles of one request share.
pub(super) struct OfRequest<U> {
    known: Mutex<Known<U>>,
    /// Held while the user is read, so that two tasks of one request do not both do it.
    asking: tokio::sync::Mutex<()>,
    /// The token that a login made.
    csrf: Mutex<Option<String>>,
}

struct Known<U> {
    /// Which session it is known of: of two layers each has one.
    session: Option<Session>,
    user: Option<Result<Arc<U>, Anonymous>>,
}

// By hand: users need not be `Clone`.
impl<U> Clone for AuthSession<U> {
    fn clone(&self) -> Self {
        Self { auth: self.auth.clone(), session: self.session.clone(), request: Arc::clone(&self.request) }
    }
}

impl<U> OfRequest<U> {
    pub(super) fn new() -> Self {
        Self {
            known: Mutex::new(Known { session: None, user: None }),
            asking: tokio::sync::Mutex::new(()),
            csrf: Mutex::new(None),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known<U>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn csrf(&self) -> MutexGuard<'_, Option<String>> {
        self.csrf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn new_csrf_token(&self) -> Option<String> {
        self.csrf().clone()
    }
}

impl<U: AuthUser> AuthSession<U> {
    pub(super) fn alone(auth: Auth<U>, session: Session) -> Self {
        Self::of_request(auth, session, Arc::new(OfRequest::new()))
    }

    pub(super) fn of_request(auth: Auth<U>, session: Session, request: Arc<OfRequest<U>>) -> Self {
        let mut known = request.known();
        if !known.session.as_ref().is_some_and(|known| known.is_same(&session)) {
            *known = Known { session: Some(session.clone()), user: None };
        }
        drop(known);
        Self { auth, session, request }
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The session's user, once the login is verified; `None` if nobody is logged in. Django's `request.auser()`.
    ///
    /// The first call reads the user, the others remember. It acts at once, as Django does: a session whose hash does
    /// not verify is flushed; one whose hash was made with a fallback key gets a new hash and a new key. Under
    /// `SESSION_READ_ONLY` neither is done, and the answer is the same.
    ///
    /// # Errors
    /// The users or the session's storage did not answer. Nobody counts as logged in then, and nothing is remembered.
    pub async fn auser(&self) -> Result<Option<Arc<U>>, AuthError> {
        let _asking = self.request.asking.lock().await;
        if let Some(known) = self.known() {
            return Ok(known.ok());
        }
        let found = self.auth.verify(&self.session).await?.map(Arc::new);
        if let Err(
            why @ (Anonymous::UnknownBackend | Anonymous::NoSuchUser | Anonymous::Inactive | Anonymous::OtherHash),
        ) = &found
        {
            tracing::debug!(%why, "a login did not hold");
        }
        Ok(self.remember(found).ok())
    }

    /// The same without waiting: what [`auser`](Self::auser) found, or that nobody is logged in because the session
    /// names nobody. Django's `request.user`.
    ///
    /// # Errors
    /// [`AuthError::Synchronous`] where the user is to be read first.
    pub fn user(&self) -> Result<Option<Arc<U>>, AuthError> {
        match self.known() {
            Some(known) => Ok(known.ok()),
            None if id_in(&self.session).is_none() => Ok(None),
            None => Err(AuthError::Synchronous { method: "user", twin: "auser" }),
        }
    }

    /// Why nobody is logged in, once [`auser`](Self::auser) has said so.
    #[must_use]
    pub fn why_anonymous(&self) -> Option<Anonymous> {
        self.known()?.err()
    }

    /// The CSRF token that a login in this request made, for those who send Django's cookie themselves; the
    /// [`AuthLayer`](super::AuthLayer) does where the visitor has one.
    #[must_use]
    pub fn new_csrf_token(&self) -> Option<String> {
        self.request.new_csrf_token()
    }

    pub(super) fn auth(&self) -> &Auth<U> {
        &self.auth
    }

    pub(super) fn known(&self) -> Option<Result<Arc<U>, Anonymous>> {
        let known = self.request.known();
        // Another layer's session may have been asked for in between.
        known.session.as_ref().is_some_and(|of| of.is_same(&self.session)).then(|| known.user.clone())?
    }

    pub(super) fn remember(&self, user: Result<Arc<U>, Anonymous>) -> Result<Arc<U>, Anonymous> {
        *self.request.known() = Known { session: Some(self.session.clone()), user: Some(user.clone()) };
        user
    }

    pub(super) fn remember_csrf(&self, token: String) {
        *self.request.csrf() = Some(token);
    }
}

impl<U> fmt::Debug for AuthSession<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthSession").field("session", &self.session).finish_non_exhaustive()
    }
}
