//! Figures, by way of the `metrics` facade: whatever recorder the application has set gets them.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

use crate::observe::SessionEvent;

const OPERATIONS: &str = "cloakroom_operations_total";
const DURATION: &str = "cloakroom_operation_duration_seconds";
const ROUND_TRIPS: &str = "cloakroom_operation_round_trips";
const MERGES: &str = "cloakroom_save_merges_total";
const CREATED: &str = "cloakroom_sessions_created_total";
const LOADED: &str = "cloakroom_sessions_loaded_total";
const KEYS_CHANGED: &str = "cloakroom_session_keys_changed_total";
const ENDED: &str = "cloakroom_sessions_ended_total";
const CLEARED: &str = "cloakroom_sessions_cleared_total";

/// Tells the recorder what each metric is and what it is counted in. Making a [`SessionStore`](crate::SessionStore)
/// does so too: call this where the recorder is set later.
///
/// ```
/// let recorder = metrics_util::debugging::DebuggingRecorder::new();
/// let snapshotter = recorder.snapshotter();
/// metrics::with_local_recorder(&recorder, cloakroom::describe_metrics);
/// # let _ = snapshotter;
/// ```
pub fn describe_metrics() {
    describe_counter!(OPERATIONS, Unit::Count, "Operations of sessions on their storage.");
    describe_histogram!(DURATION, Unit::Seconds, "How long an operation of a session on its storage took.");
    describe_histogram!(ROUND_TRIPS, Unit::Count, "How often an operation of a session asked a storage.");
    describe_counter!(MERGES, Unit::Count, "Saves that another request had overtaken and that were laid over its own.");
    describe_counter!(CREATED, Unit::Count, "Sessions that were stored and were new.");
    describe_counter!(LOADED, Unit::Count, "Live sessions that were read.");
    describe_counter!(KEYS_CHANGED, Unit::Count, "Sessions that got another key.");
    describe_counter!(ENDED, Unit::Count, "Sessions that ended, but for those that a clean-up removed.");
    describe_counter!(CLEARED, Unit::Count, "Expired sessions that a clean-up removed.");
}

/// What the figures of one operation are about.
pub(super) struct Figures {
    pub(super) engine: &'static str,
    pub(super) operation: &'static str,
}

impl Figures {
    pub(super) fn ended(&self, outcome: &'static str, took: Duration, round_trips: u32) {
        let (engine, operation) = (self.engine, self.operation);
        counter!(OPERATIONS, "engine" => engine, "operation" => operation, "outcome" => outcome).increment(1);
        histogram!(DURATION, "engine" => engine, "operation" => operation).record(took);
        histogram!(ROUND_TRIPS, "engine" => engine, "operation" => operation).record(round_trips);
    }

    pub(super) fn merges(&self, merges: u32) {
        if merges > 0 {
            counter!(MERGES, "engine" => self.engine).increment(merges.into());
        }
    }
}

pub(crate) fn told(engine: &'static str, event: &SessionEvent<'_>) {
    match event {
        SessionEvent::Created { .. } => counter!(CREATED, "engine" => engine).increment(1),
        SessionEvent::Loaded { .. } => counter!(LOADED, "engine" => engine).increment(1),
        SessionEvent::KeyChanged { .. } => counter!(KEYS_CHANGED, "engine" => engine).increment(1),
        SessionEvent::Ended { reason, .. } => {
            counter!(ENDED, "engine" => engine, "reason" => reason.as_str()).increment(1);
        }
    }
}

/// So many went in one step of a clean-up.
pub(crate) fn cleared(engine: &'static str, count: u64) {
    if count > 0 {
        counter!(CLEARED, "engine" => engine).increment(count);
    }
}
