//! Saves that meet go out together, in one statement and one commit.
//!
//! A commit waits for the disk, and so do all who share it. A save goes by itself; those that come while it is under way
//! go together in the next statement. Rows that others hold are left out of it, so that nobody waits
//! for a lock on somebody else's session, and what it did not save is tried by itself.

use std::collections::HashSet;
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::Row as _;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Handle;
use super::operations::Asked;
use super::template::Value;
use crate::Timestamp;
use crate::storage::StorageError;

/// How many statements are under way before others wait to be taken along. With two, a third fewer saves were made.
const LANES: usize = 1;
/// How many saves a statement makes at most.
const MOST: usize = 64;
/// How long a save waits to be taken along, at most: those under way may be waiting for a lock.
const PATIENCE: Duration = Duration::from_millis(4);

/// The saves that wait to be taken along.
#[derive(Default)]
pub(super) struct Together(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    under_way: usize,
    waiting: VecDeque<Waiting>,
    next: u64,
}

/// A save that compares a version.
pub(super) struct Save {
    key: String,
    data: String,
    expires: Timestamp,
    version: Vec<u8>,
}

impl Save {
    pub(super) fn new(key: &str, data: &str, expires: Timestamp, version: &[u8]) -> Self {
        Self { key: key.to_owned(), data: data.to_owned(), expires, version: version.to_owned() }
    }
}

struct Waiting {
    number: u64,
    save: Save,
    answer: oneshot::Sender<Told>,
}

/// What one who waited is told.
enum Told {
    /// To send the statement for all of these.
    Lead(Batch),
    Saved,
    /// To try it alone.
    NotSaved,
    Unknown(Shared),
}

struct Batch {
    own: Save,
    others: Vec<Waiting>,
    lane: Lane,
}

/// A statement that is under way. When it is over, one of those who wait sends the next one.
struct Lane(Arc<Handle>);

impl Drop for Lane {
    fn drop(&mut self) {
        self.0.together.queue().under_way -= 1;
        hand_on(&self.0);
    }
}

/// Has those who wait send statements, as far as there are lanes.
fn hand_on(handle: &Arc<Handle>) {
    loop {
        let (first, batch) = {
            let mut queue = handle.together.queue();
            if queue.under_way >= LANES {
                return;
            }
            let Some(first) = queue.waiting.pop_front() else { return };
            if first.answer.is_closed() {
                continue;
            }
            (first.answer, queue.batch(first.save, handle))
        };
        if let Err(Told::Lead(batch)) = first.send(Told::Lead(batch)) {
            batch.give_up();
        }
    }
}

impl Queue {
    /// What goes out together with `own`, each session once.
    fn batch(&mut self, own: Save, handle: &Arc<Handle>) -> Batch {
        let mut keys = HashSet::from([own.key.clone()]);
        let (mut others, mut left) = (Vec::new(), VecDeque::new());
        for waiting in self.waiting.drain(..) {
            if others.len() + 1 < MOST && keys.insert(waiting.save.key.clone()) {
                others.push(waiting);
            } else {
                left.push_back(waiting);
            }
        }
        self.waiting = left;
        self.under_way += 1;
        Batch { own, others, lane: Lane(Arc::clone(handle)) }
    }
}

impl Together {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of a save among others.
pub(super) enum Company {
    Saved,
    /// It is to be tried alone, with the lane if it has one.
    Alone(Option<Alone>),
}

/// Keeps the lane while a save goes by itself.
pub(super) struct Alone(#[allow(dead_code, reason = "dropped when the save is over")] Lane);

impl Handle {
    /// Saves together with others, where others are saving.
    pub(super) async fn in_company(self: &Arc<Self>, save: impl FnOnce() -> Save) -> Result<Company, StorageError> {
        let (number, mut told) = {
            let mut queue = self.together.queue();
            if queue.under_way < LANES && queue.waiting.is_empty() {
                queue.under_way += 1;
                return Ok(Company::Alone(Some(Alone(Lane(Arc::clone(self))))));
            }
            let (answer, told) = oneshot::channel();
            let number = queue.next;
            queue.next += 1;
            queue.waiting.push_back(Waiting { number, save: save(), answer });
            (number, told)
        };
        let told = match timeout(PATIENCE, &mut told).await {
            Ok(told) => told,
            Err(_) => match self.lead(number) {
                Some(batch) => Ok(Told::Lead(batch)),
                None => told.await,
            },
        };
        let told = match told {
            // A task of its own: the others have their answer even if nobody waits for ours any more.
            Ok(Told::Lead(batch)) => tokio::spawn(batch.send()).await.map_err(Shared::of),
            told => told.map_err(Shared::of),
        };
        match told {
            Ok(Told::Saved) => Ok(Company::Saved),
            Ok(Told::NotSaved) => Ok(Company::Alone(None)),
            Ok(Told::Unknown(why)) | Err(why) => Err(StorageError::outcome_unknown(why)),
            Ok(Told::Lead(batch)) => {
                batch.give_up();
                Ok(Company::Alone(None))
            }
        }
    }

    /// The statement for one who has waited long enough, and for those who wait with it.
    fn lead(self: &Arc<Self>, number: u64) -> Option<Batch> {
        let mut queue = self.together.queue();
        let at = queue.waiting.iter().position(|waiting| waiting.number == number)?;
        let own = queue.waiting.remove(at)?;
        Some(queue.batch(own.save, self))
    }
}

impl Batch {
    /// Sends the statement, tells the others, and says what is to be told to the one who leads.
    async fn send(self) -> Told {
        let Self { own, others, lane } = self;
        let saves = || std::iter::once(&own).chain(others.iter().map(|waiting| &waiting.save));
        let keys: Vec<&str> = saves().map(|save| &*save.key).collect();
        let data: Vec<&str> = saves().map(|save| &*save.data).collect();
        let expires: Vec<i64> = saves().map(|save| save.expires.as_micros()).collect();
        let versions: Vec<&[u8]> = saves().map(|save| &*save.version).collect();
        let values = [Value::Texts(&keys), Value::Texts(&data), Value::Numbers(&expires), Value::Several(&versions)];
        let handle = &lane.0;
        let deadline = handle.connections.deadline();
        let answer = handle.once(&deadline, &handle.statements.replace_several, &values, Asked::Rows).await;
        let saved = match answer {
            Ok(answer) => {
                let keys = answer.rows.iter().map(|row| row.try_get::<String, _>(0));
                keys.collect::<Result<HashSet<_>, _>>().map_err(|error| Some(Shared::of(error)))
            }
            Err(failure) => match failure.of_write() {
                StorageError::OutcomeUnknown(why) => Err(Some(Shared::of(why))),
                // Each will hear for itself what the server has against it.
                _ => Err(None),
            },
        };
        let told = |key: &str| match &saved {
            Ok(saved) if saved.contains(key) => Told::Saved,
            Ok(_) | Err(None) => Told::NotSaved,
            Err(Some(why)) => Told::Unknown(why.clone()),
        };
        let for_own = told(&own.key);
        for waiting in others {
            let told = told(&waiting.save.key);
            let _ = waiting.answer.send(told);
        }
        for_own
    }

    /// Nothing was sent, and nobody will send it.
    fn give_up(self) {
        for waiting in self.others {
            let _ = waiting.answer.send(Told::NotSaved);
        }
    }
}

/// Why it is not known what became of a statement, for all who took part in it.
#[derive(Clone, Debug)]
struct Shared(Arc<Box<dyn Error + Send + Sync>>);

impl Shared {
    fn of(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Arc::new(source.into()))
    }
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Shared {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
