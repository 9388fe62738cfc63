//! `cloakroom stats`

mod table;

use std::process::ExitCode;

use cloakroom::Counted;
use serde_json::json;

use crate::failure::Failure;
use crate::options::{Place, Stats};
use crate::output::print;
use crate::sessions::Watch;
use crate::{database, sessions};

pub(crate) fn run(arguments: &Stats, place: &Place) -> Result<ExitCode, Failure> {
    let store = sessions::open_to_list(database::settings(place)?)?;
    let mut counting = store.counting();
    if let Some(sample) = arguments.sample {
        counting = counting.sample(sample.get());
    }
    if arguments.exact {
        counting = counting.exact();
    }
    let (counted, watch) = database::wait(async {
        let watch = Watch::begin(arguments.json)?;
        Ok::<_, Failure>((counting.on_progress(watch.look()).run().await, watch))
    })??;
    let (_, seconds) = watch.end();
    let counted = counted?;
    print(&if arguments.json { object(&counted, seconds).to_string() } else { table::table(&counted) })?;
    Ok(match watch.interrupt.came() {
        Some(signal) if !counted.complete => ExitCode::from(128 + signal),
        _ => ExitCode::SUCCESS,
    })
}

fn object(counted: &Counted, seconds: f64) -> serde_json::Value {
    let (bytes, ends) = (&counted.bytes, &counted.ends);
    json!({
        "sessions": counted.sessions,
        "live": counted.live,
        "expired": counted.expired,
        "unknown": counted.unknown,
        "bytes": {
            "total": bytes.total,
            "median": bytes.median,
            "percentile_95": bytes.percentile_95,
            "largest": bytes.largest,
        },
        "ends_within": { "hour": ends.hour, "day": ends.day, "week": ends.week, "month": ends.month },
        "ends_later": ends.later,
        "looked_at": counted.looked_at,
        "margin": counted.margin.map(|margin| (margin * 1e4).round() / 1e4),
        "end": if counted.complete { "complete" } else { "stopped" },
        "seconds": seconds,
    })
}
