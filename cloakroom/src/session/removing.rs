//! Flushing and deleting.

use crate::error::SessionError;
use crate::key::SessionKey;
use crate::observe::EndReason;
use crate::session::state::Shared;

impl Shared {
    /// Empties the session and removes it from the storage at once. If that fails, the end of the request
    /// tries again.
    pub(super) async fn flush_now(&self) -> Result<(), SessionError> {
        self.store.bound_engine().check_writable()?;
        if self.cookies().is_some() {
            self.check_unanswered()?;
        }
        self.state().flush();
        let _io = self.io.lock().await;
        self.remove_doomed_while_io_is_held().await
    }

    pub(super) async fn remove_doomed_while_io_is_held(&self) -> Result<(), SessionError> {
        loop {
            let Some(key) = self.state().doomed.last().cloned() else { return Ok(()) };
            self.store.end(&key, EndReason::Flushed).await?;
            self.state().doomed.retain(|doomed| *doomed != key);
        }
    }

    /// Removes what is stored under the session's own key; key and data stay in memory (B-42).
    pub(super) async fn delete_own(&self) -> Result<(), SessionError> {
        let _io = self.io.lock().await;
        if self.cookies().is_some() {
            self.store.bound_engine().check_writable()?;
            self.check_unanswered()?;
            self.state().delete_cookie();
            return Ok(());
        }
        let key = self.state().stored_key();
        match key {
            Some(key) => self.store.delete(&key).await,
            None => Ok(()),
        }
    }

    /// Removes what is stored under another key. Where the cookie is the session there is no other, and whatever key is
    /// given counts as its own (B-122).
    pub(super) async fn delete_key(&self, key: &SessionKey) -> Result<(), SessionError> {
        if self.cookies().is_some() { self.delete_own().await } else { self.store.delete(key).await }
    }

    /// Takes over what a request leaves behind that ends without an answer: what was flushed is removed.
    pub(super) fn abandon(&self) {
        let doomed = std::mem::take(&mut self.state().doomed);
        self.store.remove_in_background(doomed);
    }
}

impl super::state::State {
    /// The key under which the session is stored, a recorded change of key left out.
    pub(super) fn stored_key(&self) -> Option<SessionKey> {
        match &self.target {
            Some(target) => Some(target.key.clone()),
            None => self.key.clone(),
        }
    }
}
