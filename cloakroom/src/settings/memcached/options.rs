//! What becomes of the `OPTIONS` of Django's memcached backends.

use std::time::Duration;

use crate::settings::environ::OptionValue;
use crate::settings::refusal::{Refusal, duration, number};
use crate::storage::memcached::MemcachedOptions;

type Read = Result<MemcachedOptions, Refusal>;

/// One of `PyMemcacheCache`: what pymemcache's `HashClient` is given.
pub(super) fn of_pymemcache(options: MemcachedOptions, name: &str, value: &OptionValue) -> Read {
    match (name, value) {
        // For pymemcache no limit; here there is always one.
        ("connect_timeout" | "timeout", OptionValue::None) => Ok(options),
        ("connect_timeout", value) => Ok(options.connect_timeout(limit(number(value)?)?)),
        ("timeout", value) => Ok(options.timeout(limit(number(value)?)?)),
        ("max_pool_size", OptionValue::None) => Ok(options),
        ("max_pool_size", value) => {
            let connections = number(value)?;
            if !(1.0..=10_000.0).contains(&connections) {
                return Err(Refusal::new("is no number of connections", "use a number from 1 to 10000"));
            }
            Ok(options.max_connections(connections as usize))
        }
        ("pool_idle_timeout", value) => {
            let seconds = number(value)?;
            Ok(options.connection_idle(if seconds == 0.0 { None } else { Some(duration(seconds)?) }))
        }
        // How pymemcache keeps its own connections, and what it says to a server; sessions are asked for and answered
        // all the same. Keys may be of any characters here.
        ("no_delay" | "use_pooling" | "default_noreply" | "allow_unicode_keys" | "encoding", _) => Ok(options),
        // When pymemcache takes a server for dead and passes errors over. Here no key moves, and an error is one (D58).
        ("ignore_exc" | "retry_attempts" | "retry_timeout" | "dead_timeout", _) => Ok(options),
        ("serde", OptionValue::Text(serde)) if serde == "pymemcache.serde.pickle_serde" => Ok(options),
        ("serde" | "serializer" | "deserializer", _) => {
            Err(Refusal::new("makes values that only it can read", "leave it out: values are pickles"))
        }
        ("hasher", _) => Err(Refusal::new("places keys in a way of its own", "leave it out")),
        ("key_prefix", _) => Err(Refusal::new("changes the keys behind Django's back", "use KEY_PREFIX")),
        ("tls_context" | "socket_module" | "socket_keepalive" | "lock_generator", _) => {
            Err(Refusal::new("is an object of Python's", "leave it out; connections are not encrypted"))
        }
        _ => Err(unknown(name, "pymemcache")),
    }
}

/// One of `PyLibMCCache`: what pylibmc's `Client` is given.
pub(super) fn of_pylibmc(options: MemcachedOptions, name: &str, value: &OptionValue) -> Read {
    let is_off = matches!(value, OptionValue::Bool(false) | OptionValue::Int(0) | OptionValue::None);
    let Some(behavior) = name.strip_prefix("behaviors.") else {
        return match name {
            // Both protocols keep the same.
            "binary" => Ok(options),
            "username" | "password" => {
                Err(Refusal::new("is for servers that ask for a password, which is not supported", "leave it out"))
            }
            _ => Err(unknown(name, "pylibmc")),
        };
    };
    match behavior {
        // In milliseconds.
        "connect_timeout" => Ok(options.connect_timeout(limit(number(value)? / 1e3)?)),
        "poll_timeout" | "_poll_timeout" => Ok(options.timeout(limit(number(value)? / 1e3)?)),
        "receive_timeout" | "_receive_timeout" => Ok(options.timeout(limit(number(value)? / 1e6)?)),
        // How libmemcached talks to a server.
        "tcp_nodelay" | "tcp_keepalive" | "no_block" | "send_timeout" | "_send_timeout" | "buffer_requests" | "cas"
        | "verify_keys" | "pickle_protocol" | "noreply" | "cache_lookups" | "_noreply" => Ok(options),
        // Where keys are, and whether they move when a server is down.
        "hash" | "distribution" => match value {
            OptionValue::Text(text) if text == "default" || text == "modula" => Ok(options),
            _ => Err(placed()),
        },
        "ketama"
        | "ketama_weighted"
        | "ketama_hash"
        | "ketama_pre1_2"
        | "auto_eject"
        | "remove_failed"
        | "num_replicas"
        | "hash_with_prefix_key" => {
            if is_off {
                Ok(options)
            } else {
                Err(placed())
            }
        }
        // For how long a server that was taken out stays so: without `auto_eject` none is.
        "dead_timeout" | "retry_timeout" | "failure_limit" => Ok(options),
        _ => Err(unknown(name, "pylibmc")),
    }
}

fn placed() -> Refusal {
    Refusal::new("places keys otherwise than by default, or moves them", "leave it out, or name a single server")
}

fn unknown(name: &str, library: &str) -> Refusal {
    let problem = format!("is not known to {library} or not to cloakroom");
    if name.chars().any(char::is_uppercase) {
        let remedy = "django-environ writes the names in a CACHE_URL in capitals: give options in CACHES";
        return Refusal::new(problem, remedy);
    }
    Refusal::new(problem, "leave it out")
}

/// A limit that something can be done within.
fn limit(seconds: f64) -> Result<Duration, Refusal> {
    match duration(seconds)? {
        Duration::ZERO => Err(Refusal::new("leaves no time", "use a number above 0")),
        limit => Ok(limit),
    }
}
