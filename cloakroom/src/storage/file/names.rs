//! What session files are called, and which files are some.

use std::collections::BinaryHeap;

use super::error::FileOpenError;
use super::folder::Folder;
use crate::key::SessionKey;
use crate::storage::StorageError;

const LONGEST_PREFIX: usize = 200;

/// The name of the session cookie, with which the names of session files begin.
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Result<Self, FileOpenError> {
        let prefix = prefix.to_owned();
        if prefix.is_empty() || prefix.len() > LONGEST_PREFIX || prefix.contains(['/', '\0']) {
            return Err(FileOpenError::Prefix { prefix });
        }
        Ok(Self { prefix })
    }

    /// The name of a session's file. Only what can be a session key becomes one, so none leads out of the folder.
    pub(super) fn name_of(&self, key: &str) -> Option<String> {
        SessionKey::parse(key).ok()?;
        Some(format!("{}{key}", self.prefix))
    }

    /// The session key in a file's name; `None` for a file of another kind (B-119).
    fn key_in<'a>(&self, name: &'a [u8]) -> Option<&'a str> {
        let key = std::str::from_utf8(name.strip_prefix(self.prefix.as_bytes())?).ok()?;
        SessionKey::parse(key).ok().map(|_| key)
    }

    /// The first `limit` session keys after one, in order.
    pub(super) fn keys(&self, folder: &Folder, after: Option<&str>, limit: usize) -> Result<Vec<String>, StorageError> {
        let mut first = BinaryHeap::new();
        for name in folder.names()? {
            let name = name?;
            let Some(key) = self.key_in(&name).filter(|key| after.is_none_or(|after| *key > after)) else { continue };
            if first.len() < limit {
                first.push(key.to_owned());
            } else if first.peek().is_some_and(|last| key < last.as_str()) {
                first.pop();
                first.push(key.to_owned());
            }
        }
        Ok(first.into_sorted_vec())
    }
}
