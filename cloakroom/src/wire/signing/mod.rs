//! `django.core.signing`: texts that carry a proof of who made them, and when.
//!
//! A [`SecretKey`] and a salt make a [`SigningKey`]; one signing key to sign with and any number of fallbacks that still
//! verify make a [`Signer`] or, with the time of signing, a [`TimestampSigner`]. [`dumps`] and [`loads`] do that for
//! JSON, compressed where it pays.
//!
//! ```
//! use cloakroom::wire::signing::{SIGNER_SALT, SecretKey, Signer, SigningKey};
//!
//! let key = SigningKey::derive(&SecretKey::new("secret")?, SIGNER_SALT);
//! let signer = Signer::new(&key, []);
//! assert_eq!(signer.unsign(&signer.sign("value"))?.value, "value");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
///
/// ```
/// use cloakroom::wire::signing::{SIGNER_SALT, SecretKey, Signer};
///
/// let secret = SecretKey::new("secret")?;
/// let signed = Signer::with_secret(&secret, &[], SIGNER_SALT).sign("value");
/// assert!(Signer::with_secret(&secret, &[], SIGNER_SALT).unsign(&signed).is_ok());
/// assert!(Signer::with_secret(&secret, &[], "another").unsign(&signed).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const SIGNER_SALT: &str = "django.core.signing.Signer";

/// The salt of Django's `TimestampSigner()`.
///
/// ```
/// use cloakroom::Timestamp;
/// use cloakroom::wire::signing::{SecretKey, TIMESTAMP_SIGNER_SALT, TimestampSigner};
///
/// let signer = TimestampSigner::with_secret(&SecretKey::new("secret")?, &[], TIMESTAMP_SIGNER_SALT);
/// assert!(signer.sign("value", Timestamp::UNIX_EPOCH).starts_with("value:0:"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const TIMESTAMP_SIGNER_SALT: &str = "django.core.signing.TimestampSigner";

/// The salt of Django's `signing.dumps()` and `signing.loads()`.
///
/// ```
/// use cloakroom::Timestamp;
/// use cloakroom::wire::signing::{DUMPS_SALT, SecretKey, TimestampSigner, dumps};
///
/// let signer = TimestampSigner::with_secret(&SecretKey::new("secret")?, &[], DUMPS_SALT);
/// assert!(dumps("{}", &signer, false, Timestamp::UNIX_EPOCH).starts_with("e30:0:"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const DUMPS_SALT: &str = "django.core.signing";
