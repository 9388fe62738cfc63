//! An engine at work: bound to the format its settings ask for.

use std::sync::Arc;

use crate::Timestamp;
use crate::data::SessionData;
use crate::engine::format::Format;
use crate::engine::read_back::settled;
use crate::engine::{Columns, Engine};
use crate::error::SessionError;
use crate::expiry::Policy;
use crate::key::SessionKey;
use crate::settings::{EngineName, Settings, SettingsError};
use crate::storage::{
    Capabilities, Column, DynStorage, Expect, Insert, New, Remove, Rename, Replace, StorageError, Touch, Version,
};
use crate::time::Clock;
use crate::wire::json::JsonError;
use crate::wire::signing::TimestampSigner;
use crate::wire::stored::DecodeError;

#[derive(Clone)]
pub(crate) struct BoundEngine {
    pub(super) storage: Arc<dyn DynStorage>,
    pub(super) format: Format,
    name: EngineName,
    /// `SESSION_READ_ONLY`.
    read_only: bool,
    policy: Policy,
    clock: Clock,
    columns: Option<Columns>,
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

impl BoundEngine {
    pub(crate) fn new(engine: Engine, settings: &Settings) -> Result<Self, SettingsError> {
        let format = match engine.name {
            EngineName::Memory => Format::Json,
            EngineName::Db | EngineName::File => {
                let (primary, fallbacks) = settings.signing_keys(settings.salt())?;
                let signer = TimestampSigner::new(&primary, &fallbacks);
                match settings.serializer()? {
                    Some(serializer) => Format::Signed(signer, serializer),
                    None => Format::SignedJson(signer),
                }
            }
            other => return Err(other.not_yet()),
        };
        let (policy, clock) = (settings.policy()?, Clock::system());
        let read_only = settings.session_read_only;
        if engine.columns.is_some() && !engine.storage.capabilities().columns {
            let problem = "its storage keeps no columns of the application's own";
            return Err(SettingsError::new("SESSION_ENGINE", None, problem, "leave out `with_columns`"));
        }
        let columns = engine.columns;
        Ok(Self { storage: engine.storage, format, name: engine.name, read_only, policy, clock, columns })
    }

    /// The moments that the storage keeps follow the same clock.
    pub(crate) fn set_clock(&mut self, clock: Clock) {
        if let Some(storage) = self.storage.by_clock(&clock) {
            self.storage = storage;
        }
        self.clock = clock;
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// For those who have more to do before they write: nothing is read for a write that is refused.
    pub(crate) fn check_writable(&self) -> Result<(), StorageError> {
        if self.read_only { Err(StorageError::ReadOnly) } else { Ok(()) }
    }

    pub(crate) fn name(&self) -> EngineName {
        self.name
    }

    pub(crate) fn capabilities(&self) -> Capabilities {
        self.storage.capabilities()
    }

    pub(crate) fn encode(&self, data: &SessionData, now: Timestamp) -> Result<Vec<u8>, SessionError> {
        self.format.encode(data, now)
    }

    /// What goes into the columns of the application's own.
    pub(crate) fn columns(&self, data: &SessionData) -> Vec<Column> {
        self.columns.as_ref().map(|columns| columns(data)).unwrap_or_default()
    }

    pub(crate) fn decode(&self, stored: &[u8]) -> Result<SessionData, DecodeError> {
        self.format.decode(&bytes::Bytes::copy_from_slice(stored)).map(|decoded| decoded.data)
    }

    /// Reads what stands under a key.
    pub(crate) async fn find(&self, key: &SessionKey) -> Result<Found, SessionError> {
        let Some(stored) = self.storage.read(key.as_str()).await? else { return Ok(Found::Nothing) };
        match self.format.decode(&stored.data) {
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
                    engine = %self.name,
                    key = %key.short_hash(),
                    %error,
                    "a stored session cannot be verified and is left as it is; are SECRET_KEY (or SESSION_SIGNING_KEY) and SESSION_SALT those it was signed with?"
                );
                Ok(Found::Unreadable)
            }
        }
    }

    pub(crate) async fn exists(&self, key: &SessionKey) -> Result<bool, SessionError> {
        Ok(self.storage.read(key.as_str()).await?.is_some())
    }

    pub(crate) async fn insert(&self, key: &SessionKey, new: New<'_>) -> Result<Insert, StorageError> {
        self.check_writable()?;
        let write = || self.storage.insert(key.as_str(), new);
        settled(write, |source| self.inserted(key, new, source)).await
    }

    pub(crate) async fn replace(&self, target: &Target, new: New<'_>) -> Result<Replace, StorageError> {
        self.check_writable()?;
        let write = || self.storage.replace(target.key.as_str(), Expect::Version(&target.version), new);
        settled(write, |source| self.replaced(target, new, source)).await
    }

    pub(crate) async fn touch(&self, target: &Target, until: Timestamp) -> Result<Touch, StorageError> {
        self.check_writable()?;
        let write = || self.storage.touch(target.key.as_str(), Expect::Version(&target.version), until);
        settled(write, |source| self.touched(target, until, source)).await
    }

    pub(crate) async fn rename(&self, target: &Target, to: &SessionKey, new: New<'_>) -> Result<Rename, StorageError> {
        self.check_writable()?;
        let expect = Expect::Version(&target.version);
        let write = || self.storage.rename(target.key.as_str(), to.as_str(), expect, new);
        settled(write, |source| self.renamed(target, to, new, source)).await
    }

    /// Sees to it that nothing stands under a key.
    pub(crate) async fn remove(&self, key: &SessionKey) -> Result<(), StorageError> {
        self.check_writable()?;
        let write = async || self.storage.remove(key.as_str(), Expect::Anything).await.map(|_: Remove| ());
        settled(write, |source| self.removed(key, source)).await
    }
}
