//! What a long clean-up asks of a storage beside the removing: whose turn it is, how far it got, how much there is.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::{Storage, StorageError};
use crate::Timestamp;

/// The turn at clearing a storage of expired entries: who holds it is the only one who does, as far as others ask for
/// it too. It ends when it is dropped, and with the process that holds it, whatever becomes of that.
///
/// ```
/// use cloakroom::storage::{ClearingTurn, MemoryStorage, Storage};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cloakroom::storage::StorageError> {
/// // The memory of one process needs no turns: everybody gets one.
/// let turn: Option<ClearingTurn> = MemoryStorage::new().clearing_turn().await?;
/// assert!(turn.is_some());
/// // A storage of your own: a lock that its holder gives back by dropping it.
/// static LOCK: std::sync::Mutex<()> = std::sync::Mutex::new(());
/// struct GivesBack;
/// impl Drop for GivesBack {
///     fn drop(&mut self) { /* removes the lock, whatever it is */ }
/// }
/// let turn = ClearingTurn::until_dropped(GivesBack);
/// # drop(turn);
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it ends the turn"]
pub struct ClearingTurn(Option<Box<dyn Turn>>);

/// What holds a turn.
pub(crate) trait Turn: Send {
    /// An error when the turn was lost, with its connection for example.
    fn check(&mut self) -> Pin<Box<dyn Future<Output = Result<(), StorageError>> + Send + '_>>;

    /// Gives it back, and waits until others can have it.
    fn release(self: Box<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

impl ClearingTurn {
    /// A turn that excludes nobody.
    pub const fn free() -> Self {
        Self(None)
    }

    /// A turn that lasts until `guard` is dropped.
    pub fn until_dropped(guard: impl Send + 'static) -> Self {
        Self::of(Guard(guard))
    }

    pub(crate) fn of(turn: impl Turn + 'static) -> Self {
        Self(Some(Box::new(turn)))
    }

    pub(crate) async fn check(&mut self) -> Result<(), StorageError> {
        match &mut self.0 {
            Some(turn) => turn.check().await,
            None => Ok(()),
        }
    }

    pub(crate) async fn release(self) {
        if let Some(turn) = self.0 {
            turn.release().await;
        }
    }
}

impl fmt::Debug for ClearingTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClearingTurn")
    }
}

struct Guard<G>(G);

impl<G: Send + 'static> Turn for Guard<G> {
    fn check(&mut self) -> Pin<Box<dyn Future<Output = Result<(), StorageError>> + Send + '_>> {
        Box::pin(async { Ok(()) })
    }

    fn release(self: Box<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move { drop(self) })
    }
}

/// What one batch of a clean-up removed.
///
/// ```
/// use cloakroom::storage::RemovedExpired;
///
/// let batch = RemovedExpired::new(100, None);
/// assert_eq!((batch.count, batch.reached), (100, None));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemovedExpired {
    /// How many entries went.
    pub count: usize,
    /// Nothing that ends before this moment is left, but for what others held; the next batch begins here. `None`
    /// where the storage does not need to know.
    pub reached: Option<Timestamp>,
}

impl RemovedExpired {
    /// A batch.
    #[must_use]
    pub const fn new(count: usize, reached: Option<Timestamp>) -> Self {
        Self { count, reached }
    }
}

/// How many are counted at once: a few milliseconds, in which a file may be locked.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub(super) const SLICE: i64 = 20_000;
/// How many are listed at once where they cannot be counted.
const PAGE: usize = 1_000;

/// Counts by looking at every entry.
pub(super) async fn count_by_scan<S: Storage + ?Sized>(
    storage: &S,
    now: Timestamp,
) -> Result<Option<u64>, StorageError> {
    let capabilities = storage.capabilities();
    if !capabilities.scan {
        return Ok(None);
    }
    let (mut count, mut after) = (0, None);
    loop {
        let page = storage.scan(after.as_ref(), PAGE).await?;
        count += page.entries.iter().filter(|entry| entry.expires.is_some_and(|expires| expires < now)).count() as u64;
        after = page.next;
        if after.is_none() {
            return Ok(Some(count));
        }
    }
}
