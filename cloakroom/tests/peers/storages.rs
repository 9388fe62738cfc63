//! What storages got wrong.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use cloakroom::storage::{DatabaseStorage, Insert, MemoryStorage, New, Storage};
use cloakroom::{Clock, Engine, KeySource, SessionKey, SessionStore, Settings, Timestamp};
use tokio::sync::Barrier;

use crate::engines::{database_urls, every_engine};
use crate::settings;
use crate::visits::{name, set, stored, visit};

/// How often storages of their own, as many processes have them, make one entry at the same moment.
fn rounds() -> usize {
    if std::env::var_os("CLOAKROOM_LONG").is_some() { 500 } else { 20 }
}

const WRITERS: usize = 6;

async fn one_of_them_makes_it(url: &str) {
    let settings = settings().database_url(url);
    let mut storages = Vec::new();
    for _ in 0..WRITERS {
        storages.push(DatabaseStorage::open_or_create(&settings).unwrap());
    }
    storages[0].migrate().await.unwrap();
    for round in 0..rounds() {
        let (name, start) = (SessionKey::generate(), Arc::new(Barrier::new(WRITERS)));
        let tasks: Vec<_> = storages
            .iter()
            .enumerate()
            .map(|(writer, storage)| {
                let (storage, name, start) = (storage.clone(), name.clone(), Arc::clone(&start));
                tokio::spawn(async move {
                    let data = format!("of writer {writer}");
                    start.wait().await;
                    storage.insert(name.as_str(), New::of(data.as_bytes(), Timestamp::MAX)).await.unwrap()
                })
            })
            .collect();
        let mut winners = Vec::new();
        for (writer, task) in tasks.into_iter().enumerate() {
            match task.await.unwrap() {
                Insert::Inserted(version) => winners.push((writer, version)),
                Insert::Exists => {}
            }
        }
        let [(winner, version)] = winners[..] else { panic!("round {round}: {} made it", winners.len()) };
        let kept = storages[0].read(name.as_str()).await.unwrap().unwrap();
        assert_eq!((&kept.data[..], kept.version), (format!("of writer {winner}").as_bytes(), version));
    }
    // New visitors whose first choice of a key is the same: nobody gets another's session.
    let same = SessionKey::generate();
    let start = Arc::new(Barrier::new(WRITERS));
    let tasks: Vec<_> = storages
        .into_iter()
        .enumerate()
        .map(|(writer, storage)| {
            let (first, taken, start) = (same.clone(), AtomicBool::new(false), Arc::clone(&start));
            let keys = KeySource::new(move || {
                if taken.swap(true, Ordering::Relaxed) { SessionKey::generate() } else { first.clone() }
            });
            let store = SessionStore::db(storage, settings.clone()).unwrap().with_key_source(keys);
            tokio::spawn(async move {
                let session = store.session(None).load().await.unwrap();
                session.set("writer", &writer).unwrap();
                start.wait().await;
                session.asave().await.unwrap();
                (store, session.session_key().unwrap())
            })
        })
        .collect();
    let mut of_the_same_key = 0;
    for (writer, task) in tasks.into_iter().enumerate() {
        let (store, key) = task.await.unwrap();
        of_the_same_key += usize::from(key == same);
        assert_eq!(store.session(Some(&key)).aget("writer").await.unwrap(), Some(writer), "overwritten by another");
    }
    assert_eq!(of_the_same_key, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p07_of_many_who_make_one_entry_one_makes_it() {
    for url in database_urls().await {
        one_of_them_makes_it(&url).await;
    }
    let folder = tempfile::tempdir().unwrap();
    one_of_them_makes_it(&format!("sqlite:///{}", folder.path().join("db.sqlite3").display())).await;
}

/// More than one batch of them.
const EXPIRED: usize = 2_500;

async fn clears(url: &str, fill: impl FnOnce(String)) {
    let store = SessionStore::open_or_create(settings().database_url(url)).await.unwrap();
    let (key, endless) = (stored(&store).await, store.session(None));
    endless.aset_expiry(10 * 365 * 86_400).await.unwrap();
    endless.asave().await.unwrap();
    fill("'of nobody', '2001-02-03 04:05:06'".to_owned());
    assert_eq!(store.clear_expired().await.unwrap(), EXPIRED as u64, "{url:.6}");
    assert_eq!(store.clear_expired().await.unwrap(), 0, "{url:.6}");
    assert_eq!(name(&store, &key).await.as_deref(), Some("Ada"), "{url:.6}");
    assert!(store.exists(&endless.session_key().unwrap()).await.unwrap(), "{url:.6}");
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn p15_what_has_expired_is_removed_in_batches_by_postgresql() {
    let Some(server) = tokio::task::spawn_blocking(test_servers::PostgreSql::shared).await.unwrap() else { return };
    let database = server.new_database();
    clears(&database.url, |values| {
        let rows = format!("SELECT 'expired' || n, {values}::timestamptz FROM generate_series(1, {EXPIRED}) n");
        server.psql(&database.name, &format!("INSERT INTO django_session {rows}"));
    })
    .await;
}

#[cfg(feature = "mysql")]
#[tokio::test]
async fn p15_what_has_expired_is_removed_in_batches_by_mariadb() {
    let Some(server) = tokio::task::spawn_blocking(test_servers::MariaDb::shared).await.unwrap() else { return };
    let database = server.new_database();
    clears(&database.url, |values| {
        let rows = format!("SELECT CONCAT('expired', seq), {values} FROM seq_1_to_{EXPIRED}");
        server.query(&database.name, &format!("INSERT INTO django_session {rows}"));
    })
    .await;
}

#[tokio::test]
async fn p15_what_has_expired_is_removed_in_batches_by_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.sqlite3");
    clears(&format!("sqlite:///{}", path.display()), |values| {
        let count = format!("WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {EXPIRED})");
        let sql = format!("{count} INSERT INTO django_session SELECT 'expired' || n, {values} FROM c");
        rusqlite::Connection::open(&path).unwrap().execute_batch(&sql).unwrap();
    })
    .await;
}

/// The rows and files are still there: nothing but the look at their end keeps them from being served.
#[tokio::test]
async fn p16_the_expiry_is_looked_at_when_a_session_is_loaded() {
    for place in every_engine().await.into_iter().filter(|place| place.by_clock) {
        let settings = settings().session_cookie_age(100);
        let start = Timestamp::from_seconds(Timestamp::now().as_seconds()).unwrap();
        let at = |seconds: f64| {
            let moment = start.checked_add_seconds(seconds).unwrap();
            place.store(settings.clone()).with_clock(Clock::new(move || moment))
        };
        let key = stored(&at(0.0)).await;
        assert_eq!(name(&at(98.0), &key).await.as_deref(), Some("Ada"), "{}", place.name);
        let late = at(101.0);
        if place.name.starts_with("db") || place.name == "file" {
            assert!(late.exists(&key).await.unwrap(), "{}", place.name);
        }
        assert_eq!(name(&late, &key).await, None, "{}", place.name);
        assert!(late.session(Some(&key)).aload().await.unwrap().is_empty(), "{}", place.name);
        let response = visit(&late, Some(key.as_str()), set).await;
        assert_ne!(crate::visits::key_in(&response), key, "{}: it got a new life", place.name);
    }
}

#[tokio::test]
async fn p20_memory_does_not_fill_up_with_sessions_that_have_ended() {
    static SECONDS: OnceLock<AtomicI64> = OnceLock::new();
    let seconds = SECONDS.get_or_init(|| AtomicI64::new(1_800_000_000));
    let clock = || Clock::new(|| Timestamp::from_seconds(SECONDS.get().unwrap().load(Ordering::Relaxed)).unwrap());
    let (memory, cache) = (MemoryStorage::with_clock(clock()), MemoryStorage::with_clock(clock()));
    for (storage, engine) in [(&memory, Engine::memory_in(memory.clone())), (&cache, Engine::cache(cache.clone()))] {
        let settings = Settings::new().session_cookie_age(60);
        let store = SessionStore::new(engine, settings).unwrap().with_clock(clock());
        let mut most = 0;
        for _ in 0..10 {
            // Visitors who come once.
            for _ in 0..500 {
                stored(&store).await;
            }
            most = most.max(storage.len());
            seconds.fetch_add(61, Ordering::Relaxed);
        }
        // 5,000 came: no more than two waves are there at a time, and nobody cleared anything.
        assert!(most < 1_000, "{}: {most} entries", store.engine());
    }
}

#[cfg(feature = "file")]
mod files {
    use std::path::Path;
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;

    /// The folder that a child process works in.
    const WORK: &str = "CLOAKROOM_TEST_FOLDER";
    const KEY: &str = "0123456789abcdefghijklmnopqrstuv";

    fn open(folder: &Path) -> SessionStore {
        let settings = settings().session_engine(cloakroom::EngineName::File).session_file_path(folder);
        SessionStore::open(settings).unwrap()
    }

    /// In a child process it goes on saving until it is killed.
    #[tokio::test]
    async fn a_saving_child() {
        let Ok(folder) = std::env::var(WORK) else { return };
        let store = open(Path::new(&folder));
        let key: SessionKey = KEY.parse().unwrap();
        loop {
            let session = store.session(Some(&key)).load().await.unwrap();
            let round: u32 = session.get_or("round", 0).unwrap() + 1;
            session.set("round", &round).unwrap();
            // Of many lengths, and longer than is written at once.
            let long: String = (0..round % 7 * 500).map(|_| SessionKey::generate().as_str().to_owned()).collect();
            session.set("long", &long).unwrap();
            session.asave().await.unwrap();
        }
    }

    struct Running(Child);

    impl Drop for Running {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    /// Whoever looks at the file at any moment, also after the writer was killed, sees a whole session.
    #[tokio::test]
    async fn p17_a_session_file_is_whole_at_every_moment() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let source = KeySource::new(|| KEY.parse().unwrap());
        let first = store.clone().with_key_source(source).session(None);
        first.aset("round", &0).await.unwrap();
        first.asave().await.unwrap();
        let path = folder.path().join(format!("sessionid{KEY}"));
        let (kills, changes) = if std::env::var_os("CLOAKROOM_LONG").is_some() { (100, 300) } else { (3, 20) };
        let (mut looks, mut last) = (0_u64, 0_u32);
        for _ in 0..kills {
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args(["--exact", "storages::files::a_saving_child"]).env(WORK, folder.path());
            let mut child = Running(child.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap());
            let (mut seen, began) = (0, Instant::now());
            while seen < changes {
                let text = std::fs::read_to_string(&path).expect("the file is gone");
                let data = store.decode(&text).unwrap_or_else(|error| panic!("{} bytes: {error}", text.len()));
                let round: u32 = data.get("round").unwrap().unwrap();
                assert!(round >= last, "an older content came back");
                seen += usize::from(round > last);
                (looks, last) = (looks + 1, round);
                assert!(began.elapsed() < Duration::from_secs(120), "the child does not save");
            }
            child.0.kill().unwrap();
            child.0.wait().unwrap();
            let after: u32 = store.session(Some(&KEY.parse().unwrap())).aitem("round").await.unwrap();
            assert!(after >= last, "what was there before the kill is lost");
            last = after;
        }
        println!("{looks} looks at {last} contents, {kills} kills: every one was whole");
    }
}
