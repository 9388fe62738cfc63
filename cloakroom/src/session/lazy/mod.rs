mod dictionary;
mod expiry;
mod storing;

use std::fmt;
use std::sync::{Arc, MutexGuard};

use crate::data::SessionData;
use crate::error::SessionError;
use crate::key::SessionKey;
use crate::session::loaded::Session;
use crate::session::state::{Shared, State};
use crate::wire::stored::DecodeError;

/// A session that may not be loaded yet: Django's `a…` methods, each of which loads first if it must.
///
/// [`load`](Self::load) gives a [`Session`], whose methods need no `await`. Handles are cheap to clone, and
/// all see the same session.
///
/// ```
/// # use cloakroom::{SessionStore, Settings};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = SessionStore::memory(Settings::new())?.session(None);
/// let visits: u64 = session.aget("visits").await?.unwrap_or(0);
/// session.aset("visits", &(visits + 1)).await?;
/// session.asave().await?;
/// # Ok(()) }
/// ```
///
/// The dictionary, awaited:
///
/// ```
/// # use cloakroom::{SessionStore, Settings};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = SessionStore::memory(Settings::new())?.session(None);
/// use cloakroom::{ExpiryOptions, Json, Timestamp};
///
/// session.aset("name", "Ada").await?;
/// session.aset_json("cart", Json::parse("[1]")?).await?;
/// session.aupdate(&serde_json::json!({"visits": 3, "old": true})).await?;
/// assert_eq!(session.aget_or("likes", 0).await?, 0);
/// assert_eq!(session.aget_json("cart").await?.unwrap().as_str(), "[1]");
/// assert_eq!(session.aitem::<String>("name").await?, "Ada");
/// assert_eq!(session.asetdefault("visits", &9).await?, 3);
/// session.adel("old").await?;
/// assert_eq!(session.apop::<u32>("visits").await?, Some(3));
/// assert_eq!(session.apop_or("visits", 0).await?, 0);
/// assert!(session.ahas_key("cart").await?);
/// assert_eq!(session.akeys().await?, ["name", "cart"]);
/// assert_eq!(session.avalues().await?.len(), session.aitems().await?.len());
///
/// session.aset_test_cookie().await?;
/// assert!(session.atest_cookie_worked().await?);
/// session.adelete_test_cookie().await?;
///
/// session.aset_expiry(300).await?;
/// assert_eq!(session.aget_expiry_age().await?, 300.0);
/// assert!(session.aget_expiry_date().await? > Timestamp::now());
/// assert!(!session.aget_expire_at_browser_close().await?);
/// let options = ExpiryOptions::new().modification(Timestamp::UNIX_EPOCH).expiry(60);
/// assert_eq!(session.aget_expiry_age_with(&options).await?, 60.0);
/// assert_eq!(session.aget_expiry_date_with(&options).await?.as_seconds(), 60);
/// # Ok(()) }
/// ```
///
/// The storage, at once:
///
/// ```
/// # use cloakroom::{SessionStore, Settings};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = SessionStore::memory(Settings::new())?.session(None);
/// use cloakroom::SessionError;
///
/// assert!(session.is_empty() && !session.accessed() && !session.modified());
/// session.load().await?.set("user", "ada")?;
/// assert!(session.accessed() && session.modified());
/// session.asave_must_create().await?;
/// assert!(matches!(session.asave_must_create().await, Err(SessionError::CreateError)));
/// let first = session.session_key().unwrap();
/// session.a_cycle_key().await?;
/// let second = session.session_key().unwrap();
/// assert!(!session.aexists(&first).await? && session.aexists(&second).await?);
///
/// session.acreate().await?;
/// assert!(session.aexists(&second).await?);
/// session.adelete_key(&second).await?;
/// session.adelete().await?;
/// assert!(session.aload().await?.is_empty());
/// assert_eq!(session.aclear_expired().await? + session.a_clear_expired().await?, 0);
///
/// let data = session.load().await?.data();
/// assert_eq!(session.decode(&session.encode(&data)?)?, data);
/// assert_eq!(session.get_session_cookie_age(), 1_209_600.0);
/// session.set_accessed(false);
/// session.set_modified(false);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct LazySession {
    pub(in crate::session) shared: Arc<Shared>,
}

impl LazySession {
    pub(in crate::session) fn from_shared(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(in crate::session) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }

    /// The state with the members in it. `accessed` is set even when loading fails.
    async fn ready(&self) -> Result<MutexGuard<'_, State>, SessionError> {
        self.state().accessed = true;
        self.shared.ensure_loaded().await?;
        Ok(self.state())
    }

    /// Loads the session, unless it is loaded, and answers the dictionary. Does not count as access. A key
    /// under which no session lives is dropped (B-35); nothing is created.
    ///
    /// # Errors
    /// The storage did not answer, or what it keeps is not a session.
    pub async fn load(&self) -> Result<Session, SessionError> {
        self.shared.ensure_loaded().await?;
        Ok(Session::new(self.clone()))
    }

    /// The session key; `None` for a session that is not stored yet or that was flushed.
    #[must_use]
    pub fn session_key(&self) -> Option<SessionKey> {
        self.state().key.clone()
    }

    /// Whether there is neither a key nor a member. A key that was not looked up counts (B-41).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.state().is_empty()
    }

    /// Whether the session's data was looked at (B-15).
    #[must_use]
    pub fn accessed(&self) -> bool {
        self.state().accessed
    }

    /// Whether the session is to be saved at the end of the request.
    #[must_use]
    pub fn modified(&self) -> bool {
        self.state().modified
    }

    /// Sets [`accessed`](Self::accessed): whether the response says that it depends on the cookie.
    pub fn set_accessed(&self, accessed: bool) {
        self.state().accessed = accessed;
    }

    /// Sets [`modified`](Self::modified): `true` has the layer save what is held, `false` keeps it from saving.
    /// What was changed stays changed in memory.
    pub fn set_modified(&self, modified: bool) {
        self.state().set_modified(modified);
    }

    /// `SESSION_COOKIE_AGE`, in seconds.
    #[must_use]
    pub fn get_session_cookie_age(&self) -> f64 {
        self.shared.store.policy().cookie_age
    }

    /// Session data as the engine stores it.
    ///
    /// # Errors
    /// The serializer that the application registered cannot write it.
    pub fn encode(&self, data: &SessionData) -> Result<String, SessionError> {
        self.shared.encode(data)
    }

    /// Reads stored session data back.
    ///
    /// # Errors
    /// No known key verifies it, or it is damaged.
    pub fn decode(&self, stored: &str) -> Result<SessionData, DecodeError> {
        self.shared.store.decode(stored)
    }

    /// Whether both are handles of one session.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    pub(crate) fn store(&self) -> &crate::SessionStore {
        &self.shared.store
    }

    #[cfg(feature = "tower")]
    pub(crate) fn cookie_name(&self) -> &str {
        self.shared.store.cookie().name()
    }

    pub(in crate::session) fn fmt_as(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        let state = self.state();
        f.debug_struct(name)
            .field("key", &state.key)
            .field("loaded", &state.data.is_some())
            .field("accessed", &state.accessed)
            .field("modified", &state.modified)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LazySession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_as(f, "LazySession")
    }
}
