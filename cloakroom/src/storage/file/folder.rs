//! A folder of files that hold one session each: what is in it, read by names that were checked.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{
    Access, AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps, accessat, fchmod, fstat, fsync,
    futimens, openat, statat, unlinkat,
};
use rustix::io::Errno;

use super::error::{FileFailure, not_done};
use super::swap;
use crate::Timestamp;
use crate::storage::{StorageError, Version};

/// 0600: sessions are nobody else's business.
pub(in crate::storage) const OWN: Mode = Mode::from_raw_mode(0o600);
/// More than a session can be: what is larger is not read into memory.
const LARGEST: u64 = 16 << 20;
/// No session file is called so, neither by Django's rules nor by ours, since no key holds such characters (B-119).
const TEMPORARY: &str = ".cloakroom_";
/// How old a left-over temporary file is before it is removed, in seconds.
const LEFT_OVER: u64 = 60 * 60;
const NOT_READ: &str = "the session file could not be read";

/// What tells one file from another, whatever their names.
pub(in crate::storage) type Identity = (u64, u64);

#[allow(clippy::unnecessary_cast)] // The types differ from system to system.
pub(in crate::storage) fn identity(stat: &Stat) -> Identity {
    (stat.st_dev as u64, stat.st_ino as u64)
}

#[allow(clippy::unnecessary_cast)] // The types differ from system to system.
fn modified(stat: &Stat) -> Timestamp {
    let micros = (stat.st_mtime as i64).saturating_mul(1_000_000).saturating_add(stat.st_mtime_nsec as i64 / 1_000);
    Timestamp::from_micros(micros).unwrap_or(if micros < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

pub(in crate::storage) struct Folder {
    dir: OwnedFd,
    path: PathBuf,
    pub(in crate::storage) sync: bool,
    /// Whether two files can be exchanged in one step here.
    pub(in crate::storage) exchanges: bool,
    versions: Versions,
}

/// What distinguishes one content of a file from the next.
pub(in crate::storage) type Versions = fn(&[u8]) -> Version;

/// How a folder is used.
#[derive(Clone, Copy)]
pub(in crate::storage) struct Use {
    /// Whether a write waits for the disk.
    pub(in crate::storage) sync: bool,
    pub(in crate::storage) read_only: bool,
    pub(in crate::storage) versions: Versions,
}

/// A session file as it was read. It stays open, so that no other file gets its identity.
pub(in crate::storage) struct Found {
    pub(in crate::storage) file: OwnedFd,
    pub(in crate::storage) identity: Identity,
    pub(in crate::storage) data: Vec<u8>,
    pub(in crate::storage) modified: Timestamp,
    pub(in crate::storage) version: Version,
}

impl Folder {
    pub(in crate::storage) fn open(path: PathBuf, how: Use) -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(CWD, &path, flags, Mode::empty())?;
        let mut access = Access::READ_OK | Access::EXEC_OK;
        if !how.read_only {
            access |= Access::WRITE_OK;
        }
        accessat(&dir, ".", access, AtFlags::EACCESS)?;
        let mut folder = Self { dir, path, sync: how.sync, exchanges: false, versions: how.versions };
        if !how.read_only {
            folder.exchanges = swap::can_exchange(&folder)?;
        }
        Ok(folder)
    }

    pub(in crate::storage) fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    pub(in crate::storage) fn path(&self) -> &Path {
        &self.path
    }

    pub(in crate::storage) fn version_of(&self, data: &[u8]) -> Version {
        (self.versions)(data)
    }

    /// Whether the folder still stands at its path. It may have been removed, and made anew by another process.
    pub(in crate::storage) fn is_in_place(&self) -> bool {
        match (fstat(&self.dir), statat(CWD, &self.path, AtFlags::empty())) {
            (Ok(open), Ok(named)) => identity(&open) == identity(&named),
            _ => false,
        }
    }

    /// What is in a session's file.
    pub(in crate::storage) fn read(&self, name: &str) -> Result<Option<Found>, StorageError> {
        let Some((file, stat)) = self.open_to_read(name)? else { return Ok(None) };
        let mut data = Vec::with_capacity(usize::try_from(stat.st_size).unwrap_or(0).min(1 << 16));
        let read = (&file).take(LARGEST + 1).read_to_end(&mut data);
        read.map_err(|error| StorageError::not_done(FileFailure::Io(NOT_READ, error)))?;
        if data.len() as u64 > LARGEST {
            return Err(StorageError::Damaged("a session file is larger than any session"));
        }
        let version = self.version_of(&data);
        Ok(Some(Found { file: file.into(), identity: identity(&stat), data, modified: modified(&stat), version }))
    }

    /// The first `most` bytes of a file.
    pub(in crate::storage) fn read_start(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, StorageError> {
        let Some((file, _)) = self.open_to_read(name)? else { return Ok(None) };
        let mut data = Vec::new();
        let read = file.take(most).read_to_end(&mut data);
        read.map_err(|error| StorageError::not_done(FileFailure::Io(NOT_READ, error)))?;
        Ok(Some(data))
    }

    /// Nothing but a regular file is opened, and no link is followed.
    fn open_to_read(&self, name: &str) -> Result<Option<(File, Stat)>, StorageError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match openat(&self.dir, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return self.is_there().map(|()| None),
            Err(Errno::LOOP | Errno::MLINK) => {
                return Err(StorageError::Damaged("a link stands in a session file's place"));
            }
            Err(Errno::ACCESS | Errno::PERM) => {
                return Err(StorageError::Damaged("this process may not read a session file"));
            }
            Err(error) => return Err(not_done(NOT_READ)(error)),
        };
        let stat = fstat(&file).map_err(not_done(NOT_READ))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(StorageError::Damaged("a session file is no regular file"));
        }
        Ok(Some((File::from(file), stat)))
    }

    /// A folder that was removed holds nothing, and that must not sign everybody out.
    fn is_there(&self) -> Result<(), StorageError> {
        match fstat(&self.dir) {
            Ok(stat) if stat.st_nlink == 0 => Err(StorageError::not_done(FileFailure::FolderGone)),
            _ => Ok(()),
        }
    }

    /// Which file has this name now.
    pub(in crate::storage) fn identity_of(&self, name: &str) -> Result<Option<Identity>, Errno> {
        match statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(identity(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether there was something to remove.
    pub(in crate::storage) fn unlink(&self, name: &str) -> Result<bool, Errno> {
        match unlinkat(&self.dir, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// So that a power failure does not undo what happened to names.
    pub(in crate::storage) fn sync_names(&self) -> Result<(), Errno> {
        if self.sync { fsync(&self.dir) } else { Ok(()) }
    }

    /// All names in the folder, in no order.
    pub(in crate::storage) fn names(
        &self,
    ) -> Result<impl Iterator<Item = Result<Vec<u8>, StorageError>>, StorageError> {
        let failed = not_done("the folder of the session files could not be listed");
        let entries = Dir::read_from(&self.dir).map_err(&failed)?;
        Ok(entries.map(move |entry| entry.map(|entry| entry.file_name().to_bytes().to_vec()).map_err(&failed)))
    }

    /// Removes temporary files that a process left behind when it ended half-way.
    pub(in crate::storage) fn remove_left_overs(&self) -> Result<(), StorageError> {
        let now = system_seconds();
        for name in self.names()? {
            let name = name?;
            let old = made_at(&name).is_some_and(|made| now.saturating_sub(made) > LEFT_OVER);
            if old && let Err(error) = unlinkat(&self.dir, &*name, AtFlags::empty()) {
                tracing::debug!(%error, "a left-over temporary file could not be removed");
            }
        }
        Ok(())
    }

    /// A name for a temporary file: when it was made, by the system's clock, and something random.
    pub(in crate::storage) fn temporary_name() -> String {
        format!("{TEMPORARY}{:x}_{:016x}", system_seconds(), rand::random::<u64>())
    }

    /// Writes a file beside the session files.
    pub(in crate::storage) fn write_beside(&self, data: &[u8], now: Timestamp) -> Result<Temporary<'_>, StorageError> {
        let failed = not_done("the session file could not be written");
        let name = Self::temporary_name();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.dir, &*name, flags, OWN).map_err(&failed)?;
        // From here on it is removed again if anything fails.
        let mut temporary = Temporary { folder: self, name, file: File::from(file), identity: (0, 0), keep: false };
        // Whatever the umask left of it.
        fchmod(&temporary.file, OWN).map_err(&failed)?;
        let written = temporary.file.write_all(data);
        written
            .map_err(|error| StorageError::not_done(FileFailure::Io("the session file could not be written", error)))?;
        set_modified(&temporary.file, now).map_err(&failed)?;
        if self.sync {
            fsync(&temporary.file).map_err(&failed)?;
        }
        temporary.identity = identity(&fstat(&temporary.file).map_err(&failed)?);
        Ok(temporary)
    }
}

/// Sets when a file was last written: to the moment of the save, by the clock that the store has.
pub(in crate::storage) fn set_modified(file: impl AsFd, now: Timestamp) -> Result<(), Errno> {
    let time = Timespec { tv_sec: now.as_seconds(), tv_nsec: (now.subsec_micros() * 1_000).into() };
    futimens(file, &Timestamps { last_access: time, last_modification: time })
}

fn system_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// When a temporary file of ours was made; `None` for all other files.
fn made_at(name: &[u8]) -> Option<u64> {
    let rest = std::str::from_utf8(name.strip_prefix(TEMPORARY.as_bytes())?).ok()?;
    let (seconds, random) = rest.split_once('_')?;
    if random.len() != 16 {
        return None;
    }
    u64::from_str_radix(seconds, 16).ok()
}

/// A file beside the session files. Unless it is kept, it goes when this is dropped, whatever stands under its
/// name by then.
pub(in crate::storage) struct Temporary<'a> {
    folder: &'a Folder,
    pub(in crate::storage) name: String,
    file: File,
    pub(in crate::storage) identity: Identity,
    keep: bool,
}

impl Temporary<'_> {
    /// It has another name now, or holds what must not be lost.
    pub(in crate::storage) fn keep(&mut self) {
        self.keep = true;
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = self.folder.unlink(&self.name)
        {
            tracing::warn!(%error, "a temporary file could not be removed; clearing expired sessions will do it");
        }
    }
}
