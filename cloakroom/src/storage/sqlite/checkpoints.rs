//! Writing what stands in the WAL back into the file, on a thread of its own.
//!
//! SQLite does it in the commit that makes the WAL too long, and all who wait for that commit wait for two more syncs.
//! A WAL only begins anew once all of it is written back while nobody adds to it, so the last, short part is the writer's.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::error::SqliteOpenError;

/// After so many pages the WAL is written back: as often as SQLite does it by itself.
const EVERY: i64 = 1_000;
/// From so many pages on the WAL is to begin anew: 16 MB in pages of 4 KiB.
const LONG: i64 = 4 * EVERY;
/// So few pages the writer writes back itself.
const SHORT: i64 = 512;
/// A WAL that got this long nevertheless is written back by the writer, however long that takes.
const TOO_LONG: i64 = 4 * LONG;

thread_local! {
    /// How many pages the WAL had after this thread's last commit; 0 if nothing was committed since it was looked at.
    static PAGES: Cell<i64> = const { Cell::new(0) };
}

/// What the writer knows of the WAL, and the thread that writes it back.
pub(super) struct Checkpoints {
    thread: Option<(mpsc::SyncSender<()>, JoinHandle<()>)>,
    progress: Arc<Progress>,
    seen: i64,
    due: i64,
}

#[derive(Default)]
struct Progress {
    is_busy: AtomicBool,
    /// How many pages of the WAL are in the file.
    written_back: AtomicI64,
}

impl Checkpoints {
    /// Takes the matter out of SQLite's hands for the connection that `writer` is; `connection` is another one.
    pub(super) fn start(writer: &Connection, connection: Connection) -> Result<Self, SqliteOpenError> {
        writer.wal_hook(Some(|_, pages| {
            PAGES.set(pages.into());
            Ok(())
        }));
        let progress = Arc::<Progress>::default();
        let (sender, asked) = mpsc::sync_channel(1);
        let shared = Arc::clone(&progress);
        let thread = super::spawn("cloakroom-sqlite-checkpoint", move || {
            while asked.recv().is_ok() {
                shared.written_back.store(write_back(&connection), Ordering::Relaxed);
                shared.is_busy.store(false, Ordering::Release);
            }
        })?;
        Ok(Self { thread: Some((sender, thread)), progress, seen: 0, due: EVERY })
    }

    /// After a commit of this thread on `writer`.
    pub(super) fn committed(&mut self, writer: &Connection) {
        let pages = PAGES.take();
        if pages < self.seen {
            // It began anew.
            self.due = EVERY;
            self.progress.written_back.store(0, Ordering::Relaxed);
        }
        self.seen = pages;
        if pages < self.due {
            return;
        }
        let is_idle = !self.progress.is_busy.load(Ordering::Acquire);
        let left = pages - self.progress.written_back.load(Ordering::Relaxed);
        if pages >= TOO_LONG || (pages >= LONG && is_idle && left <= SHORT) {
            write_back(writer);
            self.due = pages + EVERY;
        } else if is_idle {
            self.ask(writer);
            self.due = if pages < LONG { pages + EVERY } else { pages };
        }
    }

    fn ask(&self, writer: &Connection) {
        self.progress.is_busy.store(true, Ordering::Relaxed);
        let asked = self.thread.as_ref().is_some_and(|(sender, _)| sender.try_send(()).is_ok());
        if !asked {
            write_back(writer);
            self.progress.is_busy.store(false, Ordering::Relaxed);
        }
    }
}

impl Drop for Checkpoints {
    /// The thread's connection is closed before the writer's.
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.thread.take() {
            drop(sender);
            let _ = thread.join();
        }
    }
}

/// Writes back what can be without anybody waiting, and says how many pages of the WAL are in the file then. As where
/// SQLite does it by itself, a failure is none of the commit before: the next one tries again.
fn write_back(connection: &Connection) -> i64 {
    let sql = "PRAGMA wal_checkpoint(PASSIVE)";
    connection.query_row(sql, [], |row| row.get(2)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn open(path: &Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.pragma_update(None, "synchronous", "OFF").unwrap();
        connection
    }

    fn pages_of_wal(path: &Path) -> u64 {
        std::fs::metadata(path.with_extension("db-wal")).map_or(0, |wal| wal.len() / 4_096)
    }

    #[test]
    fn the_wal_begins_anew_however_much_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let writer = open(&path);
        writer.execute_batch("CREATE TABLE t (data BLOB)").unwrap();
        let mut checkpoints = Checkpoints::start(&writer, open(&path)).unwrap();
        let mut began_anew = 0;
        for _ in 0..1_500 {
            let before = checkpoints.seen;
            writer.execute("INSERT INTO t VALUES (zeroblob(200000))", []).unwrap();
            checkpoints.committed(&writer);
            began_anew += u32::from(checkpoints.seen < before);
        }
        drop(checkpoints);
        // What is written fills three WALs of the greatest length: how often it begins anew before, the machine decides.
        assert!(began_anew >= 2, "{began_anew}");
        assert!(pages_of_wal(&path) < 2 * u64::try_from(TOO_LONG).unwrap(), "{}", pages_of_wal(&path));
        let rows: i64 = writer.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 1_500);
    }

    #[test]
    fn the_wal_is_written_back_without_the_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let writer = open(&path);
        writer.execute_batch("CREATE TABLE t (data BLOB)").unwrap();
        let mut checkpoints = Checkpoints::start(&writer, open(&path)).unwrap();
        while checkpoints.seen < EVERY {
            writer.execute("INSERT INTO t VALUES (zeroblob(200000))", []).unwrap();
            checkpoints.committed(&writer);
        }
        let start = std::time::Instant::now();
        while checkpoints.progress.is_busy.load(Ordering::Acquire) {
            assert!(start.elapsed().as_secs() < 10);
            std::thread::yield_now();
        }
        assert!(checkpoints.progress.written_back.load(Ordering::Relaxed) >= EVERY);
    }
}
