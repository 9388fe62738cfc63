//! An application's own connection.

use redis::aio::{ConnectionLike, ConnectionManager, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::{Cmd, Value};
use tokio::time::timeout_at;

use super::failure::Failure;
use super::link::Deadline;

/// A connection of the application's own, to a server or to a Redis Cluster.
///
/// ```no_run
/// use cloakroom::storage::RedisStorage;
/// use cloakroom::storage::redis::RedisConnection;
///
/// # async fn example() -> Result<(), redis::RedisError> {
/// let client = redis::Client::open("redis://cache.example/1")?;
/// let connection: RedisConnection = client.get_connection_manager_lazy(Default::default())?.into();
/// let storage = RedisStorage::from_connection(connection).open();
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum RedisConnection {
    /// One that is made anew when it was lost.
    Manager(ConnectionManager),
    /// One that stays lost.
    Multiplexed(MultiplexedConnection),
    /// To a Redis Cluster. It repeats what it does not know the outcome of as often as its client was told
    /// (`retries`); with `retries(0)` this storage finds out by itself.
    Cluster(ClusterConnection),
}

impl From<ConnectionManager> for RedisConnection {
    fn from(connection: ConnectionManager) -> Self {
        Self::Manager(connection)
    }
}

impl From<MultiplexedConnection> for RedisConnection {
    fn from(connection: MultiplexedConnection) -> Self {
        Self::Multiplexed(connection)
    }
}

impl From<ClusterConnection> for RedisConnection {
    fn from(connection: ClusterConnection) -> Self {
        Self::Cluster(connection)
    }
}

impl std::fmt::Debug for RedisConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Manager(_) => "ConnectionManager",
            Self::Multiplexed(_) => "MultiplexedConnection",
            Self::Cluster(_) => "ClusterConnection",
        })
    }
}

impl RedisConnection {
    /// Gives one command. What only `reads` is tried once more where a connection was lost: by then it may be back.
    pub(super) async fn ask(&self, command: &Cmd, reads: bool, deadline: Deadline) -> Result<Value, Failure> {
        match self.ask_once(command, deadline).await {
            Err(Failure::Lost(_)) if reads => self.ask_once(command, deadline).await,
            answer => answer,
        }
    }

    async fn ask_once(&self, command: &Cmd, deadline: Deadline) -> Result<Value, Failure> {
        let asked = async {
            match self.clone() {
                Self::Manager(mut connection) => connection.req_packed_command(command).await,
                Self::Multiplexed(mut connection) => connection.req_packed_command(command).await,
                Self::Cluster(mut connection) => connection.req_packed_command(command).await,
            }
        };
        match timeout_at(deadline.at, asked).await {
            Ok(answer) => answer.and_then(Value::extract_error).map_err(Failure::of),
            Err(_) => Err(Failure::Late(deadline.missed())),
        }
    }

    pub(super) async fn ask_all(
        &self,
        commands: &redis::Pipeline,
        count: usize,
        deadline: Deadline,
    ) -> Result<Vec<Value>, Failure> {
        let asked = async {
            match self.clone() {
                Self::Manager(mut connection) => connection.req_packed_commands(commands, 0, count).await,
                Self::Multiplexed(mut connection) => connection.req_packed_commands(commands, 0, count).await,
                Self::Cluster(mut connection) => connection.req_packed_commands(commands, 0, count).await,
            }
        };
        match timeout_at(deadline.at, asked).await {
            Ok(answer) => answer.map_err(Failure::of),
            Err(_) => Err(Failure::Late(deadline.missed())),
        }
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }
}
