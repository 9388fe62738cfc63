//! The keys of the login hash.

use crate::settings::{Settings, SettingsError};
use crate::wire::LoginHashKey;

#[derive(Clone)]
pub(super) struct HashKeys {
    primary: LoginHashKey,
    fallbacks: Vec<LoginHashKey>,
}

/// Which key made a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MadeBy {
    Primary,
    Fallback,
    Nobody,
}

impl HashKeys {
    pub(super) fn of(settings: &Settings) -> Result<Self, SettingsError> {
        let (primary, fallbacks) = settings.login_hash_keys()?;
        Ok(Self { primary, fallbacks })
    }

    pub(super) fn hash(&self, password: &str) -> String {
        self.primary.hash(password)
    }

    /// Django's order: the key that hashes are made with, then its fallbacks.
    pub(super) fn made_by(&self, hash: &str, password: &str) -> MadeBy {
        if self.primary.verifies(hash, password) {
            MadeBy::Primary
        } else if self.fallbacks.iter().any(|key| key.verifies(hash, password)) {
            MadeBy::Fallback
        } else {
            MadeBy::Nobody
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_known_by_its_key() {
        let with = |secret: &str| Settings::new().secret_key(secret);
        let keys = HashKeys::of(&with("new").secret_key_fallback("old").secret_key_fallback("older")).unwrap();
        let hash = |secret: &str| HashKeys::of(&with(secret)).unwrap().hash("password");
        assert_eq!(keys.made_by(&hash("new"), "password"), MadeBy::Primary);
        assert_eq!(keys.made_by(&hash("older"), "password"), MadeBy::Fallback);
        assert_eq!(keys.made_by(&hash("oldest"), "password"), MadeBy::Nobody);
        assert_eq!(keys.made_by(&hash("new"), "changed"), MadeBy::Nobody);
    }
}
