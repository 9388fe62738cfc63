//! Session files.

use std::fs;
use std::path::Path;

use cloakroom::Settings;
use cloakroom::storage::file::FileOptions;

use super::rows;
use crate::database;
use crate::failure::Failure;
use crate::report::Report;

/// Looks at the folder, and into some of its files. Nothing is written there.
pub(super) fn look(report: &mut Report, settings: &Settings) -> Result<(), Failure> {
    let storage = match FileOptions::for_settings(settings).read_only(true).open() {
        Ok(storage) => storage,
        Err(error) => {
            report.failure("folder", error);
            return Ok(());
        }
    };
    let path = storage.path();
    match open_to_others(path) {
        None => report.ok("folder", path.display().to_string()),
        Some(what) => {
            let message = format!("other users of this machine may {what} {}", path.display());
            report.warning("folder", message, "set SESSION_FILE_PATH to a folder of the site's user alone, mode 0700");
        }
    }
    match database::wait(rows::sample(&storage))? {
        Ok(sample) => rows::judge(report, settings, &sample),
        Err(error) => report.failure("files", error),
    }
    Ok(())
}

/// What others may do in a folder: list it or write there.
#[cfg(unix)]
pub(super) fn open_to_others(path: &Path) -> Option<&'static str> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path).ok()?.permissions().mode();
    match (mode & 0o022 != 0, mode & 0o044 != 0) {
        (true, _) => Some("put files into"),
        (false, true) => Some("list"),
        (false, false) => None,
    }
}
