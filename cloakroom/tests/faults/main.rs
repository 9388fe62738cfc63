//! What goes wrong around a session: in each case a clear error within the time-out, nothing half-written, no lock or
//! counter left behind, and recovery without a restart.
#![allow(missing_docs, clippy::unwrap_used)]
