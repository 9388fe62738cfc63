//! Eight processes of eight tasks set members of their own in one session, and remove them again.

use std::process::{Child, Command, Stdio};
use std::time::Instant;

use cloakroom::{SessionKey, SessionStore};

use super::{Place, bounded, patiently, say};

const PROCESSES: usize = 8;
const TASKS: usize = 8;
/// How many rounds a task has where there is time.
const LONG: usize = 200;

/// How a process knows what to do: its number, the rounds, the session key and the place's words.
const WORK: &str = "CLOAKROOM_TEST_WORK";

/// Each task sets a member in each round and removes the one of the round before, after it has looked whether its last
/// save is there as it was.
async fn work(store: &SessionStore, key: &SessionKey, process: usize, tasks: usize, rounds: usize) {
    let tasks = (0..tasks).map(|task| {
        let (store, key) = (store.clone(), key.clone());
        tokio::spawn(async move {
            let name = |round: usize| format!("p{process}t{task}r{round}");
            for round in 0..rounds {
                let session = patiently(|| async { store.session(Some(&key)).load().await }).await.unwrap();
                if round > 0 {
                    assert_eq!(
                        session.get::<usize>(&name(round - 1)).unwrap(),
                        Some(round - 1),
                        "{} is lost",
                        name(round - 1)
                    );
                    session.del(&name(round - 1)).unwrap();
                }
                if round > 1 {
                    assert!(!session.contains(&name(round - 2)), "{} is back", name(round - 2));
                }
                session.set(&name(round), &round).unwrap();
                patiently(|| async { session.asave().await }).await.unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

async fn stored(store: &SessionStore) -> SessionKey {
    let session = store.session(None).load().await.unwrap();
    session.set("untouched", "stays").unwrap();
    session.asave().await.unwrap();
    session.session_key().unwrap()
}

/// What each task set last is there, and nothing else but what nobody touched.
async fn assert_nothing_is_lost(store: &SessionStore, key: &SessionKey, processes: usize, tasks: usize, rounds: usize) {
    let session = store.session(Some(key)).load().await.unwrap();
    let last = |process: usize| (0..tasks).map(move |task| format!("p{process}t{task}r{}", rounds - 1));
    let mut expected: Vec<String> = (0..processes).flat_map(last).collect();
    expected.push("untouched".to_owned());
    let mut found = session.keys();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

/// In a process that another one started this works on that one's session; alone it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_working_child() {
    let Ok(words) = std::env::var(WORK) else { return };
    let mut words = words.splitn(4, ' ');
    let mut number = || words.next().unwrap().parse::<usize>().unwrap();
    let (process, rounds) = (number(), number());
    let key: SessionKey = words.next().unwrap().parse().unwrap();
    let place = Place::from(words.next().unwrap().to_owned());
    work(&place.open().await, &key, process, TASKS, rounds).await;
}

/// Ends a child that a failing test leaves behind.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) async fn eight_processes(name: &str, place: &Place, rounds: usize) {
    let rounds = bounded(rounds, LONG);
    let store = place.open().await;
    let key = stored(&store).await;
    let started = Instant::now();
    let workers: Vec<Worker> = (0..PROCESSES)
        .map(|process| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", "changes::a_working_child"]);
            command.env(WORK, format!("{process} {rounds} {} {}", key.as_str(), place.words()));
            command.stdout(Stdio::null()).stdin(Stdio::null());
            Worker(command.spawn().unwrap())
        })
        .collect();
    let all = tokio::task::spawn_blocking(|| {
        workers.into_iter().map(|mut worker| worker.0.wait().unwrap().success()).collect::<Vec<_>>()
    });
    assert!(all.await.unwrap().into_iter().all(|succeeded| succeeded), "a process failed");
    let seconds = started.elapsed().as_secs_f32();
    assert_nothing_is_lost(&store, &key, PROCESSES, TASKS, rounds).await;
    say(&format!("{name}: {} saves of one session in {seconds:.1} s, none lost", PROCESSES * TASKS * rounds));
}

pub(crate) async fn tasks(name: &str, place: &Place, tasks: usize, rounds: usize) {
    let rounds = bounded(rounds, LONG);
    let store = place.open().await;
    let key = stored(&store).await;
    work(&store, &key, 0, tasks, rounds).await;
    assert_nothing_is_lost(&store, &key, 1, tasks, rounds).await;
    say(&format!("{name}: {} saves of one session, none lost", tasks * rounds));
}
