//! The names of all settings, in the order they are shown.

/// Those that have one value. Variables and files know them by these names.
pub(super) const SINGLE: [&str; 30] = [
    "SESSION_ENGINE",
    "SESSION_COOKIE_AGE",
    "SESSION_COOKIE_NAME",
    "SESSION_COOKIE_DOMAIN",
    "SESSION_COOKIE_PATH",
    "SESSION_COOKIE_SECURE",
    "SESSION_COOKIE_HTTPONLY",
    "SESSION_COOKIE_SAMESITE",
    "SESSION_COOKIE_PARTITIONED",
    "SESSION_EXPIRE_AT_BROWSER_CLOSE",
    "SESSION_SAVE_EVERY_REQUEST",
    "SESSION_SERIALIZER",
    "SESSION_FILE_PATH",
    "SESSION_CACHE_ALIAS",
    "SESSION_DATABASE_ALIAS",
    "SESSION_TABLE",
    "SESSION_SCHEMA",
    "SESSION_SALT",
    "SESSION_READ_ONLY",
    "SECRET_KEY",
    "SECRET_KEY_B64",
    "SECRET_KEY_FALLBACKS",
    "SECRET_KEY_FALLBACKS_B64",
    "SESSION_SIGNING_KEY",
    "SESSION_SIGNING_KEY_FALLBACKS",
    "USE_TZ",
    "TIME_ZONE",
    "DATABASE_URL",
    "CACHE_URL",
    "REDIS_BACKEND",
];

/// Those that a file has tables for.
#[cfg(feature = "toml")]
pub(super) const TABLES: [&str; 2] = ["DATABASES", "CACHES"];

/// What stands before an alias in the name of a variable: `DATABASE_URL_REPLICA`.
pub(super) const PREFIXES: [&str; 2] = ["DATABASE_URL_", "CACHE_URL_"];
