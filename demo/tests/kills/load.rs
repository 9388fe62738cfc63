//! Visitors who come all the time while something goes on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::visitor::{Outcome, Seen, Visitor};

/// So many visitors come to a site.
pub(crate) const VISITORS: usize = 12;

/// Lets the visitors come while `trouble` goes on, or until the site is gone.
pub(crate) fn under_load<T>(visitors: &mut [Visitor], seen: &Seen, trouble: impl FnOnce() -> T) -> T {
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        for visitor in visitors {
            let ended = &ended;
            scope.spawn(move || {
                let _failed = Failed(seen);
                while !ended.load(Ordering::Relaxed) {
                    match visitor.step(seen) {
                        Outcome::Done => {}
                        // The next request comes a moment later.
                        Outcome::Refused => thread::sleep(Duration::from_millis(50)),
                        Outcome::Cut => break,
                    }
                }
            });
        }
        let _end = End(&ended);
        trouble()
    })
}

/// Ends the visitors even when the trouble panics.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Ends the waiting when a visitor panics.
struct Failed<'a>(&'a Seen);

impl Drop for Failed<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.failed.store(true, Ordering::Relaxed);
        }
    }
}

/// Waits until a count of what the visitors see has grown by so many.
pub(crate) fn more(seen: &Seen, count: impl Fn(&Seen) -> usize, what: &str, by: usize) {
    let wanted = count(seen) + by;
    let end = Instant::now() + Duration::from_secs(120);
    while count(seen) < wanted {
        assert!(!seen.failed.load(Ordering::Relaxed), "a visitor has failed");
        assert!(Instant::now() < end, "no {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// A number below `limit` that nobody can foresee.
pub(crate) fn any(limit: usize) -> usize {
    use std::hash::{BuildHasher as _, RandomState};
    // A new state for each call.
    (RandomState::new().hash_one(0) % limit as u64) as usize
}
