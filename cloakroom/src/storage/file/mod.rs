//! Sessions in files: Django's `file` engine, shared with a Django site or alone.
//!
//! A session is one file in a folder, named by the session cookie's name and the session key (B-104), readable
//! and writable by its owner only. It is never written in place: a new file is written beside and exchanged with
//! the old one in one step, and what comes out is looked at (see [`FileStorage`]).
//!
//! ```
//! use cloakroom::storage::file::FileOptions;
//! use cloakroom::{Engine, SessionStore, Settings};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let settings = Settings::new().secret_key("a secret").session_file_path(folder.path());
//! let store = SessionStore::new(Engine::file(FileOptions::for_settings(&settings).open()?), settings)?;
//! store.session(None).asave().await?;
//! # Ok(())
//! # }
//! ```

#[cfg(not(unix))]
compile_error!("the feature `file` needs a Unix system");

pub(super) mod error;
pub(super) mod files;
pub(super) mod folder;
pub(super) mod lock;
mod names;
mod options;
pub(super) mod swap;
#[cfg(test)]
mod tests;
pub(super) mod turn;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::{
    Capabilities, ClearingTurn, Cursor, Entry, Expect, Insert, New, Page, Remove, Rename, Replace, Storage,
    StorageError, Stored, Touch, Version,
};
use crate::Timestamp;
use crate::time::Clock;
use error::FileFailure;
use files::{Files, Place, wanted};
use folder::{Folder, Use};
use names::Names;
use options::temporary_folder;
use swap::Content;
use turn::Turn;

pub use error::FileOpenError;
pub use options::FileOptions;

/// Sessions in the files of a folder.
///
/// A file keeps when it was last written and not when it ends: an entry's `expires` reads `None`, its
/// `modified_at` is the file's own time, and the `file` engine judges the expiry. [`touch`](Storage::touch) moves
/// that time to the moment of the call. Names are session keys; under any other name there is nothing, and an
/// insert is refused, before the file system is asked.
///
/// Writers exclude each other by a lock of the operating system, on 64 empty files `.cloakroom_lock_…` in the
/// folder. Django takes none: what it renames over a session file at the very moment of a write here comes out
/// of the exchange and is put back, so no change that Django made is overwritten. Where the file system cannot
/// exchange two files (NFS, for example), that moment, of some microseconds, is not guarded.
///
/// A file that is a link, of another kind or another user's is [`StorageError::Damaged`]. A process that is
/// killed half-way leaves the old file or the new one, and perhaps a temporary file, which
/// [`remove_expired`](Storage::remove_expired) removes after an hour.
///
/// All file I/O happens on tokio's threads for blocking work, so the runtime must have its time driver on, as
/// `#[tokio::main]` does. A handle is cheap to clone.
///
/// ```
/// use cloakroom::Timestamp;
/// use cloakroom::storage::file::{FileOptions, FileStorage};
/// use cloakroom::storage::{Insert, New, Storage};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let storage = FileStorage::open(FileOptions::new(folder.path()))?;
/// let new = New::of(b"bytes", Timestamp::MAX);
/// assert!(matches!(storage.insert("0123456789abcdef", new).await?, Insert::Inserted(_)));
/// assert_eq!(std::fs::read(storage.path().join("sessionid0123456789abcdef"))?, b"bytes");
/// assert!(storage.swaps_in_one_step());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct FileStorage {
    files: Arc<Files<Sessions>>,
    clock: Clock,
}

/// The folder of the session files, and what they are called.
struct Sessions {
    folder: Arc<Folder>,
    names: Names,
}

impl Place for Sessions {
    fn folder(&self) -> Result<Arc<Folder>, StorageError> {
        Ok(Arc::clone(&self.folder))
    }
}

impl FileStorage {
    /// Opens the folder. This does a little file I/O on the calling thread, so do it when the program starts.
    ///
    /// # Errors
    /// [`FileOpenError`] says what is wrong with the folder and what to do about it.
    #[allow(clippy::needless_pass_by_value)] // As `SqliteStorage::open`.
    pub fn open(options: FileOptions) -> Result<Self, FileOpenError> {
        let names = Names::new(&options.prefix)?;
        let path = match options.folder {
            Some(path) => path,
            None => temporary_folder()?,
        };
        let how = Use { sync: options.sync, read_only: options.read_only, versions: Version::from_signature };
        let folder = Folder::open(path.clone(), how).map_err(|error| FileOpenError::of(path, error))?;
        let place = Sessions { folder: Arc::new(folder), names };
        Ok(Self { files: Files::new(place, options.timeout, options.read_only), clock: Clock::system() })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.files.place.folder.path()
    }

    /// Whether files can be exchanged in one step here, so that no change of Django's is ever overwritten. `false` for
    /// a storage that only reads.
    #[must_use]
    pub fn swaps_in_one_step(&self) -> bool {
        self.files.place.folder.exchanges
    }

    fn content(&self, new: New<'_>) -> Content {
        Content { data: new.data.to_vec(), now: self.clock.now() }
    }

    fn name_of(&self, key: &str) -> Option<String> {
        self.files.place.names.name_of(key)
    }

    fn new_name_of(&self, key: &str) -> Result<String, StorageError> {
        self.name_of(key).ok_or_else(|| StorageError::not_done(FileFailure::NoKey))
    }
}

impl fmt::Debug for FileStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStorage").field("path", &self.path()).finish_non_exhaustive()
    }
}

impl Storage for FileStorage {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StorageError> {
        let Some(name) = self.name_of(name) else { return Ok(None) };
        let found = self.files.run(move |_, folder, _| folder.read(&name)).await?;
        Ok(found.map(|found| Stored::new(found.data, None, found.version).with_modified_at(found.modified)))
    }

    /// One step that needs no lock: whoever comes second finds the name taken.
    async fn insert(&self, name: &str, new: New<'_>) -> Result<Insert, StorageError> {
        self.files.check_writable()?;
        let (name, new) = (self.new_name_of(name)?, self.content(new));
        self.files.run(move |_, folder, turn| swap::insert(folder, turn, &name, &new)).await
    }

    async fn replace(&self, key: &str, expect: Expect<'_>, new: New<'_>) -> Result<Replace, StorageError> {
        self.files.check_writable()?;
        let Some(name) = self.name_of(key) else { return Ok(Replace::Missing) };
        let (wanted, new) = (wanted(expect), self.content(new));
        self.files
            .run_locked(key, self.files.timeout, move |folder, turn| swap::replace(folder, turn, &name, &wanted, &new))
            .await
    }

    /// The entry counts as saved now. When it ends follows from that and from its data, so `until` is not kept.
    async fn touch(&self, key: &str, expect: Expect<'_>, _until: Timestamp) -> Result<Touch, StorageError> {
        self.files.check_writable()?;
        let Some(name) = self.name_of(key) else { return Ok(Touch::Missing) };
        let (wanted, now) = (wanted(expect), self.clock.now());
        self.files
            .run_locked(key, self.files.timeout, move |folder, turn| swap::touch(folder, turn, &name, &wanted, now))
            .await
    }

    async fn remove(&self, key: &str, expect: Expect<'_>) -> Result<Remove, StorageError> {
        self.files.check_writable()?;
        let Some(name) = self.name_of(key) else { return Ok(Remove::Missing) };
        self.files.remove(key, name, wanted(expect)).await
    }

    /// Two steps: the new file is there before the old one goes. Ended in between, it leaves both.
    async fn rename(&self, from: &str, to: &str, expect: Expect<'_>, new: New<'_>) -> Result<Rename, StorageError> {
        self.files.check_writable()?;
        let Some(old_name) = self.name_of(from) else { return Ok(Rename::Missing) };
        let (new_name, wanted, new) = (self.new_name_of(to)?, wanted(expect), self.content(new));
        let work =
            move |folder: &Folder, turn: &Turn| swap::rename(folder, turn, [&old_name, &new_name], &wanted, &new);
        self.files.run_locked(from, self.files.timeout, work).await
    }

    /// In the order of the names. Left-over temporary files, names with other characters than a key has and names
    /// that are too short or too long are passed over (B-119); a file that cannot be read is listed as empty.
    async fn scan(&self, after: Option<&Cursor>, limit: usize) -> Result<Page, StorageError> {
        let after = after.map(|cursor| cursor.position().to_owned());
        self.files
            .run(move |files, folder, turn| {
                let names = &files.place.names;
                let limit = limit.max(1);
                let keys = names.keys(folder, after.as_deref(), limit)?;
                let next = if keys.len() == limit { keys.last().map(Cursor::new) } else { None };
                let mut entries = Vec::with_capacity(keys.len());
                for key in keys {
                    if turn.is_cancelled() {
                        return Err(StorageError::not_done(FileFailure::Cancelled));
                    }
                    let Some(name) = names.name_of(&key) else { continue };
                    match folder.read(&name) {
                        Ok(Some(found)) => entries.push(Entry::new(key, found.data.len() as u64, None, found.version)),
                        // Removed since the folder was listed.
                        Ok(None) => {}
                        Err(StorageError::Damaged(_)) => {
                            entries.push(Entry::new(key, 0, None, Version::from_bytes(b"")));
                        }
                        Err(error) => return Err(error),
                    }
                }
                Ok(Page::new(entries, next))
            })
            .await
    }

    /// Answers 0, since a file does not say when it ends: the `file` engine judges and removes. What goes are
    /// temporary files that are older than an hour, left behind by processes that were killed.
    async fn remove_expired(&self, _now: Timestamp, _limit: usize) -> Result<usize, StorageError> {
        self.files.check_writable()?;
        self.files.run(|_, folder, _| folder.remove_left_overs().map(|()| 0)).await
    }

    /// A lock of the operating system on a file of its own in the folder, which stays there.
    async fn clearing_turn(&self) -> Result<Option<ClearingTurn>, StorageError> {
        self.files.check_writable()?;
        let held = self.files.run(|_, folder, _| lock::take_turn(folder)).await?;
        Ok(held.map(ClearingTurn::until_dropped))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new().scan()
    }

    fn by_clock(&self, clock: &Clock) -> Option<Self> {
        Some(Self { files: Arc::clone(&self.files), clock: clock.clone() })
    }
}
