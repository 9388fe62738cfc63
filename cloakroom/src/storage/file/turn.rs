//! Work on a thread that may block, and what is known of it when nobody waited for its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;

use super::error::FileFailure;
use crate::storage::StorageError;

const WAITING: u8 = 0;
const BEGUN: u8 = 1;
const CANCELLED: u8 = 2;

/// Whether an operation has begun to change something that others can see. Until then it can be cancelled; from
/// then on it runs to its end.
#[derive(Default)]
pub(in crate::storage) struct Turn(AtomicU8);

impl Turn {
    /// To be called before the first visible change, and before each further try.
    pub(in crate::storage) fn begin(&self) -> Result<(), StorageError> {
        match self.step(BEGUN) {
            Ok(_) | Err(BEGUN) => Ok(()),
            Err(_) => Err(StorageError::not_done(FileFailure::Cancelled)),
        }
    }

    pub(in crate::storage) fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire) == CANCELLED
    }

    /// Whether nothing was begun, and so nothing will be.
    pub(in crate::storage) fn cancel(&self) -> bool {
        self.step(CANCELLED).is_ok()
    }

    fn step(&self, to: u8) -> Result<u8, u8> {
        self.0.compare_exchange(WAITING, to, Ordering::AcqRel, Ordering::Acquire)
    }
}

/// Nobody waits any more.
struct CancelOnDrop(Arc<Turn>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Carries out `work` on a thread that may block, for at most `limit`.
pub(in crate::storage) async fn run<T, W>(limit: Duration, work: W) -> Result<T, StorageError>
where
    T: Send + 'static,
    W: FnOnce(&Turn) -> Result<T, StorageError> + Send + 'static,
{
    let runtime = Handle::try_current().map_err(StorageError::not_done)?;
    let turn = Arc::new(Turn::default());
    let waiting = CancelOnDrop(Arc::clone(&turn));
    let task = runtime.spawn_blocking(move || work(&turn));
    let failure: Box<dyn std::error::Error + Send + Sync> = match tokio::time::timeout(limit, task).await {
        Ok(Ok(answer)) => return answer,
        Ok(Err(ended)) => Box::new(ended),
        Err(_) => Box::new(FileFailure::TimedOut),
    };
    Err(if waiting.0.cancel() { StorageError::NotDone(failure) } else { StorageError::OutcomeUnknown(failure) })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread::sleep;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(40);
    const LONG: Duration = Duration::from_millis(120);

    #[tokio::test]
    async fn what_was_not_begun_in_time_is_not_done_and_never_will_be() {
        let begun = Arc::new(AtomicBool::new(true));
        let seen = Arc::clone(&begun);
        let answer = run(LIMIT, move |turn| {
            sleep(LONG);
            seen.store(turn.begin().is_ok(), Ordering::Release);
            Ok(())
        });
        assert!(matches!(answer.await, Err(StorageError::NotDone(_))));
        tokio::time::sleep(LONG * 2).await;
        assert!(!begun.load(Ordering::Acquire));
    }

    #[tokio::test]
    async fn what_was_begun_has_an_unknown_outcome_when_the_time_is_up() {
        let answer = run(LIMIT, |turn| {
            turn.begin()?;
            sleep(LONG);
            Ok(())
        });
        assert!(matches!(answer.await, Err(StorageError::OutcomeUnknown(_))));
    }

    #[tokio::test]
    async fn what_was_begun_runs_to_its_end_though_nobody_waits() {
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ended);
        let waiting = run(LONG * 10, move |turn| {
            turn.begin()?;
            sleep(LONG);
            seen.store(true, Ordering::Release);
            Ok(())
        });
        assert!(tokio::time::timeout(LIMIT, waiting).await.is_err());
        tokio::time::sleep(LONG * 2).await;
        assert!(ended.load(Ordering::Acquire));
    }
}
