//! What a save does to the storage, and to the cache in front of it.

use std::time::Instant;

use crate::engine::content::{Content, Prolonged};
use crate::engine::front::Front;
use crate::engine::{StoredEngine, Target, cached_value};
use crate::key::SessionKey;
use crate::storage::{Insert, New, Rename, Replace, StorageError, Touch, Version};

/// What came of a write.
pub(crate) enum Outcome {
    Written(Target),
    KeyTaken,
    Changed,
    Missing,
}

impl StoredEngine {
    /// Whether a write of this kind takes more than one step, and must run to its end when nobody waits for it any more.
    pub(crate) fn takes_steps(&self, renames: bool) -> bool {
        self.front.is_some() || (renames && !self.capabilities().atomic_rename)
    }

    pub(crate) async fn create(&self, key: SessionKey, content: &Content) -> Result<Outcome, StorageError> {
        let began = Instant::now();
        Ok(match self.insert(&key, content.as_new()).await? {
            Insert::Inserted(version) => Outcome::Written(self.copied(key, version, None, content, began).await),
            Insert::Exists => Outcome::KeyTaken,
        })
    }

    pub(crate) async fn update(&self, target: Target, content: &Content) -> Result<Outcome, StorageError> {
        let Some(version) = &target.version else { return Ok(Outcome::Changed) };
        let began = Instant::now();
        Ok(match self.replace(&target.key, version, content.as_new()).await? {
            Replace::Replaced(version) => {
                Outcome::Written(self.copied(target.key, version, target.cached.as_ref(), content, began).await)
            }
            Replace::Missing => self.gone(&target.key).await,
            Replace::Changed => Outcome::Changed,
        })
    }

    pub(crate) async fn prolong(&self, target: Target, prolonged: &Prolonged) -> Result<Outcome, StorageError> {
        let Some(version) = &target.version else { return Ok(Outcome::Changed) };
        Ok(match self.touch(&target.key, version, prolonged.expires).await? {
            Touch::Touched => {
                let cached = match (&self.front, &target.cached, target.key.as_name()) {
                    (Some(front), Some(seen), Some(name)) => {
                        let copy = prolonged.cached.as_ref().map(|copy| New::of(copy, prolonged.expires));
                        front.prolong(&target.key, &Front::name(name), seen, copy, prolonged.expires).await
                    }
                    _ => None,
                };
                Outcome::Written(Target { cached, ..target })
            }
            Touch::Missing => self.gone(&target.key).await,
            Touch::Changed => Outcome::Changed,
        })
    }

    /// The old key must be dead when this is done, also in the cache: if that cannot be had, nothing is done.
    pub(crate) async fn change_key(
        &self,
        target: Target,
        to: SessionKey,
        content: &Content,
    ) -> Result<Outcome, StorageError> {
        let Some(version) = &target.version else { return Ok(Outcome::Changed) };
        self.terms.check_writable()?;
        let buried = self.bury(&target.key).await?;
        let began = Instant::now();
        let renamed = self.rename(&target.key, version, &to, content.as_new()).await?;
        self.bury_again_if_late(&target.key, buried).await?;
        Ok(match renamed {
            Rename::Renamed(version) => Outcome::Written(self.copied(to, version, None, content, began).await),
            Rename::Exists => Outcome::KeyTaken,
            Rename::Missing => Outcome::Missing,
            Rename::Changed => Outcome::Changed,
        })
    }

    /// Sees to it that nothing stands under a key. The row goes even if the cache does not answer; that is an error
    /// all the same, for the cache may still serve the session (D9).
    pub(crate) async fn end(&self, key: &SessionKey) -> Result<(), StorageError> {
        self.terms.check_writable()?;
        let buried = self.bury(key).await;
        self.remove(key).await?;
        self.bury_again_if_late(key, buried?).await
    }

    /// After a write: the copy in the cache, where there is one.
    async fn copied(
        &self,
        key: SessionKey,
        version: Version,
        seen: Option<&Version>,
        content: &Content,
        began: Instant,
    ) -> Target {
        let cached = match (&self.front, content.to_copy(), key.as_name()) {
            (Some(front), Some((serialized, expires)), Some(name)) => {
                let copy = cached_value::seal(front.format, serialized, Some(&version));
                front.put(&key, &Front::name(name), seen, New::of(&copy, expires), began).await
            }
            _ => None,
        };
        Target { key, version: Some(version), cached, outdated: false }
    }

    /// The row is not there any more: neither may a copy be (D9).
    async fn gone(&self, key: &SessionKey) -> Outcome {
        if let (Some(front), Some(name)) = (&self.front, key.as_name())
            && let Err(error) = front.clear(&Front::name(name)).await
        {
            tracing::error!(key = %key.short_hash(), %error, "the cache may still hold a session that has ended");
        }
        Outcome::Missing
    }

    async fn bury(&self, key: &SessionKey) -> Result<Option<Instant>, StorageError> {
        match (&self.front, key.as_name()) {
            (Some(front), Some(name)) => front.bury(&Front::name(name), &self.terms.clock).await.map(Some),
            _ => Ok(None),
        }
    }

    async fn bury_again_if_late(&self, key: &SessionKey, buried: Option<Instant>) -> Result<(), StorageError> {
        match (&self.front, key.as_name(), buried) {
            (Some(front), Some(name), Some(buried)) => {
                front.bury_again_if_late(&Front::name(name), &self.terms.clock, buried).await
            }
            _ => Ok(()),
        }
    }
}
