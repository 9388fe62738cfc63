//! The site's settings as a `cloakroom.toml`.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use cloakroom::environ::OptionValue;
use cloakroom::{Cache, SessionKey};

use super::site::Site;

/// What became of the file.
pub(super) enum Written {
    New,
    /// It is there already, with the same text.
    Same,
    /// It is there with another text, and was left alone.
    Kept,
}

/// The file's text, and the settings that could not be written.
pub(super) fn text(site: &Site) -> (String, Vec<&'static str>) {
    let mut text = format!(
        "# The sessions of a Django {} site, as `cloakroom doctor` read them.\n\
         # This file holds the site's secret: keep it out of version control.\n\n",
        site.version
    );
    let mut left_out = Vec::new();
    let mut line = |name: &str, value: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name} = {value}");
    };
    line("SESSION_ENGINE", quoted(site.engine()));
    match site.database_url() {
        Some(url) => line("DATABASE_URL", quoted(&url)),
        None if site.database().is_some() => left_out.push("DATABASE_URL"),
        None => {}
    }
    match site.folder().map(Path::to_str) {
        Some(Some(folder)) => line("SESSION_FILE_PATH", quoted(folder)),
        Some(None) => left_out.push("SESSION_FILE_PATH"),
        None => {}
    }
    match String::from_utf8(site.secret_key()) {
        Ok(secret) => line("SECRET_KEY", quoted(&secret)),
        Err(_) => left_out.push("SECRET_KEY"),
    }
    let fallbacks: Result<Vec<_>, _> = site.fallbacks().into_iter().map(String::from_utf8).collect();
    match fallbacks {
        Ok(fallbacks) if fallbacks.is_empty() => {}
        // Separated by commas, as in the environment.
        Ok(fallbacks) if fallbacks.iter().all(|secret| !secret.contains(',')) => {
            line("SECRET_KEY_FALLBACKS", quoted(&fallbacks.join(",")));
        }
        _ => left_out.push("SECRET_KEY_FALLBACKS"),
    }
    line("SESSION_COOKIE_NAME", quoted(&site.cookie_name));
    line("SESSION_COOKIE_AGE", site.cookie_age.to_string());
    if let Some(domain) = site.cookie_domain.as_deref().filter(|domain| !domain.is_empty()) {
        line("SESSION_COOKIE_DOMAIN", quoted(domain));
    }
    line("SESSION_COOKIE_PATH", quoted(&site.cookie_path));
    line("SESSION_COOKIE_SECURE", site.cookie_secure.to_string());
    line("SESSION_COOKIE_HTTPONLY", site.cookie_httponly.to_string());
    line("SESSION_COOKIE_SAMESITE", quoted(&site.cookie_samesite));
    line("SESSION_EXPIRE_AT_BROWSER_CLOSE", site.at_browser_close.to_string());
    line("SESSION_SAVE_EVERY_REQUEST", site.save_every_request.to_string());
    line("USE_TZ", site.use_tz.to_string());
    line("TIME_ZONE", quoted(&site.time_zone));
    if let Some(cache) = &site.cache {
        line("SESSION_CACHE_ALIAS", quoted(&cache.alias));
        // Last: what follows a table belongs to it.
        text.push_str(&cache_table(&cache.alias, &cache.to_cache()));
    }
    (text, left_out)
}

fn cache_table(alias: &str, cache: &Cache) -> String {
    let locations: Vec<_> = cache.locations().iter().map(|location| quoted(location)).collect();
    let mut text = format!("\n[CACHES.{}]\nBACKEND = {}\n", quoted(alias), quoted(cache.backend()));
    match locations.as_slice() {
        [] => {}
        [one] => text.push_str(&format!("LOCATION = {one}\n")),
        several => text.push_str(&format!("LOCATION = [{}]\n", several.join(", "))),
    }
    let pair = |(name, value): &(String, OptionValue)| {
        let name = name.split('.').map(quoted).collect::<Vec<_>>().join(".");
        format!("{name} = {}\n", written(value))
    };
    text.extend(cache.settings().iter().map(pair));
    if !cache.options().is_empty() {
        text.push_str(&format!("[CACHES.{}.OPTIONS]\n", quoted(alias)));
        text.extend(cache.options().iter().map(pair));
    }
    text
}

/// A value as TOML has it. It has no word for Python's `None`, for which an option is left out in Django as well.
fn written(value: &OptionValue) -> String {
    match value {
        OptionValue::Bool(truth) => truth.to_string(),
        OptionValue::Int(number) => number.to_string(),
        OptionValue::Float(number) => format!("{number:?}"),
        OptionValue::Text(text) => quoted(text),
        other => quoted(&other.to_string()),
    }
}

/// Writes the file, for its owner alone.
pub(super) fn write(path: &Path, text: &str, force: bool) -> io::Result<Written> {
    match fs::read(path) {
        Ok(found) if found == text.as_bytes() => return Ok(Written::Same),
        Ok(_) if !force => return Ok(Written::Kept),
        Err(error) if error.kind() != ErrorKind::NotFound && !force => return Err(error),
        _ => {}
    }
    if !force {
        // Fails when somebody else was faster.
        return private(path, text).map(|()| Written::New);
    }
    // Beside it first: whoever reads it meanwhile finds the old text or the new one.
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
    let beside = path.with_file_name(format!(".{name}.{}", SessionKey::generate().as_str()));
    let written = private(&beside, text).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written.map(|()| Written::New)
}

/// Whether nobody but its owner may read the file.
#[cfg(unix)]
pub(super) fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 == 0)
}

/// Elsewhere the folder says who may read it.
#[cfg(not(unix))]
pub(super) fn is_private(_: &Path) -> bool {
    true
}

fn private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\u{0}'..='\u{1f}' | '\u{7f}' => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped() {
        assert_eq!(quoted("a\"b\\c\n#é$"), "\"a\\\"b\\\\c\\u000A#é$\"");
    }

    #[test]
    fn a_cache_comes_back_from_its_table() {
        let cache = Cache::new("django_redis.cache.RedisCache")
            .location("redis://:p\"w@one")
            .location("redis://two")
            .with_setting("KEY_PREFIX", "shop \\1")
            .with_option("SOCKET_TIMEOUT", OptionValue::Float(2.0))
            .with_option("CONNECTION_POOL_KWARGS.max_connections", 4)
            .with_option("ssl", true);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cloakroom.toml");
        fs::write(&path, format!("SESSION_CACHE_ALIAS = \"fast\"\n{}", cache_table("fast", &cache))).unwrap();
        let settings = cloakroom::Settings::new().with_toml_file(&path).unwrap();
        assert_eq!(settings.session_cache().unwrap(), cache);
    }

    #[test]
    fn a_file_is_overwritten_only_when_forced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cloakroom.toml");
        assert!(matches!(write(&path, "a", false), Ok(Written::New)));
        assert!(matches!(write(&path, "a", false), Ok(Written::Same)));
        assert!(matches!(write(&path, "b", false), Ok(Written::Kept)));
        assert_eq!(fs::read_to_string(&path).unwrap(), "a");
        assert!(matches!(write(&path, "b", true), Ok(Written::New)));
        assert_eq!(fs::read_to_string(&path).unwrap(), "b");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
