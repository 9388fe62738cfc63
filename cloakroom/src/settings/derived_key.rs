use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::SettingsError;
use super::login_hash_key::LOGIN_HASH;
use crate::wire::signing::{SecretKey, SigningKey};
use crate::wire::stored::{SESSION_SALT, SIGNED_COOKIES_SALT};

/// `SESSION_SIGNING_KEY`: the key of session signatures, derived from a site's secret and good for nothing else.
///
/// A signature needs only the SHA-256 of salt, `signer` and secret. Give a second service that value in place
/// of the `SECRET_KEY`: it reads and writes the site's sessions, and whoever steals it can forge sessions but
/// no password-reset link and no other signature of the site. This is the recommended way to share sessions.
/// The command `cloakroom derive-key` prints it where the secret is known.
///
/// Stored sessions and signed cookies have different salts, so they have different keys, and the text form
/// says which one it is: `session:…`, `signed_cookies:…`, or `salt.…:…` for the salt of a custom session class.
/// Behind the colon stand the 32 bytes in base64 (URL-safe, without padding) or in hexadecimal.
///
/// ```
/// use cloakroom::wire::SecretKey;
/// use cloakroom::wire::stored::SESSION_SALT;
/// use cloakroom::{DerivedKey, Settings};
///
/// // Where the secret is:
/// let text = DerivedKey::derive(&SecretKey::new("the secret of the Django site")?, SESSION_SALT).to_text();
/// assert!(text.starts_with("session:"));
///
/// // In the second service, from its settings:
/// let key: DerivedKey = text.parse()?;
/// assert_eq!((key.salt(), key.key().as_bytes().len()), (SESSION_SALT, 32));
/// let settings = Settings::new().session_signing_key(key);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct DerivedKey {
    salt: String,
    key: SigningKey,
}

const SESSION: &str = "session";
const SIGNED_COOKIES: &str = "signed_cookies";
const CUSTOM: &str = "salt.";

impl DerivedKey {
    /// The key that signatures with this salt have under this secret.
    #[must_use]
    pub fn derive(secret: &SecretKey, salt: &str) -> Self {
        Self { salt: salt.to_owned(), key: SigningKey::derive(secret, salt) }
    }

    /// The salt it is for.
    #[must_use]
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// The key itself.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The text form, to be handed to another service. Handle with care.
    #[must_use]
    pub fn to_text(&self) -> String {
        let key = URL_SAFE_NO_PAD.encode(self.key.as_bytes());
        match self.salt.as_str() {
            SESSION_SALT => format!("{SESSION}:{key}"),
            SIGNED_COOKIES_SALT => format!("{SIGNED_COOKIES}:{key}"),
            salt => format!("{CUSTOM}{}:{key}", URL_SAFE_NO_PAD.encode(salt)),
        }
    }

    /// What to call a salt in a message.
    pub(crate) fn salt_name(salt: &str) -> String {
        match salt {
            SESSION_SALT => "of stored sessions (session:…)".to_owned(),
            SIGNED_COOKIES_SALT => "of signed cookies (signed_cookies:…)".to_owned(),
            other => format!("{other:?}"),
        }
    }
}

impl FromStr for DerivedKey {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |problem: &str| {
            // The value is not shown: it is a key, or was meant to be one.
            Err(SettingsError::new(
                "SESSION_SIGNING_KEY",
                None,
                problem,
                "use what `cloakroom derive-key` prints where SECRET_KEY is known, such as session:…",
            ))
        };
        let text = text.trim();
        if text.is_empty() {
            return refuse("is empty");
        }
        let Some((name, key)) = text.split_once(':') else {
            return refuse("does not say which salt it is for");
        };
        let custom = || String::from_utf8(URL_SAFE_NO_PAD.decode(name.strip_prefix(CUSTOM)?).ok()?).ok();
        let salt = match name {
            SESSION => SESSION_SALT.to_owned(),
            SIGNED_COOKIES => SIGNED_COOKIES_SALT.to_owned(),
            LOGIN_HASH => return refuse("is the key of the login hash, which signs no sessions"),
            _ => match custom() {
                Some(salt) => salt,
                None => return refuse("begins with neither session: nor signed_cookies:"),
            },
        };
        match key_bytes(key) {
            Some(key) => Ok(Self { salt, key: SigningKey::from_bytes(key) }),
            None => refuse("is not 32 bytes in base64 or hexadecimal"),
        }
    }
}

/// Thirty-two bytes as 64 hexadecimal digits or in base64 (URL-safe).
pub(super) fn key_bytes(text: &str) -> Option<[u8; 32]> {
    hexadecimal(text).or_else(|| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?.try_into().ok())
}

/// Sixty-four digits.
fn hexadecimal(text: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if text.len() != 64 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
    }
    Some(key)
}

impl fmt::Debug for DerivedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DerivedKey").field("salt", &self.salt).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(salt: &str) -> DerivedKey {
        DerivedKey::derive(&SecretKey::new("xyzzy").unwrap(), salt)
    }

    #[test]
    fn text_and_back() {
        for (salt, start) in [(SESSION_SALT, "session:"), (SIGNED_COOKIES_SALT, "signed_cookies:"), ("a:b é", "salt.")]
        {
            let text = key(salt).to_text();
            assert!(text.starts_with(start), "{text}");
            let back: DerivedKey = text.parse().unwrap();
            assert_eq!((back.salt(), back.key().as_bytes()), (salt, key(salt).key().as_bytes()));
        }
        let hexadecimal: String = key(SESSION_SALT).key().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let back: DerivedKey = format!("session:{hexadecimal}").parse().unwrap();
        assert_eq!(back.key().as_bytes(), key(SESSION_SALT).key().as_bytes());
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_shown() {
        let long = format!("session:{}", "hunter2".repeat(12));
        for text in ["", "hunter2", "session:hunter2", "cookie:hunter2", "salt.é:hunter2", &long] {
            let error = text.parse::<DerivedKey>().unwrap_err().to_string();
            assert!(error.contains("SESSION_SIGNING_KEY") && !error.contains("hunter2"), "{error}");
        }
        assert!(!format!("{:?}", key(SESSION_SALT)).contains(&key(SESSION_SALT).to_text()[8..]));
    }
}
