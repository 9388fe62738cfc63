//! JSON text, compressed where it pays, signed with the time.

use std::fmt;

use super::error::SigningError;
use super::timestamp::{TimestampSigner, Verified};
use crate::Timestamp;
use crate::wire::base64::{self, Base64Error};
use crate::wire::json::{self, JsonError};
use crate::wire::pickle::PickleError;
use crate::wire::zlib::{self, MAX_PAYLOAD, ZlibError};

/// Signed JSON that was refused. Holds nothing of the data.
///
/// ```
/// use cloakroom::wire::signing::{DUMPS_SALT, DecodeError, SecretKey, TimestampSigner, loads};
/// use cloakroom::{Timestamp, wire::json};
///
/// let signer = TimestampSigner::with_secret(&SecretKey::new("secret")?, &[], DUMPS_SALT);
/// let error = loads("e30:0:forged", &signer, None, Timestamp::UNIX_EPOCH).unwrap_err();
/// assert_eq!(error, DecodeError::BadSignature);
/// assert_eq!(error.to_string(), "the signature is missing or does not match");
/// let error = loads(&signer.sign("e", Timestamp::UNIX_EPOCH), &signer, None, Timestamp::UNIX_EPOCH).unwrap_err();
/// assert_eq!(error.to_string(), "the signed data is not base64");
/// // What reads the JSON afterwards can give its error the same type:
/// let error = DecodeError::from(json::scan("{").unwrap_err());
/// assert_eq!(error.to_string(), "the signed data is not the JSON it should be");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// No key made this signature, or there is none. Of these errors, the only one Django logs (B-47, B-48).
    #[error("the signature is missing or does not match")]
    BadSignature,
    /// The signature is right, but the time of signing is missing or unreadable.
    #[error("the time of signing is missing or unreadable")]
    BadTimestamp,
    /// The signature is right but too old. Never where no greatest age is given, as for stored sessions (B-49).
    #[error("the signature is {age} s old, more than {max_age} s")]
    Expired {
        /// Seconds since it was signed.
        age: f64,
        /// The seconds allowed.
        max_age: f64,
    },
    /// The signature is right, but the data is not base64.
    #[error("the signed data is not base64")]
    BadBase64(#[source] Base64Error),
    /// The signature is right, but the data does not unpack.
    #[error("the signed data does not unpack")]
    Zlib(#[source] ZlibError),
    /// The signature is right, but the data is larger than [`MAX_PAYLOAD`].
    #[error("the signed data is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The signature is right, but the data is not the JSON it should be. Decoding does not look at the JSON; this is
    /// for those who do so next.
    #[error("the signed data is not the JSON it should be")]
    Json(#[from] JsonError),
    /// The signature is right, but the serializer that the application registered does not read the data. What it
    /// said is left out, for it may quote the data.
    #[error("the signed data is not what the registered serializer reads")]
    Serializer,
    /// What a cache holds is not a pickled dictionary that is made of data alone.
    #[error("the cached value is not a session: {0}")]
    Pickle(#[from] PickleError),
}

impl From<SigningError> for DecodeError {
    fn from(error: SigningError) -> Self {
        match error {
            SigningError::BadSignature => Self::BadSignature,
            SigningError::BadTimestamp => Self::BadTimestamp,
            SigningError::Expired { age, max_age } => Self::Expired { age, max_age },
        }
    }
}

impl From<ZlibError> for DecodeError {
    fn from(error: ZlibError) -> Self {
        match error {
            ZlibError::TooLarge { limit } => Self::TooLarge { limit },
            other => Self::Zlib(other),
        }
    }
}

/// What signed text held.
///
/// ```
/// use cloakroom::Timestamp;
/// use cloakroom::wire::signing::{DUMPS_SALT, Decoded, SecretKey, TimestampSigner, dumps, loads};
///
/// let (old, new) = (SecretKey::new("old secret")?, SecretKey::new("new secret")?);
/// let moment = Timestamp::from_seconds(1_831_700_317).ok_or("no such moment")?;
/// let signed = dumps("{}", &TimestampSigner::with_secret(&old, &[], DUMPS_SALT), false, moment);
///
/// let decoded: Decoded = loads(&signed, &TimestampSigner::with_secret(&new, &[old], DUMPS_SALT), None, moment)?;
/// assert_eq!((decoded.json.as_str(), decoded.key, decoded.signed_at), ("{}", 1, 1_831_700_317));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decoded {
    /// What should be JSON, not yet looked at: ASCII, with `\u00xx` for each byte beyond.
    pub json: String,
    /// Which key made the signature: 0 is the one that signs, n the nth fallback.
    pub key: usize,
    /// When it was signed: whole seconds since 1970 (UTC), of any size; saturated at the ends of an `i128`.
    pub signed_at: i128,
}

impl fmt::Debug for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoded").field("key", &self.key).field("signed_at", &self.signed_at).finish_non_exhaustive()
    }
}

/// Signs JSON text (`django.core.signing.dumps`, which takes the value).
///
/// With `compress`, the text is compressed if that makes it shorter by more than one byte; a leading dot says so. The
/// text should be ASCII: Django reads the bytes as Latin-1.
///
/// ```
/// use cloakroom::Timestamp;
/// use cloakroom::wire::signing::{DUMPS_SALT, SecretKey, TimestampSigner, dumps, loads};
///
/// let signer = TimestampSigner::with_secret(&SecretKey::new("secret")?, &[], DUMPS_SALT);
/// let signed = dumps("[1,2]", &signer, true, Timestamp::UNIX_EPOCH);
/// assert!(signed.starts_with("WzEsMl0:0:"));
/// assert_eq!(loads(&signed, &signer, None, Timestamp::UNIX_EPOCH)?.json, "[1,2]");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn dumps(json: &str, signer: &TimestampSigner, compress: bool, now: Timestamp) -> String {
    dumps_bytes(json.as_bytes(), signer, compress, now)
}

/// As [`dumps`], of what another serializer wrote.
pub(crate) fn dumps_bytes(data: &[u8], signer: &TimestampSigner, compress: bool, now: Timestamp) -> String {
    if !compress {
        return sign_payload("", data, signer, now);
    }
    zlib::with_shorter(data, |shorter| match shorter {
        Some(shorter) => sign_payload(".", shorter, signer, now),
        None => sign_payload("", data, signer, now),
    })
}

fn sign_payload(mark: &str, payload: &[u8], signer: &TimestampSigner, now: Timestamp) -> String {
    let length = mark.len() + base64::encoded_len(payload.len()) + signer.overhead();
    let mut out = String::with_capacity(length);
    out.push_str(mark);
    base64::append(&mut out, payload);
    signer.append_signature(&mut out, now);
    out
}

/// Verifies what [`dumps`] made and gives the JSON text back (`django.core.signing.loads`, which gives the value).
///
/// The signature and, with a `max_age` (seconds), the age are checked before anything is unpacked. The JSON itself is
/// not looked at.
///
/// # Errors
/// [`DecodeError`], but not its `Json`.
///
/// ```
/// use cloakroom::Timestamp;
/// use cloakroom::wire::signing::{DUMPS_SALT, DecodeError, SecretKey, TimestampSigner, dumps, loads};
///
/// let signer = TimestampSigner::with_secret(&SecretKey::new("secret")?, &[], DUMPS_SALT);
/// let signed = dumps("[1,2]", &signer, false, Timestamp::UNIX_EPOCH);
/// let later = Timestamp::from_seconds(61).ok_or("no such moment")?;
/// assert_eq!(loads(&signed, &signer, None, later)?.json, "[1,2]");
/// assert!(matches!(loads(&signed, &signer, Some(60.0), later), Err(DecodeError::Expired { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn loads(
    signed: &str,
    signer: &TimestampSigner,
    max_age: Option<f64>,
    now: Timestamp,
) -> Result<Decoded, DecodeError> {
    loads_bytes(signed.as_bytes(), signer, max_age.map(|max_age| (max_age, now)))
}

/// As [`loads`], of bytes; the time now is needed only with a greatest age.
pub(crate) fn loads_bytes(
    signed: &[u8],
    signer: &TimestampSigner,
    max_age: Option<(f64, Timestamp)>,
) -> Result<Decoded, DecodeError> {
    let (data, key, signed_at) = loads_data(signed, signer, max_age)?;
    Ok(Decoded { json: json::ascii_from_latin1(data), key, signed_at })
}

/// What was signed, by which key and when; for another serializer to read.
pub(crate) fn loads_data(
    signed: &[u8],
    signer: &TimestampSigner,
    max_age: Option<(f64, Timestamp)>,
) -> Result<(Vec<u8>, usize, i128), DecodeError> {
    let Verified { value, signed_at, key } = signer.verify(signed, max_age)?;
    let data = match value.strip_prefix(b".") {
        Some(packed) => zlib::decompress(&base64::decode(packed).map_err(DecodeError::BadBase64)?, MAX_PAYLOAD)?,
        None => base64::decode(value).map_err(DecodeError::BadBase64)?,
    };
    if data.len() > MAX_PAYLOAD {
        return Err(DecodeError::TooLarge { limit: MAX_PAYLOAD });
    }
    Ok((data, key, signed_at))
}
