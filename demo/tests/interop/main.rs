//! A live Django site and the demo in one place and with one secret: each reads and changes the other's sessions. Each
//! engine is run with each Django: `./test` shows the table at its end.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod keys;
mod life;
mod races;
mod sharing;
mod urls;

use std::io::Write as _;
use std::sync::Arc;
use std::thread;

use support::django::Version::{self, Django42, Django52};
use support::place::{Engine, Place};
use support::sites::Sites;

type Scenario = (&'static str, fn(&Sites));

macro_rules! scenarios {
    ($($module:ident::$name:ident,)*) => { [$((stringify!($name), $module::$name)),*] };
}

const SCENARIOS: [Scenario; 14] = scenarios![
    sharing::what_one_writes_the_other_reads,
    sharing::each_changes_what_the_other_wrote_and_leaves_the_rest,
    sharing::the_test_cookie_works_across,
    sharing::the_json_interface_answers_alike,
    life::a_flush_on_one_side_ends_the_session_on_the_other,
    life::a_changed_key_is_dead_on_both_sides,
    life::an_expiry_set_on_one_side_holds_on_the_other,
    life::djangos_clearsessions_and_ours_remove_the_same,
    life::without_use_tz_both_write_naive_local_time,
    keys::a_rotated_secret_works_with_fallbacks_on_both_sides,
    keys::a_cookie_that_was_changed_is_worth_nothing,
    races::rust_never_overwrites_what_django_changed_in_between,
    races::a_logout_on_django_wins_over_a_slow_request_on_rust,
    races::django_still_overwrites_what_rust_changed_in_between,
];

/// Where the cookie is the session, there is no key to change, nothing to clear and nothing that two requests share.
const NEED_A_KEPT_SESSION: [&str; 5] = [
    "a_changed_key_is_dead_on_both_sides",
    "djangos_clearsessions_and_ours_remove_the_same",
    "rust_never_overwrites_what_django_changed_in_between",
    "a_logout_on_django_wins_over_a_slow_request_on_rust",
    "django_still_overwrites_what_rust_changed_in_between",
];

/// Runs every scenario, all at once, on one pair of sites.
fn run(engine: Engine, django: Version) {
    let Some(place) = Place::new(engine, django) else {
        say(&format!("{engine:?}"), django, "left out: not installed");
        return;
    };
    place.migrate();
    let sites = Sites::start(Arc::new(place), &[], &[]);
    let fits = |(name, _): &&Scenario| engine.keeps_sessions() || !NEED_A_KEPT_SESSION.contains(name);
    let scenarios: Vec<&Scenario> = SCENARIOS.iter().filter(fits).collect();
    let failed: Vec<&str> = thread::scope(|scope| {
        let sites = &sites;
        let spawn = |(name, scenario): &Scenario| {
            let (name, scenario) = (*name, *scenario);
            (name, thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, move || scenario(sites)).unwrap())
        };
        let running: Vec<_> = scenarios.iter().map(|scenario| spawn(scenario)).collect();
        running.into_iter().filter_map(|(name, thread)| thread.join().is_err().then_some(name)).collect()
    });
    let mut result = format!("{:>2} of {:>2} scenarios passed", scenarios.len() - failed.len(), scenarios.len());
    if scenarios.len() < SCENARIOS.len() {
        result += &format!("; {} need sessions that the server keeps", SCENARIOS.len() - scenarios.len());
    }
    say(&engine.title(), django, &result);
    assert!(failed.is_empty(), "{engine:?} with Django {}: {failed:#?}", django.number());
}

/// A row of the table. Written past the test runner, which would keep it to itself.
fn say(engine: &str, django: Version, result: &str) {
    let version = django.evaluate("django", "django.__version__").unwrap_or_else(|| django.number().to_owned());
    assert!(version.starts_with(django.number()), "the Python of Django {} has {version}", django.number());
    let _ = std::io::stdout().write_all(format!("interop: {engine:<31}  Django {version:<7}  {result}\n").as_bytes());
}

macro_rules! rows {
    ($($name:ident: $engine:ident, $django:ident;)*) => {
        $(#[test]
        fn $name() {
            run(Engine::$engine, $django);
        })*
    };
}

rows! {
    sqlite_with_django_5_2: Sqlite, Django52;
    sqlite_with_django_4_2: Sqlite, Django42;
    postgresql_with_django_5_2: PostgreSql, Django52;
    postgresql_with_django_4_2: PostgreSql, Django42;
    mariadb_with_django_5_2: MariaDb, Django52;
    mariadb_with_django_4_2: MariaDb, Django42;
    pgbouncer_with_django_5_2: PgBouncer, Django52;
    files_with_django_5_2: File, Django52;
    files_with_django_4_2: File, Django42;
    signed_cookies_with_django_5_2: SignedCookies, Django52;
    signed_cookies_with_django_4_2: SignedCookies, Django42;
}
