//! The time of a load and of a save, with few sessions and with many.

use std::time::Instant;

use cloakroom::{SessionKey, SessionStore};
use tokio::runtime::Runtime;

use crate::Result;
use crate::arguments::Arguments;
use crate::fill::fill;
use crate::place::{Kind, Place, store};
use crate::report::{Report, Row, median};

const FEW: usize = 10_000;
const ROUNDS: usize = 9;
const LOADS: usize = 2_000;
const SAVES: usize = 500;

/// A place that is full of sessions.
struct Full {
    _place: Place,
    store: SessionStore,
    keys: Vec<SessionKey>,
    /// The median of each round, in microseconds.
    loads: Vec<f64>,
    saves: Vec<f64>,
}

pub fn measure(arguments: &Arguments, runtime: &Runtime, report: &mut Report) -> Result<()> {
    for kind in Kind::ALL.into_iter().filter(|kind| arguments.wants(*kind)) {
        // Two servers: the few are not to be in the caches of the many.
        let (Some(few), Some(many)) = (Place::new(kind)?, Place::new(kind)?) else { continue };
        report.note_server(&few)?;
        runtime.block_on(async {
            let mut few = full(few, FEW).await?;
            let mut many = full(many, arguments.count).await?;
            // Turn by turn, so that what else the machine does meets both.
            for round in 0..=ROUNDS {
                for place in [&mut few, &mut many] {
                    let (load, save) = (loads(place).await?, saves(place).await?);
                    // The first one warms up.
                    if round > 0 {
                        place.loads.push(load);
                        place.saves.push(save);
                    }
                }
            }
            for (what, few, many) in [("load", &few.loads, &many.loads), ("save", &few.saves, &many.saves)] {
                let group = format!("Time of a {what}");
                report.add(Row::of(&group, kind.name(), "10 thousand sessions", "µs", few));
                report.add(Row::of(&group, kind.name(), &named(arguments.count), "µs", many));
                let ratios: Vec<f64> = few.iter().zip(many).map(|(few, many)| many / few).collect();
                report.add(Row::of(&format!("{group}: many against few"), kind.name(), "cloakroom", "ratio", &ratios));
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        })?;
    }
    Ok(())
}

pub fn named(count: usize) -> String {
    if count % 1_000_000 == 0 {
        format!("{} million sessions", count / 1_000_000)
    } else {
        format!("{} thousand sessions", count / 1_000)
    }
}

async fn full(place: Place, count: usize) -> Result<Full> {
    let store = store(place.kind, &place.address)?;
    let started = Instant::now();
    let keys = fill(&place, &store, count, false).await?;
    eprintln!("{}: {count} sessions in {:.1} s", place.kind.name(), started.elapsed().as_secs_f64());
    // Opened anew: what was in the file's way when it was filled is gone.
    let store = if place.kind == Kind::Memory { store } else { crate::place::store(place.kind, &place.address)? };
    Ok(Full { _place: place, store, keys, loads: Vec::new(), saves: Vec::new() })
}

fn any(keys: &[SessionKey]) -> &SessionKey {
    &keys[rand::random_range(0..keys.len())]
}

async fn loads(place: &Full) -> Result<f64> {
    let mut times = Vec::with_capacity(LOADS);
    for _ in 0..LOADS {
        let key = any(&place.keys);
        let started = Instant::now();
        let session = place.store.session(Some(key)).load().await?;
        times.push(started.elapsed().as_secs_f64() * 1e6);
        if !session.contains("visits") {
            return Err("a session is missing".into());
        }
    }
    Ok(median(&mut times))
}

async fn saves(place: &Full) -> Result<f64> {
    let mut times = Vec::with_capacity(SAVES);
    for _ in 0..SAVES {
        let session = place.store.session(Some(any(&place.keys))).load().await?;
        session.set("visits", &rand::random::<u32>())?;
        let started = Instant::now();
        session.asave().await?;
        times.push(started.elapsed().as_secs_f64() * 1e6);
    }
    Ok(median(&mut times))
}
