//! What asks the storage, at once.

use crate::data::SessionData;
use crate::error::SessionError;
use crate::key::SessionKey;
use crate::session::lazy::LazySession;

impl LazySession {
    /// Saves the session now. Two saves of one session both survive, name by name; a session that was
    /// deleted in the meantime stays deleted.
    ///
    /// ```
    /// # use cloakroom::{SessionStore, Settings};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = SessionStore::memory(Settings::new())?.session(None);
    /// session.aset("visits", &1).await?;
    /// assert!(session.session_key().is_none());
    /// session.asave().await?;
    /// assert!(session.session_key().is_some());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`SessionError::UpdateError`] if the session was deleted, or its key never was one (B-77, B-81), or
    /// the storage did not answer. Of a session in a signed cookie: [`SessionError::CookieTooLarge`], or
    /// [`SessionError::ResponseSent`] when no cookie can be sent any more. The changes are kept in memory then.
    pub async fn asave(&self) -> Result<(), SessionError> {
        self.shared.save(false).await
    }

    /// Saves a session that must be new: Django's `asave(must_create=True)`. A key that the server did not
    /// issue is not adopted: the session gets a new one.
    ///
    /// # Errors
    /// [`SessionError::CreateError`] if the session is stored already; what is stored stays as it is (B-78).
    pub async fn asave_must_create(&self) -> Result<(), SessionError> {
        self.shared.save(true).await
    }

    /// Stores what is held, nothing if nothing was loaded, under a new key at once. What is stored under the
    /// old one stays (B-36, B-37).
    ///
    /// # Errors
    /// The storage did not answer.
    pub async fn acreate(&self) -> Result<(), SessionError> {
        self.shared.create().await
    }

    /// Ends the session at once, without loading it: its data is gone, here and in the storage, and so is
    /// its key (B-40).
    ///
    /// ```
    /// # use cloakroom::{SessionStore, Settings};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = SessionStore::memory(Settings::new())?.session(None);
    /// session.asave().await?;
    /// session.aflush().await?;
    /// assert!(session.is_empty() && session.session_key().is_none());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The storage did not answer. The session counts as ended all the same, and the end of the request
    /// tries again.
    pub async fn aflush(&self) -> Result<(), SessionError> {
        self.shared.flush_now().await
    }

    /// Gives the session a new key at once and keeps its data; the old key is dead from then on (B-38). The
    /// new key is sent even if the request fails (D8).
    ///
    /// ```
    /// # use cloakroom::{SessionStore, Settings};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = SessionStore::memory(Settings::new())?.session(None);
    /// session.aset("user", "ada").await?;
    /// session.asave().await?;
    /// let before = session.session_key().unwrap();
    /// session.acycle_key().await?;
    /// assert!(!session.aexists(&before).await?);
    /// assert_eq!(session.aitem::<String>("user").await?, "ada");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`SessionError::UpdateError`] if the session was deleted, or the storage did not answer.
    pub async fn acycle_key(&self) -> Result<(), SessionError> {
        self.shared.cycle_key_now().await
    }

    /// The same, as some know it.
    ///
    /// # Errors
    /// As [`acycle_key`](Self::acycle_key).
    pub async fn a_cycle_key(&self) -> Result<(), SessionError> {
        self.acycle_key().await
    }

    /// Removes what is stored under the session's key. Key and data stay in memory (B-42); to end the
    /// session, use [`aflush`](Self::aflush).
    ///
    /// # Errors
    /// The storage did not answer.
    pub async fn adelete(&self) -> Result<(), SessionError> {
        self.shared.delete_own().await
    }

    /// Removes what is stored under another key: Django's `adelete(session_key)` (B-43). Where the cookie is the
    /// session, it ends this one whichever key is given (B-122).
    ///
    /// # Errors
    /// The storage did not answer.
    pub async fn adelete_key(&self, key: &SessionKey) -> Result<(), SessionError> {
        self.shared.delete_key(key).await
    }

    /// Reads what is stored now and answers it, without changing what is held. If nothing lives under the
    /// session's key, the key is dropped (B-35).
    ///
    /// ```
    /// # use cloakroom::{SessionStore, Settings};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = SessionStore::memory(Settings::new())?.session(None);
    /// session.aset("visits", &1).await?;
    /// session.asave().await?;
    /// session.aset("visits", &2).await?;
    /// assert_eq!(session.aload().await?.get::<u32>("visits")?, Some(1));
    /// assert_eq!(session.aget::<u32>("visits").await?, Some(2));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The storage did not answer, or what it keeps is not a session.
    pub async fn aload(&self) -> Result<SessionData, SessionError> {
        self.shared.load_again().await
    }

    /// Whether something is stored under a key, expired or not (B-88).
    ///
    /// # Errors
    /// The storage did not answer.
    pub async fn aexists(&self, key: &SessionKey) -> Result<bool, SessionError> {
        self.shared.store.exists(key).await
    }

    /// Removes all expired sessions and answers how many. Needs no session:
    /// [`SessionStore::clear_expired`](crate::SessionStore::clear_expired) is the same.
    ///
    /// # Errors
    /// The storage did not answer.
    pub async fn aclear_expired(&self) -> Result<u64, SessionError> {
        self.shared.store.clear_expired().await
    }

    /// The same, as some know it.
    ///
    /// # Errors
    /// The storage did not answer.
    pub async fn a_clear_expired(&self) -> Result<u64, SessionError> {
        self.aclear_expired().await
    }
}
