//! The pickle reader and writer: hostile input, properties, and a real Python on the other side.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "pickle/bombs.rs"]
mod bombs;
#[path = "pickle/properties.rs"]
mod properties;
#[path = "pickle/python.rs"]
mod python;
