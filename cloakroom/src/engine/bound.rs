//! An engine at work: bound to what its settings ask for.

use crate::Timestamp;
use crate::data::SessionData;
use crate::engine::format::Format;
use crate::engine::{Cleared, Engine, Place, SignedCookies, StoredEngine};
use crate::error::SessionError;
use crate::expiry::Policy;
use crate::key::SessionKey;
use crate::settings::{EngineName, Settings, SettingsError};
use crate::storage::StorageError;
use crate::time::Clock;
use crate::wire::signing::TimestampSigner;
use crate::wire::stored::DecodeError;

/// The two kinds of engines. What differs between them is asked of the one or the other.
#[derive(Clone)]
pub(crate) enum BoundEngine {
    Stored(StoredEngine),
    SignedCookies(SignedCookies),
}

/// What every engine works by.
#[derive(Clone)]
pub(super) struct Terms {
    pub(super) name: EngineName,
    pub(super) format: Format,
    /// `SESSION_READ_ONLY`.
    read_only: bool,
    pub(super) policy: Policy,
    pub(super) clock: Clock,
}

impl Terms {
    /// For those who have more to do before they write: nothing is read for a write that is refused.
    pub(super) fn check_writable(&self) -> Result<(), StorageError> {
        if self.read_only { Err(StorageError::ReadOnly) } else { Ok(()) }
    }
}

impl BoundEngine {
    /// The settings name the engine.
    pub(crate) fn new(engine: Engine, settings: &Settings) -> Result<Self, SettingsError> {
        let format = match engine.name {
            EngineName::Memory => Format::Json,
            EngineName::Db | EngineName::File | EngineName::SignedCookies => {
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
        let terms = Terms { name: engine.name, format, read_only: settings.session_read_only, policy, clock };
        let columns = engine.columns;
        let keeps_columns = matches!(&engine.place, Place::Storage(storage) if storage.capabilities().columns);
        if columns.is_some() && !keeps_columns {
            let problem = "its storage keeps no columns of the application's own";
            return Err(SettingsError::new("SESSION_ENGINE", None, problem, "leave out `with_columns`"));
        }
        Ok(match engine.place {
            Place::Storage(storage) => Self::Stored(StoredEngine { storage, terms, columns }),
            Place::Cookie => Self::SignedCookies(SignedCookies::new(terms, settings.cookie_name())),
        })
    }

    fn terms(&self) -> &Terms {
        match self {
            Self::Stored(engine) => &engine.terms,
            Self::SignedCookies(engine) => &engine.terms,
        }
    }

    pub(crate) fn set_clock(&mut self, clock: Clock) {
        match self {
            Self::Stored(engine) => engine.set_clock(clock),
            Self::SignedCookies(engine) => engine.terms.clock = clock,
        }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.terms().clock
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.terms().policy
    }

    pub(crate) fn check_writable(&self) -> Result<(), StorageError> {
        self.terms().check_writable()
    }

    pub(crate) fn name(&self) -> EngineName {
        self.terms().name
    }

    pub(crate) fn encode(&self, data: &SessionData, now: Timestamp) -> Result<Vec<u8>, SessionError> {
        self.terms().format.encode(data, now)
    }

    pub(crate) fn decode(&self, stored: &[u8]) -> Result<SessionData, DecodeError> {
        self.terms().format.decode(&bytes::Bytes::copy_from_slice(stored)).map(|decoded| decoded.data)
    }

    /// Whether something is kept under a key; a cookie is not (B-123).
    pub(crate) async fn exists(&self, key: &SessionKey) -> Result<bool, SessionError> {
        match self {
            Self::Stored(engine) => engine.exists(key).await,
            Self::SignedCookies(_) => Ok(false),
        }
    }

    /// Sees to it that nothing is kept under a key. Nobody can reach into a visitor's browser to remove a cookie.
    pub(crate) async fn remove(&self, key: &SessionKey) -> Result<(), StorageError> {
        match self {
            Self::Stored(engine) => engine.remove(key).await,
            Self::SignedCookies(engine) => engine.terms.check_writable(),
        }
    }

    /// Cookies end by themselves (B-103).
    pub(crate) async fn clear_expired(&self) -> Result<Cleared, SessionError> {
        match self {
            Self::Stored(engine) => engine.clear_expired().await,
            Self::SignedCookies(engine) => {
                engine.terms.check_writable()?;
                Ok(Cleared::default())
            }
        }
    }
}
