//! Reads: at once on the calling thread where they cannot wait, and on threads of their own where they can.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::error::{Closed, SqliteFailure};
use super::statements::Statements;
use crate::storage::{StorageError, Stored};

/// How many threads read where reads may wait.
pub(super) const THREADS: usize = 2;

/// The connections for reads on the calling thread. Each is taken for the few microseconds of one read.
pub(super) struct Pool(Box<[Mutex<Connection>]>);

impl Pool {
    /// How many connections a pool holds: one for each thread the runtime is likely to have.
    pub(super) fn size() -> usize {
        thread::available_parallelism().map_or(2, NonZero::get).clamp(2, 16)
    }

    pub(super) fn new(connections: Vec<Connection>) -> Self {
        Self(connections.into_iter().map(Mutex::new).collect())
    }

    /// Reads without waiting. `None` when a wait would be needed: all connections are in use, or SQLite says
    /// that the file is busy, as it may be while another process recovers or closes it.
    pub(super) fn read(&self, statements: &Statements, name: &str) -> Option<Result<Option<Stored>, StorageError>> {
        let first = own_number();
        for step in 0..self.0.len() {
            let connection = match self.0[(first + step) % self.0.len()].try_lock() {
                Ok(connection) => connection,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => continue,
            };
            return match statements.read(&connection, name) {
                Ok(row) => Some(row.map(|row| row.stored()).transpose()),
                Err(error) if SqliteFailure::of(&error).is_locked() => None,
                Err(error) => Some(Err(statements.failed(&error))),
            };
        }
        None
    }
}

/// A small number for each thread, so that threads start at different connections.
fn own_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    // A thread that is being torn down has no number any more.
    OWN.try_with(|own| *own).unwrap_or(0)
}

/// A read that waits for a reader thread.
pub(super) struct Waiting {
    deadline: Instant,
    work: Box<dyn FnOnce(&Connection) + Send>,
}

/// Makes a read of `work`, and the receiver of its answer.
pub(super) fn waiting<T, W>(
    timeout: Duration,
    statements: Arc<Statements>,
    work: W,
) -> (Waiting, oneshot::Receiver<Result<T, StorageError>>)
where
    T: Send + 'static,
    W: FnOnce(&Connection, &Statements) -> rusqlite::Result<T> + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    let work = move |connection: &Connection| {
        // A read that nobody waits for any more is not worth doing.
        if !sender.is_closed() {
            let answer = work(connection, &statements).map_err(|error| statements.failed(&error));
            let _ = sender.send(answer);
        }
    };
    (Waiting { deadline: Instant::now() + timeout, work: Box::new(work) }, receiver)
}

/// The reads that wait for a thread; the threads take turns at it.
pub(super) type Queue = Arc<Mutex<mpsc::Receiver<Waiting>>>;

/// Reads what comes in, until all senders are gone.
pub(super) fn run(connection: &Connection, queue: &Queue) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(Waiting { deadline, work }) = next else { return };
        // Should the time-out not be taken, the read waits for the one before: long, but not for ever.
        let _ = connection.busy_timeout(deadline.saturating_duration_since(Instant::now()));
        work(connection);
    }
}

/// What a caller learns when the thread ended before it answered: a read was certainly not done.
pub(super) fn closed<E>(_: E) -> StorageError {
    StorageError::not_done(Closed)
}
