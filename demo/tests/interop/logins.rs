//! Logins: one that Django's own login view made holds in Rust, and the reverse; a password that was changed ends them.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use cloakroom::wire::{LoginHashKey, SecretKey};
use cloakroom::{DerivedKey, Settings};
use serde_json::Value;

use crate::support::django::Version::{self, Django42, Django52};
use crate::support::place::{Engine, Place, SECRET, Variables, pairs};
use crate::support::sites::{BOTH_WAYS, OnDjango, OnRust, Side, Sites, Visitor};
use crate::support::{Answer, Demo};

/// A user model, and what it is called in the database.
struct Model {
    name: &'static str,
    table: &'static str,
    password: &'static str,
    is_active: &'static str,
    last_login: &'static str,
    /// What Rust is told of it.
    settings: &'static [(&'static str, &'static str)],
}

const DJANGOS: Model = Model {
    name: "auth_user",
    table: "auth_user",
    password: "password",
    is_active: "is_active",
    last_login: "last_login",
    settings: &[],
};

const MEMBERS: Model = Model {
    name: "members",
    table: "members",
    password: "secret",
    is_active: "may_come_in",
    last_login: "seen",
    settings: &[
        ("AUTH_USER_TABLE", "members"),
        ("AUTH_USER_ID_COLUMN", "number"),
        ("AUTH_USER_ID_TYPE", "uuid"),
        ("AUTH_USER_PASSWORD_COLUMN", "secret"),
        ("AUTH_USER_IS_ACTIVE_COLUMN", "may_come_in"),
        ("AUTH_USER_LAST_LOGIN_COLUMN", "seen"),
    ],
};

const PASSWORD: &str = "correct-horse-battery";

/// Both sites, with two users.
struct World {
    model: &'static Model,
    sites: Sites,
    ada: String,
    bob: String,
}

/// Settings of both sites, beside those of the place.
fn settings(model: &'static Model, more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut all = vec![("INTEROP_USERS", model.name), ("DEMO_USERS", "1")];
    all.extend(model.settings);
    all.extend(more);
    all
}

impl World {
    fn new(engine: Engine, django: Version, model: &'static Model) -> Option<Self> {
        let place = Place::new(engine, django)?;
        let variables = place.variables(&settings(model, &[]));
        let manage = |arguments: &[&str]| {
            place.django.manage(place.folder.path(), &pairs(&variables), arguments).expect("Django is there")
        };
        manage(&["migrate", "--run-syncdb", "--verbosity", "0"]);
        if engine == Engine::CacheTable {
            manage(&["createcachetable"]);
        }
        let code = format!(
            "from django.contrib.auth import get_user_model as model\n\
             for name in ['ada', 'bob', 'eve']: print(model().objects.create_user(username=name, password='{PASSWORD}').pk)"
        );
        let told = manage(&["shell", "--command", &code]);
        let [.., ada, bob, _] = told.trim().lines().collect::<Vec<_>>()[..] else { panic!("{told}") };
        let (ada, bob) = (ada.to_owned(), bob.to_owned());
        let all = settings(model, &[]);
        Some(Self { model, sites: Sites::start(Arc::new(place), &all, &all), ada, bob })
    }

    /// The same place and users, each site with more settings.
    fn with(self, django: &[(&'static str, &'static str)], rust: &[(&'static str, &'static str)]) -> Self {
        let place = Arc::clone(&self.sites.place);
        drop(self.sites);
        let sites = Sites::start(place, &settings(self.model, django), &settings(self.model, rust));
        Self { sites, ..self }
    }

    /// Changes both users' rows.
    fn update(&self, set: &str) {
        self.sites.place.sql(&format!("UPDATE {} SET {set}", self.model.table));
    }

    /// How many users have one.
    fn last_logins(&self) -> usize {
        let Model { table, last_login, .. } = self.model;
        self.sites.place.sql(&format!("SELECT count({last_login}) FROM {table}")).parse().expect("a number")
    }

    /// Ada's password field, with which she and the others log in with `PASSWORD`.
    fn password_field(&self) -> String {
        let Model { table, password, .. } = self.model;
        self.sites.place.sql(&format!("SELECT {password} FROM {table} WHERE username = 'ada'"))
    }

    fn set_password_field(&self, field: &str) {
        self.update(&format!("{} = '{field}'", self.model.password));
    }

    fn shell(&self, code: &str) -> String {
        let place = &self.sites.place;
        let variables = place.variables(&settings(self.model, &[]));
        let code = format!("from django.contrib.auth import get_user_model as model; {code}");
        place.django.manage(place.folder.path(), &pairs(&variables), &["shell", "--command", &code]).expect("Django")
    }

    /// A visitor whom Django's login view let in.
    fn logged_in(&self, name: &str) -> Visitor<'_> {
        let mut visitor = self.sites.visitor();
        log_in(&mut visitor, name, PASSWORD);
        visitor
    }
}

const FORM: [(&str, &str); 1] = [("Content-Type", "application/x-www-form-urlencoded")];

/// Sends one of Django's forms, with its token.
fn fill_in(visitor: &mut Visitor<'_>, path: &str, fields: &[(&str, &str)]) -> Answer {
    let browser = visitor.on(OnDjango);
    let page = browser.get(path);
    assert_eq!(page.status, 200, "{path}: {}", page.body);
    let token = page.body.split("name=\"csrfmiddlewaretoken\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let mut body = format!("csrfmiddlewaretoken={}", token.expect("a token"));
    for (name, value) in fields {
        body += &format!("&{name}={value}");
    }
    browser.send("POST", path, &FORM, &body)
}

fn log_in(visitor: &mut Visitor<'_>, name: &str, password: &str) {
    let answer = fill_in(visitor, "/accounts/login/", &[("username", name), ("password", password)]);
    assert_eq!(answer.status, 302, "{}", answer.body);
}

fn change_password(visitor: &mut Visitor<'_>, old: &str, new: &str) {
    let fields = [("old_password", old), ("new_password1", new), ("new_password2", new)];
    let answer = fill_in(visitor, "/accounts/password_change/", &fields);
    assert_eq!(answer.status, 302, "{}", answer.body);
}

fn user(visitor: &mut Visitor<'_>, side: Side) -> Option<String> {
    match &visitor.send(side, "GET", "/api/user", "")["user"] {
        Value::Null => None,
        id => Some(id.as_str().expect("text").to_owned()),
    }
}

fn session_key(visitor: &Visitor<'_>) -> String {
    cookie(visitor, "shared_sessionid")
}

fn cookie(visitor: &Visitor<'_>, name: &str) -> String {
    visitor.browser.cookies.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default()
}

/// Each as a test of its own would take a site and its users of its own: they are few, and follow each other.
fn run(engine: Engine, django: Version, model: &'static Model) {
    let Some(world) = World::new(engine, django, model) else { return };
    a_login_of_djangos_holds_in_rust(&world);
    a_login_of_rusts_holds_in_django(&world);
    a_logout_on_either_side_ends_it(&world);
    another_user_takes_nothing_over(&world);
    the_csrf_token_is_rotated(&world);
    a_user_who_is_not_active_is_nobody_and_loses_nothing(&world);
    a_password_changed_in_django_ends_the_session_in_rust(&world);
    a_password_changed_in_rust_ends_the_session_in_django(&world);
    an_unusable_password_ends_logins_and_binds_new_ones(&world);
    a_user_who_is_gone_is_nobody(&world);
    let world = a_backend_that_is_not_named_is_nobodys(world);
    let world = without_the_secret_the_derived_keys_do(world);
    a_hash_by_the_secret_before_is_renewed(world);
}

fn a_login_of_djangos_holds_in_rust(world: &World) {
    let mut visitor = world.sites.visitor();
    visitor.send(OnRust, "PUT", "/api/session/cart", r#"["teapot"]"#);
    let before = session_key(&visitor);
    assert_eq!((user(&mut visitor, OnDjango), user(&mut visitor, OnRust)), (None, None));
    assert_eq!(visitor.on(OnRust).get("/api/only_users").status, 401);
    log_in(&mut visitor, "ada", PASSWORD);
    assert_ne!(session_key(&visitor), before);
    for _ in 0..2 {
        assert_eq!(user(&mut visitor, OnRust).as_ref(), Some(&world.ada));
        assert_eq!(user(&mut visitor, OnDjango).as_ref(), Some(&world.ada));
    }
    assert_eq!(visitor.on(OnRust).get("/api/only_users").status, 200);
    assert!(visitor.data(OnRust).starts_with(r#"{"cart":["teapot"]"#), "the cart is lost");
}

fn a_login_of_rusts_holds_in_django(world: &World) {
    for (recorded, id) in [("", &world.ada), ("&recorded=1", &world.bob)] {
        world.update(&format!("{} = NULL", world.model.last_login));
        let mut visitor = world.sites.visitor();
        visitor.send(OnDjango, "PUT", "/api/session/cart", r#"["teapot"]"#);
        let before = session_key(&visitor);
        assert_eq!(visitor.send(OnRust, "POST", &format!("/api/login?id={id}{recorded}"), "")["user"], id.as_str());
        assert_ne!(session_key(&visitor), before);
        assert_eq!(user(&mut visitor, OnDjango).as_ref(), Some(id));
        assert!(visitor.data(OnDjango).starts_with(r#"{"cart":["teapot"]"#), "the cart is lost");
        // The recorded one writes it beside the answer.
        while world.last_logins() == 0 {
            thread::sleep(Duration::from_millis(20));
        }
    }
    let told = world.shell(
        "from django.utils.timezone import now; \
         print([abs((now() - seen).total_seconds()) < 3600 for seen in model().objects.values_list('last_login', flat=True) if seen])",
    );
    assert!(told.trim().ends_with("[True]"), "Django reads another moment: {told}");
    let mut nobody = world.sites.visitor();
    assert_eq!(nobody.on(OnRust).send("POST", "/api/login?id=nonsense", &[], "").status, 404);
}

fn a_logout_on_either_side_ends_it(world: &World) {
    for (side, other) in BOTH_WAYS {
        let mut visitor = world.logged_in("ada");
        let before = visitor.browser.cookies.clone();
        let status = match side {
            OnDjango => {
                let token = cookie(&visitor, "csrftoken");
                let body = format!("csrfmiddlewaretoken={token}");
                visitor.on(side).send("POST", "/accounts/logout/", &FORM, &body).status
            }
            OnRust => visitor.on(side).send("POST", "/api/logout", &[], "").status,
        };
        assert_eq!((status, session_key(&visitor)), (200, String::new()), "on {side:?}");
        assert_eq!(user(&mut visitor, other), None);
        // A copy of a signed cookie still opens it (B-125).
        if world.sites.place.engine.keeps_sessions() {
            visitor.browser.cookies = before;
            assert_eq!(user(&mut visitor, other), None, "{other:?} takes the key that {side:?} ended");
        }
    }
}

fn another_user_takes_nothing_over(world: &World) {
    for side in [OnDjango, OnRust] {
        let mut visitor = world.logged_in("ada");
        visitor.send(OnRust, "PUT", "/api/session/cart", r#"["teapot"]"#);
        let before = session_key(&visitor);
        match side {
            OnDjango => log_in(&mut visitor, "bob", PASSWORD),
            OnRust => drop(visitor.send(OnRust, "POST", &format!("/api/login?id={}", world.bob), "")),
        }
        assert_ne!(session_key(&visitor), before);
        for reader in [OnDjango, OnRust] {
            assert_eq!(user(&mut visitor, reader).as_ref(), Some(&world.bob));
            assert!(!visitor.data(reader).contains("teapot"), "bob got ada's cart by a login on {side:?}");
        }
    }
}

fn the_csrf_token_is_rotated(world: &World) {
    for recorded in ["", "&recorded=1"] {
        let mut visitor = world.sites.visitor();
        visitor.on(OnDjango).get("/accounts/login/");
        let before = cookie(&visitor, "csrftoken");
        visitor.send(OnRust, "POST", &format!("/api/login?id={}{recorded}", world.ada), "");
        let after = cookie(&visitor, "csrftoken");
        assert!(before.len() == 32 && after.len() == 32 && before != after, "{before} {after}");
        // The old one is worth nothing, the new one something.
        for (token, status) in [(&before, 403), (&after, 200)] {
            let body = format!("csrfmiddlewaretoken={token}");
            assert_eq!(visitor.on(OnDjango).send("POST", "/accounts/logout/", &FORM, &body).status, status);
        }
    }
    // Who has none gets none.
    let mut visitor = world.sites.visitor();
    visitor.send(OnRust, "POST", &format!("/api/login?id={}", world.ada), "");
    assert_eq!(cookie(&visitor, "csrftoken"), "");
}

fn a_user_who_is_not_active_is_nobody_and_loses_nothing(world: &World) {
    let mut visitor = world.logged_in("ada");
    let on = |truth: bool| {
        if world.sites.place.engine.has_booleans() { truth.to_string() } else { u8::from(truth).to_string() }
    };
    world.update(&format!("{} = {}", world.model.is_active, on(false)));
    for side in [OnRust, OnDjango] {
        assert_eq!(user(&mut visitor, side), None, "{side:?}");
    }
    assert!(visitor.data(OnRust).contains("_auth_user_id"), "the session was flushed");
    world.update(&format!("{} = {}", world.model.is_active, on(true)));
    for side in [OnRust, OnDjango] {
        assert_eq!(user(&mut visitor, side).as_ref(), Some(&world.ada), "{side:?}");
    }
}

fn a_password_changed_in_django_ends_the_session_in_rust(world: &World) {
    let (mut here, mut elsewhere) = (world.logged_in("ada"), world.logged_in("ada"));
    let before = elsewhere.browser.cookies.clone();
    assert_eq!(user(&mut elsewhere, OnRust).as_ref(), Some(&world.ada));
    change_password(&mut here, PASSWORD, "another-one-altogether");
    assert_eq!(user(&mut elsewhere, OnRust), None, "the login outlived the password");
    assert_eq!(session_key(&elsewhere), "", "the session was not flushed");
    if world.sites.place.engine.keeps_sessions() {
        elsewhere.browser.cookies = before;
        assert_eq!(elsewhere.data(OnDjango), "{}", "the session was not flushed");
    }
    // Where it was changed, it goes on.
    for side in [OnRust, OnDjango] {
        assert_eq!(user(&mut here, side).as_ref(), Some(&world.ada), "{side:?}");
    }
    change_password(&mut here, "another-one-altogether", PASSWORD);
}

fn a_password_changed_in_rust_ends_the_session_in_django(world: &World) {
    let (mut here, mut elsewhere) = (world.logged_in("ada"), world.logged_in("ada"));
    let before = session_key(&here);
    world.update(&format!("{} = NULL", world.model.last_login));
    let field = world.password_field();
    thread::scope(|scope| {
        // Rust knows who it is and waits for the change, which is made by what stands for its own form.
        let waiting = scope.spawn(|| here.send(OnRust, "POST", "/api/password_changed", ""));
        while world.last_logins() == 0 {
            assert!(!waiting.is_finished(), "Rust did not wait");
            thread::sleep(Duration::from_millis(20));
        }
        world.set_password_field("!changed");
        assert_eq!(waiting.join().expect("an answer")["user"], world.ada.as_str());
    });
    assert_ne!(session_key(&here), before);
    assert_eq!(user(&mut elsewhere, OnDjango), None, "the login outlived the password");
    for side in [OnDjango, OnRust] {
        assert_eq!(user(&mut here, side).as_ref(), Some(&world.ada), "{side:?}");
    }
    world.set_password_field(&field);
}

fn an_unusable_password_ends_logins_and_binds_new_ones(world: &World) {
    let mut visitor = world.logged_in("ada");
    let field = world.password_field();
    // As Django's `make_password(None)` makes it.
    world.set_password_field("!Xw5rDJ9tDnkGMMMPJlSe4sp3Zsy0yBnLrIF7sVmN");
    assert_eq!(user(&mut visitor, OnRust), None);
    visitor.send(OnRust, "POST", &format!("/api/login?id={}", world.ada), "");
    for side in [OnDjango, OnRust] {
        assert_eq!(user(&mut visitor, side).as_ref(), Some(&world.ada), "{side:?}");
    }
    world.set_password_field(&field);
    assert_eq!(user(&mut visitor, OnRust), None);
}

fn a_user_who_is_gone_is_nobody(world: &World) {
    let mut visitor = world.logged_in("eve");
    assert!(user(&mut visitor, OnRust).is_some());
    world.sites.place.sql(&format!("DELETE FROM {} WHERE username = 'eve'", world.model.table));
    for side in [OnRust, OnDjango] {
        assert_eq!(user(&mut visitor, side), None, "{side:?}");
    }
    assert!(visitor.data(OnRust).contains("_auth_user_id"), "the session was flushed");
}

fn a_backend_that_is_not_named_is_nobodys(world: World) -> World {
    let cookies = world.logged_in("ada").browser.cookies;
    let world = world.with(&[], &[("AUTHENTICATION_BACKENDS", "site.backends.Own")]);
    let mut visitor = world.sites.visitor();
    visitor.browser.cookies = cookies;
    assert_eq!(user(&mut visitor, OnRust), None);
    assert_eq!(user(&mut visitor, OnDjango).as_ref(), Some(&world.ada), "the session was flushed");
    world.with(&[], &[])
}

/// The service has the keys of sessions and of the login hash, and not the secret.
fn without_the_secret_the_derived_keys_do(world: World) -> World {
    let secret = SecretKey::new(SECRET).unwrap();
    let salt = Settings::new().session_engine(world.sites.place.engine.name());
    let mut variables: Variables = world.sites.place.variables(&settings(world.model, &[]));
    variables.retain(|(name, _)| *name != "SECRET_KEY");
    variables.push(("SESSION_SIGNING_KEY", DerivedKey::derive(&secret, salt.salt()).to_text()));
    let without_logins = variables.clone();
    variables.push(("SESSION_AUTH_HASH_KEY", LoginHashKey::derive(&secret).to_text()));
    let mut world = world;
    world.sites.demo = Demo::start(&pairs(&variables));
    let mut visitor = world.logged_in("ada");
    assert_eq!(user(&mut visitor, OnRust).as_ref(), Some(&world.ada));
    visitor.send(OnRust, "POST", &format!("/api/login?id={}", world.bob), "");
    assert_eq!(user(&mut visitor, OnDjango).as_ref(), Some(&world.bob));
    // Without the second key it does not start, and says what is missing.
    let folder = tempfile::tempdir().unwrap();
    let (output, message) = crate::support::refused(folder.path(), &pairs(&without_logins));
    assert!(!output.status.success() && message.contains("derive-key --login"), "{message}");
    world.with(&[], &[])
}

fn a_hash_by_the_secret_before_is_renewed(world: World) {
    const OLD: &str = "the-old-secret-that-both-sites-had-until-yesterday-evening";
    let (before, rotated) = ([("SECRET_KEY", OLD)], [("SECRET_KEY_FALLBACKS", OLD)]);
    let world = world.with(&before, &before);
    let cookies = world.logged_in("ada").browser.cookies;
    let world = world.with(&rotated, &rotated);
    let mut visitor = world.sites.visitor();
    visitor.browser.cookies = cookies;
    let old_key = session_key(&visitor);
    assert_eq!(user(&mut visitor, OnRust).as_ref(), Some(&world.ada), "the fallback was not taken");
    let new_key = session_key(&visitor);
    assert_ne!(new_key, old_key, "the key was not cycled");
    let cookies = visitor.browser.cookies.clone();
    // Renewed: who knows the new secret alone takes it.
    let world = world.with(&[], &[]);
    let mut visitor = world.sites.visitor();
    visitor.browser.cookies = cookies;
    for side in [OnDjango, OnRust] {
        assert_eq!(user(&mut visitor, side).as_ref(), Some(&world.ada), "{side:?} had to know the old secret");
    }
    assert_eq!(session_key(&visitor), new_key);
}

macro_rules! rows {
    ($($name:ident: $engine:ident, $django:ident, $model:ident;)*) => {
        $(#[test]
        fn $name() {
            run(Engine::$engine, $django, &$model);
        })*
    };
}

rows! {
    on_sqlite_with_django_5_2: Sqlite, Django52, DJANGOS;
    on_sqlite_with_django_4_2: Sqlite, Django42, DJANGOS;
    on_postgresql_with_django_5_2: PostgreSql, Django52, DJANGOS;
    on_postgresql_with_django_4_2: PostgreSql, Django42, DJANGOS;
    on_mariadb_with_django_5_2: MariaDb, Django52, DJANGOS;
    on_mariadb_with_django_4_2: MariaDb, Django42, DJANGOS;
    behind_pgbouncer_with_django_5_2: PgBouncer, Django52, DJANGOS;
    of_a_model_with_uuids_on_sqlite_with_django_5_2: Sqlite, Django52, MEMBERS;
    of_a_model_with_uuids_on_sqlite_with_django_4_2: Sqlite, Django42, MEMBERS;
    of_a_model_with_uuids_on_postgresql_with_django_5_2: PostgreSql, Django52, MEMBERS;
    of_a_model_with_uuids_on_mariadb_with_django_5_2: MariaDb, Django52, MEMBERS;
    of_a_model_with_uuids_on_mariadb_with_django_4_2: MariaDb, Django42, MEMBERS;
    of_a_model_with_uuids_behind_pgbouncer_with_django_5_2: PgBouncer, Django52, MEMBERS;
    with_sessions_in_redis_with_django_5_2: Redis, Django52, DJANGOS;
    with_sessions_behind_memcached_with_django_5_2: SqliteBehindMemcached, Django52, DJANGOS;
    with_sessions_in_files_with_django_5_2: File, Django52, DJANGOS;
    with_sessions_in_signed_cookies_with_django_5_2: SignedCookies, Django52, DJANGOS;
}
