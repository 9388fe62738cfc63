//! Who may write: one at a time for a session, in this process and in all others.
//!
//! The locks are taken on files of their own, which nobody swaps: were they taken on the session files, a writer
//! that puts back what Django wrote in between could let another pass, or two could wait for each other. A fixed
//! number of them suffices, chosen by the session key.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, fchmod, flock, fstat, openat, statat};
use rustix::io::Errno;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::error::{FileFailure, not_done};
use super::folder::{Folder, OWN, identity};
use super::turn::Turn;
use crate::storage::StorageError;

const COUNT: u64 = 64;
const FIRST_PAUSE: Duration = Duration::from_micros(30);
const LONGEST_PAUSE: Duration = Duration::from_millis(2);
const FAILED: &str = "the lock of the session file could not be taken";

pub(in crate::storage) struct Locks(Vec<Arc<Mutex<Lock>>>);

/// One of them. Its file stays open: a lock belongs to an open file, so each storage has its own.
pub(in crate::storage) struct Lock {
    name: String,
    file: Option<OwnedFd>,
}

impl Locks {
    pub(in crate::storage) fn new() -> Self {
        // Each user has files of their own: another's could not be opened.
        let user = rustix::process::geteuid().as_raw();
        let lock = |number| Lock { name: format!(".cloakroom_lock_{user}_{number:02x}"), file: None };
        Self((0..COUNT).map(|number| Arc::new(Mutex::new(lock(number)))).collect())
    }

    /// The lock of a session, for this process alone; waiting for it blocks no thread.
    pub(in crate::storage) async fn of(&self, name: &str) -> OwnedMutexGuard<Lock> {
        // The same number in every process, whatever it was built with.
        let number = name.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        Arc::clone(&self.0[(number % COUNT) as usize]).lock_owned().await
    }
}

impl Lock {
    /// Shuts out all other processes and storages, until what it gives is dropped.
    pub(in crate::storage) fn take(
        &mut self,
        folder: &Folder,
        turn: &Turn,
        deadline: Instant,
    ) -> Result<Held<'_>, StorageError> {
        let mut pause = FIRST_PAUSE;
        loop {
            let file = match self.file.take() {
                Some(file) => file,
                None => self.open(folder)?,
            };
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                // Someone who tidies up may have removed the file: a lock on it shuts out nobody any more.
                Ok(()) if self.is_in_place(folder, &file)? => return Ok(Held(self.file.insert(file))),
                Ok(()) => {}
                Err(Errno::WOULDBLOCK | Errno::INTR) => {
                    self.file = Some(file);
                    if turn.is_cancelled() {
                        return Err(StorageError::not_done(FileFailure::Cancelled));
                    }
                    if Instant::now() >= deadline {
                        return Err(StorageError::not_done(FileFailure::Locked));
                    }
                    thread::sleep(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => return Err(not_done(FAILED)(error)),
            }
        }
    }

    fn open(&self, folder: &Folder) -> Result<OwnedFd, StorageError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(folder.dir(), &*self.name, flags, OWN) {
            Ok(file) => file,
            Err(Errno::ACCESS | Errno::LOOP | Errno::PERM | Errno::ISDIR) => {
                return Err(StorageError::not_done(FileFailure::ForeignLock));
            }
            Err(error) => return Err(not_done(FAILED)(error)),
        };
        let stat = fstat(&file).map_err(not_done(FAILED))?;
        // Another user who could open it could hold it for good.
        if stat.st_uid != rustix::process::geteuid().as_raw()
            || FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile
        {
            return Err(StorageError::not_done(FileFailure::ForeignLock));
        }
        // Whatever the umask left of it.
        if Mode::from_raw_mode(stat.st_mode) != OWN {
            fchmod(&file, OWN).map_err(not_done(FAILED))?;
        }
        Ok(file)
    }

    fn is_in_place(&self, folder: &Folder, file: &OwnedFd) -> Result<bool, StorageError> {
        let held = identity(&fstat(file).map_err(not_done(FAILED))?);
        match statat(folder.dir(), &*self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(named) => Ok(identity(&named) == held),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(not_done(FAILED)(error)),
        }
    }
}

/// The lock of those who clear the folder; `None` while another one of them has it. It is given back by closing it.
pub(in crate::storage) fn take_turn(folder: &Folder) -> Result<Option<OwnedFd>, StorageError> {
    let user = rustix::process::geteuid().as_raw();
    let lock = Lock { name: format!(".cloakroom_lock_{user}_clearing"), file: None };
    let file = lock.open(folder)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(not_done(FAILED)(error)),
    }
}

/// The lock, taken.
pub(in crate::storage) struct Held<'a>(&'a OwnedFd);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let _ = flock(self.0, FlockOperation::Unlock);
    }
}
