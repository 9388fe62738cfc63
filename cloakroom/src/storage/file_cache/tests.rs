//! What is seen from inside only: Django at the exact moment, damaged files, the folder removed, other clocks.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;

const NAME: &str = "django.contrib.sessions.cache0123456789abcdefghijklmnopqrstuv";

fn new(data: &str) -> New<'_> {
    New::of(data.as_bytes(), Timestamp::from_seconds(4_000_000_000).unwrap())
}

struct Site {
    folder: tempfile::TempDir,
    storage: FileCacheStorage,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = options(&folder).open().unwrap();
        Self { folder, storage }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join(self.storage.file_of(NAME))
    }

    fn at(&self, seconds: i64) -> FileCacheStorage {
        self.storage.by_clock(&Clock::new(move || Timestamp::from_seconds(seconds).unwrap())).unwrap()
    }
}

fn options(folder: &tempfile::TempDir) -> FileCacheOptions {
    FileCacheOptions::new(folder.path().join("cache/of/sessions")).timeout(Duration::from_secs(20))
}

impl Site {
    fn path(&self) -> PathBuf {
        self.folder.path().join("cache/of/sessions")
    }

    fn cache_file(&self) -> PathBuf {
        self.path().join(self.file().file_name().unwrap())
    }

    /// Django's `set`: a file beside, renamed over the entry's.
    fn django_sets(&self, value: &str) {
        let beside = self.path().join(format!("tmp{:x}", rand::random::<u64>()));
        let far = Timestamp::from_seconds(4_000_000_000).unwrap();
        fs::write(&beside, content::write(value.as_bytes(), far)).unwrap();
        fs::rename(beside, self.cache_file()).unwrap();
    }
}

#[test]
fn the_folder_is_made_for_this_user_alone() {
    let site = Site::new();
    for part in ["cache", "cache/of", "cache/of/sessions"] {
        let mode = fs::metadata(site.folder.path().join(part)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{part}");
    }
}

#[tokio::test]
async fn a_folder_that_is_removed_is_made_anew() {
    let site = Site::new();
    assert!(matches!(site.storage.insert(NAME, new("first")).await.unwrap(), Insert::Inserted(_)));
    fs::remove_dir_all(site.path()).unwrap();
    assert!(site.storage.read(NAME).await.unwrap().is_none());
    fs::remove_dir_all(site.path()).unwrap();
    let Insert::Inserted(version) = site.storage.insert(NAME, new("second")).await.unwrap() else { panic!("taken") };
    // Another process has put another folder there.
    fs::rename(site.path(), site.folder.path().join("aside")).unwrap();
    fs::create_dir(site.path()).unwrap();
    let answer = site.storage.replace(NAME, Expect::Version(&version), new("third")).await.unwrap();
    assert_eq!(answer, Replace::Missing);
    assert!(matches!(site.storage.insert(NAME, new("third")).await.unwrap(), Insert::Inserted(_)));
    assert!(site.cache_file().exists());
    // A storage that only reads makes nothing.
    let reader = options(&site.folder).read_only(true).open().unwrap();
    fs::remove_dir_all(site.path()).unwrap();
    assert!(matches!(reader.read(NAME).await, Err(StorageError::NotDone(_))));
    assert!(matches!(reader.insert(NAME, new("x")).await, Err(StorageError::ReadOnly)));
    assert!(!site.path().exists());
}

#[tokio::test]
async fn an_expired_entry_reads_as_nothing_and_makes_room() {
    let site = Site::new();
    let ends = Timestamp::from_seconds(2_000_000_000).unwrap();
    let early = site.at(1_999_999_999);
    assert!(matches!(early.insert(NAME, New::of(b"old", ends)).await.unwrap(), Insert::Inserted(_)));
    assert_eq!(early.insert(NAME, new("other")).await.unwrap(), Insert::Exists);
    // At the very moment it is still there, as in Django.
    assert!(site.at(2_000_000_000).read(NAME).await.unwrap().is_some());
    let late = site.at(2_000_000_001);
    assert!(matches!(late.insert(NAME, new("new")).await.unwrap(), Insert::Inserted(_)));
    assert_eq!(late.read(NAME).await.unwrap().unwrap().data, "new");
    // What is read once it has expired is removed.
    let far = site.at(4_000_000_001);
    assert!(far.read(NAME).await.unwrap().is_none() && !site.cache_file().exists());
    // An expiry that lies behind is written as it is: such an entry is none.
    assert!(matches!(late.insert(NAME, New::of(b"past", ends)).await.unwrap(), Insert::Inserted(_)));
    assert!(site.cache_file().exists());
    assert!(late.read(NAME).await.unwrap().is_none());
    assert!(!site.cache_file().exists());
}

#[tokio::test]
async fn a_storage_that_only_reads_removes_nothing() {
    let site = Site::new();
    let ends = Timestamp::from_seconds(1_000).unwrap();
    assert!(matches!(site.storage.insert(NAME, New::of(b"old", ends)).await.unwrap(), Insert::Inserted(_)));
    let reader = options(&site.folder).read_only(true).open().unwrap();
    assert!(reader.read(NAME).await.unwrap().is_none());
    assert!(site.cache_file().exists());
}

#[tokio::test]
async fn what_is_no_cache_file_of_djangos_is_damaged_and_stays() {
    let site = Site::new();
    let whole = content::write(b"a value that is long enough", Timestamp::from_seconds(4_000_000_000).unwrap());
    let mut other = whole.clone();
    // A truth value for an expiry.
    other.splice(..21, *b"\x80\x05\x88.");
    let mut contents: Vec<Vec<u8>> = (1..whole.len()).map(|end| whole[..end].to_vec()).collect();
    contents.extend([other, b"\x80\x05N.no zlib".to_vec(), vec![0; 4_000], b"cos\nsystem\n.".to_vec()]);
    for content in contents {
        fs::write(site.cache_file(), &content).unwrap();
        let answer = site.storage.read(NAME).await;
        assert!(matches!(answer, Err(StorageError::Damaged(_))), "{content:?}: {answer:?}");
        assert_eq!(site.storage.insert(NAME, new("x")).await.unwrap(), Insert::Exists);
        assert_eq!(fs::read(site.cache_file()).unwrap(), content);
        let now = Timestamp::from_seconds(3_000_000_000).unwrap();
        assert_eq!(site.storage.remove_expired(now, 10).await.unwrap(), 0);
    }
    // It can be written over and removed by whoever does not ask what it is.
    fs::write(site.cache_file(), "garbage").unwrap();
    let answer = site.storage.replace(NAME, Expect::Anything, new("healed")).await.unwrap();
    assert!(matches!(answer, Replace::Replaced(_)));
    fs::write(site.cache_file(), "garbage").unwrap();
    assert_eq!(site.storage.remove(NAME, Expect::Present).await.unwrap(), Remove::Removed);
    // An empty file is one that has expired.
    fs::write(site.cache_file(), "").unwrap();
    assert!(site.storage.read(NAME).await.unwrap().is_none());
    assert!(!site.cache_file().exists());
    let target = site.folder.path().join("target");
    fs::write(&target, &whole).unwrap();
    symlink(&target, site.cache_file()).unwrap();
    assert!(matches!(site.storage.read(NAME).await, Err(StorageError::Damaged(_))));
}

#[tokio::test]
async fn clearing_looks_at_cache_files_alone_and_keeps_what_is_live() {
    let site = Site::new();
    let ends = Timestamp::from_seconds(1_000).unwrap();
    for number in 0..5 {
        let answer = site.at(500).insert(&format!("{NAME}{number}"), New::of(b"old", ends)).await.unwrap();
        assert!(matches!(answer, Insert::Inserted(_)));
    }
    assert!(matches!(site.storage.insert(NAME, new("live")).await.unwrap(), Insert::Inserted(_)));
    let never = format!("{}{SUFFIX}", "0".repeat(32));
    fs::write(site.path().join(&never), b"\x80\x05N.").unwrap();
    let others = ["note.djcache", "tmpabcd", &format!("{}.djcache", "g".repeat(32))];
    for name in others {
        fs::write(site.path().join(name), content::write(b"x", ends)).unwrap();
    }
    let now = Timestamp::from_seconds(2_000_000_000).unwrap();
    assert_eq!(site.storage.remove_expired(now, 3).await.unwrap(), 3);
    assert_eq!(site.storage.remove_expired(now, 3).await.unwrap(), 2);
    assert_eq!(site.storage.remove_expired(now, 3).await.unwrap(), 0);
    assert_eq!(site.storage.read(NAME).await.unwrap().unwrap().data, "live");
    assert!(others.iter().all(|name| site.path().join(name).exists()) && site.path().join(never).exists());
}

/// A touch writes the value again. What Django set in the moment between is not taken back by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_value_of_djangos_is_overwritten_by_a_touch_or_a_write() {
    let site = Arc::new(Site::new());
    assert!(site.storage.swaps_in_one_step());
    site.django_sets("0");
    let over = Arc::new(AtomicBool::new(false));
    let counts: Arc<[AtomicUsize; 3]> = Arc::default();
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            let (site, over, counts) = (Arc::clone(&site), Arc::clone(&over), Arc::clone(&counts));
            // A storage of its own: as another process would be.
            let storage = options(&site.folder).open().unwrap();
            tokio::spawn(async move {
                let mut round = 0;
                while !over.load(Ordering::Relaxed) {
                    round += 1;
                    let until = Timestamp::from_seconds(4_000_000_000 + round).unwrap();
                    if task < 2 {
                        if storage.touch(NAME, Expect::Present, until).await.unwrap() == Touch::Touched {
                            counts[0].fetch_add(1, Ordering::Relaxed);
                        }
                        continue;
                    }
                    let stored = storage.read(NAME).await.unwrap().unwrap();
                    let text = String::from_utf8(stored.data.to_vec()).unwrap();
                    // What is written names the last of Django's numbers that it knows of.
                    let next = format!("{task} {round} of {}", text.rsplit(' ').next().unwrap());
                    match storage.replace(NAME, Expect::Version(&stored.version), new(&next)).await.unwrap() {
                        Replace::Replaced(_) => counts[1].fetch_add(1, Ordering::Relaxed),
                        Replace::Changed => counts[2].fetch_add(1, Ordering::Relaxed),
                        Replace::Missing => panic!("the entry is gone"),
                    };
                }
            })
        })
        .collect();
    let (django, seen) = (Arc::clone(&site), Arc::clone(&counts));
    let writer = tokio::task::spawn_blocking(move || {
        let enough = |count: usize, least| seen[count].load(Ordering::Relaxed) > least;
        for number in 1..20_000_usize {
            django.django_sets(&number.to_string());
            // Were it overwritten unread, its number would not be seen again.
            let seen = (0..2_000).any(|_| {
                let data = fs::read(django.cache_file()).unwrap();
                let value = Content::read(&data).unwrap().value().unwrap();
                let found: usize = str::from_utf8(&value).unwrap().rsplit(' ').next().unwrap().parse().unwrap();
                assert!(found <= number);
                std::thread::sleep(Duration::from_micros(200));
                found == number
            });
            assert!(seen, "number {number} was overwritten");
            if number >= 600 && enough(0, 100) && enough(1, 50) && enough(2, 20) {
                return number;
            }
        }
        panic!("the others did not come to write");
    });
    let written = writer.await;
    over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    let written = written.unwrap();
    let [touched, replaced, changed] = [0, 1, 2].map(|count: usize| counts[count].load(Ordering::Relaxed));
    println!("{written} values of Django's, {touched} touches, {replaced} writes, {changed} refused: none overwritten");
}
