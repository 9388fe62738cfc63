//! A full disk: each write is an error at once, what was acknowledged stays whole and can be read, nothing half-written
//! is left, and as soon as there is room again everything goes on.
#![cfg(all(feature = "file", feature = "postgres", feature = "redis"))]
#![allow(unreachable_pub)]

mod place;
mod servers;
mod small;

use std::time::{Duration, Instant};

use cloakroom::storage::StorageError;
use cloakroom::{SessionError, SessionKey};

use crate::content::Content;
use place::{Needs, Place};
use small::Disk;

/// Nothing here waits for anything but a slow machine.
const AT_ONCE: Duration = Duration::from_secs(10);
/// How often each write is tried while the disk is full.
const TRIES: u64 = 12;

// In MiB: what a log of changes grows to before it is begun anew, and the markers of the logouts of a minute, have room.
macro_rules! on_a_full_disk {
    ($($name:ident: $mebibytes:literal, $open:path;)*) => {$(
        #[test]
        fn $name() {
            small::on_small_disk(concat!("disk::", stringify!($name)), $mebibytes, async |disk| {
                let Some(place) = $open(&disk).await else { return };
                fill_and_make_room(&disk, &place).await;
            });
        }
    )*};
}

on_a_full_disk! {
    session_files: 2, Place::files;
    session_files_that_are_waited_for: 2, Place::synced_files;
    cache_files: 2, Place::cache_files;
    sqlite_in_wal_mode: 16, Place::sqlite_wal;
    sqlite_in_djangos_journal_mode: 2, Place::sqlite_journal;
    sqlite_behind_a_cache: 16, Place::sqlite_behind_a_cache;
    cache_files_before_a_database: 16, Place::cache_files_before_a_database;
    postgresql: 16, servers::postgresql;
    redis_with_an_append_only_file: 3, servers::redis;
}

/// Sessions, and what must stand in each.
type Sessions = Vec<(SessionKey, Content)>;

async fn fill_and_make_room(disk: &Disk, place: &Place) {
    let rounds = if std::env::var_os("CLOAKROOM_LONG").is_some() { 100 } else { 2 };
    let (mut refused, mut done) = ([0; 5], 0);
    for round in 0..rounds {
        let mut sessions = Sessions::new();
        for _ in 0..8 {
            let content = Content::new();
            sessions.push((content.stored(&place.site).await, content));
        }
        let ended = full(disk, place, &mut sessions, &mut refused).await;
        disk.make_room();
        place.recovered().await;
        room_again(place, sessions, ended).await;
        done = round + 1;
    }
    let [saves, new, keys, logouts, lives] = refused;
    assert!(place.needs.saves == Needs::Nothing || (saves > 0 && new > 0), "{}: the disk was not full", place.name);
    println!(
        "{}, full {done} times: {saves} saves, {new} new sessions, {keys} changes of key, {logouts} logouts and {lives} \
         prolonged lives refused, nothing lost",
        place.name
    );
}

/// Whether a write was done; it may have been refused, with an error that says so, at once.
async fn told(
    place: &Place,
    what: impl Future<Output = Result<(), SessionError>>,
    refused: &mut usize,
) -> Option<bool> {
    let started = Instant::now();
    let answer = what.await;
    assert!(started.elapsed() < AT_ONCE, "{}: {:?}", place.name, started.elapsed());
    match answer {
        Ok(()) => return Some(true),
        Err(SessionError::Storage(StorageError::NotDone(_))) => {}
        Err(error @ SessionError::Storage(StorageError::OutcomeUnknown(_))) => {
            *refused += 1;
            assert!(place.may_doubt, "{}: {error:?}", place.name);
            return None;
        }
        Err(error) => panic!("{}: {error:?}", place.name),
    }
    *refused += 1;
    Some(false)
}

/// Checks that a session is whole, and is what it must be after a write of which this is known.
async fn found(place: &Place, key: &SessionKey, old: &Content, new: &Content, done: Option<bool>) -> Content {
    let found = Content::under(&place.site, key).await.unwrap_or_else(|| panic!("{}: {old:?} is lost", place.name));
    let right = match done {
        Some(true) => found == *new,
        Some(false) => found == *old,
        None => found == *old || found == *new,
    };
    assert!(right, "{}: {found:?} after {done:?}, before it {old:?}", place.name);
    found
}

/// Answers the keys that have ended.
async fn full(disk: &Disk, place: &Place, sessions: &mut Sessions, refused: &mut [usize; 5]) -> Vec<SessionKey> {
    let mut ended = Vec::new();
    let [saves, new, keys, logouts, lives] = refused;
    let mut change = 0;
    for _ in 0..TRIES {
        // What the last try may have made room for goes as well.
        disk.fill();
        // Saves go on until there is no room for one.
        for (key, content) in sessions.iter_mut() {
            change += 1;
            let changed = content.changed(change);
            let session = place.site.session(Some(key)).load().await.unwrap();
            changed.put(&session);
            let done = told(place, session.asave(), saves).await;
            *content = found(place, key, content, &changed, done).await;
        }
        let (key, content) = &mut sessions[0];
        let session = place.site.session(Some(key)).load().await.unwrap();
        if told(place, session.acycle_key(), keys).await == Some(true) {
            ended.push(std::mem::replace(key, session.session_key().unwrap()));
        }
        found(place, key, content, content, Some(true)).await;
        let session = place.site.session(Some(key)).load().await.unwrap();
        told(place, session.asave(), lives).await;
        found(place, key, content, content, Some(true)).await;
        let (session, content) = (place.site.session(None).load().await.unwrap(), Content::new());
        content.put(&session);
        if told(place, session.asave(), new).await == Some(true) {
            sessions.push((session.session_key().unwrap(), content));
        }
    }
    many_at_once(place, sessions, saves).await;
    place.check_files(sessions.len());
    // A logout.
    let (key, content) = sessions.pop().unwrap();
    let done = told(place, place.site.session(Some(&key)).aflush(), logouts).await;
    assert!(place.needs.logouts == Needs::Room || done == Some(true), "{}: a logout needs no room", place.name);
    let left = Content::under(&place.site, &key).await;
    match done {
        Some(true) => assert!(left.is_none(), "{}: {left:?} after its logout", place.name),
        _ => assert!(left.is_none() || left.as_ref() == Some(&content), "{}: {left:?}", place.name),
    }
    // One that was refused is tried again when there is room.
    ended.push(key);
    ended
}

/// Those that share a commit, or wait for each other.
async fn many_at_once(place: &Place, sessions: &mut Sessions, refused: &mut usize) {
    let saves: Vec<_> = sessions
        .iter()
        .map(|(key, content)| {
            let (site, key, changed) = (place.site.clone(), key.clone(), content.changed(content.change + 1_000));
            tokio::spawn(async move {
                let session = site.session(Some(&key)).load().await.unwrap();
                changed.put(&session);
                (session.asave().await, changed)
            })
        })
        .collect();
    let mut answers = Vec::new();
    for save in saves {
        answers.push(save.await.unwrap());
    }
    for ((key, content), (answer, changed)) in sessions.iter_mut().zip(answers) {
        let done = told(place, async { answer }, refused).await;
        *content = found(place, key, content, &changed, done).await;
    }
}

/// On the same storage, the very next request of each kind.
async fn room_again(place: &Place, mut sessions: Sessions, ended: Vec<SessionKey>) {
    for (key, content) in &mut sessions {
        let (session, changed) = (place.site.session(Some(key)).load().await.unwrap(), content.changed(5_000));
        assert_eq!(Content::of(&session).as_ref(), Some(&*content), "{}", place.name);
        changed.put(&session);
        session.asave().await.unwrap();
        *content = changed;
    }
    let content = Content::new();
    sessions.push((content.stored(&place.site).await, content));
    let session = place.site.session(Some(&sessions[0].0)).load().await.unwrap();
    session.acycle_key().await.unwrap();
    sessions[0].0 = session.session_key().unwrap();
    session.asave().await.unwrap();
    for key in &ended {
        place.site.delete(key).await.unwrap();
        assert!(Content::under(&place.site, key).await.is_none(), "{}: a session is back", place.name);
    }
    place.check_files(sessions.len());
    for (key, content) in &sessions {
        assert_eq!(Content::under(&place.site, key).await.as_ref(), Some(content), "{}", place.name);
    }
    for (key, _) in &sessions {
        place.site.delete(key).await.unwrap();
    }
}
