use std::fmt;

use super::Version;
use crate::Timestamp;

/// Where the next page of a [`Storage::scan`](super::Storage::scan) begins.
///
/// ```
/// use cloakroom::storage::Cursor;
///
/// assert_eq!(Cursor::new("the last name").position(), "the last name");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// A cursor that holds what the storage needs to go on, the last name it gave for example.
    #[must_use]
    pub fn new(position: impl Into<String>) -> Self {
        Self(position.into())
    }

    /// What the storage put into it.
    #[must_use]
    pub fn position(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Cursor {
    /// Leaves out the position, which is often a session key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cursor(…)")
    }
}

/// A page of a [`Storage::scan`](super::Storage::scan).
///
/// ```
/// use cloakroom::storage::{Entry, Page, Version};
///
/// let page = Page::new(vec![Entry::new("name", 5, None, Version::from_counter(1))], None);
/// assert_eq!(page.entries[0].bytes, 5);
/// assert!(page.next.is_none());
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Page {
    /// The entries, none of them twice.
    pub entries: Vec<Entry>,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<Cursor>,
}

impl Page {
    /// A page of these entries.
    #[must_use]
    pub fn new(entries: Vec<Entry>, next: Option<Cursor>) -> Self {
        Self { entries, next }
    }
}

/// One entry of a [`Page`].
///
/// ```
/// use cloakroom::storage::{Entry, Version};
///
/// let entry = Entry::new("a session key", 5, None, Version::from_counter(1));
/// assert!(!format!("{entry:?}").contains("a session key"));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The name it is kept under.
    pub name: String,
    /// How many bytes it holds.
    pub bytes: u64,
    /// When it ends; `None` where the storage cannot say.
    pub expires: Option<Timestamp>,
    /// What a later write compares with.
    pub version: Version,
}

impl Entry {
    /// An entry as a scan found it.
    #[must_use]
    pub fn new(name: impl Into<String>, bytes: u64, expires: Option<Timestamp>, version: Version) -> Self {
        Self { name: name.into(), bytes, expires, version }
    }
}

impl fmt::Debug for Entry {
    /// Leaves out the name, which is a session key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("bytes", &self.bytes).field("expires", &self.expires).finish_non_exhaustive()
    }
}
