//! A live Django saves the same session, which it does without looking. None of its changes is overwritten here; each of
//! ours that is lost was overwritten by a save of Django's that had loaded the session before.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use cloakroom::{SessionKey, SessionStore};
use serde::Deserialize;
use serde_json::Value;

use super::{Place, bounded, say};

const TASKS: usize = 4;
/// How many saves of ours there are at least.
const OURS: usize = 100;

macro_rules! beside_django {
    ($($name:ident: $place:expr;)+) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let Some(python) = python() else { return };
            let Some(place) = $place.await else { return };
            each_loss_is_a_save_of_djangos(stringify!($name), &place, python).await;
        })+
    };
}

beside_django! {
    db_on_sqlite: Place::sqlite("wal");
    db_on_postgresql: Place::postgresql("db", "read committed");
    db_on_mariadb: Place::mariadb("db", "read+committed");
    cache_on_redis: Place::redis();
    cache_on_memcached: Place::memcached();
}

/// `None` where there is no Django.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("CLOAKROOM_PYTHON").map(PathBuf::from);
    let required = std::env::var_os("CLOAKROOM_REQUIRE_DJANGO").is_some();
    assert!(python.is_some() || !required, "CLOAKROOM_PYTHON is not set, and CLOAKROOM_REQUIRE_DJANGO is");
    python
}

/// A save of Django's, its moments in nanoseconds since 1970.
#[derive(Deserialize)]
struct Save {
    loading: u128,
    saving: u128,
    saved: u128,
    /// What it had loaded, and so wrote again.
    carried: HashMap<String, Value>,
}

fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()
}

/// A change of ours that was not there when its task looked.
#[derive(Debug)]
struct Loss {
    task: usize,
    /// The round that was saved last, and when that save began and was acknowledged.
    round: usize,
    began: u128,
    acknowledged: u128,
    /// The round whose state was found instead, and when.
    found: usize,
    at: u128,
}

impl Loss {
    /// Whether this save of Django's overwrote it: one that had loaded what was found instead, before our save was
    /// acknowledged, and wrote it after our save had begun.
    fn is_by(&self, save: &Save) -> bool {
        let carried = save.carried.get(&counter(self.task)).and_then(Value::as_u64).unwrap_or(0);
        self.found < self.round
            && carried == self.found as u64
            && save.loading < self.acknowledged
            && save.saved > self.began
            && save.saving < self.at
    }
}

fn counter(task: usize) -> String {
    format!("counter{task}")
}

/// A member that is there after every even round and removed by every odd one.
fn sometimes(task: usize) -> String {
    format!("sometimes{task}")
}

/// The round whose state a session holds: both members of a task belong together, whoever wrote them.
async fn round_found(store: &SessionStore, key: &SessionKey, task: usize) -> (cloakroom::Session, usize) {
    let session = store.session(Some(key)).load().await.unwrap();
    let round = session.get::<usize>(&counter(task)).unwrap().unwrap_or(0);
    let other = session.get::<usize>(&sometimes(task)).unwrap();
    assert_eq!(other, (round > 0 && round.is_multiple_of(2)).then_some(round), "half a change of round {round}");
    (session, round)
}

async fn write(
    store: SessionStore,
    key: SessionKey,
    task: usize,
    over: Arc<AtomicBool>,
    saves: Arc<AtomicUsize>,
) -> Vec<Loss> {
    let mut losses = Vec::new();
    let (mut round, mut began, mut acknowledged) = (0, 0, 0);
    loop {
        // Also once more at the very end.
        let ending = over.load(Ordering::SeqCst);
        let (session, found) = round_found(&store, &key, task).await;
        if found != round {
            losses.push(Loss { task, round, began, acknowledged, found, at: now() });
        }
        if ending {
            return losses;
        }
        round += 1;
        session.set(&counter(task), &round).unwrap();
        // Set first in any case, so that the removal is a change also where Django's save has brought an older state.
        session.set(&sometimes(task), &round).unwrap();
        if !round.is_multiple_of(2) {
            session.del(&sometimes(task)).unwrap();
        }
        began = now();
        session.asave().await.unwrap();
        acknowledged = now();
        saves.fetch_add(1, Ordering::SeqCst);
    }
}

async fn each_loss_is_a_save_of_djangos(name: &str, place: &Place, python: PathBuf) {
    let changes = bounded(120, 5_000);
    let store = place.open().await;
    let session = store.session(None).load().await.unwrap();
    session.set("django", &-1).unwrap();
    session.asave().await.unwrap();
    let key = session.session_key().unwrap();
    let (over, saves) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut tasks = Vec::new();
    for task in 0..TASKS {
        let (over, saves) = (Arc::clone(&over), Arc::clone(&saves));
        tasks.push(tokio::spawn(write(place.open().await, key.clone(), task, over, saves)));
    }
    let (engine, url) = place.for_django();
    let (mut log, mut failed) = (Vec::new(), None);
    while failed.is_none() && (log.is_empty() || saves.load(Ordering::SeqCst) < OURS) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/concurrency/django_writer.py");
        let mut command = Command::new(&python);
        command.env("PYTHONDONTWRITEBYTECODE", "1").arg(script).args([&engine, &url, key.as_str()]);
        command.args([log.len().to_string(), changes.to_string()]);
        let Output { status, stdout, stderr } =
            tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        log.extend(String::from_utf8(stdout).unwrap().lines().map(|line| serde_json::from_str::<Save>(line).unwrap()));
        failed = (!status.success()).then(|| String::from_utf8_lossy(&stderr).into_owned());
    }
    over.store(true, Ordering::SeqCst);
    let mut losses = Vec::new();
    for task in tasks {
        losses.extend(task.await.unwrap());
    }
    assert_eq!(failed, None);
    let last = store.session(Some(&key)).load().await.unwrap().get::<i64>("django").unwrap();
    assert_eq!(last, Some(i64::try_from(log.len()).unwrap() - 1), "Django's last change");
    let untraced: Vec<&Loss> = losses.iter().filter(|loss| !log.iter().any(|save| loss.is_by(save))).collect();
    let (ours, theirs, lost) = (saves.load(Ordering::SeqCst), log.len(), losses.len());
    say(&format!(
        "{name}: {ours} saves here beside {theirs} of Django's: {lost} changes overwritten by Django and traced to its \
         saves, {} not traced, none of Django's lost",
        untraced.len()
    ));
    assert!(untraced.is_empty(), "lost by no save of Django's: {untraced:?}");
}
