//! What is in a cache file: the expiry, and the value, packed.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::head::{self, Expiry};
use crate::Timestamp;
use crate::storage::{StorageError, Version};
use crate::wire::zlib;

/// A file taken apart.
pub(super) struct Content<'a> {
    pub(super) expires: Expiry,
    packed: &'a [u8],
}

pub(super) fn write(value: &[u8], expires: Timestamp) -> Vec<u8> {
    let mut content = head::write(expires);
    content.extend(zlib::compress(value));
    content
}

impl<'a> Content<'a> {
    pub(super) fn read(content: &'a [u8]) -> Result<Self, StorageError> {
        // Django takes an empty file for one that ended long ago.
        if content.is_empty() {
            return Ok(Self { expires: Some(Timestamp::UNIX_EPOCH), packed: content });
        }
        let (expires, packed) =
            head::read(content).ok_or(StorageError::Damaged("a cache file does not begin with its expiry"))?;
        Ok(Self { expires, packed })
    }

    pub(super) fn value(&self) -> Result<Bytes, StorageError> {
        let damaged = |_| StorageError::Damaged("the value in a cache file cannot be unpacked");
        zlib::decompress(self.packed, zlib::MAX_PAYLOAD).map(Bytes::from).map_err(damaged)
    }

    /// The same value with another expiry.
    pub(super) fn until(&self, expires: Timestamp) -> Vec<u8> {
        let mut content = head::write(expires);
        content.extend(self.packed);
        content
    }

    /// By Django's rule: what ends this very moment is still there.
    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires < now)
    }
}

/// Of the packed value, so that a touch leaves it as it is; of the whole where there is none.
pub(super) fn version(content: &[u8]) -> Version {
    let packed = Content::read(content).map_or(content, |content| content.packed);
    Version::from_bytes(&Sha256::digest(packed))
}
