//! How session data becomes bytes and is read back.

use bytes::Bytes;

use crate::Timestamp;
use crate::data::SessionData;
use crate::wire::signing::TimestampSigner;
use crate::wire::stored::{self, DecodeError};

#[derive(Clone, Debug)]
pub(crate) enum Format {
    /// Django's stored form: JSON, deflated where that is shorter, signed (B-44).
    SignedJson(TimestampSigner),
    /// JSON as it is.
    Json,
}

/// What was read, and whether it is to be written anew even if nothing in it changes: it was signed with a
/// fallback key, which will be gone one day.
pub(crate) struct Decoded {
    pub(crate) data: SessionData,
    pub(crate) outdated: bool,
}

impl Format {
    pub(crate) fn encode(&self, data: &SessionData, now: Timestamp) -> Vec<u8> {
        match self {
            Self::SignedJson(signer) => stored::encode(&data.to_json(), signer, now).into_bytes(),
            Self::Json => data.to_json_bytes(),
        }
    }

    pub(crate) fn decode(&self, stored: &Bytes) -> Result<Decoded, DecodeError> {
        match self {
            Self::SignedJson(signer) => {
                let decoded = stored::decode(stored, signer)?;
                let data = SessionData::from_bytes(Bytes::from(decoded.json)).map_err(DecodeError::Json)?;
                Ok(Decoded { data, outdated: decoded.key > 0 })
            }
            Self::Json => {
                let data = SessionData::from_bytes(stored.clone()).map_err(DecodeError::Json)?;
                Ok(Decoded { data, outdated: false })
            }
        }
    }
}
