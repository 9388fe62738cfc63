//! One `.env`, unchanged, starts the Django site and the demo; and a demo that has only the derived key shares
//! sessions with a Django that has the secret.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;
use std::path::Path;

use cloakroom::DerivedKey;
use cloakroom::wire::SecretKey;
use cloakroom::wire::stored::SESSION_SALT;
use support::django::{Django, manage};
use support::{Browser, Demo, refused};
use tempfile::TempDir;

/// Each as a line of `.env`, and the secret that django-environ makes of it. The characters are those of Django's
/// own generator and the ones that other readers of such files trip over.
const SECRETS: [(&str, &str); 6] = [
    ("ab$cdef#gh(1)-0@%^&*(-_=+)!z$HOME#no comment", "ab$cdef#gh(1)-0@%^&*(-_=+)!z$HOME#no comment"),
    ("'django-insecure-$w#=(k)&^%!@*_+$(x)${HOME}'", "django-insecure-$w#=(k)&^%!@*_+$(x)${HOME}"),
    (r#""quoted \"twice\" #$PATH 'and' \\ backslash""#, r#"quoted "twice" #$PATH 'and' \ backslash"#),
    ("it's \"half\" quoted # $ = x", "it's \"half\" quoted # $ = x"),
    ("'gr\u{fc}n \u{1f512} $\u{e9}#'", "gr\u{fc}n \u{1f512} $\u{e9}#"),
    ("#begins-with-a-hash$ ends with a blank ", "#begins-with-a-hash$ ends with a blank "),
];

fn folder_with(env: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".env"), env).unwrap();
    folder
}

fn env(secret: &str) -> String {
    format!(
        "# one file for both\r\nSECRET_KEY={secret}\r\nDATABASE_URL=sqlite:///shared%20site.sqlite3?timeout=20\n\n\
         export SESSION_COOKIE_NAME='shared_sessionid'\nSESSION_COOKIE_AGE=\"3600\"\nSESSION_COOKIE_SECURE=off\n\
         SESSION_SAVE_EVERY_REQUEST=yes\nUSE_TZ=False\nTIME_ZONE=Asia/Kolkata\nEMAIL_URL=smtp://elsewhere\n"
    )
}

/// A session begun at one address is read and changed at the other.
fn share(first: &str, second: &str) {
    let mut browser = Browser { address: first.to_owned(), cookies: Vec::new() };
    assert_eq!(browser.send("PUT", "/api/session/name", &[], "\"Ada\"").status, 200);
    assert_eq!(browser.cookies[0].0, "shared_sessionid");
    browser.address = second.to_owned();
    let there = browser.get("/api/session").json();
    assert_eq!(there["data"]["name"], "Ada", "{there}");
    assert_eq!(browser.send("PUT", "/api/session/name", &[], "\"Bob\"").status, 200);
    browser.address = first.to_owned();
    assert_eq!(browser.get("/api/session").json()["data"]["name"], "Bob");
}

fn derived(secret: &str) -> String {
    DerivedKey::derive(&SecretKey::new(secret).unwrap(), SESSION_SALT).to_text()
}

#[test]
fn one_file_starts_both_sites_and_they_share_their_sessions() {
    for (line, _) in SECRETS {
        let folder = folder_with(&env(line));
        let Some(_) = manage(folder.path(), &[], &["migrate", "--verbosity", "0"]) else { return };
        let django = Django::start(folder.path(), &[]).unwrap();
        let demo = Demo::start_in(folder, &[]);
        assert!(demo.folder.path().join("shared site.sqlite3").exists());
        assert!(demo.said.contains("from SECRET_KEY"), "{}", demo.said);
        share(&django.address, &demo.address);
        share(&demo.address, &django.address);
    }
}

#[test]
fn what_a_line_means_is_told_apart_from_what_stands_in_it() {
    for (line, secret) in SECRETS {
        let folder = folder_with(&format!("SECRET_KEY={line}"));
        let settings = cloakroom::Settings::new().with_dotenv_file(folder.path().join(".env")).unwrap();
        assert_eq!(settings.secret_keys().unwrap().0.as_bytes(), secret.as_bytes());
    }
}

fn write_env(folder: &Path, name: &str, secret: &str) {
    fs::write(folder.join(".env"), env("x").replace("SECRET_KEY=x", &format!("{name}={secret}"))).unwrap();
}

#[test]
fn a_service_with_only_the_derived_key_shares_sessions_with_django() {
    for (line, secret) in SECRETS {
        let folder = folder_with(&env(line));
        let Some(_) = manage(folder.path(), &[], &["migrate", "--verbosity", "0"]) else { return };
        let django = Django::start(folder.path(), &[]).unwrap();
        write_env(folder.path(), "SESSION_SIGNING_KEY", &derived(secret));
        let demo = Demo::start_in(folder, &[]);
        assert!(demo.said.contains("from SESSION_SIGNING_KEY"), "{}", demo.said);
        share(&django.address, &demo.address);
        share(&demo.address, &django.address);
    }
}

#[test]
fn a_derived_key_of_the_last_secret_is_a_fallback() {
    const OLD: &str = "the secret until yesterday $#";
    let folder = folder_with(&env("the new secret $#"));
    let both = [("SECRET_KEY_FALLBACKS", OLD)];
    let Some(_) = manage(folder.path(), &both, &["migrate", "--verbosity", "0"]) else { return };
    let old = Django::start(folder.path(), &[("SECRET_KEY", OLD)]).unwrap();
    let mut browser = old.browser();
    browser.send("PUT", "/api/session/name", &[], "\"Ada\"");
    drop(old);

    let django = Django::start(folder.path(), &both).unwrap();
    write_env(folder.path(), "SESSION_SIGNING_KEY", &derived("the new secret $#"));
    let fallback = derived(OLD);
    let demo = Demo::start_in(folder, &[("SESSION_SIGNING_KEY_FALLBACKS", &fallback)]);
    browser.address.clone_from(&demo.address);
    assert_eq!(browser.get("/api/session").json()["data"]["name"], "Ada");
    browser.send("PUT", "/api/session/name", &[], "\"Bob\"");
    browser.address.clone_from(&django.address);
    assert_eq!(browser.get("/api/session").json()["data"]["name"], "Bob");
}

#[test]
fn a_secret_of_bytes_is_shared_as_base64() {
    let folder = folder_with(&env("x").replace("SECRET_KEY=x", "SECRET_KEY_B64=/wB/gP79/CMkJyIK"));
    let Some(_) = manage(folder.path(), &[], &["migrate", "--verbosity", "0"]) else { return };
    let django = Django::start(folder.path(), &[]).unwrap();
    let demo = Demo::start_in(folder, &[]);
    share(&django.address, &demo.address);
    share(&demo.address, &django.address);
}

#[test]
fn a_demo_that_only_reads_shows_djangos_sessions_and_changes_none() {
    let folder = folder_with(&env("x"));
    let Some(_) = manage(folder.path(), &[], &["migrate", "--verbosity", "0"]) else { return };
    let django = Django::start(folder.path(), &[]).unwrap();
    let demo = Demo::start_in(folder, &[("SESSION_READ_ONLY", "True")]);
    let mut browser = django.browser();
    browser.send("PUT", "/api/session/name", &[], "\"Ada\"");
    browser.address.clone_from(&demo.address);
    assert_eq!(browser.get("/api/session").json()["data"]["name"], "Ada");
    assert_eq!(browser.send("PUT", "/api/session/name", &[], "\"Bob\"").status, 500);
    assert_eq!(browser.send("POST", "/api/session/flush", &[], "").status, 500);
    browser.address.clone_from(&django.address);
    assert_eq!(browser.get("/api/session").json()["data"]["name"], "Ada");
}

#[test]
fn a_file_that_cannot_be_used_is_refused_with_its_line() {
    let cookies = DerivedKey::derive(&SecretKey::new("hunter2").unwrap(), cloakroom::wire::stored::SIGNED_COOKIES_SALT);
    for (file, named, line) in [
        ("SECRET_KEY=a\nSESSION_COOKIE_SECURE=ture\n".to_owned(), "SESSION_COOKIE_SECURE", ".env, line 2"),
        (format!("{}SESSION_SIGNING_KEY=session:hunter2\n", env("a")), "SESSION_SIGNING_KEY", ".env, line 12"),
        (format!("{}SESSION_SIGNING_KEY={}\n", env("a"), derived("a")), "SESSION_SIGNING_KEY", ".env, line 2"),
        (
            env("a").replace("SECRET_KEY=a", &format!("SESSION_SIGNING_KEY={}", cookies.to_text())),
            "signed_cookies",
            ".env, line 2",
        ),
        (env("a") + "SESSION_ENGINE=cached_db\nCACHE_URL=dummycache://\n", "DummyCache", ".env, line 13"),
    ] {
        let folder = folder_with(&file);
        let (output, message) = refused(folder.path(), &[]);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(
            message.contains(named) && message.contains(line) && message.lines().count() == 1,
            "{named}: {message}"
        );
        assert!(!message.contains("hunter2"), "{message}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{message}");
    }
}
