//! The same entries in memcached, kept by a real Django and by cloakroom: who puts a key where, and what is there.
//! Needs a Python with Django, pymemcache and pylibmc in `CLOAKROOM_PYTHON`, as `./test` makes one.
#![cfg(feature = "memcached")]
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/memcached.rs"]
mod memcached;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use cloakroom::Timestamp;
use cloakroom::storage::memcached::{MemcachedOptions, MemcachedPlacement};
use cloakroom::storage::{CacheKey, Expect, Insert, New, Remove, Storage};
use memcached::start_all;
use serde_json::{Value, json};
use test_servers::Memcached;

const PYMEMCACHE: (&str, &str, MemcachedPlacement) = ("PyMemcacheCache", "pymemcache", MemcachedPlacement::Rendezvous);
const PYLIBMC: (&str, &str, MemcachedPlacement) = ("PyLibMCCache", "pylibmc", MemcachedPlacement::Modulo);

fn python(library: &str) -> Option<OsString> {
    let required = std::env::var_os("CLOAKROOM_REQUIRE_DJANGO").is_some();
    let python = std::env::var_os("CLOAKROOM_PYTHON").filter(|python| {
        let check = Command::new(python).args(["-c", &format!("import django, {library}")]).output();
        check.is_ok_and(|output| output.status.success())
    });
    assert!(python.is_some() || !required, "CLOAKROOM_PYTHON has no {library}, and CLOAKROOM_REQUIRE_DJANGO is set");
    if python.is_none() {
        println!("skipped: CLOAKROOM_PYTHON does not name a Python with Django and {library}");
    }
    python
}

/// A running Django that does as it is told.
struct Site {
    process: Child,
    orders: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Site {
    fn start(python: &OsString, backend: &str, locations: &[String], prefix: &str, version: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/django_memcached/site.py");
        let mut command = Command::new(python);
        command.env("PYTHONDONTWRITEBYTECODE", "1").arg(script).arg(backend);
        command.args([&json!(locations).to_string(), prefix, version]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (orders, answers) = (process.stdin.take(), process.stdout.take().unwrap());
        Self { process, orders, answers: BufReader::new(answers).lines() }
    }

    fn ask(&mut self, order: &Value) -> Value {
        writeln!(self.orders.as_mut().unwrap(), "{order}").unwrap();
        serde_json::from_str(&self.answers.next().unwrap().unwrap()).unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.process.wait();
    }
}

/// Thousands of names, which Django sets and cloakroom finds, and the other way round.
async fn places_keys_as(
    (backend, library, placement): (&str, &str, MemcachedPlacement),
    how: Vec<fn() -> Option<Memcached>>,
) {
    let Some(python) = python(library) else { return };
    let Some(servers) = start_all(how).await else { return };
    let locations: Vec<_> = servers.iter().map(Memcached::location).collect();
    for (prefix, version) in [("", "1"), ("shop", "42"), ("löck☃", "2")] {
        let mut site = Site::start(&python, backend, &locations, prefix, version);
        let options = MemcachedOptions::new(&locations).unwrap().placement(placement);
        let storage = options.key(CacheKey::new(prefix, version)).open();
        let values: BTreeMap<String, Value> = (0..2_000_u64)
            .map(|n| {
                let key = format!("django.contrib.sessions.cache{:032x}", u128::from(n * n + 7).pow(3));
                (key, json!({"n": n, "text": "héllo"}))
            })
            .collect();
        site.ask(&json!(["set", values]));
        let mut counts = vec![0; servers.len()];
        for name in values.keys() {
            let Some(found) = storage.read(name).await.unwrap() else { panic!("{library}: {name} is elsewhere") };
            counts[storage.server_of(name)] += 1;
            // What Django wrote, under another name: Django finds it there and reads it.
            let copy = New::of(&found.data, Timestamp::MAX);
            assert!(matches!(storage.insert(&format!("{name}copy"), copy).await.unwrap(), Insert::Inserted(_)));
            assert_eq!(storage.remove(name, Expect::Version(&found.version)).await.unwrap(), Remove::Removed);
        }
        assert!(counts.iter().all(|&count| count > 300), "{counts:?}");
        let copies: Vec<_> = values.keys().map(|name| format!("{name}copy")).collect();
        let found = site.ask(&json!(["get", copies]));
        let gone = site.ask(&json!(["get", values.keys().collect::<Vec<_>>()]));
        for (name, value) in &values {
            assert_eq!(&found[format!("{name}copy")], value, "{library}");
            assert_eq!(gone[name], Value::Null, "{library}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_where_pymemcache_looks_for_them() {
    places_keys_as(PYMEMCACHE, vec![Memcached::start; 4]).await;
    places_keys_as(PYMEMCACHE, vec![Memcached::start, Memcached::start_on_socket, Memcached::start_on_ipv6]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_where_pylibmc_looks_for_them() {
    places_keys_as(PYLIBMC, vec![Memcached::start; 3]).await;
    places_keys_as(PYLIBMC, vec![Memcached::start_on_socket; 2]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_of_djangos_is_framed_alike() {
    for (backend, library, placement) in [PYMEMCACHE, PYLIBMC] {
        let Some(python) = python(library) else { return };
        let Some(servers) = start_all(vec![Memcached::start; 2]).await else { return };
        let locations: Vec<_> = servers.iter().map(Memcached::location).collect();
        let mut site = Site::start(&python, backend, &locations, "", "1");
        let storage = MemcachedOptions::new(&locations).unwrap().placement(placement).open();
        // A day, and two months: past thirty days the number means a moment.
        for seconds in [86_400_u32, 5_000_000] {
            let key = site.ask(&json!(["session", {"name": "Ada"}, seconds]));
            let name = format!("django.contrib.sessions.cache{}", key.as_str().unwrap());
            let full = format!(":1:{name}");
            let django = servers.iter().find_map(|server| Some((server, server.get(&full)?))).unwrap();
            let (server, item) = django;
            let life = server.ttl(&full).unwrap();
            let stored = storage.read(&name).await.unwrap().unwrap();
            assert_eq!(stored.data, item.data);
            assert_eq!(storage.remove(&name, Expect::Version(&stored.version)).await.unwrap(), Remove::Removed);
            let expires = Timestamp::now().checked_add_seconds(f64::from(seconds)).unwrap();
            let _ = storage.insert(&name, New::of(&stored.data, expires)).await.unwrap();
            let ours = server.get(&full).unwrap();
            assert_eq!((ours.flags, &ours.data), (item.flags, &item.data), "{library}");
            assert!(server.ttl(&full).unwrap().abs_diff(life) <= 3);
            assert_eq!(site.ask(&json!(["load", key]))["name"], "Ada");
        }
    }
}
