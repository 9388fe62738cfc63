//! Ending all sessions of a user.

use std::process::ExitCode;

use cloakroom::{EndedOfUser, SessionStore};
use serde_json::json;

use crate::database;
use crate::failure::Failure;
use crate::numbers::{grouped, sessions};
use crate::options::Delete;
use crate::output::print;
use crate::sessions::Watch;

pub(super) fn run(arguments: &Delete, user: &str, store: &SessionStore) -> Result<ExitCode, Failure> {
    let (ended, watch) = database::wait(async {
        let watch = Watch::begin(arguments.json)?;
        let ending = store.ending_of_user(user).on_progress(watch.look());
        let ending = if arguments.dry_run { ending.dry_run() } else { ending };
        Ok::<_, Failure>((ending.run().await, watch))
    })??;
    let (progress, seconds) = watch.end();
    let ended = ended.map_err(|error| {
        let failure = Failure::from(error);
        match progress.found {
            found if found == 0 || arguments.dry_run => failure,
            found => Failure::new(format!("{failure}; {} of this user ended before", sessions(found))),
        }
    })?;
    tell(arguments, user, &ended, seconds)?;
    Ok(match watch.interrupt.came() {
        Some(signal) if !ended.complete => ExitCode::from(128 + signal),
        _ if ended.unreadable > 0 => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

fn tell(arguments: &Delete, user: &str, ended: &EndedOfUser, seconds: f64) -> Result<(), Failure> {
    let &EndedOfUser { found, ended, unreadable, looked_at, complete, .. } = ended;
    if arguments.json {
        return print(
            &json!({
                "user": user, "found": found, "ended": ended, "unreadable": unreadable, "looked_at": looked_at,
                "end": if complete { "complete" } else { "stopped" }, "seconds": seconds,
                "dry_run": arguments.dry_run,
            })
            .to_string(),
        );
    }
    let mut told = match arguments.dry_run {
        true => format!("{} of user {user} would be ended", sessions(found)),
        false => format!("ended {} of user {user}", sessions(ended)),
    };
    told.push_str(&format!("; looked at {}", grouped(looked_at)));
    if !complete {
        told.push_str("; interrupted, so there may be more: run it again");
    }
    print(&told)?;
    if unreadable > 0 {
        let whose = "cannot be read by any known secret, so nobody can tell whose: left as they are";
        eprintln!("cloakroom: {} {whose}", sessions(unreadable));
    }
    if complete && !arguments.dry_run {
        eprintln!(
            "a login made while this ran may have been missed: if the account was not locked and its password not \
             changed before, do that and run this again"
        );
    }
    Ok(())
}
