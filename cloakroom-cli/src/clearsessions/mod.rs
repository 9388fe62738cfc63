//! `cloakroom clearsessions`

mod progress;

use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use cloakroom::{Cleared, Clearing, ClearingEnd, ClearingProgress, EngineName, SessionStore, Settings};
use serde_json::json;

use crate::database;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::numbers::grouped;
use crate::options::{Clearsessions, Place};
use crate::output::print;
use crate::progress::Shown;

/// Somebody else clears the same sessions.
const UNDER_WAY: u8 = 3;

pub(crate) fn run(arguments: &Clearsessions, place: &Place) -> Result<ExitCode, Failure> {
    let settings = if arguments.dry_run { database::settings(place)? } else { database::settings_to_write(place)? };
    let engine = settings.engine_name();
    let Some(clearing) = clearing(settings)? else {
        if !arguments.json && engine == EngineName::Cache {
            print("nothing to do: a cache ends its entries itself")?;
        } else {
            tell(arguments, &Cleared::default(), 0.0)?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    let shown = Arc::new(Mutex::new(Shown::<ClearingProgress>::new(arguments.json)));
    let (cleared, interrupt) = database::wait(async {
        let interrupt = Interrupt::listen()?;
        let (looked, seen) = (interrupt.clone(), Arc::clone(&shown));
        let clearing = with_options(clearing, arguments).on_progress(move |progress| {
            seen.lock().unwrap_or_else(PoisonError::into_inner).show(progress);
            if looked.came().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        Ok::<_, Failure>((clearing.run().await, interrupt))
    })??;
    let shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
    shown.end();
    let cleared = cleared.map_err(|error| {
        let failure = Failure::from(error);
        match shown.last().removed {
            0 => failure,
            removed => Failure::new(format!("{failure}; {} sessions were removed before", grouped(removed))),
        }
    })?;
    tell(arguments, &cleared, shown.seconds())?;
    Ok(match (cleared.end, interrupt.came()) {
        (ClearingEnd::UnderWay, _) => ExitCode::from(UNDER_WAY),
        (ClearingEnd::Stopped, Some(signal)) => ExitCode::from(128 + signal),
        _ => ExitCode::SUCCESS,
    })
}

/// What is to be cleared; `None` where nothing ever is.
fn clearing(settings: Settings) -> Result<Option<Clearing>, Failure> {
    match settings.engine_name() {
        // Needs no secret: whether a session has expired stands beside its data.
        engine if engine.uses_database() => Ok(Some(Clearing::of_storage(database::open(&settings, false)?))),
        // Whether a session has expired may stand in its data, so each is read.
        EngineName::File => Ok(Some(SessionStore::open(settings)?.clearing())),
        // They end in the browser, and the server judges their age; a cache ends its entries itself (B-103).
        EngineName::SignedCookies | EngineName::Cache => Ok(None),
        engine => Err(database::needs_no_table(engine)),
    }
}

fn with_options(mut clearing: Clearing, arguments: &Clearsessions) -> Clearing {
    if let Some(batch) = arguments.batch {
        clearing = clearing.batch(batch.get());
    }
    if let Some(pause) = arguments.pause {
        clearing = clearing.pause(pause);
    }
    if let Some(rows) = arguments.max_rows {
        clearing = clearing.max_rows(rows.get());
    }
    if let Some(time) = arguments.max_time {
        clearing = clearing.max_time(time);
    }
    if arguments.dry_run { clearing.dry_run() } else { clearing }
}

/// Says what was done, on standard output; of one who steps aside, on the other one.
fn tell(arguments: &Clearsessions, cleared: &Cleared, seconds: f64) -> Result<(), Failure> {
    let &Cleared { removed, unreadable, expired, end, .. } = cleared;
    let under_way = "another clean-up of these sessions is under way: nothing was done";
    if end == ClearingEnd::UnderWay {
        eprintln!("cloakroom: {under_way}");
    }
    if arguments.json {
        let end = match end {
            ClearingEnd::Complete => "complete",
            ClearingEnd::MaxRows => "max_rows",
            ClearingEnd::MaxTime => "max_time",
            ClearingEnd::Stopped => "stopped",
            ClearingEnd::UnderWay => "under_way",
            _ => "other",
        };
        let seconds = (seconds * 1e3).round() / 1e3;
        return print(
            &json!({
                "removed": removed, "unreadable": unreadable, "expired": expired, "end": end, "seconds": seconds,
                "dry_run": arguments.dry_run,
            })
            .to_string(),
        );
    }
    if end == ClearingEnd::UnderWay {
        return Ok(());
    }
    let sessions = |count: u64| format!("{} expired session{}", grouped(count), if count == 1 { "" } else { "s" });
    let mut told = match (arguments.dry_run, expired) {
        (true, Some(expired)) => format!("{} would be removed", sessions(expired)),
        (true, None) => "how many sessions have expired cannot be told here".to_owned(),
        (false, _) => format!("removed {}", sessions(removed)),
    };
    let left = expired.map(|expired| expired.saturating_sub(removed)).filter(|left| *left > 0 && !arguments.dry_run);
    told.push_str(match end {
        ClearingEnd::MaxRows => "; that is --max-rows",
        ClearingEnd::MaxTime => "; --max-time is over",
        ClearingEnd::Stopped => "; interrupted, the next one goes on from here",
        _ => "",
    });
    if let (Some(left), true) = (left, end != ClearingEnd::Complete) {
        told.push_str(&format!(", {} are left", grouped(left)));
    }
    if unreadable > 0 {
        told.push_str(&format!("; {} cannot be read by any known secret and were left", grouped(unreadable)));
    }
    print(&told)
}
