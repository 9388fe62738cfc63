//! What a save does to the storage, and to the cache in front of it.

use std::time::Instant;

use crate::engine::content::{Content, Prolonged};
use crate::engine::front::Front;
use crate::engine::read_back::SOON;
use crate::engine::{StoredEngine, Target, cached_value};
use crate::key::SessionKey;
use crate::storage::{Insert, New, Remove, Rename, Replace, StorageError, Touch, Version};

/// What came of a write.
pub(crate) enum Outcome {
    Written(Target),
    KeyTaken,
    /// Or it is not known what the session that was loaded is a copy of.
    Changed,
    Missing,
}

impl StoredEngine {
    /// Whether a write of this kind takes more than one step, and must run to its end when nobody waits for it any more.
    pub(crate) fn takes_steps(&self, renames: bool) -> bool {
        let one_step = self.capabilities().atomic_rename && self.terms.policy.cycle_key_grace.is_none();
        self.front.is_some() || (renames && !one_step)
    }

    pub(crate) async fn create(&self, key: &SessionKey, content: &Content) -> Result<Outcome, StorageError> {
        Ok(match self.insert(key, content.as_new()).await? {
            Insert::Inserted(version) => self.written(key, version, Known::New, content).await,
            Insert::Exists => Outcome::KeyTaken,
        })
    }

    pub(crate) async fn update(&self, known: &Target, content: &Content) -> Result<Outcome, StorageError> {
        let Some(version) = &known.version else { return Ok(Outcome::Changed) };
        let version = match self.replace(&known.key, version, content.as_new()).await {
            Ok(Replace::Replaced(version)) => version,
            Ok(Replace::Missing) => return Ok(Box::pin(self.gone(&known.key)).await),
            Ok(Replace::Changed) => return Ok(Outcome::Changed),
            Err(error) => {
                if matches!(error, StorageError::OutcomeUnknown(_)) {
                    // The row may be a newer one by now.
                    Box::pin(self.drop_copy(&known.key)).await;
                }
                return Err(error);
            }
        };
        Ok(self.written(&known.key, version, Known::Seen(known.cached.as_deref()), content).await)
    }

    pub(crate) async fn prolong(&self, known: &Target, prolonged: &Prolonged) -> Result<Outcome, StorageError> {
        let Some(version) = &known.version else { return Ok(Outcome::Changed) };
        Ok(match self.touch(&known.key, version, prolonged.expires).await? {
            Touch::Touched => {
                let mut known = known.clone();
                if let Some(front) = &self.front
                    && let Some(seen) = &known.cached
                    && let Some(name) = known.key.as_name()
                {
                    let copy = prolonged.cached.as_ref().map(|copy| New::of(copy, prolonged.expires));
                    let name = Front::name(name);
                    let cached = Box::pin(front.prolong(&known.key, &name, seen, copy, prolonged.expires)).await;
                    known.cached = cached.map(Box::new);
                }
                Outcome::Written(known)
            }
            Touch::Missing => self.gone(&known.key).await,
            Touch::Changed => Outcome::Changed,
        })
    }

    /// The old key must be dead when this is done, also in the cache: if that cannot be had, nothing is done. For the
    /// grace time `forward` stands there.
    pub(crate) async fn change_key(
        &self,
        known: &Target,
        to: &SessionKey,
        content: &Content,
        forward: Option<&Content>,
    ) -> Result<Outcome, StorageError> {
        let Some(version) = &known.version else { return Ok(Outcome::Changed) };
        self.terms.check_writable()?;
        let buried = self.bury(&known.key).await?;
        let renamed = self.rename(&known.key, version, to, content.as_new()).await?;
        self.bury_again_if_late(&known.key, buried).await?;
        Ok(match renamed {
            Rename::Renamed(version) => {
                if let Some(forward) = forward {
                    self.leave(&known.key, forward).await;
                }
                self.written(to, version, Known::New, content).await
            }
            Rename::Exists => Outcome::KeyTaken,
            Rename::Missing => Outcome::Missing,
            Rename::Changed => Outcome::Changed,
        })
    }

    /// The key has changed; without what is to be left there, late requests find nothing.
    async fn leave(&self, key: &SessionKey, forward: &Content) {
        if let Err(error) = self.insert(key, forward.as_new()).await {
            tracing::warn!(key = %key.short_hash(), %error, "an old key is not served for its grace time");
        }
    }

    /// Ends a session: sees to it that nothing stands under its key, nor, within the grace time after a change of key,
    /// under those it has had since. Answers what became of it.
    pub(crate) async fn end(&self, key: &SessionKey) -> Result<Remove, StorageError> {
        self.terms.check_writable()?;
        let later = match self.terms.policy.cycle_key_grace {
            Some(_) => self.later_keys(key).await?,
            None => Vec::new(),
        };
        let mut ended = Remove::Missing;
        for key in later.iter().rev().chain([key]) {
            match self.clear_away(key).await? {
                Remove::Missing => {}
                removed => ended = removed,
            }
        }
        Ok(ended)
    }

    /// Sees to it that nothing stands under a key. The row goes even if the cache does not answer; that is an error
    /// all the same, for the cache may still serve the session (D9). Answers what became of the row.
    async fn clear_away(&self, key: &SessionKey) -> Result<Remove, StorageError> {
        let began = Instant::now();
        let buried = self.bury(key).await;
        let refused_soon = began.elapsed() < SOON;
        let removed = self.remove(key).await?;
        match buried {
            // A cache without room for a marker can still remove. Now that the row has gone this does as well: whoever
            // looks for it from now on finds none, and the leases of those who have read it go with the copy.
            Err(error @ StorageError::NotDone(_)) if refused_soon => self.clear(key).await.map_err(|_| error)?,
            buried => self.bury_again_if_late(key, buried?).await?,
        }
        Ok(removed)
    }

    /// A session as it was just written, with its copy in the cache where there is one.
    async fn written(&self, key: &SessionKey, version: Version, known: Known<'_>, content: &Content) -> Outcome {
        let target = Target { key: key.clone(), version: Some(version), cached: None, outdated: false };
        Outcome::Written(match &self.front {
            Some(front) => Box::pin(copied(front, target, known, content)).await,
            None => target,
        })
    }

    /// The row is not there any more: neither may a copy be (D9).
    async fn gone(&self, key: &SessionKey) -> Outcome {
        self.drop_copy(key).await;
        Outcome::Missing
    }

    async fn drop_copy(&self, key: &SessionKey) {
        if let Err(error) = self.clear(key).await {
            tracing::error!(key = %key.short_hash(), %error, "the cache may still hold an old copy of a session");
        }
    }

    async fn clear(&self, key: &SessionKey) -> Result<(), StorageError> {
        match (&self.front, key.as_name()) {
            (Some(front), Some(name)) => Box::pin(front.clear(&Front::name(name))).await,
            _ => Ok(()),
        }
    }

    async fn bury(&self, key: &SessionKey) -> Result<Option<Instant>, StorageError> {
        match (&self.front, key.as_name()) {
            (Some(front), Some(name)) => Box::pin(front.bury(&Front::name(name), &self.terms.clock)).await.map(Some),
            _ => Ok(None),
        }
    }

    async fn bury_again_if_late(&self, key: &SessionKey, buried: Option<Instant>) -> Result<(), StorageError> {
        match (&self.front, key.as_name(), buried) {
            (Some(front), Some(name), Some(buried)) => {
                Box::pin(front.bury_again_if_late(&Front::name(name), &self.terms.clock, buried)).await
            }
            _ => Ok(()),
        }
    }
}

/// What is known of the copy in the cache before a write.
enum Known<'v> {
    /// The key is new: there is none.
    New,
    /// The one that was seen, if any.
    Seen(Option<&'v Version>),
}

async fn copied(front: &Front, mut written: Target, known: Known<'_>, content: &Content) -> Target {
    if let Some((serialized, expires)) = content.to_copy()
        && let Some(name) = written.key.as_name()
    {
        let copy = cached_value::seal(front.format, serialized, written.version.as_ref());
        let (name, copy) = (Front::name(name), New::of(&copy, expires));
        let cached = match known {
            Known::New => front.put_new(&written.key, &name, copy).await,
            Known::Seen(seen) => front.put(&written.key, &name, seen, copy).await,
        };
        written.cached = cached.map(Box::new);
    }
    written
}
