use std::time::Duration;

use super::Failure;

/// How long, in milliseconds, a statement waits at most before it is tried again that other transactions were in the
/// way of.
const LONGEST_PAUSE: u64 = 32;

/// How often a statement was tried, and whether it is to be tried again.
#[derive(Default)]
pub(in crate::storage) struct Tries(u64);

impl Tries {
    /// Whether to try again after a failure, and waits as long as is right before that. `reads`: the statement only
    /// reads. `in_the_way`: other transactions were, and there is nothing to compare, so that this is no answer.
    pub(in crate::storage) async fn again(&mut self, failure: &Failure, reads: bool, in_the_way: bool) -> bool {
        self.0 += 1;
        // What only reads may be repeated: the connection may have died while nobody used it.
        if self.0 == 1 && (failure.was_without_effect() || (reads && failure.may_be_tried_again())) {
            return true;
        }
        if in_the_way {
            // Those that met do not meet again at once.
            let pause = rand::random_range(0..=self.0.min(LONGEST_PAUSE));
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        in_the_way
    }
}
