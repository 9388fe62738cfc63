//! A cache that Django and cloakroom share. Needs a Python with Django in `CLOAKROOM_PYTHON`, as `./test` makes one.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cloakroom::Timestamp;
use cloakroom::storage::{CacheKey, Expect, Insert, New, Remove, Replace, Storage, Touch};
use serde_json::{Value, json};

pub const PREFIX: &str = "shop";
pub const VERSION: &str = "3";
pub const NAME: &str = "django.contrib.sessions.cache0123456789abcdefghijklmnopqrstuv";

pub fn key() -> CacheKey {
    CacheKey::new(PREFIX, VERSION)
}

/// A Django with a cache and perhaps a database.
#[derive(Clone)]
pub struct Django {
    python: PathBuf,
    settings: String,
}

/// `None` where there is no Django.
pub fn python() -> Option<PathBuf> {
    let python = std::env::var_os("CLOAKROOM_PYTHON").map(PathBuf::from);
    let required = std::env::var_os("CLOAKROOM_REQUIRE_DJANGO").is_some();
    assert!(python.is_some() || !required, "CLOAKROOM_PYTHON is not set, and CLOAKROOM_REQUIRE_DJANGO is");
    if python.is_none() {
        println!("skipped: CLOAKROOM_PYTHON does not name a Python with Django");
    }
    python
}

impl Django {
    pub fn new(python: PathBuf, backend: &str, location: &str, more: &Value) -> Self {
        let own = format!("django.core.cache.backends.{backend}");
        let cache = json!({
            "BACKEND": if backend.starts_with("django_redis.") { backend } else { &own },
            "LOCATION": location,
            "KEY_PREFIX": PREFIX,
            "VERSION": 3,
        });
        let mut settings = json!({ "USE_TZ": true, "CACHES": { "default": cache } });
        for (name, value) in more.as_object().into_iter().flatten() {
            settings[name] = value.clone();
        }
        Self { python, settings: settings.to_string() }
    }

    pub fn run(&self, arguments: &[&str]) -> String {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/django_caches/site.py");
        let mut command = Command::new(&self.python);
        command.env("PYTHONDONTWRITEBYTECODE", "1").arg(script).arg(&self.settings).args(arguments);
        let Output { status, stdout, stderr } = command.output().unwrap();
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap().trim().to_owned()
    }

    fn shown(&self, name: &str) -> Value {
        serde_json::from_str(&self.run(&["show", name])).unwrap()
    }
}

/// The pickle of a short text.
pub fn pickle(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    [b"\x80\x05\x8c", &[length][..], text.as_bytes(), b"\x94."].concat()
}

pub fn unpickle(pickle: &[u8]) -> String {
    let start = if pickle.get(2) == Some(&0x95) { 11 } else { 2 };
    assert_eq!(pickle[start], 0x8c, "no short text: {pickle:?}");
    let length = usize::from(pickle[start + 1]);
    String::from_utf8(pickle[start + 2..start + 2 + length].to_vec()).unwrap()
}

fn later() -> Timestamp {
    Timestamp::now().checked_add_seconds(600.0).unwrap()
}

/// Each reads, replaces, refuses and removes what the other wrote.
pub async fn each_reads_what_the_other_wrote(django: &Django, storage: &impl Storage) {
    django.run(&["put", NAME, "héllo", "600"]);
    let stored = storage.read(NAME).await.unwrap().unwrap();
    assert_eq!(unpickle(&stored.data), "héllo");
    // Redis does not say with a value when it ends.
    let left = stored.expires.map_or(595_000_000, |expires| expires.micros_since(Timestamp::now()));
    assert!((590_000_000..=600_000_000).contains(&left), "{left}");
    assert_eq!(storage.insert(NAME, New::of(&pickle("x"), later())).await.unwrap(), Insert::Exists);
    let new = pickle("ours");
    let answer = storage.replace(NAME, Expect::Version(&stored.version), New::of(&new, later())).await.unwrap();
    let Replace::Replaced(version) = answer else { panic!("{answer:?}") };
    assert_eq!(django.shown(NAME), "ours");
    assert_eq!(django.run(&["add", NAME, "taken"]), "false");
    assert_eq!(storage.touch(NAME, Expect::Version(&version), later()).await.unwrap(), Touch::Touched);
    assert_eq!(django.run(&["touch", NAME, "900"]), "true");
    let stored = storage.read(NAME).await.unwrap().unwrap();
    assert_eq!(unpickle(&stored.data), "ours");
    assert!(stored.expires.is_none_or(|expires| expires.micros_since(Timestamp::now()) > 700_000_000));
    // A change of Django's is seen by the version.
    django.run(&["put", NAME, "changed", "600"]);
    let late = storage.replace(NAME, Expect::Version(&version), New::of(&new, later())).await.unwrap();
    assert_eq!(late, Replace::Changed);
    assert_eq!(storage.remove(NAME, Expect::Version(&version)).await.unwrap(), Remove::Changed);
    assert_eq!(django.shown(NAME), "changed");
    // Removed by the one, it is gone for the other.
    assert_eq!(django.run(&["delete", NAME]), "true");
    assert!(storage.read(NAME).await.unwrap().is_none());
    let inserted = storage.insert(NAME, New::of(&new, later())).await.unwrap();
    assert!(matches!(inserted, Insert::Inserted(_)));
    assert_eq!(django.shown(NAME), "ours");
    assert_eq!(storage.remove(NAME, Expect::Present).await.unwrap(), Remove::Removed);
    assert_eq!(django.shown(NAME), Value::Null);
    // What never expires, and what has expired.
    django.run(&["put", NAME, "for ever", "never"]);
    let stored = storage.read(NAME).await.unwrap().unwrap();
    assert!(stored.expires.is_none_or(|expires| expires.as_seconds() > 253_402_000_000));
    assert!(storage.remove_expired(Timestamp::now(), 100).await.is_ok());
    assert_eq!(django.shown(NAME), "for ever");
    django.run(&["put", NAME, "over", "-5"]);
    assert!(storage.read(NAME).await.unwrap().is_none());
    let inserted = storage.insert(NAME, New::of(&pickle("next"), later())).await.unwrap();
    assert!(matches!(inserted, Insert::Inserted(_)));
    assert_eq!(django.shown(NAME), "next");
    let past = Timestamp::now().checked_add_seconds(-5.0).unwrap();
    let answer = storage.replace(NAME, Expect::Present, New::of(&pickle("past"), past)).await.unwrap();
    assert!(matches!(answer, Replace::Replaced(_)));
    assert_eq!(django.shown(NAME), Value::Null);
    assert!(storage.read(NAME).await.unwrap().is_none());
}

/// Django sets numbers in order, and tasks here write the last number they have read: again and again, until they
/// came between Django's often enough, however busy the machine is.
pub async fn no_change_of_djangos_is_overwritten<S: Storage>(
    django: &Django,
    open: impl AsyncFn() -> S,
    changes: usize,
) {
    begin(&open().await).await;
    let over = Arc::new(AtomicBool::new(false));
    let writes = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for task in 0..4 {
        let (storage, over, writes) = (open().await, Arc::clone(&over), Arc::clone(&writes));
        tasks.push(tokio::spawn(async move {
            let mut round = 0_u32;
            while !over.load(Ordering::Relaxed) {
                round += 1;
                if write(&storage, &format!("task {task} {round}")).await {
                    writes.fetch_add(1, Ordering::Relaxed);
                }
            }
        }));
    }
    let (mut series, mut written) = (0, Ok(String::new()));
    while written.is_ok() && (series == 0 || (series < 20 && writes.load(Ordering::Relaxed) <= 50)) {
        let (django, number) = (django.clone(), changes.to_string());
        written = tokio::task::spawn_blocking(move || django.run(&["write", NAME, &number])).await;
        series += 1;
    }
    over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    written.unwrap();
    let (changes, writes) = (series * changes, writes.load(Ordering::Relaxed));
    println!("{changes} changes by Django beside {writes} writes here, none overwritten");
    assert!(writes > 50, "{writes}");
}

async fn begin<S: Storage>(storage: &S) {
    let inserted = storage.insert(NAME, New::of(&pickle("begin -1"), later())).await.unwrap();
    assert!(matches!(inserted, Insert::Inserted(_)));
}

/// Writes something that names the last of Django's numbers that it knows of; whether it came first.
async fn write<S: Storage>(storage: &S, what: &str) -> bool {
    let stored = storage.read(NAME).await.unwrap().unwrap();
    let known = unpickle(&stored.data).rsplit(' ').next().unwrap().to_owned();
    let next = pickle(&format!("{what} of {known}"));
    let answer = storage.replace(NAME, Expect::Version(&stored.version), New::of(&next, later())).await;
    match answer.unwrap() {
        Replace::Replaced(_) => true,
        Replace::Changed => false,
        Replace::Missing => panic!("the entry is gone"),
    }
}
