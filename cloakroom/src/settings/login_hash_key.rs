//! The text form of the login hash's key.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::SettingsError;
use super::derived_key::key_bytes;
use crate::wire::LoginHashKey;

/// What stands before the colon.
pub(super) const LOGIN_HASH: &str = "login_hash";

impl LoginHashKey {
    /// The text form, `login_hash:…`, to be handed to another service. Handle with care.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{LOGIN_HASH}:{}", URL_SAFE_NO_PAD.encode(self.as_bytes()))
    }
}

impl FromStr for LoginHashKey {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |problem: &str| {
            // The value is not shown: it is a key, or was meant to be one.
            let remedy = "use what `cloakroom derive-key --login` prints where SECRET_KEY is known: login_hash:…";
            Err(SettingsError::new("SESSION_AUTH_HASH_KEY", None, problem, remedy))
        };
        match text.trim().split_once(':') {
            Some((LOGIN_HASH, key)) => match key_bytes(key) {
                Some(key) => Ok(Self::from_bytes(key)),
                None => refuse("is not 32 bytes in base64 or hexadecimal"),
            },
            _ => refuse("does not begin with login_hash:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DerivedKey;
    use crate::wire::SecretKey;
    use crate::wire::stored::SESSION_SALT;

    #[test]
    fn a_key_for_something_else_is_refused_and_not_shown() {
        let secret = SecretKey::new("xyzzy").unwrap();
        let (login, session) = (LoginHashKey::derive(&secret).to_text(), DerivedKey::derive(&secret, SESSION_SALT));
        assert_eq!(login.parse::<LoginHashKey>().unwrap().to_text(), login);
        let problem = login.parse::<DerivedKey>().unwrap_err().to_string();
        assert!(problem.contains("login hash") && !problem.contains(&login[12..]), "{problem}");
        for text in ["", "hunter2", "login_hash:", "login_hash:hunter2", &session.to_text()] {
            let problem = text.parse::<LoginHashKey>().unwrap_err().to_string();
            assert!(problem.contains("SESSION_AUTH_HASH_KEY") && !problem.contains("hunter2"), "{problem}");
            assert!(!problem.contains(&session.to_text()[8..]), "{problem}");
        }
    }
}
