//! What happened, in numbers.

use cloakroom::SessionError;
use cloakroom::storage::StorageError;

/// How requests ended while the line was bad.
#[derive(Default, Debug)]
pub struct Figures {
    pub faults: usize,
    pub requests: usize,
    pub done: usize,
    pub not_done: usize,
    pub outcome_unknown: usize,
    /// Sessions read from a copy that the cache could not be told to drop.
    pub old_copies: usize,
}

impl Figures {
    /// Counts an answer, which must be success or an error that says that the storage did not do its part.
    pub fn count<T>(&mut self, answer: &Result<T, SessionError>) {
        self.requests += 1;
        match answer {
            Ok(_) => self.done += 1,
            Err(error) => {
                assert_eq!(error.status(), 500, "{error:?}");
                assert_eq!(error.public_message(), "The session storage is out of reach. Please try again later.");
                match error {
                    SessionError::Storage(StorageError::NotDone(_)) => self.not_done += 1,
                    SessionError::Storage(StorageError::OutcomeUnknown(_)) => self.outcome_unknown += 1,
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    /// Takes another's into account, the faults excepted.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.done += other.done;
        self.not_done += other.not_done;
        self.outcome_unknown += other.outcome_unknown;
        self.old_copies += other.old_copies;
    }
}
