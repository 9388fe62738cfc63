//! Saves of one session that meet in this process go one after another.
//!
//! Each of many that compare and swap at once would fail as often as another one wins. The first of them does not wait;
//! who has lost once queues up, and so does who comes while there is a queue. A turn only keeps others from trying in
//! vain: who goes without one loses nothing, so nobody waits for a queue that does not move.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::key::SessionKey;

/// So long one waits for a queue that does not move. Who has the turn may be stopped: the caller of a save may keep it
/// without polling it.
const PATIENCE: Duration = Duration::from_millis(100);

/// The queues there are, by session.
#[derive(Default)]
pub(super) struct Turns {
    queues: Mutex<HashMap<SessionKey, Arc<Queue>>>,
    /// How many there are: looked at before each save, so without a lock.
    count: AtomicUsize,
}

struct Queue {
    turn: Arc<Semaphore>,
    /// How many turns have ended.
    ended: AtomicUsize,
}

impl Default for Queue {
    fn default() -> Self {
        Self { turn: Arc::new(Semaphore::new(1)), ended: AtomicUsize::new(0) }
    }
}

impl Queue {
    /// The turn, unless the queue is broken up or does not move.
    async fn wait(&self) -> Option<OwnedSemaphorePermit> {
        let mut turn = pin!(Arc::clone(&self.turn).acquire_owned());
        let mut ended = self.ended.load(Ordering::Relaxed);
        loop {
            if let Ok(turn) = timeout(PATIENCE, &mut turn).await {
                return turn.ok();
            }
            let before = std::mem::replace(&mut ended, self.ended.load(Ordering::Relaxed));
            if before == ended {
                return None;
            }
        }
    }
}

/// A place at the head of a queue.
pub(super) struct Turn<'t> {
    turns: &'t Turns,
    key: SessionKey,
    queue: Arc<Queue>,
    /// `None` once the queue was broken up, or where it did not move.
    permit: Option<OwnedSemaphorePermit>,
    /// Somebody else had it before.
    pub(super) waited: bool,
}

impl Turns {
    fn queues(&self) -> MutexGuard<'_, HashMap<SessionKey, Arc<Queue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether others are saving this session one after another.
    pub(super) fn is_queue_for(&self, key: &SessionKey) -> bool {
        self.count.load(Ordering::Relaxed) > 0 && self.queues().contains_key(key)
    }

    /// Waits for a turn.
    pub(super) async fn take(&self, key: &SessionKey) -> Turn<'_> {
        let queue = {
            let mut queues = self.queues();
            let queue = Arc::clone(queues.entry(key.clone()).or_default());
            self.count.store(queues.len(), Ordering::Relaxed);
            queue
        };
        let mut turn = Turn { turns: self, key: key.clone(), queue, permit: None, waited: false };
        turn.permit = Arc::clone(&turn.queue.turn).try_acquire_owned().ok();
        if turn.permit.is_none() {
            turn.waited = true;
            turn.permit = turn.queue.wait().await;
        }
        turn
    }
}

impl Turn<'_> {
    /// The storage does not answer: nobody waits for others that wait for it.
    pub(super) fn break_up(&self) {
        self.queue.turn.close();
        let mut queues = self.turns.queues();
        if queues.get(&self.key).is_some_and(|queue| Arc::ptr_eq(queue, &self.queue)) {
            queues.remove(&self.key);
            self.turns.count.store(queues.len(), Ordering::Relaxed);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.permit.take().is_some() {
            self.queue.ended.fetch_add(1, Ordering::Relaxed);
        }
        let mut queues = self.turns.queues();
        // Those who wait hold it as well: beside the map's and this one.
        if Arc::strong_count(&self.queue) == 2
            && queues.get(&self.key).is_some_and(|queue| Arc::ptr_eq(queue, &self.queue))
        {
            queues.remove(&self.key);
            self.turns.count.store(queues.len(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_come_one_after_another_and_leave_nothing_behind() {
        let (turns, key, other) = (Arc::new(Turns::default()), SessionKey::generate(), SessionKey::generate());
        assert!(!turns.is_queue_for(&key));
        let first = turns.take(&key).await;
        assert!(turns.is_queue_for(&key) && !turns.is_queue_for(&other) && !first.waited);
        let waiting: Vec<_> = (0..10)
            .map(|_| {
                let (turns, key) = (Arc::clone(&turns), key.clone());
                tokio::spawn(async move { turns.take(&key).await.waited })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(!waiting.iter().any(tokio::task::JoinHandle::is_finished));
        assert!(!turns.take(&other).await.waited, "another session is another queue");
        drop(first);
        for waiting in waiting {
            assert!(waiting.await.unwrap());
        }
        assert!(!turns.is_queue_for(&key) && turns.queues().is_empty());
    }

    #[tokio::test]
    async fn a_queue_that_is_broken_up_lets_everybody_go() {
        let (turns, key) = (Arc::new(Turns::default()), SessionKey::generate());
        let first = turns.take(&key).await;
        let waiting = {
            let (turns, key) = (Arc::clone(&turns), key.clone());
            tokio::spawn(async move { turns.take(&key).await.permit.is_none() })
        };
        tokio::task::yield_now().await;
        first.break_up();
        assert!(waiting.await.unwrap());
        assert!(!turns.is_queue_for(&key), "who comes now begins anew");
        assert!(!turns.take(&key).await.waited);
        drop(first);
        assert!(turns.queues().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_queue_that_does_not_move() {
        let (turns, key) = (Arc::new(Turns::default()), SessionKey::generate());
        let stopped = turns.take(&key).await;
        let from = tokio::time::Instant::now();
        let second = turns.take(&key).await;
        assert!(second.permit.is_none() && from.elapsed() >= PATIENCE);
        drop((stopped, second));
        assert!(turns.queues().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_that_moves_is_waited_for_however_long_it_is() {
        let (turns, key) = (Arc::new(Turns::default()), SessionKey::generate());
        let waiting: Vec<_> = (0..10)
            .map(|_| {
                let (turns, key) = (Arc::clone(&turns), key.clone());
                tokio::spawn(async move {
                    let turn = turns.take(&key).await;
                    tokio::time::sleep(PATIENCE * 3 / 4).await;
                    turn.permit.is_some()
                })
            })
            .collect();
        for waiting in waiting {
            assert!(waiting.await.unwrap());
        }
    }

    #[tokio::test]
    async fn one_who_leaves_the_queue_does_not_hold_it_up() {
        let (turns, key) = (Arc::new(Turns::default()), SessionKey::generate());
        let first = turns.take(&key).await;
        let leaves = tokio::time::timeout(std::time::Duration::from_millis(1), turns.take(&key)).await;
        assert!(leaves.is_err());
        drop(first);
        assert!(!turns.take(&key).await.waited && turns.queues().is_empty());
    }
}
