//! A cache server that is killed, stands still and comes back while visitors keep coming: each is told of an error in
//! time, nobody's session is written over by another state, and the site goes on by itself.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use support::{Browser, Demo};
use test_servers::{Memcached, Redis};

/// So many visitors come all the time.
const VISITORS: usize = 12;
/// No answer takes longer: a cache is given one second, and what is unknown is read back.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a visitor has seen.
#[derive(Default)]
struct Seen {
    saved: AtomicUsize,
    errors: AtomicUsize,
    /// Sessions that were gone, with what they held.
    lost: Mutex<Vec<u64>>,
}

/// Counts up in one session, and looks each time that nothing which was acknowledged is missing. A save that ended in an
/// error may have been done or not.
fn visit(mut browser: Browser, seen: &Seen, ended: &AtomicBool) {
    let (mut acknowledged, mut tried) = (0, 0);
    let mut ask = |method: &str, path: &str, body: &str| {
        let started = Instant::now();
        let answer = browser.send(method, path, &[], body);
        assert!(started.elapsed() < PATIENCE, "{method} took {:?}", started.elapsed());
        assert!([200, 500].contains(&answer.status), "{method}: {} {}", answer.status, answer.body);
        if answer.status == 500 {
            seen.errors.fetch_add(1, Ordering::Relaxed);
            assert!(answer.header("set-cookie").is_none() && answer.json()["error"].is_string(), "{}", answer.body);
            // The next request comes a moment later.
            thread::sleep(Duration::from_millis(20));
            return None;
        }
        Some(answer.json())
    };
    while !ended.load(Ordering::Relaxed) {
        let Some(shown) = ask("GET", "/api/session", "") else { continue };
        let count = shown["data"]["count"].as_u64();
        match count {
            Some(count) => assert!(
                (acknowledged..=tried).contains(&count),
                "holds {count}, {acknowledged} was acknowledged, {tried} tried"
            ),
            // With the server's memory.
            None if acknowledged > 0 => {
                seen.lost.lock().unwrap().push(acknowledged);
                acknowledged = 0;
                tried = 0;
            }
            None => {}
        }
        let next = tried.max(count.unwrap_or_default()) + 1;
        tried = next;
        if ask("PUT", "/api/session/count", &next.to_string()).is_some() {
            acknowledged = next;
            seen.saved.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Runs visitors while `trouble` goes on, which is told what they have seen.
fn under_load(variables: &[(&str, &str)], trouble: impl FnOnce(&Seen)) -> Seen {
    // Each error is in the log, by design.
    let demo = Demo::start(&[variables, &[("RUST_LOG", "off")]].concat());
    let (seen, ended) = (Seen::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..VISITORS {
            let browser = demo.browser();
            let (seen, ended) = (&seen, &ended);
            scope.spawn(move || visit(browser, seen, ended));
        }
        /// Ends the visitors even when the trouble panics.
        struct End<'a>(&'a AtomicBool);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _end = End(&ended);
        trouble(&seen);
    });
    seen
}

/// Waits until so many more saves have been made, or errors seen.
fn more(count: &AtomicUsize, what: &str, by: usize) {
    let wanted = count.load(Ordering::Relaxed) + by;
    let end = Instant::now() + Duration::from_secs(20);
    while count.load(Ordering::Relaxed) < wanted {
        assert!(Instant::now() < end, "no {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

const ROUNDS: usize = 3;
/// So many saves, or errors, between one trouble and the next.
const SAVES: usize = 300;
const ERRORS: usize = 40;

/// Kills and holds still by turns; each time there are errors, and afterwards saves again.
fn troubles(seen: &Seen, mut kill: impl FnMut(), mut restart: impl FnMut(), mut hold: impl FnMut(bool)) {
    more(&seen.saved, "saves", SAVES);
    for _ in 0..ROUNDS {
        kill();
        more(&seen.errors, "errors", ERRORS);
        restart();
        more(&seen.saved, "saves after a restart", SAVES);
        hold(true);
        more(&seen.errors, "errors", ERRORS);
        hold(false);
        more(&seen.saved, "saves after a standstill", SAVES);
    }
}

fn told(name: &str, seen: &Seen) {
    println!(
        "{name}: {} saves, {} errors, {} sessions lost with the server's memory",
        seen.saved.load(Ordering::Relaxed),
        seen.errors.load(Ordering::Relaxed),
        seen.lost.lock().unwrap().len()
    );
}

#[test]
fn redis_is_killed_under_load() {
    // Each write is on the disk before it is acknowledged.
    let Some(server) = Redis::start_with(&["appendonly yes", "appendfsync always"]) else { return };
    let url = server.url(server.port(), 0);
    let server = Mutex::new(server);
    let seen = under_load(&[("SESSION_ENGINE", "cache"), ("CACHE_URL", &url)], |seen| {
        troubles(
            seen,
            || server.lock().unwrap().kill(),
            || server.lock().unwrap().restart(),
            |still| {
                let server = server.lock().unwrap();
                if still { server.pause() } else { server.resume() }
            },
        );
    });
    told("Redis", &seen);
    assert!(seen.lost.lock().unwrap().is_empty(), "sessions that Redis had acknowledged are gone");
}

#[test]
fn memcached_is_killed_under_load() {
    let Some(server) = Memcached::start() else { return };
    let url = format!("pymemcache://{}", server.location());
    let server = Mutex::new(server);
    let seen = under_load(&[("SESSION_ENGINE", "cache"), ("CACHE_URL", &url)], |seen| {
        troubles(
            seen,
            || server.lock().unwrap().kill(),
            || server.lock().unwrap().restart(),
            |still| {
                let server = server.lock().unwrap();
                if still { server.pause() } else { server.resume() }
            },
        );
    });
    told("memcached", &seen);
    // It forgets everything when it ends, and nothing otherwise.
    assert!(seen.lost.lock().unwrap().len() <= VISITORS * ROUNDS);
}

/// Behind a cache that fails there is the database: no visitor notices.
#[test]
fn a_cache_before_a_database_is_killed_under_load() {
    let Some(server) = Redis::start() else { return };
    let url = server.url(server.port(), 0);
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:///{}?timeout=20", folder.path().join("sessions.sqlite3").display());
    let variables = [
        ("SESSION_ENGINE", "cached_db"),
        ("CACHE_URL", url.as_str()),
        ("DATABASE_URL", database.as_str()),
        ("SECRET_KEY", "only for a test"),
    ];
    let mut server = server;
    let seen = under_load(&variables, |seen| {
        for _ in 0..ROUNDS {
            more(&seen.saved, "saves", SAVES);
            server.kill();
            more(&seen.saved, "saves without a cache", SAVES);
            server.restart();
        }
        more(&seen.saved, "saves", SAVES);
    });
    told("SQLite behind Redis", &seen);
    assert!(seen.lost.lock().unwrap().is_empty());
    assert_eq!(seen.errors.load(Ordering::Relaxed), 0);
}
