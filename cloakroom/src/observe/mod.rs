//! What an operator and the application get to see: spans, metrics, and observers of what happens to sessions.
//! `docs/observing.md` has the names.

mod ending;
mod event;
#[cfg(feature = "metrics")]
mod metrics;
mod observers;
mod operation;
mod watch;

pub(crate) use ending::Ending;
pub use event::{EndReason, SessionEvent};
#[cfg(feature = "metrics")]
pub use metrics::describe_metrics;
#[cfg(feature = "metrics")]
pub(crate) use metrics::{cleared, told};
pub(crate) use observers::Observers;
pub(crate) use operation::Operation;
pub(crate) use watch::Watch;

/// Without the feature nobody counts.
#[cfg(not(feature = "metrics"))]
pub(crate) fn cleared(_engine: &'static str, _count: u64) {}

/// Without the feature nobody counts.
#[cfg(not(feature = "metrics"))]
#[inline]
pub(crate) fn told(_engine: &'static str, _event: &SessionEvent<'_>) {}
