//! What can go wrong with a session.

use thiserror::Error;

use crate::expiry::ExpiryError;
use crate::settings::SettingsError;
use crate::storage::StorageError;
use crate::wire::json::JsonError;
use crate::wire::stored::DecodeError;

/// What can go wrong with a session. Never holds a session key, a secret or session data; the names of
/// members are the application's own.
///
/// ```
/// use cloakroom::{SessionData, SessionError};
///
/// let error = SessionData::from_json("[1, 2]").unwrap_err();
/// assert!(matches!(error, SessionError::NotAnObject(_)));
/// assert_eq!(error.status(), 500);
/// assert_eq!(SessionError::SessionInterrupted.status(), 400);
/// assert_eq!(error.public_message(), "The session could not be handled.");
/// ```
///
/// Where a synchronous method would have to wait, the error names the method to await:
///
/// ```
/// # use cloakroom::{SessionStore, Settings};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = SessionStore::memory(Settings::new())?.session(None).load().await?;
/// use cloakroom::{SessionError, SessionKey};
///
/// let twin = |error| match error {
///     SessionError::Synchronous { twin, .. } => twin,
///     other => panic!("{other}"),
/// };
/// let key = SessionKey::generate();
/// assert_eq!(twin(session.save().unwrap_err()), "asave");
/// assert_eq!(twin(session.create().unwrap_err()), "acreate");
/// assert_eq!(twin(session.load().unwrap_err()), "aload");
/// assert_eq!(twin(session.exists(&key).unwrap_err()), "aexists");
/// assert_eq!(twin(session.delete().unwrap_err()), "adelete");
/// assert_eq!(twin(session.clear_expired().unwrap_err()), "aclear_expired");
/// # Ok(()) }
/// ```
///
/// A session in a signed cookie has to fit into it, and to be there before the response leaves:
///
/// ```
/// # use cloakroom::{SessionStore, Settings};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use cloakroom::SessionError;
///
/// let session = SessionStore::signed_cookies(Settings::new().secret_key("a secret"))?.session(None);
/// session.aset("much", &(0..4_000).collect::<Vec<_>>()).await?;
/// match session.asave().await {
///     Err(SessionError::CookieTooLarge { size, limit }) => assert!(size > limit && limit == 4_096),
///     other => panic!("{other:?}"),
/// }
/// assert_eq!(SessionError::ResponseSent.status(), 500);
/// # Ok(()) }
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// Django's `KeyError`: the session has no member of this name.
    #[error("the session has no member {name:?}")]
    KeyError {
        /// The name that was asked for.
        name: String,
    },
    /// The member holds something else than what was asked for. It is left as it is.
    #[error("the session's member {name:?} cannot be read as asked: {source}")]
    Type {
        /// The member's name.
        name: String,
        /// What was expected and what kind of value was found.
        source: JsonError,
    },
    /// A value that cannot be written as JSON (B-50). The session is left as it was.
    #[error("the value for {name:?} cannot be kept in a session: {source}")]
    Value {
        /// The member's name, or what was to be written.
        name: String,
        /// What cannot be written.
        source: JsonError,
    },
    /// The session's expiry cannot be told.
    #[error(transparent)]
    Expiry(#[from] ExpiryError),
    /// Django's `CreateError`: there is a session of this key, and a new one was to be made (B-78).
    #[error("there is a session of this key already")]
    CreateError,
    /// Django's `UpdateError`: the session was deleted after it was loaded, by a logout for example. It
    /// stays deleted (B-77).
    #[error("the session was deleted after it was loaded")]
    UpdateError,
    /// Django's `SessionInterrupted`: the session was deleted before the request was done (B-152). The
    /// layer answers it with 400.
    #[error("the session was deleted before the request was done, by a logout in another tab for example")]
    SessionInterrupted,
    /// The stored session is signed by a known key and is not one: its data is not an object of members.
    #[error("a stored session does not hold an object: {0}")]
    NotAnObject(#[source] JsonError),
    /// Stored data that cannot be decoded. It is left as it is.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// `SESSION_READ_ONLY` is on, and something was to be written. Nothing was.
    #[error(
        "SESSION_READ_ONLY is on: the session was changed and is not saved; switch it off to let this service write"
    )]
    ReadOnly,
    /// The serializer that the application registered cannot write the data. What was stored stays.
    #[error("the registered serializer cannot write the session")]
    Serializer(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The engine `signed_cookies`: with this much data the cookie would be larger than browsers keep. No cookie is
    /// sent; the browser keeps the one it has, and the changes stay in memory.
    #[error(
        "the session's cookie would have {size} bytes, name and value together, and browsers drop what has more than \
         {limit}: keep less in the session, or choose an engine that keeps sessions on the server"
    )]
    CookieTooLarge {
        /// Name and value together, in bytes.
        size: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The engine `signed_cookies`: the response has left, and with it the last chance to send a cookie. The browser
    /// keeps the one it has.
    #[error("the response has left, and a session in a signed cookie can only be saved with it")]
    ResponseSent,
    /// The storage did not do its part.
    #[error(transparent)]
    Storage(StorageError),
    /// A hundred new keys in a row were taken: the source of keys is broken.
    #[error("no free session key was found: the source of session keys is broken")]
    NoFreeKey,
    /// This method would have to wait for the storage, and a synchronous method never does.
    #[error(
        "`{method}` has to wait for the session storage: await `{twin}` instead, or use a BlockingSession outside a runtime"
    )]
    Synchronous {
        /// The method that was called.
        method: &'static str,
        /// The method to await instead.
        twin: &'static str,
    },
    /// A [`BlockingSession`](crate::BlockingSession) was used inside an asynchronous runtime, where
    /// waiting would stop it.
    #[error("a BlockingSession was used inside an asynchronous runtime: use a Session there")]
    InsideRuntime,
    /// A task was to be started outside an asynchronous runtime.
    #[error("there is no asynchronous runtime here: start the task inside one")]
    OutsideRuntime,
    /// A setting is missing that only this needs. Nothing was read or written.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The runtime thread of a [`BlockingSession`](crate::BlockingSession) could not be started.
    #[error("no runtime could be started for a BlockingSession")]
    NoRuntime(#[source] std::io::Error),
}

impl From<StorageError> for SessionError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::ReadOnly => Self::ReadOnly,
            other => Self::Storage(other),
        }
    }
}

impl SessionError {
    /// The HTTP status that fits: 400 for a session that was deleted in the meantime, otherwise 500.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::UpdateError | Self::SessionInterrupted => 400,
            _ => 500,
        }
    }

    /// What a visitor may read: enough to mend a set-up, nothing about the server's inside.
    #[must_use]
    pub fn public_message(&self) -> String {
        match self {
            Self::UpdateError | Self::SessionInterrupted => {
                "Your session ended while the request was under way. Please try again.".into()
            }
            Self::Storage(error @ (StorageError::MissingTable { .. } | StorageError::MissingCacheTable { .. })) => {
                format!("Sessions are not set up: {error}.")
            }
            Self::ReadOnly => "Sessions can only be read at the moment. Please try again later.".into(),
            Self::Storage(_) => "The session storage is out of reach. Please try again later.".into(),
            _ => "The session could not be handled.".into(),
        }
    }
}

/// Why a store could not be opened by its settings alone.
///
/// ```
/// use cloakroom::{OpenError, SessionStore, Settings};
///
/// let settings = Settings::new().secret_key("a secret").database_url("sqlite:////nowhere/db.sqlite3");
/// # #[cfg(feature = "sqlite")]
/// assert!(matches!(SessionStore::open(settings.clone()), Err(OpenError::Sqlite(_))));
/// # #[cfg(feature = "file")]
/// assert!(matches!(
///     SessionStore::open(settings.session_engine("file".parse()?).session_file_path("/nowhere")),
///     Err(OpenError::File(_))
/// ));
/// # Ok::<(), cloakroom::SettingsError>(())
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A setting cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The SQLite file cannot be opened.
    #[cfg(feature = "sqlite")]
    #[error(transparent)]
    Sqlite(#[from] crate::storage::sqlite::SqliteOpenError),
    /// The folder of the session files cannot be opened.
    #[cfg(feature = "file")]
    #[error(transparent)]
    File(#[from] crate::storage::file::FileOpenError),
    /// The folder of Django's file-based cache cannot be opened.
    #[cfg(feature = "file")]
    #[error(transparent)]
    FileCache(#[from] crate::storage::file_cache::FileCacheOpenError),
    /// The table cannot be made.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
