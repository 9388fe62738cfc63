//! Ending the sessions of given keys.

use std::process::ExitCode;
use std::time::Duration;

use cloakroom::{SessionError, SessionKey, SessionStore};
use serde_json::json;
use tokio::time::timeout;

use crate::database;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::keys::Keys;
use crate::numbers::{grouped, sessions};
use crate::options::Delete;
use crate::output::print;

/// So often it is looked for a signal while no key comes.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Default)]
struct Done {
    ended: u64,
    /// The short forms of the keys that name no session.
    unknown: Vec<String>,
    /// How many of the texts are no keys.
    invalid: u64,
    interrupted: Option<u8>,
}

pub(super) fn run(arguments: &Delete, store: &SessionStore) -> Result<ExitCode, Failure> {
    let mut done = Done::default();
    let ended = database::wait(end(arguments, store, &mut done))?;
    ended.map_err(|failure| match done.ended {
        0 => failure,
        ended => Failure::new(format!("{failure}; {} ended before", were(ended))),
    })?;
    tell(arguments, &done)?;
    Ok(match done.interrupted {
        Some(signal) => ExitCode::from(128 + signal),
        None if done.unknown.is_empty() && done.invalid == 0 && done.ended > 0 => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
    })
}

async fn end(arguments: &Delete, store: &SessionStore, done: &mut Done) -> Result<(), Failure> {
    let interrupt = Interrupt::listen()?;
    let mut keys = Keys::of(arguments.keys.clone()).on_thread()?;
    let mut number = 0_u64;
    while done.interrupted.is_none() {
        // Whoever types them may well think again.
        let Ok(next) = timeout(LOOK, keys.recv()).await else {
            done.interrupted = interrupt.came();
            continue;
        };
        let Some(key) = next else { break };
        number += 1;
        match key? {
            Some(key) if end_one(store, &key).await? => done.ended += 1,
            Some(key) => {
                let session = key.short_hash();
                eprintln!("cloakroom: no session is stored under the key {session}");
                done.unknown.push(session);
            }
            None => {
                eprintln!(
                    "cloakroom: key number {number} is none: a session key has 8 to 40 characters of a-z and 0-9"
                );
                done.invalid += 1;
            }
        }
        done.interrupted = interrupt.came();
    }
    Ok(())
}

/// Whether there was one. Also where there was none, for a copy may be left in the cache in front of the database.
async fn end_one(store: &SessionStore, key: &SessionKey) -> Result<bool, SessionError> {
    let was_there = store.exists(key).await?;
    store.delete(key).await?;
    Ok(was_there)
}

fn were(ended: u64) -> String {
    format!("{} {}", sessions(ended), if ended == 1 { "was" } else { "were" })
}

fn tell(arguments: &Delete, done: &Done) -> Result<(), Failure> {
    let Done { ended, unknown, invalid, interrupted } = done;
    if arguments.json {
        let end = if interrupted.is_some() { "stopped" } else { "complete" };
        return print(&json!({ "ended": ended, "unknown": unknown, "invalid": invalid, "end": end }).to_string());
    }
    let mut told = format!("ended {}", sessions(*ended));
    if !unknown.is_empty() {
        let keys = if unknown.len() == 1 { "key names" } else { "keys name" };
        told.push_str(&format!("; {} {keys} no session", grouped(unknown.len() as u64)));
    }
    if *invalid > 0 {
        told.push_str(&format!("; {} no session key{}", grouped(*invalid), if *invalid == 1 { "" } else { "s" }));
    }
    if interrupted.is_some() {
        told.push_str("; interrupted, the keys after that were left");
    }
    if *ended == 0 && unknown.is_empty() && *invalid == 0 && interrupted.is_none() {
        return Err(Failure::new("standard input holds no session key"));
    }
    print(&told)
}
