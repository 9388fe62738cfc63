//! Session data as a cache holds it, and back.

use bytes::Bytes;

use crate::data::SessionData;
use crate::error::SessionError;
use crate::storage::Version;
use crate::wire::pickle::none_pickle;
use crate::wire::stored::DecodeError;
use crate::wire::{CacheFormat, CacheSerializer};

/// The longest version, in bytes.
const LONGEST_VERSION: usize = 47;

/// What a cache holds for a session: a copy of it, and the version of the row it was made from, if one is there.
pub(super) struct CachedValue {
    pub(super) data: SessionData,
    pub(super) row: Option<Version>,
}

/// Session data, serialized for the cache.
pub(super) fn serialize(format: CacheFormat, data: &SessionData) -> Result<Vec<u8>, SessionError> {
    match format.serializer {
        CacheSerializer::Pickle(protocol) => Ok(data.to_pickle(protocol).map_err(DecodeError::Pickle)?),
        CacheSerializer::Json => data.to_strict_json(),
    }
}

/// What the cache is given: the version of the row stands behind the pickle's end, where Python's unpickler does not
/// look any more. Behind JSON there is no such place.
pub(super) fn seal(format: CacheFormat, mut serialized: Vec<u8>, row: Option<&Version>) -> Vec<u8> {
    if let (CacheSerializer::Pickle(_), Some(row)) = (format.serializer, row) {
        serialized.extend_from_slice(row.as_bytes());
    }
    format.pack(serialized)
}

/// What stands in a cache under a session's name.
pub(super) enum Cached {
    Session(CachedValue),
    /// A reader's note that it is about to put a copy here.
    Lease,
    /// The session has ended, or is about to.
    Marker,
}

/// Reads what a cache holds. What Python reads as `None` is a marker, or with something behind its end a lease.
pub(super) fn decode(format: CacheFormat, kept: &Bytes) -> Result<Cached, DecodeError> {
    let serialized = match format.unpack(kept).map_err(DecodeError::Zlib)? {
        std::borrow::Cow::Borrowed(_) => kept.clone(),
        std::borrow::Cow::Owned(serialized) => serialized.into(),
    };
    let (data, behind) = match format.serializer {
        CacheSerializer::Json if serialized.trim_ascii() == b"null" => (None, serialized.len() - b"null".len()),
        CacheSerializer::Json => (Some(SessionData::from_bytes(serialized).map_err(DecodeError::Json)?), 0),
        CacheSerializer::Pickle(_) => {
            let unpickled = SessionData::from_pickle(&serialized)?;
            let behind = &serialized[unpickled.end..];
            if let Some(data) = unpickled.data {
                let row = (1..=LONGEST_VERSION).contains(&behind.len()).then(|| Version::from_bytes(behind));
                return Ok(Cached::Session(CachedValue { data, row }));
            }
            (None, behind.len())
        }
    };
    Ok(match (data, behind) {
        (Some(data), _) => Cached::Session(CachedValue { data, row: None }),
        (None, 0) => Cached::Marker,
        (None, _) => Cached::Lease,
    })
}

/// A marker: Python's `None`, which Django takes for nothing.
pub(super) fn marker(format: CacheFormat) -> Vec<u8> {
    format.pack(none(format))
}

/// A lease like no other: the same with 128 random bits behind it.
pub(super) fn lease(format: CacheFormat) -> Vec<u8> {
    let mut serialized = none(format);
    let random: u128 = rand::random();
    match format.serializer {
        CacheSerializer::Pickle(_) => serialized.extend(random.to_le_bytes()),
        // Behind JSON only blanks may stand: two bits in each.
        CacheSerializer::Json => serialized.extend((0..64).map(|at| b" \t\n\r"[(random >> (2 * at)) as usize & 3])),
    }
    format.pack(serialized)
}

fn none(format: CacheFormat) -> Vec<u8> {
    match format.serializer {
        CacheSerializer::Pickle(protocol) => none_pickle(protocol),
        CacheSerializer::Json => b"null".to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::pickle::Protocol;

    #[test]
    fn a_value_comes_back_with_the_version_of_its_row() {
        let data = SessionData::from_json(r#"{"a":1,"b":"text"}"#).unwrap();
        let row = Version::from_signature(&[b's'; 43]);
        let pickle = CacheFormat::pickle(Protocol::Four);
        for (format, keeps_row) in [(pickle, true), (pickle.zlib(), true), (CacheFormat::json().zlib(), false)] {
            let kept = |row| Bytes::from(seal(format, serialize(format, &data).unwrap(), row));
            let Cached::Session(value) = decode(format, &kept(Some(&row))).unwrap() else { panic!("{format:?}") };
            assert!(value.data == data && value.row == keeps_row.then_some(row), "{format:?}");
            let Cached::Session(value) = decode(format, &kept(None)).unwrap() else { panic!("{format:?}") };
            assert!(value.row.is_none());
            assert!(matches!(decode(format, &marker(format).into()), Ok(Cached::Marker)));
            assert!(matches!(decode(format, &lease(format).into()), Ok(Cached::Lease)), "{format:?}");
            assert_ne!(lease(format), lease(format));
            assert!(decode(format, &Bytes::from_static(b"12")).is_err());
        }
    }
}
