//! `stores-server PORT sqlite FILE`, `postgres URL` or `redis URL`: tower-sessions with its other stores, each with the
//! pool that its documentation's example has.
#![allow(clippy::unwrap_used)]

#[path = "../../tower-sessions-server/src/routes.rs"]
mod routes;

use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::{ClientLike as _, Config, Pool};
use tower_sessions_sqlx_store::sqlx::postgres::PgPool;
use tower_sessions_sqlx_store::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqliteSynchronous};
use tower_sessions_sqlx_store::{PostgresStore, SqliteStore};

#[tokio::main]
async fn main() {
    let (port, arguments) = site::arguments();
    let [store, place] = &arguments[..] else { panic!("a store and its place") };
    let router = match store.as_str() {
        "sqlite" => {
            let options = SqliteConnectOptions::new().filename(place).create_if_missing(true);
            let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
            let store = SqliteStore::new(SqlitePool::connect_with(options).await.unwrap());
            store.migrate().await.unwrap();
            routes::with_sessions(store)
        }
        "postgres" => {
            let store = PostgresStore::new(PgPool::connect(place).await.unwrap());
            store.migrate().await.unwrap();
            routes::with_sessions(store)
        }
        "redis" => {
            let pool = Pool::new(Config::from_url(place).unwrap(), None, None, None, 6).unwrap();
            pool.connect();
            pool.wait_for_connect().await.unwrap();
            routes::with_sessions(RedisStore::new(pool))
        }
        store => panic!("unknown store {store}"),
    };
    site::serve(router, port).await;
}
