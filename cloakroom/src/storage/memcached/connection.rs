//! One connection to one server, and the exchanges on it.

use std::future::Future;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};

use super::address::Address;
use super::failure::{Failure, ServerSaid, TimedOut, Unexpected};
use super::version::Run;

/// Longer lines than this are not memcached's.
const LONGEST_LINE: usize = 2048;
/// As many bytes more than an item may have as the words around it need.
const AROUND_VALUE: u64 = 1024;
/// The largest `-I` that memcached takes; what says it takes more is none.
const LARGEST_ITEM: u64 = 1 << 30;
/// Room made for an item before any of it has come.
const FIRST_READ: usize = 1 << 16;

/// When an operation has to be over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    at: Instant,
    length: Duration,
}

impl Deadline {
    pub(super) fn after(length: Duration) -> Self {
        Self { at: Instant::now() + length, length }
    }

    /// At most so long from now, and not beyond this one.
    pub(super) fn within(self, length: Duration) -> Self {
        let other = Self::after(length);
        if other.at < self.at { other } else { self }
    }

    pub(super) async fn wait<T>(self, work: impl Future<Output = T>) -> Result<T, TimedOut> {
        timeout_at(self.at, work).await.map_err(|_| TimedOut(self.length))
    }
}

/// An item as `gets` answers it.
pub(super) struct Item {
    pub(super) flags: u32,
    pub(super) cas: u64,
    pub(super) data: Bytes,
}

pub(super) struct Connection {
    stream: Box<dyn Stream>,
    /// What was read and is not taken yet.
    buffer: BytesMut,
    state: State,
    /// Whether it has served before, and so may have died since.
    pub(super) served: bool,
    /// Which run of the server this is a connection to.
    pub(super) run: Run,
    /// The largest item that the server takes, in bytes.
    pub(super) item_limit: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing is asked that was not answered in full: only such a connection is used again.
    Idle,
    /// In the middle of an exchange, or given up there.
    Busy,
    /// The other end is gone.
    Dead,
}

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {
    /// Reads what is there, without waiting.
    fn peek(&self, byte: &mut [u8]) -> io::Result<usize>;
}

impl Stream for TcpStream {
    fn peek(&self, byte: &mut [u8]) -> io::Result<usize> {
        self.try_read(byte)
    }
}

#[cfg(unix)]
impl Stream for UnixStream {
    fn peek(&self, byte: &mut [u8]) -> io::Result<usize> {
        self.try_read(byte)
    }
}

impl Connection {
    /// Connects, and asks which run of the server this is and what it takes.
    pub(super) async fn open(address: &Address, server: u16) -> Result<Self, Failure> {
        let not_sent = |source: io::Error| Failure::NotSent(source.into());
        let stream: Box<dyn Stream> = match address {
            Address::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(not_sent)?;
                stream.set_nodelay(true).map_err(not_sent)?;
                Box::new(stream)
            }
            #[cfg(unix)]
            Address::Socket(path) => Box::new(UnixStream::connect(path).await.map_err(not_sent)?),
            #[cfg(not(unix))]
            Address::Socket(_) => return Err(not_sent(io::ErrorKind::Unsupported.into())),
        };
        let run = Run { server, process: 0, started: 0 };
        let buffer = BytesMut::with_capacity(4096);
        let mut this = Self { stream, buffer, state: State::Idle, served: false, run, item_limit: 0 };
        match this.introduce().await {
            Ok(()) => Ok(this),
            // Nothing of the operation was sent.
            Err(Failure::Lost { source, .. }) => Err(Failure::NotSent(source)),
            Err(failure) => Err(failure),
        }
    }

    async fn introduce(&mut self) -> Result<(), Failure> {
        self.send(b"stats\r\nstats settings\r\n").await?;
        let (mut process, mut time, mut uptime, mut limit) = (None, None, None, None);
        for _ in 0..2 {
            loop {
                let line = self.line().await?;
                if line == "END" {
                    break;
                }
                let Some(rest) = line.strip_prefix("STAT ") else { return Err(self.refused(line)) };
                match rest.split_once(' ') {
                    Some(("pid", value)) => process = value.parse().ok(),
                    Some(("time", value)) => time = value.parse::<i64>().ok(),
                    Some(("uptime", value)) => uptime = value.parse::<i64>().ok(),
                    Some(("item_size_max", value)) => limit = value.parse().ok(),
                    _ => {}
                }
            }
        }
        let (Some(process), Some(time), Some(uptime), Some(limit)) = (process, time, uptime, limit) else {
            return Err(self.unexpected("its stats lack pid, time, uptime or item_size_max"));
        };
        // Both count the same seconds, so the difference stays as long as the process runs.
        let started = time.checked_sub(uptime).ok_or_else(|| self.unexpected("it has started at no moment"))?;
        (self.run.process, self.run.started, self.item_limit) = (process, started, LARGEST_ITEM.min(limit));
        self.state = State::Idle;
        Ok(())
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Whether an idle connection is still good, as far as can be told without asking the server.
    pub(super) fn is_usable(&self) -> bool {
        let silent = matches!(self.stream.peek(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        self.state == State::Idle && self.buffer.is_empty() && silent
    }

    /// Asks something that one line answers.
    pub(super) async fn ask(&mut self, request: &[u8], deadline: Deadline) -> Result<String, Failure> {
        self.timed(deadline, async |this: &mut Self| {
            this.send(request).await?;
            this.line().await
        })
        .await
        .and_then(|line| if is_error(&line) { Err(self.refused(line)) } else { Ok(self.done(line)) })
    }

    /// Asks for an item with `gets`.
    pub(super) async fn get(&mut self, key: &str, deadline: Deadline) -> Result<Option<Item>, Failure> {
        let request = format!("gets {key}\r\n");
        self.timed(deadline, async |this: &mut Self| {
            this.send(request.as_bytes()).await?;
            this.item(key).await
        })
        .await
        .map(|item| self.done(item))
    }

    /// Sends a write together with a `gets` of the same key. Answers what was said to the write, and the item that
    /// was there right after it; `Err` there if that could not be read any more.
    pub(super) async fn store(
        &mut self,
        request: &[u8],
        key: &str,
        deadline: Deadline,
    ) -> Result<(String, Result<Option<Item>, Failure>), Failure> {
        let line = self
            .timed(deadline, async |this: &mut Self| {
                this.send(request).await?;
                this.line().await
            })
            .await?;
        // After any other error the server may take the value for commands.
        if is_error(&line) && !line.starts_with("SERVER_ERROR") {
            return Err(self.refused(line));
        }
        let item = self.timed(deadline, async |this: &mut Self| this.item(key).await).await;
        if item.is_ok() {
            self.state = State::Idle;
        }
        if is_error(&line) {
            return Err(self.refused(line));
        }
        Ok((line, item))
    }

    fn done<T>(&mut self, answer: T) -> T {
        self.state = State::Idle;
        answer
    }

    /// The request was refused as a whole. The connection keeps its state: what comes after an error line is known
    /// only where a `SERVER_ERROR` was read to its end.
    fn refused(&self, line: String) -> Failure {
        Failure::Refused(ServerSaid(line).into())
    }

    fn unexpected(&self, what: &'static str) -> Failure {
        Failure::lost(Unexpected(what))
    }

    async fn timed<T>(
        &mut self,
        deadline: Deadline,
        exchange: impl AsyncFnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match deadline.wait(exchange(self)).await {
            Ok(result) => result,
            Err(time_is_up) => Err(Failure::lost(time_is_up)),
        }
    }

    async fn send(&mut self, request: &[u8]) -> Result<(), Failure> {
        self.state = State::Busy;
        let sent = self.stream.write_all(request).await;
        sent.map_err(|error| self.died(error))
    }

    fn died(&mut self, error: io::Error) -> Failure {
        self.state = State::Dead;
        Failure::Lost { source: error.into(), again: self.served }
    }

    async fn fill(&mut self) -> Result<(), Failure> {
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) => Err(self.died(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => Ok(()),
            Err(error) => Err(self.died(error)),
        }
    }

    async fn line(&mut self) -> Result<String, Failure> {
        let mut searched = 0;
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.buffer[searched..]) {
                let mut line = self.buffer.split_to(searched + end + 1);
                line.truncate(line.len() - 1);
                if line.last() == Some(&b'\r') {
                    line.truncate(line.len() - 1);
                }
                return String::from_utf8(line.into()).map_err(|_| self.unexpected("a line is not text"));
            }
            searched = self.buffer.len();
            if searched > LONGEST_LINE {
                return Err(self.unexpected("a line has no end"));
            }
            self.fill().await?;
        }
    }

    /// `VALUE key flags length cas`, the value, `END`; or `END` alone.
    async fn item(&mut self, key: &str) -> Result<Option<Item>, Failure> {
        let line = self.line().await?;
        if line == "END" {
            return Ok(None);
        }
        if is_error(&line) {
            return Err(self.refused(line));
        }
        let words = line.strip_prefix("VALUE ").and_then(|rest| rest.strip_prefix(key)).map(|rest| {
            let mut words = rest.trim_start().splitn(3, ' ');
            (words.next(), words.next(), words.next())
        });
        let Some((Some(flags), Some(length), Some(cas))) = words else {
            return Err(self.unexpected("it is not about the key that was asked for"));
        };
        let (Ok(flags), Ok(length), Ok(cas)) = (flags.parse(), length.parse::<u64>(), cas.parse()) else {
            return Err(self.unexpected("a number is none"));
        };
        if length > self.item_limit.saturating_add(AROUND_VALUE) {
            return Err(self.unexpected("an item is larger than the server's own limit"));
        }
        // At most a gigabyte. Room is made for twice what has come: a length that is only claimed takes no memory.
        let length = length as usize;
        while let missing @ 1.. = (length + 2).saturating_sub(self.buffer.len()) {
            self.buffer.reserve(missing.min(self.buffer.len().max(FIRST_READ)));
            self.fill().await?;
        }
        let data = self.buffer.split_to(length).freeze();
        if !self.line().await?.is_empty() || self.line().await? != "END" {
            return Err(self.unexpected("a value does not end where it should"));
        }
        Ok(Some(Item { flags, cas, data }))
    }
}

fn is_error(line: &str) -> bool {
    line == "ERROR" || line.starts_with("CLIENT_ERROR") || line.starts_with("SERVER_ERROR")
}
