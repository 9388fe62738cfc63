use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::cookie::CookieTemplate;
use crate::data::SessionData;
use crate::engine::{BoundEngine, Cleared, Engine};
use crate::error::SessionError;
use crate::expiry::Policy;
use crate::key::{KeySource, SessionKey};
use crate::observe::{EndReason, Observers};
use crate::session::blocking::BlockingSession;
use crate::session::clearing::Clearing;
use crate::session::clearing_task::ClearingTask;
use crate::session::lazy::LazySession;
use crate::session::state::{Shared, State};
use crate::session::turns::Turns;
use crate::settings::{EngineName, Settings, SettingsError};
use crate::storage::Storage;
use crate::time::Clock;
use crate::wire::stored::DecodeError;

/// An engine and its settings: where sessions come from, inside requests and outside.
///
/// ```
/// use cloakroom::{SessionStore, Settings};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SessionStore::memory(Settings::new())?;
///
/// let session = store.session(None).load().await?;
/// session.set("visits", &1)?;
/// session.asave().await?;
///
/// let key = session.session_key();
/// let again = store.session(key.as_ref()).load().await?;
/// assert_eq!(again.get::<u32>("visits")?, Some(1));
/// # Ok(()) }
/// ```
///
/// Outside requests, with a clock and keys that a test knows:
///
/// ```
/// use cloakroom::{Clock, Engine, EngineName, KeySource, SessionData, SessionStore, Settings, Timestamp};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// #
/// let keys = KeySource::new(|| "0123456789abcdef0123456789abcdef".parse().unwrap());
/// let clock = Clock::new(|| Timestamp::from_seconds(1_831_700_317).unwrap());
/// let store = SessionStore::new(Engine::memory(), Settings::new())?.with_clock(clock).with_key_source(keys);
/// assert_eq!(store.engine(), EngineName::Memory);
/// assert_eq!(store.settings().cookie_name(), "sessionid");
///
/// let session = store.session(None);
/// session.asave().await?;
/// let key = session.session_key().unwrap();
/// assert_eq!(key.as_str(), "0123456789abcdef0123456789abcdef");
/// assert_eq!(store.session_from_cookie(Some(key.as_str())).session_key(), Some(key.clone()));
///
/// assert!(store.exists(&key).await?);
/// store.delete(&key).await?;
/// assert!(!store.exists(&key).await?);
/// assert_eq!(store.clear_expired().await?, 0);
/// assert_eq!(store.aclear_expired().await? + store.a_clear_expired().await?, 0);
///
/// let data = SessionData::from_json(r#"{"visits":1}"#)?;
/// assert_eq!(store.decode(&store.encode(&data)?)?, data);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct SessionStore {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    engine: BoundEngine,
    settings: Settings,
    cookie: CookieTemplate,
    keys: KeySource,
    turns: Arc<Turns>,
    observers: Observers,
}

impl SessionStore {
    /// Sessions by an engine chosen at run time.
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub fn new(engine: Engine, mut settings: Settings) -> Result<Self, SettingsError> {
        settings.validate()?;
        settings.session_engine = engine.name();
        #[cfg(feature = "metrics")]
        crate::observe::describe_metrics();
        let inner = Inner {
            engine: BoundEngine::new(engine, &settings)?,
            cookie: CookieTemplate::new(&settings),
            keys: KeySource::default(),
            turns: Arc::default(),
            observers: Observers::default(),
            settings,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Django's `db` engine, in any storage.
    ///
    /// ```
    /// use cloakroom::storage::MemoryStorage;
    /// use cloakroom::{SessionStore, Settings};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let storage = MemoryStorage::new();
    /// let store = SessionStore::db(storage.clone(), Settings::new().secret_key("a secret of this site"))?;
    /// store.session(None).asave().await?;
    /// assert_eq!(storage.len(), 1);
    /// // What it stores is signed.
    /// assert!(SessionStore::db(storage, Settings::new()).is_err_and(|error| error.setting() == "SECRET_KEY"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub fn db(storage: impl Storage, settings: Settings) -> Result<Self, SettingsError> {
        Self::new(Engine::db(storage), settings)
    }

    /// Sessions in this process's memory, gone with it: for tests and single-process sites.
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub fn memory(settings: Settings) -> Result<Self, SettingsError> {
        Self::new(Engine::memory(), settings)
    }

    /// Django's `signed_cookies` engine: the cookie is the session, and nothing is kept on the server. The visitor can
    /// read the data; a copy of an earlier cookie opens the session again, also after a logout. See `docs/engines.md`.
    ///
    /// ```
    /// use cloakroom::{SessionStore, Settings};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = SessionStore::signed_cookies(Settings::new().secret_key("a secret of this site"))?;
    /// let session = store.session(None).load().await?;
    /// session.set("theme", "dark")?;
    /// session.asave().await?;
    /// let cookie = session.session_key().unwrap();
    /// assert!(cookie.as_str().starts_with("eyJ0aGVtZSI6ImRhcmsifQ:"));
    ///
    /// let again = store.session_from_cookie(Some(cookie.as_str())).load().await?;
    /// assert_eq!(again.get::<String>("theme")?.as_deref(), Some("dark"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub fn signed_cookies(settings: Settings) -> Result<Self, SettingsError> {
        Self::new(Engine::signed_cookies(), settings)
    }

    /// The same with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        Arc::make_mut(&mut self.inner).engine.set_clock(clock);
        self
    }

    /// The same with another source of session keys.
    #[must_use]
    pub fn with_key_source(mut self, keys: KeySource) -> Self {
        Arc::make_mut(&mut self.inner).keys = keys;
        self
    }

    pub(super) fn observers(&self) -> &Observers {
        &self.inner.observers
    }

    pub(super) fn observers_mut(&mut self) -> &mut Observers {
        &mut Arc::make_mut(&mut self.inner).observers
    }

    /// The session of a key, or a new one. Nothing is read yet.
    #[must_use]
    pub fn session(&self, key: Option<&SessionKey>) -> LazySession {
        let state = match &self.inner.engine {
            BoundEngine::Stored(_) => State::from_key(key),
            BoundEngine::SignedCookies(_) => {
                key.map(|key| State::from_signed_cookie(key.as_str().as_bytes())).unwrap_or_default()
            }
        };
        self.with_state(state)
    }

    /// The session of a cookie's value, whatever it holds. Nothing is read yet.
    #[must_use]
    pub fn session_from_cookie(&self, value: Option<&str>) -> LazySession {
        self.session_from_cookie_bytes(value.map(str::as_bytes))
    }

    #[inline]
    pub(crate) fn session_from_cookie_bytes(&self, value: Option<&[u8]>) -> LazySession {
        let state = match &self.inner.engine {
            BoundEngine::Stored(_) => value.map(State::from_cookie),
            BoundEngine::SignedCookies(_) => value.map(State::from_signed_cookie),
        };
        self.with_state(state.unwrap_or_default())
    }

    #[inline]
    fn with_state(&self, state: State) -> LazySession {
        LazySession::from_shared(Arc::new(Shared::new(self.clone(), state)))
    }

    /// A session for code outside a runtime. Nothing is read yet.
    ///
    /// # Errors
    /// The thread that does the waiting could not be started.
    pub fn blocking_session(&self, key: Option<&SessionKey>) -> Result<BlockingSession, SessionError> {
        BlockingSession::new(self.session(key))
    }

    /// Whether something is stored under a key, expired or not (B-88).
    ///
    /// # Errors
    /// The storage did not answer.
    pub async fn exists(&self, key: &SessionKey) -> Result<bool, SessionError> {
        self.look_for(key).await
    }

    /// Ends a session: removes what is stored under a key. Nothing happens if there is nothing (B-91).
    ///
    /// # Errors
    /// The storage did not answer.
    pub async fn delete(&self, key: &SessionKey) -> Result<(), SessionError> {
        Ok(self.end(key, EndReason::Deleted).await?)
    }

    /// Removes all sessions whose life has ended, in small batches with pauses between them, and answers how many.
    /// Storages whose entries end by themselves have nothing to do (B-103). It does not ask whether another clean-up is
    /// under way; [`clearing`](Self::clearing) does, and can be told more.
    ///
    /// # Errors
    /// The storage did not answer. What was removed before stays removed.
    pub async fn clear_expired(&self) -> Result<u64, SessionError> {
        Ok(self.clear_expired_and_count().await?.removed)
    }

    /// The same, and says as well what was passed over: files that nobody can read, in the `file` engine. Their number
    /// is also in a warning in the log.
    ///
    /// # Errors
    /// As [`clear_expired`](Self::clear_expired).
    pub async fn clear_expired_and_count(&self) -> Result<Cleared, SessionError> {
        self.clearing().one_at_a_time(false).run().await
    }

    /// A clean-up of expired sessions that can be told how to go about it.
    pub fn clearing(&self) -> Clearing {
        Clearing::of_engine(self.inner.engine.clone())
    }

    /// Clears expired sessions in the background: within the first minute, and then again after each interval, a tenth
    /// longer or shorter. Processes that share the sessions may all do this: who comes while another one is at it steps
    /// aside. An error is a warning in the log, and the next time it is tried again, after 5 minutes at the latest.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use cloakroom::{SessionStore, Settings};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = SessionStore::memory(Settings::new())?;
    /// let clearing = store.clear_expired_every(Duration::from_secs(3_600))?;
    /// // The site runs …
    /// assert!(clearing.is_running());
    /// clearing.stop().await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`SessionError::OutsideRuntime`]: there is no runtime for the task.
    pub fn clear_expired_every(&self, interval: Duration) -> Result<ClearingTask, SessionError> {
        self.clearing().every(interval)
    }

    /// Django's name for [`clear_expired`](Self::clear_expired), awaited.
    ///
    /// # Errors
    /// The storage did not answer.
    pub async fn aclear_expired(&self) -> Result<u64, SessionError> {
        self.clear_expired().await
    }

    /// The same, as some know it.
    ///
    /// # Errors
    /// The storage did not answer.
    pub async fn a_clear_expired(&self) -> Result<u64, SessionError> {
        self.clear_expired().await
    }

    /// Session data as the engine stores it, signed now where it signs.
    ///
    /// # Errors
    /// The serializer that the application registered cannot write it.
    pub fn encode(&self, data: &SessionData) -> Result<String, SessionError> {
        Ok(String::from_utf8(self.inner.engine.encode(data, self.clock().now())?).unwrap_or_default())
    }

    /// Reads stored session data back.
    ///
    /// # Errors
    /// No known key verifies it, or it is damaged. Django answers `{}` and may overwrite it.
    pub fn decode(&self, stored: &str) -> Result<SessionData, DecodeError> {
        self.inner.engine.decode(stored.as_bytes())
    }

    /// The engine's name.
    #[must_use]
    pub fn engine(&self) -> EngineName {
        self.inner.engine.name()
    }

    /// The settings it was made of.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    pub(crate) fn bound_engine(&self) -> &BoundEngine {
        &self.inner.engine
    }

    pub(super) fn turns(&self) -> &Turns {
        &self.inner.turns
    }

    pub(crate) fn policy(&self) -> &Policy {
        self.inner.engine.policy()
    }

    pub(crate) fn cookie(&self) -> &CookieTemplate {
        &self.inner.cookie
    }

    pub(crate) fn clock(&self) -> &Clock {
        self.inner.engine.clock()
    }

    pub(crate) fn next_key(&self) -> SessionKey {
        self.inner.keys.next()
    }

    /// Removes flushed sessions without anyone waiting for it: after a panic or a dropped request.
    pub(super) fn remove_in_background(&self, doomed: Vec<SessionKey>) {
        if doomed.is_empty() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            tracing::error!("a session was flushed and not removed: await `asave` or `aflush`");
            return;
        };
        let store = self.clone();
        runtime.spawn(async move {
            for key in doomed {
                if let Err(error) = store.end(&key, EndReason::Flushed).await {
                    tracing::error!(key = %key.short_hash(), %error, "a flushed session could not be removed");
                }
            }
        });
    }
}

impl fmt::Debug for SessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionStore").field("engine", &self.engine()).finish_non_exhaustive()
    }
}
