//! `doctor` beside a real Django: the project in `interop/`, with settings of its own.

mod support;

use std::fs;

use serde_json::Value;
use support::run;
use support::site::{OTHER_SECRET, SECRET, Site};

#[test]
fn the_settings_are_written_and_proven_both_ways() {
    let Some(site) = Site::new(&[("SESSION_COOKIE_NAME", "sid"), ("SECRET_KEY_FALLBACKS", "older,oldest")]) else {
        return;
    };
    let first = site.doctor(&[], &[]);
    assert_eq!((first.code, first.err.as_str()), (0, ""), "{}", first.out);
    assert_eq!(first.out.matches("ok       proof: ").count(), 2, "{}", first.out);

    let path = site.path().join("cloakroom.toml");
    let text = fs::read_to_string(&path).expect("the file");
    let url = format!("DATABASE_URL = \"{}\"", site.url());
    for line in [
        "SESSION_ENGINE = \"db\"",
        &url,
        "SECRET_KEY = \"xyzzy-\\\"Wq8vT2nLk5\\\\Rj9Hd3Bm7Zc1Xs6Pf4Yg0Ua-plugh-73501-qa\"",
        "SECRET_KEY_FALLBACKS = \"older,oldest\"",
        "SESSION_COOKIE_NAME = \"sid\"",
        "SESSION_COOKIE_AGE = 1209600",
        "SESSION_COOKIE_SAMESITE = \"Lax\"",
        "SESSION_COOKIE_SECURE = false",
        "USE_TZ = true",
        "TIME_ZONE = \"UTC\"",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).expect("the file").permissions().mode() & 0o777, 0o600);
    }

    assert!(site.doctor(&[], &["--no-proof"]).out.contains("holds the site's settings already"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("its mode");
        assert!(site.doctor(&[], &["--no-proof"]).out.contains("chmod 600"));
    }
    fs::write(&path, "# mine\n").expect("written");
    let kept = site.doctor(&[], &["--no-proof"]);
    assert!(kept.code == 0 && kept.out.contains("--force"), "{}", kept.out);
    assert_eq!(fs::read_to_string(&path).expect("the file"), "# mine\n");
    assert_eq!(site.doctor(&[], &["--no-proof", "--force"]).code, 0);
    assert_eq!(fs::read_to_string(&path).expect("the file"), text);
}

#[test]
fn settings_that_agree_are_told_so_in_json() {
    let Some(site) = Site::new(&[("USE_TZ", "False"), ("TIME_ZONE", "Asia/Kathmandu")]) else { return };
    let url = site.url();
    let own =
        [("DATABASE_URL", url.as_str()), ("SECRET_KEY", SECRET), ("USE_TZ", "0"), ("TIME_ZONE", "Asia/Kathmandu")];
    let run = site.doctor(&own, &["--json", "--output", "elsewhere.toml"]);
    assert_eq!(run.code, 0, "{}", run.out);
    let answer: Value = serde_json::from_str(&run.out).expect("JSON");
    assert_eq!((&answer["result"], &answer["first_difference"]), (&"ok".into(), &Value::Null));
    assert!(site.path().join("elsewhere.toml").exists() && !site.path().join("cloakroom.toml").exists());
}

#[test]
fn one_spoilt_value_is_named() {
    let Some(site) = Site::new(&[("TIME_ZONE", "Asia/Kathmandu")]) else { return };

    let (setting, proof) = site.spoilt("SESSION_COOKIE_NAME", "spoilt");
    assert!(setting.contains("\"sessionid\"") && setting.contains("\"spoilt\""), "{setting}");
    assert_eq!(proof.matches("ok ").count(), 2, "{proof}");

    let (_, proof) = site.spoilt("SECRET_KEY", OTHER_SECRET);
    assert!(proof.contains("cloakroom reads Django's session") && proof.contains("does not verify"), "{proof}");

    let (setting, proof) = site.spoilt("USE_TZ", "False");
    assert!(setting.contains("hours too early"), "{setting}");
    assert!(proof.contains("5.75 hours earlier") && proof.contains("USE_TZ"), "{proof}");

    assert_eq!(run(site.path(), &[], &["migrate", "--database-url", "sqlite:///other.sqlite3"]).code, 0);
    let (setting, proof) = site.spoilt("DATABASE_URL", "sqlite:///other.sqlite3");
    assert!(setting.contains("site.sqlite3") && setting.contains("other.sqlite3"), "{setting}");
    assert!(proof.contains("not found") && proof.contains("other.sqlite3"), "{proof}");
}

#[test]
fn a_cache_that_nobody_can_share_is_named() {
    let Some(site) = Site::new(&[("SESSION_ENGINE", "cached_db")]) else { return };
    let run = site.doctor(&[], &[]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("LocMemCache") && run.out.contains("no other program can share it"), "{}", run.out);
    assert!(run.out.contains("left out: it could not succeed"), "{}", run.out);
    let text = fs::read_to_string(site.path().join("cloakroom.toml")).expect("the file");
    assert!(text.contains("SESSION_ENGINE = \"cached_db\""), "{text}");
}

#[test]
fn a_secret_that_cannot_be_written_is_an_error() {
    let Some(site) = Site::new(&[]) else { return };
    // The environment separates fallbacks by commas, so this one is put into the settings themselves.
    fs::write(site.path().join("odd.py"), "from interop.settings import *\nSECRET_KEY_FALLBACKS = ['a,b']\n")
        .expect("it");
    let script = site.path().join("manage.py");
    let text = fs::read_to_string(&script).expect("manage.py");
    fs::write(&script, text.replace("'interop.settings'", "'odd'")).expect("manage.py");
    let run = site.doctor(&[], &[]);
    assert_eq!(run.code, 1, "{}", run.out);
    assert!(run.out.contains("cannot write the site's SECRET_KEY_FALLBACKS"), "{}", run.out);
    assert_eq!(run.out.matches("ok       proof: ").count(), 2, "{}", run.out);
}

#[test]
fn a_site_that_does_not_start_is_quoted() {
    let Some(site) = Site::new(&[]) else { return };
    let script = site.path().join("manage.py");
    let text = fs::read_to_string(&script).expect("manage.py");
    fs::write(&script, text.replace("site.sqlite3", ":memory:")).expect("manage.py");
    let run = site.doctor(&[], &[]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("DATABASE_URL must name a file"), "{}", run.out);
}

#[test]
fn what_cannot_be_run_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = run(folder.path(), &[], &["doctor", "--django", "manage.py"]);
    assert!(missing.code == 1 && missing.out.contains("there is no file"), "{}", missing.out);

    fs::write(folder.path().join("manage.py"), "import django\n").expect("manage.py");
    let python = run(folder.path(), &[], &["doctor", "--django", "manage.py", "--python", "./none"]);
    assert!(python.code == 1 && python.out.contains("--python"), "{}", python.out);
    assert!(!folder.path().join("cloakroom.toml").exists());
    assert_eq!(run(folder.path(), &[], &["doctor"]).code, 2);
}

/// The system's Python may have Django or may be missing altogether, so this one has neither.
#[cfg(unix)]
#[test]
fn a_python_without_django_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("manage.py"), "").expect("manage.py");
    let python = folder.path().join(".venv/bin/python");
    fs::create_dir_all(python.parent().expect("a folder")).expect("folders");
    fs::write(&python, "#!/bin/sh\necho \"ModuleNotFoundError: No module named 'django'\" >&2\nexit 1\n").expect("it");
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).expect("its mode");
    let run = run(folder.path(), &[], &["doctor", "--django", "manage.py"]);
    assert!(run.code == 1 && run.out.contains("cannot import Django"), "{}", run.out);
    assert!(run.out.contains(".venv/bin/python"), "{}", run.out);
}
