//! Saves that meet share statements and commits, and still each has its own answer.
#![cfg(feature = "postgres")]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/postgres.rs"]
mod postgres;

use std::time::{Duration, Instant};

use cloakroom::storage::{Expect, Insert, New, PostgresStorage, Remove, Replace, Storage, StorageError, Version};
use cloakroom::{SessionKey, Timestamp};
use postgres::{Server, run};
use sqlx::{Connection as _, PgConnection};

const SAVES: usize = 200;
/// Less than the time-out of a statement that waits for a lock.
const SOON: Duration = Duration::from_secs(3);

/// What a version is made of stands at the end.
fn data(at: usize) -> String {
    format!("data {at:043}")
}

async fn inserted(storage: &PostgresStorage, count: usize) -> Vec<(String, Version)> {
    let mut sessions = Vec::new();
    for at in 0..count {
        let key = SessionKey::generate().as_str().to_owned();
        let insert = storage.insert(&key, New::of(data(at).as_bytes(), Timestamp::MAX)).await.unwrap();
        let Insert::Inserted(version) = insert else { panic!("{insert:?}") };
        sessions.push((key, version));
    }
    sessions
}

/// All at once, each with other data and another expiry.
async fn replaced(
    storage: &PostgresStorage,
    sessions: &[(String, Version)],
) -> Vec<tokio::task::JoinHandle<Result<Replace, StorageError>>> {
    let saves = sessions.iter().enumerate().map(|(at, (key, version))| {
        let (storage, key, version) = (storage.clone(), key.clone(), *version);
        tokio::spawn(async move {
            let (data, expires) = (data(at + SAVES), expires(at));
            storage.replace(&key, Expect::Version(&version), New::of(data.as_bytes(), expires)).await
        })
    });
    saves.collect()
}

fn expires(at: usize) -> Timestamp {
    Timestamp::from_micros(1_900_000_000_000_000 + i64::try_from(at).unwrap() * 1_000_003).unwrap()
}

async fn is_saved(storage: &PostgresStorage, key: &str, at: usize) {
    let stored = storage.read(key).await.unwrap().unwrap();
    assert_eq!((&*stored.data, stored.expires), (data(at + SAVES).as_bytes(), Some(expires(at))));
}

/// How many transactions have written the rows that there are.
async fn transactions(connection: &mut PgConnection) -> i64 {
    sqlx::query_scalar("SELECT count(DISTINCT xmin::text) FROM django_session").fetch_one(connection).await.unwrap()
}

async fn many_share_a_commit(storage: &PostgresStorage, connection: &mut PgConnection) {
    let sessions = inserted(storage, SAVES).await;
    for (at, save) in replaced(storage, &sessions).await.into_iter().enumerate() {
        let replaced = save.await.unwrap().unwrap();
        let Replace::Replaced(version) = replaced else { panic!("{replaced:?}") };
        is_saved(storage, &sessions[at].0, at).await;
        // The version that was answered is the one to compare with next.
        let removed = storage.remove(&sessions[at].0, Expect::Version(&version)).await.unwrap();
        assert_eq!(removed, Remove::Removed);
    }
    assert_eq!(transactions(connection).await, 0);
    let sessions = inserted(storage, SAVES).await;
    for save in replaced(storage, &sessions).await {
        assert!(matches!(save.await.unwrap().unwrap(), Replace::Replaced(_)));
    }
    let commits = transactions(connection).await;
    println!("{SAVES} saves at once in {commits} commits");
    assert!(commits <= i64::try_from(SAVES / 4).unwrap(), "{commits} commits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_saves_share_a_commit() {
    let Some(server) = Server::shared().await else { return };
    let (storage, database) = server.storage().await;
    many_share_a_commit(&storage, &mut server.connect(&database).await).await;
}

#[tokio::test]
async fn many_saves_share_a_commit_in_simple_queries() {
    let Some(server) = Server::shared().await else { return };
    let (_, database) = server.storage().await;
    let storage = server.options(&database).pgbouncer(true).open();
    many_share_a_commit(&storage, &mut server.connect(&database).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_was_changed_and_one_that_is_gone_spoil_nothing() {
    let Some(server) = Server::shared().await else { return };
    let (storage, database) = server.storage().await;
    let sessions = inserted(&storage, SAVES).await;
    let mut connection = server.connect(&database).await;
    let others = "UPDATE django_session SET session_data = 'of somebody else' WHERE session_key =";
    run(&mut connection, &format!("{others} '{}'", sessions[50].0)).await;
    run(&mut connection, &format!("DELETE FROM django_session WHERE session_key = '{}'", sessions[60].0)).await;
    for (at, save) in replaced(&storage, &sessions).await.into_iter().enumerate() {
        let replaced = save.await.unwrap().unwrap();
        match at {
            50 => assert_eq!(replaced, Replace::Changed),
            60 => assert_eq!(replaced, Replace::Missing),
            _ => {
                assert!(matches!(replaced, Replace::Replaced(_)), "{at}: {replaced:?}");
                is_saved(&storage, &sessions[at].0, at).await;
            }
        }
    }
    assert_eq!(storage.read(&sessions[50].0).await.unwrap().unwrap().data, "of somebody else");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_saves_of_one_session_one_wins() {
    let Some(server) = Server::shared().await else { return };
    let (storage, _) = server.storage().await;
    let once = inserted(&storage, SAVES / 2).await;
    let twice: Vec<_> = once.iter().chain(&once).cloned().collect();
    let mut answers = Vec::new();
    for save in replaced(&storage, &twice).await {
        answers.push(save.await.unwrap().unwrap());
    }
    for at in 0..once.len() {
        let (first, second) = (&answers[at], &answers[at + once.len()]);
        let first_won = matches!(first, Replace::Replaced(_));
        assert_eq!(if first_won { second } else { first }, &Replace::Changed, "{first:?}, {second:?}");
        assert!(first_won || matches!(second, Replace::Replaced(_)));
        is_saved(&storage, &once[at].0, if first_won { at } else { at + once.len() }).await;
    }
}

/// Django holds some rows in transactions of its own: who saves others does not wait for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_lock_on_somebody_elses_session() {
    let Some(server) = Server::shared().await else { return };
    let (storage, database) = server.storage().await;
    let sessions = inserted(&storage, SAVES).await;
    let mut connection = server.connect(&database).await;
    let mut transaction = connection.begin().await.unwrap();
    let held = [0, 1, 2, 100];
    let keys: Vec<_> = held.iter().map(|at| format!("'{}'", sessions[*at].0)).collect();
    let lock = format!("SELECT 1 FROM django_session WHERE session_key IN ({}) FOR UPDATE", keys.join(", "));
    run(&mut transaction, &lock).await;
    let start = Instant::now();
    let mut waiting = Vec::new();
    for (at, save) in replaced(&storage, &sessions).await.into_iter().enumerate() {
        if held.contains(&at) {
            waiting.push((at, save));
        } else {
            let replaced = save.await.unwrap().unwrap();
            assert!(matches!(replaced, Replace::Replaced(_)), "{at}: {replaced:?}");
        }
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    transaction.rollback().await.unwrap();
    for (at, save) in waiting {
        assert!(matches!(save.await.unwrap().unwrap(), Replace::Replaced(_)));
        is_saved(&storage, &sessions[at].0, at).await;
    }
}

/// Callers that go away take nobody along.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_whose_callers_are_gone_keep_nobody_waiting() {
    let Some(server) = Server::shared().await else { return };
    let (storage, _) = server.storage().await;
    for round in 0..20 {
        let sessions = inserted(&storage, 60).await;
        let mut saves = replaced(&storage, &sessions).await;
        let stay = saves.split_off(40);
        tokio::time::sleep(Duration::from_micros(round * 200)).await;
        for save in &saves {
            save.abort();
        }
        for (at, save) in stay.into_iter().enumerate() {
            match save.await.unwrap() {
                Ok(Replace::Replaced(_)) => is_saved(&storage, &sessions[at + 40].0, at + 40).await,
                // The statement of one that went away may have been given up with it.
                Err(StorageError::OutcomeUnknown(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}
