//! Which table the rows of a storage are in: the columns' names, and what distinguishes one state of a row from the
//! next.

use sha2::{Digest, Sha256};

use super::Version;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Django's table of sessions, or one like it.
    Sessions,
    /// A table of Django's database cache.
    Cache,
}

impl Layout {
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Sessions => "session_key",
            Self::Cache => "cache_key",
        }
    }

    pub(super) const fn data(self) -> &'static str {
        match self {
            Self::Sessions => "session_data",
            Self::Cache => "value",
        }
    }

    pub(super) const fn expires(self) -> &'static str {
        match self {
            Self::Sessions => "expire_date",
            Self::Cache => "expires",
        }
    }

    /// Of what the column holds: of signed data the signature, of a cache's value a hash, which the database makes
    /// too when it compares.
    pub(super) fn version(self, data: &[u8]) -> Version {
        match self {
            Self::Sessions => Version::from_signature(data),
            Self::Cache => Version::from_bytes(&Sha256::digest(data)),
        }
    }
}
