//! Logging in and out.

use std::sync::Arc;

use subtle::ConstantTimeEq as _;

use super::csrf;
use super::error::AuthError;
use super::session::AuthSession;
use super::users::AuthUser;
use super::verify::{Anonymous, id_in, text_in};
use super::{BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY};
use crate::error::SessionError;

/// What a login has to do with the session's key.
enum Key {
    /// The session was nobody's.
    Change,
    /// It was another user's, or of this one before a change of password: it was flushed.
    New,
    /// It is this user's already.
    Keep,
}

/// Each is Django's function of its name, carried out at the end of the request with the session's other changes; its
/// `a…` twin acts at once. None looks at a password: the user is authenticated already.
impl<U: AuthUser> AuthSession<U> {
    /// Logs a user in, by the one backend there is. The session gets a new key and keeps its data; if it was another
    /// user's, or this user's before a change of password, it is flushed instead (S7). The CSRF token that the visitor
    /// has, in the session or in its cookie, is rotated. `last_login` is written by a task of its own, and an error of
    /// that is in the log.
    ///
    /// ```
    /// # async fn example(auth: cloakroom::auth::AuthSession, user: cloakroom::auth::User) -> Result<(), cloakroom::auth::AuthError> {
    /// auth.login(user)?;
    /// assert!(auth.user()?.is_some());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`AuthError::SeveralBackends`], or the session may only be read. Nothing is changed then.
    pub fn login(&self, user: impl Into<Arc<U>>) -> Result<(), AuthError> {
        self.login_with(user.into(), None)
    }

    /// The same, by one of the `AUTHENTICATION_BACKENDS`.
    ///
    /// # Errors
    /// [`AuthError::UnknownBackend`], or the session may only be read. Nothing is changed then.
    pub fn login_by(&self, user: impl Into<Arc<U>>, backend: &str) -> Result<(), AuthError> {
        self.login_with(user.into(), Some(backend))
    }

    /// Logs a user in at once, as [`login`](Self::login) does, and first writes `last_login`. The login holds and the
    /// new key is sent even if the request fails. Two round trips, and one that removes another user's session.
    ///
    /// # Errors
    /// [`AuthError::SeveralBackends`] and [`AuthError::NoSuchUser`]; the session may only be read, was deleted in the
    /// meantime, or its storage did not answer. The user is not logged in then.
    pub async fn alogin(&self, user: impl Into<Arc<U>>) -> Result<(), AuthError> {
        self.alogin_with(user.into(), None).await
    }

    /// The same, by one of the `AUTHENTICATION_BACKENDS`.
    ///
    /// # Errors
    /// As [`alogin`](Self::alogin), and [`AuthError::UnknownBackend`].
    pub async fn alogin_by(&self, user: impl Into<Arc<U>>, backend: &str) -> Result<(), AuthError> {
        self.alogin_with(user.into(), Some(backend)).await
    }

    /// Logs out: flushes the session, whoever is logged in. Removes what is stored at the end of the request, however it
    /// ends.
    pub fn logout(&self) {
        self.session().flush();
        let _ = self.remember(Err(Anonymous::NoLogin));
    }

    /// Logs out at once.
    ///
    /// # Errors
    /// The storage did not answer. The session counts as ended all the same, and the end of the request tries again.
    pub async fn alogout(&self) -> Result<(), AuthError> {
        let _ = self.remember(Err(Anonymous::NoLogin));
        Ok(self.session().aflush().await?)
    }

    /// After a change of the user's password: keeps this session logged in, under a new key, while all others of the
    /// user end. `user` has the new password field. Answers whether it did: only for the user that
    /// [`auser`](Self::auser) or an extractor verified earlier in this request, before the change; otherwise the key is
    /// changed and nothing else, as in Django.
    ///
    /// ```
    /// # async fn example(auth: cloakroom::auth::AuthSession) -> Result<(), cloakroom::auth::AuthError> {
    /// use cloakroom::auth::User;
    ///
    /// if let Some(user) = auth.auser().await? {
    ///     // … the application has stored the new password.
    ///     auth.aupdate_session_auth_hash(User::new(user.id(), "pbkdf2_sha256$1000000$salt$new")).await?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The session may only be read.
    pub fn update_session_auth_hash(&self, user: impl Into<Arc<U>>) -> Result<bool, AuthError> {
        self.check_writable()?;
        self.session().cycle_key();
        self.rewrite_hash(user.into())
    }

    /// The same at once.
    ///
    /// # Errors
    /// The session may only be read, was deleted in the meantime, or its storage did not answer.
    pub async fn aupdate_session_auth_hash(&self, user: impl Into<Arc<U>>) -> Result<bool, AuthError> {
        self.check_writable()?;
        let rewritten = self.rewrite_hash(user.into())?;
        self.session().acycle_key().await?;
        Ok(rewritten)
    }

    fn rewrite_hash(&self, user: Arc<U>) -> Result<bool, AuthError> {
        let is_verified = matches!(self.known(), Some(Ok(known)) if known.id() == user.id());
        if is_verified {
            self.session().set(HASH_SESSION_KEY, &self.auth().inner().keys.hash(user.password()))?;
            let _ = self.remember(Ok(user));
        }
        Ok(is_verified)
    }

    fn login_with(&self, user: Arc<U>, backend: Option<&str>) -> Result<(), AuthError> {
        let backend = self.auth().inner().backends.of_login(backend)?;
        self.check_writable()?;
        if let Key::Change = self.put_in(&user, &backend)? {
            self.session().cycle_key();
        }
        let (users, now) = (Arc::clone(&self.auth().inner().users), self.session().store().clock().now());
        match tokio::runtime::Handle::try_current() {
            Err(_) => tracing::warn!("last_login is not written outside of a runtime: await `alogin`"),
            Ok(runtime) => {
                let user = Arc::clone(&user);
                runtime.spawn(async move {
                    match users.update_last_login(&user, now).await {
                        Ok(true) => {}
                        Ok(false) => tracing::warn!("a user who was logged in does not exist any more"),
                        Err(error) => {
                            let cause = std::error::Error::source(&error).map(ToString::to_string);
                            tracing::error!(%error, cause, "last_login could not be written");
                        }
                    }
                });
            }
        }
        let _ = self.remember(Ok(user));
        Ok(())
    }

    async fn alogin_with(&self, user: Arc<U>, backend: Option<&str>) -> Result<(), AuthError> {
        let backend = self.auth().inner().backends.of_login(backend)?;
        self.check_writable()?;
        let now = self.session().store().clock().now();
        // First, since the session is not touched if this fails.
        if !self.auth().inner().users.update_last_login(&user, now).await? {
            return Err(AuthError::NoSuchUser);
        }
        match self.put_in(&user, &backend)? {
            // A session that was flushed takes a new key anyway: so it is sent even if the request fails.
            Key::Change | Key::New => self.session().acycle_key().await?,
            Key::Keep => self.session().asave().await?,
        }
        let _ = self.remember(Ok(user));
        Ok(())
    }

    fn check_writable(&self) -> Result<(), AuthError> {
        if self.session().store().settings().is_read_only() { Err(SessionError::ReadOnly.into()) } else { Ok(()) }
    }

    /// Puts the three members and the CSRF token into the session, which is flushed first if it is not this user's.
    fn put_in(&self, user: &U, backend: &str) -> Result<Key, AuthError> {
        let session = self.session();
        let (id, hash) = (user.id(), self.auth().inner().keys.hash(user.password()));
        let has_csrf_token = csrf::is_in(session);
        let key = match id_in(session) {
            None => Key::Change,
            Some(held) => {
                let held_hash = text_in(session, HASH_SESSION_KEY).unwrap_or_default();
                if held == id && bool::from(held_hash.as_bytes().ct_eq(hash.as_bytes())) {
                    Key::Keep
                } else {
                    session.flush();
                    Key::New
                }
            }
        };
        session.restart_absolute_age();
        session.set(SESSION_KEY, &*id)?;
        session.set(BACKEND_SESSION_KEY, backend)?;
        session.set(HASH_SESSION_KEY, &hash)?;
        let token = csrf::new_token();
        if has_csrf_token {
            csrf::put_into(session, &token)?;
        }
        self.remember_csrf(token);
        Ok(key)
    }
}
