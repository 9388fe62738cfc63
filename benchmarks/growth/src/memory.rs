//! What sessions take in this process's memory, and whether it comes back when they have expired.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use cloakroom::storage::MemoryStorage;
use cloakroom::{Clock, Engine, SessionKey, SessionStore, Settings, Timestamp};
use serde_json::json;

use crate::Result;
use crate::arguments::Arguments;
use crate::child::{Process, tell};
use crate::report::{Report, Row};
use crate::sessions;

const LIBRARIES: [&str; 3] = ["cloakroom", "moka", "quick_cache"];
const VISITS: u64 = 10_000;
/// What each library is asked for, in this order.
const STEPS: [(&str, &str); 4] = [
    ("held", "all live"),
    ("idle", "expired, and nobody came"),
    ("cleared", "expired, and cleared"),
    ("visited", "cleared, and 10,000 others came"),
];

pub fn measure(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let group = format!("Memory of {} of 300 bytes", crate::speed::named(arguments.count));
    // Long enough to be filled, for those that look at the real clock.
    let lives = (arguments.count / 25_000).max(5).to_string();
    let mut steps: Vec<Vec<Row>> = STEPS.map(|_| Vec::new()).into();
    for library in LIBRARIES {
        let mut process = Process::start(&["memory", library, &arguments.count.to_string(), &lives])?;
        for ((step, scenario), rows) in STEPS.iter().zip(&mut steps) {
            let answer = process.hear()?;
            let megabytes = answer[step].as_f64().ok_or("a step of the memory is missing")?;
            eprintln!("{library}: {scenario}: {megabytes:.0} MB");
            rows.push(Row::of(&group, scenario, library, "MB", &[megabytes]));
        }
    }
    steps.into_iter().flatten().for_each(|row| report.add(row));
    Ok(())
}

/// Resident memory, in bytes.
fn resident() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1024.0)
}

struct Steps {
    before: f64,
}

impl Steps {
    fn done(&self, step: &str) -> Result<()> {
        tell(&json!({ step: (resident()? - self.before) / 1e6 }))
    }
}

pub fn child(library: &str, count: u64, lives: u64) -> Result<()> {
    let steps = Steps { before: resident()? };
    match library {
        "cloakroom" => of_cloakroom(count, &steps),
        "moka" => of_moka(count, Duration::from_secs(lives), &steps),
        _ => of_quick_cache(count, &steps),
    }
}

/// By a clock that is put forward: the storage cannot tell that from two weeks that pass.
fn of_cloakroom(count: u64, steps: &Steps) -> Result<()> {
    let moment = Arc::new(AtomicI64::new(Timestamp::now().as_micros()));
    let shown = Arc::clone(&moment);
    let clock = Clock::new(move || Timestamp::from_micros(shown.load(Ordering::Relaxed)).unwrap_or(Timestamp::MAX));
    let storage = MemoryStorage::with_clock(clock.clone());
    let store = SessionStore::new(Engine::memory_in(storage.clone()), Settings::new())?.with_clock(clock);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let visit = async |number| {
            let session = store.session(None).load().await?;
            for (name, value) in sessions::data(number)?.items() {
                session.set_json(&name, value);
            }
            // A thousand a second.
            moment.fetch_add(1_000, Ordering::Relaxed);
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(session.asave().await?)
        };
        for number in 0..count {
            visit(number).await?;
        }
        steps.done("held")?;
        moment.fetch_add(14 * 24 * 60 * 60 * 1_000_000 + 1_000, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(5)).await;
        steps.done("idle")?;
        store.clear_expired().await?;
        steps.done("cleared")?;
        for number in 0..VISITS {
            visit(number).await?;
        }
        steps.done("visited")
    })
}

fn of_moka(count: u64, lives: Duration, steps: &Steps) -> Result<()> {
    let cache = moka::sync::Cache::builder().time_to_live(lives).build();
    let started = Instant::now();
    let visit = |number| cache.insert(SessionKey::generate().as_str().to_owned(), sessions::json(number).into_bytes());
    (0..count).for_each(visit);
    cache.run_pending_tasks();
    if started.elapsed() > lives {
        return Err("the sessions expired while they were being made".into());
    }
    steps.done("held")?;
    std::thread::sleep(lives + Duration::from_secs(1));
    steps.done("idle")?;
    // It removes a bounded number at a time.
    while cache.entry_count() > 0 {
        cache.run_pending_tasks();
    }
    steps.done("cleared")?;
    (0..VISITS).for_each(visit);
    steps.done("visited")
}

/// It has no expiry: an entry stays until others take its place.
fn of_quick_cache(count: u64, steps: &Steps) -> Result<()> {
    let cache = quick_cache::sync::Cache::new(usize::try_from(count + VISITS)?);
    let visit = |number| cache.insert(SessionKey::generate().as_str().to_owned(), sessions::json(number).into_bytes());
    (0..count).for_each(visit);
    steps.done("held")?;
    steps.done("idle")?;
    steps.done("cleared")?;
    (0..VISITS).for_each(visit);
    steps.done("visited")
}
