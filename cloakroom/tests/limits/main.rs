//! Proves the limits of time: the absolute lifetime, the throttled touch, and the grace time after a change of key.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod absolute;
#[path = "../support/engines.rs"]
mod engines;
mod grace;
mod touches;
#[path = "../support/visits.rs"]
mod visits;

use std::sync::{Arc, Mutex};

use cloakroom::{Clock, SessionStore, Settings, Timestamp};

/// The second at which the tests begin.
const START: i64 = 1_831_700_317;

fn settings() -> Settings {
    Settings::new().secret_key("a secret")
}

/// A clock that is moved by hand.
#[derive(Clone)]
struct Hands(Arc<Mutex<Timestamp>>);

impl Hands {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Timestamp::from_seconds(START).unwrap())))
    }

    fn pass(&self, seconds: f64) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add_seconds(seconds).unwrap();
    }

    fn on(&self, store: SessionStore) -> SessionStore {
        let now = Arc::clone(&self.0);
        store.with_clock(Clock::new(move || *now.lock().unwrap()))
    }
}
