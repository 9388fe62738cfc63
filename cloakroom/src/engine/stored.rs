//! An engine that keeps sessions in a storage, under their keys.

use std::borrow::Cow;
use std::sync::Arc;

use crate::Timestamp;
use crate::data::SessionData;
use crate::engine::Columns;
use crate::engine::bound::Terms;
use crate::engine::format::Decoded;
use crate::engine::front::{Front, Seen};
use crate::error::SessionError;
use crate::key::SessionKey;
use crate::settings::EngineName;
use crate::storage::{Capabilities, DynStorage, StorageError, Stored, Version};
use crate::time::Clock;
use crate::wire::json::JsonError;
use crate::wire::stored::DecodeError;

/// What Django's `cache` engine puts before the session key (B-97).
pub(super) const CACHE_PREFIX: &str = "django.contrib.sessions.cache";

#[derive(Clone)]
pub(crate) struct StoredEngine {
    pub(super) storage: Arc<dyn DynStorage>,
    pub(super) terms: Terms,
    pub(super) columns: Option<Columns>,
    /// The cache in front of the database, in `cached_db`.
    pub(super) front: Option<Front>,
}

/// What stands under a key.
#[expect(
    clippy::large_enum_variant,
    reason = "made once a load and taken apart at once; a box would cost an allocation"
)]
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// A session, live or expired, and when it ends as it is stored, where that is known.
    Session { data: SessionData, target: Target, live: bool, ends: Option<Timestamp> },
    /// Something no known key verifies, or that is damaged: it is never overwritten (D14).
    Unreadable,
}

/// A stored session as it was last seen: what a save compares with.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) key: SessionKey,
    /// `None` for a session out of a cache that does not say which row it is a copy of: Django wrote it there.
    pub(crate) version: Option<Version>,
    /// Its copy in the cache in front of the database, where there is one.
    pub(crate) cached: Option<Box<Version>>,
    /// Signed with a fallback key: to be signed anew at the next occasion.
    pub(crate) outdated: bool,
}

impl StoredEngine {
    /// The moments that the storages keep follow the same clock.
    pub(super) fn set_clock(&mut self, clock: Clock) {
        if let Some(storage) = self.storage.by_clock(&clock) {
            self.storage = storage;
        }
        if let Some(front) = &mut self.front
            && let Some(storage) = front.storage.by_clock(&clock)
        {
            front.storage = storage;
        }
        self.terms.clock = clock;
    }

    pub(crate) fn capabilities(&self) -> Capabilities {
        self.storage.capabilities()
    }

    /// What the storage calls the session of a key. It is asked for names only, never for the text of a signed cookie.
    pub(crate) fn name_of<'k>(&self, key: &'k SessionKey) -> Result<Cow<'k, str>, StorageError> {
        match (key.as_name(), self.terms.name) {
            (Some(name), EngineName::Cache) => Ok([CACHE_PREFIX, name].concat().into()),
            (Some(name), _) => Ok(name.into()),
            (None, _) => Err(StorageError::not_done("the text of a signed cookie is no name for a stored session")),
        }
    }

    /// Reads what stands under a key, in the cache first where there is one in front.
    pub(crate) async fn find(&self, key: &SessionKey) -> Result<Found, SessionError> {
        if let Some(front) = &self.front
            && let Some(name) = key.as_name()
        {
            // On the heap, so that those without a cache in front do not carry its steps about.
            return Box::pin(self.find_behind(front, key, Front::name(name))).await;
        }
        self.find_kept(key).await
    }

    async fn find_behind(&self, front: &Front, key: &SessionKey, name: String) -> Result<Found, SessionError> {
        let room = match front.look(key, &name, &self.terms.clock).await {
            Seen::Copy { data, cached, row } => {
                let target = Target { key: key.clone(), version: row, cached: Some(cached.into()), outdated: false };
                // The cache ends its entries by the idle time; of the absolute one it knows nothing.
                let live = !self.is_too_old(&data);
                return Ok(Found::Session { data, target, live, ends: None });
            }
            Seen::Room(version) => Some(version),
            Seen::Other => None,
        };
        let Some(stored) = self.read_kept(key).await? else { return Ok(Found::Nothing) };
        let mut found = self.judge(key, &stored)?;
        if let (Found::Session { data, target, live: true, .. }, Some(room)) = (&mut found, room) {
            target.cached = front.refill(key, &name, data, &stored, &room).await.map(Box::new);
        }
        Ok(found)
    }

    /// Reads what the storage itself keeps under a key: what a save is compared with and laid over.
    pub(crate) async fn find_kept(&self, key: &SessionKey) -> Result<Found, SessionError> {
        match self.read_kept(key).await {
            Ok(Some(stored)) => self.judge(key, &stored),
            Ok(None) => Ok(Found::Nothing),
            // Anything at all may stand in a cache.
            Err(error @ StorageError::Damaged(_)) if self.terms.name == EngineName::Cache => {
                tracing::error!(key = %key.short_hash(), %error, "what the cache holds for a session is left as it is");
                Ok(Found::Unreadable)
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn read_kept(&self, key: &SessionKey) -> Result<Option<Stored>, StorageError> {
        if !key.is_name() {
            return Ok(None);
        }
        self.storage.read(&self.name_of(key)?).await
    }

    fn judge(&self, key: &SessionKey, stored: &Stored) -> Result<Found, SessionError> {
        match self.terms.format.decode(&stored.data) {
            Ok(Some(Decoded { data, secret, .. })) => {
                let live = self.is_live(stored, &data)?;
                // For those who want to know whether a save would prolong it.
                let ends = self.terms.policy.touch_threshold.and_then(|_| self.end_of(stored, &data));
                let version = Some(stored.version);
                let target = Target { key: key.clone(), version, cached: None, outdated: secret > 0 };
                Ok(Found::Session { data, target, live, ends })
            }
            Ok(None) => Ok(Found::Nothing),
            Err(DecodeError::Json(source)) if matches!(source, JsonError::NotAnObject(_)) => {
                Err(SessionError::NotAnObject(source))
            }
            Err(error) => {
                let problem = if self.terms.name == EngineName::Cache {
                    "does the site keep something else than data in its sessions?"
                } else {
                    "it cannot be verified; are SECRET_KEY (or SESSION_SIGNING_KEY) and SESSION_SALT those it was signed with?"
                };
                tracing::error!(
                    engine = %self.terms.name,
                    key = %key.short_hash(),
                    %error,
                    "a stored session cannot be read and is left as it is: {problem}"
                );
                Ok(Found::Unreadable)
            }
        }
    }

    /// Whether something is kept under a key. Of `cached_db` the database says so (D9).
    pub(crate) async fn exists(&self, key: &SessionKey) -> Result<bool, SessionError> {
        let kept = match self.read_kept(key).await {
            // Something is there, though nobody can read it.
            Err(StorageError::Damaged(_)) => return Ok(true),
            kept => kept?,
        };
        match kept {
            Some(stored) if self.terms.name == EngineName::Cache => {
                Ok(!matches!(self.terms.format.decode(&stored.data), Ok(None)))
            }
            stored => Ok(stored.is_some()),
        }
    }
}
