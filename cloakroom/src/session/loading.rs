//! From the storage into memory.

use crate::Timestamp;
use crate::data::SessionData;
use crate::engine::{BoundEngine, Forward, Found, Late};
use crate::error::SessionError;
use crate::session::state::Shared;

impl Shared {
    /// Loads the session unless it is loaded.
    pub(super) async fn ensure_loaded(&self) -> Result<(), SessionError> {
        if self.state().data.is_some() {
            return Ok(());
        }
        let _io = self.io.lock().await;
        self.load_while_io_is_held().await
    }

    pub(super) async fn load_while_io_is_held(&self) -> Result<(), SessionError> {
        let (key, engine) = {
            let mut state = self.state();
            if state.data.is_some() {
                return Ok(());
            }
            let engine = match self.store.bound_engine() {
                BoundEngine::Stored(engine) => engine,
                BoundEngine::SignedCookies(cookies) => {
                    let has_cookie = state.key.is_some() || state.foreign;
                    if has_cookie {
                        self.open_cookie(state, cookies, |state, data| {
                            let is_there = state.key.is_some();
                            state.take_up(data, None, self.store.policy(), || self.begin_at().filter(|_| is_there));
                        });
                    } else {
                        state.data = Some(SessionData::new());
                    }
                    return Ok(());
                }
            };
            match &state.key {
                Some(key) => (key.clone(), engine),
                None => {
                    state.foreign = false;
                    state.data = Some(SessionData::new());
                    return Ok(());
                }
            }
        };
        let (mut found, mut late);
        if self.store.is_watched() {
            (found, late) = Box::pin(self.find(engine, &key)).await?;
        } else {
            (found, late) = (engine.find(&key).await?, Late::No);
            if let Some(forward) = Forward::found(&found) {
                (found, late) = Box::pin(engine.follow(forward)).await?;
            }
        }
        let mut state = self.state();
        if state.data.is_some() || state.key.as_ref() != Some(&key) {
            // Flushed in the meantime.
            return Ok(());
        }
        match found {
            Found::Session { data, target, live: true, ends } => {
                if late == Late::Served {
                    state.key = Some(target.key.clone());
                }
                state.ends = ends;
                state.take_up(data, Some(target), self.store.policy(), || self.begin_at());
            }
            Found::Session { .. } | Found::Nothing => state.forget_key(),
            Found::Unreadable => {
                state.forget_key();
                state.unreadable = true;
            }
        }
        state.late = late;
        state.data.get_or_insert_default();
        Ok(())
    }

    /// From when the absolute life of a session counts that does not say so; `None` where nothing may be written.
    fn begin_at(&self) -> Option<Timestamp> {
        (!self.store.settings().session_read_only).then(|| self.store.clock().now())
    }

    /// Reads what is stored now, without changing what is held; a key under which nothing lives is
    /// forgotten (B-35).
    pub(super) async fn load_again(&self) -> Result<SessionData, SessionError> {
        let _io = self.io.lock().await;
        let engine = match self.store.bound_engine() {
            BoundEngine::Stored(engine) => engine,
            // Also without a cookie this counts as a failure (B-129).
            BoundEngine::SignedCookies(cookies) => return Ok(self.open_cookie(self.state(), cookies, |_, data| data)),
        };
        let Some(key) = self.state().stored_key() else {
            self.state().foreign = false;
            return Ok(SessionData::new());
        };
        let (found, _) = self.find(engine, &key).await?;
        match found {
            Found::Session { data, live: true, .. } => Ok(data),
            found => {
                let mut state = self.state();
                state.forget_key();
                state.unreadable = matches!(found, Found::Unreadable);
                Ok(SessionData::new())
            }
        }
    }
}
