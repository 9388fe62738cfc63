//! A clean-up that comes back again and again, whatever happens to one of them.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::engine::{Cleared, ClearingEnd};
use crate::error::SessionError;

/// The first one begins within this time: processes that start together do not begin together.
const FIRST_WITHIN: Duration = Duration::from_secs(60);
/// After an error the next one begins after this time at the latest.
const AFTER_ERROR: Duration = Duration::from_secs(5 * 60);
/// What lies outside of these is no interval.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// So much longer or shorter a pause is than was said, at most.
const JITTER: f64 = 0.1;

/// Clean-up in the background; [`SessionStore::clear_expired_every`](crate::SessionStore::clear_expired_every) starts
/// it. When this handle is dropped, it ends after the step it is at.
#[must_use = "the clean-up ends when this is dropped"]
pub struct ClearingTask {
    stop: Arc<AtomicBool>,
    ended: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl ClearingTask {
    pub(super) fn start<F>(
        interval: Duration,
        stop: Arc<AtomicBool>,
        clear: impl Fn() -> F + Send + 'static,
    ) -> Result<Self, SessionError>
    where
        F: Future<Output = Result<Cleared, SessionError>> + Send + 'static,
    {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| SessionError::OutsideRuntime)?;
        let interval = interval.clamp(SHORTEST, LONGEST);
        let (ended, mut watched) = watch::channel(false);
        let task = runtime.spawn(async move {
            let mut wait = interval.min(FIRST_WITHIN).mul_f64(rand::random_range(0.0..=1.0));
            loop {
                // Either is the end: it was told to, or the handle is gone.
                if tokio::time::timeout(wait, watched.changed()).await.is_ok() {
                    return;
                }
                // In a task of its own, so that a panic in somebody's storage is the end of that one only.
                let is_well = match tokio::spawn(clear()).await {
                    Ok(Ok(cleared)) => {
                        tell(&cleared);
                        true
                    }
                    Ok(Err(error)) => {
                        tracing::warn!(%error, "expired sessions could not be cleared; this will be tried again");
                        false
                    }
                    Err(panic) => {
                        tracing::error!(%panic, "clearing expired sessions ended badly; this will be tried again");
                        false
                    }
                };
                let next = if is_well { interval } else { interval.min(AFTER_ERROR) };
                wait = next.mul_f64(rand::random_range(1.0 - JITTER..=1.0 + JITTER));
            }
        });
        Ok(Self { stop, ended, task })
    }

    /// Whether it goes on: `false` once it was stopped, or its runtime was.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }

    /// Ends it, and waits for the step it is at.
    pub async fn stop(mut self) {
        self.tell_to_end();
        // An error would be that the runtime has ended it.
        let _ = (&mut self.task).await;
    }

    fn tell_to_end(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.ended.send_replace(true);
    }
}

fn tell(cleared: &Cleared) {
    match cleared.end {
        ClearingEnd::UnderWay => tracing::debug!("another process clears the expired sessions"),
        _ if cleared.removed > 0 => tracing::debug!(removed = cleared.removed, "expired sessions were cleared"),
        _ => {}
    }
}

impl Drop for ClearingTask {
    fn drop(&mut self) {
        self.tell_to_end();
    }
}

impl fmt::Debug for ClearingTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClearingTask").field("is_running", &self.is_running()).finish_non_exhaustive()
    }
}
