//! `show`

use std::process::Command;

use serde_json::Value;

use crate::support::run;
use crate::support::site::{OTHER_SECRET, SECRET, Site};
use crate::{Place, places};

#[test]
fn a_session_is_shown_and_its_login_masked() {
    for place in places() {
        let key = place.sessions(1, Some("42"), 86_400).remove(0);
        let run = place.cloakroom_with(&["show", "-"], &format!("{}\n", key.as_str()));
        assert_eq!(run.code, 0, "{}: {}", place.name, run.err);
        let data: Value = serde_json::from_str(&run.out).expect("JSON");
        assert_eq!(data["cart"], serde_json::json!([1, 2]), "{}", place.name);
        assert_eq!([&data["_auth_user_id"], &data["_auth_user_hash"]], ["********", "********"], "{}", place.name);
        assert!(!run.out.contains("hash-of-a-login"), "{}", run.out);
        assert!(run.err.starts_with(&format!("session {}, ", key.short_hash())), "{}", run.err);
        assert!(run.err.contains("2 masked, shown with --unmasked"), "{}", run.err);
        let is_cache = place.name.starts_with("cache");
        assert_eq!(run.err.contains("verified by SECRET_KEY"), !is_cache, "{}: {}", place.name, run.err);
        assert_eq!(run.err.contains(", in 23 hours"), place.name != "cache on Redis", "{}: {}", place.name, run.err);

        let unmasked = place.json(&["show", "--unmasked", "--json", key.as_str()]);
        assert_eq!(unmasked["data"]["_auth_user_hash"], "hash-of-a-login", "{}", place.name);
        assert_eq!(unmasked["session"], key.short_hash(), "{}", place.name);
        assert_eq!(unmasked["expired"], false, "{}", place.name);
        assert_eq!(unmasked["verified_by"], if is_cache { Value::Null } else { "SECRET_KEY".into() }, "{}", place.name);
        assert!(unmasked["bytes"].as_u64() > Some(30), "{}: {unmasked}", place.name);
    }
}

#[test]
fn what_is_unknown_or_no_key_is_told_without_the_key() {
    let place = Place::sqlite();
    let unknown = cloakroom::SessionKey::generate();
    let run = place.cloakroom(&["show", unknown.as_str()]);
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    let told = format!("cloakroom: no session is stored under the key {}\n", unknown.short_hash());
    assert_eq!(run.err, told);
    for (key, input) in [("../etc/passwd", ""), ("SHOUTING-KEY", ""), ("-", "short\n")] {
        let run = place.cloakroom_with(&["show", key], input);
        assert!(run.code == 1 && run.err.contains("this is no session key") && run.out.is_empty(), "{}", run.err);
        assert!(!run.err.contains("passwd") && !run.err.contains("SHOUTING"), "{}", run.err);
    }
    let nothing = place.cloakroom_with(&["show", "-"], "\n\n");
    assert!(nothing.code == 1 && nothing.err.contains("holds no session key"), "{}", nothing.err);
    let flood = place.cloakroom_with(&["show", "-"], &"a".repeat(100_000));
    assert!(flood.code == 1 && flood.err.contains("one a line"), "{}", flood.err);
}

#[test]
fn what_no_secret_verifies_is_not_shown_and_a_fallback_is_named() {
    for place in places().into_iter().filter(|place| !place.name.starts_with("cache")) {
        let key = place.sessions(1, Some("42"), 86_400).remove(0);
        let other = place.with("SECRET_KEY", OTHER_SECRET);
        for arguments in [&["show", key.as_str()][..], &["show", "--json", "--unmasked", key.as_str()]] {
            let run = other.cloakroom(arguments);
            assert_eq!((run.code, run.out.as_str()), (1, ""), "{}", place.name);
            let told = format!("the session {} is not shown: the signature", key.short_hash());
            assert!(run.err.contains(&told) && !run.err.contains(key.as_str()), "{}", run.err);
        }
        let rotated = other.with("SECRET_KEY_FALLBACKS", SECRET);
        let run = rotated.cloakroom(&["show", key.as_str()]);
        assert!(run.code == 0 && run.err.contains("verified by fallback 1 of SECRET_KEY_FALLBACKS"), "{}", run.err);
    }
}

#[test]
fn an_expired_session_is_shown_as_one() {
    for place in places().into_iter().filter(|place| !place.name.starts_with("cache")) {
        let key = place.sessions(1, None, -3 * 86_400).remove(0);
        let run = place.cloakroom(&["show", key.as_str()]);
        assert!(run.code == 0 && run.out.contains("cart"), "{}: {}", place.name, run.err);
        assert!(run.err.contains("expired 3 days ago: it is never loaded again"), "{}: {}", place.name, run.err);
        assert_eq!(place.json(&["show", "--json", key.as_str()])["expired"], true, "{}", place.name);
    }
}

/// Has a Django site log a user in; the user's primary key and the session's.
pub(crate) fn login(site: &Site, python: &str) -> (String, String) {
    let script = "from importlib import import_module\n\
         from django.conf import settings\n\
         from django.contrib.auth import get_user_model, login\n\
         from django.http import HttpRequest\n\
         import random\n\
         user = get_user_model().objects.create_user('ada%d' % random.getrandbits(60), password='x')\n\
         request = HttpRequest()\n\
         request.session = import_module(settings.SESSION_ENGINE).SessionStore()\n\
         login(request, user, backend='django.contrib.auth.backends.ModelBackend')\n\
         request.session['cart'] = [1, 2]\n\
         request.session.save()\n\
         print('made', user.pk, request.session.session_key)\n";
    let output = Command::new(python)
        .args(["manage.py", "shell", "-c", script])
        .current_dir(site.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("Python starts");
    let out = String::from_utf8_lossy(&output.stdout);
    let made = out.lines().find_map(|line| line.strip_prefix("made "));
    let made = made.unwrap_or_else(|| panic!("{out}{}", String::from_utf8_lossy(&output.stderr)));
    let (user, key) = made.split_once(' ').expect("two words");
    (user.to_owned(), key.to_owned())
}

#[test]
fn the_sessions_of_a_django_site_are_listed_shown_and_ended() {
    let Some(site) = Site::new(&[("INTEROP_USERS", "auth_user")]) else { return };
    let python = std::env::var("CLOAKROOM_PYTHON").expect("a Python");
    let ((user, first), (other, second)) = (login(&site, &python), login(&site, &python));
    let url = site.url();
    let variables = [("DATABASE_URL", url.as_str()), ("SECRET_KEY", SECRET)];
    let cloakroom = |arguments: &[&str]| run(site.path(), &variables, arguments);
    let list: Value = serde_json::from_str(&cloakroom(&["list", "--json", "--keys"]).out).expect("JSON");
    let keys: Vec<_> = list["sessions"].as_array().expect("sessions").iter().map(|listed| &listed["key"]).collect();
    assert!(keys.len() == 2 && keys.contains(&&first.as_str().into()) && keys.contains(&&second.as_str().into()));
    let shown = cloakroom(&["show", &first]);
    let data: Value = serde_json::from_str(&shown.out).expect("JSON");
    assert_eq!((&data["_auth_user_backend"], data["cart"].to_string()), (&"********".into(), "[1,2]".to_owned()));
    assert!(shown.err.contains("verified by SECRET_KEY") && shown.err.contains("in 13 days"), "{}", shown.err);
    let ended = cloakroom(&["delete", "--user", &user]);
    assert_eq!((ended.code, ended.out), (0, format!("ended 1 session of user {user}; looked at 2\n")));
    assert_eq!(cloakroom(&["show", &first]).code, 1);
    let data: Value = serde_json::from_str(&cloakroom(&["show", "--unmasked", &second]).out).expect("JSON");
    assert_eq!(data["_auth_user_id"], other.as_str());
}
