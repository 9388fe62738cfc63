//! One write to the storage, from what is held to what became of it.

use tracing::Instrument;

use crate::engine::{Content, Outcome, Prolonged, StoredEngine, Target};
use crate::key::SessionKey;
use crate::observe::{Ending, SessionEvent};
use crate::round_trips;
use crate::session::store::SessionStore;
use crate::storage::StorageError;

/// One write, ready to go.
pub(super) enum Plan {
    Create { key: SessionKey, content: Content },
    Update { target: Target, content: Content },
    Prolong { target: Target, prolonged: Prolonged },
    ChangeKey(Box<ChangeOfKey>),
}

/// In a box, since every other plan would carry its room about.
pub(super) struct ChangeOfKey {
    pub(super) target: Target,
    pub(super) to: SessionKey,
    pub(super) content: Content,
    /// What is left under the old key for the grace time.
    pub(super) forward: Option<Content>,
}

impl Plan {
    /// What it is when it is done.
    pub(super) fn ending(&self) -> Ending {
        match self {
            Self::Create { .. } => Ending::Created,
            Self::Update { .. } => Ending::Saved,
            Self::Prolong { .. } => Ending::Prolonged,
            Self::ChangeKey(_) => Ending::ChangedKey,
        }
    }

    /// Whether a dropped request could leave it half done.
    pub(super) fn takes_steps(&self, engine: &StoredEngine) -> bool {
        engine.takes_steps(matches!(self, Self::ChangeKey(_)))
    }

    /// Carries it out to its end, also when nobody waits for it any more.
    pub(super) async fn carry_out(self, engine: &StoredEngine, store: &SessionStore) -> Result<Outcome, StorageError> {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return self.perform(engine, store).await };
        let (engine, store) = (engine.clone(), store.clone());
        let work = async move {
            let mut asked = 0;
            (round_trips::counted(&mut asked, self.perform(&engine, &store)).await, asked)
        };
        let (outcome, asked) = runtime.spawn(work.in_current_span()).await.map_err(StorageError::outcome_unknown)?;
        round_trips::add(asked);
        outcome
    }

    /// Here rather than where somebody waits for it, what happened is told of: it happens all the same.
    pub(super) async fn perform(&self, engine: &StoredEngine, store: &SessionStore) -> Result<Outcome, StorageError> {
        match self {
            Self::Create { key, content } => {
                let created = engine.create(key, content).await;
                if let Ok(Outcome::Written(Target { key, .. })) = &created {
                    store.tell(&SessionEvent::Created { key });
                }
                created
            }
            Self::Update { target, content } => engine.update(target, content).await,
            Self::Prolong { target, prolonged } => engine.prolong(target, prolonged).await,
            Self::ChangeKey(change) => Box::pin(change.perform(engine, store)).await,
        }
    }
}

impl ChangeOfKey {
    async fn perform(&self, engine: &StoredEngine, store: &SessionStore) -> Result<Outcome, StorageError> {
        let changed = engine.change_key(&self.target, &self.to, &self.content, self.forward.as_ref()).await;
        if let Ok(Outcome::Written(Target { key: to, .. })) = &changed {
            store.tell(&SessionEvent::KeyChanged { from: &self.target.key, to });
        }
        changed
    }
}
