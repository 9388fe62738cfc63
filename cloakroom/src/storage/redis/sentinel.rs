//! The primary that Redis Sentinel names.

use std::sync::atomic::{AtomicUsize, Ordering};

use redis::Value;

use super::dial::{Address, Connection, Dialer};
use super::failure::Source;

/// The sentinels of one service. They are asked whenever a connection is made, so a failover is followed without a
/// restart.
pub(super) struct Sentinels {
    service: String,
    addresses: Vec<Address>,
    /// To the sentinels themselves.
    ask: Dialer,
    /// To the primary.
    primary: Dialer,
    /// The one that answered last.
    first: AtomicUsize,
}

impl Sentinels {
    pub(super) fn new(service: String, addresses: Vec<Address>, mut ask: Dialer, primary: Dialer) -> Self {
        // One that stands still must leave time for the others.
        ask.timeout = primary.timeout / 3;
        Self { service, addresses, ask, primary, first: AtomicUsize::new(0) }
    }

    /// A connection to a server that calls itself a primary.
    pub(super) async fn dial(&self) -> Result<Connection, Source> {
        let first = self.first.load(Ordering::Relaxed);
        let mut reasons = Vec::new();
        for turn in 0..self.addresses.len() {
            let index = (first + turn) % self.addresses.len();
            match self.dial_by(&self.addresses[index]).await {
                Ok(connection) => {
                    self.first.store(index, Ordering::Relaxed);
                    return Ok(connection);
                }
                Err(error) => reasons.push(error.to_string()),
            }
        }
        Err(format!("no sentinel knows a primary of {} that answers: {}", self.service, reasons.join("; ")).into())
    }

    async fn dial_by(&self, sentinel: &Address) -> Result<Connection, Source> {
        let mut sentinel = self.ask.dial(sentinel).await?;
        let mut question = redis::cmd("SENTINEL");
        question.arg("get-master-addr-by-name").arg(&self.service);
        let asked = sentinel.commands.send_packed_command(&question);
        let answer =
            tokio::time::timeout(self.ask.timeout, asked).await.map_err(|_| "a sentinel does not answer")??;
        let named: Option<(String, u16)> = redis::from_redis_value(answer.extract_error()?)?;
        let (host, port) = named.ok_or_else(|| format!("a sentinel does not know {}", self.service))?;
        let address = Address::Tcp(host, port);
        let mut connection = self.primary.dial(&address).await?;
        // A sentinel that was cut off may name the old primary.
        let question = redis::cmd("ROLE");
        let asked = connection.commands.send_packed_command(&question);
        let role =
            tokio::time::timeout(self.primary.timeout, asked).await.map_err(|_| format!("{address} is late"))??;
        match role.extract_error()? {
            Value::Array(role) if matches!(role.first(), Some(Value::BulkString(name)) if name == b"master") => {
                Ok(connection)
            }
            _ => Err(format!("{address} is no primary at the moment").into()),
        }
    }
}
