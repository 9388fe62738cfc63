//! Files that only their owner can read.

use std::fs::{File, OpenOptions};
use std::path::Path;

/// Makes an empty file with the mode 0600. Fails if there is something already, even a link to nowhere.
pub(crate) fn make(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
