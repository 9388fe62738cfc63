//! What a cache holds, in each of its formats: loaded or an error, and what was loaded is saved and loaded as the same.
//! Where a row stands behind the cache, nothing in the cache is an error.

use cloakroom::storage::{Insert, MemoryStorage, New, Storage};
use cloakroom::wire::CacheFormat;
use cloakroom::wire::pickle::Protocol;
use cloakroom::{Clock, Engine, SessionStore, Timestamp};

use super::support::{at_now, block_on, key, now, save_and_load, settings};

const FORMATS: [CacheFormat; 4] = [
    CacheFormat::pickle(Protocol::Five),
    CacheFormat::pickle(Protocol::Four).zlib(),
    CacheFormat::json(),
    CacheFormat::json().zlib(),
];

pub fn check(data: &[u8]) {
    block_on(async {
        for format in FORMATS {
            let cache = holding("django.contrib.sessions.cache", data).await;
            let engine = Engine::cache(cache).with_cache_format(format);
            let store = at_now(SessionStore::new(engine, settings()).expect("a store"));
            if let Ok(session) = store.session(Some(&key())).load().await {
                save_and_load(&store, &session).await;
            }
            let cache = holding("django.contrib.sessions.cached_db", data).await;
            let rows = MemoryStorage::with_clock(Clock::new(now));
            let engine = Engine::cached_db(rows.clone(), cache).with_cache_format(format);
            let store = at_now(SessionStore::new(engine, settings()).expect("a store"));
            let row = store.encode(&Default::default()).expect("an empty session");
            let _ = rows.insert(key().as_str(), New::of(row.as_bytes(), Timestamp::MAX)).await;
            let session = store.session(Some(&key())).load().await.expect("the row is good");
            save_and_load(&store, &session).await;
        }
    });
}

async fn holding(prefix: &str, value: &[u8]) -> MemoryStorage {
    let storage = MemoryStorage::with_clock(Clock::new(now));
    let inserted = storage.insert(&format!("{prefix}{}", key().as_str()), New::of(value, Timestamp::MAX)).await;
    assert!(matches!(inserted, Ok(Insert::Inserted(_))));
    storage
}
