//! `cloakroom show`

mod mask;

use cloakroom::wire::stored::DecodeError;
use cloakroom::{InspectedSession, SessionError, SessionKey, Settings, Timestamp};
use serde_json::json;

use crate::decode::key_name;
use crate::failure::Failure;
use crate::keys::Keys;
use crate::numbers::{end_from, grouped, to_the_second};
use crate::options::{Place, Show};
use crate::output::print;
use crate::{database, pretty, sessions};

pub(crate) fn run(arguments: &Show, place: &Place) -> Result<(), Failure> {
    let settings = database::settings(place)?;
    let key = key(&arguments.key)?;
    let store = sessions::open(settings.clone())?;
    let session = key.short_hash();
    let inspected = match database::wait(store.inspect(&key))? {
        Ok(Some(inspected)) => inspected,
        Ok(None) => return Err(Failure::new(format!("no session is stored under the key {session}"))),
        Err(error) => return Err(unreadable(&session, error)),
    };
    let mut data = inspected.data.clone();
    let masked = if arguments.unmasked { 0 } else { mask::mask(&mut data) };
    if arguments.json {
        // The members as they stand: to read and rewrite them would change big integers and floats.
        let about = about_as_json(&session, &inspected, &settings).to_string();
        let about = about.strip_suffix('}').unwrap_or(&about);
        return print(&format!("{about},\"data\":{}}}", data.to_json()));
    }
    eprintln!("{}", about(&session, &inspected, &settings));
    if masked > 0 {
        eprintln!("{masked} masked, shown with --unmasked");
    }
    print(&pretty::indented(&data.to_json()))
}

fn key(given: &str) -> Result<SessionKey, Failure> {
    match Keys::of(vec![given.to_owned()]).next().transpose()? {
        Some(Some(key)) => Ok(key),
        Some(None) => Err(Failure::new("this is no session key: it has 8 to 40 characters of a-z and 0-9")),
        None => Err(Failure::new("standard input holds no session key")),
    }
}

fn unreadable(session: &str, error: SessionError) -> Failure {
    let why = match error {
        SessionError::Decode(DecodeError::BadSignature) => {
            ": neither SECRET_KEY nor one of the SECRET_KEY_FALLBACKS (nor SESSION_SIGNING_KEY) made it"
        }
        _ => "",
    };
    let failure = Failure::from(error);
    Failure::new(format!("the session {session} is not shown: {failure}{why}"))
}

fn about(session: &str, inspected: &InspectedSession, settings: &Settings) -> String {
    let mut about = format!("session {session}, {} bytes", grouped(inspected.bytes));
    if let Some(secret) = inspected.verified_by {
        if let Some(signed) = inspected.signed_at {
            about.push_str(&format!(", signed {}", to_the_second(signed)));
        }
        about.push_str(&format!(", verified by {}", key_name(secret, settings)));
    } else {
        about.push_str("; nothing in a cache is signed");
    }
    about.push('\n');
    about.push_str(&match (inspected.expires, inspected.has_expired) {
        (Some(end), true) => {
            format!("ended {}, {}: it is never loaded again", to_the_second(end), end_from(Timestamp::now(), end))
        }
        (Some(end), false) => format!("ends {}, {}", to_the_second(end), end_from(Timestamp::now(), end)),
        (None, true) => "it has ended and is never loaded again".to_owned(),
        (None, false) => "when it ends the cache alone knows".to_owned(),
    });
    about
}

fn about_as_json(session: &str, inspected: &InspectedSession, settings: &Settings) -> serde_json::Value {
    json!({
        "session": session,
        "bytes": inspected.bytes,
        "expires": inspected.expires.map(|end| end.to_string()),
        "expired": inspected.has_expired,
        "signed": inspected.signed_at.map(|signed| signed.to_string()),
        "verified_by": inspected.verified_by.map(|secret| key_name(secret, settings)),
    })
}
