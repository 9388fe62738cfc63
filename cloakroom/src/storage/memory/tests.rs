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
