//! A session as it is to be stored.

use crate::Timestamp;
use crate::data::SessionData;
use crate::engine::format::Deflate;
use crate::engine::{StoredEngine, Target, cached_value};
use crate::error::SessionError;
use crate::storage::{Column, New};

/// What is to be stored of a session.
pub(crate) struct Content {
    bytes: Vec<u8>,
    columns: Vec<Column>,
    /// What goes into the cache, where one stands in front of the database; the version of the row still lacks.
    cached: Option<Vec<u8>>,
    expires: Timestamp,
}

impl Content {
    pub(super) fn as_new(&self) -> New<'_> {
        New { data: &self.bytes, expires: self.expires, columns: &self.columns }
    }

    /// The copy for the cache: serialized, and its end.
    pub(super) fn to_copy(&self) -> Option<(Vec<u8>, Timestamp)> {
        Some((self.cached.clone()?, self.expires))
    }
}

/// A new end for a session that stays as it is.
pub(crate) struct Prolonged {
    pub(super) expires: Timestamp,
    /// The session once more, for a cache that writes it in one round trip and touches it in two.
    pub(super) cached: Option<Vec<u8>>,
}

impl StoredEngine {
    /// The session as it is to be stored, signed now where it is signed.
    pub(crate) fn content(
        &self,
        data: &SessionData,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<Content, SessionError> {
        let bytes = self.terms.format.encode(data, now, Deflate::WhereItPays)?;
        let cached = match &self.front {
            Some(front) => Some(cached_value::serialize(front.format, data)?),
            None => None,
        };
        let columns = self.columns.as_ref().map(|columns| columns(data)).unwrap_or_default();
        Ok(Content { bytes, columns, cached, expires })
    }

    pub(crate) fn prolonged(
        &self,
        data: &SessionData,
        target: &Target,
        expires: Timestamp,
    ) -> Result<Prolonged, SessionError> {
        let cached = match (&self.front, &target.version) {
            (Some(front), Some(row)) if front.touch_is_costly() => {
                Some(cached_value::seal(front.format, cached_value::serialize(front.format, data)?, Some(row)))
            }
            _ => None,
        };
        Ok(Prolonged { expires, cached })
    }
}
