//! Two requests, one session, on every engine: each order that matters, step by step, and every operation in the middle
//! of every other. Nothing is lost, nothing is brought back.
#![allow(missing_docs, clippy::unwrap_used)]

mod crowd;
#[cfg(feature = "memcached")]
#[path = "../support/memcached.rs"]
mod memcached;
#[cfg(feature = "mysql")]
#[path = "../support/mysql.rs"]
mod mysql;
mod orders;
mod outcomes;
#[path = "../support/paused.rs"]
mod paused;
#[path = "../support/places.rs"]
mod places;
#[cfg(feature = "postgres")]
#[path = "../support/postgres.rs"]
mod postgres;
#[cfg(feature = "redis")]
#[path = "../support/redis.rs"]
mod redis;
mod sweep;

/// Every order on one place: a module of tests.
macro_rules! on {
    ($module:ident, $place:expr) => {
        mod $module {
            use crate::places::{Cache, Database, Place, Site};

            on! { $place =>
                load_load_save_save_keeps_both_changes
                load_logout_save_stays_logged_out
                miss_logout_refill_stays_logged_out
                rotate_save_does_not_keep_the_old_key_alive
                a_change_of_key_takes_the_changes_of_others_along
                touch_set_expiry_keeps_the_new_expiry
                touch_delete_does_not_bring_the_session_back
                clear_set_removes_what_came_before_and_not_what_comes_after
                between_the_tries_of_a_save_nothing_is_lost_or_brought_back
                between_the_steps_of_a_change_of_key_nothing_is_lost_or_brought_back
                between_database_and_cache_no_old_copy_stays
            }

            #[tokio::test]
            async fn every_operation_in_the_middle_of_every_other_loses_nothing() {
                let Some(site) = Site::open($place).await else { return };
                crate::sweep::everything(&site).await;
            }
        }
    };
    ($place:expr => $($order:ident)*) => {
        // Only one of a place is used by each.
        #[allow(unused_imports)]
        use {Cache as _, Database as _};
        $(
            #[tokio::test]
            async fn $order() {
                let Some(site) = Site::open($place).await else { return };
                crate::orders::$order(&site).await;
            }
        )*
    };
}

on!(db_on_sqlite, Place::Db(Database::Sqlite));
on!(db_on_postgresql, Place::Db(Database::PostgreSql));
on!(db_on_mariadb, Place::Db(Database::MariaDb));
on!(file, Place::Files);
on!(cache_in_memory, Place::Cache(Cache::Memory));
on!(cache_on_redis, Place::Cache(Cache::Redis));
on!(cache_on_redis_in_steps, Place::CacheInSteps(Cache::Redis));
on!(cache_on_memcached, Place::Cache(Cache::Memcached));
on!(cache_in_files, Place::Cache(Cache::Files));
on!(cache_in_a_database, Place::Cache(Cache::Database));
on!(cached_db_on_sqlite_behind_memory, Place::CachedDb(Database::Sqlite, Cache::Memory));
on!(cached_db_on_postgresql_behind_redis, Place::CachedDb(Database::PostgreSql, Cache::Redis));
on!(cached_db_on_sqlite_behind_memcached, Place::CachedDb(Database::Sqlite, Cache::Memcached));
