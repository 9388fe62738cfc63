//! Signing with the time of signing.

use std::fmt;

use super::error::{BadSeparator, SigningError};
use super::secret::{SecretKey, SigningKey};
use super::signer::Signer;
use crate::Timestamp;
use crate::wire::base62;

/// As [`Signer`], with the time of signing in the text (`django.core.signing.TimestampSigner`).
///
/// ```
/// use cloakroom::Timestamp;
/// use cloakroom::wire::signing::{SecretKey, SigningError, TIMESTAMP_SIGNER_SALT, TimestampSigner};
///
/// let signer = TimestampSigner::with_secret(&SecretKey::new("secret")?, &[], TIMESTAMP_SIGNER_SALT);
/// let signed = signer.sign("value", Timestamp::UNIX_EPOCH);
///
/// let later = Timestamp::UNIX_EPOCH.checked_add_seconds(60.0).unwrap();
/// assert_eq!(signer.unsign(&signed, Some(60.0), later)?.value, "value");
/// assert!(matches!(signer.unsign(&signed, Some(59.0), later), Err(SigningError::Expired { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TimestampSigner(Signer);

/// A text whose signature was right and not too old.
///
/// ```
/// use cloakroom::Timestamp;
/// use cloakroom::wire::signing::{SecretKey, TIMESTAMP_SIGNER_SALT, TimestampSigner};
///
/// let signer = TimestampSigner::with_secret(&SecretKey::new("secret")?, &[], TIMESTAMP_SIGNER_SALT);
/// let signed = signer.sign("value", Timestamp::UNIX_EPOCH);
/// let unsigned = signer.unsign(&signed, None, Timestamp::UNIX_EPOCH)?;
/// assert_eq!((unsigned.value, unsigned.signed_at, unsigned.key), ("value", 0, 0));
/// assert_eq!(format!("{unsigned:?}"), "TimestampUnsigned { signed_at: 0, key: 0, .. }");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimestampUnsigned<'a> {
    /// The text without time and signature.
    pub value: &'a str,
    /// When it was signed: whole seconds since 1970 (UTC), of any size; saturated at the ends of an `i128`.
    pub signed_at: i128,
    /// Which key made the signature: 0 is the one that signs, n the nth fallback.
    pub key: usize,
}

impl fmt::Debug for TimestampUnsigned<'_> {
    // The value may be session data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimestampUnsigned")
            .field("signed_at", &self.signed_at)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// What [`TimestampSigner::verify`] found, as bytes.
pub(super) struct Verified<'a> {
    pub value: &'a [u8],
    pub signed_at: i128,
    pub key: usize,
}

/// With a derived key, and another separator:
///
/// ```
/// use cloakroom::Timestamp;
/// use cloakroom::wire::signing::{SecretKey, SigningKey, TIMESTAMP_SIGNER_SALT, TimestampSigner};
///
/// let key = SigningKey::derive(&SecretKey::new("secret")?, TIMESTAMP_SIGNER_SALT);
/// let signer = TimestampSigner::new(&key, []).with_separator("|")?;
/// let signed = signer.sign("value", Timestamp::UNIX_EPOCH);
/// assert!(signed.starts_with("value|0|"));
/// assert_eq!(signer.unsign(&signed, None, Timestamp::UNIX_EPOCH)?.value, "value");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl TimestampSigner {
    /// As [`Signer::new`].
    #[must_use]
    pub fn new<'a>(primary: &SigningKey, fallbacks: impl IntoIterator<Item = &'a SigningKey>) -> Self {
        Self(Signer::new(primary, fallbacks))
    }

    /// As [`Signer::with_secret`].
    #[must_use]
    pub fn with_secret(secret: &SecretKey, fallbacks: &[SecretKey], salt: &str) -> Self {
        Self(Signer::with_secret(secret, fallbacks, salt))
    }

    /// As [`Signer::with_separator`].
    ///
    /// # Errors
    /// [`BadSeparator`] where Django refuses it, too.
    pub fn with_separator(self, separator: &str) -> Result<Self, BadSeparator> {
        self.0.with_separator(separator).map(Self)
    }

    /// The value, the second it was signed in and the signature of both.
    #[must_use]
    pub fn sign(&self, value: &str, now: Timestamp) -> String {
        let mut out = String::with_capacity(value.len() + self.overhead());
        out.push_str(value);
        self.append_signature(&mut out, now);
        out
    }

    /// Verifies a signed text: the signature first, then the time of signing, then its age.
    ///
    /// With a `max_age` (seconds), a text that was signed longer ago is refused; one from the future never is. The age
    /// is a `float` as in Python: from the whole second of signing to `now` with its fraction.
    ///
    /// # Errors
    /// [`SigningError`].
    pub fn unsign<'a>(
        &self,
        signed: &'a str,
        max_age: Option<f64>,
        now: Timestamp,
    ) -> Result<TimestampUnsigned<'a>, SigningError> {
        let Verified { value, signed_at, key } =
            self.verify(signed.as_bytes(), max_age.map(|max_age| (max_age, now)))?;
        // The separator is whole characters, so the value ends on a boundary.
        let value = signed.get(..value.len()).ok_or(SigningError::BadSignature)?;
        Ok(TimestampUnsigned { value, signed_at, key })
    }

    /// As [`TimestampSigner::unsign`], of bytes; the time now is needed only with a greatest age.
    pub(super) fn verify<'a>(
        &self,
        signed: &'a [u8],
        max_age: Option<(f64, Timestamp)>,
    ) -> Result<Verified<'a>, SigningError> {
        let (stamped, key) = self.0.verify(signed)?;
        let (value, stamp) = self.0.split(stamped).ok_or(SigningError::BadTimestamp)?;
        let signed_at = base62::decode_bytes(stamp).map_err(|_| SigningError::BadTimestamp)?;
        if let Some((max_age, now)) = max_age {
            let since = base62::as_f64(stamp, signed_at);
            if since.is_infinite() {
                return Err(SigningError::BadTimestamp);
            }
            let age = now.as_micros() as f64 / 1e6 - since;
            if age > max_age {
                return Err(SigningError::Expired { age, max_age });
            }
        }
        Ok(Verified { value, signed_at, key })
    }

    /// Appends time and signature to a value.
    pub(super) fn append_signature(&self, value: &mut String, now: Timestamp) {
        value.push_str(self.0.separator());
        // Python's `int` cuts the fraction off; before 1970 that is the later second.
        base62::append(value, i128::from(now.as_micros() / 1_000_000));
        self.0.append_signature(value, 0);
    }

    /// The bytes that time and signature add; a few more than needed.
    pub(super) fn overhead(&self) -> usize {
        self.0.separator().len() + 8 + self.0.overhead()
    }
}

impl From<Signer> for TimestampSigner {
    /// The same keys and separator, with the time of signing.
    fn from(signer: Signer) -> Self {
        Self(signer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        Signer::with_secret(&SecretKey::new("s").unwrap(), &[], "salt")
    }

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    #[test]
    fn fractions_before_1970_are_cut_off_as_in_python() {
        let signed = TimestampSigner::from(signer()).sign("v", at(-781_317_500_000));
        assert!(signed.starts_with("v:-3HFt:"));
    }

    #[test]
    fn signature_comes_before_time_and_time_before_age() {
        let signer = TimestampSigner::from(signer());
        let sign = |text: &str| signer.0.sign(text);
        let read = |text: &str| signer.unsign(text, Some(1.0), at(10_000_000)).map(|unsigned| unsigned.signed_at);
        assert_eq!(read("v:*:forged"), Err(SigningError::BadSignature));
        for bad in ["v", "", "v:", "v:*", "v: 1", &format!("v:{}", "z".repeat(200))] {
            assert_eq!(read(&sign(bad)), Err(SigningError::BadTimestamp), "{bad}");
        }
        assert_eq!(read(&sign("v:8")), Err(SigningError::Expired { age: 2.0, max_age: 1.0 }));
        assert_eq!(read(&sign("v:9")), Ok(9));
        assert_eq!(read(&sign(&format!("v:{}", "z".repeat(30)))), Ok(i128::MAX));
    }

    #[test]
    fn output_takes_one_allocation_of_about_its_size() {
        for separator in [":", "~~~~"] {
            let signer = TimestampSigner::from(signer().with_separator(separator).unwrap());
            let signed = signer.sign(&"v".repeat(500), Timestamp::MAX);
            assert!(signed.capacity() - signed.len() < 8, "{separator}");
        }
    }

    #[test]
    fn debug_shows_no_value() {
        let signer = TimestampSigner::from(signer());
        let signed = signer.sign("private", at(9_000_000));
        let shown = format!("{:?}", signer.unsign(&signed, None, at(0)).unwrap());
        assert_eq!(shown, "TimestampUnsigned { signed_at: 9, key: 0, .. }");
    }
}
