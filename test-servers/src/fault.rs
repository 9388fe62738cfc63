//! What may go wrong on a line between a client and a server.

use std::io::{self, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// What a request meets on its way to the server, or its reply on the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it arrives.
    Nothing,
    /// The line is closed in place of passing the request on, so the server never has it.
    Refused,
    /// The reply comes so much later.
    Delayed(Duration),
    /// The line is closed after so many bytes of the reply, of which there must be one at least: by then the server has
    /// done what it was asked. A shorter reply arrives whole, and nothing is closed.
    Truncated(usize),
    /// The reply never comes, nor does anything else on this line, which stays open: no line loses bytes and goes on.
    Swallowed,
    /// The reply comes byte by byte, with such a pause before each.
    Dripping(Duration),
}

/// What becomes of the reply to one request.
pub(crate) struct Reply {
    fault: Fault,
    passed: usize,
}

impl Reply {
    pub(crate) const fn with(fault: Fault) -> Self {
        Self { fault, passed: 0 }
    }

    /// That to the next request. A line that is silent stays so.
    pub(crate) fn begin(&mut self, fault: Fault) {
        if self.fault != Fault::Swallowed {
            *self = Self::with(fault);
        }
    }

    /// So many bytes more: the fault, and how many there were before.
    pub(crate) fn advance(&mut self, count: usize) -> (Fault, usize) {
        let before = self.passed;
        self.passed += count;
        (self.fault, before)
    }
}

/// Passes a piece of a reply on, of which `before` bytes were there already. `false` when the line is to be closed.
pub(crate) fn pass(
    fault: Fault,
    before: usize,
    piece: &[u8],
    mut to: &TcpStream,
    faults: &AtomicUsize,
) -> io::Result<bool> {
    if before == 0 && !matches!(fault, Fault::Nothing | Fault::Refused | Fault::Truncated(_)) {
        faults.fetch_add(1, Ordering::SeqCst);
    }
    match fault {
        Fault::Nothing | Fault::Refused | Fault::Delayed(_) => to.write_all(piece)?,
        Fault::Truncated(limit) => {
            let left = limit.saturating_sub(before);
            to.write_all(&piece[..left.min(piece.len())])?;
            if left <= piece.len() {
                faults.fetch_add(1, Ordering::SeqCst);
                return Ok(false);
            }
        }
        Fault::Swallowed => {}
        Fault::Dripping(pause) => {
            for byte in piece.chunks(1) {
                thread::sleep(pause);
                to.write_all(byte)?;
            }
        }
    }
    Ok(true)
}
