//! Secrets, and the keys derived from them.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// The value of Django's `SECRET_KEY`, or of one of the `SECRET_KEY_FALLBACKS`.
///
/// Text counts as its UTF-8 bytes, as in Django. Never empty; `Debug` does not show it.
///
/// ```
/// use cloakroom::wire::SecretKey;
///
/// let text = SecretKey::new("django-insecure-…")?;
/// let bytes = SecretKey::new(vec![0xff, 0x00, 0x7f])?;
/// assert_eq!(bytes.as_bytes(), [0xff, 0x00, 0x7f]);
/// assert!(SecretKey::new("").is_err());
/// assert_eq!(format!("{text:?}"), "SecretKey(…)");
/// # Ok::<(), cloakroom::wire::signing::EmptySecret>(())
/// ```
#[derive(Clone)]
pub struct SecretKey(Box<[u8]>);

/// A secret of no bytes at all, which would sign nothing worth trusting (Django refuses to start).
///
/// ```
/// use cloakroom::wire::signing::{EmptySecret, SecretKey};
///
/// assert_eq!(SecretKey::new("").unwrap_err(), EmptySecret);
/// assert_eq!(EmptySecret.to_string(), "the secret key must not be empty");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret key must not be empty")]
pub struct EmptySecret;

impl SecretKey {
    /// A secret from text (`&str`, `String`) or bytes (`&[u8]`, `Vec<u8>`).
    ///
    /// # Errors
    /// [`EmptySecret`] if it is empty.
    pub fn new(secret: impl Into<Vec<u8>>) -> Result<Self, EmptySecret> {
        let bytes = secret.into();
        if bytes.is_empty() { Err(EmptySecret) } else { Ok(Self(bytes.into_boxed_slice())) }
    }

    /// The secret itself. Handle with care.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// The key of one kind of signature: SHA-256 of salt, `signer` and secret.
///
/// This is all that signing needs. A service that gets the signing key of the sessions instead of the `SECRET_KEY` can
/// read and write sessions, but sign neither password resets nor anything else. `Debug` does not show it.
///
/// ```
/// use cloakroom::wire::stored::SESSION_SALT;
/// use cloakroom::wire::{SecretKey, Signer, SigningKey};
///
/// // Where the secret is:
/// let derived = SigningKey::derive(&SecretKey::new("secret")?, SESSION_SALT);
/// let signed = Signer::new(&derived, []).sign("value");
///
/// // Where only the key is:
/// let handed_over = SigningKey::from_bytes(*derived.as_bytes());
/// assert_eq!(Signer::new(&handed_over, []).unsign(&signed)?.value, "value");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SigningKey([u8; 32]);

impl SigningKey {
    /// The key that a `Signer(key=secret, salt=salt)` of Django signs with.
    #[must_use]
    pub fn derive(secret: &SecretKey, salt: &str) -> Self {
        let hash = Sha256::new().chain_update(salt).chain_update("signer").chain_update(secret.as_bytes());
        Self(hash.finalize().into())
    }

    /// A key that was derived elsewhere.
    #[must_use]
    pub const fn from_bytes(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The key itself, to be handed to another service. Handle with care.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// The hash of a [`salted_hmac`].
///
/// ```
/// use cloakroom::wire::signing::{Algorithm, SecretKey, salted_hmac};
///
/// let secret = SecretKey::new("secret")?;
/// assert_eq!(salted_hmac(b"salt", b"value", &secret, Algorithm::default()).len(), 20);
/// assert_eq!(salted_hmac(b"salt", b"value", &secret, Algorithm::Sha256).len(), 32);
/// # Ok::<(), cloakroom::wire::signing::EmptySecret>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// SHA-1, the default of Django's function. 20 bytes.
    #[default]
    Sha1,
    /// SHA-256, as signers use it. 32 bytes.
    Sha256,
}

/// The HMAC of a value under the hash of salt and secret (`django.utils.crypto.salted_hmac`).
///
/// ```
/// use cloakroom::wire::signing::{Algorithm, SecretKey, salted_hmac};
///
/// let secret = SecretKey::new("pd")?;
/// assert_eq!(salted_hmac(b"salt", b"value", &secret, Algorithm::Sha256).len(), 32);
/// # Ok::<(), cloakroom::wire::signing::EmptySecret>(())
/// ```
#[must_use]
pub fn salted_hmac(key_salt: &[u8], value: &[u8], secret: &SecretKey, algorithm: Algorithm) -> Vec<u8> {
    match algorithm {
        Algorithm::Sha1 => {
            let key = Sha1::new().chain_update(key_salt).chain_update(secret.as_bytes()).finalize();
            let mut block = [0; 64];
            block[..key.len()].copy_from_slice(&key);
            Hmac::<Sha1>::new(&block.into()).chain_update(value).finalize().into_bytes().to_vec()
        }
        Algorithm::Sha256 => {
            let key = Sha256::new().chain_update(key_salt).chain_update(secret.as_bytes()).finalize();
            hmac_sha256(&key.into()).chain_update(value).finalize().into_bytes().to_vec()
        }
    }
}

/// The state of an HMAC-SHA256 that has taken in its key, to be cloned for each use.
pub(super) fn hmac_sha256(key: &[u8; 32]) -> Hmac<Sha256> {
    // HMAC fills a short key up with zeros; to do it here gives the constructor that cannot fail.
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    Hmac::new(&block.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shows_a_secret() {
        let secret = SecretKey::new("hunter2").unwrap();
        let key = SigningKey::derive(&secret, "salt");
        assert_eq!(format!("{secret:?} {key:?}"), "SecretKey(…) SigningKey(…)");
    }

    #[test]
    fn text_and_its_bytes_are_the_same_secret() {
        let text = SigningKey::derive(&SecretKey::new("clé").unwrap(), "s");
        let bytes = SigningKey::derive(&SecretKey::new("clé".as_bytes()).unwrap(), "s");
        assert_eq!(text.as_bytes(), bytes.as_bytes());
    }

    #[test]
    fn salt_and_secret_are_joined_without_a_mark() {
        let a = salted_hmac(b"ab", b"v", &SecretKey::new("cd").unwrap(), Algorithm::Sha1);
        let b = salted_hmac(b"abc", b"v", &SecretKey::new("d").unwrap(), Algorithm::Sha1);
        assert_eq!(a, b);
        assert_eq!(a.len(), 20);
    }
}
