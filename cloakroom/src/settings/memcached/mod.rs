//! The memcached servers that the settings name.

mod options;

use super::{Cache, CacheKind, SettingsError};
use crate::storage::memcached::{MemcachedOptions, MemcachedPlacement};

impl MemcachedOptions {
    /// The servers that a member of Django's `CACHES` names: one of the kind `PyMemcacheCache` or `PyLibMCCache`.
    /// `docs/engines.md` lists what becomes of each of its `OPTIONS`.
    ///
    /// ```
    /// use cloakroom::Cache;
    /// use cloakroom::storage::memcached::MemcachedOptions;
    ///
    /// let cache = Cache::from_url("pymemcache://10.0.0.1:11211,10.0.0.2:11211?key_prefix=shop")?;
    /// let storage = MemcachedOptions::for_cache(&cache)?.open();
    /// assert_eq!(storage.servers(), ["10.0.0.1:11211", "10.0.0.2:11211"]);
    /// # Ok::<(), cloakroom::SettingsError>(())
    /// ```
    ///
    /// # Errors
    /// Another kind of cache, a `LOCATION` that names no server, or an option that cannot be honoured and would change
    /// something.
    pub fn for_cache(cache: &Cache) -> Result<Self, SettingsError> {
        let placement = match cache.kind() {
            CacheKind::PyMemcache => MemcachedPlacement::Rendezvous,
            CacheKind::PyLibMc => MemcachedPlacement::Modulo,
            _ => {
                let problem = format!("names a cache of the kind {}", cache.backend());
                return Err(refuse("BACKEND", &problem, "use PyMemcacheCache or PyLibMCCache"));
            }
        };
        let mut options = Self::new(locations(cache)).map_err(|error| {
            let remedy = "use \"host:port\", \"[IPv6]:port\" or \"unix:/path\", or a list of them";
            SettingsError::new("CACHES.LOCATION", Some(error.location()), error.problem(), remedy)
        })?;
        for (name, value) in cache.options() {
            let read = match placement {
                MemcachedPlacement::Rendezvous => options::of_pymemcache(options, name, value),
                MemcachedPlacement::Modulo => options::of_pylibmc(options, name, value),
            };
            options = read.map_err(|refusal| refuse(&format!("OPTIONS.{name}"), &refusal.problem, &refusal.remedy))?;
        }
        Ok(options.placement(placement).key(cache.cache_key()?))
    }
}

/// Django takes one text apart at commas and semicolons, and a list as it is.
fn locations(cache: &Cache) -> Vec<&str> {
    match cache.locations() {
        [one] => one.split([';', ',']).collect(),
        several => several.iter().map(String::as_str).collect(),
    }
}

fn refuse(name: &str, problem: &str, remedy: &str) -> SettingsError {
    SettingsError::new(format!("CACHES.{name}"), None, problem, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::environ::{OptionValue, put};

    fn cache(url: &str, options: &[(&str, OptionValue)]) -> Cache {
        let mut cache = Cache::from_url(url).unwrap();
        for (name, value) in options {
            put(cache.options_mut(), (*name).to_owned(), value.clone());
        }
        cache
    }

    fn servers(url: &str) -> Vec<String> {
        let storage = MemcachedOptions::for_cache(&cache(url, &[])).unwrap().open();
        storage.servers().into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn locations_are_djangos() {
        assert_eq!(servers("pymemcache://a:1,b:2"), ["a:1", "b:2"]);
        assert_eq!(servers("pymemcache:///run/memcached.sock"), ["/run/memcached.sock"]);
        assert_eq!(servers("pymemcache://[::1]:11211"), ["::1:11211"]);
        assert_eq!(servers("pylibmc://a"), ["a:11211"]);
        for url in ["pymemcache://a:x", "pylibmc://", "pymemcache://a:1,,b:2"] {
            let error = MemcachedOptions::for_cache(&cache(url, &[])).unwrap_err();
            assert_eq!(error.setting(), "CACHES.LOCATION", "{url}");
        }
    }

    #[test]
    fn another_kind_and_a_key_function_are_refused_by_name() {
        let error = MemcachedOptions::for_cache(&Cache::local_memory()).unwrap_err();
        assert!(error.setting() == "CACHES.BACKEND" && error.problem().contains("LocMemCache"));
        let own = cache("pymemcache://a?key_function=shop.keys.make", &[]);
        assert_eq!(MemcachedOptions::for_cache(&own).unwrap_err().setting(), "CACHES.KEY_FUNCTION");
        let default = cache("pymemcache://a?key_function=django.core.cache.backends.base.default_key_func", &[]);
        assert!(MemcachedOptions::for_cache(&default).is_ok());
    }

    #[test]
    fn options_are_honoured_or_refused_by_name() {
        use OptionValue::{Bool, Float, Int, None, Text};
        let yes = |text: &str| Text(text.to_owned());
        // The example in Django's documentation.
        let honoured = [
            ("no_delay", Bool(true)),
            ("ignore_exc", Bool(true)),
            ("max_pool_size", Int(4)),
            ("use_pooling", Bool(true)),
            ("connect_timeout", Float(0.25)),
            ("timeout", Int(2)),
            ("pool_idle_timeout", Int(0)),
            ("dead_timeout", Int(30)),
        ];
        let options = MemcachedOptions::for_cache(&cache("pymemcache://a", &honoured)).unwrap();
        let shown = format!("{options:?}");
        for part in ["connections: 4", "timeout: 2s", "connect: 250ms", "idle: None"] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        let none = [("timeout", None), ("connect_timeout", None), ("max_pool_size", None)];
        assert!(MemcachedOptions::for_cache(&cache("pymemcache://a", &none)).is_ok());

        let behaviors =
            [("binary", Bool(true)), ("behaviors.ketama", Bool(false)), ("behaviors.connect_timeout", Int(300))];
        let options = MemcachedOptions::for_cache(&cache("pylibmc://a,b", &behaviors)).unwrap();
        assert!(format!("{options:?}").contains("connect: 300ms"));

        for (url, name, value) in [
            ("pymemcache://a", "serde", yes("pymemcache.serde.compressed_serde")),
            ("pymemcache://a", "hasher", yes("x")),
            ("pymemcache://a", "key_prefix", yes("x")),
            ("pymemcache://a", "tls_context", yes("x")),
            ("pymemcache://a", "TIMEOUTS", Int(1)),
            ("pymemcache://a", "timeout", Int(0)),
            ("pymemcache://a", "timeout", yes("soon")),
            ("pymemcache://a", "max_pool_size", Int(0)),
            ("pylibmc://a", "username", yes("ada")),
            ("pylibmc://a", "behaviors.ketama", Bool(true)),
            ("pylibmc://a", "behaviors.hash", yes("md5")),
            ("pylibmc://a", "behaviors.remove_failed", Int(4)),
            ("pylibmc://a", "min_compress_len", Int(1)),
            ("pylibmc://a", "timeout", Int(1)),
        ] {
            let error = MemcachedOptions::for_cache(&cache(url, &[(name, value)])).unwrap_err();
            assert_eq!(error.setting(), format!("CACHES.OPTIONS.{name}"));
        }
    }
}
