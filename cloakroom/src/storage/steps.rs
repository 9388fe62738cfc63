//! What storages without a single step for it do in several.

use super::{Expect, Insert, New, Remove, Rename, Storage, StorageError};
use crate::round_trips;

/// The default of [`Storage::rename`]. Who called it has counted the first step.
pub(super) async fn rename_in_steps<S: Storage + ?Sized>(
    storage: &S,
    from: &str,
    to: &str,
    expect: Expect<'_>,
    new: New<'_>,
) -> Result<Rename, StorageError> {
    if from == to {
        let found = storage.read(from).await?.is_some();
        return Ok(if found { Rename::Exists } else { Rename::Missing });
    }
    let version = match storage.insert(to, new).await? {
        Insert::Inserted(version) => version,
        Insert::Exists => return Ok(Rename::Exists),
    };
    round_trips::add(1);
    let refused = match storage.remove(from, expect).await {
        Ok(Remove::Removed) => return Ok(Rename::Renamed(version)),
        Ok(Remove::Missing) => Ok(Rename::Missing),
        Ok(Remove::Changed) => Ok(Rename::Changed),
        // Taking the new entry back could leave none at all.
        Err(error @ StorageError::OutcomeUnknown(_)) => return Err(error),
        Err(error) => Err(error),
    };
    round_trips::add(1);
    match storage.remove(to, Expect::Version(&version)).await {
        Ok(_) => refused,
        // The new entry may have stayed, so this is not "certainly not done" any more.
        Err(error) => Err(StorageError::outcome_unknown(error)),
    }
}
