//! `cloakroom derive-key`

use std::io::IsTerminal as _;

use cloakroom::DerivedKey;
use cloakroom::wire::stored::{SESSION_SALT, SIGNED_COOKIES_SALT};

use crate::database;
use crate::failure::Failure;
use crate::options::{DeriveKey, Place};
use crate::output::print;

pub(crate) fn run(arguments: &DeriveKey, place: &Place) -> Result<(), Failure> {
    let settings = database::settings(place)?;
    let salt = match arguments.salt.as_deref() {
        // The salt of a custom session class is a setting like any other.
        None => settings.salt(),
        Some("stored") => SESSION_SALT,
        Some("signed_cookies") => SIGNED_COOKIES_SALT,
        Some("") => return Err(Failure::new("--salt is empty; use stored, signed_cookies or the salt itself")),
        Some(other) => other,
    };
    let (primary, fallbacks) = settings.secret_keys()?;
    if std::io::stdout().is_terminal() {
        eprintln!("cloakroom: keep what follows as secret as a password: it can sign sessions");
    }
    let key = |secret| DerivedKey::derive(secret, salt).to_text();
    let fallbacks: Vec<_> = fallbacks.iter().map(key).collect();
    let primary = key(&primary);
    match (arguments.json, arguments.fallbacks) {
        (true, true) => print(&serde_json::json!({ "key": primary, "fallbacks": fallbacks }).to_string()),
        (true, false) => print(&serde_json::json!({ "key": primary }).to_string()),
        (false, false) => print(&primary),
        (false, true) if fallbacks.is_empty() => print(&format!("SESSION_SIGNING_KEY={primary}")),
        (false, true) => {
            print(&format!("SESSION_SIGNING_KEY={primary}\nSESSION_SIGNING_KEY_FALLBACKS={}", fallbacks.join(",")))
        }
    }
}
