//! `DATABASE_URL` and `CACHE_URL`: a place or a typed error, and no password is shown.

use std::fmt::{Debug, Display};

use cloakroom::{Cache, Database};

/// The password of the seeds, and what stands in its place the second time.
const PASSWORD: &str = "xyzzy";
const ANOTHER: &str = "plugh";

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // A file that a URL refers to is another check's matter.
    if text.to_ascii_lowercase().contains("default_file") {
        return;
    }
    if let Ok(database) = Database::from_url(text) {
        let another = with_another_password(text, &database);
        hidden(&database, another.as_ref(), |database| format!("{database:?} {database}"));
        let _ = (database.kind(), database.port(), database.is_in_memory());
        #[cfg(feature = "postgres")]
        hidden(&database, another.as_ref(), |one| {
            shown(&cloakroom::storage::postgres::PostgresOptions::from_database(one))
        });
        #[cfg(feature = "mysql")]
        hidden(&database, another.as_ref(), |one| shown(&cloakroom::storage::mysql::MysqlOptions::from_database(one)));
    }
    #[cfg(feature = "sqlite")]
    drop(cloakroom::storage::sqlite::SqliteOptions::from_url(text).map(|options| format!("{options:?}")));
    for backend in [None, Some("django_redis.cache.RedisCache")] {
        let Ok(cache) = Cache::from_url_for(text, backend) else { continue };
        let _ = (format!("{cache:?}"), cache.kind(), cache.key_prefix(), cache.version(), cache.timeout());
        #[cfg(feature = "redis")]
        let _ = shown(&cloakroom::storage::redis::RedisOptions::for_cache(&cache));
        #[cfg(feature = "memcached")]
        let _ = shown(&cloakroom::storage::memcached::MemcachedOptions::for_cache(&cache));
    }
}

/// The same place with another password, where the seeds' password stands in the text once and there.
fn with_another_password(text: &str, database: &Database) -> Option<Database> {
    let once = text.matches(PASSWORD).count() == 1;
    let another = if once { Database::from_url(&text.replace(PASSWORD, ANOTHER)).ok()? } else { return None };
    (another.password() != database.password()).then_some(another)
}

/// What is shown of a place is the same with another password. Looking for the password would not do: a tab or an escape
/// may make another part of the URL read like it.
fn hidden(database: &Database, another: Option<&Database>, show: impl Fn(&Database) -> String) {
    let shown = show(database);
    if let Some(another) = another {
        assert_eq!(shown, show(another));
    }
}

#[cfg_attr(not(feature = "postgres"), allow(dead_code))]
fn shown<T: Debug, E: Display + Debug>(options: &Result<T, E>) -> String {
    match options {
        Ok(options) => format!("{options:?}"),
        Err(error) => format!("{error} {error:?}"),
    }
}
