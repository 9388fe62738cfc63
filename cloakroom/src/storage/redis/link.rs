//! A connection to one server that is made when it is needed, and anew when it was lost.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{Cmd, Value};
use tokio::time::{Instant, timeout_at};

use super::dial::{Address, Connection, Dialer};
use super::failure::{Failure, Source, TimedOut};
use super::sentinel::Sentinels;

/// By when an operation has its answer.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    allowed: Duration,
}

impl Deadline {
    pub(super) fn after(allowed: Duration) -> Self {
        Self { at: Instant::now() + allowed, allowed }
    }

    pub(super) fn missed(&self) -> Source {
        TimedOut(self.allowed).into()
    }
}

/// Where a link leads.
pub(super) enum End {
    Server(Dialer, Address),
    /// The primary that the sentinels name at the time.
    Sentinels(Sentinels),
}

pub(super) struct Link {
    end: End,
    current: Mutex<Option<Connection>>,
    /// One connection is made at a time; who waits for it uses it too.
    dialing: tokio::sync::Mutex<()>,
}

impl Link {
    pub(super) fn to(end: End) -> Self {
        Self { end, current: Mutex::default(), dialing: tokio::sync::Mutex::default() }
    }

    fn current(&self) -> MutexGuard<'_, Option<Connection>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Option<Connection> {
        self.current().as_ref().filter(|connection| connection.is_open()).cloned()
    }

    async fn connection(&self, deadline: Deadline) -> Result<Connection, Failure> {
        match timeout_at(deadline.at, self.connect()).await {
            Ok(connection) => connection.map_err(Failure::Unreachable),
            Err(_) => Err(Failure::Unreachable(deadline.missed())),
        }
    }

    async fn connect(&self) -> Result<Connection, Source> {
        let _one_at_a_time = self.dialing.lock().await;
        if let Some(connection) = self.open() {
            return Ok(connection);
        }
        let connection = match &self.end {
            End::Server(dialer, address) => dialer.dial(address).await?,
            End::Sentinels(sentinels) => sentinels.dial().await?,
        };
        *self.current() = Some(connection.clone());
        Ok(connection)
    }

    /// The next command makes a new connection. Commands that wait for an answer on this one still get it.
    fn forget(&self, connection: &Connection) {
        let mut current = self.current();
        if current.as_ref().is_some_and(|current| current.is(connection)) {
            *current = None;
        }
    }

    /// Gives one command. What only `reads` is tried once more on a new connection where one was lost.
    pub(super) async fn ask(&self, command: &Cmd, reads: bool, deadline: Deadline) -> Result<Value, Failure> {
        let mut again = true;
        loop {
            let failure = match self.ask_once(command, deadline).await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            let repeat = match &failure {
                Failure::Lost(_) => reads,
                // It was not carried out; after a failover the sentinels know better.
                Failure::Refused(said) => said.is_elsewhere() && matches!(self.end, End::Sentinels(_)),
                _ => false,
            };
            if !repeat || !std::mem::take(&mut again) {
                return Err(failure);
            }
        }
    }

    async fn ask_once(&self, command: &Cmd, deadline: Deadline) -> Result<Value, Failure> {
        let connection = match self.open() {
            Some(connection) => connection,
            // In a box: to make one takes kilobytes, which each command would carry about.
            None => Box::pin(self.connection(deadline)).await?,
        };
        let answer = give(&connection, command, deadline).await;
        match &answer {
            Err(Failure::Lost(_) | Failure::Late(_) | Failure::Unexpected) => self.forget(&connection),
            // A name may lead to another server now.
            Err(Failure::Refused(said)) if said.is_elsewhere() => self.forget(&connection),
            _ => {}
        }
        answer
    }

    /// Gives one command to the server that a slot of a cluster is on its way to.
    pub(super) async fn ask_asking(&self, command: &Cmd, deadline: Deadline) -> Result<Value, Failure> {
        let mut both = redis::Pipeline::with_capacity(2);
        both.cmd("ASKING").add_command(command.clone());
        let answer = self.ask_all(&both, 2, deadline).await?.pop();
        answer.ok_or(Failure::Unexpected)?.extract_error().map_err(Failure::of)
    }

    /// The same for several commands in one go, whose errors are among the answers.
    pub(super) async fn ask_all(
        &self,
        commands: &redis::Pipeline,
        count: usize,
        deadline: Deadline,
    ) -> Result<Vec<Value>, Failure> {
        let connection = match self.open() {
            Some(connection) => connection,
            None => self.connection(deadline).await?,
        };
        let mut answers = connection.commands.clone();
        let failure = match timeout_at(deadline.at, answers.send_packed_commands(commands, 0, count)).await {
            Ok(Ok(answers)) => return Ok(answers),
            Ok(Err(error)) => Failure::of(error),
            Err(_) => Failure::Late(deadline.missed()),
        };
        self.forget(&connection);
        Err(failure)
    }
}

/// Gives a command on a connection at hand.
async fn give(connection: &Connection, command: &Cmd, deadline: Deadline) -> Result<Value, Failure> {
    let mut commands = connection.commands.clone();
    match timeout_at(deadline.at, commands.send_packed_command(command)).await {
        Ok(answer) => answer.and_then(Value::extract_error).map_err(Failure::of),
        Err(_) => Err(Failure::Late(deadline.missed())),
    }
}
