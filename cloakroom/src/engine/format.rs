//! How session data becomes bytes and is read back.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::Timestamp;
use crate::data::SessionData;
use crate::engine::cached_value::{self, Cached};
use crate::error::SessionError;
use crate::settings::SessionSerializer;
use crate::wire::CacheFormat;
use crate::wire::signing::{TimestampSigner, dumps_bytes, loads_bytes, loads_data};
use crate::wire::stored::DecodeError;

/// From so many bytes on session data is deflated where that makes it shorter, as Django does at any length (D66). Less is
/// dearer to deflate than all the rest of a save, and gains a hundred bytes or two.
const DEFLATED_FROM: usize = 512;

/// What is deflated where that makes it shorter.
#[derive(Clone, Copy)]
pub(crate) enum Deflate {
    /// Everything.
    AsDjango,
    /// What is long enough.
    WhereItPays,
}

#[derive(Clone)]
pub(crate) enum Format {
    /// Django's stored form: JSON, deflated where that is shorter, signed (B-44).
    SignedJson(TimestampSigner),
    /// The same with what a serializer of the application writes in place of JSON.
    Signed(TimestampSigner, Arc<dyn SessionSerializer>),
    /// JSON as it is.
    Json,
    /// What Django's `cache` engine gives to its cache (B-97).
    Cached(CacheFormat),
}

/// What was read.
pub(crate) struct Decoded {
    pub(crate) data: SessionData,
    /// Which secret verified it, 0 for the first. What a fallback key signed, which will be gone one day, is to be
    /// written anew even if nothing in it changes.
    pub(crate) secret: usize,
    /// The second of signing; `None` where nothing is signed.
    pub(crate) signed_at: Option<i128>,
}

impl Format {
    /// A serializer of the application can fail, and JSON lacks some of what a cache may hold.
    pub(crate) fn encode(&self, data: &SessionData, now: Timestamp, deflate: Deflate) -> Result<Vec<u8>, SessionError> {
        Ok(match self {
            Self::SignedJson(signer) => sign(&data.to_strict_json()?, signer, now, deflate),
            Self::Signed(signer, serializer) => {
                let bytes = serializer.dumps(&data.to_json()).map_err(SessionError::Serializer)?;
                sign(&bytes, signer, now, deflate)
            }
            Self::Json => data.to_strict_json()?,
            Self::Cached(format) => cached_value::seal(*format, cached_value::serialize(*format, data)?, None),
        })
    }

    /// `None` for a marker, which says that nothing stands here.
    pub(crate) fn decode(&self, stored: &Bytes) -> Result<Option<Decoded>, DecodeError> {
        if let Self::Cached(format) = self {
            return Ok(match cached_value::decode(*format, stored)? {
                Cached::Session(value) => Some(Decoded { data: value.data, secret: 0, signed_at: None }),
                Cached::Lease | Cached::Marker => None,
            });
        }
        self.decode_fresh(stored, None).map(Some)
    }

    /// The same, of what was signed no longer ago than so many seconds before now.
    pub(crate) fn decode_fresh(
        &self,
        stored: &Bytes,
        max_age: Option<(f64, Timestamp)>,
    ) -> Result<Decoded, DecodeError> {
        let (json, key, signed_at) = match self {
            Self::SignedJson(signer) => {
                let decoded = loads_bytes(stored, signer, max_age)?;
                (Bytes::from(decoded.json), decoded.key, Some(decoded.signed_at))
            }
            Self::Signed(signer, serializer) => {
                let (data, key, signed_at) = loads_data(stored, signer, max_age)?;
                let json = serializer.loads(&data).map_err(|_| DecodeError::Serializer)?;
                (Bytes::from(json), key, Some(signed_at))
            }
            Self::Json | Self::Cached(_) => (stored.clone(), 0, None),
        };
        let data = SessionData::from_bytes(json).map_err(DecodeError::Json)?;
        Ok(Decoded { data, secret: key, signed_at })
    }
}

fn sign(data: &[u8], signer: &TimestampSigner, now: Timestamp, deflate: Deflate) -> Vec<u8> {
    let compress = match deflate {
        Deflate::AsDjango => true,
        Deflate::WhereItPays => data.len() >= DEFLATED_FROM,
    };
    dumps_bytes(data, signer, compress, now).into_bytes()
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SignedJson(_) => "SignedJson",
            Self::Signed(..) => "Signed",
            Self::Json => "Json",
            Self::Cached(_) => "Cached",
        })
    }
}
