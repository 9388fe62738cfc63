//! The operations of a storage, in exchanges with the server that has the key.

use super::connection::{Deadline, Item};
use super::failure::{Failure, ServerSaid, TooLarge, Unexpected};
use super::life::Life;
use super::pool::{Lease, Pool};
use super::request::{self, Condition, PICKLE};
use super::version::{Cas, unknown};
use super::{MemcachedStorage, Storage};
use crate::Timestamp;
use crate::storage::{Capabilities, Expect, Insert, New, Remove, Replace, StorageError, Stored, Touch, Version};
use crate::time::Clock;

/// One operation: its key, the server that has it, and the time it may take.
struct Operation<'s> {
    key: String,
    pool: &'s Pool,
    deadline: Deadline,
}

/// What became of a conditional write.
enum Outcome {
    Stored(Version),
    NotStored,
    Changed,
}

/// A wanted CAS id that may still be right.
enum Wanted {
    Any,
    Id(u64),
    /// A version of another server, of an earlier run of this one, or one that no entry has.
    Gone,
}

impl Operation<'_> {
    async fn lease(&self) -> Result<Lease<'_>, Failure> {
        self.pool.lease(self.deadline).await
    }

    fn wanted(lease: &mut Lease<'_>, expect: Expect<'_>) -> Wanted {
        let Expect::Version(version) = expect else { return Wanted::Any };
        match Cas::of(version) {
            Some(cas) if cas.run == lease.connection().run => Wanted::Id(cas.id),
            _ => Wanted::Gone,
        }
    }

    async fn get(&self) -> Result<Option<(Item, Cas)>, Failure> {
        let mut lease = self.lease().await?;
        let item = lease.connection().get(&self.key, self.deadline).await?;
        Ok(item.map(|item| {
            let cas = Cas { run: lease.connection().run, id: item.cas };
            (item, cas)
        }))
    }

    /// Whether anything is there, for an answer to a version that nothing can have.
    async fn is_there(&self, lease: &mut Lease<'_>) -> Result<bool, Failure> {
        match lease.connection().get(&self.key, self.deadline).await {
            Ok(item) => Ok(item.is_some()),
            // Only asked: nothing was written.
            Err(Failure::Lost { source, .. }) => Err(Failure::NotSent(source)),
            Err(failure) => Err(failure),
        }
    }

    async fn store(
        &self,
        lease: &mut Lease<'_>,
        condition: Condition,
        life: Life,
        data: &[u8],
    ) -> Result<Outcome, Failure> {
        let connection = lease.connection();
        let limit = connection.item_limit;
        check_size(data, limit)?;
        let request = request::store(&self.key, condition, life, data);
        let answered = connection.store(&request, &self.key, self.deadline).await;
        let (line, item) = answered.map_err(|failure| too_large(failure, data, limit))?;
        match line.as_str() {
            "STORED" => Ok(Outcome::Stored(match item {
                Ok(Some(item)) if item.data == data && item.flags == PICKLE => {
                    Cas { run: connection.run, id: item.cas }.version()
                }
                // Others have written since, or it could not be read back: it was stored all the same.
                _ => unknown(),
            })),
            "NOT_STORED" | "NOT_FOUND" => Ok(Outcome::NotStored),
            "EXISTS" => Ok(Outcome::Changed),
            _ => Err(Failure::lost(Unexpected("it fits no write"))),
        }
    }

    async fn ask(&self, lease: &mut Lease<'_>, request: &str) -> Result<String, Failure> {
        lease.connection().ask(request.as_bytes(), self.deadline).await
    }

    async fn insert(&self, life: Life, data: &[u8]) -> Result<Insert, Failure> {
        let mut lease = self.lease().await?;
        Ok(match self.store(&mut lease, Condition::Absent, life, data).await? {
            Outcome::Stored(version) => Insert::Inserted(version),
            Outcome::NotStored | Outcome::Changed => Insert::Exists,
        })
    }

    async fn replace(&self, expect: Expect<'_>, life: Life, data: &[u8]) -> Result<Replace, Failure> {
        let mut lease = self.lease().await?;
        let condition = match Self::wanted(&mut lease, expect) {
            Wanted::Any => Condition::Present,
            Wanted::Id(id) => Condition::Unchanged(id),
            Wanted::Gone => {
                let is_there = self.is_there(&mut lease).await?;
                return Ok(if is_there { Replace::Changed } else { Replace::Missing });
            }
        };
        Ok(match self.store(&mut lease, condition, life, data).await? {
            Outcome::Stored(version) => Replace::Replaced(version),
            Outcome::NotStored => Replace::Missing,
            Outcome::Changed => Replace::Changed,
        })
    }

    async fn bury(&self, life: Life, data: &[u8]) -> Result<(), Failure> {
        let mut lease = self.lease().await?;
        let limit = lease.connection().item_limit;
        check_size(data, limit)?;
        let request = request::set(&self.key, life, data);
        let answered = lease.connection().ask(&request, self.deadline).await;
        match answered.map_err(|failure| too_large(failure, data, limit))?.as_str() {
            "STORED" => Ok(()),
            _ => Err(Failure::lost(Unexpected("it fits no write"))),
        }
    }

    async fn remove(&self, expect: Expect<'_>) -> Result<Remove, Failure> {
        let mut lease = self.lease().await?;
        let key = &self.key;
        let request = match Self::wanted(&mut lease, expect) {
            Wanted::Any => format!("md {key}\r\n"),
            Wanted::Id(id) => format!("md {key} C{id}\r\n"),
            Wanted::Gone => {
                let is_there = self.is_there(&mut lease).await?;
                return Ok(if is_there { Remove::Changed } else { Remove::Missing });
            }
        };
        match self.ask(&mut lease, &request).await?.as_str() {
            "HD" => Ok(Remove::Removed),
            "NF" => Ok(Remove::Missing),
            "EX" => Ok(Remove::Changed),
            _ => Err(Failure::lost(Unexpected("it fits no removal"))),
        }
    }

    /// memcached has no touch that compares: look, touch, and see what was touched. If somebody wrote in between,
    /// the life that was theirs is given back.
    async fn touch(&self, expect: Expect<'_>, life: Life) -> Result<Touch, Failure> {
        if life.is_over() {
            return Ok(match self.remove(expect).await? {
                Remove::Removed => Touch::Touched,
                Remove::Missing => Touch::Missing,
                Remove::Changed => Touch::Changed,
            });
        }
        let mut lease = self.lease().await?;
        let key = &self.key;
        let wanted = match Self::wanted(&mut lease, expect) {
            Wanted::Any => None,
            Wanted::Id(id) => match look(&self.ask(&mut lease, &format!("mg {key} c t\r\n")).await?)? {
                None => return Ok(Touch::Missing),
                Some((found, _)) if found != id => return Ok(Touch::Changed),
                Some(_) => Some(id),
            },
            Wanted::Gone => {
                let is_there = self.is_there(&mut lease).await?;
                return Ok(if is_there { Touch::Changed } else { Touch::Missing });
            }
        };
        // The seconds left are those before the touch: the flags count in their order.
        let touched = self.ask(&mut lease, &format!("mg {key} c t T{}\r\n", life.exptime())).await?;
        match (look(&touched)?, wanted) {
            (None, _) => Ok(Touch::Missing),
            (Some((found, left)), Some(id)) if found != id => {
                let before = Life::left(left);
                self.ask(&mut lease, &format!("mg {key} T{}\r\n", before.exptime())).await?;
                Ok(Touch::Changed)
            }
            (Some(_), _) => Ok(Touch::Touched),
        }
    }
}

/// What `mg … c t` answered: the CAS id and the seconds left.
fn look(line: &str) -> Result<Option<(u64, i64)>, Failure> {
    if line == "EN" {
        return Ok(None);
    }
    let numbers = || {
        let (id, left) = line.strip_prefix("HD c")?.split_once(" t")?;
        Some((id.parse().ok()?, left.parse().ok()?))
    };
    numbers().map(Some).ok_or_else(|| Failure::lost(Unexpected("it fits no look at an entry")))
}

/// What is certainly too large is not sent.
fn check_size(data: &[u8], limit: u64) -> Result<(), Failure> {
    if data.len() as u64 > limit {
        return Err(Failure::NotSent(TooLarge { size: data.len(), limit }.into()));
    }
    Ok(())
}

/// Names the limit where the server said that a value is beyond it.
fn too_large(failure: Failure, data: &[u8], limit: u64) -> Failure {
    match failure {
        Failure::Refused(source)
            if source.downcast_ref().is_some_and(|ServerSaid(line)| line.contains("too large")) =>
        {
            Failure::Refused(TooLarge { size: data.len(), limit }.into())
        }
        failure => failure,
    }
}

impl MemcachedStorage {
    /// The server of a name, and the full key there.
    fn operation(&self, name: &str) -> Result<Operation<'_>, StorageError> {
        let key = self.inner.key.of(name);
        let index = self.inner.placement.place(self.inner.servers.iter().map(Pool::name), &key);
        let Some(pool) = self.inner.servers.get(index) else {
            return Err(StorageError::not_done("there is no memcached server"));
        };
        request::check_key(&key).map_err(|failure| failure.of_read(pool.name()))?;
        Ok(Operation { key, pool, deadline: Deadline::after(self.inner.timeout) })
    }

    fn life(&self, expires: Timestamp) -> Life {
        Life::until(expires, &self.clock)
    }
}

impl Storage for MemcachedStorage {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StorageError> {
        let operation = self.operation(name)?;
        let mut found = operation.get().await;
        if found.as_ref().is_err_and(Failure::may_be_tried_again) {
            found = operation.get().await;
        }
        let Some((item, cas)) = found.map_err(|failure| failure.of_read(operation.pool.name()))? else {
            return Ok(None);
        };
        if !request::is_pickle(item.flags) {
            return Err(StorageError::Damaged("a value in memcached whose flags say that it is no pickle"));
        }
        Ok(Some(Stored::new(item.data, None, cas.version())))
    }

    async fn insert(&self, name: &str, new: New<'_>) -> Result<Insert, StorageError> {
        let operation = self.operation(name)?;
        let done = operation.insert(self.life(new.expires), new.data).await;
        done.map_err(|failure| failure.of_write(operation.pool.name()))
    }

    async fn replace(&self, name: &str, expect: Expect<'_>, new: New<'_>) -> Result<Replace, StorageError> {
        let operation = self.operation(name)?;
        let done = operation.replace(expect, self.life(new.expires), new.data).await;
        done.map_err(|failure| failure.of_write(operation.pool.name()))
    }

    async fn touch(&self, name: &str, expect: Expect<'_>, until: Timestamp) -> Result<Touch, StorageError> {
        let operation = self.operation(name)?;
        let done = operation.touch(expect, self.life(until)).await;
        done.map_err(|failure| failure.of_write(operation.pool.name()))
    }

    async fn remove(&self, name: &str, expect: Expect<'_>) -> Result<Remove, StorageError> {
        let operation = self.operation(name)?;
        let done = operation.remove(expect).await;
        done.map_err(|failure| failure.of_write(operation.pool.name()))
    }

    async fn bury(&self, name: &str, marker: New<'_>) -> Result<(), StorageError> {
        let operation = self.operation(name)?;
        let done = operation.bury(self.life(marker.expires), marker.data).await;
        done.map_err(|failure| failure.of_write(operation.pool.name()))
    }

    fn by_clock(&self, clock: &Clock) -> Option<Self> {
        Some(Self { clock: clock.clone(), ..self.clone() })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new().drops_expired().costly_touch()
    }
}
