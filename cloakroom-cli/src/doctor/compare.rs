//! The site's settings beside cloakroom's own.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use cloakroom::storage::DatabaseStorage;
use cloakroom::storage::file::FileOptions;
use cloakroom::wire::{SecretKey, SigningKey};
use cloakroom::{EngineName, Settings};

use super::compare_cache;
use super::site::{Database, Site};
use crate::database;
use crate::failure::Failure;

/// A setting that is not the same on both sides.
pub(super) struct Difference {
    pub(super) name: &'static str,
    pub(super) message: String,
    pub(super) effect: &'static str,
}

/// What differs, the gravest first. Secrets are compared and not shown.
pub(super) fn differences(site: &Site, own: &Settings) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut differ = |name, message: String, effect| found.push(Difference { name, message, effect });
    let shown = |theirs: &str, ours: &str| format!("the site has {theirs:?}, cloakroom has {ours:?}");

    if own.engine_name().as_str() != site.engine() {
        let message = shown(site.engine(), own.engine_name().as_str());
        differ("SESSION_ENGINE", message, "the two keep their sessions in different places");
    }
    if let Some(message) = database_differs(site, own) {
        differ("DATABASE_URL", message, "neither finds the other's sessions");
    }
    if let Some(message) = folder_differs(site, own) {
        differ("SESSION_FILE_PATH", message, "neither finds the other's sessions");
    }
    if let Some((name, message)) = site.cache.as_ref().and_then(|theirs| compare_cache::differs(theirs, own)) {
        let effect = match name {
            "CACHES.OPTIONS" | "CACHES.BACKEND" => "one may not read what the other writes",
            _ => "neither finds the other's sessions",
        };
        differ(name, message, effect);
    }
    if own.engine_name() == EngineName::Cache {
        // Nothing there is signed.
    } else if own.is_set("SESSION_SIGNING_KEY") {
        // A key says nothing of the secret it was made of: the site's secret must give the same.
        let theirs = SecretKey::new(site.secret_key()).map(|secret| SigningKey::derive(&secret, own.salt()));
        let same = matches!((own.signing_keys(own.salt()), theirs), (Ok((ours, _)), Ok(theirs)) if ours.as_bytes() == theirs.as_bytes());
        if !same {
            let message = "it was not derived from the site's SECRET_KEY".to_owned();
            differ("SESSION_SIGNING_KEY", message, "neither can read what the other signs");
        }
    } else if let Ok((primary, fallbacks)) = own.secret_keys() {
        if primary.as_bytes() != site.secret_key() {
            let message = "the two have different secrets".to_owned();
            differ("SECRET_KEY", message, "neither can read what the other signs");
        }
        let ours: BTreeSet<Vec<u8>> = fallbacks.iter().map(|secret| secret.as_bytes().to_vec()).collect();
        let theirs: BTreeSet<Vec<u8>> = site.fallbacks().into_iter().collect();
        if ours != theirs {
            let message = format!("the site has {} of them, cloakroom {}, not the same", theirs.len(), ours.len());
            differ("SECRET_KEY_FALLBACKS", message, "sessions signed with an older secret are lost on one side");
        }
    } else {
        differ("SECRET_KEY", "the site has one, cloakroom has none".to_owned(), "cloakroom cannot read any session");
    }

    let cookie = "the browser brings the cookie of one side to the other with other rules";
    let texts = [
        ("SESSION_COOKIE_NAME", &*site.cookie_name, own.cookie_name(), "neither sees the other's cookie"),
        (
            "SESSION_COOKIE_DOMAIN",
            site.cookie_domain.as_deref().unwrap_or_default(),
            own.cookie_domain().unwrap_or_default(),
            "browsers keep two cookies of one name",
        ),
        ("SESSION_COOKIE_PATH", &site.cookie_path, own.cookie_path(), "browsers keep two cookies of one name"),
    ];
    for (name, theirs, ours, effect) in texts {
        if theirs != ours {
            differ(name, shown(theirs, ours), effect);
        }
    }
    if site.use_tz != own.uses_tz() {
        let message = shown(python(site.use_tz), python(own.uses_tz()));
        differ("USE_TZ", message, "sessions end hours too early or too late");
    }
    if site.time_zone != own.time_zone_name() {
        let effect = if site.use_tz && own.uses_tz() {
            "a naive date given to set_expiry means another moment"
        } else {
            "sessions end hours too early or too late"
        };
        differ("TIME_ZONE", shown(&site.time_zone, own.time_zone_name()), effect);
    }
    let samesite = own.cookie_samesite().to_string();
    if !site.cookie_samesite.eq_ignore_ascii_case(&samesite) {
        differ("SESSION_COOKIE_SAMESITE", shown(&site.cookie_samesite, &samesite), cookie);
    }
    let renewed = "it depends on the side that saved last how long a session lives";
    let switches = [
        ("SESSION_COOKIE_SECURE", site.cookie_secure, own.cookie_secure(), cookie),
        ("SESSION_COOKIE_HTTPONLY", site.cookie_httponly, own.cookie_httponly(), cookie),
        ("SESSION_EXPIRE_AT_BROWSER_CLOSE", site.at_browser_close, own.expires_at_browser_close(), renewed),
        ("SESSION_SAVE_EVERY_REQUEST", site.save_every_request, own.saves_every_request(), renewed),
    ];
    for (name, theirs, ours, effect) in switches {
        if theirs != ours {
            differ(name, shown(python(theirs), python(ours)), effect);
        }
    }
    if site.cookie_age != own.cookie_age() {
        let message = format!("the site has {}, cloakroom has {}", site.cookie_age, own.cookie_age());
        differ("SESSION_COOKIE_AGE", message, renewed);
    }
    found
}

/// Both databases, where they are not the same one.
fn database_differs(site: &Site, own: &Settings) -> Option<String> {
    match (site.database(), site.file()) {
        (Some(_), Some(theirs)) => {
            file_differs(theirs, own).map(|ours| format!("the site has {}, {ours}", theirs.display()))
        }
        (Some(theirs), None) if theirs.vendor != "sqlite" => server_differs(theirs, own),
        _ => None,
    }
}

/// What cloakroom has in place of the site's file; `None` for the same file, by whatever path.
fn file_differs(theirs: &Path, own: &Settings) -> Option<String> {
    if own.session_database().is_ok_and(|database| Path::new(database.name()) == theirs) {
        return None;
    }
    match database::open(own, false) {
        Ok(DatabaseStorage::Sqlite(storage)) => {
            (!same_file(theirs, storage.path())).then(|| format!("cloakroom has {}", storage.path().display()))
        }
        Ok(_) => own.session_database().ok().map(|database| format!("cloakroom has {database}")),
        Err(failure) => Some(format!("and cloakroom: {failure}")),
    }
}

/// Servers are compared by what names a database: the user may be another one.
fn server_differs(theirs: &Database, own: &Settings) -> Option<String> {
    let name = theirs.name.as_deref().unwrap_or_default();
    let shown = |kind: &str, host: &str, port: &str| {
        let port = if port.is_empty() { String::new() } else { format!(":{port}") };
        format!("{kind}://{host}{port}")
    };
    let message =
        |ours: String| format!("the site has {}/{name}, {ours}", shown(&theirs.vendor, &theirs.host, &theirs.port));
    let ours = match own.session_database() {
        Ok(ours) => ours,
        Err(error) => return Some(message(format!("and cloakroom: {error}"))),
    };
    let usual = if theirs.vendor == "mysql" { "3306" } else { "5432" };
    let port = |port: &str| if port.is_empty() { usual.to_owned() } else { port.to_owned() };
    let host = |host: &str| if host.is_empty() { "localhost".to_owned() } else { host.to_owned() };
    let same = ours.kind().to_string() == theirs.vendor
        && ours.name() == name
        && host(ours.host()) == host(&theirs.host)
        && port(ours.port()) == port(&theirs.port);
    (!same).then(|| message(format!("cloakroom has {ours}")))
}

/// Both folders of session files, where they are not the same one.
fn folder_differs(site: &Site, own: &Settings) -> Option<String> {
    let theirs = site.folder()?;
    match FileOptions::for_settings(own).read_only(true).open() {
        Ok(storage) if same_file(theirs, storage.path()) => None,
        Ok(storage) => Some(format!("the site has {}, cloakroom has {}", theirs.display(), storage.path().display())),
        Err(error) => Some(format!("the site has {}, and cloakroom: {}", theirs.display(), Failure::from(error))),
    }
}

fn same_file(one: &Path, other: &Path) -> bool {
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(a), Ok(b)) if a == b)
}

fn python(switch: bool) -> &'static str {
    if switch { "True" } else { "False" }
}
