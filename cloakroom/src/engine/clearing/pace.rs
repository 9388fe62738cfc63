//! How much at once, and how long a pause: by how long the steps take.

use std::time::Duration;

/// What a step is to take at most: others who write wait that long, where a step locks them out.
const TARGET: Duration = Duration::from_millis(10);
/// The first step, before anything is known.
const FIRST: usize = 100;
/// Smaller steps are not worth it.
const LEAST: usize = 50;
/// The shortest pause, and the longest that nobody has asked for.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How many go at once, and the pause after that.
#[derive(Debug)]
pub(super) struct Pace {
    size: usize,
    most: usize,
    /// What the quickest step took: about what the disk takes for any, however small.
    quickest: Duration,
    pause: Option<Duration>,
}

impl Pace {
    /// Steps of at most `most`; a pause of this length, or as long as each step took.
    pub(super) fn new(most: usize, pause: Option<Duration>) -> Self {
        let most = most.max(1);
        Self { size: FIRST.min(most), most, quickest: Duration::MAX, pause }
    }

    /// How many go in the next step.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// The pause after a step that took so long; the next one is larger or smaller by it.
    pub(super) fn after(&mut self, took: Duration) -> Duration {
        self.quickest = self.quickest.min(took);
        // On a slow disk a writer waits that long for itself.
        let target = TARGET.max(self.quickest.saturating_mul(2));
        if took > target {
            self.size = (self.size / 2).max(LEAST);
        } else if took < target * 3 / 4 {
            self.size += self.size / 2 + 1;
        }
        self.size = self.size.min(self.most);
        self.pause.unwrap_or_else(|| took.clamp(SHORTEST_PAUSE, LONGEST_PAUSE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn quick_steps_grow_and_slow_ones_shrink() {
        let mut pace = Pace::new(1_000, None);
        assert_eq!(pace.size(), 100);
        for _ in 0..20 {
            pace.after(ms(1));
        }
        assert_eq!(pace.size(), 1_000, "no larger than it may be");
        pace.after(ms(40));
        assert_eq!(pace.size(), 500);
        pace.after(ms(8));
        assert_eq!(pace.size(), 500, "it is right as it is");
        for _ in 0..20 {
            pace.after(ms(40));
        }
        assert_eq!(pace.size(), 50, "nor smaller than is worth it");
    }

    #[test]
    fn a_slow_disk_does_not_make_steps_small() {
        let mut pace = Pace::new(1_000, None);
        // 30 ms for the disk, and a tenth of one for each row.
        let step = |rows: usize| Duration::from_micros(30_000 + 100 * rows as u64);
        for _ in 0..50 {
            let took = step(pace.size());
            pace.after(took);
        }
        assert!((200..=600).contains(&pace.size()), "{}", pace.size());
    }

    #[test]
    fn a_step_is_never_larger_than_was_said() {
        let mut pace = Pace::new(7, None);
        for took in [ms(1), ms(50), ms(1)] {
            assert_eq!(pace.size(), 7);
            pace.after(took);
        }
        assert_eq!(Pace::new(0, None).size(), 1);
    }

    #[test]
    fn others_have_as_long_as_the_step_took() {
        let mut pace = Pace::new(1_000, None);
        assert_eq!(pace.after(ms(12)), ms(12));
        assert_eq!(pace.after(Duration::ZERO), ms(1));
        assert_eq!(pace.after(ms(60_000)), ms(1_000));
        assert_eq!(Pace::new(1_000, Some(Duration::ZERO)).after(ms(12)), Duration::ZERO);
    }
}
