//! `login`, `logout`, `update_session_auth_hash` and their twins.

use cloakroom::auth::{AuthError, AuthSession, User};
use cloakroom::{SessionKey, Timestamp};
use serde_json::{Value, json};

use crate::site::{MODEL_BACKEND, Site, ada, bob, hash, id, login_of, settings};

/// A login in both ways: at once, and recorded and saved.
async fn log_in(login: &AuthSession, user: User, at_once: bool) -> SessionKey {
    if at_once {
        login.alogin(user).await.unwrap();
    } else {
        login.login(user).unwrap();
        login.session().asave().await.unwrap();
    }
    login.session().session_key().unwrap()
}

#[tokio::test]
async fn a_login_changes_the_key_keeps_the_data_and_writes_last_login() {
    for at_once in [true, false] {
        let site = Site::new();
        let before = site.stored(&json!({"cart": ["teapot"]})).await;
        let login = site.login(&before).await;
        let key = log_in(&login, ada(), at_once).await;
        let calls = site.spy.take_calls();
        assert_eq!((calls.read, calls.rename, calls.total()), (1, 1, 2), "at once: {at_once}");
        assert!(key != before && !site.store.exists(&before).await.unwrap());
        let mut expected = login_of(&ada());
        expected["cart"] = json!(["teapot"]);
        assert_eq!(site.members(&key).await, expected);
        assert_eq!(login.user().unwrap().unwrap().id(), "1");
        assert_eq!(site.users.reads(), 0, "the user is at hand");
        // The recorded one writes it by a task.
        while site.users.last_logins.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        let written = site.users.last_logins.lock().unwrap().clone();
        let (who, when) = &written[0];
        assert!(who == "1" && (Timestamp::now().as_seconds() - when.as_seconds()).abs() < 600, "{written:?}");
    }
}

#[tokio::test]
async fn a_login_without_a_session_makes_one_in_one_write() {
    for at_once in [true, false] {
        let site = Site::new();
        let login = site.auth.session(&site.store.session(None).load().await.unwrap());
        let key = log_in(&login, ada(), at_once).await;
        assert_eq!((site.spy.calls().insert, site.spy.calls().total()), (1, 1));
        assert_eq!(site.members(&key).await, login_of(&ada()));
    }
}

#[tokio::test]
async fn a_login_of_who_is_logged_in_keeps_the_key() {
    for at_once in [true, false] {
        let site = Site::new();
        let before = site.stored(&login_of(&ada())).await;
        let key = log_in(&site.login(&before).await, ada(), at_once).await;
        assert_eq!((&key, site.members(&key).await), (&before, login_of(&ada())));
    }
}

#[tokio::test]
async fn a_login_over_another_user_or_another_password_flushes() {
    let after_a_change = User::new("1", "md5$salt$changed");
    for (user, at_once) in [(bob(), true), (bob(), false), (after_a_change.clone(), true), (after_a_change, false)] {
        let site = Site::new();
        site.users.put(user.clone());
        let mut held = login_of(&ada());
        held["cart"] = json!(["teapot"]);
        let before = site.stored(&held).await;
        let key = log_in(&site.login(&before).await, user.clone(), at_once).await;
        assert!(key != before && !site.store.exists(&before).await.unwrap());
        assert_eq!(site.members(&key).await, login_of(&user), "another user's data passed on");
    }
}

#[tokio::test]
async fn the_csrf_token_in_a_session_is_rotated_and_none_is_made() {
    for at_once in [true, false] {
        let site = Site::new();
        let before = site.stored(&json!({"_csrftoken": "p".repeat(32)})).await;
        let login = site.login(&before).await;
        let key = log_in(&login, ada(), at_once).await;
        let token = site.members(&key).await["_csrftoken"].as_str().unwrap().to_owned();
        assert!(token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{token}");
        assert_ne!(token, "p".repeat(32));
        assert_eq!(login.new_csrf_token().unwrap(), token);
    }
}

#[tokio::test]
async fn the_backend_is_the_only_one_or_the_one_that_was_said() {
    let one = Site::new();
    let login = one.login(&one.stored(&json!({})).await).await;
    let unknown = login.alogin_by(ada(), "site.Unknown").await.unwrap_err();
    assert!(matches!(&unknown, AuthError::UnknownBackend { backend } if backend == "site.Unknown"), "{unknown}");
    assert!(login.login_by(ada(), "site.Unknown").is_err());
    assert!(!login.session().modified() && one.users.last_logins.lock().unwrap().is_empty());

    let several = Site::with(settings().authentication_backends([MODEL_BACKEND, "site.Own"]));
    let key = several.stored(&json!({})).await;
    let login = several.login(&key).await;
    assert!(matches!(login.alogin(ada()).await, Err(AuthError::SeveralBackends)));
    assert!(matches!(login.login(ada()), Err(AuthError::SeveralBackends)));
    login.alogin_by(ada(), "site.Own").await.unwrap();
    let key = login.session().session_key().unwrap();
    assert_eq!(several.members(&key).await["_auth_user_backend"], "site.Own");
    assert_eq!(id(&several.login(&key).await).await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_user_who_is_gone_is_not_logged_in() {
    let site = Site::new();
    let key = site.stored(&json!({"cart": 1})).await;
    let login = site.login(&key).await;
    let gone = login.alogin(User::new("99", "md5$salt$gone")).await;
    assert!(matches!(gone, Err(AuthError::NoSuchUser)));
    assert!(!login.session().modified());
    assert_eq!(site.members(&key).await, json!({"cart": 1}));
}

#[tokio::test]
async fn a_login_to_a_session_that_ended_meanwhile_is_an_error() {
    let site = Site::new();
    let key = site.stored(&json!({"cart": 1})).await;
    let login = site.login(&key).await;
    site.store.delete(&key).await.unwrap();
    let ended = login.alogin(ada()).await.unwrap_err();
    assert!(matches!(ended, AuthError::Session(_)) && ended.status() == 400, "{ended}");
    assert!(!site.store.exists(&key).await.unwrap(), "the session is back");
}

#[tokio::test]
async fn a_logout_ends_the_session() {
    for at_once in [true, false] {
        let site = Site::new();
        let key = site.stored(&login_of(&ada())).await;
        let login = site.login(&key).await;
        assert_eq!(id(&login).await.as_deref(), Some("1"));
        if at_once {
            login.alogout().await.unwrap();
        } else {
            login.logout();
        }
        assert!(login.user().unwrap().is_none() && login.session().is_empty());
        if !at_once {
            login.session().asave().await.unwrap();
        }
        assert!(!site.store.exists(&key).await.unwrap());
    }
}

/// Ada's login, verified, and after it her new password.
async fn verified(site: &Site) -> (SessionKey, AuthSession, User, Value) {
    let mut members = login_of(&ada());
    members["cart"] = json!(["teapot"]);
    let key = site.stored(&members).await;
    let login = site.login(&key).await;
    assert_eq!(id(&login).await.as_deref(), Some("1"));
    let changed = User::new("1", "md5$salt$changed");
    site.users.put(changed.clone());
    members["_auth_user_hash"] = json!(hash("a secret", &changed));
    (key, login, changed, members)
}

#[tokio::test]
async fn a_change_of_password_keeps_this_session_under_a_new_key_and_ends_the_others() {
    for at_once in [true, false] {
        let site = Site::new();
        let elsewhere = site.stored(&login_of(&ada())).await;
        let (before, login, changed, expected) = verified(&site).await;
        let rewritten = if at_once {
            login.aupdate_session_auth_hash(changed).await.unwrap()
        } else {
            let rewritten = login.update_session_auth_hash(changed).unwrap();
            login.session().asave().await.unwrap();
            rewritten
        };
        let key = login.session().session_key().unwrap();
        assert!(rewritten && key != before && !site.store.exists(&before).await.unwrap());
        assert_eq!(site.members(&key).await, expected);
        assert_eq!(id(&site.login(&key).await).await.as_deref(), Some("1"));
        assert_eq!(id(&site.login(&elsewhere).await).await, None);
    }
}

#[tokio::test]
async fn the_hash_is_rewritten_for_the_verified_user_alone() {
    let site = Site::new();
    // Nobody asked who it is, so a login that does not hold any more could be brought back.
    let key = site.stored(&login_of(&ada())).await;
    let changed = User::new("1", "md5$salt$changed");
    site.users.put(changed.clone());
    let login = site.login(&key).await;
    assert!(!login.aupdate_session_auth_hash(changed).await.unwrap());
    let key = login.session().session_key().unwrap();
    assert_eq!(id(&site.login(&key).await).await, None);
    // Another user's new password.
    let site = Site::new();
    let (_, login, _, _) = verified(&site).await;
    assert!(!login.aupdate_session_auth_hash(bob()).await.unwrap());
}

#[tokio::test]
async fn a_login_begins_an_absolute_life_anew_and_nothing_else_of_a_login_does() {
    let site = Site::with(settings().session_absolute_age(3_600.0));
    let began = |key: SessionKey| {
        let store = site.store.clone();
        async move { store.session(Some(&key)).aget::<i64>("_session_started").await.unwrap().unwrap() }
    };
    for at_once in [false, true] {
        let key = site.stored(&json!({"cart": 1, "_session_started": Timestamp::now().as_seconds() - 1_000})).await;
        let login = site.login(&key).await;
        let key = log_in(&login, ada(), at_once).await;
        assert!(Timestamp::now().as_seconds() - began(key.clone()).await < 100);

        let session = site.store.session(Some(&key)).load().await.unwrap();
        session.set("_session_started", &(Timestamp::now().as_seconds() - 1_000)).unwrap();
        session.asave().await.unwrap();
        let login = site.login(&key).await;
        assert!(login.auser().await.unwrap().is_some());
        assert!(login.aupdate_session_auth_hash(User::new("1", "md5$salt$new")).await.unwrap());
        let key = login.session().session_key().unwrap();
        assert!(Timestamp::now().as_seconds() - began(key).await >= 1_000, "a new password is no new login");
    }
}
