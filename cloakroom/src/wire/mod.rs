//! Django's formats, as pure functions.
//!
//! Nothing here does I/O or looks at a clock: the time is an argument. Every decoder takes hostile input: it answers a
//! value or a typed error, never a panic, and what it allocates is bounded. The MAC is checked before anything else
//! is read.
//!
//! | module | Python's twin |
//! |---|---|
//! | [`base62`] | `django.core.signing.b62_encode`, `b62_decode` |
//! | [`base64`] | `django.core.signing.b64_encode`, `b64_decode` |
//! | [`zlib`] | `zlib.compress`, `zlib.decompress` |
//! | [`signing`] | `django.core.signing`, `django.utils.crypto.salted_hmac` |
//! | [`json`] | `json.loads`, `json.dumps(separators=(",", ":"))` |
//! | [`pickle`] | `pickle.loads`, `pickle.dumps` |
//! | [`stored`] | `SessionBase.encode`, `SessionBase.decode` |
//!
//! From a value to the text in `django_session.session_data` and back:
//!
//! ```
//! use cloakroom::Timestamp;
//! use cloakroom::wire::{json, signing, stored};
//!
//! let secret = signing::SecretKey::new("not so secret")?;
//! let signer = signing::TimestampSigner::with_secret(&secret, &[], stored::SESSION_SALT);
//!
//! let text = json::to_string(&std::collections::BTreeMap::from([("visits", 3)]))?;
//! let kept = stored::encode(&text, &signer, Timestamp::UNIX_EPOCH);
//! assert!(kept.starts_with("eyJ2aXNpdHMiOjN9:0:"));
//!
//! let back = stored::decode(&kept, &signer)?;
//! assert_eq!(back.json, r#"{"visits":3}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod base62;
pub mod base64;
mod cache_value;
pub mod json;
mod login_hash;
pub mod pickle;
pub mod signing;
pub mod stored;
pub mod zlib;

pub use cache_value::CacheFormat;
pub(crate) use cache_value::CacheSerializer;
pub use json::{JsonError, Kind};
pub use login_hash::{LOGIN_HASH_SALT, LoginHashKey};
pub use signing::{SecretKey, Signer, SigningError, SigningKey, TimestampSigner};
pub use stored::{DecodeError, Decoded};
