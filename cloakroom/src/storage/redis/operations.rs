//! Each operation as the commands it gives.

use std::collections::HashSet;

use redis::{Cmd, Value};

use super::RedisStorage;
use super::failure::Failure;
use super::life::Life;
use super::link::Deadline;
use super::scripts::{self, CHANGED, DONE, EXISTS, MISSING, Script, sha1_hex};
use crate::storage::steps::rename_in_steps;
use crate::storage::{
    Capabilities, Cursor, Entry, Expect, Insert, New, Page, Remove, Rename, Replace, Storage, StorageError, Stored,
    Touch, Version,
};
use crate::{Clock, Timestamp};

/// So often a page looks further where nothing of ours is found.
const LOOKS: usize = 16;

/// What is kept is its own version.
fn version_of(data: &[u8]) -> Version {
    Version::from_bytes(sha1_hex(data).as_bytes())
}

/// What a script compares with; empty for anything.
fn wanted<'e>(expect: &'e Expect<'_>) -> &'e [u8] {
    match expect {
        Expect::Version(version) => version.as_bytes(),
        Expect::Present | Expect::Anything => b"",
    }
}

fn unexpected() -> StorageError {
    Failure::Unexpected.of_write()
}

impl RedisStorage {
    fn deadline(&self) -> Deadline {
        Deadline::after(self.inner.timeout)
    }

    fn life(&self, end: Timestamp) -> Life {
        self.inner.expiry.life(self.clock.now(), end)
    }

    async fn write(&self, key: &str, command: &Cmd) -> Result<Value, StorageError> {
        self.inner.way.ask(key, command, false, self.deadline()).await.map_err(Failure::of_write)
    }

    async fn run(&self, script: &Script, keys: &[&str], arguments: &[&[u8]]) -> Result<i64, StorageError> {
        self.inner.way.run(script, keys, arguments, self.deadline()).await.map_err(Failure::of_write)
    }

    /// `SET` with its life; or what comes to the same where that is over.
    fn set(&self, key: &str, new: New<'_>, only_new: bool) -> Cmd {
        let life = self.life(new.expires);
        let mut command = Cmd::with_capacity(6, 40 + key.len() + new.data.len());
        command.arg(match (life.is_over, only_new) {
            (false, _) => "SET",
            (true, true) => "EXISTS",
            (true, false) => "DEL",
        });
        command.arg(key);
        if !life.is_over {
            command.arg(new.data);
            if only_new {
                command.arg("NX");
            }
            command.arg(life.unit).arg(&life.count);
        }
        command
    }

    /// The keys of one page and the cursor of the next one; 0 is the end.
    async fn look(&self, mut cursor: u64, limit: usize, deadline: Deadline) -> Result<(Vec<String>, u64), Failure> {
        let mut keys = Vec::new();
        for _ in 0..LOOKS {
            let mut command = redis::cmd("SCAN");
            command.arg(cursor).arg("MATCH").arg(&self.inner.pattern).arg("COUNT").arg(limit);
            let answer = self.inner.way.ask("", &command, true, deadline).await?;
            let (next, found): (u64, Vec<Vec<u8>>) =
                redis::from_redis_value(answer).map_err(|_| Failure::Unexpected)?;
            // A key that is no text is none of ours.
            keys.extend(found.into_iter().filter_map(|key| String::from_utf8(key).ok()));
            cursor = next;
            if cursor == 0 || !keys.is_empty() {
                break;
            }
        }
        Ok((keys, cursor))
    }

    async fn page(&self, cursor: u64, limit: usize) -> Result<Page, Failure> {
        let deadline = self.deadline();
        let (keys, next) = self.look(cursor, limit, deadline).await?;
        let mut once = HashSet::new();
        let names: Vec<&str> =
            keys.iter().filter_map(|key| self.inner.key.name_in(key)).filter(|name| once.insert(*name)).collect();
        let next = (next != 0).then(|| Cursor::new(next.to_string()));
        if names.is_empty() {
            return Ok(Page::new(Vec::new(), next));
        }
        let mut commands = redis::Pipeline::with_capacity(names.len() + 1);
        // What is no string is nil here.
        commands.cmd("MGET");
        for name in &names {
            commands.arg(self.inner.key.of(name));
        }
        for name in &names {
            commands.cmd("PTTL").arg(self.inner.key.of(name));
        }
        let mut answers = self.inner.way.ask_all(&commands, names.len() + 1, deadline).await?.into_iter();
        let values = match answers.next().map(Value::extract_error) {
            Some(Ok(Value::Array(values))) => values,
            Some(Err(error)) => return Err(Failure::of(error)),
            _ => return Err(Failure::Unexpected),
        };
        let now = self.clock.now();
        let entries = names.iter().zip(values).zip(answers).filter_map(|((name, value), left)| {
            let (Value::BulkString(data), Value::Int(left)) = (value, left) else { return None };
            let expires = (left >= 0).then(|| now.checked_add_seconds(left as f64 / 1_000.0)).flatten();
            Some(Entry::new(*name, data.len() as u64, expires, version_of(&data)))
        });
        Ok(Page::new(entries.collect(), next))
    }
}

impl Storage for RedisStorage {
    /// One `GET`, so the end of an entry is not known.
    async fn read(&self, name: &str) -> Result<Option<Stored>, StorageError> {
        let key = self.inner.key.of(name);
        let mut command = Cmd::with_capacity(2, 3 + key.len());
        command.arg("GET").arg(&key);
        match self.inner.way.ask(&key, &command, true, self.deadline()).await.map_err(Failure::of_read)? {
            Value::Nil => Ok(None),
            Value::BulkString(data) => {
                let version = version_of(&data);
                Ok(Some(Stored::new(data, None, version)))
            }
            _ => Err(Failure::Unexpected.of_read()),
        }
    }

    async fn insert(&self, name: &str, new: New<'_>) -> Result<Insert, StorageError> {
        let key = self.inner.key.of(name);
        match self.write(&key, &self.set(&key, new, true)).await? {
            // `EXISTS` of what is over at once: nothing is there.
            Value::Okay | Value::Int(0) => Ok(Insert::Inserted(version_of(new.data))),
            Value::Nil | Value::Int(_) => Ok(Insert::Exists),
            _ => Err(unexpected()),
        }
    }

    async fn replace(&self, name: &str, expect: Expect<'_>, new: New<'_>) -> Result<Replace, StorageError> {
        let (key, life) = (self.inner.key.of(name), self.life(new.expires));
        let arguments = [wanted(&expect), new.data, life.unit.as_bytes(), life.count.as_bytes()];
        match self.run(&scripts::REPLACE, &[&key], &arguments).await? {
            DONE => Ok(Replace::Replaced(version_of(new.data))),
            MISSING => Ok(Replace::Missing),
            CHANGED => Ok(Replace::Changed),
            _ => Err(unexpected()),
        }
    }

    async fn touch(&self, name: &str, expect: Expect<'_>, until: Timestamp) -> Result<Touch, StorageError> {
        let (key, life) = (self.inner.key.of(name), self.life(until));
        let milliseconds = life.milliseconds.to_string();
        let arguments = [wanted(&expect), milliseconds.as_bytes()];
        match self.run(&scripts::TOUCH, &[&key], &arguments).await? {
            DONE => Ok(Touch::Touched),
            MISSING => Ok(Touch::Missing),
            CHANGED => Ok(Touch::Changed),
            _ => Err(unexpected()),
        }
    }

    async fn remove(&self, name: &str, expect: Expect<'_>) -> Result<Remove, StorageError> {
        let key = self.inner.key.of(name);
        let Expect::Version(_) = expect else {
            return match self.write(&key, redis::cmd("DEL").arg(&key)).await? {
                Value::Int(0) => Ok(Remove::Missing),
                Value::Int(_) => Ok(Remove::Removed),
                _ => Err(unexpected()),
            };
        };
        match self.run(&scripts::REMOVE, &[&key], &[wanted(&expect)]).await? {
            DONE => Ok(Remove::Removed),
            MISSING => Ok(Remove::Missing),
            CHANGED => Ok(Remove::Changed),
            _ => Err(unexpected()),
        }
    }

    /// One script over both keys on a single server. On a Redis Cluster in steps, since no command may name two keys.
    async fn rename(&self, from: &str, to: &str, expect: Expect<'_>, new: New<'_>) -> Result<Rename, StorageError> {
        if self.inner.way.is_cluster() {
            return rename_in_steps(self, from, to, expect, new).await;
        }
        let (from, to) = (self.inner.key.of(from), self.inner.key.of(to));
        let life = self.life(new.expires);
        let arguments = [wanted(&expect), new.data, life.unit.as_bytes(), life.count.as_bytes()];
        match self.run(&scripts::RENAME, &[&from, &to], &arguments).await? {
            DONE => Ok(Rename::Renamed(version_of(new.data))),
            MISSING => Ok(Rename::Missing),
            CHANGED => Ok(Rename::Changed),
            EXISTS => Ok(Rename::Exists),
            _ => Err(unexpected()),
        }
    }

    async fn bury(&self, name: &str, marker: New<'_>) -> Result<(), StorageError> {
        let key = self.inner.key.of(name);
        self.write(&key, &self.set(&key, marker, false)).await.map(drop)
    }

    /// All strings under this prefix and version, sessions or not, by `SCAN`: a page has about `limit` of them, and an
    /// entry may be on two pages while the server makes its tables smaller.
    async fn scan(&self, after: Option<&Cursor>, limit: usize) -> Result<Page, StorageError> {
        if !self.capabilities().scan {
            return Err(StorageError::Unsupported("scan"));
        }
        let cursor = match after {
            None => 0,
            Some(after) => after.position().parse().map_err(|_| StorageError::not_done("no cursor of this storage"))?,
        };
        self.page(cursor, limit.max(1)).await.map_err(Failure::of_read)
    }

    /// Entries end by themselves (B-103).
    async fn remove_expired(&self, _: Timestamp, _: usize) -> Result<usize, StorageError> {
        Ok(0)
    }

    fn by_clock(&self, clock: &Clock) -> Option<Self> {
        Some(Self { inner: self.inner.clone(), clock: clock.clone() })
    }

    fn capabilities(&self) -> Capabilities {
        let capabilities = Capabilities::new().drops_expired();
        if self.inner.way.is_cluster() { capabilities } else { capabilities.atomic_rename().scan() }
    }
}
