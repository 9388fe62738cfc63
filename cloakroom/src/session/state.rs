//! What a session is made of, shared by all its handles.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Timestamp;
use crate::data::SessionData;
use crate::engine::{BoundEngine, Late, Target};
use crate::key::{SHORTEST, SessionKey};
use crate::session::store::SessionStore;

pub(super) struct Shared {
    pub(super) store: SessionStore,
    state: Mutex<State>,
    /// Held while the storage is asked, so that two tasks of one request do not load or save at once. The
    /// state itself is never locked across an await.
    pub(super) io: tokio::sync::Mutex<()>,
}

impl Shared {
    #[inline]
    pub(super) fn new(store: SessionStore, state: State) -> Self {
        Self { store, state: Mutex::new(state), io: tokio::sync::Mutex::new(()) }
    }

    /// A handler that panicked leaves a state that is whole: nothing in it is changed in two steps.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if state.answered && state.unsaved {
            if matches!(self.store.bound_engine(), BoundEngine::SignedCookies(_)) {
                tracing::warn!(
                    "a session in a signed cookie was changed after the response had left: nothing was saved"
                );
            } else {
                tracing::warn!("a session was changed after the response had left, and nobody saved it: await `asave`");
            }
        }
        let doomed = std::mem::take(&mut state.doomed);
        self.store.remove_in_background(doomed);
    }
}

#[derive(Default)]
pub(super) struct State {
    /// The session key; Django's `session_key`.
    pub(super) key: Option<SessionKey>,
    /// The cookie holds 8 characters or more that are no session key. Until it is loaded, the session
    /// counts as having a key, as it does in Django (B-148).
    pub(super) foreign: bool,
    /// The members, once loaded.
    pub(super) data: Option<SessionData>,
    /// The stored session that a save compares with. Its key is another than `key` when a change of key is
    /// recorded.
    pub(super) target: Option<Target>,
    /// Sessions that were flushed and are still to be removed from the storage.
    pub(super) doomed: Vec<SessionKey>,
    pub(super) accessed: bool,
    pub(super) modified: bool,
    /// Modified since the last save.
    pub(super) unsaved: bool,
    /// Saved at least once by this handle.
    pub(super) saved: bool,
    /// What is stored under the cookie's key cannot be verified: it is left alone, and so is the cookie
    /// (D14).
    pub(super) unreadable: bool,
    /// The key was changed in the storage: the browser must hear of it even if the request fails (D8).
    pub(super) cycled: bool,
    /// Whether it was found under a key that it had before (`SESSION_CYCLE_KEY_GRACE`).
    pub(super) late: Late,
    /// Somebody logged in or out in it, or the login was renewed, since it was loaded.
    pub(super) login_changed: bool,
    /// When it ends as it is stored, where that is known and wanted.
    pub(super) ends: Option<Timestamp>,
    /// From when its absolute life counts, where that is limited.
    pub(super) started: Option<Timestamp>,
    /// Modified only in that it says when it began.
    pub(super) only_begun: bool,
    /// The response has left, without or with the session's changes.
    pub(super) answered: bool,
    /// Counts the flushes: a save under way when one happens must not give the session its key back.
    pub(super) flushes: u32,
}

impl State {
    /// From a cookie's value: hostile input.
    #[inline]
    pub(super) fn from_cookie(value: &[u8]) -> Self {
        match SessionKey::from_bytes(value) {
            Ok(key) => Self { key: Some(key), ..Self::default() },
            Err(_) => Self { foreign: value.len() >= SHORTEST, ..Self::default() },
        }
    }

    /// The text of a signed cookie is no key here.
    pub(super) fn from_key(key: Option<&SessionKey>) -> Self {
        match key {
            Some(key) if !key.is_name() => Self { foreign: true, ..Self::default() },
            key => Self { key: key.cloned(), ..Self::default() },
        }
    }

    /// B-41: no key and no data; a session that was never read counts by its key alone.
    pub(super) fn is_empty(&self) -> bool {
        self.key.is_none() && !self.foreign && self.data.as_ref().is_none_or(SessionData::is_empty)
    }

    /// The members, to be read: counts as access.
    pub(super) fn read(&mut self) -> &SessionData {
        self.accessed = true;
        self.data.get_or_insert_default()
    }

    /// The members, to be changed: counts as access and as a modification.
    pub(super) fn write(&mut self) -> &mut SessionData {
        self.accessed = true;
        self.set_modified(true);
        self.data.get_or_insert_default()
    }

    pub(super) fn set_modified(&mut self, modified: bool) {
        self.modified = modified;
        self.unsaved = modified;
        self.only_begun = false;
    }

    /// Nothing is known under this key, or nothing that counts.
    pub(super) fn forget_key(&mut self) {
        self.key = None;
        self.foreign = false;
        self.target = None;
    }

    /// Empties the session and marks what is stored of it for removal. Of a signed cookie nothing is stored.
    pub(super) fn flush(&mut self) {
        let stored = self.target.take().map(|target| target.key).or(self.key.take());
        self.doomed.extend(stored.filter(SessionKey::is_name));
        self.forget_key();
        self.unreadable = false;
        self.late = Late::No;
        self.started = None;
        self.data = Some(SessionData::new());
        self.accessed = true;
        self.set_modified(true);
        self.flushes += 1;
    }
}
