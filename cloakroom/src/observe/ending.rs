//! How an operation ended, in a word.

use crate::engine::{Cleared, ClearingEnd};
use crate::error::SessionError;
use crate::storage::StorageError;

/// The field `outcome` and the label of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Loaded,
    Nothing,
    Expired,
    Unreadable,
    Created,
    Saved,
    Prolonged,
    ChangedKey,
    Removed,
    Missing,
    Found,
    Complete,
    MaxRows,
    MaxTime,
    Stopped,
    UnderWay,
    /// `SESSION_READ_ONLY`.
    Refused,
    /// It may have been done, and nobody could find out.
    Unknown,
    Error,
    /// Nobody waited for it any more.
    Dropped,
}

impl Ending {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Nothing => "nothing",
            Self::Expired => "expired",
            Self::Unreadable => "unreadable",
            Self::Created => "created",
            Self::Saved => "saved",
            Self::Prolonged => "prolonged",
            Self::ChangedKey => "changed_key",
            Self::Removed => "removed",
            Self::Missing => "missing",
            Self::Found => "found",
            Self::Complete => "complete",
            Self::MaxRows => "max_rows",
            Self::MaxTime => "max_time",
            Self::Stopped => "stopped",
            Self::UnderWay => "under_way",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Error => "error",
            Self::Dropped => "dropped",
        }
    }

    /// Of work whose ending is known only where it went well.
    pub(crate) fn of<T, E>(result: &Result<T, E>, ending: impl FnOnce(&T) -> Self) -> Self
    where
        for<'e> Self: From<&'e E>,
    {
        result.as_ref().map_or_else(Self::from, ending)
    }
}

impl From<&StorageError> for Ending {
    fn from(error: &StorageError) -> Self {
        match error {
            StorageError::ReadOnly => Self::Refused,
            StorageError::OutcomeUnknown(_) => Self::Unknown,
            _ => Self::Error,
        }
    }
}

impl From<&SessionError> for Ending {
    fn from(error: &SessionError) -> Self {
        match error {
            SessionError::UpdateError => Self::Missing,
            SessionError::ReadOnly => Self::Refused,
            SessionError::Storage(error) => error.into(),
            _ => Self::Error,
        }
    }
}

impl From<&Cleared> for Ending {
    fn from(cleared: &Cleared) -> Self {
        match cleared.end {
            ClearingEnd::Complete => Self::Complete,
            ClearingEnd::MaxRows => Self::MaxRows,
            ClearingEnd::MaxTime => Self::MaxTime,
            ClearingEnd::Stopped => Self::Stopped,
            ClearingEnd::UnderWay => Self::UnderWay,
        }
    }
}
