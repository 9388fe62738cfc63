use std::future::Future;
use std::sync::Arc;

use tokio::sync::Barrier;

use super::probe::{Checked, Probe, ensure, equal, fresh_name, text};
use crate::storage::{Expect, Insert, Remove, Rename, Replace, Storage, Touch};

const TASKS: usize = 16;
const ROUNDS: usize = 8;

/// Runs `act(n)` in as many tasks as there are numbers, all let go at once, and gives their answers in order.
async fn race<T, F>(tasks: usize, act: impl Fn(usize) -> F) -> Result<Vec<T>, String>
where
    T: Send + 'static,
    F: Future<Output = Result<T, String>> + Send + 'static,
{
    let gate = Arc::new(Barrier::new(tasks));
    let started: Vec<_> = (0..tasks)
        .map(|n| {
            let (gate, act) = (Arc::clone(&gate), act(n));
            tokio::spawn(async move {
                gate.wait().await;
                act.await
            })
        })
        .collect();
    let mut answers = Vec::with_capacity(tasks);
    for task in started {
        answers.push(task.await.map_err(|error| format!("a task ended early: {error}"))??);
    }
    Ok(answers)
}

pub(super) async fn replaces<S: Storage>(probe: &Probe<S>) -> Checked {
    for _ in 0..ROUNDS {
        let (name, version) = probe.put_new(&text("start")).await?;
        let texts: Vec<String> = (0..TASKS).map(|_| text("racer")).collect();
        let answers = race(TASKS, |n| {
            let (probe, name, data) = (probe.clone(), name.clone(), texts[n].clone());
            async move { probe.replace(&name, Expect::Version(&version), &data, probe.later()).await }
        })
        .await?;
        let mut won = answers.iter().zip(&texts).filter_map(|(answer, data)| match answer {
            Replace::Replaced(version) => Some((version, data)),
            _ => None,
        });
        let (Some((version, data)), None) = (won.next(), won.next()) else {
            return Err(format!("expected one Replaced of {TASKS} with the same version, found {answers:?}"));
        };
        let changed = answers.iter().filter(|answer| **answer == Replace::Changed).count();
        equal("the replaces that lost and were told so", &changed, &(TASKS - 1))?;
        probe.holds("after the race", &name, data, probe.later(), version).await?;
    }
    Ok(())
}

pub(super) async fn inserts<S: Storage>(probe: &Probe<S>) -> Checked {
    for _ in 0..ROUNDS {
        let name = fresh_name();
        let texts: Vec<String> = (0..TASKS).map(|_| text("racer")).collect();
        let answers = race(TASKS, |n| {
            let (probe, name, data) = (probe.clone(), name.clone(), texts[n].clone());
            async move { probe.insert(&name, &data, probe.later()).await }
        })
        .await?;
        let mut won = answers.iter().zip(&texts).filter_map(|(answer, data)| match answer {
            Insert::Inserted(version) => Some((version, data)),
            Insert::Exists => None,
        });
        let (Some((version, data)), None) = (won.next(), won.next()) else {
            return Err(format!("expected one Inserted of {TASKS} under one name, found {answers:?}"));
        };
        probe.holds("after the race", &name, data, probe.later(), version).await?;
    }
    Ok(())
}

pub(super) async fn renames<S: Storage>(probe: &Probe<S>) -> Checked {
    for _ in 0..ROUNDS {
        let (from, version) = probe.put_new(&text("start")).await?;
        let targets: Vec<(String, String)> = (0..TASKS).map(|_| (fresh_name(), text("racer"))).collect();
        let answers = race(TASKS, |n| {
            let (probe, from, (to, data)) = (probe.clone(), from.clone(), targets[n].clone());
            async move { probe.rename(&from, &to, Expect::Version(&version), &data).await }
        })
        .await?;
        let won = answers.iter().filter(|answer| matches!(answer, Rename::Renamed(_))).count();
        if won != 1 {
            return Err(format!("expected one Renamed of {TASKS} with the same version, found {answers:?}"));
        }
        probe.is_missing("after the race, the old name", &from).await?;
        for (answer, (to, data)) in answers.iter().zip(&targets) {
            match answer {
                Rename::Renamed(version) => {
                    probe.holds("after the race, the winner", to, data, probe.later(), version).await?;
                }
                _ => probe.is_missing("after the race, the new name of one that lost", to).await?,
            }
        }
    }
    Ok(())
}

pub(super) async fn removed_never_comes_back<S: Storage>(probe: &Probe<S>) -> Checked {
    for _ in 0..ROUNDS {
        let (name, version) = probe.put_new(&text("start")).await?;
        let removed = race(TASKS, |n| {
            let (probe, name) = (probe.clone(), name.clone());
            async move {
                match n {
                    0 => return Ok(probe.remove(&name, Expect::Present).await? == Remove::Removed),
                    n if n % 4 == 1 => {
                        let answer = probe.touch(&name, Expect::Anything, probe.after(5_000)).await?;
                        ensure(answer != Touch::Changed, "a touch with Anything answered Changed")?;
                    }
                    n if n % 4 == 2 => {
                        let expect = Expect::Version(&version);
                        let _ = probe.replace(&name, expect, &text("racer"), probe.later()).await?;
                    }
                    _ => {
                        let answer = probe.replace(&name, Expect::Anything, &text("racer"), probe.later()).await?;
                        ensure(answer != Replace::Changed, "a replace with Anything answered Changed")?;
                    }
                }
                Ok(false)
            }
        })
        .await?;
        equal("the remove", &removed[0], &true)?;
        probe.is_missing("after a remove among replaces", &name).await?;
    }
    Ok(())
}

pub(super) async fn rename_against_replace<S: Storage>(probe: &Probe<S>) -> Checked {
    for _ in 0..ROUNDS {
        let (from, version) = probe.put_new(&text("start")).await?;
        let (to, renamed, replaced) = (fresh_name(), text("renamed"), text("replaced"));
        let won = race(2, |n| {
            let (probe, from, to) = (probe.clone(), from.clone(), to.clone());
            let data = if n == 0 { renamed.clone() } else { replaced.clone() };
            async move {
                let expect = Expect::Version(&version);
                Ok(if n == 0 {
                    matches!(probe.rename(&from, &to, expect, &data).await?, Rename::Renamed(_))
                } else {
                    matches!(probe.replace(&from, expect, &data, probe.later()).await?, Replace::Replaced(_))
                })
            }
        })
        .await?;
        ensure(won[0] != won[1], "of a rename and a replace with one version, not exactly one was done")?;
        let (there, gone) = if won[0] { (&to, &from) } else { (&from, &to) };
        probe.is_missing("the name that lost", gone).await?;
        let found = probe.read(there).await?.map(|stored| stored.data);
        let expected = if won[0] { &renamed } else { &replaced };
        ensure(found.is_some_and(|data| data == expected.as_bytes()), "the winner's bytes are not there")?;
    }
    Ok(())
}
