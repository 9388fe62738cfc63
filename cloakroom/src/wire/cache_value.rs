//! What a cache holds for a session: a serialized dictionary, compressed where the backend was told to.
//!
//! Django's own backends pickle it with the highest protocol of their Python, 5, and `django-redis` with protocol 4
//! unless its `OPTIONS` say otherwise. Nothing is signed: whoever can write to the cache can make sessions (B-97).

use std::borrow::Cow;

use super::pickle::Protocol;
use super::zlib::{self, MAX_PAYLOAD, ZlibError};

/// `django-redis` leaves shorter values as they are, in bytes.
const ZLIB_FROM: usize = 16;

/// How the entries of a cache are written: what serializes them, and whether they are compressed.
///
/// ```
/// use cloakroom::wire::pickle::Protocol;
/// use cloakroom::wire::CacheFormat;
///
/// assert_eq!(CacheFormat::default(), CacheFormat::pickle(Protocol::Five));
/// // As django-redis writes with COMPRESSOR and SERIALIZER in its OPTIONS.
/// assert_ne!(CacheFormat::pickle(Protocol::Four).zlib(), CacheFormat::json().zlib());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct CacheFormat {
    pub(crate) serializer: CacheSerializer,
    zlib: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CacheSerializer {
    Pickle(Protocol),
    /// As `django_redis.serializers.json.JSONSerializer` writes it.
    Json,
}

impl CacheFormat {
    /// Pickles: of protocol 5 as Django's own backends write them, or of 4 as `django-redis` does. Any protocol is read.
    pub const fn pickle(protocol: Protocol) -> Self {
        Self { serializer: CacheSerializer::Pickle(protocol), zlib: false }
    }

    /// JSON, as the JSON serializer of `django-redis` writes it.
    pub const fn json() -> Self {
        Self { serializer: CacheSerializer::Json, zlib: false }
    }

    /// Compressed, as the zlib compressor of `django-redis` does it: what is longer than 15 bytes. What is not
    /// compressed is read all the same.
    pub const fn zlib(mut self) -> Self {
        self.zlib = true;
        self
    }

    /// What is kept of serialized data.
    pub(crate) fn pack(self, serialized: Vec<u8>) -> Vec<u8> {
        if self.zlib && serialized.len() >= ZLIB_FROM { zlib::compress(&serialized) } else { serialized }
    }

    /// The serialized data in what is kept, as far as 16 MiB; pickles that were not compressed have a bound of their own.
    pub(crate) fn unpack(self, kept: &[u8]) -> Result<Cow<'_, [u8]>, ZlibError> {
        if self.zlib {
            match zlib::decompress(kept, MAX_PAYLOAD) {
                Ok(serialized) => return Ok(Cow::Owned(serialized)),
                Err(error @ ZlibError::TooLarge { .. }) => return Err(error),
                // Not compressed: too short, or from before there was a compressor.
                Err(_) => {}
            }
        }
        if self.serializer == CacheSerializer::Json && kept.len() > MAX_PAYLOAD {
            return Err(ZlibError::TooLarge { limit: MAX_PAYLOAD });
        }
        Ok(Cow::Borrowed(kept))
    }
}

impl Default for CacheFormat {
    /// As Django's own backends write: pickles of protocol 5.
    fn default() -> Self {
        Self::pickle(Protocol::Five)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_or_was_never_compressed_is_read_as_it_is() {
        let format = CacheFormat::json().zlib();
        let (short, long) = (b"null".to_vec(), vec![b' '; 100]);
        assert_eq!(format.pack(short.clone()), short);
        assert!(format.pack(long.clone()).len() < 20);
        for serialized in [&short, &long] {
            assert_eq!(format.unpack(&format.pack(serialized.clone())).unwrap(), serialized.as_slice());
            assert_eq!(format.unpack(serialized).unwrap(), serialized.as_slice());
        }
        let bomb = zlib::compress(&vec![0; MAX_PAYLOAD + 1]);
        assert!(format.unpack(&bomb).is_err());
        // Nor is more taken where nothing is compressed.
        let (fits, large) = (vec![b' '; MAX_PAYLOAD], vec![b' '; MAX_PAYLOAD + 1]);
        for format in [CacheFormat::json(), format] {
            assert!(format.unpack(&fits).is_ok());
            assert_eq!(format.unpack(&large), Err(ZlibError::TooLarge { limit: MAX_PAYLOAD }));
        }
    }
}
