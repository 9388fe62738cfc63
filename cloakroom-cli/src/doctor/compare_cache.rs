//! The cache of the site's sessions beside cloakroom's own.

use cloakroom::environ::OptionValue;
use cloakroom::{Cache, CacheKind, Settings};

use super::site_cache::SiteCache;

/// The first thing that is not the same, and how. Passwords are not shown.
pub(super) fn differs(theirs: &SiteCache, own: &Settings) -> Option<(&'static str, String)> {
    let theirs = theirs.to_cache();
    let ours = match own.session_cache() {
        Ok(ours) => ours,
        Err(error) => return Some(("CACHES", format!("the site has {theirs}, and cloakroom: {error}"))),
    };
    let shown = |theirs: &str, ours: &str| format!("the site has {theirs:?}, cloakroom has {ours:?}");
    if theirs.backend() != ours.backend() {
        return Some(("CACHES.BACKEND", shown(theirs.backend(), ours.backend())));
    }
    let (their_places, our_places) = (places(&theirs), places(&ours));
    if their_places != our_places {
        return Some(("CACHES.LOCATION", shown(&their_places.join(", "), &our_places.join(", "))));
    }
    if theirs.key_prefix() != ours.key_prefix() {
        return Some(("CACHES.KEY_PREFIX", shown(&theirs.key_prefix(), &ours.key_prefix())));
    }
    if theirs.version() != ours.version() {
        return Some(("CACHES.VERSION", shown(&theirs.version(), &ours.version())));
    }
    // What they write depends on these; the others are about connections.
    FORMAT.iter().find(|name| plain(&theirs, name) != plain(&ours, name)).map(|name| {
        let told = |cache: &Cache| plain(cache, name).map_or_else(|| "none".to_owned(), ToString::to_string);
        ("CACHES.OPTIONS", format!("{name}: {}", shown(&told(&theirs), &told(&ours))))
    })
}

const FORMAT: [&str; 2] = ["SERIALIZER", "COMPRESSOR"];

fn plain<'c>(cache: &'c Cache, name: &str) -> Option<&'c OptionValue> {
    cache.option(name)
}

/// What names the places, without users and passwords, and with what is understood where it is left out.
fn places(cache: &Cache) -> Vec<String> {
    let on_redis = matches!(cache.kind(), CacheKind::Redis | CacheKind::DjangoRedis);
    let places = cache.locations().iter().flat_map(|location| location.split([';', ',']));
    let mut places: Vec<_> = if on_redis {
        let database = cache.option("db").or_else(|| cache.option("DB")).map(ToString::to_string);
        places.map(|location| on_redis_at(location, database.as_deref())).collect()
    } else if matches!(cache.kind(), CacheKind::PyMemcache | CacheKind::PyLibMc) {
        places.map(on_memcached_at).collect()
    } else {
        cache.locations().to_vec()
    };
    if !on_redis {
        places.sort();
    }
    places
}

fn on_redis_at(location: &str, database: Option<&str>) -> String {
    let Some((scheme, rest)) = location.split_once("://") else { return location.to_owned() };
    let rest = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let in_query = query.split('&').find_map(|pair| pair.strip_prefix("db="));
    if scheme == "unix" {
        return format!("unix://{place}?db={}", in_query.or(database).unwrap_or("0"));
    }
    let (host, path) = place.split_once('/').unwrap_or((place, ""));
    let host = if host.is_empty() { "localhost" } else { host }.to_ascii_lowercase();
    let port = if with_port(&host) { "" } else { ":6379" };
    let path = Some(path).filter(|path| !path.is_empty());
    format!("{scheme}://{host}{port}/{}", in_query.or(path).or(database).unwrap_or("0"))
}

fn on_memcached_at(location: &str) -> String {
    let location = location.trim();
    if location.starts_with("unix:") || location.starts_with('/') {
        return format!("unix:{}", location.trim_start_matches("unix:"));
    }
    format!("{location}{}", if with_port(location) { "" } else { ":11211" })
}

fn with_port(host: &str) -> bool {
    host.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_has_many_names() {
        let cache = |url: &str| places(&Cache::from_url(url).unwrap());
        assert_eq!(cache("redis://:hunter2@HOST"), cache("redis://host:6379/0"));
        assert_eq!(cache("redis://h?db=3"), cache("redis://u:p@h:6379/3"));
        assert_ne!(cache("redis://h/1"), cache("redis://h/2"));
        assert_ne!(cache("redis://h"), cache("rediss://h"));
        assert_eq!(cache("pymemcache://b,a:11211"), cache("pymemcache://a,b:11211"));
        assert!(!format!("{:?}", cache("redis://:hunter2@h")).contains("hunter2"));
    }
}
