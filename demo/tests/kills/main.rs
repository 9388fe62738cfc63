//! What a visitor was told is kept, whatever dies: the site itself is killed under load, or a server behind it, or one of
//! two programs that write to the same SQLite file. Every change whose answer came whole is there afterwards, every
//! logout stays one, errors are told in time, and nothing needs a hand to go on.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod load;
mod servers;
mod site;
mod transaction;
mod visitor;

/// How much is done in `./test`, and how much where there is time (`CLOAKROOM_LONG`).
fn bounded(usually: usize, long: usize) -> usize {
    if std::env::var_os("CLOAKROOM_LONG").is_some() { long } else { usually }
}

/// The figures of a test, written past the test runner, which would keep them to itself.
fn say(figures: &str) {
    use std::io::Write as _;
    let _ = std::io::stdout().write_all(format!("faults: {figures}\n").as_bytes());
}
