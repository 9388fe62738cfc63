//! The cache in front of the database, in the engine `cached_db`.
//!
//! The database decides; what the cache holds is a copy. A save writes the database first and then its copy, on
//! condition that the cache still holds what was seen there. A logout first puts a marker where the copy stands and then
//! removes the row: for as long as the marker lives nobody can put a copy there, so whoever saw the row before it went
//! and is late must not write. That is what [`LATE`] and [`MARKER_LIFE`] are for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::data::SessionData;
use crate::engine::cached_value::{self, CachedValue};
use crate::key::SessionKey;
use crate::storage::{DynStorage, Expect, Insert, New, Remove, Replace, StorageError, Stored, Touch, Version};
use crate::time::Clock;
use crate::wire::CacheFormat;

/// What Django's engine puts before the session key (B-139).
const PREFIX: &str = "django.contrib.sessions.cached_db";
/// How long a marker keeps others from putting a copy where it stands.
const MARKER_LIFE: Duration = Duration::from_secs(60);
/// A copy of what the database held so long ago is not put into the cache any more, and a marker so old is renewed.
/// The cache's time-out is far below what lies between this and [`MARKER_LIFE`].
const LATE: Duration = Duration::from_secs(20);
/// So often another request may get in between.
const TRIES: usize = 20;

#[derive(Clone)]
pub(crate) struct Front {
    pub(super) storage: Arc<dyn DynStorage>,
    pub(super) format: CacheFormat,
}

/// What the cache says of a session.
pub(super) enum Seen {
    /// A copy, and the version of the row it was made from, if cloakroom wrote it.
    Copy { data: SessionData, cached: Version, row: Option<Version> },
    /// Nothing.
    Nothing,
    /// A marker: the session ends, or has just ended.
    Marker,
    /// Something that is no session. It gives way to a copy.
    Foreign(Version),
    /// The cache does not answer.
    Down,
}

impl Front {
    pub(super) fn name(key: &str) -> String {
        [PREFIX, key].concat()
    }

    pub(super) fn touch_is_costly(&self) -> bool {
        self.storage.capabilities().costly_touch
    }

    pub(super) async fn look(&self, key: &SessionKey, name: &str) -> Seen {
        let stored = match self.storage.read(name).await {
            Ok(Some(stored)) => stored,
            Ok(None) => return Seen::Nothing,
            Err(error) => {
                warn(key, &error, "the cache did not answer: the session is read from the database");
                return Seen::Down;
            }
        };
        match cached_value::decode(self.format, &stored.data) {
            Ok(Some(CachedValue { data, row })) => Seen::Copy { data, cached: stored.version, row },
            Ok(None) => Seen::Marker,
            Err(error) => {
                tracing::warn!(
                    key = %key.short_hash(), %error,
                    "what the cache holds for a session cannot be read: it is read from the database"
                );
                Seen::Foreign(stored.version)
            }
        }
    }

    /// Puts a copy of a row where nothing stands, or over what is no session; the row was read after `since`, and so
    /// was what stands there.
    pub(super) async fn refill(
        &self,
        key: &SessionKey,
        name: &str,
        data: &SessionData,
        row: &Stored,
        over: Option<&Version>,
        since: Instant,
    ) -> Option<Version> {
        let serialized = cached_value::serialize(self.format, data).ok()?;
        let copy = cached_value::seal(self.format, serialized, Some(&row.version));
        if since.elapsed() > LATE {
            return None;
        }
        let copy = New::of(&copy, row.expires?);
        let refilled = match over {
            Some(over) => match self.storage.replace(name, Expect::Version(over), copy).await {
                Ok(Replace::Replaced(version)) => Ok(Some(version)),
                Ok(_) => Ok(None),
                Err(error) => Err(error),
            },
            None => match self.storage.insert(name, copy).await {
                Ok(Insert::Inserted(version)) => Ok(Some(version)),
                Ok(Insert::Exists) => Ok(None),
                Err(error) => Err(error),
            },
        };
        // If there is none, another request was quicker, or has ended the session.
        refilled.unwrap_or_else(|error| {
            warn(key, &error, "the cache did not take a copy of the session");
            None
        })
    }

    /// Puts a copy of what was just written to the row, a write that began at `since`. If that cannot be done safely,
    /// nothing may stay that is older.
    pub(super) async fn put(
        &self,
        key: &SessionKey,
        name: &str,
        seen: Option<&Version>,
        copy: New<'_>,
        since: Instant,
    ) -> Option<Version> {
        let put = match self.try_put(name, seen, copy, since).await {
            // Another's stands there; or ours may, or what stood there before.
            Ok(None) | Err(StorageError::OutcomeUnknown(_)) => self.clear(name).await.map(|()| None),
            put => put,
        };
        put.unwrap_or_else(|error| {
            tracing::error!(
                key = %key.short_hash(), %error,
                "the session was saved, and the cache did not take its copy: until it ends there, others may read an older one"
            );
            None
        })
    }

    async fn try_put(
        &self,
        name: &str,
        seen: Option<&Version>,
        copy: New<'_>,
        since: Instant,
    ) -> Result<Option<Version>, StorageError> {
        if let Some(seen) = seen {
            match self.storage.replace(name, Expect::Version(seen), copy).await? {
                Replace::Replaced(version) => return Ok(Some(version)),
                Replace::Changed => return Ok(None),
                Replace::Missing => {}
            }
        }
        if since.elapsed() > LATE {
            return Ok(None);
        }
        Ok(match self.storage.insert(name, copy).await? {
            Insert::Inserted(version) => Some(version),
            Insert::Exists => None,
        })
    }

    /// Moves a copy's end with its row's. Whatever else stands there was not made of this row.
    pub(super) async fn prolong(
        &self,
        key: &SessionKey,
        name: &str,
        seen: &Version,
        copy: Option<New<'_>>,
        until: crate::Timestamp,
    ) -> Option<Version> {
        let prolonged = match copy {
            Some(copy) => match self.storage.replace(name, Expect::Version(seen), copy).await {
                Ok(Replace::Replaced(version)) => Ok(Some(version)),
                Ok(_) => Ok(None),
                Err(error) => Err(error),
            },
            None => self
                .storage
                .touch(name, Expect::Version(seen), until)
                .await
                .map(|touched| (touched == Touch::Touched).then_some(*seen)),
        };
        prolonged.unwrap_or_else(|error| {
            warn(key, &error, "the cache did not prolong the life of its copy");
            None
        })
    }

    /// Sees to it that no copy stands in the cache. Markers stay.
    pub(super) async fn clear(&self, name: &str) -> Result<(), StorageError> {
        for _ in 0..TRIES {
            let Some(stored) = self.storage.read(name).await? else { return Ok(()) };
            if matches!(cached_value::decode(self.format, &stored.data), Ok(None)) {
                return Ok(());
            }
            match self.storage.remove(name, Expect::Version(&stored.version)).await? {
                Remove::Removed | Remove::Missing => return Ok(()),
                Remove::Changed => {}
            }
        }
        Err(StorageError::not_done("other requests kept writing to the cache"))
    }

    /// Puts a marker in the copy's place.
    pub(super) async fn bury(&self, name: &str, clock: &Clock) -> Result<Instant, StorageError> {
        let began = Instant::now();
        let marker = cached_value::marker(self.format);
        let until = clock.now().checked_add_seconds(MARKER_LIFE.as_secs_f64()).unwrap_or(crate::Timestamp::MAX);
        match self.storage.bury(name, New::of(&marker, until)).await {
            // Twice the same marker is one.
            Err(StorageError::OutcomeUnknown(_)) => self.storage.bury(name, New::of(&marker, until)).await?,
            done => done?,
        }
        Ok(began)
    }

    /// After the row has gone: the marker must outlive those who saw it.
    pub(super) async fn bury_again_if_late(
        &self,
        name: &str,
        clock: &Clock,
        buried: Instant,
    ) -> Result<(), StorageError> {
        if buried.elapsed() > LATE {
            self.bury(name, clock).await?;
        }
        Ok(())
    }
}

fn warn(key: &SessionKey, error: &StorageError, message: &'static str) {
    tracing::warn!(key = %key.short_hash(), %error, "{message}");
}
