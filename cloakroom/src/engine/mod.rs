//! Django's engines: a wire format plus a storage, or plus the cookie itself.

mod bound;
mod cached_value;
pub(crate) mod clearing;
mod content;
mod format;
mod forward;
mod front;
mod life;
mod looking;
mod read_back;
mod signed_cookies;
mod stored;
mod writing;

use std::fmt;
use std::sync::Arc;

use crate::data::SessionData;
use crate::settings::EngineName;
use crate::storage::{self, Column, DynStorage, MemoryStorage, Storage};
use crate::wire::CacheFormat;

pub(crate) use bound::BoundEngine;
pub use clearing::{Cleared, ClearingEnd, ClearingProgress};
pub(crate) use content::{Content, Prolonged};
pub(crate) use forward::{Forward, HOPS, Late};
pub(crate) use looking::{Kept, KeptSession, Listed, Order};
pub(crate) use signed_cookies::SignedCookies;
pub(crate) use stored::{Found, StoredEngine, Target};
pub(crate) use writing::Outcome;

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
    cache_format: CacheFormat,
}

/// Fills the columns of the application's own.
pub(crate) type Columns = Arc<dyn Fn(&SessionData) -> Vec<Column> + Send + Sync>;

/// Where sessions are kept.
#[derive(Clone)]
enum Place {
    Storage(Arc<dyn DynStorage>),
    /// In a database, with a cache in front of it.
    Cached {
        database: Arc<dyn DynStorage>,
        cache: Arc<dyn DynStorage>,
    },
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

    /// Django's `cache` engine: a pickled dictionary in a cache, without a signature (B-97), in the
    /// [format](Self::with_cache_format) of Django's own backends. No secret is needed: whoever can write to the cache
    /// can make sessions.
    ///
    /// ```
    /// use cloakroom::storage::MemoryStorage;
    /// use cloakroom::{Engine, SessionStore, Settings};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let storage = MemoryStorage::new();
    /// let store = SessionStore::new(Engine::cache(storage.clone()), Settings::new())?;
    /// let session = store.session(None);
    /// session.aset("visits", &1).await?;
    /// session.asave().await?;
    /// assert_eq!(storage.len(), 1);
    /// # Ok(()) }
    /// ```
    pub fn cache(storage: impl Storage) -> Self {
        Self::stored(EngineName::Cache, storage)
    }

    /// Django's `cached_db` engine: signed JSON in a database, and a copy in a cache in front of it. Reads ask the cache
    /// first; the database decides. A cache that does not answer costs a line in the log, except where a session ends or
    /// its key changes: an old copy that may still be served is an error (D9).
    ///
    /// ```
    /// use cloakroom::storage::MemoryStorage;
    /// use cloakroom::{Engine, SessionStore, Settings};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (database, cache) = (MemoryStorage::new(), MemoryStorage::new());
    /// let engine = Engine::cached_db(database.clone(), cache.clone());
    /// let session = SessionStore::new(engine, Settings::new().secret_key("a secret"))?.session(None);
    /// session.aset("visits", &1).await?;
    /// session.asave().await?;
    /// assert_eq!((database.len(), cache.len()), (1, 1));
    /// # Ok(()) }
    /// ```
    pub fn cached_db(database: impl Storage, cache: impl Storage) -> Self {
        let (database, cache) = (storage::shared(database), storage::shared(cache));
        Self::at(EngineName::CachedDb, Place::Cached { database, cache })
    }

    /// How the entries of the cache are written, for `cache` and `cached_db`: pickles of protocol 5 unless told
    /// otherwise, as Django's own backends have them. Other engines take no notice.
    ///
    /// ```
    /// use cloakroom::storage::MemoryStorage;
    /// use cloakroom::wire::CacheFormat;
    /// use cloakroom::wire::pickle::Protocol;
    /// use cloakroom::{Engine, EngineName};
    ///
    /// // As django-redis writes them by default.
    /// let engine = Engine::cache(MemoryStorage::new()).with_cache_format(CacheFormat::pickle(Protocol::Four));
    /// assert_eq!(engine.name(), EngineName::Cache);
    /// ```
    #[must_use]
    pub fn with_cache_format(mut self, format: CacheFormat) -> Self {
        self.cache_format = format;
        self
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
        Self::at(EngineName::SignedCookies, Place::Cookie)
    }

    fn stored(name: EngineName, storage: impl Storage) -> Self {
        Self::at(name, Place::Storage(storage::shared(storage)))
    }

    fn at(name: EngineName, place: Place) -> Self {
        Self { name, place, columns: None, cache_format: CacheFormat::default() }
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
