//! The connections to one server.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::address::Address;
use super::connection::{Connection, Deadline, State};
use super::failure::Failure;

/// How many connections, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How many to one server at most.
    pub(super) connections: usize,
    /// How long an operation may take, waiting for a connection included.
    pub(super) timeout: Duration,
    /// How long making a connection may take, within that.
    pub(super) connect: Duration,
    /// After so long without work a connection is not used again.
    pub(super) idle: Option<Duration>,
}

/// Connections to one server, made when they are needed.
///
/// There is no ping when one is taken, which would double the round trips. One that turns out to be dead makes all
/// others of its generation suspect, and they are not used again.
pub(super) struct Pool {
    address: Address,
    name: String,
    index: u16,
    limits: Limits,
    permits: Semaphore,
    idle: Mutex<Vec<Rested>>,
    generation: AtomicU64,
}

struct Rested {
    connection: Connection,
    generation: u64,
    since: Instant,
}

/// A connection for one operation. It goes back when it is dropped, unless it is in the middle of an exchange:
/// nobody else is to read that answer.
pub(super) struct Lease<'p> {
    pool: &'p Pool,
    connection: Option<Connection>,
    generation: u64,
    _permit: SemaphorePermit<'p>,
}

impl Pool {
    pub(super) fn new(address: Address, index: u16, limits: Limits) -> Self {
        Self {
            name: address.name(),
            address,
            index,
            limits,
            permits: Semaphore::new(limits.connections.clamp(1, Semaphore::MAX_PERMITS)),
            idle: Mutex::default(),
            generation: AtomicU64::new(0),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Rested>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection: one that is idle, or else a new one.
    pub(super) async fn lease(&self, deadline: Deadline) -> Result<Lease<'_>, Failure> {
        let permit = match deadline.wait(self.permits.acquire()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(closed)) => return Err(Failure::NotSent(closed.into())),
            Err(time_is_up) => return Err(Failure::NotSent(time_is_up.into())),
        };
        let generation = self.generation.load(Ordering::Acquire);
        if let Some(connection) = self.rested(generation) {
            return Ok(Lease { pool: self, connection: Some(connection), generation, _permit: permit });
        }
        let opening = Connection::open(&self.address, self.index);
        match deadline.within(self.limits.connect).wait(opening).await {
            Ok(opened) => Ok(Lease { pool: self, connection: Some(opened?), generation, _permit: permit }),
            Err(time_is_up) => Err(Failure::NotSent(time_is_up.into())),
        }
    }

    fn is_too_old(&self, rested: &Rested) -> bool {
        self.limits.idle.is_some_and(|limit| rested.since.elapsed() > limit)
    }

    /// The one used last, which is the least likely to have died.
    fn rested(&self, generation: u64) -> Option<Connection> {
        loop {
            let rested = self.idle().pop()?;
            if rested.generation == generation && !self.is_too_old(&rested) && rested.connection.is_usable() {
                return Some(rested.connection);
            }
        }
    }
}

impl Lease<'_> {
    pub(super) fn connection(&mut self) -> &mut Connection {
        match &mut self.connection {
            Some(connection) => connection,
            None => unreachable!("only `drop` takes it"),
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let (this, pool) = (self.generation, self.pool);
        match connection.state() {
            State::Idle => {
                connection.served = true;
                let mut idle = pool.idle();
                // Those at the front have rested longest.
                let too_old = idle.iter().take_while(|rested| pool.is_too_old(rested)).count();
                idle.drain(..too_old);
                idle.push(Rested { connection, generation: this, since: Instant::now() });
            }
            State::Busy => {}
            // What ended this connection has probably ended those of its age.
            State::Dead => {
                let _ = pool.generation.compare_exchange(this, this + 1, Ordering::AcqRel, Ordering::Relaxed);
                pool.idle().retain(|rested| rested.generation > this);
            }
        }
    }
}
