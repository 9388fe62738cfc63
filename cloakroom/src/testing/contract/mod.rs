//! What every storage promises, as checks that can be run.

mod basics;
mod bury;
mod compare;
mod edges;
mod pages;
mod probe;
mod races;
mod rename;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use crate::storage::Storage;
use probe::Probe;

/// Runs every check of the [`StorageContract`] with its defaults.
///
/// `make` gives an empty storage for each check. Run it inside a tokio runtime, best one with several threads:
/// the races between tasks are then real.
///
/// # Panics
/// When the storage breaks the contract; the message lists every check that failed and what was found.
///
/// ```
/// use cloakroom::storage::MemoryStorage;
/// use cloakroom::testing::storage_contract;
///
/// # let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// storage_contract(async || MemoryStorage::new()).await;
/// # });
/// ```
pub async fn storage_contract<S: Storage>(make: impl AsyncFn() -> S) {
    StorageContract::new().run(make).await;
}

/// What every storage promises, and what may differ between storages.
///
/// | check | what it shows |
/// |---|---|
/// | an unknown name reads as nothing | and takes no replace, touch, remove or rename |
/// | what is inserted is read back | bytes, expiry and version |
/// | an insert leaves a taken name alone | `Exists`, and neither bytes, expiry nor version change |
/// | a replace changes bytes, expiry and version | with the right version, `Present` and `Anything` |
/// | a replace with another version changes nothing | `Changed` |
/// | a replace never creates | `Missing`, and nothing is there afterwards |
/// | a touch moves the expiry only | bytes and version stay, and the version still compares |
/// | a touch with another version changes nothing | `Changed` |
/// | a remove compares | with a wrong and the right version, `Present` and `Anything` |
/// | what was removed stays removed | replace, touch and rename are `Missing`; the name can be inserted again |
/// | a version of an earlier life is another version | remove, insert again: the old version is `Changed` |
/// | a rename moves the entry | new bytes and expiry under the new name, nothing under the old |
/// | a rename that is refused writes nothing | `Missing`, `Changed`, `Exists` |
/// | a rename to the same name is refused | `Exists`, and the entry stays |
/// | a marker takes the place of what stands there | or of nothing, and keeps others from inserting |
/// | one of many replaces wins | many tasks replace one version |
/// | one of many inserts wins | many tasks insert one name |
/// | one of many renames wins | many tasks rename one version |
/// | a removed entry never comes back | many tasks replace and touch while one removes |
/// | a rename and a replace do not both win | two tasks with one version |
/// | pages cover every entry once | at page sizes from 1 up; only where [`scan`](crate::storage::Capabilities::scan) is offered |
/// | clearing removes the expired only | strictly before the moment given, at most `limit`, and it says how many |
/// | an expired entry is kept or dropped as a whole | read and insert agree |
/// | bytes come back as they were | empty, one byte, quotes and the like, and large |
/// | names are compared exactly | 40 characters, prefixes, letter case |
/// | a dropped future leaves no half write | each write is whole or did not happen |
///
/// The bytes are ASCII text, since a database keeps text, and differ in their last 43 bytes, which a database
/// may take for the version. Expiries lie an hour and more ahead of the system's clock.
///
/// ```
/// use cloakroom::storage::MemoryStorage;
/// use cloakroom::testing::StorageContract;
/// use std::time::Duration;
///
/// # let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// let contract = StorageContract::new().expiry_precision(Duration::from_secs(1)).largest(100_000);
/// contract.run(async || MemoryStorage::new()).await;
/// let coarser = contract.unknown_expiry();
/// assert!(coarser.failures(async || MemoryStorage::new()).await.is_empty());
/// # });
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct StorageContract {
    precision: Duration,
    knows_expiry: bool,
    largest: usize,
}

impl Default for StorageContract {
    fn default() -> Self {
        Self::new()
    }
}

/// A check that failed, and what was found.
///
/// ```
/// use cloakroom::storage::MemoryStorage;
/// use cloakroom::testing::{ContractFailure, StorageContract};
///
/// # let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// let failures: Vec<ContractFailure> = StorageContract::new().failures(async || MemoryStorage::new()).await;
/// assert!(failures.is_empty(), "{failures:?}");
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContractFailure {
    /// The check, as it is called in the table at [`StorageContract`].
    pub check: &'static str,
    /// What was expected and what was found. Holds names and bytes of the suite's own, never of sessions.
    pub message: String,
}

impl fmt::Display for ContractFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.message)
    }
}

impl StorageContract {
    /// The contract for a storage that keeps the expiry to the microsecond and entries of 1 MiB.
    pub const fn new() -> Self {
        Self { precision: Duration::from_micros(1), knows_expiry: true, largest: 1 << 20 }
    }

    /// How finely the storage keeps the expiry: one second, for example. An expiry read back may lie up to this
    /// much to either side of the one written.
    pub const fn expiry_precision(mut self, precision: Duration) -> Self {
        self.precision = precision;
        self
    }

    /// For a storage that cannot say when an entry expires, and reads `None`.
    pub const fn unknown_expiry(mut self) -> Self {
        self.knows_expiry = false;
        self
    }

    /// The largest entry to try, in bytes.
    pub const fn largest(mut self, bytes: usize) -> Self {
        self.largest = bytes;
        self
    }

    /// Runs every check, each on an empty storage from `make`, inside a tokio runtime.
    ///
    /// # Panics
    /// When a check fails; the message lists all that did and what was found.
    pub async fn run<S: Storage>(&self, make: impl AsyncFn() -> S) {
        let failures = self.failures(make).await;
        if !failures.is_empty() {
            let list: Vec<String> = failures.iter().map(ToString::to_string).collect();
            panic!("the storage breaks its contract:\n  {}", list.join("\n  "));
        }
    }

    /// Runs every check as [`run`](Self::run) does and answers those that failed, none for a storage that keeps
    /// the contract.
    pub async fn failures<S: Storage>(&self, make: impl AsyncFn() -> S) -> Vec<ContractFailure> {
        let mut failures = Vec::new();
        macro_rules! checks {
            ($($name:literal => $check:path,)*) => {$(
                let probe = Probe::new(make().await, self);
                if let Err(message) = $check(&probe).await {
                    failures.push(ContractFailure { check: $name, message });
                }
            )*};
        }
        checks! {
            "an unknown name reads as nothing" => basics::unknown_name,
            "what is inserted is read back" => basics::insert_then_read,
            "an insert leaves a taken name alone" => basics::insert_on_taken_name,
            "a replace changes bytes, expiry and version" => compare::replace,
            "a replace with another version changes nothing" => compare::replace_with_another_version,
            "a replace never creates" => compare::replace_never_creates,
            "a touch moves the expiry only" => compare::touch,
            "a touch with another version changes nothing" => compare::touch_with_another_version,
            "a remove compares" => compare::remove,
            "what was removed stays removed" => compare::removed_stays_removed,
            "a version of an earlier life is another version" => compare::earlier_life,
            "a rename moves the entry" => rename::moves,
            "a rename that is refused writes nothing" => rename::refused,
            "a rename to the same name is refused" => rename::to_itself,
            "a marker takes the place of what stands there" => bury::marker,
            "one of many replaces wins" => races::replaces,
            "one of many inserts wins" => races::inserts,
            "one of many renames wins" => races::renames,
            "a removed entry never comes back" => races::removed_never_comes_back,
            "a rename and a replace do not both win" => races::rename_against_replace,
            "pages cover every entry once" => pages::cover_every_entry_once,
            "clearing removes the expired only" => pages::remove_expired,
            "an expired entry is kept or dropped as a whole" => edges::expired,
            "bytes come back as they were" => edges::bytes,
            "names are compared exactly" => edges::names,
            "a dropped future leaves no half write" => edges::dropped_future,
        }
        failures
    }
}
