//! `cloakroom clearsessions`

use cloakroom::Timestamp;
use cloakroom::storage::{Storage as _, StorageError};

use crate::database;
use crate::failure::Failure;
use crate::options::{Clearsessions, Place};
use crate::output::print;

/// How many go in one statement: the site's own writes wait for it.
const BATCH: usize = 500;

/// Needs no secret: whether a session has expired stands beside its data.
pub(crate) fn run(arguments: &Clearsessions, place: &Place) -> Result<(), Failure> {
    let storage = database::open(place, false)?;
    let now = Timestamp::now();
    let removed = database::wait(async {
        let mut removed = 0;
        loop {
            let batch = storage.remove_expired(now, BATCH).await?;
            removed += batch;
            if batch < BATCH {
                return Ok::<_, StorageError>(removed);
            }
        }
    })??;
    if arguments.json {
        return print(&serde_json::json!({ "removed": removed }).to_string());
    }
    print(&format!("removed {removed} expired session{}", if removed == 1 { "" } else { "s" }))
}
