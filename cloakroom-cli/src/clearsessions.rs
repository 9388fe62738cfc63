//! `cloakroom clearsessions`

use cloakroom::storage::{Storage as _, StorageError};
use cloakroom::{Cleared, EngineName, SessionStore, Settings, Timestamp};

use crate::database;
use crate::failure::Failure;
use crate::options::{Clearsessions, Place};
use crate::output::print;

/// How many go in one statement: the site's own writes wait for it.
const BATCH: usize = 500;

pub(crate) fn run(arguments: &Clearsessions, place: &Place) -> Result<(), Failure> {
    let settings = database::settings_to_write(place)?;
    let engine_name = settings.engine_name();
    let (removed, unreadable) = match engine_name {
        engine if engine.uses_database() => (in_database(&settings)?, 0),
        EngineName::File => {
            let Cleared { removed, unreadable, .. } = in_files(settings)?;
            (removed, unreadable)
        }
        // They end in the browser, and the server judges their age; a cache ends its entries itself (B-103).
        EngineName::SignedCookies | EngineName::Cache => (0, 0),
        engine => return Err(database::needs_no_table(engine)),
    };
    if arguments.json {
        return print(&serde_json::json!({ "removed": removed, "unreadable": unreadable }).to_string());
    }
    if engine_name == EngineName::Cache {
        return print("nothing to do: a cache ends its entries itself");
    }
    let mut told = format!("removed {removed} expired session{}", if removed == 1 { "" } else { "s" });
    if unreadable > 0 {
        told.push_str(&format!("; {unreadable} cannot be read by any known secret and were left"));
    }
    print(&told)
}

/// Needs no secret: whether a session has expired stands beside its data.
fn in_database(settings: &Settings) -> Result<u64, Failure> {
    let storage = database::open(settings, false)?;
    let now = Timestamp::now();
    Ok(database::wait(async {
        let mut removed = 0;
        loop {
            let batch = storage.remove_expired(now, BATCH).await?;
            removed += batch as u64;
            if batch < BATCH {
                return Ok::<_, StorageError>(removed);
            }
        }
    })??)
}

/// Whether a session has expired may stand in its data, so each is read.
fn in_files(settings: Settings) -> Result<Cleared, Failure> {
    let store = SessionStore::open(settings)?;
    Ok(database::wait(store.clear_expired_and_count())??)
}
