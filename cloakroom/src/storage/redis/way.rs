//! The way to the server or servers, whichever it is.

use redis::{Cmd, Pipeline, Value};

use super::cluster::Cluster;
use super::failure::Failure;
use super::given::RedisConnection;
use super::link::{Deadline, Link};
use super::scripts::Script;

pub(super) enum Way {
    Link(Box<Link>),
    Cluster(Box<Cluster>),
    Given(RedisConnection),
}

impl Way {
    /// Gives one command about a key; what only `reads` may be given twice.
    pub(super) async fn ask(
        &self,
        key: &str,
        command: &Cmd,
        reads: bool,
        deadline: Deadline,
    ) -> Result<Value, Failure> {
        match self {
            Self::Link(link) => link.ask(command, reads, deadline).await,
            // In boxes: a command to a single server is not to carry about what these need.
            Self::Cluster(cluster) => Box::pin(cluster.ask(key, command, reads, deadline)).await,
            Self::Given(connection) => Box::pin(connection.ask(command, reads, deadline)).await,
        }
    }

    /// Runs a script by its name, or with its text where the server has not seen it yet.
    pub(super) async fn run(
        &self,
        script: &Script,
        keys: &[&str],
        arguments: &[&[u8]],
        deadline: Deadline,
    ) -> Result<i64, Failure> {
        let key = keys.first().copied().unwrap_or_default();
        let mut answer = self.ask(key, &script.by_name(keys, arguments), false, deadline).await;
        if answer.as_ref().is_err_and(Failure::is_unknown_script) {
            answer = Box::pin(self.ask(key, &script.with_text(keys, arguments), false, deadline)).await;
        }
        match answer? {
            Value::Int(answer) => Ok(answer),
            _ => Err(Failure::Unexpected),
        }
    }

    /// Gives several commands in one go, on a single server. A cluster has no such thing.
    pub(super) async fn ask_all(
        &self,
        commands: &Pipeline,
        count: usize,
        deadline: Deadline,
    ) -> Result<Vec<Value>, Failure> {
        match self {
            Self::Link(link) => link.ask_all(commands, count, deadline).await,
            Self::Cluster(_) => Err(Failure::Unexpected),
            Self::Given(connection) => connection.ask_all(commands, count, deadline).await,
        }
    }

    /// Whether several servers share the keys, so that no command may name two of them.
    pub(super) fn is_cluster(&self) -> bool {
        match self {
            Self::Link(_) => false,
            Self::Cluster(_) => true,
            Self::Given(connection) => connection.is_cluster(),
        }
    }
}
