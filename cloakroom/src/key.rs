//! Session keys: what the browser carries.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rand::Rng;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// What a key is made of: lower case only, because file names may be case-insensitive (B-30).
const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
/// Which bytes stand in the alphabet.
const OF_A_KEY: [bool; 256] = {
    let mut table = [false; 256];
    let mut at = 0;
    while at < ALPHABET.len() {
        table[ALPHABET[at] as usize] = true;
        at += 1;
    }
    table
};
/// How long a key is that cloakroom or Django makes.
const GENERATED: usize = 32;
/// A shorter value never is a key (B-31).
pub(crate) const SHORTEST: usize = 8;
/// The width of Django's `session_key` column (B-85).
const LONGEST: usize = 40;

/// A session key: 8 to 40 characters of a-z and 0-9, 32 in a key that was made here or by Django.
///
/// The engine `signed_cookies` has no such keys: there, as in Django, the signed text that the cookie holds stands in
/// the key's place (B-120). Such a key comes from
/// [`session_key`](crate::LazySession::session_key) only, and names nothing in engines that keep sessions on the server.
///
/// It is as good as a password for as long as the session lives: `Debug` shows a short hash only, and there
/// is no `Display`.
///
/// ```
/// use cloakroom::SessionKey;
///
/// let key = SessionKey::generate();
/// assert_eq!(key.as_str().len(), 32);
/// assert_eq!(format!("{key:?}"), format!("SessionKey(#{})", key.short_hash()));
/// assert!(!format!("{key:?}").contains(key.as_str()));
/// assert!("../../etc/passwd".parse::<SessionKey>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SessionKey(Kind);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Kind {
    /// What a stored session goes by.
    Name { length: u8, bytes: [u8; LONGEST] },
    /// What a cookie of the engine `signed_cookies` holds, verified or not.
    Cookie(Arc<str>),
}

/// Why a text is not a session key. It does not say which text.
///
/// ```
/// use cloakroom::{InvalidSessionKey, SessionKey};
///
/// let error: InvalidSessionKey = SessionKey::parse("../../etc/passwd").unwrap_err();
/// assert_eq!(error.to_string(), "a session key has 8 to 40 characters of a-z and 0-9");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a session key has 8 to 40 characters of a-z and 0-9")]
#[non_exhaustive]
pub struct InvalidSessionKey;

impl SessionKey {
    /// A new key of 32 random characters (165 bits), from the thread's cryptographically secure generator.
    #[must_use]
    pub fn generate() -> Self {
        let mut bytes = [0; LONGEST];
        let mut filled = 0;
        let mut rng = rand::rng();
        let mut random = [0; 48];
        while filled < GENERATED {
            rng.fill_bytes(&mut random);
            // 252 is the largest multiple of 36 in a byte: what lies above would favour some characters.
            for byte in random.into_iter().filter(|&byte| byte < 252).take(GENERATED - filled) {
                bytes[filled] = ALPHABET[usize::from(byte) % ALPHABET.len()];
                filled += 1;
            }
        }
        Self(Kind::Name { length: GENERATED as u8, bytes })
    }

    /// Reads a key, hostile input included; nothing else is looked at.
    ///
    /// # Errors
    /// Anything but 8 to 40 characters of a-z and 0-9.
    pub fn parse(text: &str) -> Result<Self, InvalidSessionKey> {
        Self::from_bytes(text.as_bytes())
    }

    #[inline]
    pub(crate) fn from_bytes(text: &[u8]) -> Result<Self, InvalidSessionKey> {
        // Without a branch a byte: every request with a cookie comes through here.
        let all_of_a_key = || text.iter().fold(true, |all, &byte| all & OF_A_KEY[usize::from(byte)]);
        if !(SHORTEST..=LONGEST).contains(&text.len()) || !all_of_a_key() {
            return Err(InvalidSessionKey);
        }
        let mut bytes = [0; LONGEST];
        bytes[..text.len()].copy_from_slice(text);
        Ok(Self(Kind::Name { length: text.len() as u8, bytes }))
    }

    /// The text of a cookie of the engine `signed_cookies`, verified or not.
    pub(crate) fn of_cookie(text: impl Into<Arc<str>>) -> Self {
        Self(Kind::Cookie(text.into()))
    }

    /// The name of a stored session; `None` for the text of a signed cookie. Storages are given names by way of this
    /// only.
    pub(crate) fn as_name(&self) -> Option<&str> {
        match &self.0 {
            Kind::Name { .. } => Some(self.as_str()),
            Kind::Cookie(_) => None,
        }
    }

    /// Whether it is the name of a stored session.
    pub(crate) fn is_name(&self) -> bool {
        matches!(self.0, Kind::Name { .. })
    }

    /// The key itself. Do not log it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // Only a-z and 0-9 ever get in.
            Kind::Name { length, bytes } => std::str::from_utf8(&bytes[..usize::from(*length)]).unwrap_or_default(),
            Kind::Cookie(text) => text,
        }
    }

    /// A short hash of the key that may be logged: eight hexadecimal digits.
    #[must_use]
    pub fn short_hash(&self) -> String {
        let digest = Sha256::digest(self.as_str());
        digest[..4].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl FromStr for SessionKey {
    type Err = InvalidSessionKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKey(#{})", self.short_hash())
    }
}

/// Where new session keys come from: [`SessionKey::generate`], unless a test needs to know them beforehand.
///
/// ```
/// use cloakroom::{KeySource, SessionKey, SessionStore, Settings};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let known: SessionKey = "0123456789abcdef0123456789abcdef".parse()?;
/// let first = known.clone();
/// let store = SessionStore::memory(Settings::new())?.with_key_source(KeySource::new(move || first.clone()));
/// let session = store.session(None);
/// session.asave().await?;
/// assert_eq!(session.session_key(), Some(known));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct KeySource(Option<Arc<dyn Fn() -> SessionKey + Send + Sync>>);

impl KeySource {
    /// A source that asks `next` each time. What it gives must not be guessable.
    pub fn new(next: impl Fn() -> SessionKey + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(next)))
    }

    pub(crate) fn next(&self) -> SessionKey {
        match &self.0 {
            None => SessionKey::generate(),
            Some(next) => next(),
        }
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "KeySource(custom)" } else { "KeySource(random)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_keys_use_the_whole_alphabet_evenly_enough() {
        let mut seen = [0_u32; 256];
        for _ in 0..2_000 {
            let key = SessionKey::generate();
            assert_eq!(key.as_str().len(), GENERATED);
            key.as_str().bytes().for_each(|byte| seen[usize::from(byte)] += 1);
        }
        let mean = 2_000.0 * GENERATED as f64 / 36.0;
        for byte in ALPHABET {
            let count = f64::from(seen[usize::from(*byte)]);
            assert!((count - mean).abs() < mean * 0.15, "{} came {count} times, about {mean} expected", *byte as char);
        }
    }

    #[test]
    fn the_text_of_a_signed_cookie_is_no_name_even_where_it_could_be_one() {
        let text = "0123456789abcdef0123456789abcdef";
        let (name, cookie) = (SessionKey::parse(text).unwrap(), SessionKey::of_cookie(text));
        assert_eq!((name.as_name(), cookie.as_name()), (Some(text), None));
        assert_eq!(cookie.as_str(), text);
        assert_ne!(name, cookie);
        let signed = SessionKey::of_cookie("eyJhIjoxfQ:1tWODG:4QyyJp7aDAgjEZtUjdgeQFo-1BFs9X6lOiKBfgKVqIc");
        assert_eq!(format!("{signed:?}"), format!("SessionKey(#{})", signed.short_hash()));
        assert_eq!(signed.short_hash().len(), 8);
    }

    #[test]
    fn only_8_to_40_characters_of_a_to_z_and_0_to_9_are_a_key() {
        for good in ["abcdefgh", "0123456789", &"z".repeat(40)] {
            assert_eq!(SessionKey::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "abcdefg", &"z".repeat(41), "ABCDEFGH", "abcdefg\0", "../../ab", "abcdéfgh", "abcd efgh"] {
            assert_eq!(SessionKey::parse(bad), Err(InvalidSessionKey), "{bad:?}");
        }
    }
}
