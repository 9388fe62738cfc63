//! What operators and applications get to see of sessions: spans, events for observers, figures.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

#[path = "../support/engines.rs"]
mod engines;
mod events;
#[cfg(feature = "metrics")]
mod figures;
mod outcomes;
mod seen;
mod spans;
mod steps;
#[path = "../support/visits.rs"]
mod visits;

use cloakroom::{Clock, SessionKey, SessionStore, Settings, Timestamp};

fn settings() -> Settings {
    Settings::new().secret_key("a secret")
}

/// A session with a member that nobody gets to see.
async fn stored(store: &SessionStore) -> SessionKey {
    let session = store.session(None);
    session.aset("name", seen::DATA).await.unwrap();
    session.asave().await.unwrap();
    session.session_key().unwrap()
}

/// The same sessions in a month.
fn in_a_month(store: &SessionStore) -> SessionStore {
    let later = Timestamp::now().checked_add_seconds(30.0 * 86_400.0).unwrap();
    store.clone().with_clock(Clock::new(move || later))
}
