//! Clearing half of all rows while a reader and a writer work, each in a process of its own.

use std::io::Read as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use cloakroom::SessionKey;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::Result;
use crate::arguments::Arguments;
use crate::child::{Process, tell};
use crate::fill::fill;
use crate::place::{Kind, Place, store};
use crate::report::{Report, Row};

const PLACES: [Kind; 4] = [Kind::Sqlite, Kind::SqliteRollback, Kind::PostgreSql, Kind::MariaDb];
/// How long nobody clears, to show what the machine does by itself.
const QUIET: Duration = Duration::from_secs(5);
/// So many live sessions are visited.
const VISITED: usize = 10_000;

#[derive(Clone, Copy, PartialEq)]
enum Who {
    Nobody,
    Cloakroom,
    Django,
}

impl Who {
    fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody clears",
            Self::Cloakroom => "cloakroom",
            Self::Django => "Django",
        }
    }
}

/// What one run showed, in milliseconds, seconds and rows a second.
#[derive(Default)]
struct Shown {
    writer: Vec<f64>,
    reader: Vec<f64>,
    seconds: Vec<f64>,
    rate: Vec<f64>,
}

pub fn measure(arguments: &Arguments, runtime: &Runtime, report: &mut Report) -> Result<()> {
    let python = std::env::var_os("CLOAKROOM_PYTHON");
    if python.is_none() {
        eprintln!("CLOAKROOM_PYTHON does not name a Python with Django: Django's clearsessions is left out");
    }
    for kind in PLACES.into_iter().filter(|kind| arguments.wants(*kind)) {
        for who in [Who::Nobody, Who::Cloakroom, Who::Django] {
            if who == Who::Django && python.is_none() {
                continue;
            }
            let mut shown = Shown::default();
            for _ in 0..arguments.rounds {
                let Some(place) = Place::new(kind)? else { break };
                report.note_server(&place)?;
                once(arguments, runtime, &place, who, &mut shown)?;
            }
            let half = format!("half of {}", crate::speed::named(arguments.count));
            for (what, unit, values) in [
                (format!("Longest wait of a writer while {half} are cleared"), "ms", &shown.writer),
                (format!("Longest wait of a reader while {half} are cleared"), "ms", &shown.reader),
                (format!("Time of clearing {half}"), "s", &shown.seconds),
                (format!("Rate of clearing {half}"), "rows/s", &shown.rate),
            ] {
                if !values.is_empty() {
                    report.add(Row::of(&what, kind.name(), who.name(), unit, values));
                }
            }
        }
    }
    Ok(())
}

fn once(arguments: &Arguments, runtime: &Runtime, place: &Place, who: Who, shown: &mut Shown) -> Result<()> {
    let live =
        runtime.block_on(async { fill(place, &store(place.kind, &place.address)?, arguments.count, true).await })?;
    let expired = arguments.count - live.len();
    let keys = place.folder.path().join("keys");
    let listed: Vec<&str> = live.iter().take(VISITED).map(SessionKey::as_str).collect();
    std::fs::write(&keys, listed.join("\n"))?;
    let keys = keys.to_str().ok_or("a path that is no text")?;
    let visitor = |role| Process::start(&["visit", role, place.kind.name(), &place.address, keys]);
    let (mut reader, mut writer) = (visitor("reader")?, visitor("writer")?);
    reader.hear()?;
    writer.hear()?;
    let started = Instant::now();
    match who {
        Who::Nobody => std::thread::sleep(QUIET),
        Who::Cloakroom => {
            let answer = Process::start(&["clear", place.kind.name(), &place.address])?.hear()?;
            if answer["removed"] != expired {
                return Err(format!("cleared {} of {expired} rows", answer["removed"]).into());
            }
        }
        Who::Django => djangos_clearsessions(place)?,
    }
    let seconds = started.elapsed().as_secs_f64();
    let (reader, writer) = (reader.end()?, writer.end()?);
    eprintln!("{}, {}: {seconds:.1} s; writer {writer}; reader {reader}", place.kind.name(), who.name());
    shown.writer.push(writer["longest_ms"].as_f64().ok_or("no wait")?);
    shown.reader.push(reader["longest_ms"].as_f64().ok_or("no wait")?);
    if who != Who::Nobody {
        shown.seconds.push(seconds);
        shown.rate.push(expired as f64 / seconds);
    }
    Ok(())
}

/// Django's own, on the project of the interop tests.
fn djangos_clearsessions(place: &Place) -> Result<()> {
    let python = std::env::var_os("CLOAKROOM_PYTHON").ok_or("no Python")?;
    let mut command = Command::new(python);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../interop/manage.py")).arg("clearsessions");
    command.env("SECRET_KEY", crate::sessions::SECRET).env("DATABASE_URL", place.url().ok_or("a database")?);
    command.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(place.folder.path());
    if !command.status()?.success() {
        return Err("Django's clearsessions failed".into());
    }
    Ok(())
}

/// The process that clears.
pub fn clear(kind: Kind, address: &str) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let removed = runtime.block_on(async {
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(store(kind, address)?.clear_expired().await?)
    })?;
    tell(&json!({ "removed": removed }))
}

/// The process of a visitor: loads, or loads and saves, one live session after the other until its standard input ends.
pub fn visit(role: &str, kind: Kind, address: &str, keys: &Path) -> Result<()> {
    let keys = std::fs::read_to_string(keys)?;
    let keys: Vec<SessionKey> = keys.lines().map(str::parse).collect::<Result<_, _>>()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let ended = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let end = std::sync::Arc::clone(&ended);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        end.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let mut waits = runtime.block_on(async {
        let store = store(kind, address)?;
        let mut waits: Vec<f64> = Vec::new();
        let mut visits = 0;
        while !ended.load(std::sync::atomic::Ordering::Relaxed) {
            let key = &keys[rand::random_range(0..keys.len())];
            let mut started = Instant::now();
            let session = store.session(Some(key)).load().await?;
            if role == "writer" {
                session.set("visits", &rand::random::<u32>())?;
                started = Instant::now();
                session.asave().await?;
            }
            let wait = started.elapsed().as_secs_f64() * 1e3;
            visits += 1;
            // The first ones open connections.
            if visits == 50 {
                tell(&json!("ready"))?;
            } else if visits > 50 {
                waits.push(wait);
            }
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(waits)
    })?;
    waits.sort_by(f64::total_cmp);
    let at = |share: f64| waits.get((waits.len() as f64 * share) as usize).copied().unwrap_or_default();
    let longest = waits.last().copied().unwrap_or_default();
    tell(
        &json!({ "visits": waits.len(), "p50_ms": at(0.5), "p99_ms": at(0.99), "p999_ms": at(0.999), "longest_ms": longest }),
    )
}
