//! From memory into the storage: compare-and-swap, and our changes laid over another request's.

use std::sync::Arc;

use crate::data::Changes;
use crate::engine::{Forward, Found, HOPS, Late, Outcome, StoredEngine, Target};
use crate::error::SessionError;
use crate::key::SessionKey;
use crate::observe::Ending;
use crate::session::plan::{ChangeOfKey, Plan};
use crate::session::state::{Shared, State};
use crate::session::turns::Turn;
use crate::storage::StorageError;

/// So many requests may save the same session before ours gives up. Each try that fails is one that another
/// request won.
const TRIES: usize = 1_000;
/// So many new keys in a row may be taken.
const KEYS: usize = 100;

impl Shared {
    /// Saves the session now (B-76 to B-82).
    pub(super) async fn save(self: &Arc<Self>, must_create: bool) -> Result<(), SessionError> {
        self.store.bound_engine().check_writable()?;
        let _io = self.io.lock().await;
        if let Some(cookies) = self.cookies() {
            self.check_unanswered()?;
            self.load_while_io_is_held().await?;
            self.state().accessed = true;
            return self.sign(cookies);
        }
        let claimed_key = {
            let state = self.state();
            state.data.is_none() && (state.key.is_some() || state.foreign)
        };
        self.load_while_io_is_held().await?;
        self.remove_doomed_while_io_is_held().await?;
        {
            let mut state = self.state();
            state.accessed = true;
            if state.late == Late::Closed {
                return Err(SessionError::UpdateError);
            }
            if must_create && state.target.is_some() {
                return Err(SessionError::CreateError);
            }
            // A key under which nothing lives is dropped, and a key the client made up is never used (B-81).
            if claimed_key && state.key.is_none() && !must_create {
                return Err(SessionError::UpdateError);
            }
        }
        self.write_while_io_is_held().await
    }

    /// Stores the session under a new key at once; what is stored under the old one stays (B-36, B-37). A session in a
    /// cookie is only marked as modified (B-124).
    pub(super) async fn create(self: &Arc<Self>) -> Result<(), SessionError> {
        self.store.bound_engine().check_writable()?;
        if self.cookies().is_some() {
            self.check_unanswered()?;
            self.state().set_modified(true);
            return Ok(());
        }
        let _io = self.io.lock().await;
        {
            let mut state = self.state();
            state.forget_key();
            state.write();
        }
        self.write_while_io_is_held().await
    }

    /// Gives the session a new key at once and its data with it; the old key is dead from then on (B-38). A session in a
    /// cookie is saved, and the old cookie still opens it (B-125).
    pub(super) async fn cycle_key_now(self: &Arc<Self>) -> Result<(), SessionError> {
        if self.cookies().is_some() {
            return self.save(false).await;
        }
        self.store.bound_engine().check_writable()?;
        let _io = self.io.lock().await;
        self.load_while_io_is_held().await?;
        self.remove_doomed_while_io_is_held().await?;
        let before = self.state().key.clone();
        let recorded = self.record_new_key();
        let written = self.write_while_io_is_held().await;
        let mut state = self.state();
        match &written {
            Ok(()) => state.cycled = true,
            // Unless it was flushed in the meantime.
            Err(_) if state.key.as_ref() == Some(&recorded) => state.key = before,
            Err(_) => {}
        }
        written
    }

    /// The session gets a new key when it is saved, and shows it from now on (D18); a session in a cookie is signed
    /// anew then.
    pub(super) fn record_change_of_key(&self) {
        if self.cookies().is_some() {
            self.state().write();
        } else {
            self.record_new_key();
        }
    }

    fn record_new_key(&self) -> SessionKey {
        let key = self.store.next_key();
        let mut state = self.state();
        state.write();
        state.key = Some(key.clone());
        key
    }

    /// Writes what there is to write, and says what that was. `merges` counts how often it was overtaken.
    pub(super) async fn write(
        self: &Arc<Self>,
        engine: &StoredEngine,
        merges: &mut u32,
    ) -> Result<Ending, SessionError> {
        let mut keys = 0;
        let mut turn = self.turn_in_queue(engine).await.map(Box::new);
        if turn.as_ref().is_some_and(|turn| turn.waited) {
            // Another one has saved since.
            *merges += 1;
            self.merge_with_stored(engine).await.inspect_err(|error| break_up(turn.as_deref(), error))?;
        }
        for _ in 0..TRIES {
            // In a block: what is waited for after it does not carry all this about.
            {
                let (plan, unsettled) = self.plan(engine)?;
                let ending = plan.ending();
                let outcome = if plan.takes_steps(engine) {
                    Box::pin(plan.carry_out(engine, &self.store)).await
                } else {
                    plan.perform(engine, &self.store).await
                };
                match outcome {
                    Err(error) => {
                        let error = error.into();
                        break_up(turn.as_deref(), &error);
                        return Err(error);
                    }
                    Ok(Outcome::Written(target)) => {
                        unsettled.settle(target, ending == Ending::Prolonged);
                        return Ok(ending);
                    }
                    Ok(Outcome::KeyTaken) => {
                        keys += 1;
                        if keys >= KEYS {
                            return Err(SessionError::NoFreeKey);
                        }
                        drop(unsettled);
                        let key = self.store.next_key();
                        self.state().key = Some(key);
                        continue;
                    }
                    Ok(Outcome::Missing) => return Err(SessionError::UpdateError),
                    Ok(Outcome::Changed) => drop(unsettled),
                }
            }
            *merges += 1;
            if turn.is_none() {
                turn = self.turn(engine).await.map(Box::new);
            }
            self.merge_with_stored(engine).await.inspect_err(|error| break_up(turn.as_deref(), error))?;
        }
        Err(StorageError::not_done("other requests kept changing the session").into())
    }

    /// A turn among those that save the same stored session, if they go one after another by now.
    async fn turn_in_queue(&self, engine: &StoredEngine) -> Option<Turn<'_>> {
        let is_queue = {
            let state = self.state();
            state.target.as_ref().is_some_and(|target| self.store.turns().is_queue_for(&target.key))
        };
        if is_queue { self.turn(engine).await } else { None }
    }

    async fn turn(&self, engine: &StoredEngine) -> Option<Turn<'_>> {
        if engine.capabilities().at_once {
            return None;
        }
        let key = self.state().target.as_ref().map(|target| target.key.clone())?;
        Some(self.store.turns().take(&key).await)
    }

    /// What there is to write now. The changes in it count as saved, until the plan is found to have failed.
    fn plan(self: &Arc<Self>, engine: &StoredEngine) -> Result<(Plan, Unsettled), SessionError> {
        let now = self.store.clock().now();
        let policy = self.store.policy();
        let mut guard = self.state();
        let state = &mut *guard;
        state.keep_start(policy, now);
        let expires = state.life(policy)?.date(policy, now)?;
        let data = state.data.get_or_insert_default();
        state.login_changed |= policy.cycle_key_grace.is_some() && data.login_is_changed();
        let content = |data: &_| engine.content(data, now, expires);
        let plan = match (&state.target, &state.key) {
            (None, key) => {
                let key = key.clone().unwrap_or_else(|| self.store.next_key());
                Plan::Create { key, content: content(data)? }
            }
            (Some(target), Some(key)) if *key != target.key => {
                // Whoever knew the key before a login must not come in with the one who logged in.
                let next = Some(key).filter(|_| !state.login_changed);
                let forward = policy.cycle_key_grace.map(|grace| engine.forward(next, now, grace)).transpose()?;
                let (target, to) = (target.clone(), key.clone());
                Plan::ChangeKey(Box::new(ChangeOfKey { target, to, content: content(data)?, forward }))
            }
            (Some(target), _) if data.is_changed() || target.outdated || engine.capabilities().costly_touch => {
                Plan::Update { target: target.clone(), content: content(data)? }
            }
            (Some(target), _) => {
                let prolonged = engine.prolonged(data, target, expires)?;
                Plan::Prolong { target: target.clone(), prolonged }
            }
        };
        let unsettled = Unsettled {
            shared: Arc::clone(self),
            changes: Some(data.take_changes()),
            unsaved: std::mem::take(&mut state.unsaved),
            flushes: state.flushes,
        };
        Ok((plan, unsettled))
    }

    /// Another request saved in between: our changes are made to what it left, name by name.
    async fn merge_with_stored(&self, engine: &StoredEngine) -> Result<(), SessionError> {
        let Some(key) = self.state().target.as_ref().map(|target| target.key.clone()) else { return Ok(()) };
        let (mut at, mut hops) = (key.clone(), 0);
        let (fresh, mut target) = loop {
            // Whether it has expired by now does not matter: it was live when it was loaded.
            match engine.find_kept(&at).await? {
                Found::Session { data, target, .. } => match Forward::of(&data) {
                    None => break (data, target),
                    // Another request changed its key.
                    Some(Forward::To(next)) if hops < HOPS => (at, hops) = (next, hops + 1),
                    Some(_) => return Err(SessionError::UpdateError),
                },
                Found::Nothing => return Err(SessionError::UpdateError),
                // Another program put it there since the load. It is not overwritten.
                Found::Unreadable => return Err(StorageError::Damaged("no known key verifies it").into()),
            }
        };
        let mut guard = self.state();
        let state = &mut *guard;
        if let Some(known) = state.target.as_ref().filter(|known| known.key == key) {
            if target.key == key {
                target.cached.clone_from(&known.cached);
            } else {
                state.late = Late::Served;
                // Unless it changes its key as well.
                if state.key.as_ref() == Some(&key) {
                    state.key = Some(target.key.clone());
                }
            }
            state.data = Some(state.data.take().unwrap_or_default().rebased_on(fresh));
            state.target = Some(target);
        }
        Ok(())
    }
}

/// A storage that does not answer is asked by each for itself: nobody waits for the time-outs of others.
fn break_up(turn: Option<&Turn<'_>>, error: &SessionError) {
    if let (Some(turn), SessionError::Storage(_)) = (turn, error) {
        turn.break_up();
    }
}

/// Changes that are on their way to the storage. Unless they arrive, they are changes again, also when the
/// future that waits for it is dropped.
struct Unsettled {
    shared: Arc<Shared>,
    changes: Option<Changes>,
    unsaved: bool,
    flushes: u32,
}

impl Unsettled {
    fn settle(mut self, target: Target, touched: bool) {
        self.changes = None;
        let mut guard = self.shared.state();
        let state: &mut State = &mut guard;
        if state.flushes != self.flushes {
            // Flushed while this save was under way: what it wrote must go as well.
            if !touched {
                state.doomed.push(target.key);
            }
            return;
        }
        if state.target.as_ref().is_none_or(|known| known.key != target.key) {
            // Under a key of its own, which the browser has to hear of.
            state.late = Late::No;
        }
        state.key = Some(target.key.clone());
        state.target = Some(target);
        state.unreadable = false;
        state.saved = true;
    }
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        let Some(changes) = self.changes.take() else { return };
        let mut state = self.shared.state();
        if state.flushes == self.flushes {
            state.unsaved |= self.unsaved;
            state.data.get_or_insert_default().restore_changes(&changes);
        }
    }
}
