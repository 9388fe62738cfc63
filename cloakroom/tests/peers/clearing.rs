//! What clean-up got wrong: it ended at its first error, held up who wrote, and ran many times at once.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cloakroom::storage::{DatabaseStorage, MemoryStorage, New, Storage, StorageError};
use cloakroom::testing::{Fault, Operation, SpyStorage};
use cloakroom::{Clearing, ClearingEnd, ClearingProgress, Clock, SessionError, SessionKey, SessionStore, Timestamp};

use crate::settings;

/// Longer than any machine takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A storage of so many sessions that have expired and one that has not, which never says so by itself.
async fn expired(count: usize) -> (SpyStorage<MemoryStorage>, SessionStore) {
    let memory = MemoryStorage::with_clock(Clock::new(|| Timestamp::UNIX_EPOCH));
    let past = Timestamp::from_seconds(1_000_000_000).unwrap();
    for _ in 0..count {
        let _ = memory.insert(SessionKey::generate().as_str(), New::of(b"{}", past)).await.unwrap();
    }
    let _ = memory.insert(SessionKey::generate().as_str(), New::of(b"{}", Timestamp::MAX)).await.unwrap();
    let spy = SpyStorage::new(memory);
    (spy.clone(), SessionStore::db(spy, settings()).unwrap())
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p13_clean_up_in_the_background_survives_errors_and_panics() {
    let (spy, store) = expired(10).await;
    spy.fail_next(Operation::RemoveExpired, Fault::NotDone);
    spy.fail_next(Operation::RemoveExpired, Fault::LostRequest);
    spy.before(Operation::RemoveExpired, || async { panic!("a storage with a fault") });
    let task = store.clear_expired_every(Duration::from_millis(5)).unwrap();
    until("the rows are still there", || spy.inner().len() == 1).await;
    until("it does not go on", || spy.calls().remove_expired > 3).await;
    assert!(task.is_running());
    task.stop().await;
    let calls = spy.calls();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(spy.calls(), calls, "it went on after it was stopped");
}

#[tokio::test]
async fn clean_up_in_the_background_ends_with_its_handle() {
    let (spy, store) = expired(0).await;
    let task = store.clear_expired_every(Duration::from_millis(1)).unwrap();
    until("it does not begin", || spy.calls().remove_expired > 1).await;
    drop(task);
    // One may be under way.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let calls = spy.calls();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(spy.calls(), calls);
}

#[test]
fn clean_up_in_the_background_needs_a_runtime() {
    let store = SessionStore::memory(settings()).unwrap();
    let refused = store.clear_expired_every(Duration::from_secs(1)).unwrap_err();
    assert!(matches!(refused, SessionError::OutsideRuntime), "{refused}");
}

#[tokio::test]
async fn clean_up_keeps_to_its_budgets_and_the_next_one_goes_on() {
    let (spy, store) = expired(1_000).await;
    let rows = store.clearing().max_rows(230).run().await.unwrap();
    assert_eq!((rows.removed, rows.end, spy.inner().len()), (230, ClearingEnd::MaxRows, 771));
    let time = store.clearing().max_time(Duration::ZERO).run().await.unwrap();
    assert_eq!((time.removed, time.end), (0, ClearingEnd::MaxTime));
    let counted = store.clearing().dry_run().run().await.unwrap();
    assert_eq!((counted.removed, counted.expired, counted.end), (0, Some(770), ClearingEnd::Complete));

    let shown = Arc::new(Mutex::new(Vec::<ClearingProgress>::new()));
    let seen = Arc::clone(&shown);
    let clearing = store.clearing().batch(100).pause(Duration::ZERO).on_progress(move |progress| {
        let mut seen = seen.lock().unwrap();
        seen.push(*progress);
        if seen.len() == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let stopped = clearing.run().await.unwrap();
    assert_eq!((stopped.removed, stopped.expired, stopped.end), (300, Some(770), ClearingEnd::Stopped));
    let removed: Vec<_> = shown.lock().unwrap().iter().map(|progress| progress.removed).collect();
    assert_eq!(removed, [100, 200, 300]);
    // What stopped the one does not stop the next.
    let rest = clearing.run().await.unwrap();
    assert_eq!((rest.removed, rest.expired, rest.end), (470, Some(470), ClearingEnd::Complete));
    let last = *shown.lock().unwrap().last().unwrap();
    assert!(last.removed == 470 && last.left() == Some(Duration::ZERO) && last.rate() > 0.0, "{last:?}");
    assert_eq!(spy.inner().len(), 1);
}

#[tokio::test]
async fn what_was_removed_before_an_error_stays_removed() {
    let (spy, store) = expired(500).await;
    spy.after(Operation::RemoveExpired, || async {});
    let failing = spy.clone();
    let look = move |progress: &ClearingProgress| {
        if progress.removed == 200 {
            failing.fail_next(Operation::RemoveExpired, Fault::NotDone);
        }
        ControlFlow::Continue(())
    };
    let failed = store.clearing().batch(100).on_progress(look).run().await.unwrap_err();
    assert!(matches!(failed, SessionError::Storage(StorageError::NotDone(_))), "{failed}");
    assert_eq!(spy.inner().len(), 301);
    assert_eq!(store.clear_expired().await.unwrap(), 300);
}

/// Many that end at one moment, as after an import, and others at moments of their own: more than one slice of both.
const AT_ONE_MOMENT: usize = 25_000;
const APART: usize = 25_000;

async fn clears_all_of_many(storage: DatabaseStorage) {
    let clearing = Clearing::of_storage(storage.clone());
    let all = Some((AT_ONE_MOMENT + APART) as u64);
    assert_eq!(clearing.clone().dry_run().run().await.unwrap().expired, all, "{storage:?}");
    let some = clearing.clone().max_rows(1_234).run().await.unwrap();
    assert_eq!((some.removed, some.end), (1_234, ClearingEnd::MaxRows), "{storage:?}");
    let rest = clearing.clone().pause(Duration::ZERO).run().await.unwrap();
    assert_eq!((Some(rest.removed + 1_234), rest.end), (all, ClearingEnd::Complete), "{storage:?}");
    assert_eq!(clearing.dry_run().run().await.unwrap().expired, Some(0), "{storage:?}");
}

/// A turn is given to one, whoever asks; it is free again when it was given back or lost.
async fn gives_one_turn<S: Storage>(storages: [S; 2], store: &SessionStore) {
    let [one, other] = storages;
    let turn = one.clearing_turn().await.unwrap().expect("nobody has it");
    assert!(one.clearing_turn().await.unwrap().is_none(), "the same storage gave it twice");
    assert!(other.clearing_turn().await.unwrap().is_none(), "another storage gave it too");
    let aside = store.clearing().run().await.unwrap();
    assert_eq!((aside.removed, aside.end), (0, ClearingEnd::UnderWay));
    // Who only counts, and Django's plain method, ask nobody.
    assert_eq!(store.clearing().dry_run().run().await.unwrap().end, ClearingEnd::Complete);
    assert_eq!(store.clear_expired().await.unwrap(), 0);
    drop(turn);
    // A server notices in its own time that a connection is gone.
    let begin = Instant::now();
    while store.clearing().run().await.unwrap().end == ClearingEnd::UnderWay {
        assert!(begin.elapsed() < PATIENCE, "the turn of one who is gone was not given back");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for _ in 0..5 {
        let again = store.clearing().run().await.unwrap();
        assert_eq!(again.end, ClearingEnd::Complete, "a clean-up that was over was in the way of the next");
    }
}

async fn on_a_database(url: &str, fill: impl FnOnce(String)) {
    let settings = settings().database_url(url);
    let open = || DatabaseStorage::open_or_create(&settings).unwrap();
    let storage = open();
    storage.migrate().await.unwrap();
    let store = SessionStore::db(open(), settings.clone()).unwrap();
    gives_one_turn([storage.clone(), open()], &store).await;
    fill(format!("'of nobody', CASE WHEN n <= {AT_ONE_MOMENT} THEN '2001-02-03 04:05:06.000001' ELSE "));
    clears_all_of_many(storage).await;
}

#[tokio::test]
async fn one_clears_and_clears_all_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.sqlite3");
    on_a_database(&format!("sqlite:///{}", path.display()), |values| {
        let count = format!(
            "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {AT_ONE_MOMENT} + {APART})"
        );
        let sql = format!(
            "{count} INSERT INTO django_session \
             SELECT 'expired' || n, {values} datetime('2001-02-03 05:00:00', n || ' seconds') END FROM c"
        );
        rusqlite::Connection::open(&path).unwrap().execute_batch(&sql).unwrap();
    })
    .await;
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn one_clears_and_clears_all_on_postgresql() {
    let Some(server) = tokio::task::spawn_blocking(test_servers::PostgreSql::shared).await.unwrap() else { return };
    let database = server.new_database();
    on_a_database(&database.url, |values| {
        let values = values.replace("'2001-02-03 04:05:06.000001'", "timestamptz '2001-02-03 04:05:06.000001+00'");
        let sql = format!(
            "INSERT INTO django_session SELECT 'expired' || n, \
             {values} timestamptz '2001-02-03 05:00:00+00' + n * interval '1 second' END \
             FROM generate_series(1, {AT_ONE_MOMENT} + {APART}) n"
        );
        server.psql(&database.name, &sql);
    })
    .await;
}

#[cfg(feature = "mysql")]
#[tokio::test]
async fn one_clears_and_clears_all_on_mariadb() {
    let Some(server) = tokio::task::spawn_blocking(test_servers::MariaDb::shared).await.unwrap() else { return };
    let database = server.new_database();
    on_a_database(&database.url, |values| {
        let values = values.replace("n <=", "seq <=");
        let sql = format!(
            "INSERT INTO django_session SELECT CONCAT('expired', seq), \
             {values} TIMESTAMP('2001-02-03 05:00:00') + INTERVAL seq SECOND END FROM seq_1_to_{}",
            AT_ONE_MOMENT + APART
        );
        server.query(&database.name, &sql);
    })
    .await;
}

#[cfg(feature = "file")]
#[tokio::test]
async fn one_clears_a_folder_and_each_begins_elsewhere() {
    use cloakroom::storage::file::FileOptions;
    use cloakroom::{Engine, Settings};

    let folder = tempfile::tempdir().unwrap();
    let open = || FileOptions::new(folder.path()).open().unwrap();
    let store_of = |settings: Settings| SessionStore::new(Engine::file(open()), settings).unwrap();
    let store = store_of(settings());
    gives_one_turn([open(), open()], &store).await;

    for _ in 0..61 {
        store.session(None).asave().await.unwrap();
    }
    let lasting = crate::visits::stored(&store).await;
    assert_eq!(store.clearing().dry_run().run().await.unwrap().expired, Some(0));
    let later = Clock::new(|| Timestamp::now().checked_add_seconds(2_000_000.0).unwrap());
    let late = store_of(settings()).with_clock(later);
    assert_eq!(late.clearing().dry_run().run().await.unwrap().expired, Some(62));
    assert!(store.exists(&lasting).await.unwrap(), "a dry run removed it");
    // In budgets too small for all of them, which each begin elsewhere, all are gone in the end.
    let begin = Instant::now();
    let mut removed = 0;
    while removed < 62 {
        assert!(begin.elapsed() < PATIENCE, "{removed} were removed");
        let some = late.clearing().max_rows(7).max_time(PATIENCE).run().await.unwrap();
        assert!(some.removed <= 7);
        removed += some.removed;
    }
    assert!(!store.exists(&lasting).await.unwrap());
}

/// While batches run that are far too large for one step, somebody else's write waits for one of them and no longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_gets_through_while_another_process_clears_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.sqlite3");
    let settings = settings().database_url(format!("sqlite:///{}", path.display()));
    let store = SessionStore::open_or_create(settings.clone()).await.unwrap();
    let count = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20000)";
    let sql = format!("{count} INSERT INTO django_session SELECT 'expired' || n, 'x', '2001-02-03 04:05:06' FROM c");
    rusqlite::Connection::open(&path).unwrap().execute_batch(&sql).unwrap();
    let key = crate::visits::stored(&store).await;
    let others = DatabaseStorage::open(&settings).unwrap();
    let clearing = tokio::spawn(async move { Clearing::of_storage(others).run().await });
    let mut saves = 0;
    while !clearing.is_finished() {
        let session = store.session(Some(&key)).load().await.unwrap();
        session.set("saves", &saves).unwrap();
        session.asave().await.unwrap();
        saves += 1;
    }
    assert_eq!(clearing.await.unwrap().unwrap().removed, 20_000);
    assert!(saves > 3, "{saves} saves came through");
}
