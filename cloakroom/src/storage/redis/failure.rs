//! Why a command has no answer, and what that means for whoever gave it.

use std::error::Error;
use std::time::Duration;

use redis::RedisError;
use thiserror::Error;

use crate::storage::StorageError;

pub(super) type Source = Box<dyn Error + Send + Sync>;

#[derive(Debug)]
pub(super) enum Failure {
    /// No connection could be had: nothing was sent.
    Unreachable(Source),
    /// The connection was lost after the command may have been sent.
    Lost(Source),
    /// The time was up after the command may have been sent.
    Late(Source),
    /// The server refused the command, which had no effect.
    Refused(ServerSaid),
    /// The answer is not what the command asks for.
    Unexpected,
}

/// The time of an operation was up.
#[derive(Debug, Error)]
#[error("no answer within {} s", .0.as_secs_f64())]
pub(super) struct TimedOut(pub(super) Duration);

#[derive(Debug, Error)]
#[error("the answer is not one to this command")]
struct UnexpectedAnswer;

/// What the server said, and what to do about it where that is known.
#[derive(Clone, Debug, Error)]
#[error("{code} {message}{}", advice(.code))]
pub(super) struct ServerSaid {
    code: String,
    message: String,
}

/// What Redis's error codes ask for.
fn advice(code: &str) -> &'static str {
    match code {
        "OOM" => ": give the server more memory or an eviction policy (maxmemory-policy)",
        "READONLY" => ": this server is a replica, name the primary",
        "LOADING" => ": the server is starting, try again soon",
        "NOAUTH" => ": set the password",
        "WRONGPASS" => ": check the user name and the password",
        "NOPERM" => ": the user needs the commands get, set, del, exists, pexpire, eval and evalsha on these keys",
        "MASTERDOWN" => ": this server is a replica without its primary, name the primary",
        "MISCONF" => ": the server cannot save to its disk, look there",
        "NOREPLICAS" => ": too few replicas are connected (min-replicas-to-write)",
        "BUSY" => ": a script blocks the server",
        "CLUSTERDOWN" => ": the cluster has no server for some of its slots",
        "MOVED" | "ASK" | "CROSSSLOT" => ": the server is one of a Redis Cluster, set it up as such",
        _ => "",
    }
}

impl ServerSaid {
    pub(super) fn of(code: &str, message: &str) -> Self {
        // An unknown command is repeated with its arguments: keys and data.
        let end = message.find("with args beginning").unwrap_or(message.len());
        let message = message[..end].trim_end_matches([' ', ',']);
        // Older servers put the error of a command in a script into the text.
        let code = if message.contains("WRONGTYPE") { "WRONGTYPE" } else { code };
        Self { code: code.to_owned(), message: message.to_owned() }
    }

    pub(super) fn code(&self) -> &str {
        &self.code
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// A cluster that is finding itself says so: nothing was done, and soon it will be.
    pub(super) fn is_of_a_changing_cluster(&self) -> bool {
        matches!(
            self.code.as_str(),
            "MOVED" | "ASK" | "TRYAGAIN" | "CLUSTERDOWN" | "READONLY" | "MASTERDOWN" | "LOADING"
        )
    }

    /// Another server is to be asked, or the same one by another name.
    pub(super) fn is_elsewhere(&self) -> bool {
        matches!(self.code.as_str(), "READONLY" | "MASTERDOWN")
    }
}

impl Failure {
    /// What became of a command that may have been sent.
    pub(super) fn of(error: RedisError) -> Self {
        match error.kind() {
            redis::ErrorKind::Server(_) | redis::ErrorKind::Extension => {
                let code = error.code().unwrap_or("ERR").to_owned();
                Self::Refused(ServerSaid::of(&code, error.detail().unwrap_or_default()))
            }
            redis::ErrorKind::Parse | redis::ErrorKind::UnexpectedReturnType => Self::Unexpected,
            redis::ErrorKind::ClusterConnectionNotFound
            | redis::ErrorKind::AuthenticationFailed
            | redis::ErrorKind::InvalidClientConfig
            | redis::ErrorKind::Client => Self::Unreachable(error.into()),
            _ if error.is_connection_refusal() => Self::Unreachable(error.into()),
            _ if error.is_timeout() => Self::Late(error.into()),
            _ => Self::Lost(error.into()),
        }
    }

    /// Whether the server does not know a script by its name.
    pub(super) fn is_unknown_script(&self) -> bool {
        matches!(self, Self::Refused(said) if said.code == "NOSCRIPT")
    }

    /// The error of a read, or of anything whose repetition does no harm.
    pub(super) fn of_read(self) -> StorageError {
        match self {
            Self::Unreachable(source) | Self::Lost(source) | Self::Late(source) => StorageError::NotDone(source),
            Self::Refused(said) if said.code == "WRONGTYPE" => {
                StorageError::Damaged("under a session's key there is another kind of Redis value than a string")
            }
            Self::Refused(said) => StorageError::not_done(said),
            Self::Unexpected => StorageError::not_done(UnexpectedAnswer),
        }
    }

    /// The error of a write.
    pub(super) fn of_write(self) -> StorageError {
        match self {
            Self::Lost(source) | Self::Late(source) => StorageError::OutcomeUnknown(source),
            Self::Unexpected => StorageError::outcome_unknown(UnexpectedAnswer),
            certain => certain.of_read(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ServerSaid;

    #[test]
    fn no_argument_of_a_command_is_shown() {
        let said = ServerSaid::of("ERR", "unknown command 'EVALSHA', with args beginning with: 'a1' '1' ':1:secret' ");
        assert_eq!(said.to_string(), "ERR unknown command 'EVALSHA'");
        let said = ServerSaid::of("ERR", "Error running script (call to f_a1): @user_script:1: WRONGTYPE Operation …");
        assert_eq!(said.code(), "WRONGTYPE");
    }
}
