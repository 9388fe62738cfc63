use std::fmt;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::Timestamp;
use crate::data::{Json, SessionData};
use crate::error::SessionError;
use crate::expiry::{Expiry, ExpiryOptions};
use crate::key::SessionKey;
use crate::session::lazy::LazySession;
use crate::wire::stored::DecodeError;

/// One runtime for all blocking sessions of the process, started when the first one is made.
static RUNTIME: Mutex<Option<Runtime>> = Mutex::new(None);

fn runtime() -> Result<Handle, SessionError> {
    let mut slot = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = &*slot {
        return Ok(runtime.handle().clone());
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("cloakroom-blocking")
        .enable_all()
        .build()
        .map_err(SessionError::NoRuntime)?;
    let handle = runtime.handle().clone();
    *slot = Some(runtime);
    Ok(handle)
}

/// A session for code outside a runtime, a command or a script: every method waits until it is done, as
/// in Django. `flush` and `cycle_key` take effect at once.
///
/// Inside an asynchronous runtime every method answers [`SessionError::InsideRuntime`].
///
/// ```
/// use cloakroom::{SessionStore, Settings};
///
/// let store = SessionStore::memory(Settings::new())?;
/// let session = store.blocking_session(None)?;
/// session.set("visits", &1)?;
/// session.save()?;
///
/// let again = store.blocking_session(session.session_key().as_ref())?;
/// assert_eq!(again.get::<u32>("visits")?, Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A tour:
///
/// ```
/// use cloakroom::{Expiry, ExpiryOptions, Json, SessionStore, Settings, Timestamp};
///
/// let session = SessionStore::memory(Settings::new())?.blocking_session(None)?;
/// session.update(&serde_json::json!({"name": "Ada", "visits": 3, "old": true}))?;
/// session.set_json("cart", Json::parse("[1]")?)?;
/// assert_eq!(session.item::<String>("name")?, "Ada");
/// assert_eq!(session.get_or("likes", 0)?, 0);
/// assert_eq!(session.get_json("cart")?.unwrap().as_str(), "[1]");
/// assert_eq!(session.setdefault("visits", &9)?, 3);
/// session.del("old")?;
/// assert_eq!(session.pop::<u32>("visits")?, Some(3));
/// assert_eq!(session.pop_or("visits", 0)?, 0);
/// assert!(session.contains("cart")? && session.has_key("cart")?);
/// assert_eq!(session.keys()?, ["name", "cart"]);
/// assert_eq!(session.values()?.len(), session.items()?.len());
/// session.set_test_cookie()?;
/// assert!(session.test_cookie_worked()?);
/// session.delete_test_cookie()?;
///
/// session.set_expiry(300)?;
/// assert_eq!(session.get_expiry_age()?, 300.0);
/// assert!(session.get_expiry_date()? > Timestamp::now());
/// assert!(!session.get_expire_at_browser_close()?);
/// let options = ExpiryOptions::new().modification(Timestamp::UNIX_EPOCH).expiry(60);
/// assert_eq!(session.get_expiry_age_with(&options)?, 60.0);
/// assert_eq!(session.get_expiry_date_with(&options)?.as_seconds(), 60);
/// session.set_expiry(Expiry::Default)?;
/// session.restart_absolute_age()?;
///
/// session.save_must_create()?;
/// let first = session.session_key().unwrap();
/// session.cycle_key()?;
/// assert!(!session.exists(&first)?);
/// assert_eq!(session.load()?.len(), 2);
/// let second = session.session_key().unwrap();
/// session.create()?;
/// session.delete_key(&second)?;
/// session.delete()?;
/// assert_eq!(session.clear_expired()?, 0);
/// session.clear()?;
/// session.flush()?;
/// assert!(session.is_empty() && session.accessed() && session.modified());
///
/// session.set_accessed(false);
/// session.set_modified(false);
/// assert!(!session.accessed() && !session.modified());
/// assert_eq!(session.get_session_cookie_age(), 1_209_600.0);
/// let data = session.load()?;
/// assert_eq!(session.decode(&session.encode(&data)?)?, data);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct BlockingSession {
    session: LazySession,
    runtime: Handle,
}

/// Methods that wait for a method of [`LazySession`] and are documented there.
macro_rules! waiting {
    ($($(#[$doc:meta])* $name:ident$(<$($generic:ident: $bound:path $(, $also:path)? $(; $relaxed:tt)?)+>)?
        ($($argument:ident: $type:ty),*) -> $result:ty = $twin:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        #[doc = concat!("As [`LazySession::", stringify!($twin), "`], or [`SessionError::InsideRuntime`].")]
        pub fn $name$(<$($generic: $bound $(+ $also)? $(+ $relaxed Sized)?)+>)?
            (&self, $($argument: $type),*) -> Result<$result, SessionError> {
            self.wait(self.session.$twin($($argument),*))
        }
    )*};
}

impl BlockingSession {
    pub(super) fn new(session: LazySession) -> Result<Self, SessionError> {
        Ok(Self { session, runtime: runtime()? })
    }

    fn wait<T>(&self, done: impl Future<Output = Result<T, SessionError>>) -> Result<T, SessionError> {
        if Handle::try_current().is_ok() {
            return Err(SessionError::InsideRuntime);
        }
        self.runtime.block_on(done)
    }

    waiting! {
        /// A member as a `T`; `None` if there is none.
        get<T: DeserializeOwned>(name: &str) -> Option<T> = aget;
        /// A member as a `T`, or `default`.
        get_or<T: DeserializeOwned>(name: &str, default: T) -> T = aget_or;
        /// A member as JSON; `None` if there is none.
        get_json(name: &str) -> Option<Json> = aget_json;
        /// A member that must be there.
        item<T: DeserializeOwned>(name: &str) -> T = aitem;
        /// Sets a member.
        set<T: Serialize; ?>(name: &str, value: &T) -> () = aset;
        /// Sets a member that is JSON already.
        set_json(name: &str, value: Json) -> () = aset_json;
        /// Removes a member that must be there.
        del(name: &str) -> () = adel;
        /// Whether there is a member of this name.
        contains(name: &str) -> bool = ahas_key;
        /// Whether there is a member of this name.
        has_key(name: &str) -> bool = ahas_key;
        /// Removes a member and answers it.
        pop<T: DeserializeOwned>(name: &str) -> Option<T> = apop;
        /// Removes a member and answers it, or `default`.
        pop_or<T: DeserializeOwned>(name: &str, default: T) -> T = apop_or;
        /// Sets every member of a map or a struct.
        update<T: Serialize; ?>(members: &T) -> () = aupdate;
        /// The member of this name, or `value`, which is set then.
        setdefault<T: Serialize, DeserializeOwned>(name: &str, value: &T) -> T = asetdefault;
        /// The names of all members.
        keys() -> Vec<String> = akeys;
        /// The values of all members.
        values() -> Vec<Json> = avalues;
        /// Names and values of all members.
        items() -> Vec<(String, Json)> = aitems;
        /// Counts the absolute lifetime from now on.
        restart_absolute_age() -> () = arestart_absolute_age;
        /// Puts the test cookie's member.
        set_test_cookie() -> () = aset_test_cookie;
        /// Whether the test cookie came back.
        test_cookie_worked() -> bool = atest_cookie_worked;
        /// Removes the test cookie's member.
        delete_test_cookie() -> () = adelete_test_cookie;
        /// The session's remaining life in seconds, were it saved now.
        get_expiry_age() -> f64 = aget_expiry_age;
        /// The same, reckoned with other values.
        get_expiry_age_with(options: &ExpiryOptions) -> f64 = aget_expiry_age_with;
        /// The moment the session ends, were it saved now.
        get_expiry_date() -> Timestamp = aget_expiry_date;
        /// The same, reckoned with other values.
        get_expiry_date_with(options: &ExpiryOptions) -> Timestamp = aget_expiry_date_with;
        /// Whether the cookie is to end with the browser.
        get_expire_at_browser_close() -> bool = aget_expire_at_browser_close;
        /// Saves the session.
        save() -> () = asave;
        /// Saves a session that must be new.
        save_must_create() -> () = asave_must_create;
        /// Stores what is held under a new key.
        create() -> () = acreate;
        /// Ends the session.
        flush() -> () = aflush;
        /// Gives the session a new key.
        cycle_key() -> () = acycle_key;
        /// Removes what is stored under the session's key; key and data stay in memory.
        delete() -> () = adelete;
        /// Removes what is stored under another key.
        delete_key(key: &SessionKey) -> () = adelete_key;
        /// Reads what is stored now, without changing what is held.
        load() -> SessionData = aload;
        /// Whether something is stored under a key.
        exists(key: &SessionKey) -> bool = aexists;
        /// Removes all expired sessions and answers how many.
        clear_expired() -> u64 = aclear_expired;
    }

    /// Gives the session an expiry of its own.
    ///
    /// # Errors
    /// As [`LazySession::aset_expiry`], or [`SessionError::InsideRuntime`].
    pub fn set_expiry(&self, expiry: impl Into<Expiry>) -> Result<(), SessionError> {
        self.wait(self.session.aset_expiry(expiry))
    }

    /// Removes all members; the session key stays.
    ///
    /// # Errors
    /// The session could not be loaded, or [`SessionError::InsideRuntime`].
    pub fn clear(&self) -> Result<(), SessionError> {
        self.wait(async {
            self.session.load().await?.clear();
            Ok(())
        })
    }

    /// The session key; `None` for a session that is not stored yet or that was flushed.
    #[must_use]
    pub fn session_key(&self) -> Option<SessionKey> {
        self.session.session_key()
    }

    /// Whether there is neither a key nor a member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.session.is_empty()
    }

    /// Whether the session's data was looked at.
    #[must_use]
    pub fn accessed(&self) -> bool {
        self.session.accessed()
    }

    /// Whether the session was changed.
    #[must_use]
    pub fn modified(&self) -> bool {
        self.session.modified()
    }

    /// Sets [`accessed`](Self::accessed).
    pub fn set_accessed(&self, accessed: bool) {
        self.session.set_accessed(accessed);
    }

    /// Sets [`modified`](Self::modified).
    pub fn set_modified(&self, modified: bool) {
        self.session.set_modified(modified);
    }

    /// `SESSION_COOKIE_AGE`, in seconds.
    #[must_use]
    pub fn get_session_cookie_age(&self) -> f64 {
        self.session.get_session_cookie_age()
    }

    /// Session data as the engine stores it.
    ///
    /// # Errors
    /// The serializer that the application registered cannot write it.
    pub fn encode(&self, data: &SessionData) -> Result<String, SessionError> {
        self.session.encode(data)
    }

    /// Reads stored session data back.
    ///
    /// # Errors
    /// No known key verifies it, or it is damaged.
    pub fn decode(&self, stored: &str) -> Result<SessionData, DecodeError> {
        self.session.decode(stored)
    }
}

impl fmt::Debug for BlockingSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.session.fmt_as(f, "BlockingSession")
    }
}
