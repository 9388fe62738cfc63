//! What a session knows of its limits of time: since when its absolute life counts, and whether a save would prolong it.

use crate::Timestamp;
use crate::data::SessionData;
use crate::engine::Target;
use crate::expiry::{ExpiryError, Life, Policy, STARTED, read_start};
use crate::session::state::State;

impl State {
    /// When the session ends, were it saved now.
    #[inline]
    pub(super) fn life(&self, policy: &Policy) -> Result<Life, ExpiryError> {
        let custom = self.custom_expiry(policy)?;
        if policy.absolute_age.is_none() {
            return Ok(Life::of(custom));
        }
        Ok(Life::new(custom, self.data.as_ref().and_then(|data| data.raw(STARTED)).as_deref(), policy))
    }

    /// Takes up what was loaded. A session that does not say when it began, Django's for example, begins now: that is
    /// the one time that somebody who only reads writes.
    #[inline]
    pub(super) fn take_up(
        &mut self,
        data: SessionData,
        target: Option<Target>,
        policy: &Policy,
        begin_at: impl FnOnce() -> Option<Timestamp>,
    ) {
        if policy.absolute_age.is_some() {
            self.started = data.raw(STARTED).as_deref().and_then(read_start);
        }
        self.data = Some(data);
        self.target = target;
        if policy.absolute_age.is_some()
            && self.started.is_none()
            && let Some(now) = begin_at()
        {
            self.keep_start(policy, now);
            self.set_modified(true);
            self.only_begun = true;
        }
    }

    /// Under a limit the session says from when it counts, also after a `clear`.
    #[inline]
    pub(super) fn keep_start(&mut self, policy: &Policy, now: Timestamp) {
        if policy.absolute_age.is_none() {
            return;
        }
        let started = *self.started.get_or_insert(now);
        let data = self.data.get_or_insert_default();
        if !data.contains(STARTED) {
            data.set_raw(STARTED, started.as_seconds().to_string());
        }
    }

    /// The absolute life counts from the next save on.
    pub(super) fn begin_anew(&mut self) {
        self.write().remove(STARTED);
        self.started = None;
    }

    /// Whether more than the threshold is left of what a save would give it.
    pub(super) fn is_fresh(&self, policy: &Policy, threshold: f64, now: Timestamp) -> bool {
        let (Some(ends), Ok(life)) = (self.ends, self.life(policy)) else { return false };
        let Ok(would_end) = life.date(policy, now) else { return false };
        let outdated = self.target.as_ref().is_some_and(|target| target.outdated);
        !outdated && ends.micros_since(now) as f64 > threshold * would_end.micros_since(now) as f64
    }
}
