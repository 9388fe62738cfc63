//! The one thread that writes, with group commit: what waits at the same moment shares a commit, which at full
//! durability costs a wait for the disk. A write that has been alone does not wait for company.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::mpsc;

use super::checkpoints::Checkpoints;
use super::connection::FileIdentity;
use super::error::SqliteFailure;
use super::operation::{Fate, Operation};
use super::patience;
use super::reader::Pool;

/// How many writes share a commit at most.
const GROUP: usize = 64;
/// The step in which a group waits for company, and the least wait that is worth it.
const STEP: Duration = Duration::from_micros(50);
/// How long a group waits for company at most.
const LONGEST_GATHERING: Duration = Duration::from_millis(2);
/// How long a commit may at least wait for readers to go: giving up at once would throw away work that is done.
const SHORTEST_COMMIT_WAIT: Duration = Duration::from_millis(100);

type Queue = mpsc::Receiver<Box<dyn Operation>>;
type Group = Vec<Box<dyn Operation>>;

pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) file: FileIdentity,
    /// In WAL mode.
    pub(super) checkpoints: Option<Checkpoints>,
    /// Held so that the last connection to close is this thread's, not one on a thread of the runtime: closing
    /// the last one writes the WAL back into the file.
    pub(super) pool: Option<Arc<Pool>>,
}

/// How an attempt to commit a group ended.
enum Attempt {
    Committed,
    /// Nothing was written, and another try would fail like this one.
    NotDone(SqliteFailure),
    /// Nothing was written; each by itself may fare better.
    Apart(SqliteFailure),
    InDoubt(SqliteFailure),
}

impl Writer {
    /// Writes what comes in, until all senders are gone and the queue is empty.
    pub(super) fn run(mut self, mut queue: Queue) {
        let mut group = Group::with_capacity(GROUP);
        let mut last = Last::default();
        while let Some(first) = queue.blocking_recv() {
            group.push(first);
            last.gather(&mut group, &mut queue);
            if let Some(reason) = self.file.changed() {
                fill(&mut group, &mut queue);
                settle(&mut group, || Fate::NotDone(&reason));
                continue;
            }
            if self.begin(&mut group, Some(&mut queue)) {
                let (size, start) = (group.len(), Instant::now());
                self.write(&mut group);
                last = Last { size, took: start.elapsed() };
                // Whoever waited has been answered.
                if let Some(checkpoints) = &mut self.checkpoints {
                    checkpoints.committed(&self.connection);
                }
            }
        }
        drop((self.pool.take(), self.checkpoints.take()));
    }

    /// Begins a transaction for the group, which takes in what is queued meanwhile. Whoever has waited too long
    /// is answered. `false` when nobody is left.
    fn begin(&self, group: &mut Group, mut queue: Option<&mut Queue>) -> bool {
        loop {
            if let Some(queue) = queue.as_deref_mut() {
                fill(group, queue);
            }
            // The first has waited longest.
            let Some(deadline) = group.first().map(|operation| operation.deadline()) else { return false };
            let begun = patience::wait_until(&self.connection, deadline).and_then(|()| self.execute("BEGIN IMMEDIATE"));
            match begun.map_err(|error| SqliteFailure::of(&error)) {
                Ok(()) => {
                    // Whoever came during the wait can come along.
                    if let Some(queue) = queue {
                        fill(group, queue);
                    }
                    return true;
                }
                Err(failure) if failure.is_locked() => {
                    let now = Instant::now();
                    let (late, waiting) = group.drain(..).partition(|operation| operation.deadline() <= now);
                    *group = waiting;
                    let mut late: Group = late;
                    settle(&mut late, || Fate::TimedOut);
                }
                Err(failure) => {
                    settle(group, || Fate::NotDone(&failure));
                    return false;
                }
            }
        }
    }

    /// Carries out the group in the transaction that was begun, and answers each.
    fn write(&self, group: &mut Group) {
        match self.attempt(group) {
            Attempt::Committed => settle(group, || Fate::Committed),
            Attempt::NotDone(failure) => settle(group, || Fate::NotDone(&failure)),
            Attempt::InDoubt(failure) => settle(group, || Fate::InDoubt(&failure)),
            Attempt::Apart(failure) if group.len() < 2 => settle(group, || Fate::NotDone(&failure)),
            Attempt::Apart(_) => {
                for operation in group.drain(..) {
                    let mut alone = vec![operation];
                    if self.begin(&mut alone, None) {
                        self.write(&mut alone);
                    }
                }
            }
        }
    }

    fn attempt(&self, group: &mut Group) -> Attempt {
        for operation in group.iter_mut() {
            operation.run(&self.connection);
            // On a full disk and the like, SQLite rolls the whole transaction back.
            if self.connection.is_autocommit() {
                return Attempt::Apart(SqliteFailure::rolled_back());
            }
        }
        let least = Instant::now() + SHORTEST_COMMIT_WAIT;
        let deadline = group.first().map_or(least, |first| first.deadline().max(least));
        let committed = patience::wait_until(&self.connection, deadline).and_then(|()| self.execute("COMMIT"));
        let Err(error) = committed else { return Attempt::Committed };
        let failure = SqliteFailure::of(&error);
        // A commit that met a reader leaves the transaction open; other failures have rolled it back.
        if !self.connection.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK")
            && !self.connection.is_autocommit()
        {
            return Attempt::InDoubt(SqliteFailure::of(&error));
        }
        if failure.is_locked() {
            Attempt::NotDone(failure)
        } else if failure.leaves_doubt() {
            Attempt::InDoubt(failure)
        } else {
            Attempt::Apart(failure)
        }
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }
}

fn settle<'a>(group: &mut Group, fate: impl Fn() -> Fate<'a>) {
    for operation in group.drain(..) {
        operation.settle(fate());
    }
}

/// The group that was written last.
#[derive(Default)]
struct Last {
    size: usize,
    took: Duration,
}

impl Last {
    /// Waits a moment for those whose last writes shared a commit and who are about to write again. Without
    /// this, the first to come back would take a commit for itself and the rest the next one: half the
    /// throughput. The wait is a fraction of a commit, and there is none for a write that has been alone.
    fn gather(&self, group: &mut Group, queue: &mut Queue) {
        let start = Instant::now();
        let patience = (self.took / 8).min(LONGEST_GATHERING);
        fill(group, queue);
        while group.len() < self.size && start.elapsed() + STEP <= patience {
            thread::sleep(STEP);
            fill(group, queue);
        }
    }
}

fn fill(group: &mut Group, queue: &mut Queue) {
    while group.len() < GROUP {
        match queue.try_recv() {
            Ok(operation) => group.push(operation),
            Err(_) => return,
        }
    }
}
