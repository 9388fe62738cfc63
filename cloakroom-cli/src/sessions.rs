//! The stored sessions, for the commands that look into them: which place can do what.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cloakroom::storage::{CacheStorage, Storage as _};
use cloakroom::{EngineName, SessionStore, Settings, WalkProgress};
use serde_json::{Value, json};

use crate::database;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::numbers::{clock, grouped};
use crate::progress::{Progress, Shown};

/// The sessions, if they are kept where this command can reach them.
pub(crate) fn open(settings: Settings) -> Result<SessionStore, Failure> {
    let engine = settings.engine_name();
    match engine {
        EngineName::SignedCookies => Err(out_of_reach(
            engine,
            "these sessions are in the visitors' cookies: nothing is kept here. `cloakroom decode --cookie` shows one; a \
             new SECRET_KEY ends all",
        )),
        EngineName::Memory => Err(out_of_reach(
            engine,
            "these sessions live inside the site's own process, where SessionStore::page, inspect, counting and \
             ending_of_user look into them",
        )),
        engine if engine.uses_database() => {
            let database = database::open(&settings, false)?;
            Ok(SessionStore::in_database(database, settings)?)
        }
        EngineName::Cache => {
            if matches!(CacheStorage::open(&settings)?, CacheStorage::Memory(_)) {
                return Err(out_of_reach(engine, "this cache is inside the site's own process"));
            }
            Ok(SessionStore::open(settings)?)
        }
        _ => Ok(SessionStore::open(settings)?),
    }
}

/// The same, where all sessions are to be gone through.
pub(crate) fn open_to_list(settings: Settings) -> Result<SessionStore, Failure> {
    if settings.engine_name() == EngineName::Cache {
        let cache = CacheStorage::open(&settings)?;
        if !cache.capabilities().scan {
            let why = match cache {
                CacheStorage::Memcached(_) => "memcached does not list what it holds",
                CacheStorage::File(_) => {
                    "Django's file-based cache calls its files by a hash of the key, so nobody can tell which of them are \
                     sessions, and whose"
                }
                CacheStorage::Redis(_) => "the servers of a Redis Cluster are not gone through one by one",
                _ => "this cache does not list what it holds",
            };
            return Err(out_of_reach(
                EngineName::Cache,
                &format!(
                    "{why}. `cloakroom show` and `cloakroom delete` work for a session whose key is known; with the engine \
                     cached_db the sessions can be listed in its database"
                ),
            ));
        }
    }
    open(settings)
}

fn out_of_reach(engine: EngineName, why: &str) -> Failure {
    Failure::new(format!("SESSION_ENGINE = {:?}: {why}", engine.as_str()))
}

/// What a walk over all sessions shows of itself, and is ended by.
pub(crate) struct Watch {
    shown: Arc<Mutex<Shown<WalkProgress>>>,
    pub(crate) interrupt: Interrupt,
}

impl Watch {
    /// From now on, on the runtime at hand.
    pub(crate) fn begin(json: bool) -> Result<Self, Failure> {
        Ok(Self { shown: Arc::new(Mutex::new(Shown::new(json))), interrupt: Interrupt::listen()? })
    }

    /// To be called with how far the walk is.
    pub(crate) fn look(&self) -> impl Fn(&WalkProgress) -> ControlFlow<()> + Send + Sync + 'static {
        let (shown, interrupt) = (Arc::clone(&self.shown), self.interrupt.clone());
        move |progress| {
            shown.lock().unwrap_or_else(PoisonError::into_inner).show(progress);
            if interrupt.came().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }

    /// After the walk: how far it came, and how many seconds it took.
    pub(crate) fn end(&self) -> (WalkProgress, f64) {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.end();
        (*shown.last(), (shown.seconds() * 1e3).round() / 1e3)
    }
}

impl Progress for WalkProgress {
    fn elapsed(&self) -> Duration {
        self.elapsed
    }

    fn share(&self) -> Option<f64> {
        self.share
    }

    fn line(&self) -> String {
        let mut line = format!("{} looked at", grouped(self.looked_at));
        if self.found > 0 {
            line.push_str(&format!(", {} found", grouped(self.found)));
        }
        line.push_str(&format!(", {} a second", grouped(self.rate() as u64)));
        if let Some(left) = self.left() {
            line.push_str(&format!(", {} left", clock(left)));
        }
        line
    }

    fn object(&self) -> Value {
        json!({
            "looked_at": self.looked_at,
            "found": self.found,
            "share": self.share.map(|share| (share * 1e3).round() / 1e3),
            "rate": self.rate().round(),
            "seconds": self.elapsed.as_secs_f64().round(),
            "left": self.left().map(|left| left.as_secs_f64().round()),
        })
    }
}
