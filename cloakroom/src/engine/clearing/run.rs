//! One clean-up under way: batch after batch, within its budgets and its turn.

use std::time::{Duration, Instant};

use super::pace::Pace;
use super::{Cleared, ClearingEnd, ClearingProgress, Plan};
use crate::Timestamp;
use crate::error::SessionError;
use crate::observe;
use crate::storage::{ClearingTurn, DynStorage, StorageError};

/// So often it is made sure that the turn was not lost.
const CHECK: Duration = Duration::from_secs(5);

pub(super) struct Run<'a> {
    storage: &'a dyn DynStorage,
    engine: &'static str,
    pub(super) plan: &'a Plan,
    turn: ClearingTurn,
    pace: Pace,
    started: Instant,
    checked: Instant,
    pub(super) read: u64,
    pub(super) cleared: Cleared,
}

impl<'a> Run<'a> {
    /// `None` while another one is under way.
    pub(super) async fn begin(
        storage: &'a dyn DynStorage,
        engine: &'static str,
        plan: &'a Plan,
    ) -> Result<Option<Self>, StorageError> {
        let turn = if plan.one_at_a_time && !plan.dry_run {
            let Some(turn) = storage.clearing_turn().await? else { return Ok(None) };
            turn
        } else {
            ClearingTurn::free()
        };
        let (pace, now) = (Pace::new(plan.batch, plan.pause), Instant::now());
        let cleared = Cleared::default();
        Ok(Some(Self { storage, engine, plan, turn, pace, started: now, checked: now, read: 0, cleared }))
    }

    /// Gives the turn back, and answers what was done.
    pub(super) async fn end(self, ended: Result<(), SessionError>) -> Result<Cleared, SessionError> {
        self.turn.release().await;
        ended.map(|()| self.cleared)
    }

    /// Removes the entries that end before `now`.
    pub(super) async fn rows(&mut self, now: Timestamp) -> Result<(), StorageError> {
        if self.plan.dry_run || self.plan.on_progress.is_some() {
            self.cleared.expired = self.storage.count_expired(now).await?;
            // The time that counts is that of the removing.
            self.started = Instant::now();
        }
        if self.plan.dry_run {
            return Ok(());
        }
        let mut from = None;
        while let Some(limit) = self.next() {
            let began = Instant::now();
            let batch = self.storage.remove_expired_from(from, now, limit).await?;
            self.removed(batch.count as u64);
            if batch.count < limit && from.is_none() {
                self.show();
                return Ok(());
            }
            // Once more from the beginning: for what others held when it was passed over.
            from = if batch.count < limit { None } else { batch.reached };
            self.rest(began.elapsed()).await?;
        }
        Ok(())
    }

    /// So many have gone. Counted at once: a clean-up may take hours, and be dropped half-way.
    pub(super) fn removed(&mut self, count: u64) {
        self.cleared.removed += count;
        observe::cleared(self.engine, count);
    }

    /// How many may go in the next step; `None` when it is over, and why is noted.
    pub(super) fn next(&mut self) -> Option<usize> {
        let rows_left = self.plan.max_rows.map(|most| most.saturating_sub(self.cleared.removed));
        self.cleared.end = match (rows_left, self.plan.max_time) {
            _ if self.plan.is_stopped() => ClearingEnd::Stopped,
            (Some(0), _) => ClearingEnd::MaxRows,
            (_, Some(most)) if self.started.elapsed() >= most => ClearingEnd::MaxTime,
            _ => {
                let size = self.pace.size();
                return Some(rows_left.map_or(size, |left| size.min(usize::try_from(left).unwrap_or(usize::MAX))));
            }
        };
        None
    }

    /// After a step: shows what was done, and gives others time to write.
    pub(super) async fn rest(&mut self, took: Duration) -> Result<(), StorageError> {
        self.show();
        if self.checked.elapsed() >= CHECK {
            self.turn.check().await?;
            self.checked = Instant::now();
        }
        let pause = self.pace.after(took);
        if !pause.is_zero() && !self.plan.is_stopped() {
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    /// Shows how far it is, and is told to stop by whoever looks.
    pub(super) fn show(&self) {
        if let Some(look) = &self.plan.on_progress {
            let Cleared { removed, expired, .. } = self.cleared;
            let progress = ClearingProgress { removed, expired, read: self.read, elapsed: self.started.elapsed() };
            if look(&progress).is_break() {
                self.plan.stop.store(true, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }
}
