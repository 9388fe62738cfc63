//! What the dictionary's methods do, once for the synchronous, the asynchronous and the blocking names.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Timestamp;
use crate::data::{Json, SessionData};
use crate::error::SessionError;
use crate::expiry::{Custom, EXPIRY, Expiry, ExpiryError, ExpiryOptions, Life, Policy};
use crate::session::state::{Shared, State};

/// The member that the test cookie is: Django's `TEST_COOKIE_NAME` (B-73).
///
/// ```
/// assert_eq!(cloakroom::TEST_COOKIE_NAME, "testcookie");
/// ```
pub const TEST_COOKIE_NAME: &str = "testcookie";
/// What it holds: Django's `TEST_COOKIE_VALUE` (B-73).
///
/// ```
/// assert_eq!(cloakroom::TEST_COOKIE_VALUE, "worked");
/// ```
pub const TEST_COOKIE_VALUE: &str = "worked";

fn missing(name: &str) -> SessionError {
    SessionError::KeyError { name: name.to_owned() }
}

impl State {
    pub(super) fn get<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, SessionError> {
        self.read().get(name)
    }

    pub(super) fn item<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, SessionError> {
        self.get(name)?.ok_or_else(|| missing(name))
    }

    pub(super) fn set<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), SessionError> {
        let value = Json::from_value(value).map_err(|source| SessionError::Value { name: name.to_owned(), source })?;
        self.set_json(name, value);
        Ok(())
    }

    pub(super) fn set_json(&mut self, name: &str, value: Json) {
        self.write().set_json(name, value);
    }

    pub(super) fn del(&mut self, name: &str) -> Result<(), SessionError> {
        if !self.read().contains(name) {
            return Err(missing(name));
        }
        self.write().remove(name);
        Ok(())
    }

    pub(super) fn pop<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, SessionError> {
        let value = self.read().get(name)?;
        if value.is_some() {
            self.write().remove(name);
        }
        Ok(value)
    }

    pub(super) fn update<T: Serialize + ?Sized>(&mut self, members: &T) -> Result<(), SessionError> {
        self.read();
        self.data.get_or_insert_default().update(members)?;
        self.write();
        Ok(())
    }

    pub(super) fn setdefault<T>(&mut self, name: &str, value: &T) -> Result<T, SessionError>
    where
        T: Serialize + DeserializeOwned,
    {
        if let Some(value) = self.get(name)? {
            return Ok(value);
        }
        self.set(name, value)?;
        self.item(name)
    }

    pub(super) fn keys(&mut self) -> Vec<String> {
        self.read().keys().collect()
    }

    pub(super) fn values(&mut self) -> Vec<Json> {
        self.read().values().collect()
    }

    pub(super) fn items(&mut self) -> Vec<(String, Json)> {
        self.read().items().collect()
    }

    pub(super) fn has_key(&mut self, name: &str) -> bool {
        self.read().contains(name)
    }

    pub(super) fn clear(&mut self) {
        self.write().clear();
    }

    pub(super) fn set_test_cookie(&mut self) {
        self.write().set_raw(TEST_COOKIE_NAME, format!("\"{TEST_COOKIE_VALUE}\""));
    }

    pub(super) fn test_cookie_worked(&mut self) -> bool {
        self.get::<String>(TEST_COOKIE_NAME).is_ok_and(|value| value.as_deref() == Some(TEST_COOKIE_VALUE))
    }

    pub(super) fn delete_test_cookie(&mut self) -> Result<(), SessionError> {
        self.del(TEST_COOKIE_NAME)
    }

    pub(super) fn custom_expiry(&self, policy: &Policy) -> Result<Custom, ExpiryError> {
        Custom::from_member(self.data.as_ref().and_then(|data| data.raw(EXPIRY)).as_deref(), policy)
    }

    fn set_expiry(&mut self, expiry: &Expiry, policy: &Policy, now: Timestamp) -> Result<(), ExpiryError> {
        let (custom, stored) = Custom::from_expiry(expiry, policy, now)?;
        // Refused here rather than when the session is saved.
        custom.date(policy, now)?;
        match stored {
            Some(stored) => self.write().set_raw(EXPIRY, stored),
            None if self.read().contains(EXPIRY) => {
                self.write().remove(EXPIRY);
            }
            None => {}
        }
        Ok(())
    }
}

/// What needs the settings or the clock beside the state.
impl Shared {
    pub(super) fn set_expiry(&self, expiry: &Expiry) -> Result<(), SessionError> {
        let now = self.store.clock().now();
        Ok(self.state().set_expiry(expiry, self.store.policy(), now)?)
    }

    /// Whether an expiry question needs the session's data at all (B-17).
    pub(super) fn asks_the_session(options: &ExpiryOptions) -> bool {
        options.expiry.is_none()
    }

    fn life(&self, options: &ExpiryOptions) -> Result<Life, ExpiryError> {
        let policy = self.store.policy();
        match &options.expiry {
            Some(expiry) => Ok(Life::of(Custom::from_expiry(expiry, policy, self.store.clock().now())?.0)),
            None => {
                let mut state = self.state();
                state.read();
                state.life(policy)
            }
        }
    }

    pub(super) fn get_expiry_age(&self, options: &ExpiryOptions) -> Result<f64, SessionError> {
        let modification = options.modification.unwrap_or_else(|| self.store.clock().now());
        Ok(self.life(options)?.age(self.store.policy(), modification))
    }

    pub(super) fn get_expiry_date(&self, options: &ExpiryOptions) -> Result<Timestamp, SessionError> {
        let modification = options.modification.unwrap_or_else(|| self.store.clock().now());
        Ok(self.life(options)?.date(self.store.policy(), modification)?)
    }

    pub(super) fn get_expire_at_browser_close(&self) -> Result<bool, SessionError> {
        let mut state = self.state();
        state.read();
        Ok(state.custom_expiry(self.store.policy())?.at_browser_close(self.store.policy()))
    }

    pub(super) fn encode(&self, data: &SessionData) -> Result<String, SessionError> {
        self.store.encode(data)
    }
}
