//! Where a session and its storage meet, for those who look on.

use std::sync::{Arc, MutexGuard};

use crate::data::SessionData;
use crate::engine::{BoundEngine, Found, Late, SignedCookies, StoredEngine};
use crate::error::SessionError;
use crate::key::SessionKey;
use crate::observe::{self, EndReason, Ending, Operation, SessionEvent, Watch};
use crate::session::state::{Shared, State};
use crate::session::store::SessionStore;
use crate::storage::{Remove, StorageError};

impl SessionStore {
    /// The same, and `observer` hears of every session that is created, loaded, given another key or ended. Called
    /// again, each observer hears of it, in this order.
    ///
    /// It is called when the storage has said so, where the session is used, and the session waits for it: be quick, and
    /// hand longer work to a task. The session's own handle may not show the change yet. A panic is logged and goes no
    /// further. `docs/observing.md` says what is told of and what is not.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// use cloakroom::{EndReason, SessionEvent, SessionStore, Settings};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let logouts = Arc::new(AtomicU64::new(0));
    /// let count = Arc::clone(&logouts);
    /// let store = SessionStore::memory(Settings::new())?.with_observer(move |event| {
    ///     if matches!(event, SessionEvent::Ended { reason: EndReason::Flushed, .. }) {
    ///         count.fetch_add(1, Ordering::Relaxed);
    ///     }
    /// });
    /// let session = store.session(None);
    /// session.asave().await?;
    /// session.aflush().await?;
    /// assert_eq!(logouts.load(Ordering::Relaxed), 1);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_observer(mut self, observer: impl Fn(&SessionEvent<'_>) + Send + Sync + 'static) -> Self {
        self.observers_mut().add(observer);
        self
    }

    /// Never with the state of a session locked: an observer may look into one.
    #[inline]
    pub(super) fn tell(&self, event: &SessionEvent<'_>) {
        observe::told(self.engine().as_str(), event);
        self.observers().tell(event);
    }

    /// Whether anybody looks on. Where nobody does, what every request does goes without a detour.
    #[inline]
    pub(super) fn is_watched(&self) -> bool {
        Watch::is_wanted() || !self.observers().is_empty()
    }

    fn watch(&self, operation: Operation) -> Watch {
        Watch::begin(self.engine().as_str(), operation)
    }

    /// Sees to it that nothing is kept under a key.
    pub(super) async fn end(&self, key: &SessionKey, reason: EndReason) -> Result<(), StorageError> {
        let operation = if reason == EndReason::Deleted { Operation::Delete } else { Operation::Flush };
        let mut watch = self.watch(operation);
        let removed = watch.follow(|| self.bound_engine().remove(key)).await;
        watch.end(Ending::of(&removed, |removed| match removed {
            Remove::Missing => Ending::Missing,
            Remove::Removed | Remove::Changed => Ending::Removed,
        }));
        if removed? == Remove::Removed {
            self.tell(&SessionEvent::Ended { key, reason });
        }
        Ok(())
    }

    pub(super) async fn look_for(&self, key: &SessionKey) -> Result<bool, SessionError> {
        let mut watch = self.watch(Operation::Exists);
        let exists = watch.follow(|| self.bound_engine().exists(key)).await;
        watch.end(Ending::of(&exists, |exists| if *exists { Ending::Found } else { Ending::Nothing }));
        exists
    }
}

impl Shared {
    /// Reads what stands under a key, and tells of it.
    pub(super) async fn find(&self, engine: &StoredEngine, key: &SessionKey) -> Result<(Found, Late), SessionError> {
        let mut watch = self.store.watch(Operation::Load);
        let found = watch.follow(|| engine.find_late(key)).await;
        watch.end(Ending::of(&found, |(found, _)| match found {
            Found::Session { live: true, .. } => Ending::Loaded,
            Found::Session { .. } => Ending::Expired,
            Found::Nothing => Ending::Nothing,
            Found::Unreadable => Ending::Unreadable,
        }));
        match &found {
            Ok((Found::Session { target, live: true, .. }, _)) => {
                self.store.tell(&SessionEvent::Loaded { key: &target.key });
            }
            Ok((Found::Session { data, target, .. }, _)) => {
                let too_old = engine.is_too_old(data);
                let reason = if too_old { EndReason::AbsoluteAge } else { EndReason::Expired };
                self.store.tell(&SessionEvent::Ended { key: &target.key, reason });
            }
            _ => {}
        }
        found
    }

    /// Opens the cookie that is the session. The state is given, so that nobody comes between; what is to become of the
    /// data, `take` says.
    pub(super) fn open_cookie<T>(
        &self,
        mut state: MutexGuard<'_, State>,
        cookies: &SignedCookies,
        take: impl FnOnce(&mut State, SessionData) -> T,
    ) -> T {
        let watch = self.store.watch(Operation::Load);
        let data = watch.within(|| state.read_cookie(cookies));
        let taken = take(&mut state, data);
        let key = state.key.clone();
        drop(state);
        watch.end(if key.is_some() { Ending::Loaded } else { Ending::Nothing });
        if let Some(key) = &key {
            self.store.tell(&SessionEvent::Loaded { key });
        }
        taken
    }

    /// Puts what is held into the text of the cookie. It has no other key, so its text is never told of as changed.
    pub(super) fn sign(&self, cookies: &SignedCookies) -> Result<(), SessionError> {
        let watch = self.store.watch(Operation::Save);
        let is_new = self.state().key.is_none();
        let signed = watch.within(|| self.sign_now(cookies));
        watch.end(Ending::of(&signed, |_| if is_new { Ending::Created } else { Ending::Saved }));
        let key = signed?;
        if is_new {
            self.store.tell(&SessionEvent::Created { key: &key });
        }
        Ok(())
    }

    /// Writes what there is to write.
    pub(super) async fn write_while_io_is_held(self: &Arc<Self>) -> Result<(), SessionError> {
        let engine = match self.store.bound_engine() {
            BoundEngine::Stored(engine) => engine,
            BoundEngine::SignedCookies(cookies) => return self.sign(cookies),
        };
        if self.store.is_watched() {
            return Box::pin(self.write_and_tell(engine)).await;
        }
        self.write(engine, &mut 0).await.map(drop)
    }

    async fn write_and_tell(self: &Arc<Self>, engine: &StoredEngine) -> Result<(), SessionError> {
        let mut watch = self.store.watch(self.next_write());
        let mut merges = 0;
        let written = watch.follow(|| self.write(engine, &mut merges)).await;
        watch.merges(merges);
        watch.end(Ending::of(&written, |ending| *ending));
        if matches!(written, Err(SessionError::UpdateError)) {
            let key = self.state().target.as_ref().map(|target| target.key.clone());
            if let Some(key) = &key {
                self.store.tell(&SessionEvent::Ended { key, reason: EndReason::Interrupted });
            }
        }
        written.map(drop)
    }

    fn next_write(&self) -> Operation {
        let state = self.state();
        match (&state.target, &state.key) {
            (Some(target), Some(key)) if *key != target.key => Operation::ChangeKey,
            _ => Operation::Save,
        }
    }
}
