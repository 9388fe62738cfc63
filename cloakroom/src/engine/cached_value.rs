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

/// `None` for a marker, which says that nothing stands here.
pub(super) fn decode(format: CacheFormat, kept: &Bytes) -> Result<Option<CachedValue>, DecodeError> {
    let serialized = match format.unpack(kept).map_err(DecodeError::Zlib)? {
        std::borrow::Cow::Borrowed(_) => kept.clone(),
        std::borrow::Cow::Owned(serialized) => serialized.into(),
    };
    if format.serializer == CacheSerializer::Json {
        if serialized.trim_ascii() == b"null" {
            return Ok(None);
        }
        let data = SessionData::from_bytes(serialized).map_err(DecodeError::Json)?;
        return Ok(Some(CachedValue { data, row: None }));
    }
    let unpickled = SessionData::from_pickle(&serialized)?;
    let behind = &serialized[unpickled.end..];
    let row = (1..=LONGEST_VERSION).contains(&behind.len()).then(|| Version::from_bytes(behind));
    Ok(unpickled.data.map(|data| CachedValue { data, row }))
}

/// A marker: Python's `None`, which Django takes for nothing.
pub(super) fn marker(format: CacheFormat) -> Vec<u8> {
    format.pack(match format.serializer {
        CacheSerializer::Pickle(protocol) => none_pickle(protocol),
        CacheSerializer::Json => b"null".to_vec(),
    })
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
            let value = decode(format, &kept(Some(&row))).unwrap().unwrap();
            assert!(value.data == data && value.row == keeps_row.then_some(row), "{format:?}");
            assert!(decode(format, &kept(None)).unwrap().unwrap().row.is_none());
            assert!(decode(format, &marker(format).into()).unwrap().is_none());
            assert!(decode(format, &Bytes::from_static(b"12")).is_err());
        }
    }
}
