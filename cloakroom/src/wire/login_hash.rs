//! `_auth_user_hash`: what binds a login to the password that the user had when it was made.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::wire::signing::SecretKey;

/// Django's salt for it (`AbstractBaseUser.get_session_auth_hash`).
pub const LOGIN_HASH_SALT: &str = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash";

/// The key of the login hash: SHA-256 of [`LOGIN_HASH_SALT`] and the secret, which is all that the hash needs.
///
/// A service that is given it as `SESSION_AUTH_HASH_KEY`, and not the `SECRET_KEY`, checks and makes logins. Whoever
/// steals it can sign nothing: a login needs the session's signature and the user's password field as well. The command
/// `cloakroom derive-key --login` prints it where the secret is known. `Debug` does not show it.
///
/// ```
/// use cloakroom::wire::{LoginHashKey, SecretKey};
///
/// let key = LoginHashKey::derive(&SecretKey::new("secret")?);
/// let hash = key.hash("pbkdf2_sha256$1000000$salt$hash");
/// assert_eq!(hash.len(), 64);
/// assert!(key.verifies(&hash, "pbkdf2_sha256$1000000$salt$hash"));
/// assert!(!key.verifies(&hash, "pbkdf2_sha256$1000000$salt$changed"));
///
/// // In a service that has the key alone:
/// let key: LoginHashKey = key.to_text().parse()?;
/// assert!(key.verifies(&hash, "pbkdf2_sha256$1000000$salt$hash"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct LoginHashKey([u8; 32]);

impl LoginHashKey {
    /// The key that a Django site with this secret has.
    #[must_use]
    pub fn derive(secret: &SecretKey) -> Self {
        Self(Sha256::new().chain_update(LOGIN_HASH_SALT).chain_update(secret.as_bytes()).finalize().into())
    }

    /// A key that was derived elsewhere.
    #[must_use]
    pub const fn from_bytes(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The key itself. Handle with care.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Django's `get_session_auth_hash`: the HMAC of the password field as it is stored, in hexadecimal digits.
    #[must_use]
    pub fn hash(&self, password: &str) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        // HMAC fills a short key up with zeros; to do it here gives the constructor that cannot fail.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&self.0);
        let hash = Hmac::<Sha256>::new(&block.into()).chain_update(password).finalize().into_bytes();
        hash.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[digit as usize])).collect()
    }

    /// Whether a hash is that of this password field. The comparison takes the same time wherever they differ.
    #[must_use]
    pub fn verifies(&self, hash: &str, password: &str) -> bool {
        self.hash(password).as_bytes().ct_eq(hash.as_bytes()).into()
    }
}

impl fmt::Debug for LoginHashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginHashKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::signing::{Algorithm, salted_hmac};

    #[test]
    fn it_is_the_salted_hmac_of_the_password_field() {
        let secret = SecretKey::new("xyzzy").unwrap();
        let hmac = salted_hmac(LOGIN_HASH_SALT.as_bytes(), b"!unusable", &secret, Algorithm::Sha256);
        let digits: String = hmac.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(LoginHashKey::derive(&secret).hash("!unusable"), digits);
    }

    #[test]
    fn another_hash_does_not_verify_and_nothing_shows_the_key() {
        let key = LoginHashKey::derive(&SecretKey::new("xyzzy").unwrap());
        let hash = key.hash("a");
        for wrong in ["", "a", &hash[1..], &hash.to_uppercase(), &format!("{hash}0"), &key.hash("b")] {
            assert!(!key.verifies(wrong, "a"), "{wrong}");
        }
        assert_eq!(format!("{key:?}"), "LoginHashKey(…)");
    }
}
