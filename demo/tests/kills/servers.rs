//! A server behind the site is killed, stands still and comes back: each visitor is told of an error in time, nobody's
//! session is written over by another state, what was acknowledged is kept, and the site goes on by itself.

use std::sync::Mutex;

use test_servers::{Database, MariaDb, PgBouncer, PostgreSql};

use crate::load::{VISITORS, more, under_load};
use crate::site::check;
use crate::support::Demo;
use crate::support::django::Version::Django52;
use crate::support::place::{Engine, Place, pairs};
use crate::visitor::{Seen, Visitor, read};
use crate::{bounded, say};

/// So many changes, or errors, between one trouble and the next.
const CHANGES: usize = 100;
const ERRORS: usize = 40;

/// What is done to a server.
trait Server {
    fn kill(&mut self);
    fn restart(&mut self);
    /// Has it keep its connections and answer nothing, or go on.
    fn hold(&mut self, still: bool);
}

macro_rules! servers {
    ($($server:ty),+) => {
        $(impl Server for &Mutex<$server> {
            fn kill(&mut self) {
                self.lock().unwrap().kill();
            }

            fn restart(&mut self) {
                self.lock().unwrap().restart();
            }

            fn hold(&mut self, still: bool) {
                let server = self.lock().unwrap();
                if still { server.pause() } else { server.resume() }
            }
        })+
    };
}

servers!(PostgreSql, MariaDb);

/// The cache server of a place's own.
impl Server for &Place {
    fn kill(&mut self) {
        self.cache().kill();
    }

    fn restart(&mut self) {
        self.cache().restart();
    }

    fn hold(&mut self, still: bool) {
        if still { self.cache().pause() } else { self.cache().resume() }
    }
}

/// It has no state that could stand still.
impl Server for PgBouncer {
    fn kill(&mut self) {
        Self::kill(self);
    }

    fn restart(&mut self) {
        Self::restart(self);
    }

    fn hold(&mut self, _: bool) {
        unreachable!("only killed");
    }
}

fn changes(seen: &Seen, what: &str) {
    more(seen, Seen::acknowledged, what, CHANGES);
}

fn errors(seen: &Seen, count: usize) {
    more(seen, |seen| read(&seen.errors) + read(&seen.undone), "errors", count);
}

fn kills(seen: &Seen, server: &mut dyn Server) -> usize {
    let kills = bounded(2, 30);
    changes(seen, "changes");
    for _ in 0..kills {
        server.kill();
        errors(seen, ERRORS);
        server.restart();
        changes(seen, "changes after a restart");
    }
    kills
}

/// Kills and holds still; each time there are errors, and afterwards changes again.
fn troubles(seen: &Seen, mut server: impl Server) -> usize {
    let kills = kills(seen, &mut server);
    for _ in 0..bounded(1, 10) {
        server.hold(true);
        // Each takes its whole time-out.
        errors(seen, VISITORS);
        server.hold(false);
        changes(seen, "changes after a standstill");
    }
    kills
}

/// Runs visitors of a place while `trouble` goes on, which answers how often it killed; then looks at what is there.
fn run(place: &Place, what: &str, forgets: bool, trouble: impl FnOnce(&Seen) -> usize) -> Seen {
    // Each error is in the log, by design.
    let demo = Demo::start(&pairs(&place.variables(&[("RUST_LOG", "off")])));
    let mut visitors: Vec<_> = (0..VISITORS).map(|number| Visitor::new(demo.browser(), number)).collect();
    visitors.iter_mut().for_each(|visitor| visitor.may_forget = forgets);
    let seen = Seen::default();
    let kills = under_load(&mut visitors, &seen, || trouble(&seen));
    visitors.iter_mut().for_each(|visitor| visitor.look_again(&seen));
    say(&format!("{what} killed behind a site on {}: {kills} kills, {seen}", place.engine.name()));
    check(place, &mut visitors);
    assert_eq!(read(&seen.cut), 0, "the site has ended");
    assert!(read(&seen.lost) <= if forgets { VISITORS * kills } else { 0 }, "{} sessions are lost", read(&seen.lost));
    seen
}

#[test]
fn postgresql_is_killed_under_load() {
    let Some(server) = PostgreSql::start() else { return };
    let Some(place) = Place::on(Engine::PostgreSql, Django52, server.new_database()) else { return };
    let server = Mutex::new(server);
    run(&place, "PostgreSQL", false, |seen| troubles(seen, &server));
}

#[test]
fn mariadb_is_killed_under_load() {
    let Some(server) = MariaDb::start() else { return };
    let Some(place) = Place::on(Engine::MariaDb, Django52, server.new_database()) else { return };
    let server = Mutex::new(server);
    run(&place, "MariaDB", false, |seen| troubles(seen, &server));
}

/// The bouncer and the server behind it by turns.
#[test]
fn pgbouncer_and_what_is_behind_it_are_killed_under_load() {
    let Some(server) = PostgreSql::start() else { return };
    let Some(mut bouncer) = PgBouncer::before(&server) else { return };
    let database = server.new_database();
    // What Django's documentation asks of sites behind PgBouncer.
    let url = server.url(bouncer.port(), &database.name) + "?DISABLE_SERVER_SIDE_CURSORS=True";
    let Some(place) = Place::on(Engine::PgBouncer, Django52, Database { url, ..database }) else { return };
    let server = Mutex::new(server);
    run(&place, "PgBouncer and PostgreSQL", false, |seen| {
        let kills = bounded(2, 30);
        changes(seen, "changes");
        for _ in 0..kills {
            for server in [&mut bouncer as &mut dyn Server, &mut &server] {
                server.kill();
                errors(seen, ERRORS);
                server.restart();
                changes(seen, "changes after a restart");
            }
        }
        2 * kills
    });
}

/// Each write is on the disk before it is acknowledged.
#[test]
fn redis_is_killed_under_load() {
    let Some(place) = Place::alone(Engine::Redis, Django52) else { return };
    run(&place, "Redis", false, |seen| troubles(seen, &place));
}

/// It forgets everything when it ends, and nothing otherwise.
#[test]
fn memcached_is_killed_under_load() {
    let Some(place) = Place::alone(Engine::Memcached, Django52) else { return };
    run(&place, "memcached", true, |seen| troubles(seen, &place));
}

/// Behind a cache that fails there is the database: who reads and saves does not notice. A logout is an error until it is
/// certain that the cache serves no old copy.
#[test]
fn a_cache_before_a_database_is_killed_under_load() {
    let Some(place) = Place::alone(Engine::SqliteBehindMemcached, Django52) else { return };
    let seen = run(&place, "memcached", false, |seen| {
        let kills = bounded(3, 30);
        for _ in 0..kills {
            changes(seen, "changes");
            place.cache().kill();
            changes(seen, "changes without a cache");
            place.cache().restart();
        }
        changes(seen, "changes");
        kills
    });
    assert_eq!(read(&seen.errors), 0);
}

/// The cache alone is not enough to save: that is an error, and what was acknowledged is in the table.
#[test]
fn a_database_behind_a_cache_is_killed_under_load() {
    let Some(server) = PostgreSql::start() else { return };
    let Some(place) = Place::on(Engine::PostgreSqlBehindRedis, Django52, server.new_database()) else { return };
    let server = Mutex::new(server);
    run(&place, "PostgreSQL", false, |seen| kills(seen, &mut &server));
}
