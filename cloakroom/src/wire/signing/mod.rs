//! `django.core.signing`: texts that carry a proof of who made them, and when.
//!
//! A [`SecretKey`] and a salt make a [`SigningKey`]; one signing key to sign with and any number of fallbacks that still
//! verify make a [`Signer`] or, with the time of signing, a [`TimestampSigner`]. [`dumps`] and [`loads`] do that for
//! JSON, compressed where it pays.

mod dumps;
mod error;
mod secret;
mod signer;
mod timestamp;

pub use dumps::{DecodeError, Decoded, dumps, loads};
pub(crate) use dumps::{dumps_bytes, loads_bytes, loads_data};
pub use error::{BadSeparator, SigningError};
pub use secret::{Algorithm, EmptySecret, SecretKey, SigningKey, salted_hmac};
pub use signer::{Signer, Unsigned};
pub use timestamp::{TimestampSigner, TimestampUnsigned};

/// The salt of Django's `Signer()`.
pub const SIGNER_SALT: &str = "django.core.signing.Signer";

/// The salt of Django's `TimestampSigner()`.
pub const TIMESTAMP_SIGNER_SALT: &str = "django.core.signing.TimestampSigner";

/// The salt of Django's `signing.dumps()` and `signing.loads()`.
pub const DUMPS_SALT: &str = "django.core.signing";
