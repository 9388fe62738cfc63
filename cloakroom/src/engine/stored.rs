//! An engine that keeps sessions in a storage, under their keys.

use std::sync::Arc;

use crate::Timestamp;
use crate::data::SessionData;
use crate::engine::Columns;
use crate::engine::bound::Terms;
use crate::engine::read_back::settled;
use crate::error::SessionError;
use crate::key::SessionKey;
use crate::storage::{
    Capabilities, Column, DynStorage, Expect, Insert, New, Remove, Rename, Replace, StorageError, Touch, Version,
};
use crate::time::Clock;
use crate::wire::json::JsonError;
use crate::wire::stored::DecodeError;

#[derive(Clone)]
pub(crate) struct StoredEngine {
    pub(super) storage: Arc<dyn DynStorage>,
    pub(super) terms: Terms,
    pub(super) columns: Option<Columns>,
}

/// What stands under a key.
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// A session, live or expired.
    Session { data: SessionData, target: Target, live: bool },
    /// Something no known key verifies, or that is damaged: it is never overwritten (D14).
    Unreadable,
}

/// A stored session as it was last seen: what a save compares with.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) key: SessionKey,
    pub(crate) version: Version,
    /// Signed with a fallback key: to be signed anew at the next occasion.
    pub(crate) outdated: bool,
}

impl StoredEngine {
    /// The moments that the storage keeps follow the same clock.
    pub(super) fn set_clock(&mut self, clock: Clock) {
        if let Some(storage) = self.storage.by_clock(&clock) {
            self.storage = storage;
        }
        self.terms.clock = clock;
    }

    pub(crate) fn capabilities(&self) -> Capabilities {
        self.storage.capabilities()
    }

    pub(crate) fn encode(&self, data: &SessionData, now: Timestamp) -> Result<Vec<u8>, SessionError> {
        self.terms.format.encode(data, now)
    }

    /// What goes into the columns of the application's own.
    pub(crate) fn columns(&self, data: &SessionData) -> Vec<Column> {
        self.columns.as_ref().map(|columns| columns(data)).unwrap_or_default()
    }

    /// Reads what stands under a key.
    pub(crate) async fn find(&self, key: &SessionKey) -> Result<Found, SessionError> {
        let Some(name) = key.as_name() else { return Ok(Found::Nothing) };
        let Some(stored) = self.storage.read(name).await? else { return Ok(Found::Nothing) };
        match self.terms.format.decode(&stored.data) {
            Ok(decoded) => {
                let live = self.is_live(&stored, &decoded.data)?;
                let target = Target { key: key.clone(), version: stored.version, outdated: decoded.outdated };
                Ok(Found::Session { data: decoded.data, target, live })
            }
            Err(DecodeError::Json(source)) if matches!(source, JsonError::NotAnObject(_)) => {
                Err(SessionError::NotAnObject(source))
            }
            Err(error) => {
                tracing::error!(
                    engine = %self.terms.name,
                    key = %key.short_hash(),
                    %error,
                    "a stored session cannot be verified and is left as it is; are SECRET_KEY (or SESSION_SIGNING_KEY) and SESSION_SALT those it was signed with?"
                );
                Ok(Found::Unreadable)
            }
        }
    }

    pub(crate) async fn exists(&self, key: &SessionKey) -> Result<bool, SessionError> {
        let Some(name) = key.as_name() else { return Ok(false) };
        Ok(self.storage.read(name).await?.is_some())
    }

    pub(crate) async fn insert(&self, key: &SessionKey, new: New<'_>) -> Result<Insert, StorageError> {
        self.terms.check_writable()?;
        let name = name_of(key)?;
        let write = || self.storage.insert(name, new);
        settled(write, |source| self.inserted(key, new, source)).await
    }

    pub(crate) async fn replace(&self, target: &Target, new: New<'_>) -> Result<Replace, StorageError> {
        self.terms.check_writable()?;
        let name = name_of(&target.key)?;
        let write = || self.storage.replace(name, Expect::Version(&target.version), new);
        settled(write, |source| self.replaced(target, new, source)).await
    }

    pub(crate) async fn touch(&self, target: &Target, until: Timestamp) -> Result<Touch, StorageError> {
        self.terms.check_writable()?;
        let name = name_of(&target.key)?;
        let write = || self.storage.touch(name, Expect::Version(&target.version), until);
        settled(write, |source| self.touched(target, until, source)).await
    }

    pub(crate) async fn rename(&self, target: &Target, to: &SessionKey, new: New<'_>) -> Result<Rename, StorageError> {
        self.terms.check_writable()?;
        let (from, expect, new_name) = (name_of(&target.key)?, Expect::Version(&target.version), name_of(to)?);
        let write = || self.storage.rename(from, new_name, expect, new);
        settled(write, |source| self.renamed(target, to, new, source)).await
    }

    /// Sees to it that nothing stands under a key.
    pub(crate) async fn remove(&self, key: &SessionKey) -> Result<(), StorageError> {
        self.terms.check_writable()?;
        let Some(name) = key.as_name() else { return Ok(()) };
        let write = async || self.storage.remove(name, Expect::Anything).await.map(|_: Remove| ());
        settled(write, |source| self.removed(key, source)).await
    }
}

/// A storage is asked for names only, never for the text of a signed cookie.
pub(super) fn name_of(key: &SessionKey) -> Result<&str, StorageError> {
    key.as_name().ok_or_else(|| StorageError::not_done("the text of a signed cookie is no name for a stored session"))
}
