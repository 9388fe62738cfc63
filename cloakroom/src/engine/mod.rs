//! Django's engines: a wire format plus a storage, or plus the cookie itself.

mod bound;
mod clearing;
mod format;
mod life;
mod read_back;
mod signed_cookies;
mod stored;

use std::fmt;
use std::sync::Arc;

use crate::data::SessionData;
use crate::settings::EngineName;
use crate::storage::{Column, DynStorage, MemoryStorage, Storage};

pub(crate) use bound::BoundEngine;
pub use clearing::Cleared;
pub(crate) use signed_cookies::SignedCookies;
pub(crate) use stored::{Found, StoredEngine, Target};

/// An engine: how session data is written and where it is kept. Chosen at run time.
///
/// ```
/// use cloakroom::storage::MemoryStorage;
/// use cloakroom::Engine;
///
/// let engine = Engine::db(MemoryStorage::new());
/// assert_eq!(engine.name().as_str(), "db");
/// assert_eq!(Engine::memory().name(), Engine::memory_in(MemoryStorage::new()).name());
/// assert_eq!(Engine::signed_cookies().name().as_str(), "signed_cookies");
/// ```
#[derive(Clone)]
pub struct Engine {
    name: EngineName,
    place: Place,
    columns: Option<Columns>,
}

/// Fills the columns of the application's own.
pub(crate) type Columns = Arc<dyn Fn(&SessionData) -> Vec<Column> + Send + Sync>;

/// Where sessions are kept.
#[derive(Clone)]
enum Place {
    Storage(Arc<dyn DynStorage>),
    /// In the cookie, so nowhere on the server.
    Cookie,
}

impl Engine {
    /// Django's `db` engine: signed JSON, in any storage.
    pub fn db(storage: impl Storage) -> Self {
        Self::stored(EngineName::Db, storage)
    }

    /// Django's `file` engine: signed JSON in files, which end by what they hold and when they were last written
    /// (B-107). For a [`FileStorage`](crate::storage::FileStorage), or any other storage that says when an entry was
    /// last written: an entry that does not is an error.
    #[cfg(feature = "file")]
    pub fn file(storage: impl Storage) -> Self {
        Self::stored(EngineName::File, storage)
    }

    /// Plain JSON in this process's memory, gone with it.
    #[must_use]
    pub fn memory() -> Self {
        Self::memory_in(MemoryStorage::new())
    }

    /// Plain JSON in a storage that nobody else writes to: without a signature, what is read back is
    /// trusted.
    pub fn memory_in(storage: impl Storage) -> Self {
        Self::stored(EngineName::Memory, storage)
    }

    /// Django's `signed_cookies` engine: signed JSON in the cookie, which is the session. Nothing is kept on the server,
    /// so a visitor can read the data and bring back an earlier state of it, also after a logout: `docs/engines.md`
    /// says when that will do.
    #[must_use]
    pub fn signed_cookies() -> Self {
        Self { name: EngineName::SignedCookies, place: Place::Cookie, columns: None }
    }

    fn stored(name: EngineName, storage: impl Storage) -> Self {
        Self { name, place: Place::Storage(Arc::new(storage)), columns: None }
    }

    /// Fills columns of the application's own beside each session that is written: Django's custom session models have
    /// such (B-94). `columns` is asked at every save of data, new session and change of key, in the task that saves, so
    /// facts of the request can come from a task-local; never where only the expiry moves. It must be quick, and must
    /// not use the session itself. A database cuts nothing short: a text too long for its column is an error.
    ///
    /// ```
    /// use cloakroom::storage::{Column, MemoryStorage};
    /// use cloakroom::{Engine, SessionStore, Settings, Timestamp};
    ///
    /// tokio::task_local! {
    ///     static USER_AGENT: String;
    /// }
    ///
    /// // The table of django-user-sessions.
    /// let engine = Engine::db(MemoryStorage::new()).with_columns(|data| {
    ///     let user = data.get_json("_auth_user_id").and_then(|id| id.to::<String>().ok());
    ///     let agent = USER_AGENT.try_with(|agent| agent.chars().take(200).collect::<String>()).ok();
    ///     vec![
    ///         Column::new("user_id", user),
    ///         Column::new("user_agent", agent),
    ///         Column::new("last_activity", Timestamp::now()),
    ///     ]
    /// });
    /// // Memory has no columns: this is found out when the store is made.
    /// let refused = SessionStore::new(engine, Settings::new().secret_key("a secret")).unwrap_err();
    /// assert!(refused.problem().contains("columns"));
    /// ```
    #[must_use]
    pub fn with_columns(mut self, columns: impl Fn(&SessionData) -> Vec<Column> + Send + Sync + 'static) -> Self {
        self.columns = Some(Arc::new(columns));
        self
    }

    /// Which engine it is.
    #[must_use]
    pub fn name(&self) -> EngineName {
        self.name
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine({})", self.name)
    }
}
