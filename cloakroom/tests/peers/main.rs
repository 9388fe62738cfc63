//! Proves that cloakroom has none of the faults that were found in other session libraries, a test a fault, numbered
//! as the list of them is.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod changes;
mod clearing;
mod cookies;
#[path = "../support/engines.rs"]
mod engines;
mod keys;
mod logins;
mod requests;
mod storages;
#[path = "../support/visits.rs"]
mod visits;

use cloakroom::storage::MemoryStorage;
use cloakroom::testing::SpyStorage;
use cloakroom::{SessionStore, Settings};

fn settings() -> Settings {
    Settings::new().secret_key("a secret")
}

/// A site whose storage is watched.
fn spied() -> (SpyStorage<MemoryStorage>, SessionStore) {
    let spy = SpyStorage::new(MemoryStorage::new());
    let store = SessionStore::db(spy.clone(), settings()).unwrap();
    (spy, store)
}
