//! A Redis Cluster: which of its servers has a key, and what to do when that changes.
//!
//! The driver has a client for this. It repeats a command whose outcome is unknown, unless it is told never to repeat
//! anything, and then it follows no redirection either: so the servers are found here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{Cmd, Value};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::dial::{Address, Dialer};
use super::failure::{Failure, ServerSaid, Source};
use super::link::{Deadline, End, Link};

const SLOTS: u16 = 16_384;
/// Between two looks at a cluster that is finding itself.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Cluster {
    dialer: Dialer,
    /// Those that were named at the start.
    seeds: Vec<Address>,
    map: Mutex<Map>,
    /// The cluster is asked for its map by one at a time.
    asking: tokio::sync::Mutex<()>,
}

/// Who has which slots, as far as is known.
#[derive(Default)]
struct Map {
    owners: Vec<(u16, u16, Address)>,
    links: HashMap<Address, Arc<Link>>,
    /// Counts the times that the owners were asked for.
    age: u64,
    is_stale: bool,
}

impl Map {
    fn owner(&self, slot: u16) -> Option<&Address> {
        let found = self.owners.iter().find(|(first, last, _)| (*first..=*last).contains(&slot));
        found.map(|(_, _, address)| address)
    }
}

impl Cluster {
    pub(super) fn new(dialer: Dialer, seeds: Vec<Address>) -> Self {
        Self { dialer, seeds, map: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }

    fn map(&self) -> MutexGuard<'_, Map> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn link(&self, address: &Address) -> Arc<Link> {
        let mut map = self.map();
        if let Some(link) = map.links.get(address) {
            return Arc::clone(link);
        }
        let link = Arc::new(Link::to(End::Server(self.dialer.clone(), address.clone())));
        map.links.insert(address.clone(), Arc::clone(&link));
        link
    }

    /// Gives one command to the server that has its key. What was certainly not carried out is given again while there
    /// is time; what only `reads`, too.
    pub(super) async fn ask(
        &self,
        key: &str,
        command: &Cmd,
        reads: bool,
        deadline: Deadline,
    ) -> Result<Value, Failure> {
        let slot = slot_of(key.as_bytes());
        loop {
            let failure = match self.ask_owner(slot, command, reads, deadline).await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            let again = match &failure {
                Failure::Refused(said) => said.is_of_a_changing_cluster(),
                Failure::Unreachable(_) => true,
                Failure::Lost(_) => reads,
                Failure::Late(_) | Failure::Unexpected => false,
            };
            if !matches!(&failure, Failure::Refused(said) if !said.is_of_a_changing_cluster()) {
                self.map().is_stale = true;
            }
            let next = Instant::now() + PAUSE;
            if !again || next >= deadline.at {
                return Err(failure);
            }
            sleep_until(next).await;
        }
    }

    async fn ask_owner(&self, slot: u16, command: &Cmd, reads: bool, deadline: Deadline) -> Result<Value, Failure> {
        let address = self.owner(slot, deadline).await?;
        let mut answer = self.link(&address).ask(command, reads, deadline).await;
        // A slot that moves has its old and its new place; two turns lead there.
        for _ in 0..2 {
            let Err(Failure::Refused(said)) = &answer else { break };
            let Some((to, is_asking)) = redirection(said, &address) else { break };
            let link = self.link(&to);
            answer = if is_asking {
                link.ask_asking(command, deadline).await
            } else {
                self.map().is_stale = true;
                link.ask(command, reads, deadline).await
            };
        }
        answer
    }

    async fn owner(&self, slot: u16, deadline: Deadline) -> Result<Address, Failure> {
        let (known, age, is_stale) = {
            let map = self.map();
            (map.owner(slot).cloned(), map.age, map.is_stale)
        };
        if let (Some(address), false) = (&known, is_stale) {
            return Ok(address.clone());
        }
        match tokio::time::timeout_at(deadline.at, self.look(age, deadline)).await {
            Ok(Ok(())) => {}
            // The map of before may still lead there.
            Ok(Err(source)) => return known.ok_or(Failure::Unreachable(source)),
            Err(_) => return Err(Failure::Unreachable(deadline.missed())),
        }
        let owner = self.map().owner(slot).cloned();
        owner.ok_or_else(|| Failure::Refused(ServerSaid::of("CLUSTERDOWN", "a slot has no server")))
    }

    /// Asks the servers, all at once, who has which slots, and believes the first.
    async fn look(&self, age: u64, deadline: Deadline) -> Result<(), Source> {
        let _one_at_a_time = self.asking.lock().await;
        if self.map().age != age {
            return Ok(());
        }
        let mut places: Vec<Address> = self.map().owners.iter().map(|(_, _, address)| address.clone()).collect();
        places.extend(self.seeds.iter().cloned());
        places.sort();
        places.dedup();
        let mut asked = JoinSet::new();
        for address in places {
            let link = self.link(&address);
            asked.spawn(async move {
                let mut question = redis::cmd("CLUSTER");
                question.arg("SLOTS");
                let answer = link.ask(&question, true, deadline).await;
                answer.map(|answer| owners(answer, &address)).map_err(|failure| failure.of_read())
            });
        }
        let mut last: Source = "no server of the Redis Cluster is named".into();
        while let Some(answer) = asked.join_next().await {
            match answer {
                Ok(Ok(Some(owners))) if !owners.is_empty() => {
                    let mut map = self.map();
                    map.links.retain(|address, _| {
                        owners.iter().any(|(_, _, owner)| owner == address) || self.seeds.contains(address)
                    });
                    map.owners = owners;
                    map.age += 1;
                    map.is_stale = false;
                    return Ok(());
                }
                Ok(Ok(_)) => last = "a server of the Redis Cluster does not know the others".into(),
                Ok(Err(error)) => last = error.into(),
                Err(error) => last = error.into(),
            }
        }
        Err(last)
    }
}

/// The answer to `CLUSTER SLOTS`; `asked` is who a server means that does not know its own name.
fn owners(answer: Value, asked: &Address) -> Option<Vec<(u16, u16, Address)>> {
    let Value::Array(ranges) = answer else { return None };
    let mut owners = Vec::with_capacity(ranges.len());
    for range in ranges {
        let Value::Array(range) = range else { return None };
        let mut parts = range.into_iter();
        let (Some(Value::Int(first)), Some(Value::Int(last)), Some(Value::Array(primary))) =
            (parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let mut primary = primary.into_iter();
        let host = match primary.next() {
            Some(Value::BulkString(host)) => String::from_utf8(host).ok()?,
            _ => String::new(),
        };
        let Some(Value::Int(port)) = primary.next() else { return None };
        let address = match (host.as_str(), asked) {
            ("" | "?", Address::Tcp(host, _)) => Address::Tcp(host.clone(), port.try_into().ok()?),
            _ => Address::Tcp(host, port.try_into().ok()?),
        };
        owners.push((first.try_into().ok()?, last.try_into().ok()?, address));
    }
    Some(owners)
}

/// Where a server sends us, and whether only for this once.
fn redirection(said: &ServerSaid, from: &Address) -> Option<(Address, bool)> {
    let is_asking = match said.code() {
        "MOVED" => false,
        "ASK" => true,
        _ => return None,
    };
    let (host, port) = said.message().rsplit(' ').next()?.rsplit_once(':')?;
    let host = match (host, from) {
        ("", Address::Tcp(host, _)) => host.clone(),
        (host, _) => host.to_owned(),
    };
    Some((Address::Tcp(host, port.parse().ok()?), is_asking))
}

/// The slot of a key: CRC-16 (XMODEM) of what stands in its first braces, if there is something, or of all of it.
fn slot_of(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        let close = rest.iter().position(|byte| *byte == b'}')?;
        (close > 0).then(|| &rest[..close])
    });
    let crc = tag.unwrap_or(key).iter().fold(0_u16, |crc, byte| {
        (0..8).fold(
            crc ^ (u16::from(*byte) << 8),
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
            },
        )
    });
    crc % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        // By `CLUSTER KEYSLOT`.
        for (key, slot) in [
            ("123456789", 12_739),
            ("foo", 12_182),
            ("{user1000}.following", slot_of(b"user1000")),
            ("foo{}{bar}", 8_363),
            ("foo{{bar}}zap", slot_of(b"{bar")),
            ("", 0),
        ] {
            assert_eq!(slot_of(key.as_bytes()), slot, "{key}");
        }
    }

    #[test]
    fn redirections_are_read() {
        let from = Address::Tcp("here".to_owned(), 1);
        let to = |code, message| redirection(&ServerSaid::of(code, message), &from);
        assert_eq!(to("MOVED", "3999 127.0.0.1:6381"), Some((Address::Tcp("127.0.0.1".to_owned(), 6381), false)));
        assert_eq!(to("ASK", "3999 ::1:6381"), Some((Address::Tcp("::1".to_owned(), 6381), true)));
        assert_eq!(to("MOVED", "3999 :6381"), Some((Address::Tcp("here".to_owned(), 6381), false)));
        assert_eq!(to("OOM", "3999 :6381"), None);
        assert_eq!(to("MOVED", "3999"), None);
    }
}
