//! Who the user is: Django's `get_user`, fault by fault.

use cloakroom::Settings;
use cloakroom::auth::{Anonymous, Auth, AuthError, User};
use cloakroom::wire::{LoginHashKey, SecretKey};
use serde_json::{Value, json};

use crate::site::{MODEL_BACKEND, Site, ada, hash, id, login_of, settings};

#[tokio::test]
async fn a_login_holds_and_its_user_is_read_once() {
    let site = Site::new();
    let key = site.stored(&login_of(&ada())).await;
    let login = site.login(&key).await;
    assert!(matches!(login.user(), Err(AuthError::Synchronous { twin: "auser", .. })));
    let (one, other) = (login.clone(), login.clone());
    let (one, other) = tokio::join!(one.auser(), other.auser());
    assert_eq!(
        (one.unwrap(), other.unwrap(), id(&login).await.as_deref()),
        (Some(ada().into()), Some(ada().into()), Some("1"))
    );
    assert_eq!(login.user().unwrap().unwrap().id(), "1");
    assert_eq!((site.users.reads(), login.why_anonymous()), (1, None));
    // Looking costs the load alone, and changes nothing.
    assert_eq!(site.spy.calls().total(), 1);
    assert!(!login.session().modified() && login.session().accessed());
}

#[tokio::test]
async fn who_is_nobody_is_not_looked_for() {
    let site = Site::new();
    for members in [json!({"cart": 1}), json!({"_auth_user_id": "1"})] {
        let login = site.login(&site.stored(&members).await).await;
        assert_eq!((id(&login).await, login.why_anonymous()), (None, Some(Anonymous::NoLogin)));
    }
    let nobody = site.auth.session(&site.store.session(None).load().await.unwrap());
    assert!(nobody.user().unwrap().is_none());
    assert_eq!((id(&nobody).await, site.users.reads()), (None, 0));
}

/// The members of Ada's login, one of them changed.
fn changed(name: &str, value: Value) -> Value {
    let mut members = login_of(&ada());
    members["cart"] = json!(["teapot"]);
    members[name] = value;
    members
}

#[tokio::test]
async fn a_hash_that_does_not_verify_flushes_the_session() {
    let site = Site::new();
    let right = hash("a secret", &ada());
    for wrong in [
        json!(""),
        json!(null),
        json!(7),
        json!([]),
        json!(right[..63]),
        json!(format!("{right}0")),
        json!(right.to_uppercase()),
        json!(hash("another secret", &ada())),
        json!(hash("a secret", &User::new("1", "md5$salt$another password"))),
    ] {
        let key = site.stored(&changed("_auth_user_hash", wrong.clone())).await;
        let login = site.login(&key).await;
        assert_eq!((id(&login).await, login.why_anonymous()), (None, Some(Anonymous::OtherHash)), "{wrong}");
        assert!(login.session().is_empty() && login.session().session_key().is_none());
        assert!(!site.store.exists(&key).await.unwrap(), "{wrong}: the session is still stored");
    }
    let mut without = changed("cart", json!(1));
    without.as_object_mut().unwrap().remove("_auth_user_hash");
    let key = site.stored(&without).await;
    assert_eq!(id(&site.login(&key).await).await, None);
    assert!(!site.store.exists(&key).await.unwrap());
}

#[tokio::test]
async fn a_password_that_was_changed_ends_the_login() {
    let site = Site::new();
    let key = site.stored(&login_of(&ada())).await;
    assert_eq!(id(&site.login(&key).await).await.as_deref(), Some("1"));
    site.users.put(User::new("1", "md5$salt$changed"));
    assert_eq!(id(&site.login(&key).await).await, None);
    assert!(!site.store.exists(&key).await.unwrap());
}

#[tokio::test]
async fn what_is_no_fault_of_the_session_leaves_it_as_it_is() {
    let site = Site::new();
    site.users.put(User::new("3", "md5$salt$eve").with_active(false));
    let eve = User::new("3", "md5$salt$eve");
    for (members, why) in [
        (changed("_auth_user_backend", json!("site.Unknown")), Anonymous::UnknownBackend),
        (changed("_auth_user_backend", json!(7)), Anonymous::UnknownBackend),
        (changed("_auth_user_id", json!("99")), Anonymous::NoSuchUser),
        (changed("_auth_user_id", json!("nonsense")), Anonymous::NoSuchUser),
        (changed("_auth_user_id", json!({"a": [1]})), Anonymous::NoSuchUser),
        (changed("_auth_user_id", json!(null)), Anonymous::NoSuchUser),
        (login_of(&eve), Anonymous::Inactive),
    ] {
        let key = site.stored(&members).await;
        let login = site.login(&key).await;
        assert_eq!((id(&login).await, login.why_anonymous()), (None, Some(why)), "{members}");
        assert!(!login.session().modified());
        assert_eq!(site.members(&key).await, members, "something is lost");
    }
}

#[tokio::test]
async fn a_primary_key_may_be_a_number() {
    let site = Site::new();
    let key = site.stored(&changed("_auth_user_id", json!(1))).await;
    assert_eq!(id(&site.login(&key).await).await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_backend_may_let_in_who_is_not_active() {
    let lenient = "django.contrib.auth.backends.AllowAllUsersModelBackend";
    let site = Site::with(settings().authentication_backends([MODEL_BACKEND, lenient, "site.Own", "site.Lenient"]));
    site.users.put(ada().with_active(false));
    let auth = site.auth.clone().allow_inactive("site.Lenient");
    for (backend, holds) in [(MODEL_BACKEND, false), (lenient, true), ("site.Own", false), ("site.Lenient", true)] {
        let key = site.stored(&changed("_auth_user_backend", json!(backend))).await;
        let login = auth.session(&site.load(&key).await);
        assert_eq!(id(&login).await.is_some(), holds, "{backend}");
    }
}

#[tokio::test]
async fn a_login_is_bound_to_an_unusable_password_as_to_any() {
    let site = Site::new();
    let unusable = User::new("1", "!Xw5rDJ9tDnkGMMMPJlSe4sp3Zsy0yBnLrIF7sVmN");
    site.users.put(unusable.clone());
    let key = site.stored(&login_of(&unusable)).await;
    assert_eq!(id(&site.login(&key).await).await.as_deref(), Some("1"));
    let key = site.stored(&login_of(&ada())).await;
    assert_eq!(id(&site.login(&key).await).await, None, "the login outlived set_unusable_password");
}

#[tokio::test]
async fn a_hash_by_a_fallback_key_is_renewed_under_a_new_key_in_one_write() {
    let old = Site::new();
    let key = old.stored(&changed("cart", json!(["teapot"]))).await;
    let site = old.another(Settings::new().secret_key("new").secret_key_fallback("a secret"));
    let login = site.login(&key).await;
    assert_eq!(id(&login).await.as_deref(), Some("1"));
    let calls = site.spy.take_calls();
    assert_eq!((calls.read, calls.rename, calls.total()), (1, 1, 2));
    let new = login.session().session_key().unwrap();
    assert!(new != key && !site.store.exists(&key).await.unwrap());
    let mut expected = changed("cart", json!(["teapot"]));
    expected["_auth_user_hash"] = json!(hash("new", &ada()));
    assert_eq!(site.members(&new).await, expected);
    // And needs no fallback any more.
    let without = site.another(Settings::new().secret_key("new"));
    assert_eq!(id(&without.login(&new).await).await.as_deref(), Some("1"));
}

#[tokio::test]
async fn of_two_requests_that_renew_one_login_both_are_served() {
    let old = Site::new();
    let key = old.stored(&login_of(&ada())).await;
    let site = old.another(Settings::new().secret_key("new").secret_key_fallback("a secret"));
    let (first, second) = (site.login(&key).await, site.login(&key).await);
    assert_eq!(id(&first).await.as_deref(), Some("1"));
    assert_eq!(id(&second).await.as_deref(), Some("1"), "the later request is turned away");
    assert!(!second.session().modified(), "the later request would be answered with an error");
}

#[tokio::test]
async fn under_read_only_nothing_is_written_and_the_answer_is_the_same() {
    let old = Site::new();
    let read_only = Settings::new().secret_key("new").secret_key_fallback("a secret").session_read_only(true);
    let (good, bad) = (login_of(&ada()), changed("_auth_user_hash", json!("wrong")));
    for (members, user) in [(good, Some("1")), (bad, None)] {
        let key = old.stored(&members).await;
        let site = old.another(read_only.clone());
        let login = site.login(&key).await;
        assert_eq!(id(&login).await.as_deref(), user);
        assert_eq!((site.spy.take_calls().total(), login.session().modified()), (1, false));
        assert_eq!(site.members(&key).await, members);
        let refused = login.alogin(ada()).await.unwrap_err();
        assert!(refused.to_string().contains("SESSION_READ_ONLY"), "{refused}");
        assert!(login.login(ada()).is_err() && login.update_session_auth_hash(ada()).is_err());
        assert!(site.users.last_logins.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_service_without_the_secret_checks_logins_by_the_derived_key() {
    let site = Site::new();
    let derived = |secret: &str| LoginHashKey::derive(&SecretKey::new(secret).unwrap());
    let with = |settings: Settings| Auth::new(site.users.clone(), &settings);
    let auth = with(Settings::new().session_auth_hash_key(derived("a secret"))).unwrap();
    let renewing = Settings::new().session_auth_hash_key(derived("new"));
    let renewing = with(renewing.session_auth_hash_key_fallback(derived("a secret"))).unwrap();
    let other = with(Settings::new().session_auth_hash_key(derived("another"))).unwrap();
    for (auth, user) in [(auth, Some("1")), (renewing, Some("1")), (other, None)] {
        let key = site.stored(&login_of(&ada())).await;
        assert_eq!(id(&auth.session(&site.load(&key).await)).await.as_deref(), user);
    }
    let refused = with(Settings::new()).unwrap_err();
    assert_eq!(refused.setting(), "SECRET_KEY");
    let both = with(settings().session_auth_hash_key(derived("a secret"))).unwrap_err();
    assert_eq!(both.setting(), "SESSION_AUTH_HASH_KEY");
}

#[tokio::test]
async fn users_who_cannot_be_asked_are_an_error_and_nothing_is_remembered_or_lost() {
    let site = Site::new();
    let key = site.stored(&login_of(&ada())).await;
    let login = site.login(&key).await;
    *site.users.broken.lock().unwrap() = true;
    assert!(matches!(login.auser().await, Err(AuthError::Users(_))));
    assert!(matches!(login.alogin(crate::site::bob()).await, Err(AuthError::Users(_))));
    assert_eq!(site.members(&key).await, login_of(&ada()));
    *site.users.broken.lock().unwrap() = false;
    assert_eq!(id(&login).await.as_deref(), Some("1"));
}
