//! `cloakroom decode`

mod cached;
mod input;
mod unverified;

use cloakroom::wire::signing::TimestampSigner;
use cloakroom::wire::stored::{self, DecodeError, Decoded, SIGNED_COOKIES_SALT};
use cloakroom::{SessionData, Settings, Timestamp};

use crate::database;
use crate::failure::Failure;
use crate::options::{Decode, Place};
use crate::output::print;
use crate::pretty;

pub(crate) fn run(arguments: &Decode, place: &Place) -> Result<(), Failure> {
    let (json, about) = if arguments.cache {
        cached::decode(input::read_bytes(&arguments.text)?)?
    } else if arguments.unverified {
        eprintln!("cloakroom: WARNING: the signature was NOT checked; anybody may have written this");
        unverified::decode(&input::read(&arguments.text)?)?
    } else {
        let text = input::read(&arguments.text)?;
        let settings = database::settings(place)?;
        let decoded = verified(&text, arguments.cookie, &settings)?;
        let about = format!("signed {}, verified by {}", moment(decoded.signed_at), key_name(decoded.key, &settings));
        (decoded.json, about)
    };
    // Of several members of one name the last counts, as for Python; values stay as they are.
    let data = SessionData::from_json(json)
        .map_err(|error| Failure::new(format!("the data unpacks, but holds no session: {}", Failure::from(error))))?;
    if arguments.json {
        return print(&data.to_json());
    }
    eprintln!("{about}");
    print(&pretty::indented(&data.to_json()))
}

fn verified(text: &[u8], cookie: bool, settings: &Settings) -> Result<Decoded, Failure> {
    let decode = |salt: &str| -> Result<Result<Decoded, DecodeError>, Failure> {
        let (primary, fallbacks) = settings.signing_keys(salt)?;
        Ok(stored::decode(text, &TimestampSigner::new(&primary, &fallbacks)))
    };
    let stored = settings.salt();
    let (salt, other) = if cookie { (SIGNED_COOKIES_SALT, stored) } else { (stored, SIGNED_COOKIES_SALT) };
    // Whoever has only the key for one salt cannot look for the other purpose.
    let fits_other = || decode(other).is_ok_and(|decoded| decoded.is_ok());
    decode(salt)?.map_err(|error| match error {
        // A signature holds for its purpose only; the other purpose is worth a word.
        DecodeError::BadSignature if cookie && fits_other() => {
            Failure::new("this is stored session data and no signed cookie: leave out --cookie")
        }
        DecodeError::BadSignature if fits_other() => {
            Failure::new("this is a cookie of the signed_cookies engine: add --cookie")
        }
        DecodeError::BadSignature => Failure::new(
            "the signature is missing or does not match: neither SECRET_KEY nor one of the SECRET_KEY_FALLBACKS (nor \
             SESSION_SIGNING_KEY) made it, or the text is not whole",
        ),
        error => error.into(),
    })
}

/// Which secret it is, 0 for the first.
pub(crate) fn key_name(key: usize, settings: &Settings) -> String {
    let name = if settings.is_set("SESSION_SIGNING_KEY") { "SESSION_SIGNING_KEY" } else { "SECRET_KEY" };
    if key == 0 { name.to_owned() } else { format!("fallback {key} of {name}_FALLBACKS") }
}

/// A second since 1970; the signer may have written one that no calendar knows.
fn moment(seconds: i128) -> String {
    match i64::try_from(seconds).ok().and_then(Timestamp::from_seconds) {
        Some(moment) => moment.to_string(),
        None => format!("in second {seconds} since 1970"),
    }
}
