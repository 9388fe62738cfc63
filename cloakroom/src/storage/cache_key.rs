//! What a key is called in a cache: Django's `make_key`.

use std::fmt;

/// Makes the full key of a cache entry as Django's default `KEY_FUNCTION` does: `KEY_PREFIX:VERSION:name`.
///
/// ```
/// use cloakroom::storage::CacheKey;
///
/// assert_eq!(CacheKey::default().of("name"), ":1:name");
/// let shop = CacheKey::new("shop", "2");
/// assert_eq!(shop.of("name"), "shop:2:name");
/// // The other way round, for what is listed.
/// assert_eq!(shop.name_in("shop:2:name"), Some("name"));
/// assert_eq!(shop.name_in("other:2:name"), None);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct CacheKey {
    /// All that stands before the name.
    before: Box<str>,
}

impl CacheKey {
    /// With a cache's `KEY_PREFIX` and `VERSION`.
    #[must_use]
    pub fn new(prefix: &str, version: &str) -> Self {
        Self { before: format!("{prefix}:{version}:").into() }
    }

    /// The full key of a name.
    #[must_use]
    pub fn of(&self, name: &str) -> String {
        let mut key = String::with_capacity(self.before.len() + name.len());
        key.push_str(&self.before);
        key.push_str(name);
        key
    }

    /// The name in a full key, if it is one of these.
    #[must_use]
    pub fn name_in<'k>(&self, key: &'k str) -> Option<&'k str> {
        key.strip_prefix(&*self.before)
    }
}

impl Default for CacheKey {
    /// As a cache without `KEY_PREFIX` and `VERSION` has it.
    fn default() -> Self {
        Self::new("", "1")
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheKey({}…)", self.before)
    }
}
