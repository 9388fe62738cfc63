use super::Version;

/// The outcome of [`Storage::insert`](super::Storage::insert).
///
/// ```
/// use cloakroom::storage::{Insert, MemoryStorage, New, Storage};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cloakroom::storage::StorageError> {
/// let storage = MemoryStorage::new();
/// let new = New::of(b"bytes", cloakroom::Timestamp::MAX);
/// assert!(matches!(storage.insert("name", new).await?, Insert::Inserted(_)));
/// assert_eq!(storage.insert("name", new).await?, Insert::Exists);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Insert {
    /// Kept, with this version.
    Inserted(Version),
    /// The name is taken; nothing was written. An expired entry that is still there takes its name.
    Exists,
}

/// The outcome of [`Storage::replace`](super::Storage::replace).
///
/// ```
/// use cloakroom::storage::{Expect, MemoryStorage, New, Replace, Storage};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cloakroom::storage::StorageError> {
/// let storage = MemoryStorage::new();
/// let new = New::of(b"bytes", cloakroom::Timestamp::MAX);
/// assert_eq!(storage.replace("name", Expect::Present, new).await?, Replace::Missing);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Replace {
    /// Replaced; the entry now has this version.
    Replaced(Version),
    /// There is no such entry; nothing was written.
    Missing,
    /// The entry is another than expected; nothing was written.
    Changed,
}

/// The outcome of [`Storage::touch`](super::Storage::touch).
///
/// ```
/// use cloakroom::Timestamp;
/// use cloakroom::storage::{Expect, MemoryStorage, Storage, Touch};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cloakroom::storage::StorageError> {
/// let storage = MemoryStorage::new();
/// assert_eq!(storage.touch("name", Expect::Present, Timestamp::MAX).await?, Touch::Missing);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Touch {
    /// The expiry was moved.
    Touched,
    /// There is no such entry.
    Missing,
    /// The entry is another than expected; its expiry was not moved.
    Changed,
}

/// The outcome of [`Storage::remove`](super::Storage::remove).
///
/// ```
/// use cloakroom::storage::{Expect, MemoryStorage, Remove, Storage};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cloakroom::storage::StorageError> {
/// let storage = MemoryStorage::new();
/// assert_eq!(storage.remove("name", Expect::Anything).await?, Remove::Missing);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Remove {
    /// The entry is gone.
    Removed,
    /// There was none.
    Missing,
    /// The entry is another than expected; it was left.
    Changed,
}

/// The outcome of [`Storage::rename`](super::Storage::rename).
///
/// ```
/// use cloakroom::storage::{Expect, MemoryStorage, New, Rename, Storage};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cloakroom::storage::StorageError> {
/// let storage = MemoryStorage::new();
/// let new = New::of(b"bytes", cloakroom::Timestamp::MAX);
/// assert_eq!(storage.rename("from", "to", Expect::Present, new).await?, Rename::Missing);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Rename {
    /// The old entry is gone and the new one is kept, with this version.
    Renamed(Version),
    /// There is no entry under the old name; nothing was written.
    Missing,
    /// The entry under the old name is another than expected; nothing was written.
    Changed,
    /// The new name is taken; nothing was written.
    Exists,
}
