//! The application's own observers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::observe::SessionEvent;

type Observer = Arc<dyn Fn(&SessionEvent<'_>) + Send + Sync>;

/// Those who want to hear of what happens, in the order in which they came.
#[derive(Clone, Default)]
pub(crate) struct Observers(Vec<Observer>);

impl Observers {
    pub(crate) fn add(&mut self, observer: impl Fn(&SessionEvent<'_>) + Send + Sync + 'static) {
        self.0.push(Arc::new(observer));
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[inline]
    pub(crate) fn tell(&self, event: &SessionEvent<'_>) {
        for observer in &self.0 {
            // What has happened has happened: whoever fails to hear of it must not undo the request.
            if catch_unwind(AssertUnwindSafe(|| observer(event))).is_err() {
                // Not what it panicked with: that may hold a key.
                tracing::error!("an observer of sessions panicked; the session is none the worse for it");
            }
        }
    }
}
