//! Ctrl-C, and a supervisor's way to say the same: what is under way ends after the batch it is at.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;

/// The signal that came, by its number.
#[derive(Clone, Default)]
pub(crate) struct Interrupt(Arc<AtomicU8>);

impl Interrupt {
    /// Listens from now on, on the runtime at hand. A second signal ends the command on the spot, which loses nothing:
    /// a batch happens whole or not at all.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let interrupt = Self::default();
        for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
            let (mut signals, seen) = (signal(kind)?, interrupt.clone());
            let number = u8::try_from(kind.as_raw_value()).unwrap_or_default();
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    if seen.0.swap(number, Ordering::Relaxed) != 0 {
                        std::process::exit(128 + i32::from(number));
                    }
                }
            });
        }
        Ok(interrupt)
    }

    /// Which one came, if any did.
    pub(crate) fn came(&self) -> Option<u8> {
        Some(self.0.load(Ordering::Relaxed)).filter(|number| *number != 0)
    }
}
