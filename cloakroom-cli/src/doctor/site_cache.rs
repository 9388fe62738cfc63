//! What a Django site says about the cache of its sessions.

use cloakroom::environ::OptionValue;
use cloakroom::{Cache, CacheKind};
use serde::Deserialize;
use serde_json::Value;

use super::site::{Database, decoded};

/// One of the site's `CACHES`. May hold passwords, so it has no `Debug`.
#[derive(Deserialize)]
pub(super) struct SiteCache {
    pub(super) alias: String,
    backend: String,
    locations: Vec<String>,
    key_prefix: String,
    version: String,
    own_key_function: bool,
    /// A name, its value, and whether it is one that can be written down.
    options: Vec<(String, Value, bool)>,
    /// Where the table of a database cache is.
    pub(super) database: Option<Database>,
    /// Why the site itself cannot reach it.
    problem: Option<String>,
}

impl SiteCache {
    /// What stands in the way, the gravest first.
    pub(super) fn obstacles(&self, add: &mut impl FnMut(&'static str, String, &'static str)) {
        let Self { alias, backend, .. } = self;
        let remedy = match self.to_cache().kind() {
            CacheKind::Dummy => Some("keeps nothing: no session outlives its request"),
            CacheKind::LocMem => Some("is the memory of one process: no other program can share it"),
            CacheKind::Other => Some("is a backend that cloakroom cannot read"),
            _ => None,
        };
        if let Some(why) = remedy {
            let message = format!("CACHES[{alias:?}] ({backend}) {why}");
            add("CACHES", message, "keep the sessions in Redis, memcached or a database");
        }
        if self.own_key_function {
            let message = format!("CACHES[{alias:?}] has a KEY_FUNCTION of its own");
            add("KEY_FUNCTION", message, "leave KEY_FUNCTION out of CACHES");
        }
        if let Some((name, ..)) = self.options.iter().find(|(_, _, plain)| !plain) {
            let message = format!("CACHES[{alias:?}] has the option {name:?}, whose value only Python has");
            add("CACHES", message, "set the cache in cloakroom.toml by hand");
        }
        if let Some(problem) = &self.problem {
            let message = format!("the site cannot reach CACHES[{alias:?}]: {problem}");
            add("CACHES", message, "start the cache, or mend the site's settings");
        }
    }

    /// The same for cloakroom.
    pub(super) fn to_cache(&self) -> Cache {
        let mut cache = Cache::new(&self.backend);
        for location in &self.locations {
            cache = cache.location(String::from_utf8_lossy(&decoded(location)));
        }
        if !self.key_prefix.is_empty() {
            cache = cache.with_setting("KEY_PREFIX", self.key_prefix.as_str());
        }
        if self.version != "1" {
            cache = cache.with_setting("VERSION", self.version.as_str());
        }
        for (name, value, _) in &self.options {
            cache = cache.with_option(name, option(value));
        }
        cache
    }
}

fn option(value: &Value) -> OptionValue {
    match value {
        Value::Null => OptionValue::None,
        Value::Bool(truth) => (*truth).into(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => OptionValue::Float(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => text.as_str().into(),
        // The site tells no other kind.
        other => other.to_string().into(),
    }
}
