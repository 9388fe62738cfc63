//! `cloakroom derive-key`

use std::io::IsTerminal as _;

use cloakroom::DerivedKey;
use cloakroom::wire::LoginHashKey;
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
    let (setting, use_of_it) = match arguments.login {
        true => ("SESSION_AUTH_HASH_KEY", "it can make the hash that logins are checked by"),
        false => ("SESSION_SIGNING_KEY", "it can sign sessions"),
    };
    if std::io::stdout().is_terminal() {
        eprintln!("cloakroom: keep what follows as secret as a password: {use_of_it}");
    }
    let key = |secret| match arguments.login {
        true => LoginHashKey::derive(secret).to_text(),
        false => DerivedKey::derive(secret, salt).to_text(),
    };
    let fallbacks: Vec<_> = fallbacks.iter().map(key).collect();
    let primary = key(&primary);
    match (arguments.json, arguments.fallbacks) {
        (true, true) => print(&serde_json::json!({ "key": primary, "fallbacks": fallbacks }).to_string()),
        (true, false) => print(&serde_json::json!({ "key": primary }).to_string()),
        (false, false) => print(&primary),
        (false, true) if fallbacks.is_empty() => print(&format!("{setting}={primary}")),
        (false, true) => print(&format!("{setting}={primary}\n{setting}_FALLBACKS={}", fallbacks.join(","))),
    }
}
