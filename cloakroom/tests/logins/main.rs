//! Proves that a login holds, ends and is made as in Django: on the session, through the axum layer, and with the users
//! in each kind of database. `demo/tests/interop/logins.rs` does the same beside a live Django.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod changing;
mod databases;
mod requests;
mod site;
mod verifying;
