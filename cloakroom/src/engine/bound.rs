//! An engine at work: bound to what its settings ask for.

use std::borrow::Cow;

use crate::Timestamp;
use crate::data::SessionData;
use crate::engine::format::{Deflate, Format};
use crate::engine::front::Front;
use crate::engine::{Engine, Place, SignedCookies, StoredEngine};
use crate::error::SessionError;
use crate::expiry::Policy;
use crate::key::SessionKey;
use crate::settings::{EngineName, Settings, SettingsError};
use crate::storage::{Remove, StorageError};
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
    /// What signs the text that an application asks for, where the engine itself signs nothing; `None` without a key.
    text: Option<TimestampSigner>,
    /// `SESSION_READ_ONLY`.
    read_only: bool,
    pub(super) policy: Policy,
    pub(super) clock: Clock,
}

impl Terms {
    fn text_format(&self) -> Result<Cow<'_, Format>, SessionError> {
        match (&self.format, &self.text) {
            (Format::Cached(_), Some(signer)) => Ok(Cow::Owned(Format::SignedJson(signer.clone()))),
            (Format::Cached(_), None) => Err(SettingsError::new(
                "SECRET_KEY",
                None,
                "is not set, and the text of a session is signed with it",
                "set it, or SESSION_SIGNING_KEY; the engine `cache` itself needs neither",
            )
            .into()),
            (format, _) => Ok(Cow::Borrowed(format)),
        }
    }

    /// For those who have more to do before they write: nothing is read for a write that is refused.
    pub(super) fn check_writable(&self) -> Result<(), StorageError> {
        if self.read_only { Err(StorageError::ReadOnly) } else { Ok(()) }
    }
}

impl BoundEngine {
    /// The settings name the engine.
    pub(crate) fn new(engine: Engine, settings: &Settings) -> Result<Self, SettingsError> {
        let signer = || {
            let (primary, fallbacks) = settings.signing_keys(settings.salt())?;
            Ok::<_, SettingsError>(TimestampSigner::new(&primary, &fallbacks))
        };
        let format = match engine.name {
            EngineName::Memory => Format::Json,
            EngineName::Cache => Format::Cached(engine.cache_format),
            EngineName::Db | EngineName::CachedDb | EngineName::File | EngineName::SignedCookies => {
                let signer = signer()?;
                match settings.serializer()? {
                    Some(serializer) => Format::Signed(signer, serializer),
                    None => Format::SignedJson(signer),
                }
            }
        };
        let text = match engine.name {
            EngineName::Cache => signer().ok(),
            _ => None,
        };
        let (policy, clock) = (settings.policy()?, Clock::system());
        let terms = Terms { name: engine.name, format, text, read_only: settings.session_read_only, policy, clock };
        let columns = engine.columns;
        let keeps_columns = match &engine.place {
            Place::Storage(storage) | Place::Cached { database: storage, .. } => storage.capabilities().columns,
            Place::Cookie => false,
        };
        if columns.is_some() && !keeps_columns {
            let problem = "its storage keeps no columns of the application's own";
            return Err(SettingsError::new("SESSION_ENGINE", None, problem, "leave out `with_columns`"));
        }
        Ok(match engine.place {
            Place::Storage(storage) => Self::Stored(StoredEngine { storage, terms, columns, front: None }),
            Place::Cached { database, cache } => {
                let front = Some(Front { storage: cache, format: engine.cache_format });
                Self::Stored(StoredEngine { storage: database, terms, columns, front })
            }
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

    /// The signed text of session data (B-44), also where the engine keeps something else; plain JSON in memory.
    pub(crate) fn encode(&self, data: &SessionData, now: Timestamp) -> Result<Vec<u8>, SessionError> {
        self.terms().text_format()?.encode(data, now, Deflate::AsDjango)
    }

    pub(crate) fn decode(&self, stored: &[u8]) -> Result<SessionData, DecodeError> {
        let format = self.terms().text_format().map_err(|_| DecodeError::BadSignature)?;
        format.decode_fresh(&bytes::Bytes::copy_from_slice(stored), None).map(|decoded| decoded.data)
    }

    /// Whether something is kept under a key; a cookie is not (B-123).
    pub(crate) async fn exists(&self, key: &SessionKey) -> Result<bool, SessionError> {
        match self {
            Self::Stored(engine) => engine.exists(key).await,
            Self::SignedCookies(_) => Ok(false),
        }
    }

    /// Sees to it that nothing is kept under a key. Nobody can reach into a visitor's browser to remove a cookie.
    pub(crate) async fn remove(&self, key: &SessionKey) -> Result<Remove, StorageError> {
        match self {
            Self::Stored(engine) => engine.end(key).await,
            Self::SignedCookies(engine) => engine.terms.check_writable().map(|()| Remove::Missing),
        }
    }
}
