//! The demo's own secret: made once, kept in a file that only its owner can read.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use cloakroom::SessionKey;

use crate::failure::Failure;
use crate::private;

/// The file and what it holds. `Display` shows where it is, never what it says.
pub(crate) struct SecretFile {
    path: PathBuf,
    secret: String,
    made: bool,
}

impl SecretFile {
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }
}

impl fmt::Display for SecretFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.made { "made just now" } else { "the demo's own" };
        write!(f, "{} ({what})", self.path.display())
    }
}

/// Reads the secret from the file, or makes both.
pub(crate) fn read_or_make(path: &Path) -> Result<SecretFile, Failure> {
    let shown = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let about = |what: &str, error: std::io::Error| {
        Failure::new(format!("the secret file {} cannot be {what}: {error}", shown.display()))
    };
    let found = |secret, made| SecretFile { path: shown.clone(), secret, made };
    match make(path) {
        Ok(secret) => return Ok(found(secret, true)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(about("made", error)),
    }
    let mut secret = read(path, &shown).map_err(|refused| refused.unwrap_or_else(|error| about("read", error)))?;
    if secret.is_empty() {
        // Another demo, started at the same moment, may have made it and not yet written it.
        std::thread::sleep(Duration::from_millis(200));
        secret = read(path, &shown).map_err(|refused| refused.unwrap_or_else(|error| about("read", error)))?;
    }
    if secret.is_empty() {
        return Err(Failure::new(format!(
            "the secret file {} is empty; remove it, and a new one is made",
            shown.display()
        )));
    }
    Ok(found(secret, false))
}

/// Fails if the file is there.
fn make(path: &Path) -> std::io::Result<String> {
    let mut file = private::make(path)?;
    // Two session keys are 64 characters from the system's generator: 330 bits.
    let secret = format!("{}{}", SessionKey::generate().as_str(), SessionKey::generate().as_str());
    writeln!(file, "{secret}")?;
    file.sync_all()?;
    Ok(secret)
}

/// The error is a refusal in words, or what the system said.
fn read(path: &Path, shown: &Path) -> Result<String, Result<Failure, std::io::Error>> {
    let mut file = File::open(path).map_err(Err)?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().map_err(Err)?.permissions());
        if mode & 0o077 != 0 {
            return Err(Ok(Failure::new(format!(
                "others may read the secret file {} (mode {:04o}); give it the mode 0600, or remove it and a new \
                 secret is made",
                shown.display(),
                mode & 0o7777
            ))));
        }
    }
    let mut secret = String::new();
    file.read_to_string(&mut secret).map_err(Err)?;
    Ok(secret.trim().to_owned())
}
