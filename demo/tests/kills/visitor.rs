//! A visitor who changes a session over and over, leaves and comes again, and keeps a book of what was acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::Browser;
use crate::support::place::Place;

/// No answer of ours takes longer. A server is given 2.4 seconds and what is unknown is read back, so 5 are promised; the rest is
/// for a busy machine.
const PATIENCE: Duration = Duration::from_secs(15);

/// What all visitors of a site have seen.
#[derive(Default)]
pub(crate) struct Seen {
    /// Changes that were acknowledged.
    pub(crate) saved: AtomicUsize,
    pub(crate) logouts: AtomicUsize,
    pub(crate) new_keys: AtomicUsize,
    /// Reads and saves that ended in an error.
    pub(crate) errors: AtomicUsize,
    /// Logouts and changes of key that did.
    pub(crate) undone: AtomicUsize,
    /// Changes that were cut short, site and all.
    pub(crate) cut: AtomicUsize,
    /// Acknowledged sessions that were gone.
    pub(crate) lost: AtomicUsize,
    /// The longest that a request took, in milliseconds.
    pub(crate) slowest: AtomicUsize,
    /// Whether a visitor found what may not be.
    pub(crate) failed: AtomicBool,
}

pub(crate) fn add(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::Relaxed);
}

pub(crate) fn read(counter: &AtomicUsize) -> usize {
    counter.load(Ordering::Relaxed)
}

impl Seen {
    pub(crate) fn acknowledged(&self) -> usize {
        read(&self.saved) + read(&self.logouts) + read(&self.new_keys)
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} changes acknowledged ({} saves, {} logouts, {} changes of key), {} cut short, {} errors of reads and \
             saves, {} of logouts and changes of key, {} sessions lost; {} ms the slowest answer",
            self.acknowledged(),
            read(&self.saved),
            read(&self.logouts),
            read(&self.new_keys),
            read(&self.cut),
            read(&self.errors),
            read(&self.undone),
            read(&self.lost),
            read(&self.slowest),
        )
    }
}

/// A change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Save,
    Logout,
    NewKey,
}

/// How a request came out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// An error was answered.
    Refused,
    /// The site was gone before the answer was whole.
    Cut,
}

type Cookies = Vec<(String, String)>;

pub(crate) struct Visitor {
    pub(crate) browser: Browser,
    number: usize,
    /// What the session held when a save was last acknowledged; 0 where there is no session. No number is used twice.
    acknowledged: u64,
    /// The number that was last asked for.
    tried: u64,
    /// What was asked for and not acknowledged: it may have been done, and be done later.
    open: Option<Wish>,
    /// How many changes were asked for.
    turns: usize,
    /// What was ended, as was acknowledged: these cookies are worth nothing for ever.
    ended: Vec<Cookies>,
    /// How many of them were looked at since.
    checked: usize,
    /// Sessions under a key that nobody was told: what they hold, at least and at most.
    pub(crate) moved: Vec<(u64, u64)>,
    /// The place whose cache evicts the session's copy now and then.
    pub(crate) evicting: Option<Arc<Place>>,
    /// No answer takes longer.
    pub(crate) patience: Duration,
    /// Whether the place may forget sessions, as memcached does when it is killed.
    pub(crate) may_forget: bool,
}

impl Visitor {
    pub(crate) fn new(browser: Browser, number: usize) -> Self {
        Self {
            browser,
            number,
            acknowledged: 0,
            tried: 0,
            open: None,
            turns: number,
            ended: Vec::new(),
            checked: 0,
            moved: Vec::new(),
            evicting: None,
            patience: PATIENCE,
            may_forget: false,
        }
    }

    /// Looks at the session, and changes something.
    pub(crate) fn step(&mut self, seen: &Seen) -> Outcome {
        if self.turns.is_multiple_of(3) {
            self.evict();
        }
        match self.look(seen) {
            Outcome::Done => self.change(seen),
            other => other,
        }
    }

    /// Has the cache forget the copy of the session, where there is a database behind it.
    pub(crate) fn evict(&self) {
        if let (Some(place), Some(key)) = (&self.evicting, self.browser.key()) {
            place.cache().forget(&format!("django.contrib.sessions.cached_db{key}"));
        }
    }

    /// Looks whether the session holds what was acknowledged.
    pub(crate) fn look(&mut self, seen: &Seen) -> Outcome {
        let Ok(answer) = self.ask(seen, "GET", "/api/session", "") else { return Outcome::Cut };
        let Some(shown) = answer else {
            add(&seen.errors);
            return Outcome::Refused;
        };
        let data = &shown["data"];
        if let Some(count) = data["count"].as_u64() {
            assert_eq!(data["visitor"], self.number, "somebody else's session");
            assert!(
                (self.acknowledged..=self.tried).contains(&count),
                "visitor {}: holds {count}, {} was acknowledged, {} tried; open: {:?}",
                self.number,
                self.acknowledged,
                self.tried,
                self.open
            );
            // It has not moved. Whoever was told of an error leaves, for it still may.
            if self.open == Some(Wish::NewKey) {
                self.open = Some(Wish::Logout);
            }
            return Outcome::Done;
        }
        assert_eq!(data.to_string(), "{}", "half a session");
        if self.acknowledged > 0 {
            match self.open {
                Some(Wish::Logout) => {}
                Some(Wish::NewKey) => self.moved.push((self.acknowledged, self.tried)),
                open => {
                    assert!(self.may_forget, "visitor {}: {} is gone; open: {open:?}", self.number, self.acknowledged);
                    add(&seen.lost);
                }
            }
        }
        self.acknowledged = 0;
        self.open = None;
        Outcome::Done
    }

    fn change(&mut self, seen: &Seen) -> Outcome {
        self.turns += 1;
        let wish = match self.open {
            // Whoever wants to leave asks until it is done.
            Some(Wish::Logout) => Wish::Logout,
            _ if self.acknowledged == 0 => Wish::Save,
            _ if self.turns.is_multiple_of(13) => Wish::Logout,
            _ if self.turns.is_multiple_of(7) => Wish::NewKey,
            _ => Wish::Save,
        };
        self.open = Some(wish);
        let before = self.browser.cookies.clone();
        let answer = match wish {
            Wish::Save => {
                self.tried += 1;
                let body = format!(r#"{{"visitor": {}, "count": {}}}"#, self.number, self.tried);
                self.ask(seen, "POST", "/api/session", &body)
            }
            Wish::Logout => self.ask(seen, "POST", "/api/session/flush", ""),
            Wish::NewKey => self.ask(seen, "POST", "/api/session/cycle_key", ""),
        };
        let Ok(answer) = answer else {
            add(&seen.cut);
            return Outcome::Cut;
        };
        if answer.is_none() {
            add(if wish == Wish::Save { &seen.errors } else { &seen.undone });
            return Outcome::Refused;
        }
        self.open = None;
        match wish {
            Wish::Save => {
                self.acknowledged = self.tried;
                add(&seen.saved);
            }
            Wish::Logout => {
                assert!(self.browser.cookies.is_empty(), "the cookie is still there after a logout");
                self.acknowledged = 0;
                self.ended.push(before);
                add(&seen.logouts);
            }
            Wish::NewKey => {
                assert_ne!(self.browser.cookies, before, "the key is the same");
                self.ended.push(before);
                add(&seen.new_keys);
            }
        }
        Outcome::Done
    }

    /// Looks until there is an answer: the place may still be finding itself.
    pub(crate) fn look_again(&mut self, seen: &Seen) {
        let end = Instant::now() + Duration::from_secs(60);
        while self.look(seen) != Outcome::Done {
            assert!(Instant::now() < end, "visitor {}: the site does not recover", self.number);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What was ended since the last time stays ended.
    pub(crate) fn check_ended(&mut self) {
        let checked = std::mem::replace(&mut self.checked, self.ended.len());
        self.check_ended_from(checked);
    }

    /// The same of all that ever was.
    pub(crate) fn check_all_ended(&mut self) {
        self.check_ended_from(0);
    }

    fn check_ended_from(&self, first: usize) {
        for cookies in &self.ended[first..] {
            let address = self.browser.address.clone();
            let data = || Browser { address: address.clone(), cookies: cookies.clone() }.get("/api/session");
            let end = Instant::now() + Duration::from_secs(60);
            let mut answer = data();
            while answer.status == 500 && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(20));
                answer = data();
            }
            assert_eq!((answer.status, &answer.json()["data"].to_string()[..]), (200, "{}"), "a logout was undone");
        }
    }

    /// The key of the session that the visitor has, and what it holds, at least and at most.
    pub(crate) fn has(&self) -> Option<(String, [u64; 2])> {
        let held = [self.acknowledged, self.tried];
        (self.acknowledged > 0).then(|| (self.browser.key().expect("a cookie").to_owned(), held))
    }

    /// The key that ended last.
    pub(crate) fn left(&self) -> Option<String> {
        self.ended.last().map(|cookies| cookies[0].1.clone())
    }

    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// Answers what was answered; `None` for an error, which has to be a clear one and in time.
    fn ask(&mut self, seen: &Seen, method: &str, path: &str, body: &str) -> std::io::Result<Option<Value>> {
        let started = Instant::now();
        let answer = self.browser.try_send(method, path, &[], body);
        let took = started.elapsed();
        assert!(took < self.patience, "{method} {path} took {took:?}");
        seen.slowest.fetch_max(took.as_millis() as usize, Ordering::Relaxed);
        let answer = answer?;
        if answer.status == 500 {
            assert!(answer.header("set-cookie").is_none() && answer.json()["error"].is_string(), "{}", answer.body);
            return Ok(None);
        }
        assert_eq!(answer.status, 200, "visitor {}: {method} {path}: {}; {:?}", self.number, answer.body, self.open);
        Ok(Some(answer.json()))
    }
}
