//! What can be wrong with a signed text.

/// A signed text that was refused. Holds neither the text nor the signature.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a separator must not be empty or consist of letters, digits and any of [\\]^_`-= only")]
pub struct BadSeparator;
