//! An entry, and what it is found by.

use bytes::Bytes;

use crate::Timestamp;
use crate::storage::{New, Stored, Version};

/// A name and its hash, which is made once for each operation.
#[derive(Clone, Copy)]
pub(super) struct Name<'n> {
    pub(super) text: &'n str,
    pub(super) hash: u64,
}

/// What is kept under a name. Name and data stand in one piece of memory: an entry is found and read with few steps
/// through it.
pub(super) struct Kept {
    /// So that neither a growing table nor the order of expiry needs the name for it.
    pub(super) hash: u64,
    name_length: usize,
    name_and_data: Bytes,
    pub(super) expires: Timestamp,
    /// Where it stands in the order of expiry: not after `expires`.
    pub(super) place: Timestamp,
    modified_at: Timestamp,
    pub(super) version: u64,
}

impl Kept {
    pub(super) fn new(name: Name<'_>, new: New<'_>, now: Timestamp, version: u64) -> Self {
        Self {
            hash: name.hash,
            name_length: name.text.len(),
            name_and_data: [name.text.as_bytes(), new.data].concat().into(),
            expires: new.expires,
            place: new.expires,
            modified_at: now,
            version,
        }
    }

    /// Other data under the same name.
    pub(super) fn renew(&mut self, new: New<'_>, now: Timestamp, version: u64) {
        self.name_and_data = [&self.name_and_data[..self.name_length], new.data].concat().into();
        self.expires = new.expires;
        self.modified_at = now;
        self.version = version;
    }

    #[inline]
    pub(super) fn is(&self, name: Name<'_>) -> bool {
        self.hash == name.hash && self.name() == name.text.as_bytes()
    }

    /// A name is text.
    #[inline]
    pub(super) fn name(&self) -> &[u8] {
        &self.name_and_data[..self.name_length]
    }

    pub(super) fn data(&self) -> &[u8] {
        &self.name_and_data[self.name_length..]
    }

    pub(super) fn version(&self) -> Version {
        Version::from_counter(self.version)
    }

    pub(super) fn stored(&self) -> Stored {
        let data = self.name_and_data.slice(self.name_length..);
        Stored::new(data, Some(self.expires), self.version()).with_modified_at(self.modified_at)
    }
}
