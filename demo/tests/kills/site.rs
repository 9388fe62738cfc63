//! The site is killed under load and started again.

use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use cloakroom::{EngineName, SessionStore};
use serde_json::Value;

use crate::load::{VISITORS, any, more, under_load};
use crate::support::Demo;
use crate::support::django::Version::Django52;
use crate::support::place::{Engine, Place, pairs};
use crate::visitor::{Seen, Visitor};
use crate::{bounded, say};

/// Kills the site of a place in the midst of its visitors, again and again.
fn killed(place: Option<Place>) {
    let Some(place) = place else { return };
    // The site makes its own table, not the cache's.
    if place.engine == Engine::CacheTable {
        place.migrate();
    }
    let variables = place.variables(&[("RUST_LOG", "off")]);
    let mut demo = Demo::start(&pairs(&variables));
    let mut visitors: Vec<_> = (0..VISITORS).map(|number| Visitor::new(demo.browser(), number)).collect();
    let place = Arc::new(place);
    if place.engine.name() == EngineName::CachedDb {
        // So that some are killed while they fill the cache.
        visitors.iter_mut().for_each(|visitor| visitor.evicting = Some(Arc::clone(&place)));
    }
    let seen = Seen::default();
    let kills = bounded(3, 100);
    for _ in 0..kills {
        let folder = under_load(&mut visitors, &seen, || {
            more(&seen, Seen::acknowledged, "changes", 40 + any(120));
            thread::sleep(Duration::from_micros(any(5_000) as u64));
            demo.stop()
        });
        demo = Demo::start_in(folder, &pairs(&variables));
        for visitor in &mut visitors {
            visitor.browser.address.clone_from(&demo.address);
            visitor.look_again(&seen);
            visitor.check_ended();
        }
    }
    say(&format!("{}, the site killed: {kills} kills, {seen}", place.engine.title()));
    check(&place, &mut visitors);
    // The database alone has everything too.
    for visitor in &mut visitors {
        visitor.evict();
        visitor.look_again(&seen);
    }
    if place.engine == Engine::File {
        clear_left_overs(&place, &mut visitors, &seen);
    }
}

/// What is there at the end, also by Django, and without what a cache holds.
pub(crate) fn check(place: &Place, visitors: &mut [Visitor]) {
    let (mut keys, mut expected) = (Vec::new(), Vec::new());
    for visitor in visitors.iter_mut() {
        visitor.check_all_ended();
        if let Some((key, held)) = visitor.has() {
            keys.push(key);
            expected.push(Some((visitor.number(), held)));
        }
        if let Some(key) = visitor.left() {
            keys.push(key);
            expected.push(None);
        }
    }
    let [shown, all] = place.show(&keys);
    for (shown, expected) in shown.iter().zip(expected) {
        match expected {
            Some((number, [least, most])) => {
                let count = shown["count"].as_u64().unwrap_or_default();
                assert!(shown["visitor"] == number && (least..=most).contains(&count), "Django finds {shown}");
            }
            None => assert_eq!(shown.to_string(), "{}", "Django finds what was ended"),
        }
    }
    assert!(all.iter().all(|data| data["count"].is_u64() && data["visitor"].is_u64()), "half a session: {all:?}");
    if place.engine.name() == EngineName::Cache {
        return;
    }
    // A session whose visitor was not told its new key is under that one.
    for visitor in visitors.iter() {
        for (least, most) in &visitor.moved {
            let is_it = |data: &Value| {
                data["visitor"] == visitor.number() && (*least..=*most).contains(&data["count"].as_u64().unwrap())
            };
            assert!(all.iter().any(is_it), "a session got lost with a change of key: {least}");
        }
    }
}

/// What the killed left in the folder hinders nobody, and goes with the expired sessions after an hour.
fn clear_left_overs(place: &Place, visitors: &mut [Visitor], seen: &Seen) {
    let left = || {
        let files = fs::read_dir(place.sessions()).unwrap().flatten().map(|file| file.path());
        let is_left = |name: &str| name.starts_with(".cloakroom_") && !name.starts_with(".cloakroom_lock_");
        files.filter(|path| is_left(&path.file_name().unwrap().to_string_lossy())).collect::<Vec<_>>()
    };
    let count = left().len();
    let store = SessionStore::open(place.settings()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    place.manage(&["clearsessions"]);
    runtime.block_on(store.clear_expired()).unwrap();
    assert_eq!(left().len(), count, "young ones may be in use");
    // The name says when it was made: .cloakroom_<seconds>_<random>.
    for path in left() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let (seconds, random) = name.trim_start_matches(".cloakroom_").split_once('_').unwrap();
        let seconds = u64::from_str_radix(seconds, 16).unwrap() - 3_700;
        fs::rename(&path, path.with_file_name(format!(".cloakroom_{seconds:x}_{random}"))).unwrap();
    }
    runtime.block_on(store.clear_expired()).unwrap();
    assert_eq!(left().len(), 0);
    say(&format!("file: {count} temporary files were left by the killed, and cleared"));
    for visitor in visitors {
        visitor.look_again(seen);
    }
}

macro_rules! places {
    ($($name:ident: $place:expr;)*) => {
        $(#[test]
        fn $name() {
            killed($place);
        })*
    };
}

places! {
    a_site_on_sqlite_is_killed_under_load: Place::new(Engine::Sqlite, Django52);
    a_site_on_postgresql_is_killed_under_load: Place::new(Engine::PostgreSql, Django52);
    a_site_on_mariadb_is_killed_under_load: Place::new(Engine::MariaDb, Django52);
    a_site_on_postgresql_behind_redis_is_killed_under_load: Place::new(Engine::PostgreSqlBehindRedis, Django52);
    a_site_on_sqlite_behind_memcached_is_killed_under_load: Place::new(Engine::SqliteBehindMemcached, Django52);
    a_site_on_files_is_killed_under_load: Place::new(Engine::File, Django52);
    // A server that has each write on its disk before it answers.
    a_site_on_redis_is_killed_under_load: Place::alone(Engine::Redis, Django52);
    a_site_on_a_cache_table_is_killed_under_load: Place::new(Engine::CacheTable, Django52);
}
