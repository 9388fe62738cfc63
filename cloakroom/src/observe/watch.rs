//! One operation, watched from its beginning to its end.

use std::future::Future;
#[cfg(feature = "metrics")]
use std::time::Instant;

use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};
use tracing::{Instrument, Level, Span};

use crate::observe::{Ending, Operation};
use crate::round_trips;

/// An operation that is watched, if anybody wants to see it: otherwise nothing is kept and nothing counted.
pub(crate) struct Watch(Option<Box<Seen>>);

struct Seen {
    span: Span,
    round_trips: u32,
    #[cfg(feature = "metrics")]
    figures: super::metrics::Figures,
    #[cfg(feature = "metrics")]
    began: Instant,
}

impl Watch {
    /// Whether anybody may want to see one.
    #[inline]
    pub(crate) fn is_wanted() -> bool {
        // Whatever of the facade is a recorder is asked there. Spans are made at the level `debug`: one an operation.
        cfg!(feature = "metrics") || (Level::DEBUG <= STATIC_MAX_LEVEL && Level::DEBUG <= LevelFilter::current())
    }

    #[inline]
    pub(crate) fn begin(engine: &'static str, operation: Operation) -> Self {
        if Self::is_wanted() { Self::begin_wanted(engine, operation) } else { Self(None) }
    }

    #[cold]
    fn begin_wanted(engine: &'static str, operation: Operation) -> Self {
        let span = operation.span(engine);
        if span.is_disabled() && !cfg!(feature = "metrics") {
            return Self(None);
        }
        Self(Some(Box::new(Seen {
            span,
            round_trips: 0,
            #[cfg(feature = "metrics")]
            figures: super::metrics::Figures { engine, operation: operation.as_str() },
            #[cfg(feature = "metrics")]
            began: Instant::now(),
        })))
    }

    /// Does the work inside the span. It is given as a function, so that its future is made in its place and not moved.
    #[inline]
    pub(crate) async fn follow<F: Future>(&mut self, work: impl FnOnce() -> F) -> F::Output {
        match &mut self.0 {
            None => work().await,
            // On the heap before anything is put around it: the future of a save has kilobytes.
            Some(seen) => seen.follow(Box::pin(work())).await,
        }
    }

    /// The same for work that asks no storage.
    pub(crate) fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        match &self.0 {
            None => work(),
            Some(seen) => seen.span.in_scope(work),
        }
    }

    /// So often was a save laid over another's.
    pub(crate) fn merges(&self, merges: u32) {
        if let Some(seen) = &self.0 {
            seen.span.record("merges", merges);
            #[cfg(feature = "metrics")]
            seen.figures.merges(merges);
        }
    }

    /// So many sessions did a clean-up remove.
    pub(crate) fn removed(&self, removed: u64) {
        if let Some(seen) = &self.0 {
            seen.span.record("removed", removed);
        }
    }

    pub(crate) fn end(mut self, ending: Ending) {
        self.end_if_seen(ending);
    }

    #[inline]
    fn end_if_seen(&mut self, ending: Ending) {
        if let Some(seen) = self.0.take() {
            seen.end(ending);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end_if_seen(Ending::Dropped);
    }
}

impl Seen {
    async fn follow<F: Future>(&mut self, work: F) -> F::Output {
        round_trips::counted(&mut self.round_trips, work.instrument(self.span.clone())).await
    }

    #[cold]
    fn end(&self, ending: Ending) {
        self.span.record("outcome", ending.as_str());
        self.span.record("round_trips", self.round_trips);
        #[cfg(feature = "metrics")]
        self.figures.ended(ending.as_str(), self.began.elapsed(), self.round_trips);
    }
}
