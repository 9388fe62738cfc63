//! The suite itself is tested on storages that break the contract.

use super::StorageContract;
use crate::Timestamp;
use crate::storage::{
    Capabilities, Cursor, Expect, Insert, MemoryStorage, New, Page, Remove, Rename, Replace, Storage, StorageError,
    Stored, Touch,
};

#[derive(Clone, Copy, PartialEq)]
enum Flaw {
    ReplaceCreates,
    TouchIgnoresTheVersion,
    TouchForgetsToMoveTheExpiry,
    RenameForgetsTheOld,
    RenameOverwrites,
    ReplaceChecksThenWrites,
    InsertOverwrites,
    ClearsWhatExpiresNow,
    ScanRepeats,
    FoldsCase,
}

struct Broken {
    inner: MemoryStorage,
    flaw: Flaw,
}

impl Storage for Broken {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StorageError> {
        if self.flaw == Flaw::FoldsCase {
            return self.inner.read(&name.to_ascii_lowercase()).await;
        }
        self.inner.read(name).await
    }

    async fn insert(&self, name: &str, new: New<'_>) -> Result<Insert, StorageError> {
        if self.flaw == Flaw::InsertOverwrites {
            let _ = self.inner.remove(name, Expect::Present).await?;
        }
        self.inner.insert(name, new).await
    }

    async fn replace(&self, name: &str, expect: Expect<'_>, new: New<'_>) -> Result<Replace, StorageError> {
        match self.flaw {
            Flaw::ReplaceCreates => {
                let answer = self.inner.replace(name, expect, new).await?;
                if answer == Replace::Missing
                    && let Insert::Inserted(version) = self.inner.insert(name, new).await?
                {
                    return Ok(Replace::Replaced(version));
                }
                Ok(answer)
            }
            Flaw::ReplaceChecksThenWrites => match self.inner.read(name).await? {
                None => Ok(Replace::Missing),
                Some(found) if !expect.accepts(&found.version) => Ok(Replace::Changed),
                Some(_) => {
                    tokio::task::yield_now().await;
                    self.inner.replace(name, Expect::Anything, new).await
                }
            },
            _ => self.inner.replace(name, expect, new).await,
        }
    }

    async fn touch(&self, name: &str, expect: Expect<'_>, until: Timestamp) -> Result<Touch, StorageError> {
        match self.flaw {
            Flaw::TouchIgnoresTheVersion => self.inner.touch(name, Expect::Anything, until).await,
            Flaw::TouchForgetsToMoveTheExpiry => {
                let expires = self.inner.read(name).await?.and_then(|stored| stored.expires);
                self.inner.touch(name, expect, expires.unwrap_or(until)).await
            }
            _ => self.inner.touch(name, expect, until).await,
        }
    }

    async fn remove(&self, name: &str, expect: Expect<'_>) -> Result<Remove, StorageError> {
        self.inner.remove(name, expect).await
    }

    async fn rename(&self, from: &str, to: &str, expect: Expect<'_>, new: New<'_>) -> Result<Rename, StorageError> {
        match self.flaw {
            Flaw::RenameForgetsTheOld => {
                let answer = self.inner.rename(from, to, expect, new).await?;
                if matches!(answer, Rename::Renamed(_)) {
                    let _ = self.inner.insert(from, new).await?;
                }
                Ok(answer)
            }
            Flaw::RenameOverwrites => {
                if from != to {
                    let _ = self.inner.remove(to, Expect::Present).await?;
                }
                self.inner.rename(from, to, expect, new).await
            }
            _ => self.inner.rename(from, to, expect, new).await,
        }
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize) -> Result<Page, StorageError> {
        let mut page = self.inner.scan(after, limit).await?;
        if self.flaw == Flaw::ScanRepeats
            && let Some(entry) = page.entries.first().cloned()
        {
            page.entries.push(entry);
        }
        Ok(page)
    }

    async fn remove_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StorageError> {
        let now = match self.flaw {
            Flaw::ClearsWhatExpiresNow => now.checked_add_seconds(0.000_001).unwrap_or(now),
            _ => now,
        };
        self.inner.remove_expired(now, limit).await
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_storage_is_caught_by_the_check_that_names_its_flaw() {
    for (flaw, check) in [
        (Flaw::ReplaceCreates, "a replace never creates"),
        (Flaw::ReplaceCreates, "what was removed stays removed"),
        (Flaw::TouchIgnoresTheVersion, "a touch with another version changes nothing"),
        (Flaw::TouchForgetsToMoveTheExpiry, "a touch moves the expiry only"),
        (Flaw::RenameForgetsTheOld, "a rename moves the entry"),
        (Flaw::RenameOverwrites, "a rename that is refused writes nothing"),
        (Flaw::ReplaceChecksThenWrites, "one of many replaces wins"),
        (Flaw::InsertOverwrites, "an insert leaves a taken name alone"),
        (Flaw::ClearsWhatExpiresNow, "clearing removes the expired only"),
        (Flaw::ScanRepeats, "pages cover every entry once"),
        (Flaw::FoldsCase, "names are compared exactly"),
    ] {
        let make = async || Broken { inner: MemoryStorage::new(), flaw };
        let failures = StorageContract::new().largest(1_000).failures(make).await;
        let caught: Vec<&str> = failures.iter().map(|failure| failure.check).collect();
        assert!(caught.contains(&check), "expected {check:?} to fail, failed were {caught:?}");
    }
}

#[tokio::test]
#[should_panic(expected = "a replace never creates: a replace with Present where nothing is: expected Missing")]
async fn the_panic_names_the_check_and_what_was_found() {
    StorageContract::new()
        .largest(1_000)
        .run(async || Broken { inner: MemoryStorage::new(), flaw: Flaw::ReplaceCreates })
        .await;
}

/// Keeps whole seconds only, and has neither a rename nor pages of its own.
struct Plain(MemoryStorage);

impl Storage for Plain {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StorageError> {
        self.0.read(name).await
    }

    async fn insert(&self, name: &str, new: New<'_>) -> Result<Insert, StorageError> {
        self.0.insert(name, New::of(new.data, whole(new.expires))).await
    }

    async fn replace(&self, name: &str, expect: Expect<'_>, new: New<'_>) -> Result<Replace, StorageError> {
        self.0.replace(name, expect, New::of(new.data, whole(new.expires))).await
    }

    async fn touch(&self, name: &str, expect: Expect<'_>, until: Timestamp) -> Result<Touch, StorageError> {
        self.0.touch(name, expect, whole(until)).await
    }

    async fn remove(&self, name: &str, expect: Expect<'_>) -> Result<Remove, StorageError> {
        self.0.remove(name, expect).await
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new().drops_expired()
    }
}

fn whole(moment: Timestamp) -> Timestamp {
    Timestamp::from_seconds(moment.as_seconds()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_coarse_storage_keeps_the_contract_with_the_defaults_of_the_trait() {
    let make = async || Plain(MemoryStorage::new());
    StorageContract::new().expiry_precision(std::time::Duration::from_secs(1)).run(make).await;
    let failures = StorageContract::new().largest(1_000).failures(make).await;
    assert!(failures.iter().any(|failure| failure.message.contains("expected the expiry")), "{failures:?}");
}
