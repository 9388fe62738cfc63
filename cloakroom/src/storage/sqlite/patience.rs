//! Waiting for a file that another connection has locked.
//!
//! SQLite's own way sleeps longer and longer between two looks, up to 100 ms: whoever waits while a bulk delete takes
//! and gives back the lock hundreds of times sleeps through most of the moments in which it is free.

use std::cell::Cell;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

/// The pause before the second look, and the longest.
const FIRST: Duration = Duration::from_micros(250);
const LONGEST: Duration = Duration::from_millis(2);

thread_local! {
    /// Until when this thread's connection waits.
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Has the connection of this thread wait until then for a lock.
pub(super) fn wait_until(connection: &Connection, deadline: Instant) -> rusqlite::Result<()> {
    DEADLINE.set(Some(deadline));
    connection.busy_handler(Some(looks_again))
}

fn looks_again(looks: i32) -> bool {
    let deadline = DEADLINE.try_with(Cell::get).ok().flatten();
    let left = deadline.map_or(Duration::ZERO, |deadline| deadline.saturating_duration_since(Instant::now()));
    if left.is_zero() {
        return false;
    }
    let pause = FIRST.saturating_mul(1 << looks.clamp(0, 8)).min(LONGEST);
    // Those who met do not meet again at once.
    thread::sleep(pause.mul_f64(rand::random_range(0.5..=1.0)).min(left));
    true
}
