//! Tools for tests.
//!
//! For tests of an application's handlers: [`session_cookie`] makes a session beforehand, for a visitor who is
//! signed in; [`CookieJar`] remembers cookies from one request to the next.
//!
//! For storages: the contract that every [`Storage`](crate::storage::Storage) keeps, and a storage that counts its
//! calls, fails on command and lets something happen in between. [`session_contract`] proves the sessions of an
//! engine.
//!
//! Whoever writes a storage of their own proves it with one test:
//!
//! ```
//! use cloakroom::storage::MemoryStorage;
//! use cloakroom::testing::storage_contract;
//!
//! # let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! storage_contract(async || MemoryStorage::new()).await;
//! # });
//! ```

mod client;
mod contract;
mod sessions;
mod spy;

pub use client::{CookieJar, session_cookie};
pub use contract::{ContractFailure, StorageContract, storage_contract};
pub use sessions::session_contract;
pub use spy::{Calls, Fault, Operation, SpyStorage};
