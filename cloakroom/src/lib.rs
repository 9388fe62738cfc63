//! Django's sessions, native to Rust and wire-compatible with Django itself.
//!
//! The browser carries a session key in a cookie; the server keeps the session's data. cloakroom keeps it
//! where Django keeps it and as Django writes it, so that a Rust service and a Django site can share their
//! visitors' sessions.
//!
//! ```
//! use axum::{Router, routing::get};
//! use cloakroom::middleware::SessionLayer;
//! use cloakroom::{Session, SessionError, SessionStore, Settings};
//!
//! async fn visits(session: Session) -> Result<String, SessionError> {
//!     let visits = session.get_or("visits", 0)? + 1;
//!     session.set("visits", &visits)?;
//!     Ok(format!("visit {visits}"))
//! }
//!
//! let store = SessionStore::memory(Settings::new())?;
//! let app: Router = Router::new().route("/", get(visits)).layer(SessionLayer::new(store));
//! # Ok::<(), cloakroom::SettingsError>(())
//! ```
//!
//! # The modules
//!
//! Data flows down the list and comes back up.
//!
//! | module | what it is |
//! |---|---|
//! | [`middleware`] | the tower layer and the axum extractors |
//! | [`Session`], [`LazySession`], [`BlockingSession`] | the dictionary that a handler holds |
//! | [`auth`] | Django's logins: the user of a session, logging in and out |
//! | [`SessionStore`], [`Settings`] | where sessions come from, and Django's settings |
//! | [`SessionEvent`] | what happens to sessions, for observers |
//! | [`Engine`] | a wire format plus a storage |
//! | [`environ`] | files of variables, by django-environ's rules |
//! | [`storage`] | where bytes are kept, and the trait for places of your own |
//! | [`SessionData`], [`Json`] | the members of a session |
//! | [`wire`] | Django's formats as pure functions |
//! | `testing` | for tests: sessions made beforehand, a cookie jar, the contract suite for storages (feature `testing`) |
//!
//! # A tour of the dictionary
//!
//! A [`Session`] has the methods of Django's, by their names:
//!
//! ```
//! # use cloakroom::{SessionStore, Settings};
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let session = SessionStore::memory(Settings::new())?.session(None).load().await?;
//! use cloakroom::{Json, SessionError};
//!
//! session.set("name", "Ada")?;
//! session.set_json("cart", Json::parse("[1, 2]")?);
//! session.update(&serde_json::json!({"visits": 3, "old": true}))?;
//! assert_eq!(session.get::<u32>("visits")?, Some(3));
//! assert_eq!(session.get_or("likes", 0)?, 0);
//! assert_eq!(session.item::<String>("name")?, "Ada");
//! assert!(matches!(session.item::<String>("nobody"), Err(SessionError::KeyError { .. })));
//! assert_eq!(session.get_json("cart").unwrap().as_str(), "[1, 2]");
//!
//! assert!(session.contains("old") && session.has_key("old"));
//! session.del("old")?;
//! assert_eq!(session.pop_or("old", false)?, false);
//! assert_eq!(session.keys(), ["name", "cart", "visits"]);
//! assert_eq!(session.values()[2].to::<u32>()?, 3);
//! assert_eq!(session.items()[0].0, "name");
//! assert_eq!(session.data().to_json(), r#"{"name":"Ada","cart":[1, 2],"visits":3}"#);
//!
//! session.set_test_cookie();
//! assert!(session.test_cookie_worked());
//! session.delete_test_cookie()?;
//! session.clear();
//! assert!(session.is_empty());
//! # Ok(()) }
//! ```
//!
//! # Features
//!
//! | feature | brings |
//! |---|---|
//! | `axum` (default) | the extractors; switches `tower` on |
//! | `tower` | the layer and the service |
//! | `sqlite` | `storage::SqliteStorage`, with SQLite built in |
//! | `file` | `storage::FileStorage`, Django's engine `file`; Unix only |
//! | `postgres` | `storage::PostgresStorage` |
//! | `mysql` | `storage::MysqlStorage`, for MySQL and MariaDB |
//! | `memcached` | `storage::MemcachedStorage` |
//! | `redis` | `storage::RedisStorage`, for one server, Redis Sentinel and Redis Cluster |
//! | `metrics` | counters and histograms, by the facade of that name; `describe_metrics` |
//! | `toml` | settings from a file `cloakroom.toml` |
//! | `testing` | sessions made beforehand and a cookie jar for tests of handlers; the contract suite for storages, and a storage that counts its round trips |
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// Without a framework nobody asks what a response has to say.
#![cfg_attr(not(feature = "tower"), allow(dead_code, unused_imports))]

pub mod auth;
mod cookie;
mod data;
mod engine;
pub mod environ;
mod error;
mod expiry;
mod key;
#[cfg(feature = "tower")]
pub mod middleware;
mod observe;
mod round_trips;
mod session;
mod settings;
pub mod storage;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
pub mod wire;

pub use data::{Json, SessionData};
pub use engine::{Cleared, ClearingEnd, ClearingProgress, Engine};
pub use error::{OpenError, SessionError};
pub use expiry::{Expiry, ExpiryError, ExpiryOptions, Moment};
pub use key::{InvalidSessionKey, KeySource, SessionKey};
#[cfg(feature = "axum")]
#[doc(inline)]
pub use middleware::SessionRejection;
#[cfg(feature = "tower")]
#[doc(inline)]
pub use middleware::{SessionLayer, Sessions};
#[cfg(feature = "metrics")]
pub use observe::describe_metrics;
pub use observe::{EndReason, SessionEvent};
pub use session::{
    BlockingSession, Clearing, ClearingTask, Counted, CountedBytes, CountedEnds, Counting, EndedOfUser,
    InspectedSession, LazySession, ListedSession, Session, SessionPage, SessionStore, TEST_COOKIE_NAME,
    TEST_COOKIE_VALUE, UserEnding, WalkProgress,
};
pub use settings::{
    Cache, CacheKind, Database, DatabaseKind, DerivedKey, EngineName, Entry, EntryValue, SameSite, SessionSerializer,
    SettingSource, Settings, SettingsError,
};
pub use time::{Clock, Timestamp};

/// The examples in the documents, compiled and run with the doctests.
#[cfg(all(doctest, feature = "axum", feature = "sqlite", feature = "testing"))]
mod documents {
    #[doc = include_str!("../../README.md")]
    mod readme {}
    #[doc = include_str!("../../docs/clean-up.md")]
    mod clean_up {}
    #[doc = include_str!("../../docs/django.md")]
    mod django {}
    #[cfg(feature = "file")]
    #[doc = include_str!("../../docs/engines.md")]
    mod engines {}
    #[doc = include_str!("../../docs/guide.md")]
    mod guide {}
    #[doc = include_str!("../../docs/limits.md")]
    mod limits {}
    #[doc = include_str!("../../docs/logins.md")]
    mod logins {}
    #[doc = include_str!("../../docs/observing.md")]
    mod observing {}
    #[doc = include_str!("../../docs/operators.md")]
    mod operators {}
    #[doc = include_str!("../../docs/from-tower-sessions.md")]
    mod from_tower_sessions {}
    #[doc = include_str!("../../docs/from-django.md")]
    mod from_django {}
}
