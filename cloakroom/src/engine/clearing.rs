//! Removing what has expired.

use crate::engine::StoredEngine;
use crate::error::SessionError;
use crate::key::SessionKey;
use crate::settings::EngineName;
use crate::storage::{Expect, Remove, StorageError, Version};

/// How many expired sessions one step removes.
const BATCH: usize = 1_000;
/// How many entries are listed at once where each is looked into: listing a folder reads all of it.
const PAGE: usize = 10_000;

/// What [`clear_expired`](crate::SessionStore::clear_expired) did.
///
/// ```
/// use cloakroom::{Cleared, SessionStore, Settings};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cleared: Cleared = SessionStore::memory(Settings::new())?.clear_expired_and_count().await?;
/// assert_eq!((cleared.removed, cleared.unreadable), (0, 0));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cleared {
    /// How many sessions were removed.
    pub removed: u64,
    /// How many entries were passed over since nobody can tell whether they have expired: no known key verifies
    /// them, or they are damaged (D4, D14). Only the `file` engine has to look.
    pub unreadable: u64,
}

impl StoredEngine {
    pub(crate) async fn clear_expired(&self) -> Result<Cleared, SessionError> {
        self.terms.check_writable()?;
        let mut cleared = Cleared::default();
        if self.terms.name == EngineName::File {
            self.clear_by_content(&mut cleared).await?;
        }
        let now = self.terms.clock.now();
        loop {
            let batch = self.storage.remove_expired(now, BATCH).await?;
            cleared.removed += batch as u64;
            if batch < BATCH {
                return Ok(cleared);
            }
        }
    }

    /// Entries that do not say when they end are read and judged, page by page.
    async fn clear_by_content(&self, cleared: &mut Cleared) -> Result<(), SessionError> {
        let mut after = None;
        loop {
            let page = self.storage.scan(after.as_ref(), PAGE).await?;
            for entry in page.entries {
                let Ok(key) = SessionKey::parse(&entry.name) else { continue };
                match self.look_at(&key).await? {
                    Entry::Expired(version) => {
                        // Saved since it was read: live again.
                        let removed = self.storage.remove(&entry.name, Expect::Version(&version)).await?;
                        cleared.removed += u64::from(removed == Remove::Removed);
                    }
                    Entry::Kept => {}
                    Entry::Unreadable => cleared.unreadable += 1,
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        if cleared.unreadable > 0 {
            tracing::warn!(
                engine = %self.terms.name,
                count = cleared.unreadable,
                "sessions that cannot be read were left as they are; are SECRET_KEY and SESSION_SALT those they were signed with?"
            );
        }
        Ok(())
    }

    async fn look_at(&self, key: &SessionKey) -> Result<Entry, SessionError> {
        let stored = match self.storage.read(&self.name_of(key)?).await {
            Ok(Some(stored)) => stored,
            Ok(None) => return Ok(Entry::Kept),
            Err(StorageError::Damaged(_)) => return Ok(Entry::Unreadable),
            Err(error) => return Err(error.into()),
        };
        let Ok(Some(decoded)) = self.terms.format.decode(&stored.data) else { return Ok(Entry::Unreadable) };
        match self.is_live(&stored, &decoded.data) {
            Ok(true) => Ok(Entry::Kept),
            Ok(false) => Ok(Entry::Expired(stored.version)),
            Err(SessionError::Expiry(_)) => Ok(Entry::Unreadable),
            Err(error) => Err(error),
        }
    }
}

/// What a look into an entry showed.
enum Entry {
    Expired(Version),
    Kept,
    Unreadable,
}
