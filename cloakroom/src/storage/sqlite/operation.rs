//! What the writer thread is asked to do, and how it answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::{Closed, SqliteFailure, TimedOut};
use super::statements::Statements;
use crate::Timestamp;
use crate::storage::{Column, Expect, New, StorageError, Version};

/// The bytes of a session, taken along to another thread.
pub(super) struct Data(Box<[u8]>);

impl Data {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A [`New`], taken along to another thread.
pub(super) struct Owned {
    pub(super) data: Data,
    pub(super) expires: Timestamp,
    /// Columns of the application's own.
    pub(super) columns: Vec<Column>,
}

impl From<New<'_>> for Owned {
    fn from(new: New<'_>) -> Self {
        Self { data: Data(new.data.into()), expires: new.expires, columns: new.columns.to_vec() }
    }
}

/// An [`Expect`], taken along to another thread: the version that must be there, or any.
pub(super) struct Wanted(pub(super) Option<Version>);

impl From<Expect<'_>> for Wanted {
    fn from(expect: Expect<'_>) -> Self {
        match expect {
            Expect::Version(version) => Self(Some(*version)),
            Expect::Present | Expect::Anything => Self(None),
        }
    }
}

/// How the transaction ended that an operation was part of.
pub(super) enum Fate<'a> {
    /// It is on the disk.
    Committed,
    /// It was rolled back, or never begun.
    NotDone(&'a SqliteFailure),
    /// Its commit failed in a way that does not tell.
    InDoubt(&'a SqliteFailure),
    /// It waited too long.
    TimedOut,
}

/// A write that waits for its turn. It can run more than once: when the transaction it ran in was rolled back,
/// it runs again in one of its own.
pub(super) trait Operation: Send {
    /// Until when it waits for the file.
    fn deadline(&self) -> Instant;
    /// Does the work and keeps the answer until the transaction has ended.
    fn run(&mut self, connection: &Connection);
    /// Gives the answer.
    fn settle(self: Box<Self>, fate: Fate<'_>);
}

/// Makes an operation of `work`, and the receiver of its answer.
///
/// The work may be done again, so it changes nothing but the database, and it leaves nothing behind when it
/// answers an error.
pub(super) fn operation<T, W>(
    timeout: Duration,
    statements: Arc<Statements>,
    work: W,
) -> (Box<dyn Operation>, oneshot::Receiver<Result<T, StorageError>>)
where
    T: Send + 'static,
    W: Fn(&Connection, &Statements) -> Result<T, StorageError> + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    let waiting = Waiting { work, statements, deadline: Instant::now() + timeout, outcome: None, answer: Some(sender) };
    (Box::new(waiting), receiver)
}

struct Waiting<T, W> {
    work: W,
    /// Those on the table that the work is for.
    statements: Arc<Statements>,
    deadline: Instant,
    outcome: Option<Result<T, StorageError>>,
    answer: Option<oneshot::Sender<Result<T, StorageError>>>,
}

impl<T, W> Waiting<T, W> {
    fn answer(&mut self, answer: Result<T, StorageError>) {
        if let Some(sender) = self.answer.take() {
            // Nobody waits any more when the future was dropped; the write stands all the same.
            let _ = sender.send(answer);
        }
    }
}

impl<T, W> Operation for Waiting<T, W>
where
    T: Send,
    W: Fn(&Connection, &Statements) -> Result<T, StorageError> + Send,
{
    fn deadline(&self) -> Instant {
        self.deadline
    }

    fn run(&mut self, connection: &Connection) {
        self.outcome = Some((self.work)(connection, &self.statements));
    }

    fn settle(mut self: Box<Self>, fate: Fate<'_>) {
        let answer = match (fate, self.outcome.take()) {
            (Fate::Committed, Some(outcome)) => outcome,
            // It wrote nothing, so its own error says more than that of the transaction.
            (_, Some(Err(error))) => Err(error),
            (Fate::Committed, None) => Err(StorageError::not_done(Closed)),
            (Fate::NotDone(failure), _) => Err(failure.clone().not_done(&self.statements.table)),
            (Fate::InDoubt(failure), _) => Err(StorageError::outcome_unknown(failure.clone())),
            (Fate::TimedOut, _) => Err(StorageError::not_done(TimedOut)),
        };
        self.answer(answer);
    }
}

impl<T, W> Drop for Waiting<T, W> {
    /// The writer thread ended without settling it.
    fn drop(&mut self) {
        let answer =
            if self.outcome.is_some() { StorageError::outcome_unknown(Closed) } else { StorageError::not_done(Closed) };
        self.answer(Err(answer));
    }
}
