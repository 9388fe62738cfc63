//! What is seen from inside only: races with Django at the exact moment, left-overs, other users' lock files.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use std::time::{Duration, Instant};

use super::swap::Swapped;
use super::*;

const KEY: &str = "0123456789abcdefghijklmnopqrstuv";

fn new(data: &str) -> New<'_> {
    New::of(data.as_bytes(), Timestamp::MAX)
}

struct Site {
    folder: tempfile::TempDir,
    storage: FileStorage,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = FileOptions::new(folder.path()).timeout(Duration::from_secs(20)).open().unwrap();
        Self { folder, storage }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join(format!("sessionid{KEY}"))
    }

    fn temporary_files(&self) -> Vec<String> {
        let names = self.folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name());
        let names = names.map(|name| name.into_string().unwrap());
        names.filter(|name| name.starts_with(".cloakroom_") && !name.contains("lock")).collect()
    }

    /// The same folder where files cannot be exchanged.
    fn without_exchange(mut self) -> Self {
        let place = &mut Arc::get_mut(&mut self.storage.files).unwrap().place;
        Arc::get_mut(&mut place.folder).unwrap().exchanges = false;
        self
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_exchange_the_contract_is_kept_among_ourselves() {
    let site = Site::new().without_exchange();
    let contract = crate::testing::StorageContract::new().unknown_expiry().largest(10_000);
    contract.run(async || site.storage.clone()).await;
    // What was dropped half-way may still be cleaning up.
    for _ in 0..500 {
        if site.temporary_files().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("temporary files are left: {:?}", site.temporary_files());
}

/// Django's save: a file beside, renamed over the session's (B-115).
fn django_writes(site: &Site, number: usize) {
    let beside = site.folder.path().join(format!("sessionid{KEY}_out_{number}"));
    fs::write(&beside, format!("django:{number:043}")).unwrap();
    fs::rename(beside, site.file()).unwrap();
}

/// Django writes numbers in order, and each writer here writes the last number it has read. Were a change of
/// Django's overwritten, its number would not be seen again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_change_of_a_writer_that_takes_no_lock_is_overwritten_unread() {
    let site = Arc::new(Site::new());
    assert!(site.storage.swaps_in_one_step());
    django_writes(&site, 0);
    let over = Arc::new(AtomicBool::new(false));
    let replaced = Arc::new(AtomicUsize::new(0));
    let changed = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let (site, over) = (Arc::clone(&site), Arc::clone(&over));
            let (replaced, changed) = (Arc::clone(&replaced), Arc::clone(&changed));
            // A storage of its own: as another process would be.
            let storage = FileOptions::new(site.folder.path()).timeout(Duration::from_secs(20)).open().unwrap();
            tokio::spawn(async move {
                let mut round = 0;
                while !over.load(Ordering::Relaxed) {
                    let stored = storage.read(KEY).await.unwrap().unwrap();
                    // What is written names the last of Django's numbers that it knows of.
                    let text = String::from_utf8(stored.data.to_vec()).unwrap();
                    let known: usize = text.rsplit(':').next().unwrap().parse().unwrap();
                    round += 1;
                    let next = format!("ours {round} {:016x}:{known:043}", rand::random::<u64>());
                    match storage.replace(KEY, Expect::Version(&stored.version), new(&next)).await.unwrap() {
                        Replace::Replaced(_) => replaced.fetch_add(1, Ordering::Relaxed),
                        Replace::Changed => changed.fetch_add(1, Ordering::Relaxed),
                        Replace::Missing => panic!("the session is gone"),
                    };
                }
            })
        })
        .collect();
    let django = Arc::clone(&site);
    let last = tokio::task::spawn_blocking(move || {
        let number = |site: &Site| -> usize {
            let text = fs::read_to_string(site.file()).unwrap();
            text.rsplit(':').next().unwrap().parse().unwrap()
        };
        let mut written = 0;
        for round in 0..800 {
            // Up to three in quick succession: the later ones meet a swap that goes back.
            for _ in 0..=round % 3 {
                written += 1;
                django_writes(&django, written);
            }
            // What is there builds on the last of them, now or, while a swap goes back, in a moment.
            let mut tries = 0;
            while number(&django) != written {
                tries += 1;
                if tries > 500 {
                    return (written, number(&django));
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        (written, written)
    })
    .await
    .unwrap();
    over.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    println!("{} replaced, {} changed", replaced.load(Ordering::Relaxed), changed.load(Ordering::Relaxed));
    assert_eq!(last.0, last.1, "a change of Django's was overwritten");
    assert!(replaced.load(Ordering::Relaxed) > 0);
    assert_eq!(site.temporary_files(), [""; 0]);
}

/// Django writes, and writes once more, between our look and our exchange and back: done here step by step.
#[test]
fn what_comes_out_unexpectedly_goes_back() {
    let site = Site::new();
    let folder = &site.storage.files.place.folder;
    django_writes(&site, 1);
    let name = site.storage.files.place.names.name_of(KEY).unwrap();
    let seen = folder.read(&name).unwrap().unwrap();
    django_writes(&site, 2);
    let content = Content { data: b"ours".to_vec(), now: Timestamp::UNIX_EPOCH };
    let wanted = Some(seen.version);
    let try_to_swap = || {
        let mut temporary = folder.write_beside(&content.data, content.now).unwrap();
        swap::swap(folder, &mut temporary, &name, &wanted, &seen).unwrap()
    };
    assert_eq!(try_to_swap(), Swapped::Changed);
    assert_eq!(fs::read_to_string(site.file()).unwrap(), format!("django:{:043}", 2));
    // Deleted: stays so.
    fs::remove_file(site.file()).unwrap();
    assert_eq!(try_to_swap(), Swapped::Missing);
    assert!(!site.file().exists());
    // A removal that finds another file than it read puts it back.
    django_writes(&site, 3);
    assert_eq!(swap::take_out(folder, &name, &seen).unwrap(), Remove::Changed);
    assert_eq!(fs::read_to_string(site.file()).unwrap(), format!("django:{:043}", 3));
    assert_eq!(site.temporary_files(), [""; 0]);
}

#[tokio::test]
async fn left_overs_go_after_an_hour_and_nothing_else() {
    let site = Site::new();
    let old = ".cloakroom_5f000000_0123456789abcdef";
    let young = Folder::temporary_name();
    for name in [old, &young, "sessionid_old_out_x", ".cloakroom_lock_0_00", ".cloakroom_5f000000_short", "unrelated"] {
        fs::write(site.folder.path().join(name), "x").unwrap();
    }
    assert!(matches!(site.storage.insert(KEY, new("data")).await, Ok(Insert::Inserted(_))));
    assert_eq!(site.storage.remove_expired(Timestamp::MAX, 10).await.unwrap(), 0);
    assert!(!site.folder.path().join(old).exists());
    assert_eq!(site.folder.path().read_dir().unwrap().count(), 6);
    let page = site.storage.scan(None, 10).await.unwrap();
    assert_eq!(page.entries.len(), 1, "only the session is one");
}

#[tokio::test]
async fn a_link_or_a_folder_in_a_session_files_place_is_not_followed_and_can_be_removed() {
    let site = Site::new();
    let target = site.folder.path().join("target");
    fs::write(&target, "secret").unwrap();
    symlink(&target, site.file()).unwrap();
    assert!(matches!(site.storage.read(KEY).await, Err(StorageError::Damaged(_))));
    let answer = site.storage.replace(KEY, Expect::Present, new("ours")).await;
    assert!(matches!(answer, Err(StorageError::Damaged(_))));
    assert_eq!(site.storage.insert(KEY, new("ours")).await.unwrap(), Insert::Exists);
    assert_eq!(fs::read_to_string(&target).unwrap(), "secret");
    assert_eq!(site.storage.remove(KEY, Expect::Anything).await.unwrap(), Remove::Removed);
    assert!(target.exists() && !site.file().exists());
    fs::create_dir(site.file()).unwrap();
    assert!(matches!(site.storage.read(KEY).await, Err(StorageError::Damaged(_))));
}

#[tokio::test]
async fn a_lock_file_that_is_a_link_is_refused() {
    let site = Site::new();
    assert!(matches!(site.storage.insert(KEY, new("data")).await, Ok(Insert::Inserted(_))));
    assert_eq!(site.storage.touch(KEY, Expect::Present, Timestamp::MAX).await.unwrap(), Touch::Touched);
    let locks = site.folder.path().read_dir().unwrap().map(|entry| entry.unwrap().path());
    let lock = locks.into_iter().find(|path| path.to_string_lossy().contains("lock")).unwrap();
    fs::remove_file(&lock).unwrap();
    symlink("/dev/null", &lock).unwrap();
    let answer = FileOptions::new(site.folder.path()).open().unwrap().touch(KEY, Expect::Present, Timestamp::MAX).await;
    let Err(StorageError::NotDone(source)) = answer else { panic!("{answer:?}") };
    assert!(source.to_string().contains("lock file"), "{source}");
}

#[tokio::test]
async fn a_lock_held_elsewhere_is_an_error_after_the_time_out_and_never_keeps_a_logout_waiting_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let open = || FileOptions::new(folder.path()).timeout(Duration::from_millis(200)).open().unwrap();
    let (ours, other) = (open(), open());
    assert!(matches!(ours.insert(KEY, new("data")).await, Ok(Insert::Inserted(_))));
    let mut lock = other.files.locks.of(KEY).await;
    let held = lock.take(&other.files.place.folder, &Turn::default(), Instant::now()).unwrap();
    let answer = ours.replace(KEY, Expect::Present, new("next")).await;
    assert!(matches!(answer, Err(StorageError::NotDone(_))), "{answer:?}");
    assert!(ours.read(KEY).await.unwrap().is_some_and(|stored| stored.data == "data"));
    assert_eq!(ours.remove(KEY, Expect::Anything).await.unwrap(), Remove::Removed);
    drop(held);
    assert_eq!(ours.replace(KEY, Expect::Present, new("next")).await.unwrap(), Replace::Missing);
}

#[tokio::test]
async fn a_folder_that_is_gone_is_an_error_and_no_missing_session() {
    let site = Site::new();
    assert!(site.storage.read(KEY).await.unwrap().is_none());
    fs::remove_dir_all(site.folder.path()).unwrap();
    assert!(matches!(site.storage.read(KEY).await, Err(StorageError::NotDone(_))));
    assert!(matches!(site.storage.insert(KEY, new("data")).await, Err(StorageError::NotDone(_))));
}

#[tokio::test]
async fn names_that_are_no_session_keys_never_reach_the_file_system() {
    let site = Site::new();
    fs::write(site.folder.path().join("sessionid"), "x").unwrap();
    for name in ["", "short", "../../../etc/passwd", "ABCDEFGHIJ", "abcdefgh_out_x", "abcdefg\0", &"x".repeat(41)] {
        assert!(site.storage.read(name).await.unwrap().is_none());
        assert!(matches!(site.storage.insert(name, new("x")).await, Err(StorageError::NotDone(_))));
        assert_eq!(site.storage.remove(name, Expect::Anything).await.unwrap(), Remove::Missing);
    }
    assert_eq!(site.folder.path().read_dir().unwrap().count(), 1);
}

#[tokio::test]
async fn the_clock_says_when_a_file_was_written_and_sync_writes_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let storage = FileOptions::new(folder.path()).sync(true).open().unwrap();
    let moment = Timestamp::from_micros(-1_234_567_890_123).unwrap();
    let storage = storage.by_clock(&Clock::new(move || moment)).unwrap();
    assert!(matches!(storage.insert(KEY, new("data")).await, Ok(Insert::Inserted(_))));
    assert_eq!(storage.read(KEY).await.unwrap().unwrap().modified_at, Some(moment));
    let later = Timestamp::from_seconds(1_831_700_317).unwrap();
    let storage = storage.by_clock(&Clock::new(move || later)).unwrap();
    assert_eq!(storage.touch(KEY, Expect::Present, Timestamp::MAX).await.unwrap(), Touch::Touched);
    let stored = storage.read(KEY).await.unwrap().unwrap();
    assert_eq!((stored.modified_at, &stored.data[..], stored.expires), (Some(later), &b"data"[..], None));
    let metadata = fs::metadata(folder.path().join(format!("sessionid{KEY}"))).unwrap();
    assert_eq!((metadata.mtime(), metadata.permissions().mode() & 0o7777), (1_831_700_317, 0o600));
}

#[tokio::test]
async fn a_file_too_large_for_a_session_is_not_read() {
    let site = Site::new();
    fs::File::create(site.file()).unwrap().set_len(20 << 20).unwrap();
    assert!(matches!(site.storage.read(KEY).await, Err(StorageError::Damaged(_))));
    assert_eq!(site.storage.scan(None, 5).await.unwrap().entries.len(), 1);
}

#[tokio::test]
async fn a_read_only_storage_refuses_every_write() {
    let folder = tempfile::tempdir().unwrap();
    let storage = FileOptions::new(folder.path()).read_only(true).open().unwrap();
    assert!(matches!(storage.insert(KEY, new("x")).await, Err(StorageError::ReadOnly)));
    assert!(matches!(storage.remove(KEY, Expect::Anything).await, Err(StorageError::ReadOnly)));
    assert!(matches!(storage.remove_expired(Timestamp::MAX, 1).await, Err(StorageError::ReadOnly)));
    assert!(storage.read(KEY).await.unwrap().is_none());
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "nothing was made");
}

#[test]
fn a_folder_that_cannot_be_used_is_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: PathBuf| FileOptions::new(path).open().unwrap_err();
    assert!(matches!(open(folder.path().join("none")), FileOpenError::Missing { .. }));
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(open(file), FileOpenError::NotAFolder { .. }));
    // Where even root may not write.
    let read_only = open("/proc/self".into());
    assert!(matches!(read_only, FileOpenError::NoAccess { .. }), "{read_only:?}");
    for prefix in ["", "a/b", "a\0"] {
        let error = FileOptions::new(folder.path()).prefix(prefix).open().unwrap_err();
        assert!(matches!(error, FileOpenError::Prefix { .. }));
    }
}

#[tokio::test]
async fn a_failed_write_leaves_the_old_content_and_nothing_beside() {
    let site = Site::new();
    assert!(matches!(site.storage.insert(KEY, new("old")).await, Ok(Insert::Inserted(_))));
    // Its caller has gone by the time the new file is written beside.
    let turn = Turn::default();
    assert!(turn.cancel());
    let folder = &site.storage.files.place.folder;
    let content = Content { data: b"new".to_vec(), now: Timestamp::UNIX_EPOCH };
    let name = site.storage.files.place.names.name_of(KEY).unwrap();
    assert!(matches!(swap::replace(folder, &turn, &name, &None, &content), Err(StorageError::NotDone(_))));
    assert_eq!(fs::read_to_string(site.file()).unwrap(), "old");
    assert_eq!(site.temporary_files(), [""; 0]);
}
