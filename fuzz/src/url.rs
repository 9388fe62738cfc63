//! `DATABASE_URL` and `CACHE_URL`: a place or a typed error, and no password is shown.

use std::fmt::{Debug, Display};

use cloakroom::{Cache, Database};

/// The password of the seeds.
const PASSWORD: &str = "xyzzy";

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // A file that a URL refers to is another check's matter.
    if text.to_ascii_lowercase().contains("default_file") {
        return;
    }
    if let Ok(database) = Database::from_url(text) {
        let secret = database.password().contains(PASSWORD) && text.matches(PASSWORD).count() == 1;
        hides(secret, &format!("{database:?}"));
        let _ = (database.kind(), database.port(), database.is_in_memory());
        #[cfg(feature = "postgres")]
        check_options(secret, cloakroom::storage::postgres::PostgresOptions::from_database(&database));
        #[cfg(feature = "mysql")]
        check_options(secret, cloakroom::storage::mysql::MysqlOptions::from_database(&database));
    }
    #[cfg(feature = "sqlite")]
    drop(cloakroom::storage::sqlite::SqliteOptions::from_url(text).map(|options| format!("{options:?}")));
    for backend in [None, Some("django_redis.cache.RedisCache")] {
        let Ok(cache) = Cache::from_url_for(text, backend) else { continue };
        let _ = (format!("{cache:?}"), cache.kind(), cache.key_prefix(), cache.version(), cache.timeout());
        #[cfg(feature = "redis")]
        check_options(false, cloakroom::storage::redis::RedisOptions::for_cache(&cache));
        #[cfg(feature = "memcached")]
        check_options(false, cloakroom::storage::memcached::MemcachedOptions::for_cache(&cache));
    }
}

fn hides(secret: bool, shown: &str) {
    assert!(!secret || !shown.contains(PASSWORD), "{shown}");
}

#[cfg_attr(not(any(feature = "postgres", feature = "mysql")), allow(dead_code))]
fn check_options<T: Debug, E: Display + Debug>(secret: bool, options: Result<T, E>) {
    match options {
        Ok(options) => hides(secret, &format!("{options:?}")),
        Err(error) => hides(secret, &format!("{error} {error:?}")),
    }
}
