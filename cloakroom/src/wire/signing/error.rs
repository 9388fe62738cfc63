//! What can be wrong with a signed text.

/// A signed text that was refused. Holds neither the text nor the signature.
///
/// ```
/// use cloakroom::Timestamp;
/// use cloakroom::wire::signing::{SecretKey, SigningError, TIMESTAMP_SIGNER_SALT, TimestampSigner};
///
/// let signer = TimestampSigner::with_secret(&SecretKey::new("secret")?, &[], TIMESTAMP_SIGNER_SALT);
/// let now = Timestamp::from_seconds(90).ok_or("no such moment")?;
/// assert_eq!(signer.unsign("value:0:forged", None, now), Err(SigningError::BadSignature));
/// let error = signer.unsign(&signer.sign("value", Timestamp::UNIX_EPOCH), Some(60.0), now).unwrap_err();
/// assert_eq!(error, SigningError::Expired { age: 90.0, max_age: 60.0 });
/// assert_eq!(error.to_string(), "the signature is 90 s old, more than 60 s");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningError {
    /// No key made this signature, or there is none (`BadSignature`).
    #[error("the signature is missing or does not match")]
    BadSignature,
    /// The signature is right, but the time of signing is missing or is not a number in base 62.
    ///
    /// Python leaks a `ValueError`, an `IndexError` or an `OverflowError` here.
    #[error("the time of signing is missing or unreadable")]
    BadTimestamp,
    /// The signature is right but too old (`SignatureExpired`).
    #[error("the signature is {age} s old, more than {max_age} s")]
    Expired {
        /// Seconds since it was signed.
        age: f64,
        /// The seconds allowed.
        max_age: f64,
    },
}

/// A separator that could be part of a value, a time or a signature: empty, or made of nothing but characters that
/// stand in base64 (Django allows neither).
///
/// ```
/// use cloakroom::wire::signing::{BadSeparator, SIGNER_SALT, SecretKey, Signer};
///
/// let signer = Signer::with_secret(&SecretKey::new("secret")?, &[], SIGNER_SALT);
/// assert_eq!(signer.clone().with_separator("-").unwrap_err(), BadSeparator);
/// assert!(signer.with_separator("|").is_ok());
/// assert!(BadSeparator.to_string().starts_with("a separator must not be empty or consist of letters"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a separator must not be empty or consist of letters, digits and any of [\\]^_`-= only")]
pub struct BadSeparator;
