//! Tools for tests: the contract that every [`Storage`](crate::storage::Storage) keeps, and a storage that
//! counts its calls, fails on command and lets something happen in between. [`session_contract`] proves the sessions
//! of an engine.
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

mod contract;
mod sessions;
mod spy;

pub use contract::{ContractFailure, StorageContract, storage_contract};
pub use sessions::session_contract;
pub use spy::{Calls, Fault, Operation, SpyStorage};
