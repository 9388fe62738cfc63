//! Signed text: nothing is accepted but what one of the keys signed, and whatever was signed is a value or an error.

use cloakroom::wire::signing::{DUMPS_SALT, SecretKey, Signer, TimestampSigner, loads};
use cloakroom::wire::stored::SIGNED_COOKIES_SALT;
use cloakroom::{SessionStore, Timestamp};

use super::json::{check_text, look_at};
use super::support::{at_now, block_on, now, settings};

const SALT: &str = "a salt";

fn secrets() -> [SecretKey; 2] {
    ["a secret", "an older secret"].map(|secret| SecretKey::new(secret).expect("a secret"))
}

pub fn check(data: &[u8]) {
    let [new, old] = secrets();
    check_forged(data, &new, &old);
    // From here on it is rightly signed, though not by anybody sensible.
    let Ok(text) = std::str::from_utf8(data) else { return };
    let stamped = Signer::with_secret(&new, &[], SALT).sign(text);
    check_changed(&stamped, &new, data);
    let stamps = TimestampSigner::with_secret(&new, &[], SALT);
    for at in [now(), Timestamp::MIN, Timestamp::MAX] {
        let fresh = stamps.unsign(&stamped, Some(60.0), at);
        if let Ok(unsigned) = stamps.unsign(&stamped, None, at) {
            assert!(text.starts_with(unsigned.value));
            assert!(fresh.is_err() || fresh == Ok(unsigned));
        } else {
            assert!(fresh.is_err());
        }
    }
    let signer = TimestampSigner::with_secret(&new, &[], DUMPS_SALT);
    for signed in [Signer::with_secret(&new, &[], DUMPS_SALT).sign(text), signer.sign(text, now())] {
        if let Ok(decoded) = loads(&signed, &signer, Some(60.0), now()) {
            check_text(&decoded.json);
        }
    }
    let cookie = TimestampSigner::with_secret(&new, &[], SIGNED_COOKIES_SALT).sign(text, now());
    let store = at_now(SessionStore::signed_cookies(settings()).expect("a store"));
    let session = block_on(store.session_from_cookie(Some(&cookie)).load()).expect("no cookie is an error");
    look_at(&session.data());
    let _ = (session.get_expiry_age(), session.get_expiry_date());
}

/// The bytes as they are: accepted only if one of the keys gives the very same signature.
fn check_forged(data: &[u8], new: &SecretKey, old: &SecretKey) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for separator in [":", "|"] {
        let make = |secret, fallbacks| Signer::with_secret(secret, fallbacks, SALT).with_separator(separator);
        let both = make(new, std::slice::from_ref(old)).expect("a separator");
        let Ok(unsigned) = both.unsign(text) else { continue };
        let by = make([new, old][unsigned.key], &[]).expect("a separator");
        assert_eq!(by.sign(unsigned.value), text);
    }
}

/// Signed text is refused with one character less or more, and with any other in its place.
fn check_changed(signed: &str, secret: &SecretKey, data: &[u8]) {
    let signer = Signer::with_secret(secret, &[], SALT);
    assert_eq!(signer.unsign(signed).map(|unsigned| unsigned.key), Ok(0));
    let at = data.iter().fold(0, |sum: usize, byte| sum * 31 % signed.len() + usize::from(*byte)) % signed.len();
    let other = |byte: u8| if byte == b'A' { b'B' } else { b'A' };
    let mut changed = signed.as_bytes().to_vec();
    changed[at] = other(changed[at]);
    let shorter = signed.strip_suffix(|_| true).unwrap_or_default().to_owned();
    for forged in [String::from_utf8(changed).unwrap_or_default(), format!("{signed}A"), shorter] {
        assert!(signer.unsign(&forged).is_err(), "{forged}");
    }
}
