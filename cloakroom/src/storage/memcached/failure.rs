//! Why an exchange with a server has no result.

use std::error::Error;
use std::time::Duration;

use thiserror::Error;

use crate::storage::StorageError;

/// Why an exchange has no result.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing was sent: no connection could be had, or the request is one that the server would refuse.
    NotSent(Box<dyn Error + Send + Sync>),
    /// The connection was lost, or the time was up, after the request may have been sent.
    Lost {
        source: Box<dyn Error + Send + Sync>,
        /// The connection had served before and may have died long ago: on a new one a read may succeed.
        again: bool,
    },
    /// The server refused it, and did nothing.
    Refused(Box<dyn Error + Send + Sync>),
}

/// What was read is not the answer to what was asked.
#[derive(Debug, Error)]
#[error("the server's answer is none of memcached's: {0}")]
pub(super) struct Unexpected(pub(super) &'static str);

/// The time of an operation was up.
#[derive(Debug, Error)]
#[error("no answer within {} s", .0.as_secs_f64())]
pub(super) struct TimedOut(pub(super) Duration);

/// A server cannot be reached.
#[derive(Debug, Error)]
#[error("memcached at {server}")]
pub(super) struct At {
    pub(super) server: String,
    pub(super) source: Box<dyn Error + Send + Sync>,
}

/// A value that the server does not take. The entry that was there stays.
#[derive(Debug, Error)]
#[error(
    "the session takes {size} bytes in the cache, and the memcached server keeps at most {limit} bytes in an item, \
     its key and about 60 bytes of its own included: store less in the session, or start memcached with a larger -I"
)]
pub(super) struct TooLarge {
    pub(super) size: usize,
    pub(super) limit: u64,
}

/// What the server said.
#[derive(Debug, Error)]
#[error("the memcached server answered {0:?}")]
pub(super) struct ServerSaid(pub(super) String);

/// A key that memcached's text protocol has no place for, and that Django refuses too. It is not shown.
#[derive(Debug, Error)]
pub(super) enum KeyRefused {
    #[error("the key of the cache entry, KEY_PREFIX included, has {0} bytes, and memcached takes at most 250")]
    TooLong(usize),
    #[error("the key of the cache entry, KEY_PREFIX included, holds a blank or a control character")]
    Characters,
}

impl Failure {
    pub(super) fn lost(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Lost { source: source.into(), again: false }
    }

    pub(super) fn may_be_tried_again(&self) -> bool {
        matches!(self, Self::Lost { again: true, .. })
    }

    /// The error of a read.
    pub(super) fn of_read(self, server: &str) -> StorageError {
        let (Self::NotSent(source) | Self::Lost { source, .. } | Self::Refused(source)) = self;
        StorageError::not_done(At { server: server.to_owned(), source })
    }

    /// The error of a write.
    pub(super) fn of_write(self, server: &str) -> StorageError {
        match self {
            Self::Lost { source, .. } => StorageError::outcome_unknown(At { server: server.to_owned(), source }),
            failure => failure.of_read(server),
        }
    }
}
