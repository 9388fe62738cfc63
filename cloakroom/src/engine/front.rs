//! The cache in front of the database, in the engine `cached_db`.
//!
//! The database decides; what the cache holds is a copy. No copy may stay that is older than its row, whoever was first
//! and however late another is:
//!
//! - A reader that finds nothing first puts a *lease* there, then reads the row, and puts its copy in the place of that
//!   very lease.
//! - Who has saved the row puts its copy in the place of the one it had seen. If that is not there any more, somebody
//!   else wrote, and nobody can tell whose row is the newer one: what stands there, a copy or a lease, is removed.
//! - Who ends a session first puts a *marker* there and then removes the row. For as long as the marker lives nobody can
//!   put a lease there, and [`MARKER_LIFE`] is longer than a row's removal takes; if not, the marker is renewed.
//!
//! Django takes leases and markers for nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Timestamp;
use crate::data::SessionData;
use crate::engine::cached_value::{self, Cached, CachedValue};
use crate::engine::read_back::SOON;
use crate::key::SessionKey;
use crate::storage::{DynStorage, Expect, Insert, New, Remove, Replace, StorageError, Stored, Touch, Version};
use crate::time::Clock;
use crate::wire::CacheFormat;

/// What Django's engine puts before the session key (B-139).
const PREFIX: &str = "django.contrib.sessions.cached_db";
/// How long a marker keeps others from putting a copy where it stands.
const MARKER_LIFE: Duration = Duration::from_secs(60);
/// If the row's removal took longer, its marker is renewed.
const LATE: Duration = Duration::from_secs(20);
/// How long a reader has for the row. A lease that nobody uses any more ends by itself.
const LEASE_LIFE: Duration = Duration::from_secs(10);
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
    /// Nothing, and now our lease; or something that is no session or has ended, and gives way. A copy may take its place.
    Room(Version),
    /// Another's lease or a marker, or the cache does not answer: the row is read, and what stands here stays.
    Other,
}

impl Front {
    pub(super) fn name(key: &str) -> String {
        [PREFIX, key].concat()
    }

    pub(super) fn touch_is_costly(&self) -> bool {
        self.storage.capabilities().costly_touch
    }

    pub(super) async fn look(&self, key: &SessionKey, name: &str, clock: &Clock) -> Seen {
        let stored = match self.storage.read(name).await {
            // A storage may hand out what has ended, and not by this clock.
            Ok(Some(stored)) if stored.expires.is_some_and(|end| end <= clock.now()) => {
                return Seen::Room(stored.version);
            }
            Ok(Some(stored)) => stored,
            Ok(None) => return self.lease(key, name, clock).await,
            Err(error) => {
                warn(key, &error, "the cache did not answer: the session is read from the database");
                return Seen::Other;
            }
        };
        match cached_value::decode(self.format, &stored.data) {
            Ok(Cached::Session(CachedValue { data, row })) => Seen::Copy { data, cached: stored.version, row },
            Ok(Cached::Lease | Cached::Marker) => Seen::Other,
            Err(error) => {
                tracing::warn!(
                    key = %key.short_hash(), %error,
                    "what the cache holds for a session cannot be read: it is read from the database"
                );
                Seen::Room(stored.version)
            }
        }
    }

    async fn lease(&self, key: &SessionKey, name: &str, clock: &Clock) -> Seen {
        let lease = cached_value::lease(self.format);
        match self.storage.insert(name, New::of(&lease, after(clock, LEASE_LIFE))).await {
            Ok(Insert::Inserted(version)) => Seen::Room(version),
            Ok(Insert::Exists) => Seen::Other,
            Err(error) => {
                warn(key, &error, "the cache did not answer: the session is read from the database");
                Seen::Other
            }
        }
    }

    /// Puts a copy of a row where there was room when it was read.
    pub(super) async fn refill(
        &self,
        key: &SessionKey,
        name: &str,
        data: &SessionData,
        row: &Stored,
        room: &Version,
    ) -> Option<Version> {
        let serialized = cached_value::serialize(self.format, data).ok()?;
        let copy = cached_value::seal(self.format, serialized, Some(&row.version));
        match self.storage.replace(name, Expect::Version(room), New::of(&copy, row.expires?)).await {
            Ok(Replace::Replaced(version)) => Some(version),
            // Somebody has saved the session meanwhile, or ended it.
            Ok(Replace::Changed | Replace::Missing) => None,
            Err(error) => {
                warn(key, &error, "the cache did not take a copy of the session");
                None
            }
        }
    }

    /// Puts the copy of a session that is new under its key: nobody else knows it.
    pub(super) async fn put_new(&self, key: &SessionKey, name: &str, copy: New<'_>) -> Option<Version> {
        match self.storage.insert(name, copy).await {
            Ok(Insert::Inserted(version)) => Some(version),
            Ok(Insert::Exists) => None,
            Err(error) => {
                warn(key, &error, "the cache did not take a copy of the session");
                None
            }
        }
    }

    /// Puts a copy of what was just written to the row in the place of the one that was seen. If it is not there any
    /// more, nothing may stay.
    pub(super) async fn put(
        &self,
        key: &SessionKey,
        name: &str,
        seen: Option<&Version>,
        copy: New<'_>,
    ) -> Option<Version> {
        let began = Instant::now();
        let put = match seen {
            Some(seen) => self.storage.replace(name, Expect::Version(seen), copy).await,
            None => Ok(Replace::Changed),
        };
        let put = match put {
            Ok(Replace::Replaced(version)) => Ok(Some(version)),
            Ok(Replace::Missing) => Ok(None),
            // Another's stands there; or ours may, or what stood there before.
            Ok(Replace::Changed) | Err(StorageError::OutcomeUnknown(_)) => self.clear(name).await.map(|()| None),
            // A cache without room can still remove.
            Err(StorageError::NotDone(_)) if began.elapsed() < SOON => self.clear(name).await.map(|()| None),
            Err(error) => Err(error),
        };
        put.unwrap_or_else(|error| {
            tracing::error!(
                key = %key.short_hash(), %error,
                "the session was saved, and the cache did not take its copy: until it ends there, others may read an older one"
            );
            None
        })
    }

    /// Moves a copy's end with its row's. Whatever else stands there was not made of this row.
    pub(super) async fn prolong(
        &self,
        key: &SessionKey,
        name: &str,
        seen: &Version,
        copy: Option<New<'_>>,
        until: Timestamp,
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

    /// Sees to it that no copy stands in the cache, and that nobody who has read the row before puts one there. Markers
    /// stay.
    pub(super) async fn clear(&self, name: &str) -> Result<(), StorageError> {
        for _ in 0..TRIES {
            let Some(stored) = self.storage.read(name).await? else { return Ok(()) };
            if matches!(cached_value::decode(self.format, &stored.data), Ok(Cached::Marker)) {
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
        let until = after(clock, MARKER_LIFE);
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

fn after(clock: &Clock, life: Duration) -> Timestamp {
    clock.now().checked_add_seconds(life.as_secs_f64()).unwrap_or(Timestamp::MAX)
}

fn warn(key: &SessionKey, error: &StorageError, message: &'static str) {
    tracing::warn!(key = %key.short_hash(), %error, "{message}");
}
