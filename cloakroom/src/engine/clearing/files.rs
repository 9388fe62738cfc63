//! Where entries do not say when they end: each is read and judged.

use std::time::Instant;

use super::run::Run;
use crate::engine::StoredEngine;
use crate::error::SessionError;
use crate::key::SessionKey;
use crate::storage::{Cursor, Expect, Remove, StorageError, Version};

/// How many entries are listed at once: listing a folder reads all of it.
const PAGE: usize = 10_000;

impl StoredEngine {
    pub(super) async fn clear_files(&self, run: &mut Run<'_>) -> Result<(), SessionError> {
        // With a budget the folder may be too large for one clean-up. Each begins somewhere else and goes round, so
        // that none of it is left out for ever.
        let is_bounded = run.plan.max_time.is_some();
        let start = is_bounded.then(|| Cursor::new(SessionKey::generate().as_str()));
        let mut whole = self.clear_pages(run, start.clone(), None).await?;
        if whole && start.is_some() {
            whole = self.clear_pages(run, None, start.as_ref()).await?;
        }
        if run.plan.dry_run {
            run.cleared.expired = Some(run.cleared.removed);
            run.cleared.removed = 0;
        } else if whole {
            // Left-over temporary files, whatever the number.
            self.storage.remove_expired(self.terms.clock.now(), PAGE).await?;
            run.show();
        }
        if run.cleared.unreadable > 0 {
            tracing::warn!(
                engine = %self.terms.name,
                count = run.cleared.unreadable,
                "sessions that cannot be read were left as they are; are SECRET_KEY and SESSION_SALT those they were signed with?"
            );
        }
        Ok(())
    }

    /// From an entry on to the end, or up to another one; `false` if it was over before.
    async fn clear_pages(
        &self,
        run: &mut Run<'_>,
        mut after: Option<Cursor>,
        until: Option<&Cursor>,
    ) -> Result<bool, SessionError> {
        loop {
            let page = self.storage.scan(after.as_ref(), PAGE).await?;
            let mut names = page.entries.into_iter().map(|entry| entry.name).peekable();
            while names.peek().is_some() {
                let Some(size) = run.next() else { return Ok(false) };
                let began = Instant::now();
                for name in names.by_ref().take(size) {
                    if until.is_some_and(|until| *name > *until.position()) {
                        return Ok(true);
                    }
                    self.clear_file(run, &name).await?;
                }
                run.rest(began.elapsed()).await?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(true);
            }
        }
    }

    /// Removes an entry if it has expired; of a dry run, counts it.
    async fn clear_file(&self, run: &mut Run<'_>, name: &str) -> Result<(), SessionError> {
        let Ok(key) = SessionKey::parse(name) else { return Ok(()) };
        run.read += 1;
        match self.look_at(&key).await? {
            Entry::Expired(_) if run.plan.dry_run => run.cleared.removed += 1,
            Entry::Expired(version) => {
                // Saved since it was read: live again.
                let removed = self.storage.remove(name, Expect::Version(&version)).await?;
                run.removed(u64::from(removed == Remove::Removed));
            }
            Entry::Kept => {}
            Entry::Unreadable => run.cleared.unreadable += 1,
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
