//! `settings` and `derive-key`.

mod support;

use std::fs;

use cloakroom::DerivedKey;
use cloakroom::wire::stored::{SESSION_SALT, SIGNED_COOKIES_SALT};
use cloakroom::wire::{LoginHashKey, SecretKey};
use serde_json::{Value, json};
use support::run;

const SECRET: &str = "hunter2-$#'\"()";

fn key(secret: &str, salt: &str) -> String {
    DerivedKey::derive(&SecretKey::new(secret).expect("a secret"), salt).to_text()
}

#[test]
fn each_value_is_shown_with_its_source_and_no_secret_is() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(
        folder.path().join("cloakroom.toml"),
        "SESSION_COOKIE_AGE = 1\nSESSION_COOKIE_NAME = \"from_toml\"\n\nUSE_TZ = false\n\
         [CACHES.default]\nBACKEND = \"django.core.cache.backends.redis.RedisCache\"\nLOCATION = \"redis://:hunter2@h\"\n",
    )
    .expect("written");
    fs::write(folder.path().join(".env"), format!("SECRET_KEY={SECRET}\nSESSION_COOKIE_AGE=2\nUSE_TZ=True\n"))
        .expect("written");
    let variables = [("USE_TZ", "False"), ("DATABASE_URL", "psql://u:hunter2@h/d")];
    let table = run(folder.path(), &variables, &["settings", "--engine", "memory"]);
    assert_eq!((table.code, table.err.as_str()), (0, ""));
    assert!(!table.out.contains("hunter2"), "{}", table.out);
    for (name, value, source) in [
        ("SESSION_ENGINE", "memory", "option --engine"),
        ("SESSION_COOKIE_NAME", "from_toml", "cloakroom.toml, line 2"),
        ("SESSION_COOKIE_AGE", "2", ".env, line 2"),
        ("SESSION_COOKIE_PATH", "/", "default"),
        ("SECRET_KEY", "(set, not shown)", ".env, line 1"),
        ("USE_TZ", "False", "environment variable USE_TZ"),
        ("DATABASES.default", "postgresql://u:…@h/d", "environment variable DATABASE_URL"),
        ("CACHES.default", "django.core.cache.backends.redis.RedisCache at redis://:…@h", "cloakroom.toml, line 5"),
    ] {
        let line = table.out.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap_or_default();
        assert!(line.contains(value) && line.ends_with(source), "{name}: {line}");
    }
    let json: Value = serde_json::from_str(&run(folder.path(), &variables, &["settings", "--json"]).out).expect("JSON");
    assert_eq!(json["SESSION_COOKIE_AGE"]["value"], 2);
    assert_eq!(json["USE_TZ"], json!({"value": false, "source": {"kind": "environment", "variable": "USE_TZ"}}));
    assert_eq!(json["SECRET_KEY"]["value"], json!({"secrets": 1}));
    assert_eq!(json["SESSION_COOKIE_NAME"]["source"]["line"], 2);
}

#[test]
fn a_value_that_cannot_be_used_is_named_with_its_source() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(".env"), "# the site's\nSESSION_COOKIE_SECURE=ture\n").expect("written");
    let refused = run(folder.path(), &[], &["settings"]);
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    assert!(refused.err.contains("SESSION_COOKIE_SECURE") && refused.err.contains(".env, line 2"), "{}", refused.err);

    fs::write(folder.path().join(".env"), "SESSION_COOKIE_SAMESITE=None\n").expect("written");
    let refused = run(folder.path(), &[], &["settings"]);
    assert_eq!(refused.code, 1);
    assert!(refused.out.contains("SESSION_COOKIE_SAMESITE") && refused.err.contains(".env, line 1"), "{}", refused.err);

    let other = [("CLOAKROOM_CONFIG", "no/such.toml")];
    let refused = run(folder.path(), &other, &["settings"]);
    assert!(refused.code == 1 && refused.err.contains("no/such.toml"), "{}", refused.err);
}

#[test]
fn the_key_is_derived_for_each_salt() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(".env"), format!("SECRET_KEY={SECRET}\nSECRET_KEY_FALLBACKS=old,older\n"))
        .expect("written");
    let derived = |arguments: &[&str]| {
        let run = run(folder.path(), &[], arguments);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{arguments:?}");
        run.out
    };
    let stored = key(SECRET, SESSION_SALT);
    assert_eq!(derived(&["derive-key"]), format!("{stored}\n"));
    assert_eq!(derived(&["derive-key", "--salt", "stored"]), format!("{stored}\n"));
    let cookies = derived(&["derive-key", "--salt", "signed_cookies"]);
    assert_eq!(cookies.trim_end(), key(SECRET, SIGNED_COOKIES_SALT));
    assert_eq!(derived(&["derive-key", "--salt", "a salt"]).trim_end(), key(SECRET, "a salt"));
    let (old, older) = (key("old", SESSION_SALT), key("older", SESSION_SALT));
    assert_eq!(
        derived(&["derive-key", "--fallbacks"]),
        format!("SESSION_SIGNING_KEY={stored}\nSESSION_SIGNING_KEY_FALLBACKS={old},{older}\n")
    );
    let json: Value = serde_json::from_str(&derived(&["derive-key", "--fallbacks", "--json"])).expect("JSON");
    assert_eq!(json, json!({"key": stored, "fallbacks": [old, older]}));
}

#[test]
fn the_key_of_the_login_hash_is_derived_and_serves_in_place_of_the_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let secrets = [("SECRET_KEY", SECRET), ("SECRET_KEY_FALLBACKS", "before")];
    let derived = run(folder.path(), &secrets, &["derive-key", "--login", "--fallbacks"]);
    let key = |secret: &str| LoginHashKey::derive(&SecretKey::new(secret).expect("a secret")).to_text();
    let (first, before) = (key(SECRET), key("before"));
    let lines = format!("SESSION_AUTH_HASH_KEY={first}\nSESSION_AUTH_HASH_KEY_FALLBACKS={before}\n");
    assert_eq!((derived.code, derived.out), (0, lines));
    assert_eq!(run(folder.path(), &secrets, &["derive-key", "--login"]).out, format!("{first}\n"));
    // It is no key of sessions, and nobody sees it.
    let refused = run(folder.path(), &[("SESSION_SIGNING_KEY", &first)], &["settings"]);
    assert!(refused.code == 1 && refused.err.contains("login hash") && !refused.err.contains(&first[12..]));
    let shown = run(folder.path(), &[("SESSION_AUTH_HASH_KEY", &first)], &["settings"]);
    assert!(shown.code == 0 && shown.out.contains("SESSION_AUTH_HASH_KEY") && !shown.out.contains(&first[12..]));
    assert_eq!(run(folder.path(), &secrets, &["derive-key", "--login", "--salt", "stored"]).code, 2);
}

#[test]
fn a_derived_key_decodes_and_derives_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(".env"), format!("SESSION_SIGNING_KEY={}\n", key(SECRET, SESSION_SALT)))
        .expect("written");
    let settings = cloakroom::Settings::new().secret_key(SECRET);
    let store = cloakroom::SessionStore::db(cloakroom::storage::MemoryStorage::new(), settings).expect("a store");
    let data = cloakroom::SessionData::from_json(r#"{"a":1}"#).expect("data");
    let stored = store.encode(&data).expect("stored");
    let decoded = run(folder.path(), &[], &["decode", &stored]);
    assert_eq!(decoded.code, 0, "{}", decoded.err);
    assert!(
        decoded.err.contains("verified by SESSION_SIGNING_KEY") && decoded.out.contains("\"a\""),
        "{}",
        decoded.err
    );
    let refused = run(folder.path(), &[], &["derive-key"]);
    assert!(refused.code == 1 && refused.err.contains("SECRET_KEY"), "{}", refused.err);
}

#[test]
fn read_only_keeps_the_command_from_writing() {
    let folder = tempfile::tempdir().expect("a folder");
    let variables = [("DATABASE_URL", "sqlite:///db.sqlite3"), ("SESSION_READ_ONLY", "True")];
    for command in ["migrate", "clearsessions"] {
        let refused = run(folder.path(), &variables, &[command]);
        assert!(refused.code == 1 && refused.err.contains("SESSION_READ_ONLY"), "{}", refused.err);
    }
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
}
