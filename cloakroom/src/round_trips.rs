//! How often a piece of work asks a storage.
//!
//! The number stands with the thread, not with the work: whoever asks a storage adds one, a handful of instructions
//! whether anybody counts or not, and who counts looks at what was added while its work was polled.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;

thread_local! {
    /// What was asked and counted by nobody yet.
    static ASKED: Cell<u32> = const { Cell::new(0) };
}

/// The storage is asked so many times more.
#[inline]
pub(crate) fn add(times: u32) {
    ASKED.set(ASKED.get().wrapping_add(times));
}

/// Does the work, and adds how often a storage was asked by it. What a piece of it counts for itself is left out.
pub(crate) async fn counted<T>(count: &mut u32, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|context| {
        let before = ASKED.replace(0);
        let polled = work.as_mut().poll(context);
        *count = count.wrapping_add(ASKED.replace(before));
        polled
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask() {
        add(1);
        tokio::task::yield_now().await;
    }

    #[tokio::test]
    async fn each_piece_of_work_counts_its_own_also_when_they_take_turns() {
        let (mut one, mut two, mut outer, mut inner) = (0, 0, 0, 0);
        add(9);
        tokio::join!(
            counted(&mut one, async {
                ask().await;
                ask().await;
            }),
            counted(&mut two, ask()),
            counted(&mut outer, async {
                ask().await;
                counted(&mut inner, async {
                    ask().await;
                    add(2);
                })
                .await;
            }),
        );
        assert_eq!((one, two, outer, inner), (2, 1, 1, 3));
    }

    #[tokio::test]
    async fn work_that_is_dropped_was_counted_so_far() {
        let mut count = 0;
        let work = counted(&mut count, async {
            ask().await;
            std::future::pending::<()>().await;
        });
        assert!(tokio::time::timeout(std::time::Duration::from_millis(1), work).await.is_err());
        assert_eq!(count, 1);
    }
}
