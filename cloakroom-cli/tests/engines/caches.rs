//! `cache` and `cached_db`.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_servers::{Memcached, PostgreSql, Redis};

use crate::support::site::{SECRET, Site};
use crate::support::{Run, run};
use crate::{proven, shows_no_password};

const DJANGO_REDIS: &str = "django_redis.cache.RedisCache";

/// A port at which nobody listens.
const NOBODY: u16 = 1;

#[test]
fn the_doctor_proves_caches_on_redis() {
    let Some(server) = Redis::shared() else { return };
    let url = |database| server.url(server.port(), database);
    let numbers = [server.new_database(), server.new_database()];
    let [here, elsewhere] = numbers.map(url);
    let cache = [("SESSION_ENGINE", "cache"), ("CACHE_URL", &*here)];
    proven(&cache, &[("CACHE_URL", &elsewhere), ("SESSION_COOKIE_NAME", "other")], "cache");
    let prefixed = format!("{here}?key_prefix=shop");
    let other = format!("{here}?key_prefix=other");
    proven(
        &[("SESSION_ENGINE", "cache"), ("CACHE_URL", &prefixed), ("REDIS_BACKEND", DJANGO_REDIS)],
        &[("CACHE_URL", &other)],
        "cache",
    );
    for database in numbers {
        assert_eq!(server.command(database, &["DBSIZE"]), "0", "sessions were left behind");
    }
}

#[test]
fn the_doctor_proves_caches_on_memcached() {
    let Some(server) = Memcached::start() else { return };
    let url = |prefix: &str| format!("pymemcache://{}?key_prefix={prefix}", server.location());
    let (here, elsewhere) = (url("shop"), url("other"));
    proven(&[("SESSION_ENGINE", "cache"), ("CACHE_URL", &here)], &[("CACHE_URL", &elsewhere)], "cache");
    // A place that is there, and another one all the same.
    let Some(another) = Memcached::start() else { return };
    let moved = here.replace(&server.location(), &another.location());
    proven(&[("SESSION_ENGINE", "cache"), ("CACHE_URL", &here)], &[("CACHE_URL", &moved)], "cache");
}

#[test]
fn the_doctor_proves_caches_in_front_of_databases() {
    if let (Some(database), Some(cache)) = (PostgreSql::shared(), Redis::shared()) {
        let (database, number) = (database.new_database().url, cache.new_database());
        let (here, elsewhere) = (cache.url(cache.port(), number), cache.url(cache.port(), cache.new_database()));
        proven(
            &[("SESSION_ENGINE", "cached_db"), ("DATABASE_URL", &database), ("CACHE_URL", &here)],
            &[("CACHE_URL", &elsewhere), ("SECRET_KEY", "another"), ("SESSION_ENGINE", "db")],
            "cached_db",
        );
    }
    if let Some(server) = Memcached::start() {
        let url = |prefix: &str| format!("pymemcache://{}?key_prefix={prefix}", server.location());
        proven(
            &[("SESSION_ENGINE", "cached_db"), ("CACHE_URL", &url("shop"))],
            &[("CACHE_URL", &url("other")), ("SECRET_KEY", "another")],
            "cached_db",
        );
    }
}

#[test]
fn the_doctor_proves_a_cache_of_files() {
    let (folder, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let url = |folder: &Path| format!("filecache://{}", folder.display());
    proven(
        &[("SESSION_ENGINE", "cache"), ("CACHE_URL", &url(folder.path()))],
        &[("CACHE_URL", &url(other.path()))],
        "cache",
    );
}

/// A site whose CACHES no URL can say: the settings of the interop project, and more below them.
fn site_with(settings: &[(&str, &str)], more: &str) -> Option<Site> {
    let site = Site::new(settings)?;
    fs::write(site.path().join("more.py"), format!("from interop.settings import *\n{more}")).expect("more.py");
    let script = site.path().join("manage.py");
    let text = fs::read_to_string(&script).expect("manage.py");
    fs::write(&script, text.replace("'interop.settings'", "'more'")).expect("manage.py");
    Some(site)
}

#[test]
fn the_doctor_writes_a_cache_that_no_url_can_say() {
    let Some(server) = Redis::shared() else { return };
    let (url, database) = (server.url(server.port(), 0), server.new_database());
    let caches = format!(
        "CACHES = {{'fast': {{'BACKEND': 'django.core.cache.backends.redis.RedisCache', 'LOCATION': [{:?}],\n\
         'KEY_PREFIX': 'the \"shop\"', 'VERSION': 3, 'TIMEOUT': None, 'OPTIONS': {{'db': {database}}}}}}}\n",
        url.trim_end_matches("/0"),
    );
    let cache = [("SESSION_ENGINE", "cache"), ("SESSION_CACHE_ALIAS", "fast")];
    let Some(site) = site_with(&cache, &caches) else { return };
    let proof = site.doctor(&[], &[]);
    assert_eq!((proof.code, proof.out.matches("ok       proof: ").count()), (0, 2), "{}", proof.out);
    let text = fs::read_to_string(site.path().join("cloakroom.toml")).expect("the file");
    for line in [
        "SESSION_CACHE_ALIAS = \"fast\"",
        "[CACHES.\"fast\"]",
        "\"KEY_PREFIX\" = \"the \\\"shop\\\"\"",
        "\"VERSION\" = \"3\"",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    // The same settings by another writing agree; another version does not.
    let own = |version: u8| {
        format!(
            "SESSION_ENGINE = \"cache\"\nTIME_ZONE = \"UTC\"\n[CACHES.default]\n\
             BACKEND = \"django.core.cache.backends.redis.RedisCache\"\n\
             LOCATION = \"{}/{database}\"\nKEY_PREFIX = 'the \"shop\"'\nVERSION = {version}\n",
            url.trim_end_matches("/0"),
        )
    };
    for (version, code) in [(3, 0), (4, 1)] {
        fs::write(site.path().join("own.toml"), own(version)).expect("own.toml");
        let run = site.doctor(&[("CLOAKROOM_CONFIG", "own.toml")], &["--output", "own.toml"]);
        assert_eq!(run.code, code, "{}", run.out);
        assert_eq!(run.out.contains("CACHES.VERSION: the first that differs"), code == 1, "{}", run.out);
        assert_eq!(run.out.contains("not found: the two look into different caches"), code == 1, "{}", run.out);
        shows_no_password(&run.out);
    }
    assert_eq!(server.command(database, &["DBSIZE"]), "0");

    let function = caches.replace("'VERSION': 3", "'KEY_FUNCTION': lambda key, prefix, version: key");
    let Some(site) = site_with(&cache, &function) else { return };
    let refused = site.doctor(&[], &[]);
    assert!(refused.code == 1 && refused.out.contains("KEY_FUNCTION of its own"), "{}", refused.out);
}

#[test]
fn the_doctor_says_when_the_site_cannot_reach_its_cache() {
    let url = format!("redis://:hunter2@127.0.0.1:{NOBODY}/0");
    let Some(site) = Site::new(&[("SESSION_ENGINE", "cache"), ("CACHE_URL", &url)]) else { return };
    let run = site.doctor(&[], &[]);
    assert!(run.code == 1 && run.out.contains("the site cannot reach CACHES[\"default\"]"), "{}", run.out);
    assert!(!run.out.contains("hunter2"), "{}", run.out);
}

fn in_a_folder(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    let run = run(folder, variables, arguments);
    shows_no_password(&run.out);
    shows_no_password(&run.err);
    run
}

#[test]
fn check_asks_a_cache_and_clearsessions_leaves_it_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut places = Vec::new();
    if let Some(server) = Redis::shared() {
        places.push((server.url(server.port(), server.new_database()), server.url(NOBODY, 0)));
    }
    let memcached = Memcached::start();
    if let Some(server) = &memcached {
        let url = |place: String| format!("pymemcache://{place}");
        places.push((url(server.location()), url(format!("127.0.0.1:{NOBODY}"))));
    }
    for (url, nobody) in &places {
        let variables = [("SESSION_ENGINE", "cache"), ("CACHE_URL", url.as_str())];
        let cloakroom = |arguments: &[&str]| in_a_folder(folder.path(), &variables, arguments);
        let check = cloakroom(&["check"]);
        assert!(check.code == 0 && check.out.contains("answers") && check.out.contains("not needed"), "{}", check.out);
        assert_eq!(cloakroom(&["clearsessions"]).out, "nothing to do: a cache ends its entries itself\n");
        let cleared: Value = serde_json::from_str(&cloakroom(&["clearsessions", "--json"]).out).expect("JSON");
        assert_eq!([&cleared["removed"], &cleared["expired"]], [&Value::from(0), &Value::Null]);
        let migrate = cloakroom(&["migrate"]);
        assert!(migrate.code == 1 && migrate.err.contains("need no session table"), "{}", migrate.err);
        let settings = cloakroom(&["settings"]);
        assert!(settings.code == 0 && settings.out.contains("CACHES.default"), "{}", settings.out);

        let started = Instant::now();
        let variables = [("SESSION_ENGINE", "cache"), ("CACHE_URL", nobody.as_str())];
        let down = in_a_folder(folder.path(), &variables, &["check"]);
        assert!(down.code == 1 && down.out.contains("error    cache: "), "{}", down.out);
        assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    }
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[test]
fn caches_that_no_session_belongs_in_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |url: &str, arguments: &[&str]| {
        let variables = [("SESSION_ENGINE", "cache"), ("CACHE_URL", url)];
        in_a_folder(folder.path(), &variables, &[&["check"], arguments].concat())
    };
    let dummy = check("dummycache://", &[]);
    assert!(dummy.code == 1 && dummy.out.contains("DummyCache"), "{}", dummy.out);
    let variables = [("CACHE_URL", "locmemcache://")];
    let option = run(folder.path(), &variables, &["check", "--engine", "cache", "--cache-url", "dummycache://"]);
    assert!(option.code == 1 && option.out.contains("option --cache-url"), "{}", option.out);
    let memory = check("locmemcache://", &["--fail-level", "warning"]);
    assert!(memory.code == 1 && memory.out.contains("each process for itself"), "{}", memory.out);
}

#[test]
fn check_deploy_warns_of_caches_that_throw_sessions_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |engine: &str, url: &str| {
        let variables = [("SESSION_ENGINE", engine), ("CACHE_URL", url), ("SECRET_KEY", SECRET)];
        in_a_folder(folder.path(), &variables, &["check", "--deploy"]).out
    };
    let eviction = |out: &str| out.lines().find(|line| line.contains(" eviction: ")).unwrap_or_default().to_owned();
    for (settings, expected) in [
        (&["maxmemory 50mb", "maxmemory-policy allkeys-lru"][..], "warning  eviction: "),
        (&["maxmemory 50mb", "maxmemory-policy volatile-ttl"][..], "warning  eviction: "),
        (&["maxmemory 50mb", "maxmemory-policy noeviction"][..], "ok       eviction: "),
        (&["maxmemory-policy allkeys-lru"][..], "ok       eviction: "),
    ] {
        let Some(server) = Redis::start_with(settings) else { return };
        let out = check("cache", &server.url(server.port(), 0));
        assert!(eviction(&out).starts_with(expected), "{settings:?}: {out}");
    }
    let Some(server) = Memcached::start() else { return };
    let url = format!("pymemcache://{}", server.location());
    assert!(eviction(&check("cache", &url)).starts_with("warning  eviction: "));
    // What the cache forgets, the database still has.
    assert!(eviction(&check("cached_db", &url)).is_empty());
}

#[test]
fn clearsessions_clears_the_rows_behind_a_cache() {
    let Some(server) = Memcached::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let cache = format!("pymemcache://{}", server.location());
    let variables = [
        ("SESSION_ENGINE", "cached_db"),
        ("DATABASE_URL", "sqlite:///site.sqlite3"),
        ("CACHE_URL", cache.as_str()),
        ("SECRET_KEY", SECRET),
    ];
    let cloakroom = |arguments: &[&str]| in_a_folder(folder.path(), &variables, arguments);
    assert_eq!(cloakroom(&["migrate"]).code, 0);
    let database = rusqlite::Connection::open(folder.path().join("site.sqlite3")).expect("a database");
    database
        .execute_batch(
            "INSERT INTO django_session VALUES ('abcdefgh01234567', 'x', '2000-01-01 00:00:00'),
             ('bcdefgh012345678', 'x', '2100-01-01 00:00:00')",
        )
        .expect("rows");
    let cleared: Value = serde_json::from_str(&cloakroom(&["clearsessions", "--json"]).out).expect("JSON");
    assert_eq!([&cleared["removed"], &cleared["unreadable"]], [&json!(1), &json!(0)]);
}
