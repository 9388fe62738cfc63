//! Engines whose sessions cannot be looked into from here.

use test_servers::Memcached;

use crate::Place;

const TO_LIST: [&[&str]; 4] = [&["list"], &["stats"], &["stats", "--exact"], &["delete", "--user", "42"]];
const BY_KEY: [&[&str]; 2] = [&["show", "abcdefgh01234567"], &["delete", "abcdefgh01234567"]];

/// The command says why not, and what else.
fn refuses(place: &Place, commands: &[&[&str]], why: &str, instead: &str) {
    for arguments in commands {
        let run = place.cloakroom(arguments);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{arguments:?}");
        let told =
            run.err.contains(why) && run.err.contains(instead) && run.err.starts_with("cloakroom: SESSION_ENGINE");
        assert!(told && run.err.lines().count() == 1, "{arguments:?}: {}", run.err);
    }
}

#[test]
fn cookies_and_the_memory_of_another_process_are_out_of_reach() {
    let cookies = Place::new("signed_cookies", &[("SESSION_ENGINE", "signed_cookies")]);
    refuses(&cookies, &TO_LIST, "in the visitors' cookies", "decode --cookie");
    refuses(&cookies, &BY_KEY, "in the visitors' cookies", "decode --cookie");
    let memory = Place::new("memory", &[("SESSION_ENGINE", "memory")]);
    refuses(&memory, &TO_LIST, "inside the site's own process", "ending_of_user");
    refuses(&memory, &BY_KEY, "inside the site's own process", "inspect");
    let cache = Place::new("cache in memory", &[("SESSION_ENGINE", "cache"), ("CACHE_URL", "locmemcache://")]);
    refuses(&cache, &TO_LIST, "inside the site's own process", "");
    refuses(&cache, &BY_KEY, "inside the site's own process", "");
    let unknown = cache.with("SESSION_ENGINE", "databse").cloakroom(&["list"]);
    assert!(unknown.code == 1 && unknown.err.contains("SESSION_ENGINE"), "{}", unknown.err);
}

#[test]
fn caches_that_do_not_list_what_they_hold_are_named() {
    let files = Place::new("cache in files", &[("SESSION_ENGINE", "cache"), ("CACHE_URL", "filecache://HERE/cache")]);
    refuses(&files, &TO_LIST, "by a hash of the key", "cached_db");
    if let Some(server) = Memcached::start() {
        let url = format!("pymemcache://{}", server.location());
        let place = Place::new("cache on memcached", &[("SESSION_ENGINE", "cache"), ("CACHE_URL", &url)]);
        refuses(&place, &TO_LIST, "memcached does not list what it holds", "cached_db");
        // By its key a session is found there all the same.
        let key = place.sessions(1, Some("42"), 60).remove(0);
        assert_eq!(place.cloakroom(&["show", key.as_str()]).code, 0);
        assert_eq!(place.cloakroom(&["delete", key.as_str()]).out, "ended 1 session\n");
    }
}
