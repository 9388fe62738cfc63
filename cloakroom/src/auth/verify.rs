//! Who a session's user is: Django's `get_user`.

use std::fmt;
use std::sync::Arc;

use super::backends::Backends;
use super::error::AuthError;
use super::keys::{HashKeys, MadeBy};
use super::session::AuthSession;
use super::users::{AuthUser, DynUsers, Users};
use super::{BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, User};
use crate::cookie::CookieTemplate;
use crate::error::SessionError;
use crate::settings::{Settings, SettingsError};
use crate::{Json, Session};

/// What checks and makes logins: the users, the keys of the login hash, and the backends whose logins hold.
///
/// A handle is cheap to clone.
///
/// ```
/// use cloakroom::auth::{Auth, User, Users, UsersError};
/// use cloakroom::{SessionStore, Settings};
///
/// struct Ada;
///
/// impl Users for Ada {
///     type User = User;
///
///     async fn get(&self, id: &str) -> Result<Option<User>, UsersError> {
///         Ok((id == "1").then(|| User::new("1", "pbkdf2_sha256$1000000$salt$hash")))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SessionStore::memory(Settings::new().secret_key("a secret"))?;
/// let auth = Auth::new(Ada, store.settings())?;
///
/// // Outside of requests; a handler takes an `AuthSession` or a `CurrentUser`.
/// let session = store.session(None).load().await?;
/// let login = auth.session(&session);
/// assert!(login.auser().await?.is_none());
/// login.alogin(User::new("1", "pbkdf2_sha256$1000000$salt$hash")).await?;
///
/// let next = store.session(session.session_key().as_ref()).load().await?;
/// assert_eq!(auth.session(&next).auser().await?.unwrap().id(), "1");
/// # Ok(()) }
/// ```
pub struct Auth<U = User>(Arc<Inner<U>>);

pub(super) struct Inner<U> {
    pub(super) users: Arc<dyn DynUsers<U>>,
    pub(super) keys: HashKeys,
    pub(super) backends: Backends,
    pub(super) csrf: CookieTemplate,
    /// How long a CSRF cookie lives, in seconds; `None` to end with the browser.
    pub(super) csrf_age: Option<f64>,
    pub(super) login_url: Option<String>,
}

// By hand: users need not be `Clone`.
impl<U> Clone for Auth<U> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<U> Clone for Inner<U> {
    fn clone(&self) -> Self {
        Self {
            users: Arc::clone(&self.users),
            keys: self.keys.clone(),
            backends: self.backends.clone(),
            csrf: self.csrf.clone(),
            csrf_age: self.csrf_age,
            login_url: self.login_url.clone(),
        }
    }
}

/// Why a session has no user.
///
/// ```
/// use cloakroom::auth::Anonymous;
///
/// assert_eq!(Anonymous::OtherHash.to_string(), "the user's password was changed after the login");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Anonymous {
    /// Nobody is logged in.
    #[error("nobody is logged in")]
    NoLogin,
    /// The login is by a backend that `AUTHENTICATION_BACKENDS` does not name. The session stays as it is, as in
    /// Django.
    #[error("the login is by a backend that AUTHENTICATION_BACKENDS does not name")]
    UnknownBackend,
    /// There is no such user, or what the session holds cannot be a primary key. The session stays as it is.
    #[error("the user does not exist")]
    NoSuchUser,
    /// The user is not active. The session stays as it is.
    #[error("the user is not active")]
    Inactive,
    /// No known key makes this login's hash of the user's password field: the password was changed after the login, the
    /// secret was, or somebody made the hash up. The session was flushed, as Django does it.
    #[error("the user's password was changed after the login")]
    OtherHash,
}

impl<U: AuthUser> Auth<U> {
    /// Logins of these users by a site's settings: the secret or `SESSION_AUTH_HASH_KEY`, `AUTHENTICATION_BACKENDS`,
    /// and `CSRF_COOKIE_…` for the cookie whose token a login rotates.
    ///
    /// # Errors
    /// Neither a secret nor a `SESSION_AUTH_HASH_KEY` is set, or another setting cannot be used.
    pub fn new(users: impl Users<User = U>, settings: &Settings) -> Result<Self, SettingsError> {
        settings.validate()?;
        Ok(Self(Arc::new(Inner {
            users: Arc::new(users),
            keys: HashKeys::of(settings)?,
            backends: Backends::new(&settings.auth().backends),
            csrf: CookieTemplate::csrf(settings),
            csrf_age: settings.csrf.age,
            login_url: None,
        })))
    }

    /// Logins by this backend hold for users who are not active, too: for a backend of the site's own whose
    /// `user_can_authenticate` says so. Django's `AllowAllUsers…` are known; every other one asks.
    #[must_use]
    pub fn allow_inactive(mut self, backend: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).backends.allow_inactive(backend.into());
        self
    }

    /// Where a visitor is sent whom [`CurrentUser`](super::CurrentUser) does not let in, with the address of the
    /// request as `next`: Django's `LOGIN_URL`. Without it the answer is 401.
    #[must_use]
    pub fn login_url(mut self, url: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).login_url = Some(url.into());
        self
    }

    /// The login of a session, for code outside of requests; a handler takes it as an extractor. Every such handle reads
    /// the user once at most.
    #[must_use]
    pub fn session(&self, session: &Session) -> AuthSession<U> {
        AuthSession::alone(self.clone(), session.clone())
    }

    pub(super) fn inner(&self) -> &Inner<U> {
        &self.0
    }

    /// Django's `get_user`: the user, once the login is verified. A hash by a fallback key is renewed and the session
    /// key cycled; a session whose hash does not verify is flushed.
    pub(super) async fn verify(&self, session: &Session) -> Result<Result<U, Anonymous>, AuthError> {
        let Some(id) = id_in(session) else { return Ok(Err(Anonymous::NoLogin)) };
        let Some(backend) = text_in(session, BACKEND_SESSION_KEY) else { return Ok(Err(Anonymous::NoLogin)) };
        if !self.0.backends.knows(&backend) {
            return Ok(Err(Anonymous::UnknownBackend));
        }
        let Some(user) = self.0.users.get(&id).await? else { return Ok(Err(Anonymous::NoSuchUser)) };
        if !user.is_active() && !self.0.backends.allows_inactive(&backend) {
            return Ok(Err(Anonymous::Inactive));
        }
        let hash = text_in(session, HASH_SESSION_KEY).unwrap_or_default();
        match self.0.keys.made_by(&hash, user.password()) {
            MadeBy::Primary => Ok(Ok(user)),
            MadeBy::Fallback => {
                self.renew(session, &user).await?;
                Ok(Ok(user))
            }
            MadeBy::Nobody => {
                // A service that only reads leaves it to the others.
                if !session.store().settings().is_read_only() {
                    session.aflush().await?;
                }
                Ok(Err(Anonymous::OtherHash))
            }
        }
    }

    async fn renew(&self, session: &Session, user: &U) -> Result<(), AuthError> {
        if session.store().settings().is_read_only() {
            return Ok(());
        }
        let was_modified = session.modified();
        session.set(HASH_SESSION_KEY, &self.0.keys.hash(user.password()))?;
        match session.acycle_key().await {
            // Another request of this visitor came first, and its answer has the new key.
            Err(SessionError::UpdateError) => {
                session.set_modified(was_modified);
                Ok(())
            }
            renewed => Ok(renewed?),
        }
    }
}

/// The primary key in a session, as text. Django reads a number as well; what is neither names no user.
pub(super) fn id_in(session: &Session) -> Option<String> {
    let id = session.get_json(SESSION_KEY)?;
    Some(id.to::<String>().unwrap_or_else(|_| id.as_str().to_owned()))
}

/// A member that must be text.
pub(super) fn text_in(session: &Session, name: &str) -> Option<String> {
    session.get_json(name).map(|value: Json| value.to::<String>().unwrap_or_default())
}

impl<U> fmt::Debug for Auth<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").finish_non_exhaustive()
    }
}
