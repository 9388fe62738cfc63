//! A live Django site and the demo in one place and with one secret: each reads and changes the other's sessions. Each
//! engine is run with each Django: `./test` shows the table at its end.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod caches;
mod keys;
mod life;
mod logins;
mod races;
mod sharing;
mod urls;

use std::io::Write as _;
use std::sync::Arc;
use std::thread;

use cloakroom::EngineName;
use support::django::Version::{self, Django42, Django52};
use support::place::engine::Front;
use support::place::{Engine, Place};
use support::sites::Sites;

/// A scenario, and the engines it is about.
struct Scenario {
    name: &'static str,
    fits: fn(Engine) -> bool,
    run: fn(&Sites),
}

macro_rules! scenarios {
    ($($fits:ident: $($module:ident::$name:ident),+;)*) => {
        [$($(Scenario { name: stringify!($name), fits: $fits, run: $module::$name },)+)*]
    };
}

const SCENARIOS: [Scenario; 23] = scenarios![
    every: sharing::what_one_writes_the_other_reads,
        sharing::each_changes_what_the_other_wrote_and_leaves_the_rest,
        sharing::the_test_cookie_works_across,
        sharing::the_json_interface_answers_alike,
        life::a_flush_on_one_side_ends_the_session_on_the_other,
        life::an_expiry_set_on_one_side_holds_on_the_other,
        life::without_use_tz_both_write_naive_local_time,
        life::an_absolute_life_ends_however_often_django_saves,
        keys::a_rotated_secret_works_with_fallbacks_on_both_sides,
        keys::a_cookie_that_was_changed_is_worth_nothing;
    // Where the cookie is the session, there is no key to change, nothing to clear and nothing that two requests share.
    kept: life::a_changed_key_is_dead_on_both_sides,
        life::within_the_grace_time_an_old_key_is_a_strangers_to_django_and_keeps_its_cookie,
        life::djangos_clearsessions_and_ours_remove_the_same,
        races::rust_never_overwrites_what_django_changed_in_between,
        races::a_logout_on_django_wins_over_a_slow_request_on_rust,
        races::a_logout_on_rust_wins_over_a_slow_request_on_django,
        races::django_still_overwrites_what_rust_changed_in_between;
    cached: caches::what_json_has_no_words_for_stays_what_it_is;
    on_a_cache_server: caches::a_cache_that_is_down_is_an_error_and_nothing_is_overwritten;
    before_a_database: caches::a_logout_removes_the_row_and_the_entry,
        caches::nothing_is_lost_when_the_cache_forgets,
        caches::without_its_cache_reads_and_writes_go_on_and_a_logout_is_an_error,
        caches::an_entry_that_django_refills_is_saved_over_by_neither;
];

fn every(_: Engine) -> bool {
    true
}

fn kept(engine: Engine) -> bool {
    engine.keeps_sessions()
}

fn cached(engine: Engine) -> bool {
    engine.name() == EngineName::Cache
}

fn on_a_cache_server(engine: Engine) -> bool {
    cached(engine) && !matches!(engine.front(), Some(Front::Files | Front::Table))
}

fn before_a_database(engine: Engine) -> bool {
    engine.name() == EngineName::CachedDb
}

/// Runs every scenario that fits, all at once, on one pair of sites.
fn run(engine: Engine, django: Version) {
    let Some(place) = Place::new(engine, django) else {
        say(&engine.title(), django, "left out: not installed");
        return;
    };
    place.migrate();
    let sites = Sites::start(Arc::new(place), &[], &[]);
    let scenarios: Vec<&Scenario> = SCENARIOS.iter().filter(|scenario| (scenario.fits)(engine)).collect();
    let failed: Vec<&str> = thread::scope(|scope| {
        let sites = &sites;
        let spawn = |Scenario { name, run, .. }: &Scenario| {
            let (name, run) = (*name, *run);
            (name, thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, move || run(sites)).unwrap())
        };
        let running: Vec<_> = scenarios.iter().map(|scenario| spawn(scenario)).collect();
        running.into_iter().filter_map(|(name, thread)| thread.join().is_err().then_some(name)).collect()
    });
    let mut result = format!("{} of {} scenarios passed", scenarios.len() - failed.len(), scenarios.len());
    if !engine.keeps_sessions() {
        let need = SCENARIOS.iter().filter(|scenario| (scenario.fits)(Engine::Sqlite)).count() - scenarios.len();
        result += &format!("; {need} need sessions that the server keeps");
    }
    say(&engine.title(), django, &result);
    assert!(failed.is_empty(), "{engine:?} with Django {}: {failed:#?}", django.number());
}

/// A row of the table. Written past the test runner, which would keep it to itself.
fn say(engine: &str, django: Version, result: &str) {
    let version = django.evaluate("django", "django.__version__").unwrap_or_else(|| django.number().to_owned());
    assert!(version.starts_with(django.number()), "the Python of Django {} has {version}", django.number());
    let _ = std::io::stdout().write_all(format!("interop: {engine:<42}  Django {version:<7}  {result}\n").as_bytes());
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
    redis_with_django_5_2: Redis, Django52;
    redis_with_django_4_2: Redis, Django42;
    django_redis_with_django_5_2: DjangoRedis, Django52;
    django_redis_with_django_4_2: DjangoRedis, Django42;
    memcached_with_django_5_2: Memcached, Django52;
    memcached_with_django_4_2: Memcached, Django42;
    cache_files_with_django_5_2: CacheFiles, Django52;
    cache_files_with_django_4_2: CacheFiles, Django42;
    cache_table_with_django_5_2: CacheTable, Django52;
    cache_table_with_django_4_2: CacheTable, Django42;
    postgresql_behind_redis_with_django_5_2: PostgreSqlBehindRedis, Django52;
    postgresql_behind_redis_with_django_4_2: PostgreSqlBehindRedis, Django42;
    sqlite_behind_memcached_with_django_5_2: SqliteBehindMemcached, Django52;
    sqlite_behind_memcached_with_django_4_2: SqliteBehindMemcached, Django42;
    files_with_django_5_2: File, Django52;
    files_with_django_4_2: File, Django42;
    signed_cookies_with_django_5_2: SignedCookies, Django52;
    signed_cookies_with_django_4_2: SignedCookies, Django42;
}
