//! The site is killed in the middle of a transaction in SQLite while a Django site writes to the same file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::load::{any, more, under_load};
use crate::site::check;
use crate::support::Demo;
use crate::support::django::{Django, Version::Django52};
use crate::support::place::{Engine, Place, pairs};
use crate::visitor::{Seen, Visitor};
use crate::{bounded, say};

/// So many visitors of the site, and so many of Django's.
const OURS: usize = 8;
const THEIRS: usize = 4;

/// Where SQLite locks a file to write: from the byte PENDING_BYTE on.
const PENDING: u64 = 0x4000_0000;
/// Where it locks the index of a WAL to write: WAL_WRITE_LOCK.
const WAL_WRITE: u64 = 120;

struct Locks {
    process: u32,
    database: PathBuf,
}

impl Locks {
    fn beside(&self, end: &str) -> PathBuf {
        PathBuf::from(format!("{}{end}", self.database.display()))
    }

    /// Whether the process holds the lock that a writer has, by the kernel's own list.
    fn writes(&self) -> bool {
        self.holds(&self.database, |first| first >= PENDING)
            || self.holds(&self.beside("-shm"), |first| first == WAL_WRITE)
    }

    fn holds(&self, file: &Path, is_it: impl Fn(u64) -> bool) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let Ok(file) = fs::metadata(file) else { return false };
        // "1: POSIX  ADVISORY  WRITE 123 fe:00:4567 120 120": the process, the file, the first byte and the last.
        fs::read_to_string("/proc/locks").unwrap().lines().any(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [_, "POSIX", _, "WRITE", process, id, first, _] = words[..] else { return false };
            process.parse() == Ok(self.process)
                && id.rsplit(':').next().and_then(|inode| inode.parse().ok()) == Some(file.ino())
                && first.parse().is_ok_and(&is_it)
        })
    }

    /// Stops the process at any moment, until the moment is one in which it holds the lock.
    fn stop_in_a_transaction(&self) {
        let end = Instant::now() + Duration::from_secs(120);
        loop {
            thread::sleep(Duration::from_micros(any(3_000) as u64));
            signal(self.process, "STOP");
            while !stands_still(self.process) {
                thread::yield_now();
            }
            if self.writes() {
                return;
            }
            signal(self.process, "CONT");
            assert!(Instant::now() < end, "it is never stopped in a transaction");
        }
    }
}

fn signal(process: u32, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &process.to_string()]).status().unwrap().success());
}

fn stands_still(process: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    threads
        .into_iter()
        .all(|thread| fs::read_to_string(thread.path().join("stat")).is_ok_and(|stat| stat.contains(") T ")))
}

/// With the journal mode that the file has been given.
fn killed_in_a_transaction(mode: &str) {
    let Some(place) = Place::new(Engine::Sqlite, Django52) else { return };
    assert_eq!(place.sql(&format!("PRAGMA journal_mode = {mode}")), mode);
    let variables = place.variables(&[("RUST_LOG", "off")]);
    let Some(django) = Django::start(place.folder.path(), &pairs(&place.variables(&[]))) else { return };
    let mut demo = Demo::start(&pairs(&variables));
    let (ours, theirs) = (Seen::default(), Seen::default());
    let mut visitors: Vec<_> = (0..OURS).map(|number| Visitor::new(demo.browser(), number)).collect();
    let mut others: Vec<_> = (OURS..OURS + THEIRS).map(|number| Visitor::new(django.browser(), number)).collect();
    // Django has no turn: it asks for the lock now and then, for 20 seconds.
    others.iter_mut().for_each(|visitor| visitor.patience = Duration::from_secs(60));
    let kills = bounded(3, 100);
    let mut hot = 0;
    let _demo = under_load(&mut others, &theirs, || {
        for _ in 0..kills {
            let locks = Locks { process: demo.process(), database: place.sqlite() };
            let folder = under_load(&mut visitors, &ours, || {
                more(&ours, Seen::acknowledged, "changes", 40 + any(60));
                locks.stop_in_a_transaction();
                // Nobody else has a journal now.
                let journal = fs::metadata(locks.beside(if mode == "wal" { "-wal" } else { "-journal" }));
                hot += usize::from(journal.is_ok_and(|journal| journal.len() > 0));
                demo.stop()
            });
            more(&theirs, Seen::acknowledged, "changes of Django's", 10);
            demo = Demo::start_in(folder, &pairs(&variables));
            for visitor in &mut visitors {
                visitor.browser.address.clone_from(&demo.address);
                visitor.look_again(&ours);
                visitor.check_ended();
            }
            assert_eq!(place.sql("PRAGMA integrity_check"), "ok");
        }
        demo
    });
    others.iter_mut().for_each(|visitor| visitor.look_again(&theirs));
    say(&format!(
        "SQLite ({mode}), the site killed in a transaction: {kills} kills, {hot} with a journal, {ours}; Django beside: {theirs}"
    ));
    check(&place, &mut visitors);
    check(&place, &mut others);
}

#[test]
fn a_transaction_in_sqlite_is_cut_while_django_writes() {
    killed_in_a_transaction("delete");
}

#[test]
fn a_transaction_in_a_wal_is_cut_while_django_writes() {
    killed_in_a_transaction("wal");
}
