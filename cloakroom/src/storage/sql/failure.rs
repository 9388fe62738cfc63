use std::error::Error;
use std::time::Duration;

use sqlx::error::DatabaseError;
use thiserror::Error;

use super::Dialect;
use crate::storage::StorageError;

/// Why a statement has no result.
#[derive(Debug)]
pub(in crate::storage) enum Failure {
    /// No connection could be had: nothing was sent.
    Unreachable(Box<dyn Error + Send + Sync>),
    /// The connection was lost, or the time was up, after the statement may have been sent.
    Lost {
        source: Box<dyn Error + Send + Sync>,
        /// The connection had served before and may have died long ago: on a new one the statement may succeed.
        again: bool,
    },
    /// The server refused the statement, which had no effect.
    Refused(Box<dyn DatabaseError>),
    /// The answer is not what the statement asks for.
    Unexpected(Box<dyn Error + Send + Sync>),
}

/// The time of an operation was up.
#[derive(Debug, Error)]
#[error("no answer within {} s", .0.as_secs_f64())]
pub(super) struct TimedOut(pub(super) Duration);

/// What the server said, without the details of its answer, which may hold a session key or data.
#[derive(Debug, Error)]
#[error("{message} (SQLSTATE {code})")]
pub(in crate::storage) struct ServerSaid {
    code: String,
    message: String,
    /// The statement was not begun.
    without_effect: bool,
}

impl ServerSaid {
    fn of(error: &dyn DatabaseError, without_effect: bool) -> Self {
        let code = error.code().unwrap_or_default().into_owned();
        // Errors of data (class 22) and of constraints (class 23) quote values.
        let message = match code.get(..2) {
            Some("22") => "the database refused a value",
            Some("23") => "a constraint of the table was violated",
            _ => error.message(),
        };
        let message = message.to_owned();
        Self { code, message, without_effect }
    }
}

impl Failure {
    pub(super) fn of<DB: Dialect>(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) if DB::ends_connection(&*error) => {
                Self::lost(ServerSaid::of(&*error, DB::had_no_effect(&*error)))
            }
            sqlx::Error::Database(error) => Self::Refused(error),
            error @ (sqlx::Error::Encode(_)
            | sqlx::Error::Decode(_)
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::RowNotFound
            | sqlx::Error::TypeNotFound { .. }
            | sqlx::Error::InvalidArgument(_)) => Self::Unexpected(error.into()),
            error => Self::lost(error),
        }
    }

    pub(super) fn lost(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Lost { source: source.into(), again: false }
    }

    /// Whether a read is to be tried once more.
    pub(in crate::storage) fn may_be_tried_again(&self) -> bool {
        matches!(self, Self::Lost { again: true, .. })
    }

    /// Whether the statement was certainly not carried out, though the connection was lost with it.
    pub(in crate::storage) fn was_without_effect(&self) -> bool {
        let Self::Lost { source, .. } = self else { return false };
        source.downcast_ref().is_some_and(|said: &ServerSaid| said.without_effect)
    }

    /// The error of a read, or of a statement whose repetition does no harm.
    pub(in crate::storage) fn not_done(self) -> StorageError {
        match self {
            Self::Unreachable(source) | Self::Lost { source, .. } | Self::Unexpected(source) => {
                StorageError::NotDone(source)
            }
            Self::Refused(error) => StorageError::not_done(ServerSaid::of(&*error, true)),
        }
    }

    /// The error of a write.
    pub(in crate::storage) fn of_write(self) -> StorageError {
        match self {
            failure if failure.was_without_effect() => failure.not_done(),
            Self::Lost { source, .. } | Self::Unexpected(source) => StorageError::OutcomeUnknown(source),
            failure => failure.not_done(),
        }
    }
}
