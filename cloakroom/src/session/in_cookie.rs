//! Sessions that are in their cookie: loading and saving read and write no storage, only the text of the cookie.

use crate::data::SessionData;
use crate::engine::{BoundEngine, SignedCookies};
use crate::error::SessionError;
use crate::key::{SHORTEST, SessionKey};
use crate::session::state::{Shared, State};

impl Shared {
    /// The engine, if it keeps sessions in their cookies.
    pub(super) fn cookies(&self) -> Option<&SignedCookies> {
        match self.store.bound_engine() {
            BoundEngine::SignedCookies(cookies) => Some(cookies),
            BoundEngine::Stored(_) => None,
        }
    }

    /// Puts what is held into the text of the cookie (B-120). Nobody else can have changed it: the last cookie that a
    /// browser gets wins.
    pub(super) fn sign_now(&self, cookies: &SignedCookies) -> Result<SessionKey, SessionError> {
        let mut guard = self.state();
        let state = &mut *guard;
        state.keep_start(self.store.policy(), self.store.clock().now());
        let data = state.data.get_or_insert_default();
        let key = cookies.sign(data)?;
        drop(data.take_changes());
        state.key = Some(key.clone());
        state.foreign = false;
        // So that the cookie is sent (B-26).
        state.modified = true;
        state.unsaved = false;
        state.saved = true;
        Ok(key)
    }

    /// A cookie travels with the response or not at all.
    pub(super) fn check_unanswered(&self) -> Result<(), SessionError> {
        if self.state().answered { Err(SessionError::ResponseSent) } else { Ok(()) }
    }
}

impl State {
    /// From a cookie's value: hostile input, which is looked at when somebody asks for data.
    pub(super) fn from_signed_cookie(value: &[u8]) -> Self {
        let key = std::str::from_utf8(value).ok().filter(|text| text.len() >= SHORTEST).map(SessionKey::of_cookie);
        Self { foreign: key.is_none() && value.len() >= SHORTEST, key, ..Self::default() }
    }

    /// What the cookie holds. One that does not hold up is forgotten, so that the end of the request removes it (D23).
    pub(super) fn read_cookie(&mut self, cookies: &SignedCookies) -> SessionData {
        if let Some((data, ends)) = self.key.as_ref().and_then(|key| cookies.load(key)) {
            self.ends = ends;
            return data;
        }
        self.forget_key();
        self.modified = true;
        SessionData::new()
    }

    /// Without a key and without data; the end of the request removes the cookie (B-122).
    pub(super) fn delete_cookie(&mut self) {
        self.forget_key();
        self.data = Some(SessionData::new());
        self.set_modified(true);
    }
}
