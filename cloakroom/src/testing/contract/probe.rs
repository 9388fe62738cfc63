use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::StorageContract;
use crate::Timestamp;
use crate::storage::{
    Capabilities, Expect, Insert, New, Remove, Rename, Replace, Storage, StorageError, Stored, Touch, Version,
};

/// A check that failed, in words.
pub(super) type Checked = Result<(), String>;

/// A storage under test. Each operation turns an error into words, so that a check is a list of `?`.
pub(super) struct Probe<S> {
    pub(super) storage: Arc<S>,
    pub(super) largest: usize,
    precision: Duration,
    pub(super) knows_expiry: bool,
    start: Timestamp,
}

impl<S> Clone for Probe<S> {
    fn clone(&self) -> Self {
        Self { storage: Arc::clone(&self.storage), ..*self }
    }
}

impl<S: Storage> Probe<S> {
    pub(super) fn new(storage: S, contract: &StorageContract) -> Self {
        Self {
            storage: Arc::new(storage),
            largest: contract.largest,
            precision: contract.precision,
            knows_expiry: contract.knows_expiry,
            start: Timestamp::now(),
        }
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        self.storage.capabilities()
    }

    /// A moment a number of seconds after the check began, with a fraction that needs all six digits.
    pub(super) fn after(&self, seconds: i64) -> Timestamp {
        let micros = self.start.as_seconds() * 1_000_000 + seconds * 1_000_000 + 123_457;
        Timestamp::from_micros(micros).unwrap_or(Timestamp::MAX)
    }

    /// A moment when an entry lives long enough for any check.
    pub(super) fn later(&self) -> Timestamp {
        self.after(3_600)
    }

    pub(super) async fn read(&self, name: &str) -> Result<Option<Stored>, String> {
        said("read", self.storage.read(name).await)
    }

    pub(super) async fn insert(&self, name: &str, data: &str, expires: Timestamp) -> Result<Insert, String> {
        said("insert", self.storage.insert(name, new(data, expires)).await)
    }

    pub(super) async fn replace(
        &self,
        name: &str,
        expect: Expect<'_>,
        data: &str,
        expires: Timestamp,
    ) -> Result<Replace, String> {
        said("replace", self.storage.replace(name, expect, new(data, expires)).await)
    }

    pub(super) async fn touch(&self, name: &str, expect: Expect<'_>, until: Timestamp) -> Result<Touch, String> {
        said("touch", self.storage.touch(name, expect, until).await)
    }

    pub(super) async fn remove(&self, name: &str, expect: Expect<'_>) -> Result<Remove, String> {
        said("remove", self.storage.remove(name, expect).await)
    }

    pub(super) async fn rename(&self, from: &str, to: &str, expect: Expect<'_>, data: &str) -> Result<Rename, String> {
        said("rename", self.storage.rename(from, to, expect, new(data, self.later())).await)
    }

    /// Inserts under a name that must be free.
    pub(super) async fn put(&self, name: &str, data: &str, expires: Timestamp) -> Result<Version, String> {
        match self.insert(name, data, expires).await? {
            Insert::Inserted(version) => Ok(version),
            Insert::Exists => Err("an insert under a new name answered Exists".to_owned()),
        }
    }

    /// Inserts and gives the name it drew.
    pub(super) async fn put_new(&self, data: &str) -> Result<(String, Version), String> {
        let name = fresh_name();
        let version = self.put(&name, data, self.later()).await?;
        Ok((name, version))
    }

    /// What must be kept under `name`.
    pub(super) async fn holds(
        &self,
        when: &str,
        name: &str,
        data: &str,
        expires: Timestamp,
        version: &Version,
    ) -> Checked {
        let Some(stored) = self.read(name).await? else {
            return Err(format!("{when}: the entry is not there"));
        };
        if stored.data != data.as_bytes() {
            let (found, expected) = (shown(&stored.data), shown(data.as_bytes()));
            return Err(format!("{when}: expected the bytes {expected}, found {found}"));
        }
        self.same_expiry(when, stored.expires, expires)?;
        if stored.version == *version {
            Ok(())
        } else {
            Err(format!("{when}: the version read is not the version the write answered"))
        }
    }

    pub(super) async fn is_missing(&self, when: &str, name: &str) -> Checked {
        match self.read(name).await? {
            None => Ok(()),
            Some(stored) => Err(format!("{when}: expected nothing, found {}", shown(&stored.data))),
        }
    }

    pub(super) fn same_expiry(&self, when: &str, found: Option<Timestamp>, expected: Timestamp) -> Checked {
        let Some(found) = found else {
            return if self.knows_expiry {
                Err(format!("{when}: expected the expiry {expected}, found none"))
            } else {
                Ok(())
            };
        };
        let distance = found.micros_since(expected).unsigned_abs();
        // To the microsecond means exactly: only a coarser storage rounds.
        if distance == 0 || (self.precision.as_micros() > 1 && u128::from(distance) <= self.precision.as_micros()) {
            Ok(())
        } else {
            Err(format!("{when}: expected the expiry {expected}, found {found}"))
        }
    }
}

fn new(data: &str, expires: Timestamp) -> New<'_> {
    New::of(data.as_bytes(), expires)
}

fn said<T>(operation: &str, answer: Result<T, StorageError>) -> Result<T, String> {
    answer.map_err(|error| {
        let mut message = format!("{operation} failed: {error}");
        let mut source = std::error::Error::source(&error);
        while let Some(error) = source {
            message.push_str(&format!(": {error}"));
            source = error.source();
        }
        message
    })
}

/// Compares the answer of an operation with the expected one.
pub(super) fn equal<T: PartialEq + Debug>(when: &str, found: &T, expected: &T) -> Checked {
    if found == expected { Ok(()) } else { Err(format!("{when}: expected {expected:?}, found {found:?}")) }
}

pub(super) fn ensure(condition: bool, otherwise: &str) -> Checked {
    if condition { Ok(()) } else { Err(otherwise.to_owned()) }
}

/// Bytes for a message, not too many of them.
fn shown(data: &[u8]) -> String {
    let start = String::from_utf8_lossy(&data[..data.len().min(60)]);
    format!("{start:?} ({} bytes)", data.len())
}

/// A name no other check uses: 32 characters as in a session key.
pub(super) fn fresh_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // The moment keeps names apart that several runs put into one database.
    let moment = Timestamp::now().as_micros();
    format!("contract{:08x}{moment:016x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Text that differs from all other text of the suite within its last 43 bytes.
pub(super) fn text(what: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{what}:{:043}", NEXT.fetch_add(1, Ordering::Relaxed))
}
