//! The memory that the settings name.

use super::environ::OptionValue;
use super::refusal::{Refusal, number};
use super::{Cache, CacheKind, SettingsError};
use crate::storage::MemoryStorage;

/// What a cache in memory may hold unless told, in bytes.
const BYTES: usize = 64 << 20;

impl MemoryStorage {
    /// The memory that a member of Django's `CACHES` of the kind `LocMemCache` names, bounded: 64 MiB, or as many bytes as
    /// `OPTIONS` says under `MAX_BYTES`, a name of cloakroom's own. Each call makes a new, empty one: Django's
    /// is in the memory of Django's process, and is not shared with it.
    ///
    /// `MAX_ENTRIES` is honoured if it is given; Django's default of 300 is not, as it would log people out.
    /// `CULL_FREQUENCY` has no effect: only as many entries go as room is needed for, not a third of all.
    ///
    /// ```
    /// use cloakroom::Cache;
    /// use cloakroom::storage::MemoryStorage;
    ///
    /// assert_eq!(MemoryStorage::for_cache(&Cache::local_memory())?.limit(), Some(67_108_864));
    /// let cache = Cache::from_url("locmemcache://?max_bytes=1000000")?;
    /// assert_eq!(MemoryStorage::for_cache(&cache)?.limit(), Some(1_000_000));
    /// # Ok::<(), cloakroom::SettingsError>(())
    /// ```
    ///
    /// # Errors
    /// Another kind of cache, or an option that is not known.
    pub fn for_cache(cache: &Cache) -> Result<Self, SettingsError> {
        if cache.kind() != CacheKind::LocMem {
            let problem = format!("names a cache of the kind {}", cache.backend());
            return Err(SettingsError::new("CACHES.BACKEND", None, problem, "use LocMemCache"));
        }
        let (mut bytes, mut entries) = (BYTES, usize::MAX);
        for (name, value) in cache.options() {
            let read = match name.as_str() {
                "MAX_BYTES" => count(value).map(|count| bytes = count),
                "MAX_ENTRIES" => count(value).map(|count| entries = count),
                "CULL_FREQUENCY" => Ok(()),
                _ => Err(Refusal::new("is not known to Django's LocMemCache or to cloakroom", "leave it out")),
            };
            read.map_err(|refusal| {
                SettingsError::new(format!("CACHES.OPTIONS.{name}"), None, refusal.problem, refusal.remedy)
            })?;
        }
        Ok(Self::with_limits_of(bytes, entries))
    }
}

fn count(value: &OptionValue) -> Result<usize, Refusal> {
    let count = number(value)?;
    // Far below what a `f64` counts exactly.
    if (1.0..=1e15).contains(&count) && count.fract() == 0.0 {
        return Ok(count as usize);
    }
    Err(Refusal::new("is no number that something can be kept in", "use a whole number from 1 up"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_honoured_or_refused_by_name() {
        for good in ["", "?MAX_ENTRIES=1000&CULL_FREQUENCY=2", "?max_bytes=5000"] {
            assert!(MemoryStorage::for_cache(&Cache::from_url(&format!("locmemcache://{good}")).unwrap()).is_ok());
        }
        for (bad, name) in [
            ("MAX_BYTES=0", "MAX_BYTES"),
            ("MAX_ENTRIES=some", "MAX_ENTRIES"),
            ("MAX_BYTES=1.5", "MAX_BYTES"),
            ("x=1", "X"),
        ] {
            let cache = Cache::from_url(&format!("locmemcache://?{bad}")).unwrap();
            let error = MemoryStorage::for_cache(&cache).unwrap_err();
            assert_eq!(error.setting(), format!("CACHES.OPTIONS.{name}"));
        }
        let error = MemoryStorage::for_cache(&Cache::from_url("redis://h").unwrap()).unwrap_err();
        assert_eq!(error.setting(), "CACHES.BACKEND");
    }
}
