//! Django's CSRF token: a login gives a visitor a new one, so that one that was planted before is worth nothing.

use rand::RngExt as _;

use crate::Session;

/// Where `CSRF_USE_SESSIONS` keeps it.
const CSRF_SESSION_KEY: &str = "_csrftoken";
/// Django's `CSRF_SECRET_LENGTH` and `CSRF_ALLOWED_CHARS`.
const LENGTH: usize = 32;
const ALPHABET: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

pub(super) fn new_token() -> String {
    let mut random = rand::rng();
    (0..LENGTH).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())])).collect()
}

pub(super) fn is_in(session: &Session) -> bool {
    session.contains(CSRF_SESSION_KEY)
}

pub(super) fn put_into(session: &Session, token: &str) -> Result<(), crate::SessionError> {
    session.set(CSRF_SESSION_KEY, token)
}
