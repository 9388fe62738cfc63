//! Signing without a time.

use std::fmt;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::error::{BadSeparator, SigningError};
use super::secret::{SecretKey, SigningKey, hmac_sha256};
use crate::wire::base64;

/// Signs texts and verifies them (`django.core.signing.Signer` with its default algorithm).
///
/// Holds only what the signing keys give, never the secret. To clone it copies a few hundred bytes a key.
///
/// ```
/// use cloakroom::wire::signing::{SIGNER_SALT, SecretKey, Signer};
///
/// let old = SecretKey::new("old secret")?;
/// let new = SecretKey::new("new secret")?;
/// let signed = Signer::with_secret(&old, &[], SIGNER_SALT).sign("value");
///
/// let signer = Signer::with_secret(&new, &[old], SIGNER_SALT);
/// let unsigned = signer.unsign(&signed)?;
/// assert_eq!((unsigned.value, unsigned.key), ("value", 1));
/// assert!(signer.unsign("value:forged").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Signer {
    primary: Hmac<Sha256>,
    fallbacks: Vec<Hmac<Sha256>>,
    separator: Box<str>,
}

/// A text whose signature was right.
///
/// ```
/// use cloakroom::wire::signing::{SIGNER_SALT, SecretKey, Signer};
///
/// let signer = Signer::with_secret(&SecretKey::new("secret")?, &[], SIGNER_SALT);
/// let signed = signer.sign("value");
/// let unsigned = signer.unsign(&signed)?;
/// assert_eq!((unsigned.value, unsigned.key), ("value", 0));
/// assert_eq!(format!("{unsigned:?}"), "Unsigned { key: 0, .. }");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsigned<'a> {
    /// The text without its signature.
    pub value: &'a str,
    /// Which key made the signature: 0 is the one that signs, n the nth fallback.
    pub key: usize,
}

impl fmt::Debug for Unsigned<'_> {
    // The value may be session data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsigned").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Signing, and what a signed text is made of:
///
/// ```
/// use cloakroom::wire::signing::{SIGNER_SALT, SecretKey, Signer, SigningKey};
///
/// let key = SigningKey::derive(&SecretKey::new("secret")?, SIGNER_SALT);
/// let signer = Signer::new(&key, []).with_separator("|")?;
/// let signature = signer.signature("value");
/// assert_eq!(signature.len(), Signer::SIGNATURE_LEN);
/// assert_eq!(signer.sign("value"), format!("value{}{signature}", signer.separator()));
/// assert_eq!(signer.unsign(&signer.sign("value"))?.value, "value");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Signer {
    /// The length of a signature: 32 bytes in base64.
    pub const SIGNATURE_LEN: usize = 43;

    /// A signer that signs with `primary` and accepts what `primary` or one of the `fallbacks` signed. The separator is
    /// `:`.
    #[must_use]
    pub fn new<'a>(primary: &SigningKey, fallbacks: impl IntoIterator<Item = &'a SigningKey>) -> Self {
        Self {
            primary: hmac_sha256(primary.as_bytes()),
            fallbacks: fallbacks.into_iter().map(|key| hmac_sha256(key.as_bytes())).collect(),
            separator: ":".into(),
        }
    }

    /// As [`Signer::new`], with the keys derived from secrets: Django's
    /// `Signer(key=secret, fallback_keys=fallbacks, salt=salt)`.
    #[must_use]
    pub fn with_secret(secret: &SecretKey, fallbacks: &[SecretKey], salt: &str) -> Self {
        let fallbacks: Vec<_> = fallbacks.iter().map(|secret| SigningKey::derive(secret, salt)).collect();
        Self::new(&SigningKey::derive(secret, salt), &fallbacks)
    }

    /// The same signer with another separator.
    ///
    /// # Errors
    /// [`BadSeparator`] where Django refuses it, too.
    pub fn with_separator(mut self, separator: &str) -> Result<Self, BadSeparator> {
        // Django's pattern is `^[A-z0-9-_=]*$`: `A-z` takes in the six characters between `Z` and `a`, and `$` also
        // matches before a line feed at the end.
        let body = separator.strip_suffix('\n').unwrap_or(separator);
        if body.bytes().all(|byte| matches!(byte, b'A'..=b'z' | b'0'..=b'9' | b'-' | b'=')) {
            return Err(BadSeparator);
        }
        self.separator = separator.into();
        Ok(self)
    }

    /// What stands between the value and the signature.
    #[must_use]
    pub fn separator(&self) -> &str {
        &self.separator
    }

    /// The value, the separator and the signature.
    #[must_use]
    pub fn sign(&self, value: &str) -> String {
        let mut out = String::with_capacity(value.len() + self.overhead());
        out.push_str(value);
        self.append_signature(&mut out, 0);
        out
    }

    /// The signature of a value alone: 43 characters.
    #[must_use]
    pub fn signature(&self, value: &str) -> String {
        String::from_utf8_lossy(&signature_of(&self.primary, value.as_bytes())).into_owned()
    }

    /// Verifies a signed text, whose signature stands after the last separator.
    ///
    /// The texts of the signatures are compared, in constant time: a signature that decodes to the same bytes but is
    /// written otherwise is refused. Keys are tried in their order until one fits.
    ///
    /// # Errors
    /// [`SigningError::BadSignature`].
    pub fn unsign<'a>(&self, signed: &'a str) -> Result<Unsigned<'a>, SigningError> {
        let (value, key) = self.verify(signed.as_bytes())?;
        // The separator is whole characters, so the value ends on a boundary.
        let value = signed.get(..value.len()).ok_or(SigningError::BadSignature)?;
        Ok(Unsigned { value, key })
    }

    /// As [`Signer::unsign`], of bytes.
    pub(super) fn verify<'a>(&self, signed: &'a [u8]) -> Result<(&'a [u8], usize), SigningError> {
        let (value, signature) = self.split(signed).ok_or(SigningError::BadSignature)?;
        std::iter::once(&self.primary)
            .chain(&self.fallbacks)
            .position(|key| signature_of(key, value)[..].ct_eq(signature).into())
            .map(|key| (value, key))
            .ok_or(SigningError::BadSignature)
    }

    /// What stands before and after the last separator.
    pub(super) fn split<'a>(&self, text: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let separator = self.separator.as_bytes();
        let at = match separator {
            [byte] => memchr::memrchr(*byte, text)?,
            _ => memchr::memmem::rfind(text, separator)?,
        };
        Some((text.get(..at)?, text.get(at + separator.len()..)?))
    }

    /// Appends separator and signature of what stands in `out` from `start` on.
    pub(super) fn append_signature(&self, out: &mut String, start: usize) {
        let signature = signature_of(&self.primary, out.as_bytes().get(start..).unwrap_or_default());
        out.push_str(&self.separator);
        out.extend(signature.iter().map(|&byte| char::from(byte)));
    }

    /// The bytes a signature adds.
    pub(super) fn overhead(&self) -> usize {
        self.separator.len() + Self::SIGNATURE_LEN
    }
}

fn signature_of(key: &Hmac<Sha256>, value: &[u8]) -> [u8; Signer::SIGNATURE_LEN] {
    base64::encode_digest(&key.clone().chain_update(value).finalize().into_bytes().into())
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("fallbacks", &self.fallbacks.len())
            .field("separator", &self.separator)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        Signer::with_secret(&SecretKey::new("s").unwrap(), &[], "salt")
    }

    // Checked against Django's pattern with Python's `re`.
    #[test]
    fn separators_are_allowed_as_in_django() {
        for bad in ["", "a", "-", "_", "=", "`", "[\\]^", "aZ09", "\n", "a\n"] {
            assert_eq!(signer().with_separator(bad).err(), Some(BadSeparator), "{bad:?}");
        }
        for good in [":", ".", "::", "a:", "é", "/", "+", "\n\n", "@"] {
            let signer = signer().with_separator(good).unwrap();
            assert_eq!(signer.unsign(&signer.sign("a.b:c::d")).unwrap().value, "a.b:c::d", "{good:?}");
        }
    }

    #[test]
    fn another_writing_of_the_same_signature_is_refused() {
        let signed = signer().sign("value");
        let last = signed.chars().next_back().unwrap();
        // The last character carries four bits of the signature and two spare ones.
        let spare = char::from(if last == 'Z' { b'a' } else { last as u8 + 1 });
        for odd in [format!("{signed}="), format!("{signed} "), signed[..signed.len() - 1].to_owned()] {
            assert_eq!(signer().unsign(&odd), Err(SigningError::BadSignature));
        }
        let odd = format!("{}{spare}", &signed[..signed.len() - 1]);
        assert_eq!(signer().unsign(&odd), Err(SigningError::BadSignature));
        assert_eq!(signer().signature("value"), signed["value:".len()..]);
    }

    #[test]
    fn debug_shows_no_key_and_no_value() {
        let signer = signer();
        let signed = signer.sign("private");
        let shown = format!("{signer:?} {:?}", signer.unsign(&signed).unwrap());
        assert_eq!(shown, "Signer { fallbacks: 0, separator: \":\", .. } Unsigned { key: 0, .. }");
    }

    #[test]
    fn output_takes_one_allocation_of_its_size() {
        for separator in [":", "~~~~"] {
            let signed = signer().with_separator(separator).unwrap().sign(&"v".repeat(500));
            assert_eq!(signed.capacity(), signed.len());
        }
    }
}
