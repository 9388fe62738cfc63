use std::fmt;
use std::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Timestamp;
use crate::data::{Json, SessionData};
use crate::error::SessionError;
use crate::expiry::{Expiry, ExpiryOptions};
use crate::session::lazy::LazySession;

/// A loaded session: Django's dictionary, with synchronous methods that work in memory.
///
/// What the dictionary holds is saved at the end of the request; [`asave`](LazySession::asave) saves it at
/// once. `flush` and `cycle_key` are carried out with the save, `flush` whatever becomes of the request.
/// Handles are cheap to clone, and all see the same session. The `a…` methods are those of [`LazySession`].
///
/// ```
/// # use cloakroom::{SessionStore, Settings};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = SessionStore::memory(Settings::new())?.session(None).load().await?;
/// let visits: u64 = session.get("visits")?.unwrap_or(0);
/// session.set("visits", &(visits + 1))?;
/// session.set_expiry(300)?;
/// assert!(session.has_key("visits") && session.modified());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Session(LazySession);

impl Session {
    pub(super) fn new(session: LazySession) -> Self {
        Self(session)
    }

    /// A member as a `T`; `None` if there is none. Django's `get(key)`.
    ///
    /// # Errors
    /// The member is something else; the error names it.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SessionError> {
        self.state().get(name)
    }

    /// A member as a `T`, or `default` if there is none. Django's `get(key, default)`.
    ///
    /// # Errors
    /// The member is something else.
    pub fn get_or<T: DeserializeOwned>(&self, name: &str, default: T) -> Result<T, SessionError> {
        Ok(self.get(name)?.unwrap_or(default))
    }

    /// A member as JSON; `None` if there is none.
    #[must_use]
    pub fn get_json(&self, name: &str) -> Option<Json> {
        self.state().read().get_json(name)
    }

    /// A member that must be there. Django's `session[key]`.
    ///
    /// # Errors
    /// [`SessionError::KeyError`] if there is none (B-05), or the member is something else.
    pub fn item<T: DeserializeOwned>(&self, name: &str) -> Result<T, SessionError> {
        self.state().item(name)
    }

    /// Sets a member. Django's `session[key] = value`; marks the session modified even if the value is the
    /// same (B-18).
    ///
    /// # Errors
    /// A value that cannot be written as JSON; nothing is changed then.
    pub fn set<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> Result<(), SessionError> {
        self.state().set(name, value)
    }

    /// Sets a member that is JSON already.
    pub fn set_json(&self, name: &str, value: Json) {
        self.state().set_json(name, value);
    }

    /// Removes a member that must be there. Django's `del session[key]`.
    ///
    /// # Errors
    /// [`SessionError::KeyError`] if there is none; the session is not modified then (B-19).
    pub fn del(&self, name: &str) -> Result<(), SessionError> {
        self.state().del(name)
    }

    /// Whether there is a member of this name. Django's `key in session`.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.state().has_key(name)
    }

    /// Whether there is a member of this name.
    #[must_use]
    pub fn has_key(&self, name: &str) -> bool {
        self.state().has_key(name)
    }

    /// Removes a member and answers it; `None` if there was none, and the session is not modified then
    /// (B-20). Django's `pop(key)`, which raises `KeyError` instead.
    ///
    /// ```
    /// # use cloakroom::{SessionStore, Settings};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = SessionStore::memory(Settings::new())?.session(None).load().await?;
    /// session.set("notice", "saved")?;
    /// assert_eq!(session.pop::<String>("notice")?.as_deref(), Some("saved"));
    /// assert_eq!(session.pop::<String>("notice")?, None);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The member is something else; it stays.
    pub fn pop<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SessionError> {
        self.state().pop(name)
    }

    /// Removes a member and answers it, or `default` if there was none. Django's `pop(key, default)`.
    ///
    /// # Errors
    /// The member is something else; it stays.
    pub fn pop_or<T: DeserializeOwned>(&self, name: &str, default: T) -> Result<T, SessionError> {
        Ok(self.pop(name)?.unwrap_or(default))
    }

    /// Sets every member of a map or a struct. Django's `update(dict)`; marks the session modified even if
    /// there is none (B-22).
    ///
    /// ```
    /// # use cloakroom::{SessionStore, Settings};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = SessionStore::memory(Settings::new())?.session(None).load().await?;
    /// session.update(&serde_json::json!({"age": 36, "name": "Ada"}))?;
    /// assert_eq!(session.keys(), ["age", "name"]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// A value that is not written as a JSON object; nothing is changed then.
    pub fn update<T: Serialize + ?Sized>(&self, members: &T) -> Result<(), SessionError> {
        self.state().update(members)
    }

    /// The member of this name, or `value`, which is set then (B-07).
    ///
    /// ```
    /// # use cloakroom::{SessionStore, Settings};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = SessionStore::memory(Settings::new())?.session(None).load().await?;
    /// assert_eq!(session.setdefault("theme", &"light".to_owned())?, "light");
    /// assert_eq!(session.setdefault("theme", &"dark".to_owned())?, "light");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The member is something else, or `value` cannot be written as JSON.
    pub fn setdefault<T>(&self, name: &str, value: &T) -> Result<T, SessionError>
    where
        T: Serialize + DeserializeOwned,
    {
        self.state().setdefault(name, value)
    }

    /// The names of all members, in order.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.state().keys()
    }

    /// The values of all members, in order.
    #[must_use]
    pub fn values(&self) -> Vec<Json> {
        self.state().values()
    }

    /// Names and values of all members, in order.
    #[must_use]
    pub fn items(&self) -> Vec<(String, Json)> {
        self.state().items()
    }

    /// All members as they are held: a copy, for [`encode`](LazySession::encode) or
    /// [`SessionData::to_json`].
    #[must_use]
    pub fn data(&self) -> SessionData {
        self.state().read().clone()
    }

    /// Removes all members; the session key stays (B-11).
    pub fn clear(&self) {
        self.state().clear();
    }

    /// Ends the session: empties it at once, and at the end of the request, however it ends, removes it
    /// from the storage and its cookie from the browser. What is set afterwards goes to a new session.
    ///
    /// ```
    /// # use cloakroom::{SessionStore, Settings};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = SessionStore::memory(Settings::new())?.session(None).load().await?;
    /// session.set("user", "ada")?;
    /// session.asave().await?;
    /// session.flush();
    /// assert!(session.is_empty() && session.session_key().is_none());
    /// # Ok(()) }
    /// ```
    pub fn flush(&self) {
        self.state().flush();
    }

    /// Gives the session a new key and keeps its data: do this at a login, against session fixation. The new
    /// key shows at once and takes effect with the save at the end of the request;
    /// [`acycle_key`](LazySession::acycle_key) takes effect at once. A session in a signed cookie is signed anew, and
    /// the old cookie still opens it (B-125).
    ///
    /// ```
    /// # use cloakroom::{SessionStore, Settings};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = SessionStore::memory(Settings::new())?.session(None).load().await?;
    /// session.set("user", "ada")?;
    /// session.asave().await?;
    /// let before = session.session_key();
    /// session.cycle_key();
    /// assert_ne!(session.session_key(), before);
    /// assert_eq!(session.item::<String>("user")?, "ada");
    /// # Ok(()) }
    /// ```
    pub fn cycle_key(&self) {
        self.shared.record_change_of_key();
    }

    /// Puts the test cookie's member: [`test_cookie_worked`](Self::test_cookie_worked) in the visitor's next
    /// request tells whether the browser keeps cookies (B-73).
    pub fn set_test_cookie(&self) {
        self.state().set_test_cookie();
    }

    /// Whether the browser sent back what [`set_test_cookie`](Self::set_test_cookie) put in an earlier
    /// request (B-74).
    #[must_use]
    pub fn test_cookie_worked(&self) -> bool {
        self.state().test_cookie_worked()
    }

    /// Removes the test cookie's member.
    ///
    /// # Errors
    /// [`SessionError::KeyError`] if there is none (B-75).
    pub fn delete_test_cookie(&self) -> Result<(), SessionError> {
        self.state().delete_test_cookie()
    }

    /// Gives the session an expiry of its own: seconds after the last save, 0 for when the browser closes, a
    /// moment, a duration from now, or `None` for the global policy again (B-54 to B-61).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use cloakroom::{SessionStore, Settings};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = SessionStore::memory(Settings::new())?.session(None).load().await?;
    /// session.set_expiry(300)?;
    /// assert_eq!(session.get_expiry_age()?, 300.0);
    /// session.set_expiry(0)?;
    /// assert!(session.get_expire_at_browser_close()?);
    /// session.set_expiry(Duration::from_secs(3600))?;
    /// session.set_expiry(None)?;
    /// assert_eq!(session.get_expiry_age()?, 1_209_600.0);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// A moment outside the years 1 to 9999, or a number that is not finite.
    pub fn set_expiry(&self, expiry: impl Into<Expiry>) -> Result<(), SessionError> {
        self.shared.set_expiry(&expiry.into())
    }

    /// Counts the absolute lifetime, `SESSION_ABSOLUTE_AGE`, from now on: for a visitor who has authenticated anew. A
    /// [login](crate::auth::AuthSession::login) does so itself. Not in Django.
    ///
    /// ```
    /// # use cloakroom::{SessionStore, Settings};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = SessionStore::memory(Settings::new().session_absolute_age(3_600.0))?;
    /// let session = store.session(None).load().await?;
    /// session.set("_session_started", &1_831_700_317)?;
    /// session.restart_absolute_age();
    /// session.asave().await?;
    /// assert!(session.get_expiry_age()? <= 3_600.0);
    /// assert_ne!(session.item::<i64>("_session_started")?, 1_831_700_317);
    /// # Ok(()) }
    /// ```
    pub fn restart_absolute_age(&self) {
        self.state().begin_anew();
    }

    /// The session's remaining life in seconds, were it saved now; below 0 when it has ended.
    ///
    /// # Errors
    /// What the session holds as its expiry is neither seconds nor a moment.
    pub fn get_expiry_age(&self) -> Result<f64, SessionError> {
        self.shared.get_expiry_age(&ExpiryOptions::new())
    }

    /// The same, reckoned with another moment of modification or another expiry.
    ///
    /// # Errors
    /// What the session holds as its expiry is neither seconds nor a moment.
    pub fn get_expiry_age_with(&self, options: &ExpiryOptions) -> Result<f64, SessionError> {
        self.shared.get_expiry_age(options)
    }

    /// The moment the session ends, were it saved now.
    ///
    /// # Errors
    /// What the session holds as its expiry is neither seconds nor a moment, or too far away.
    pub fn get_expiry_date(&self) -> Result<Timestamp, SessionError> {
        self.shared.get_expiry_date(&ExpiryOptions::new())
    }

    /// The same, reckoned with another moment of modification or another expiry.
    ///
    /// # Errors
    /// What the session holds as its expiry is neither seconds nor a moment, or too far away.
    pub fn get_expiry_date_with(&self, options: &ExpiryOptions) -> Result<Timestamp, SessionError> {
        self.shared.get_expiry_date(options)
    }

    /// Whether the cookie is to end with the browser (B-69).
    ///
    /// # Errors
    /// What the session holds as its expiry is neither seconds nor a moment.
    pub fn get_expire_at_browser_close(&self) -> Result<bool, SessionError> {
        self.shared.get_expire_at_browser_close()
    }
}

impl Deref for Session {
    type Target = LazySession;

    fn deref(&self) -> &LazySession {
        &self.0
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_as(f, "Session")
    }
}
