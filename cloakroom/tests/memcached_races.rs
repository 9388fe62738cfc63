//! Sessions on memcached that several processes change, end, or keep while a server dies: none is lost, none comes back.
#![cfg(feature = "memcached")]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/memcached.rs"]
mod memcached;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cloakroom::storage::MemcachedStorage;
use cloakroom::{Engine, Session, SessionError, SessionKey, SessionStore, Settings};
use memcached::{options, several, start, storage};
use test_servers::Memcached;

fn store(storage: MemcachedStorage) -> SessionStore {
    SessionStore::new(Engine::cache(storage), Settings::new()).unwrap()
}

async fn saved(store: &SessionStore) -> (Session, SessionKey) {
    let session = store.session(None).load().await.unwrap();
    session.set("start", &true).unwrap();
    session.asave().await.unwrap();
    let key = session.session_key().unwrap();
    (session, key)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_that_change_one_session_lose_nothing() {
    let Some(servers) = several(2).await else { return };
    // As two processes have it: nothing is shared but the servers.
    let stores = [store(options(&servers).open()), store(options(&servers).open())];
    let (tasks, rounds) = (8, 25);
    for _ in 0..4 {
        let (_, key) = saved(&stores[0]).await;
        let all: Vec<_> = (0..tasks)
            .map(|task| {
                let (store, key) = (stores[task % 2].clone(), key.clone());
                tokio::spawn(async move {
                    for round in 0..rounds {
                        let session = store.session(Some(&key)).load().await.unwrap();
                        session.set(&format!("{task}-{round}"), &round).unwrap();
                        session.asave().await.unwrap();
                    }
                })
            })
            .collect();
        for one in all {
            one.await.unwrap();
        }
        let session = stores[0].session(Some(&key)).load().await.unwrap();
        assert_eq!(session.keys().len(), 1 + tasks * rounds);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_logout_among_saves_is_never_undone() {
    let Some(servers) = several(2).await else { return };
    let stores = [store(options(&servers).open()), store(options(&servers).open())];
    for round in 0..60_u64 {
        let (_, key) = saved(&stores[0]).await;
        let savers: Vec<_> = (0..6_usize)
            .map(|task| {
                let (store, key) = (stores[task % 2].clone(), key.clone());
                tokio::spawn(async move {
                    for n in 0..5 {
                        let session = store.session(Some(&key)).load().await.unwrap();
                        session.set("n", &n).unwrap();
                        match session.asave().await {
                            Ok(()) | Err(SessionError::SessionInterrupted | SessionError::UpdateError) => {}
                            Err(error) => panic!("{error:?}"),
                        }
                    }
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_micros(round * 100)).await;
        stores[1].delete(&key).await.unwrap();
        for saver in savers {
            saver.await.unwrap();
        }
        assert!(!stores[0].exists(&key).await.unwrap(), "{round}");
    }
}

/// Under load: killed, and back empty. Errors in time, and afterwards each session is whole or gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_killed_under_load() {
    let Some(mut server) = start(Memcached::start).await else { return };
    let store = store(storage(&server));
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (store, stop) = (store.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let (mut done, mut failed) = (0_usize, 0_usize);
                while !stop.load(Ordering::Relaxed) {
                    let started = Instant::now();
                    let outcome = async {
                        let session = store.session(None).load().await?;
                        session.set("n", &1)?;
                        session.asave().await?;
                        let key = session.session_key();
                        let again = store.session(key.as_ref()).load().await?;
                        again.set("m", &2)?;
                        again.asave().await?;
                        Ok::<_, SessionError>(())
                    };
                    match outcome.await {
                        Ok(()) => done += 1,
                        Err(
                            SessionError::Storage(_) | SessionError::SessionInterrupted | SessionError::UpdateError,
                        ) => {
                            failed += 1;
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                        Err(error) => panic!("{error:?}"),
                    }
                    assert!(started.elapsed() < Duration::from_secs(20));
                }
                (done, failed)
            })
        })
        .collect();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.kill();
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.restart();
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    saved(&store).await;
    stop.store(true, Ordering::Relaxed);
    let (mut done, mut failed) = (0, 0);
    for task in tasks {
        let counts = task.await.unwrap();
        (done, failed) = (done + counts.0, failed + counts.1);
    }
    assert!(done > 0 && failed > 0, "{done} done, {failed} failed");
}
