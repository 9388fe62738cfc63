//! Sessions in Django's file-based cache (`django.core.cache.backends.filebased.FileBasedCache`), shared with a Django
//! site or alone.
//!
//! ```
//! use cloakroom::storage::CacheKey;
//! use cloakroom::storage::file_cache::FileCacheOptions;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let location = folder.path();
//! let storage = FileCacheOptions::new(location).key(CacheKey::new("shop", "1")).open()?;
//! assert!(storage.swaps_in_one_step());
//! # Ok(())
//! # }
//! ```

mod content;
mod error;
mod head;
mod options;
mod place;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use md5::{Digest, Md5};

use super::file::files::{Files, Place, wanted};
use super::file::folder::{Folder, Use};
use super::file::swap::{self, Swapped, Wanted};
use super::file::turn::Turn;
use super::{CacheKey, Capabilities, Expect, Insert, New, Remove, Replace, Storage, StorageError, Stored, Touch};
use crate::Timestamp;
use crate::time::Clock;
use content::Content;
use place::CacheFolder;

pub use error::FileCacheOpenError;
pub use options::FileCacheOptions;

/// What Django's cache files are called after their digest.
const SUFFIX: &str = ".djcache";
/// So often Django may write a file under the hands of an operation that must not overwrite it.
const TRIES: usize = 16;
/// How long a read waits for the lock before it leaves an expired file to the next one.
const PATIENCE: Duration = Duration::from_millis(20);

/// Sessions in the files of Django's file-based cache.
///
/// An entry is one file, named by the MD5 of its full key, that holds its expiry and its value, packed. Writers exclude
/// each other as those of [`FileStorage`](super::FileStorage) do, and what Django renames over a file in between is put
/// back in the same way, so no change of Django's is overwritten.
///
/// An entry that has expired reads as nothing, and its file is removed then; a new one may take its place. Entries that
/// are live are never removed for being many: `MAX_ENTRIES` and `CULL_FREQUENCY` have no effect here. Django, when it
/// writes to the same folder, removes random files once there are 300, or as many as its `MAX_ENTRIES` says.
///
/// A file that does not begin with the pickle of a number or of `None`, whose value cannot be unpacked, or that is a
/// link or another user's, is [`StorageError::Damaged`]. A folder that was removed is made anew.
///
/// ```
/// use cloakroom::Timestamp;
/// use cloakroom::storage::file_cache::{FileCacheOptions, FileCacheStorage};
/// use cloakroom::storage::{Insert, New, Storage};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let storage = FileCacheStorage::open(FileCacheOptions::new(folder.path()))?;
/// let new = New::of(b"pickle", Timestamp::MAX);
/// assert!(matches!(storage.insert("name", new).await?, Insert::Inserted(_)));
/// // The MD5 of `:1:name`.
/// assert!(storage.path().join("9c199c9a248ae7e67e55e0dbb69eaaae.djcache").exists());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct FileCacheStorage {
    files: Arc<Files<CacheFolder>>,
    key: CacheKey,
    clock: Clock,
}

impl FileCacheStorage {
    /// Opens the folder, and makes it where it is missing. This does a little file I/O on the calling thread, so do it
    /// when the program starts.
    ///
    /// # Errors
    /// [`FileCacheOpenError`] says which folder it is and what the operating system said.
    pub fn open(options: FileCacheOptions) -> Result<Self, FileCacheOpenError> {
        let FileCacheOptions { folder, key, timeout, sync, read_only } = options;
        let place = CacheFolder::open(folder, Use { sync, read_only, versions: content::version })?;
        Ok(Self { files: Files::new(place, timeout, read_only), key, clock: Clock::system() })
    }

    /// The folder, as an absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.files.place.path()
    }

    /// Whether files can be exchanged in one step here, so that no change of Django's is ever overwritten. `false` for
    /// a storage that only reads.
    #[must_use]
    pub fn swaps_in_one_step(&self) -> bool {
        self.files.place.folder().is_ok_and(|folder| folder.exchanges)
    }

    /// The file of an entry. Whatever the name is, it does not lead out of the folder.
    fn file_of(&self, name: &str) -> String {
        let digest = Md5::digest(self.key.of(name));
        let mut file = String::with_capacity(digest.len() * 2 + SUFFIX.len());
        for byte in digest {
            // Writing to a string cannot fail.
            let _ = fmt::Write::write_fmt(&mut file, format_args!("{byte:02x}"));
        }
        file.push_str(SUFFIX);
        file
    }

    fn content(&self, new: New<'_>) -> swap::Content {
        swap::Content { data: content::write(new.data, new.expires), now: self.clock.now() }
    }

    /// Removes a file that has expired, if nobody is at it.
    async fn discard(&self, file: String) {
        let now = self.clock.now();
        let key = file.clone();
        let work = move |folder: &Folder, turn: &Turn| discard(folder, turn, &file, now);
        if let Err(error) = self.files.run_locked(&key, PATIENCE.min(self.files.timeout), work).await {
            tracing::debug!(%error, "an expired cache file was left for the next one to remove");
        }
    }
}

impl fmt::Debug for FileCacheStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileCacheStorage").field("path", &self.path()).field("key", &self.key).finish_non_exhaustive()
    }
}

/// Inserts where an expired file may stand, while the lock is held.
fn insert(
    folder: &Folder,
    turn: &Turn,
    file: &str,
    new: &swap::Content,
    now: Timestamp,
) -> Result<Insert, StorageError> {
    for _ in 0..TRIES {
        let Some(current) = folder.read(file)? else {
            match swap::insert(folder, turn, file, new)? {
                Insert::Exists => continue,
                inserted @ Insert::Inserted(_) => return Ok(inserted),
            }
        };
        // What cannot be read may be live.
        if !Content::read(&current.data).is_ok_and(|content| content.has_expired(now)) {
            return Ok(Insert::Exists);
        }
        let exact = Some(current.version);
        if swap::put_in_place(folder, turn, file, &exact, &current, new)? == Swapped::Done {
            return Ok(Insert::Inserted(folder.version_of(&new.data)));
        }
    }
    Ok(Insert::Exists)
}

/// Moves the expiry. Without a version to compare with, too, a value that came in between is not overwritten by the
/// one that was read.
fn touch(
    folder: &Folder,
    turn: &Turn,
    file: &str,
    wanted: &Wanted,
    until: Timestamp,
    now: Timestamp,
) -> Result<Touch, StorageError> {
    for _ in 0..TRIES {
        let Some(current) = folder.read(file)? else { return Ok(Touch::Missing) };
        if wanted.is_some_and(|wanted| wanted != current.version) {
            return Ok(Touch::Changed);
        }
        let content = swap::Content { data: Content::read(&current.data)?.until(until), now };
        let exact = Some(current.version);
        match swap::put_in_place(folder, turn, file, &exact, &current, &content)? {
            Swapped::Done => return Ok(Touch::Touched),
            Swapped::Missing => return Ok(Touch::Missing),
            Swapped::Changed if wanted.is_some() => return Ok(Touch::Changed),
            Swapped::Changed => {}
        }
    }
    Err(StorageError::not_done("others kept writing the cache file"))
}

/// Whether there was an expired file, and it is removed.
fn discard(folder: &Folder, turn: &Turn, file: &str, now: Timestamp) -> Result<bool, StorageError> {
    let Some(found) = folder.read(file)? else { return Ok(false) };
    if !Content::read(&found.data)?.has_expired(now) {
        return Ok(false);
    }
    turn.begin()?;
    Ok(swap::take_out(folder, file, &found)? == Remove::Removed)
}

/// Cache files that have expired, at most `limit`. One that cannot be read is passed over.
fn expired(folder: &Folder, turn: &Turn, now: Timestamp, limit: usize) -> Result<Vec<String>, StorageError> {
    let mut found = Vec::new();
    for name in folder.names()? {
        let Ok(name) = String::from_utf8(name?) else { continue };
        let digest = name.strip_suffix(SUFFIX).unwrap_or_default();
        if digest.len() != 32 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            continue;
        }
        if turn.is_cancelled() {
            break;
        }
        if let Ok(Some(start)) = folder.read_start(&name, head::LONGEST)
            && Content::read(&start).is_ok_and(|content| content.has_expired(now))
        {
            found.push(name);
            if found.len() >= limit {
                break;
            }
        }
    }
    Ok(found)
}

impl Storage for FileCacheStorage {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StorageError> {
        let (file, now) = (self.file_of(name), self.clock.now());
        let read = file.clone();
        let found = self.files.run(move |_, folder, _| {
            let Some(found) = folder.read(&read)? else { return Ok(None) };
            let content = Content::read(&found.data)?;
            if content.has_expired(now) {
                return Ok(Some(None));
            }
            let stored = Stored::new(content.value()?, content.expires, found.version);
            Ok(Some(Some(stored.with_modified_at(found.modified))))
        });
        match found.await? {
            None => Ok(None),
            Some(None) => {
                if !self.files.read_only {
                    self.discard(file).await;
                }
                Ok(None)
            }
            Some(stored) => Ok(stored),
        }
    }

    async fn insert(&self, name: &str, new: New<'_>) -> Result<Insert, StorageError> {
        self.files.check_writable()?;
        let (file, now) = (self.file_of(name), self.clock.now());
        let (first, content) = (file.clone(), self.content(new));
        // One step that needs no lock: whoever comes second finds the name taken.
        if let inserted @ Insert::Inserted(_) =
            self.files.run(move |_, folder, turn| swap::insert(folder, turn, &first, &content)).await?
        {
            return Ok(inserted);
        }
        let (key, content) = (file.clone(), self.content(new));
        let work = move |folder: &Folder, turn: &Turn| insert(folder, turn, &file, &content, now);
        self.files.run_locked(&key, self.files.timeout, work).await
    }

    async fn replace(&self, name: &str, expect: Expect<'_>, new: New<'_>) -> Result<Replace, StorageError> {
        self.files.check_writable()?;
        let file = self.file_of(name);
        let (key, wanted, new) = (file.clone(), wanted(expect), self.content(new));
        let work = move |folder: &Folder, turn: &Turn| swap::replace(folder, turn, &file, &wanted, &new);
        self.files.run_locked(&key, self.files.timeout, work).await
    }

    async fn touch(&self, name: &str, expect: Expect<'_>, until: Timestamp) -> Result<Touch, StorageError> {
        self.files.check_writable()?;
        let file = self.file_of(name);
        let (key, wanted, now) = (file.clone(), wanted(expect), self.clock.now());
        let work = move |folder: &Folder, turn: &Turn| touch(folder, turn, &file, &wanted, until, now);
        self.files.run_locked(&key, self.files.timeout, work).await
    }

    async fn remove(&self, name: &str, expect: Expect<'_>) -> Result<Remove, StorageError> {
        self.files.check_writable()?;
        let file = self.file_of(name);
        self.files.remove(&file.clone(), file, wanted(expect)).await
    }

    /// Whatever the entries are: names cannot be told from the files. Temporary files of this library that are older
    /// than an hour go too.
    async fn remove_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StorageError> {
        self.files.check_writable()?;
        let found = self.files.run(move |_, folder, turn| {
            folder.remove_left_overs()?;
            expired(folder, turn, now, limit)
        });
        let (found, mut removed) = (found.await?, 0);
        for file in found {
            let key = file.clone();
            let work = move |folder: &Folder, turn: &Turn| discard(folder, turn, &file, now);
            // Fewer than `limit` would say that none is left: one that somebody made live again counts as well.
            self.files.run_locked(&key, self.files.timeout, work).await?;
            removed += 1;
        }
        Ok(removed)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new().drops_expired()
    }

    fn by_clock(&self, clock: &Clock) -> Option<Self> {
        Some(Self { files: Arc::clone(&self.files), key: self.key.clone(), clock: clock.clone() })
    }
}
