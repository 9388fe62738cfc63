//! Session data as the engines db, file and cached_db keep it: `SessionBase.encode` and `decode`.
//!
//! ```
//! use cloakroom::Timestamp;
//! use cloakroom::wire::stored::{self, SESSION_SALT};
//! use cloakroom::wire::{SecretKey, TimestampSigner};
//!
//! let signer = TimestampSigner::with_secret(&SecretKey::new("secret")?, &[], SESSION_SALT);
//! let kept = stored::encode(r#"{"visits":3}"#, &signer, Timestamp::UNIX_EPOCH);
//! assert_eq!(stored::decode(&kept, &signer)?.json, r#"{"visits":3}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::signing::{self, Signer, TimestampSigner};
use crate::Timestamp;

pub use super::signing::{DecodeError, Decoded};

/// The salt of every class named `SessionStore` (B-45).
///
/// ```
/// use cloakroom::Settings;
/// use cloakroom::wire::stored::SESSION_SALT;
///
/// assert_eq!(Settings::new().salt(), SESSION_SALT);
/// ```
pub const SESSION_SALT: &str = "django.contrib.sessions.SessionStore";

/// The salt of the signed_cookies engine (B-120).
///
/// ```
/// use cloakroom::DerivedKey;
/// use cloakroom::wire::SecretKey;
/// use cloakroom::wire::stored::SIGNED_COOKIES_SALT;
///
/// let key = DerivedKey::derive(&SecretKey::new("secret")?, SIGNED_COOKIES_SALT);
/// assert!(key.to_text().starts_with("signed_cookies:"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const SIGNED_COOKIES_SALT: &str = "django.contrib.sessions.backends.signed_cookies";

/// JSON text as stored session data (B-44): compressed if shorter by more than one byte, base64, the second of signing,
/// the signature.
///
/// The signer should be made with [`SESSION_SALT`], and the text should be ASCII, as [`to_string`] writes it: Django
/// reads it as Latin-1.
///
/// [`to_string`]: super::json::to_string
///
/// ```
/// use cloakroom::Timestamp;
/// use cloakroom::wire::{SecretKey, TimestampSigner, stored};
///
/// let signer = TimestampSigner::with_secret(&SecretKey::new("secret")?, &[], stored::SESSION_SALT);
/// let plain = stored::encode("{}", &signer, Timestamp::UNIX_EPOCH);
/// assert!(plain.starts_with("e30:0:"));
/// let packed = stored::encode(&format!(r#"{{"a":"{}"}}"#, "a".repeat(100)), &signer, Timestamp::UNIX_EPOCH);
/// assert!(packed.starts_with('.'));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn encode(json: &str, signer: &TimestampSigner, now: Timestamp) -> String {
    signing::dumps(json, signer, true, now)
}

/// The JSON text in stored session data, text or bytes. Its age does not matter (B-49).
///
/// The signature is checked before anything else is read. The JSON is not looked at: that is for
/// [`scan_object`](super::json::scan_object), whose error [`DecodeError`] takes up.
///
/// # Errors
/// [`DecodeError`], but neither its `Json` nor its `Expired`.
///
/// ```
/// use cloakroom::Timestamp;
/// use cloakroom::wire::stored::{self, DecodeError};
/// use cloakroom::wire::{SecretKey, TimestampSigner};
///
/// let signer = TimestampSigner::with_secret(&SecretKey::new("secret")?, &[], stored::SESSION_SALT);
/// let kept = stored::encode("{}", &signer, Timestamp::UNIX_EPOCH);
/// assert_eq!(stored::decode(&kept, &signer)?.json, "{}");
/// assert_eq!(stored::decode(b"e30:0:forged", &signer), Err(DecodeError::BadSignature));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decode(stored: &(impl AsRef<[u8]> + ?Sized), signer: &TimestampSigner) -> Result<Decoded, DecodeError> {
    signing::loads_bytes(stored.as_ref(), signer, None)
}

/// The signature at the end of stored session data, not verified: its last 43 bytes. `None` where it is shorter.
///
/// ```
/// use cloakroom::Timestamp;
/// use cloakroom::wire::{SecretKey, TimestampSigner, stored};
///
/// let signer = TimestampSigner::with_secret(&SecretKey::new("secret")?, &[], stored::SESSION_SALT);
/// let kept = stored::encode("{}", &signer, Timestamp::UNIX_EPOCH);
/// let signature = stored::signature(kept.as_bytes()).ok_or("too short")?;
/// assert!(kept.as_bytes().ends_with(&signature));
/// assert_eq!(stored::signature(b"e30:0:forged"), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn signature(stored: &[u8]) -> Option<[u8; Signer::SIGNATURE_LEN]> {
    stored.last_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::signing::SecretKey;
    use crate::wire::zlib::MAX_PAYLOAD;

    fn signer() -> TimestampSigner {
        TimestampSigner::with_secret(&SecretKey::new("s").unwrap(), &[], SESSION_SALT)
    }

    #[test]
    fn output_takes_one_allocation_of_about_its_size() {
        for json in ["{}", "{\"a\":1}", &format!("{{\"a\":\"{}\"}}", "x".repeat(500))] {
            let stored = encode(json, &signer(), Timestamp::MAX);
            assert!(stored.capacity() - stored.len() < 8);
            assert_eq!(decode(&stored, &signer()).unwrap().json, json);
            assert_eq!(decode(stored.as_bytes(), &signer()).unwrap().json, json);
        }
    }

    #[test]
    fn signature_is_the_end() {
        let stored = encode("{}", &signer(), Timestamp::UNIX_EPOCH);
        assert_eq!(signature(stored.as_bytes()).unwrap()[..], stored.as_bytes()[stored.len() - 43..]);
        assert_eq!(signature(&[b'a'; 42]), None);
    }

    #[test]
    fn a_signed_bomb_is_refused() {
        let bomb = encode(&" ".repeat(MAX_PAYLOAD + 1), &signer(), Timestamp::UNIX_EPOCH);
        assert!(bomb.starts_with('.'));
        assert_eq!(decode(&bomb, &signer()), Err(DecodeError::TooLarge { limit: MAX_PAYLOAD }));
    }

    #[test]
    fn data_that_is_not_compressed_has_the_same_limit() {
        let data = " ".repeat(MAX_PAYLOAD + 1);
        let decoded = |json: &str| decode(&signing::dumps(json, &signer(), false, Timestamp::UNIX_EPOCH), &signer());
        assert_eq!(decoded(&data[1..]).unwrap().json.len(), MAX_PAYLOAD);
        assert_eq!(decoded(&data), Err(DecodeError::TooLarge { limit: MAX_PAYLOAD }));
    }

    #[test]
    fn debug_shows_no_data() {
        let decoded = decode(&encode("{\"secret\":1}", &signer(), Timestamp::UNIX_EPOCH), &signer()).unwrap();
        assert_eq!(format!("{decoded:?}"), "Decoded { key: 0, signed_at: 0, .. }");
    }
}
