//! The cache that sessions are in.

use cloakroom::storage::{CacheStorage, Storage as _};
use cloakroom::{EngineName, SessionKey, Settings};

use crate::database;
use crate::failure::Failure;
use crate::report::Report;

/// Asks the cache for an entry that nobody has: nothing is written there. What it holds is not looked at, since most
/// caches cannot list their entries.
pub(super) fn look(report: &mut Report, settings: &Settings) -> Result<(), Failure> {
    let storage = match CacheStorage::open(settings) {
        Ok(storage) => storage,
        Err(error) => {
            report.failure("cache", error);
            return Ok(());
        }
    };
    let cache = settings.session_cache()?;
    let name = format!("cloakroom.check.{}", SessionKey::generate().as_str());
    match database::wait(storage.read(&name))? {
        Ok(_) if matches!(storage, CacheStorage::Memory(_)) => alone(report, settings),
        Ok(_) => report.ok("cache", format!("{cache} answers")),
        Err(error) => {
            report.failure("cache", Failure::new(format!("{cache}: {}", Failure::from(error))));
        }
    }
    Ok(())
}

/// What is wrong with a cache on a site that is open to the world: sessions that a cache alone holds must not be thrown
/// away to make room.
pub(super) fn judge(report: &mut Report, settings: &Settings) -> Result<(), Failure> {
    if settings.engine_name() != EngineName::Cache {
        return Ok(());
    }
    // What keeps it from being opened or from answering was said already.
    let Ok(storage) = CacheStorage::open(settings) else { return Ok(()) };
    const REMEDY: &str = "use the engine cached_db, or give sessions a cache of their own that evicts nothing";
    match &storage {
        CacheStorage::Redis(redis) => match database::wait(redis.eviction_policy())? {
            Ok(None) => report.ok("eviction", "Redis keeps each session until it ends"),
            Ok(Some(policy)) => {
                let message = format!("maxmemory-policy is {policy}: when its memory is full, Redis drops sessions");
                report.warning("eviction", message, REMEDY);
            }
            Err(error) => {
                let message = format!("Redis does not say whether it drops sessions: {}", Failure::from(error));
                report.warning("eviction", message, "see to it that maxmemory-policy is noeviction");
            }
        },
        CacheStorage::Memcached(_) => {
            let message = "memcached drops sessions when its memory is full, and all of them when it is restarted";
            report.warning("eviction", message, REMEDY);
        }
        CacheStorage::File(_) | CacheStorage::Database(_) => {
            let message = "Django drops entries of this cache, sessions too, once it holds more than MAX_ENTRIES";
            report.warning("eviction", message, REMEDY);
        }
        _ => {}
    }
    Ok(())
}

fn alone(report: &mut Report, settings: &Settings) {
    let message = if settings.engine_name() == EngineName::Cache {
        "the memory of each process for itself: a session is known to the process that made it, and ends with it"
    } else {
        "the memory of each process for itself: another process may go on with a session that was changed or has ended"
    };
    report.warning("cache", message, "set CACHE_URL to a cache that all processes share");
}
