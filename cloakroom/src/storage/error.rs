use std::error::Error;

use thiserror::Error;

/// Why a storage did not do what it was asked.
///
/// ```
/// use cloakroom::storage::StorageError;
///
/// let error = StorageError::not_done("connection refused");
/// assert_eq!(error.to_string(), "the session storage did not answer");
/// assert!(matches!(StorageError::outcome_unknown("timed out"), StorageError::OutcomeUnknown(_)));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StorageError {
    /// It was certainly not done: nothing was read or written.
    #[error("the session storage did not answer")]
    NotDone(#[source] Box<dyn Error + Send + Sync>),
    /// A write may or may not have happened; whoever needs to know reads it back.
    #[error("the session storage did not say whether it wrote")]
    OutcomeUnknown(#[source] Box<dyn Error + Send + Sync>),
    /// The table for sessions is not there. Nothing was read or written.
    #[error("there is no table {table}: create it with `cloakroom migrate` or Django's `manage.py migrate`")]
    MissingTable {
        /// The table that was looked for.
        table: String,
    },
    /// The table of the database cache is not there. Nothing was read or written.
    #[error(
        "there is no table {table}: create it with `cloakroom createcachetable` or Django's `manage.py createcachetable`"
    )]
    MissingCacheTable {
        /// The table that was looked for.
        table: String,
    },
    /// An entry is there, and it is not one that sessions are kept in.
    #[error("what the session storage holds is damaged: {0}")]
    Damaged(&'static str),
    /// Every write is refused by the settings. Nothing was read or written.
    #[error("SESSION_READ_ONLY is on: this service reads sessions and does not write them")]
    ReadOnly,
    /// This storage has no such operation.
    #[error("this session storage has no operation `{0}`")]
    Unsupported(&'static str),
}

impl StorageError {
    /// An error for something that was certainly not done.
    pub fn not_done(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::NotDone(source.into())
    }

    /// An error for a write that may or may not have happened.
    pub fn outcome_unknown(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::OutcomeUnknown(source.into())
    }
}
