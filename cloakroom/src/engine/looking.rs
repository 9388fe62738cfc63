//! Looking at sessions from outside: listing them, and into one, without a copy in a cache being made or asked for.

use crate::Timestamp;
use crate::data::SessionData;
use crate::engine::bound::BoundEngine;
use crate::engine::stored::{CACHE_PREFIX, StoredEngine};
use crate::error::SessionError;
use crate::key::SessionKey;
use crate::settings::EngineName;
use crate::storage::{Cursor, Page, StorageError, Stored};

/// A part of the sessions that are stored. Of `cached_db` those in the database.
pub(crate) struct Listing {
    pub(crate) sessions: Vec<Listed>,
    pub(crate) next: Option<Cursor>,
    pub(crate) order: Order,
}

/// Whether a storage's pages go by the names of its entries, byte by byte, so that a cursor is a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    ByName,
    /// They may, as far as one listing shows.
    Unknown,
    Other,
}

impl Order {
    fn of(page: &Page) -> Self {
        let ascends = page.entries.is_sorted_by(|one, other| one.name < other.name);
        match (&page.next, page.entries.last()) {
            _ if !ascends => Self::Other,
            (Some(next), Some(last)) if next.position() == last.name => Self::ByName,
            (Some(_), Some(_)) => Self::Other,
            _ => Self::Unknown,
        }
    }
}

/// An entry that is called as a session is.
pub(crate) struct Listed {
    pub(crate) key: SessionKey,
    pub(crate) bytes: u64,
    pub(crate) expires: Option<Timestamp>,
}

/// What was found under a key.
pub(crate) enum Kept {
    Nothing,
    Session(Box<KeptSession>),
    /// No known key verifies it, or it is damaged.
    Unreadable(SessionError),
}

pub(crate) struct KeptSession {
    pub(crate) data: SessionData,
    pub(crate) bytes: u64,
    /// `None` where the storage does not say.
    pub(crate) expires: Option<Timestamp>,
    pub(crate) has_expired: bool,
    /// The second of signing; `None` where nothing is signed.
    pub(crate) signed_at: Option<i128>,
    /// Which secret verified it, 0 for the first.
    pub(crate) secret: usize,
}

impl BoundEngine {
    /// The engine, if it keeps sessions on the server.
    pub(crate) fn stored(&self) -> Result<&StoredEngine, StorageError> {
        match self {
            Self::Stored(engine) => Ok(engine),
            Self::SignedCookies(_) => Err(StorageError::Unsupported("scan")),
        }
    }
}

impl StoredEngine {
    /// About `limit` entries; those that are no sessions are passed over, so a listing may be empty before the end.
    pub(crate) async fn list(&self, after: Option<&Cursor>, limit: usize) -> Result<Listing, StorageError> {
        let page = self.storage.scan(after, limit).await?;
        let order = Order::of(&page);
        let Page { entries, mut next } = page;
        if order == Order::ByName && entries.last().is_some_and(|last| self.is_beyond_sessions(&last.name)) {
            next = None;
        }
        let sessions = entries.into_iter().filter_map(|entry| {
            let key = self.key_in(&entry.name)?;
            Some(Listed { key, bytes: entry.bytes, expires: entry.expires })
        });
        Ok(Listing { sessions: sessions.collect(), next, order })
    }

    /// Whether only other entries come after this one: a cache may hold many.
    fn is_beyond_sessions(&self, name: &str) -> bool {
        self.terms.name == EngineName::Cache && !name.starts_with(CACHE_PREFIX) && name > CACHE_PREFIX
    }

    /// The key of a session by what its storage calls it; other entries have none.
    fn key_in(&self, name: &str) -> Option<SessionKey> {
        let key = match self.terms.name {
            EngineName::Cache => name.strip_prefix(CACHE_PREFIX)?,
            _ => name,
        };
        SessionKey::parse(key).ok()
    }

    /// Whether a listing does not say when a session ends: it has to be read.
    pub(crate) fn must_read_to_tell_the_end(&self) -> bool {
        self.terms.name == EngineName::File
    }

    pub(crate) async fn look(&self, key: &SessionKey) -> Result<Kept, SessionError> {
        match self.read_kept(key).await {
            Ok(Some(stored)) => Ok(self.look_into(&stored).unwrap_or_else(Kept::Unreadable)),
            Ok(None) => Ok(Kept::Nothing),
            Err(error @ StorageError::Damaged(_)) => Ok(Kept::Unreadable(error.into())),
            Err(error) => Err(error.into()),
        }
    }

    fn look_into(&self, stored: &Stored) -> Result<Kept, SessionError> {
        let Some(decoded) = self.terms.format.decode(&stored.data)? else { return Ok(Kept::Nothing) };
        let expires = self.end_of(stored, &decoded.data);
        let has_expired = !self.is_live(stored, &decoded.data)?;
        Ok(Kept::Session(Box::new(KeptSession {
            bytes: stored.data.len() as u64,
            expires,
            has_expired,
            signed_at: decoded.signed_at,
            secret: decoded.secret,
            data: decoded.data,
        })))
    }
}
