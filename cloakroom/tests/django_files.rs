//! The same session files, written by a real Django and by cloakroom. Needs a Python with Django in
//! `CLOAKROOM_PYTHON`, as `./test` makes one.
#![cfg(feature = "file")]
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cloakroom::{EngineName, SessionError, SessionKey, SessionStore, Settings};

const CHANGES: usize = 1_500;

/// A folder that Django and cloakroom share; `None` where there is no Django.
struct Site {
    python: PathBuf,
    folder: tempfile::TempDir,
    store: SessionStore,
}

fn site() -> Option<Site> {
    let python = std::env::var_os("CLOAKROOM_PYTHON").map(PathBuf::from);
    let required = std::env::var_os("CLOAKROOM_REQUIRE_DJANGO").is_some();
    assert!(python.is_some() || !required, "CLOAKROOM_PYTHON is not set, and CLOAKROOM_REQUIRE_DJANGO is");
    let Some(python) = python else {
        println!("skipped: CLOAKROOM_PYTHON does not name a Python with Django");
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::new().secret_key("a secret").session_engine(EngineName::File);
    let store = SessionStore::open(settings.session_file_path(folder.path())).unwrap();
    Some(Site { python, folder, store })
}

fn run(python: &Path, folder: &Path, arguments: &[&str]) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/django_files/site.py");
    let mut command = Command::new(python);
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(script).arg(folder).args(arguments);
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap().trim().to_owned()
}

impl Site {
    fn django(&self, arguments: &[&str]) -> String {
        run(&self.python, self.folder.path(), arguments)
    }
}

#[tokio::test]
async fn each_reads_what_the_other_wrote() {
    let Some(site) = site() else { return };
    let key: SessionKey = site.django(&["create"]).parse().unwrap();
    let session = site.store.session(Some(&key)).load().await.unwrap();
    assert_eq!(session.get::<String>("text").unwrap().as_deref(), Some("héllo"));
    session.set("made_by", "both").unwrap();
    session.set_expiry(600).unwrap();
    session.asave().await.unwrap();
    let shown: serde_json::Value = serde_json::from_str(&site.django(&["show", key.as_str()])).unwrap();
    assert_eq!(shown, serde_json::json!({"made_by": "both", "text": "héllo", "_session_expiry": 600}));

    session.acycle_key().await.unwrap();
    let next = session.session_key().unwrap();
    assert_eq!(site.django(&["show", key.as_str()]), "{}", "the old key is dead");
    // What is left beside the sessions does not disturb Django.
    std::fs::write(site.folder.path().join(".cloakroom_5f000000_0123456789abcdef"), "half").unwrap();
    site.django(&["clear"]);
    assert!(site.store.exists(&next).await.unwrap());
    session.aflush().await.unwrap();
    assert_eq!(site.django(&["show", next.as_str()]), "{}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_change_of_djangos_is_overwritten() {
    let Some(site) = site() else { return };
    let session = site.store.session(None).load().await.unwrap();
    session.set("ours", &0).unwrap();
    session.asave().await.unwrap();
    let key = session.session_key().unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let saves = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            let (store, key) = (site.store.clone(), key.clone());
            let (over, saves) = (Arc::clone(&over), Arc::clone(&saves));
            tokio::spawn(async move {
                let mut round = 0_u32;
                while !over.load(Ordering::Relaxed) {
                    let session = store.session(Some(&key)).load().await.unwrap();
                    round += 1;
                    session.set(&format!("task{task}"), &round).unwrap();
                    match session.asave().await {
                        Ok(()) => saves.fetch_add(1, Ordering::Relaxed),
                        Err(error) => panic!("{error}: {:?}", matches!(error, SessionError::UpdateError)),
                    };
                }
            })
        })
        .collect();
    // Again and again, until the tasks here came between Django's changes often enough, however busy the machine is.
    let (mut series, mut django) = (0, Ok(String::new()));
    while django.is_ok() && (series == 0 || (series < 20 && saves.load(Ordering::Relaxed) <= 100)) {
        let (python, folder, key_text) = (site.python.clone(), site.folder.path().to_owned(), key.as_str().to_owned());
        let changes = CHANGES.to_string();
        django = tokio::task::spawn_blocking(move || run(&python, &folder, &["write", &key_text, &changes])).await;
        series += 1;
    }
    over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    django.unwrap();
    let session = site.store.session(Some(&key)).load().await.unwrap();
    assert_eq!(session.get::<usize>("django").unwrap(), Some(CHANGES - 1));
    let (changes, saves) = (series * CHANGES, saves.load(Ordering::Relaxed));
    println!("{changes} changes by Django beside {saves} saves here, none overwritten");
    assert!(saves > 100);
}
