//! What a session's synchronous methods cannot do.

use crate::data::SessionData;
use crate::error::SessionError;
use crate::key::SessionKey;
use crate::session::loaded::Session;

/// These have to wait for the storage, and a synchronous method never does: each says which method to
/// await instead. [`BlockingSession`](crate::BlockingSession) has them all, for code outside a runtime.
///
/// ```
/// # use cloakroom::{SessionKey, SessionStore, Settings};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = SessionStore::memory(Settings::new())?.session(None).load().await?;
/// let error = session.save().unwrap_err();
/// assert!(error.to_string().contains("asave"));
/// assert!(session.create().is_err() && session.load().is_err() && session.delete().is_err());
/// assert!(session.exists(&SessionKey::generate()).is_err() && session.clear_expired().is_err());
/// # Ok(()) }
/// ```
impl Session {
    /// Use [`asave`](crate::LazySession::asave), or let the layer save at the end of the request.
    ///
    /// # Errors
    /// Always: [`SessionError::Synchronous`].
    pub fn save(&self) -> Result<(), SessionError> {
        Err(SessionError::Synchronous { method: "save", twin: "asave" })
    }

    /// Use [`acreate`](crate::LazySession::acreate).
    ///
    /// # Errors
    /// Always: [`SessionError::Synchronous`].
    pub fn create(&self) -> Result<(), SessionError> {
        Err(SessionError::Synchronous { method: "create", twin: "acreate" })
    }

    /// Use [`aload`](crate::LazySession::aload).
    ///
    /// # Errors
    /// Always: [`SessionError::Synchronous`].
    pub fn load(&self) -> Result<SessionData, SessionError> {
        Err(SessionError::Synchronous { method: "load", twin: "aload" })
    }

    /// Use [`aexists`](crate::LazySession::aexists).
    ///
    /// # Errors
    /// Always: [`SessionError::Synchronous`].
    pub fn exists(&self, _key: &SessionKey) -> Result<bool, SessionError> {
        Err(SessionError::Synchronous { method: "exists", twin: "aexists" })
    }

    /// Use [`adelete`](crate::LazySession::adelete).
    ///
    /// # Errors
    /// Always: [`SessionError::Synchronous`].
    pub fn delete(&self) -> Result<(), SessionError> {
        Err(SessionError::Synchronous { method: "delete", twin: "adelete" })
    }

    /// Use [`aclear_expired`](crate::LazySession::aclear_expired).
    ///
    /// # Errors
    /// Always: [`SessionError::Synchronous`].
    pub fn clear_expired(&self) -> Result<u64, SessionError> {
        Err(SessionError::Synchronous { method: "clear_expired", twin: "aclear_expired" })
    }
}
