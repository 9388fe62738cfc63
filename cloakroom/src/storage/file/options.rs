use std::env;
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::{FileOpenError, FileStorage};
use crate::Settings;

const DEFAULT_PREFIX: &str = "sessionid";
const LONGEST_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// Which folder holds the session files, and how.
///
/// ```
/// use cloakroom::storage::file::FileOptions;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let storage = FileOptions::new(folder.path())
///     .prefix("shop_session")
///     .timeout(Duration::from_secs(2))
///     .sync(true)
///     .read_only(false)
///     .open()?;
/// assert_eq!(storage.path(), folder.path());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct FileOptions {
    pub(super) folder: Option<PathBuf>,
    pub(super) prefix: String,
    pub(super) timeout: Duration,
    pub(super) sync: bool,
    pub(super) read_only: bool,
}

impl FileOptions {
    /// Session files in `folder`, which must exist.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self::in_folder(Some(folder.into()))
    }

    /// The folder and the names that the settings ask for: `SESSION_FILE_PATH`, unless set the folder for temporary
    /// files that Python's `tempfile.gettempdir()` finds, and `SESSION_COOKIE_NAME` (B-104). Under
    /// `SESSION_READ_ONLY` the folder need not be writable.
    ///
    /// ```
    /// use cloakroom::Settings;
    /// use cloakroom::storage::file::FileOptions;
    ///
    /// assert!(FileOptions::for_settings(&Settings::new()).open().is_ok());
    /// let settings = Settings::new().session_file_path("/nowhere");
    /// assert!(FileOptions::for_settings(&settings).open().is_err());
    /// ```
    pub fn for_settings(settings: &Settings) -> Self {
        Self::in_folder(settings.file_path().map(PathBuf::from))
            .prefix(settings.cookie_name())
            .read_only(settings.is_read_only())
    }

    fn in_folder(folder: Option<PathBuf>) -> Self {
        let timeout = Duration::from_secs(5);
        Self { folder, prefix: DEFAULT_PREFIX.to_owned(), timeout, sync: false, read_only: false }
    }

    /// What the name of a session file begins with; the session key follows directly. `sessionid` unless told.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long an operation may take, waiting for other processes included; 5 seconds unless told, and a day at
    /// most. Then it answers [`NotDone`](crate::storage::StorageError::NotDone), or
    /// [`OutcomeUnknown`](crate::storage::StorageError::OutcomeUnknown) if it had begun to write.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(LONGEST_TIMEOUT);
        self
    }

    /// Whether a write waits until the disk has it, so that a power failure loses nothing that was answered.
    /// `false` unless told, as in Django: then the operating system writes it within seconds.
    pub fn sync(mut self, sync: bool) -> Self {
        self.sync = sync;
        self
    }

    /// Whether every write is refused with [`ReadOnly`](crate::storage::StorageError::ReadOnly). The folder then
    /// need not be writable.
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Opens the folder. This does a little file I/O on the calling thread, so do it when the program starts.
    ///
    /// # Errors
    /// [`FileOpenError`] says what is wrong with the folder and what to do about it.
    pub fn open(self) -> Result<FileStorage, FileOpenError> {
        FileStorage::open(self)
    }
}

/// The first folder that can be used, in the order of Python's `tempfile.gettempdir()`.
pub(super) fn temporary_folder() -> Result<PathBuf, FileOpenError> {
    let named = ["TMPDIR", "TEMP", "TMP"].into_iter().filter_map(env::var_os).filter(|name| !name.is_empty());
    let named = named.map(PathBuf::from).filter_map(|path| std::path::absolute(path).ok());
    let usual = ["/tmp", "/var/tmp", "/usr/tmp"].map(PathBuf::from);
    first_usable(named.chain(usual).chain(env::current_dir()))
}

fn first_usable(folders: impl Iterator<Item = PathBuf>) -> Result<PathBuf, FileOpenError> {
    let access = Access::WRITE_OK | Access::EXEC_OK;
    let usable = |path: &PathBuf| path.is_dir() && accessat(CWD, path, access, AtFlags::EACCESS).is_ok();
    folders.into_iter().find(usable).ok_or(FileOpenError::NoTemporaryFolder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_folder_that_can_be_used_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let folders = [folder.path().join("none"), file, folder.path().to_owned(), "/tmp".into()];
        assert_eq!(first_usable(folders.clone().into_iter()).unwrap(), folder.path());
        let none = first_usable(folders.into_iter().take(2));
        assert!(matches!(none, Err(FileOpenError::NoTemporaryFolder)));
    }
}
