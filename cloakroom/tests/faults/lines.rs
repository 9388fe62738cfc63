//! A line that delays, cuts and truncates replies, so that nobody knows what became of a write: in time there is success
//! or a typed error, what was acknowledged is there, what was not is there whole or not at all, no answer reaches another
//! session, and no connection is lost.
#![cfg(all(feature = "postgres", feature = "mysql", feature = "redis", feature = "memcached"))]
#![allow(unreachable_pub)]

mod figures;
mod places;
mod random;
mod requests;
mod sweep;

use std::sync::Arc;

use places::Place;

/// A line to a server, with the engines that may keep sessions there: first alone, then as a part of `cached_db`.
macro_rules! on {
    ($($name:ident: $alone:ident, $part:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let (Some(alone), Some(part)) = (Place::$alone().await, Place::$part().await) else { return };
            // Most of the time is spent in waiting.
            tokio::join!(bad_line(alone), bad_line(part));
        }
    )*};
}

on! {
    a_bad_line_to_postgresql: db_on_postgresql, cached_db_with_postgresql_behind;
    a_bad_line_to_mariadb: db_on_mariadb, cached_db_with_mariadb_behind;
    a_bad_line_to_redis: cache_on_redis, cached_db_with_redis_before;
    a_bad_line_to_memcached: cache_on_memcached, cached_db_with_memcached_before;
}

async fn bad_line(place: Place) {
    sweep::sweep(&place).await;
    random::randomly(Arc::new(place)).await;
}

/// Whether the long form is asked for.
fn long() -> bool {
    std::env::var_os("CLOAKROOM_LONG").is_some()
}
