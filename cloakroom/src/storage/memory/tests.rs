use std::sync::atomic::{AtomicI64, Ordering};

use super::*;

fn clocked() -> (MemoryStorage, Arc<AtomicI64>) {
    let seconds = Arc::new(AtomicI64::new(1_000));
    let hand = Arc::clone(&seconds);
    let clock = Clock::new(move || Timestamp::from_seconds(hand.load(Ordering::Relaxed)).unwrap());
    (MemoryStorage::with_clock(clock), seconds)
}

fn until(seconds: i64) -> New<'static> {
    New::of(b"data", Timestamp::from_seconds(seconds).unwrap())
}

#[tokio::test]
async fn an_entry_ends_at_its_expiry_and_its_name_is_free_again() {
    let (storage, clock) = clocked();
    assert!(matches!(storage.insert("name", until(1_010)).await.unwrap(), Insert::Inserted(_)));
    clock.store(1_009, Ordering::Relaxed);
    assert!(storage.read("name").await.unwrap().is_some());
    assert_eq!(storage.insert("name", until(2_000)).await.unwrap(), Insert::Exists);
    clock.store(1_010, Ordering::Relaxed);
    assert!(matches!(storage.insert("name", until(2_000)).await.unwrap(), Insert::Inserted(_)));
    clock.store(2_000, Ordering::Relaxed);
    assert!(storage.read("name").await.unwrap().is_none());
    assert!(storage.is_empty(), "the read dropped it");
}

#[tokio::test]
async fn abandoned_sessions_do_not_pile_up_while_new_ones_come() {
    let (storage, clock) = clocked();
    for n in 0..50_000_i64 {
        clock.store(1_000 + n, Ordering::Relaxed);
        let _ = storage.insert(&format!("session{n}"), until(1_100 + n)).await.unwrap();
    }
    assert!(storage.len() < 2_000, "100 are live, {} are held", storage.len());
    let indexed: usize = storage.0.shards.iter().map(|shard| lock(shard).expiries.len()).sum();
    assert_eq!(indexed, storage.len(), "the order of expiry holds exactly the entries");
}

#[tokio::test]
async fn a_backlog_of_expired_sessions_is_worked_off_by_inserts() {
    let (storage, clock) = clocked();
    for n in 0..10_000 {
        let _ = storage.insert(&format!("old{n}"), until(1_010)).await.unwrap();
    }
    clock.store(5_000, Ordering::Relaxed);
    for n in 0..5_000 {
        let _ = storage.insert(&format!("new{n}"), until(9_000)).await.unwrap();
    }
    assert_eq!(storage.len(), 5_000);
}

#[tokio::test]
async fn touch_moves_the_place_in_the_order_of_expiry() {
    let (storage, _) = clocked();
    for name in ["one", "two", "three"] {
        let _ = storage.insert(name, until(1_010)).await.unwrap();
    }
    assert_eq!(storage.touch("two", Expect::Present, until(1_020).expires).await.unwrap(), Touch::Touched);
    assert_eq!(storage.remove_expired(Timestamp::from_seconds(1_010).unwrap(), 10).await.unwrap(), 0);
    assert_eq!(storage.remove_expired(Timestamp::from_seconds(1_011).unwrap(), 1).await.unwrap(), 1);
    assert_eq!(storage.remove_expired(Timestamp::from_seconds(1_011).unwrap(), 10).await.unwrap(), 1);
    assert_eq!(storage.len(), 1);
    assert!(storage.read("two").await.unwrap().is_some());
}

#[tokio::test]
async fn a_read_does_not_copy_and_clones_share() {
    let storage = MemoryStorage::new();
    let new = New::of(b"data", Timestamp::MAX);
    let _ = storage.clone().insert("name", new).await.unwrap();
    let first = storage.read("name").await.unwrap().unwrap().data;
    let second = storage.read("name").await.unwrap().unwrap().data;
    assert_eq!(first.as_ptr(), second.as_ptr());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn renames_to_and_fro_do_not_wait_for_each_other() {
    let storage = MemoryStorage::new();
    let names: Vec<String> = (0..8).map(|n| format!("name{n}")).collect();
    for name in &names[..4] {
        let _ = storage.insert(name, New::of(b"x", Timestamp::MAX)).await.unwrap();
    }
    let tasks: Vec<_> = (0..4_usize)
        .map(|task| {
            let (storage, names) = (storage.clone(), names.clone());
            tokio::spawn(async move {
                for round in 0..20_000 {
                    let (from, to) = (&names[(task * 3 + round) % 8], &names[(task * 5 + round * 7) % 8]);
                    let new = New::of(b"x", Timestamp::MAX);
                    let _ = storage.rename(from, to, Expect::Present, new).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(storage.len(), 4);
}

#[test]
fn debug_shows_no_session() {
    assert_eq!(format!("{:?}", MemoryStorage::new()), "MemoryStorage { len: 0, .. }");
}

/// What an entry under a name of three bytes with four bytes of data counts.
const ONE: usize = bound::OVERHEAD + 7;

fn bounded(entries: usize) -> (MemoryStorage, Arc<AtomicI64>) {
    let (_, seconds) = clocked();
    let hand = Arc::clone(&seconds);
    let clock = Clock::new(move || Timestamp::from_seconds(hand.load(Ordering::Relaxed)).unwrap());
    let limit = Limit { bytes: entries * ONE, entries: usize::MAX };
    (MemoryStorage::with_limits(clock, limit), seconds)
}

async fn put(storage: &MemoryStorage, name: &str) {
    assert!(matches!(storage.insert(name, until(9_000)).await.unwrap(), Insert::Inserted(_)));
}

async fn there(storage: &MemoryStorage, names: &[&str]) -> Vec<bool> {
    let mut found = Vec::new();
    for name in names {
        found.push(storage.read(name).await.unwrap().is_some());
    }
    found
}

/// The count is that of the entries that are there.
fn is_counted_right(storage: &MemoryStorage) {
    let shard = lock(&storage.0.shards[0]);
    let counted: usize = shard.entries.iter().map(|kept| bound::OVERHEAD + kept.name().len() + kept.data().len()).sum();
    assert_eq!(storage.0.shards.len(), 1);
    assert_eq!(shard.expiries.len(), shard.entries.len());
    let bound = shard.bound.as_ref().unwrap();
    assert_eq!(bound.bytes(), counted);
    assert!(counted <= bound.limit().bytes);
}

#[tokio::test]
async fn the_least_recently_written_goes_first() {
    let (storage, _) = bounded(3);
    for name in ["aaa", "bbb", "ccc"] {
        put(&storage, name).await;
    }
    assert_eq!(storage.bytes(), Some(3 * ONE));
    // Neither a read nor a touch is a write; a replace is.
    storage.read("bbb").await.unwrap();
    let _ = storage.touch("bbb", Expect::Present, until(9_999).expires).await.unwrap();
    let _ = storage.replace("aaa", Expect::Present, until(9_000)).await.unwrap();
    put(&storage, "ddd").await;
    assert_eq!(there(&storage, &["aaa", "bbb", "ccc", "ddd"]).await, [true, false, true, true]);
    let _ = storage.rename("ccc", "eee", Expect::Present, until(9_000)).await.unwrap();
    assert_eq!(there(&storage, &["aaa", "ddd", "eee"]).await, [true, true, true], "a rename makes no one go");
    put(&storage, "fff").await;
    assert_eq!(there(&storage, &["aaa", "ddd", "eee", "fff"]).await, [false, true, true, true]);
    is_counted_right(&storage);
    let _ = storage.remove("ddd", Expect::Present).await.unwrap();
    assert_eq!(storage.bytes(), Some(2 * ONE));
}

#[tokio::test]
async fn what_has_expired_goes_before_what_has_not() {
    let (storage, clock) = bounded(3);
    put(&storage, "old").await;
    let _ = storage.insert("end", until(1_005)).await.unwrap();
    put(&storage, "new").await;
    clock.store(1_010, Ordering::Relaxed);
    let larger = [b'x'; 8];
    let _ = storage.replace("new", Expect::Present, New::of(&larger, until(9_000).expires)).await.unwrap();
    assert_eq!(there(&storage, &["old", "end", "new"]).await, [true, false, true]);
    is_counted_right(&storage);
}

#[tokio::test]
async fn an_entry_that_grows_does_not_go_to_make_room_for_itself() {
    let (storage, _) = bounded(3);
    for name in ["aaa", "bbb", "ccc"] {
        put(&storage, name).await;
    }
    let large = vec![b'x'; 3 * ONE - bound::OVERHEAD - 3];
    let new = New::of(&large, Timestamp::MAX);
    assert!(matches!(storage.replace("aaa", Expect::Present, new).await.unwrap(), Replace::Replaced(_)));
    assert_eq!(there(&storage, &["aaa", "bbb", "ccc"]).await, [true, false, false]);
    is_counted_right(&storage);
    // One byte more is too much for all of it, and nothing is lost.
    let larger = vec![b'x'; large.len() + 1];
    let new = New::of(&larger, Timestamp::MAX);
    for error in [
        storage.replace("aaa", Expect::Present, new).await.unwrap_err(),
        storage.insert("bbb", new).await.unwrap_err(),
        storage.bury("aaa", new).await.unwrap_err(),
        storage.rename("aaa", "bbb", Expect::Present, new).await.unwrap_err(),
    ] {
        let StorageError::NotDone(source) = error else { panic!("{error:?}") };
        assert!(source.to_string().contains(&format!("may hold {} in all", 3 * ONE)), "{source}");
    }
    assert_eq!(storage.read("aaa").await.unwrap().unwrap().data, large);
    is_counted_right(&storage);
}

#[tokio::test]
async fn a_marker_outlives_the_sessions_until_it_ends() {
    let (storage, clock) = bounded(3);
    put(&storage, "aaa").await;
    storage.bury("aaa", until(1_060)).await.unwrap();
    storage.bury("bbb", until(1_060)).await.unwrap();
    for n in 100..200 {
        put(&storage, &n.to_string()).await;
    }
    assert_eq!(there(&storage, &["aaa", "bbb", "199", "198"]).await, [true, true, true, false]);
    assert_eq!(storage.insert("aaa", until(9_000)).await.unwrap(), Insert::Exists);
    // Nothing else is left: the oldest marker goes.
    storage.bury("199", until(1_060)).await.unwrap();
    storage.bury("ccc", until(1_060)).await.unwrap();
    assert_eq!(there(&storage, &["aaa", "bbb", "199", "ccc"]).await, [false, true, true, true]);
    clock.store(1_060, Ordering::Relaxed);
    put(&storage, "new").await;
    assert_eq!(storage.len(), 1, "markers that have ended make room");
    is_counted_right(&storage);
    // What takes the place of a marker is a session like others.
    storage.bury("bbb", until(9_000)).await.unwrap();
    let _ = storage.replace("bbb", Expect::Present, until(9_000)).await.unwrap();
    for n in 100..103 {
        put(&storage, &n.to_string()).await;
    }
    assert_eq!(there(&storage, &["bbb"]).await, [false]);
}

#[tokio::test]
async fn a_number_of_entries_is_a_limit_too() {
    let clock = Clock::new(|| Timestamp::UNIX_EPOCH);
    let storage = MemoryStorage::with_limits(clock, Limit { bytes: 1 << 20, entries: 5 });
    for n in 0..20 {
        put(&storage, &format!("{n:03}")).await;
        assert!(storage.len() <= 5);
    }
    assert_eq!(there(&storage, &["014", "015", "019"]).await, [false, true, true]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_that_write_at_once_stay_within_the_limit() {
    let storage = MemoryStorage::with_limit(20 * ONE);
    let tasks: Vec<_> = (0..4_usize)
        .map(|task| {
            let storage = storage.clone();
            tokio::spawn(async move {
                for round in 0..5_000_usize {
                    let (name, other) = (format!("n{}", round * (task + 1) % 40), format!("n{}", round % 37));
                    let data = vec![b'x'; round % 50];
                    let new = New::of(&data, Timestamp::MAX);
                    match round % 5 {
                        0 | 1 => drop(storage.insert(&name, new).await.unwrap()),
                        2 => drop(storage.replace(&name, Expect::Present, new).await.unwrap()),
                        3 => drop(storage.rename(&name, &other, Expect::Present, new).await.unwrap()),
                        _ if round % 3 == 0 => storage.bury(&name, new).await.unwrap(),
                        _ => drop(storage.remove(&name, Expect::Present).await.unwrap()),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    is_counted_right(&storage);
    assert!(storage.len() > 5);
}
