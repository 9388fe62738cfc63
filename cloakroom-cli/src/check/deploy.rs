//! `cloakroom check --deploy`: Django's deployment check as far as it is about sessions, and S11 to S16 of the
//! security checklist as far as settings decide them.

use std::collections::HashSet;

use cloakroom::wire::signing::SecretKey;
use cloakroom::{EngineName, Settings};

use crate::report::Report;

/// Django's measure of a secret.
const SHORTEST: usize = 50;
const FEWEST_DISTINCT: usize = 5;
const INSECURE_PREFIX: &str = "django-insecure-";

pub(super) fn look(report: &mut Report, settings: &Settings) {
    if settings.engine_name() != EngineName::Cache {
        secrets(report, settings);
    }
    if settings.cookie_secure() {
        report.ok("security.W012", "the session cookie is sent over HTTPS only");
    } else {
        report.warning(
            "security.W012",
            "SESSION_COOKIE_SECURE is not True: whoever listens on plain HTTP takes over sessions",
            "set SESSION_COOKIE_SECURE to True on a site that is served over HTTPS",
        );
    }
    if settings.cookie_httponly() {
        report.ok("security.W015", "scripts in the page cannot read the session cookie");
    } else {
        report.warning(
            "security.W015",
            "SESSION_COOKIE_HTTPONLY is not True: one script injected into a page takes over sessions",
            "set SESSION_COOKIE_HTTPONLY to True",
        );
    }
    same_site(report, settings);
    prefix(report, settings);
    // Start-up refuses a name that leaves no room, so this only tells that somebody looks.
    match settings.validate() {
        Ok(()) => report.ok("S13", "the cookie fits into the 4,096 bytes that browsers keep"),
        Err(error) if error.setting() == "SESSION_COOKIE_NAME" => report.failure("S13", error),
        Err(_) => {}
    }
    if settings.engine_name() == EngineName::SignedCookies {
        report.warning(
            "S19",
            "signed_cookies keeps no record: the visitor can read the data, and a copy of a cookie stays valid for \
             SESSION_COOKIE_AGE, also after a logout",
            "keep no secret in such a session, make SESSION_COOKIE_AGE short, or use another engine",
        );
    }
    match (settings.cookie_partitioned(), settings.cookie_secure()) {
        (true, false) => report.error(
            "S14",
            "SESSION_COOKIE_PARTITIONED needs a Secure cookie: browsers drop this one",
            "set SESSION_COOKIE_SECURE to True",
        ),
        _ => report.ok("S14", "one Set-Cookie for each response; a removal has the same path, domain and flags"),
    }
    report.ok("S15", "several Cookie headers and duplicate names are tolerated: no setting changes it");
    report.ok("S16", "a Set-Cookie brings Vary: Cookie and a Cache-Control along: no setting changes it");
}

fn secrets(report: &mut Report, settings: &Settings) {
    // A missing secret is an error of the check itself.
    let Ok((primary, fallbacks)) = settings.secret_keys() else { return };
    let remedy = "make a long and random one: 50 characters and more";
    match weakness(&primary) {
        Some(weakness) => {
            report.warning("security.W009", format!("SECRET_KEY {weakness}: who guesses it forges sessions"), remedy);
        }
        None => report.ok("security.W009", "SECRET_KEY is long and varied enough"),
    }
    for (index, fallback) in fallbacks.iter().enumerate() {
        if let Some(weakness) = weakness(fallback) {
            let message = format!("SECRET_KEY_FALLBACKS[{index}] {weakness}: who guesses it forges sessions");
            report.warning("security.W025", message, "remove it as soon as the sessions it signed have ended");
        }
    }
}

/// What Django finds wrong with a secret.
fn weakness(secret: &SecretKey) -> Option<&'static str> {
    let bytes = secret.as_bytes();
    // Django counts characters in a text and bytes in bytes.
    let (length, distinct) = match str::from_utf8(bytes) {
        Ok(text) => (text.chars().count(), text.chars().collect::<HashSet<_>>().len()),
        Err(_) => (bytes.len(), bytes.iter().collect::<HashSet<_>>().len()),
    };
    if bytes.starts_with(INSECURE_PREFIX.as_bytes()) {
        Some("begins with django-insecure-, as the one that startproject makes")
    } else if length < SHORTEST {
        Some("has fewer than 50 characters")
    } else if distinct < FEWEST_DISTINCT {
        Some("has fewer than 5 distinct characters")
    } else {
        None
    }
}

fn same_site(report: &mut Report, settings: &Settings) {
    let remedy = "set SESSION_COOKIE_SAMESITE to Lax or Strict";
    match settings.cookie_samesite().as_str() {
        None => report.warning(
            "S11",
            "SESSION_COOKIE_SAMESITE is False: each browser decides whether other sites' requests carry the cookie",
            remedy,
        ),
        Some(value) if value.eq_ignore_ascii_case("none") => report.warning(
            "S11",
            "SESSION_COOKIE_SAMESITE is None: requests that other sites make carry the cookie",
            "set it to Lax or Strict, unless other sites embed this one and every form has a CSRF token",
        ),
        Some(value) => report.ok("S11", format!("SameSite is explicit: {value}")),
    }
}

fn prefix(report: &mut Report, settings: &Settings) {
    let name = settings.cookie_name().to_ascii_lowercase();
    if name.starts_with("__host-") || name.starts_with("__secure-") {
        match settings.validate() {
            Err(error) if error.setting() == "SESSION_COOKIE_NAME" => report.failure("S12", error),
            _ => report.ok("S12", "the name's prefix fits the cookie"),
        }
    } else {
        report.ok("S12", "the name has no prefix; __Host- would keep sibling domains from setting the cookie");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_measured_as_django_does() {
        let weakness = |text: &str| weakness(&SecretKey::new(text).unwrap());
        assert!(weakness(&"abcde".repeat(10)).is_none());
        assert!(weakness(&"abcde".repeat(9)).is_some_and(|why| why.contains("50")));
        assert!(weakness(&"abcd".repeat(20)).is_some_and(|why| why.contains('5')));
        assert!(weakness(&format!("django-insecure-{}", "abcdefgh".repeat(8))).is_some());
        // 25 characters of two bytes each.
        assert!(weakness(&"äöüßé".repeat(5)).is_some());
    }
}
