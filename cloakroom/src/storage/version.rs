use std::fmt;

/// How long a signature is, in characters: HMAC-SHA256 in unpadded base64.
const SIGNATURE: usize = 43;
const CAPACITY: usize = 47;

/// What distinguishes one state of an entry from the next: up to 47 bytes that only the storage understands.
///
/// ```
/// use cloakroom::storage::Version;
///
/// assert_ne!(Version::from_counter(1), Version::from_counter(2));
/// assert_eq!(Version::from_bytes(b"etag").as_bytes(), b"etag");
/// // Of signed data the signature counts, the last 43 bytes.
/// let signature = "s".repeat(43);
/// let version = Version::from_signature(format!("data:time:{signature}").as_bytes());
/// assert_eq!(version.as_bytes(), signature.as_bytes());
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Version {
    length: u8,
    bytes: [u8; CAPACITY],
}

impl Version {
    /// A version from at most 47 bytes; of a longer slice the last 47 count.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let tail = &bytes[bytes.len().saturating_sub(CAPACITY)..];
        let mut version = Self { length: tail.len() as u8, bytes: [0; CAPACITY] };
        version.bytes[..tail.len()].copy_from_slice(tail);
        version
    }

    /// A version from a counter.
    #[must_use]
    pub fn from_counter(counter: u64) -> Self {
        Self::from_bytes(&counter.to_be_bytes())
    }

    /// The last 43 bytes of stored data, where Django's signature stands, as its version: two states of a
    /// signed session that agree there are the same.
    #[must_use]
    pub fn from_signature(data: &[u8]) -> Self {
        Self::from_bytes(&data[data.len().saturating_sub(SIGNATURE)..])
    }

    /// The bytes it was made from.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl fmt::Debug for Version {
    /// Leaves out the bytes: they may be a signature.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Version(…)")
    }
}
