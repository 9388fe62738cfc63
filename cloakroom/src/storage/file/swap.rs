//! Compare and swap with files. All of it but [`insert`] and [`can_exchange`] runs while the session's lock is held.
//!
//! Django takes no lock: it writes a file beside and renames it over the session's (B-115). So a writer here
//! exchanges the two files in one step and looks at what came out. If that is not what it compared with, Django
//! wrote in between, and it goes back.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Mode, OFlags, fstat, fsync, linkat, openat, renameat};
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
use rustix::fs::{RenameFlags, renameat_with};
use rustix::io::Errno;

use super::error::{not_done, unknown};
use super::folder::{Folder, Found, Identity, Temporary, identity, set_modified};
use super::turn::Turn;
use crate::Timestamp;
use crate::storage::{Insert, Remove, Rename, Replace, StorageError, Touch, Version};

const FAILED: &str = "the session file could not be replaced";
const NOT_REMOVED: &str = "the session file could not be removed";

/// The version that must be there, or any.
pub(in crate::storage) type Wanted = Option<Version>;

/// What to write, and the moment it counts as written.
pub(in crate::storage) struct Content {
    pub(in crate::storage) data: Vec<u8>,
    pub(in crate::storage) now: Timestamp,
}

fn accepts(wanted: &Wanted, found: &Found) -> bool {
    wanted.is_none_or(|wanted| wanted == found.version)
}

pub(in crate::storage) fn insert(
    folder: &Folder,
    turn: &Turn,
    name: &str,
    new: &Content,
) -> Result<Insert, StorageError> {
    if folder.identity_of(name).map_err(not_done(FAILED))?.is_some() {
        return Ok(Insert::Exists);
    }
    let mut temporary = folder.write_beside(&new.data, new.now)?;
    turn.begin()?;
    match move_to_free_name(folder, &temporary.name, name) {
        Ok(()) => temporary.keep(),
        Err(Errno::EXIST) => return Ok(Insert::Exists),
        Err(error) => return Err(not_done(FAILED)(error)),
    }
    folder.sync_names().map_err(unknown(FAILED))?;
    Ok(Insert::Inserted(folder.version_of(&new.data)))
}

pub(in crate::storage) fn replace(
    folder: &Folder,
    turn: &Turn,
    name: &str,
    wanted: &Wanted,
    new: &Content,
) -> Result<Replace, StorageError> {
    let Some(current) = folder.read(name)? else { return Ok(Replace::Missing) };
    if !accepts(wanted, &current) {
        return Ok(Replace::Changed);
    }
    Ok(match put_in_place(folder, turn, name, wanted, &current, new)? {
        Swapped::Done => Replace::Replaced(folder.version_of(&new.data)),
        Swapped::Missing => Replace::Missing,
        Swapped::Changed => Replace::Changed,
    })
}

/// Writes `new` in the place of `current`, or of whatever stands there if no version is wanted.
pub(in crate::storage) fn put_in_place(
    folder: &Folder,
    turn: &Turn,
    name: &str,
    wanted: &Wanted,
    current: &Found,
    new: &Content,
) -> Result<Swapped, StorageError> {
    let mut temporary = folder.write_beside(&new.data, new.now)?;
    turn.begin()?;
    let swapped = if folder.exchanges {
        swap(folder, &mut temporary, name, wanted, current)?
    } else {
        rename_over(folder, &mut temporary, name, wanted, current)?
    };
    if swapped == Swapped::Done {
        folder.sync_names().map_err(unknown(FAILED))?;
    }
    Ok(swapped)
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::storage) enum Swapped {
    Done,
    Missing,
    Changed,
}

/// Puts the temporary file in `name`'s place if `current` stands there until the very moment.
pub(in crate::storage) fn swap(
    folder: &Folder,
    temporary: &mut Temporary<'_>,
    name: &str,
    wanted: &Wanted,
    current: &Found,
) -> Result<Swapped, StorageError> {
    let mut put_in = Pinned { identity: temporary.identity, _file: None };
    let mut out = match exchange(folder, &temporary.name, name) {
        Ok(out) => out,
        Err(Failed::Before(Errno::NOENT)) => return Ok(Swapped::Missing),
        Err(Failed::Before(error)) => return Err(not_done(FAILED)(error)),
        Err(Failed::After(error)) => return Err(unknown(FAILED)(error)),
    };
    if wanted.is_none() || out.identity == current.identity {
        return Ok(Swapped::Done);
    }
    // Django wrote in between, and that is not overwritten: it goes back. If Django wrote once more in the
    // meantime, the later goes back in the earlier's place, and so on.
    loop {
        let next = match exchange(folder, &temporary.name, name) {
            Ok(next) => next,
            // Deleted, and what was deleted stays deleted.
            Err(Failed::Before(Errno::NOENT)) => return Ok(Swapped::Missing),
            Err(Failed::Before(error) | Failed::After(error)) => {
                temporary.keep();
                return Err(unknown(FAILED)(error));
            }
        };
        if next.identity == put_in.identity {
            return Ok(Swapped::Changed);
        }
        (put_in, out) = (out, next);
        debug_assert_ne!(put_in.identity, out.identity);
    }
}

/// Where files cannot be exchanged: what Django writes between the look and the rename is overwritten.
fn rename_over(
    folder: &Folder,
    temporary: &mut Temporary<'_>,
    name: &str,
    wanted: &Wanted,
    current: &Found,
) -> Result<Swapped, StorageError> {
    match folder.identity_of(name).map_err(not_done(FAILED))? {
        None => return Ok(Swapped::Missing),
        Some(found) if wanted.is_some() && found != current.identity => return Ok(Swapped::Changed),
        Some(_) => {}
    }
    renameat(folder.dir(), &*temporary.name, folder.dir(), name).map_err(not_done(FAILED))?;
    temporary.keep();
    Ok(Swapped::Done)
}

/// Moves when the session counts as saved.
pub(in crate::storage) fn touch(
    folder: &Folder,
    turn: &Turn,
    name: &str,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<Touch, StorageError> {
    let Some(current) = folder.read(name)? else { return Ok(Touch::Missing) };
    if !accepts(wanted, &current) {
        return Ok(Touch::Changed);
    }
    turn.begin()?;
    set_modified(&current.file, now).map_err(not_done("the moment of a session file's last save could not be set"))?;
    if folder.sync {
        fsync(&current.file).map_err(unknown("the moment of a session file's last save could not be written"))?;
    }
    // If Django renamed another file over it, that one has its own moment.
    Ok(match folder.identity_of(name).map_err(unknown(FAILED))? {
        None => Touch::Missing,
        Some(found) if found != current.identity => Touch::Changed,
        Some(_) => Touch::Touched,
    })
}

/// Removes whatever is there.
pub(in crate::storage) fn remove_any(folder: &Folder, turn: &Turn, name: &str) -> Result<Remove, StorageError> {
    turn.begin()?;
    unlink(folder, name)
}

fn unlink(folder: &Folder, name: &str) -> Result<Remove, StorageError> {
    let removed = folder.unlink(name).map_err(not_done(NOT_REMOVED))?;
    folder.sync_names().map_err(unknown(NOT_REMOVED))?;
    Ok(if removed { Remove::Removed } else { Remove::Missing })
}

pub(in crate::storage) fn remove(
    folder: &Folder,
    turn: &Turn,
    name: &str,
    wanted: &Wanted,
) -> Result<Remove, StorageError> {
    if wanted.is_none() {
        return remove_any(folder, turn, name);
    }
    let Some(current) = folder.read(name)? else { return Ok(Remove::Missing) };
    if !accepts(wanted, &current) {
        return Ok(Remove::Changed);
    }
    turn.begin()?;
    take_out(folder, name, &current)
}

/// Removes `name` if `current` stands there until the very moment.
pub(in crate::storage) fn take_out(folder: &Folder, name: &str, current: &Found) -> Result<Remove, StorageError> {
    let aside = Folder::temporary_name();
    match renameat(folder.dir(), name, folder.dir(), &*aside) {
        Ok(()) => {}
        Err(Errno::NOENT) => return Ok(Remove::Missing),
        Err(error) => return Err(not_done(NOT_REMOVED)(error)),
    }
    let out = pin(folder, &aside).map_err(unknown(NOT_REMOVED))?;
    if out.identity != current.identity {
        // Django wrote in between: it goes back, unless Django wrote yet another file there.
        match move_to_free_name(folder, &aside, name) {
            Ok(()) => return Ok(Remove::Changed),
            Err(Errno::EXIST) => {
                folder.unlink(&aside).map_err(unknown(NOT_REMOVED))?;
                return Ok(Remove::Changed);
            }
            Err(error) => return Err(unknown(NOT_REMOVED)(error)),
        }
    }
    folder.unlink(&aside).map_err(unknown(NOT_REMOVED))?;
    folder.sync_names().map_err(unknown(NOT_REMOVED))?;
    Ok(Remove::Removed)
}

/// The new file first, then the old one goes: an end in between leaves both, never none.
pub(in crate::storage) fn rename(
    folder: &Folder,
    turn: &Turn,
    [from, to]: [&str; 2],
    wanted: &Wanted,
    new: &Content,
) -> Result<Rename, StorageError> {
    let Some(current) = folder.read(from)? else { return Ok(Rename::Missing) };
    if folder.identity_of(to).map_err(not_done(FAILED))?.is_some() {
        return Ok(Rename::Exists);
    }
    if !accepts(wanted, &current) {
        return Ok(Rename::Changed);
    }
    let mut temporary = folder.write_beside(&new.data, new.now)?;
    turn.begin()?;
    match move_to_free_name(folder, &temporary.name, to) {
        Ok(()) => temporary.keep(),
        Err(Errno::EXIST) => return Ok(Rename::Exists),
        Err(error) => return Err(not_done(FAILED)(error)),
    }
    let removed = if wanted.is_some() { take_out(folder, from, &current) } else { unlink(folder, from) };
    let refused = match removed {
        Ok(Remove::Removed) => return Ok(Rename::Renamed(folder.version_of(&new.data))),
        Ok(Remove::Missing) => Ok(Rename::Missing),
        Ok(Remove::Changed) => Ok(Rename::Changed),
        // Taking the new file back could leave none at all.
        Err(error @ StorageError::OutcomeUnknown(_)) => return Err(error),
        Err(error) => Err(error),
    };
    if folder.identity_of(to).map_err(unknown(FAILED))? == Some(temporary.identity) {
        folder.unlink(to).map_err(unknown(FAILED))?;
    }
    refused
}

/// A file kept from going away altogether, so that no other gets its identity.
struct Pinned {
    identity: Identity,
    _file: Option<OwnedFd>,
}

fn pin(folder: &Folder, name: &str) -> Result<Pinned, Errno> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let how = OFlags::PATH;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let how = OFlags::RDONLY | OFlags::NONBLOCK;
    let file = openat(folder.dir(), name, how | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    Ok(Pinned { identity: identity(&fstat(&file)?), _file: Some(file) })
}

enum Failed {
    /// Nothing was exchanged.
    Before(Errno),
    /// It was, and what came out cannot be seen.
    After(Errno),
}

/// Exchanges two files and answers what stands under `beside` now.
fn exchange(folder: &Folder, beside: &str, name: &str) -> Result<Pinned, Failed> {
    exchange_names(folder, beside, name).map_err(Failed::Before)?;
    pin(folder, beside).map_err(Failed::After)
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn exchange_names(folder: &Folder, one: &str, other: &str) -> Result<(), Errno> {
    renameat_with(folder.dir(), one, folder.dir(), other, RenameFlags::EXCHANGE)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn exchange_names(_: &Folder, _: &str, _: &str) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}

/// By a second link, which works everywhere, where it cannot be done in one step.
fn move_to_free_name(folder: &Folder, from: &str, to: &str) -> Result<(), Errno> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    if folder.exchanges {
        return renameat_with(folder.dir(), from, folder.dir(), to, RenameFlags::NOREPLACE);
    }
    linkat(folder.dir(), from, folder.dir(), to, AtFlags::empty())?;
    // It is there: a left-over second name does no harm and is removed some day.
    let _ = folder.unlink(from);
    Ok(())
}

/// Tries it: some file systems and older systems cannot.
pub(in crate::storage) fn can_exchange(folder: &Folder) -> Result<bool, Errno> {
    let names = [Folder::temporary_name(), Folder::temporary_name()];
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = names.iter().try_for_each(|name| openat(folder.dir(), &**name, flags, super::folder::OWN).map(drop));
    let exchanged = made.map(|()| exchange_names(folder, &names[0], &names[1]).is_ok());
    for name in &names {
        let _ = folder.unlink(name);
    }
    exchanged
}
