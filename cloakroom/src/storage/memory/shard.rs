//! One part of the entries, behind a lock of its own.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashTable;

use super::bound::{Bound, Limit, TooLarge};
use super::kept::{Kept, Name};
use crate::Timestamp;
use crate::storage::{Expect, New, Stored, Version};

/// Versions come from one counter for all memory storages, so that no two states ever share one.
static COUNTER: AtomicU64 = AtomicU64::new(1);

/// The entries by name, and the hashes of their names in the order in which they expire.
///
/// A save prolongs most sessions, so an entry that lives longer than it did keeps its place in that order until its turn
/// comes, and is put back then. Two names of one hash that expire in the same microsecond have one place in that order:
/// the second then goes when somebody asks for it.
#[derive(Default)]
pub(super) struct Shard {
    pub(super) entries: HashTable<Kept>,
    pub(super) expiries: BTreeSet<(Timestamp, u64)>,
    /// Only where there is a limit: otherwise an entry costs nothing for it.
    pub(super) bound: Option<Box<Bound>>,
}

/// Why a write to a shard did not happen.
pub(super) enum Refused {
    Missing,
    Changed,
}

/// A table of so many places is not worth making smaller.
const SMALL: usize = 64;
/// How many expired entries are looked for at a time when room is needed.
const EXPIRED: usize = 16;

impl Shard {
    pub(super) fn bounded(limit: Limit) -> Self {
        Self { bound: Some(Box::new(Bound::new(limit))), ..Self::default() }
    }

    /// Whether an entry may be kept at all.
    pub(super) fn fits(&self, name: Name<'_>, data: &[u8]) -> Result<(), TooLarge> {
        self.bound.as_ref().map_or(Ok(()), |bound| bound.fits(name.text.len() + data.len()))
    }

    /// Lets others go until there is room for so many bytes: what has expired, and then as [`Bound::first`] says.
    fn make_room(&mut self, bytes: usize, now: Timestamp) {
        while self.bound.as_ref().is_some_and(|bound| bound.is_full_for(bytes)) {
            if self.drop_expired(EXPIRED, usize::MAX, |expires| expires <= now).dropped == 0 {
                match self.bound.as_ref().and_then(|bound| bound.first()) {
                    Some((version, hash)) => self.remove_where(hash, |kept| kept.version == version),
                    None => return,
                }
            }
        }
    }

    fn find(&self, name: Name<'_>) -> Option<&Kept> {
        self.entries.find(name.hash, |kept| kept.is(name))
    }

    fn find_mut(&mut self, name: Name<'_>) -> Option<&mut Kept> {
        self.entries.find_mut(name.hash, |kept| kept.is(name))
    }

    /// What a read of `name` answers. An entry that has expired is dropped.
    pub(super) fn read(&mut self, name: Name<'_>, now: Timestamp) -> Option<Stored> {
        let kept = self.find(name)?;
        if kept.expires <= now {
            self.remove(name);
            return None;
        }
        Some(kept.stored())
    }

    /// The live entry under `name`; one that has expired is dropped on the way.
    pub(super) fn live(&mut self, name: Name<'_>, now: Timestamp) -> Option<&mut Kept> {
        if self.find(name)?.expires <= now {
            self.remove(name);
            return None;
        }
        self.find_mut(name)
    }

    pub(super) fn expected(
        &mut self,
        name: Name<'_>,
        expect: Expect<'_>,
        now: Timestamp,
    ) -> Result<&mut Kept, Refused> {
        let kept = self.live(name, now).ok_or(Refused::Missing)?;
        if expect.accepts(&kept.version()) { Ok(kept) } else { Err(Refused::Changed) }
    }

    /// Keeps `new` under a name that is free.
    pub(super) fn put(&mut self, name: Name<'_>, new: New<'_>, now: Timestamp) -> Version {
        self.put_as(name, new, now, false)
    }

    /// Keeps a marker under a name, in the place of whatever stands there.
    pub(super) fn bury(&mut self, name: Name<'_>, marker: New<'_>, now: Timestamp) {
        self.remove(name);
        self.put_as(name, marker, now, true);
    }

    fn put_as(&mut self, name: Name<'_>, new: New<'_>, now: Timestamp, is_marker: bool) -> Version {
        let bytes = name.text.len() + new.data.len();
        self.make_room(bytes, now);
        let version = COUNTER.fetch_add(1, Ordering::Relaxed);
        if let Some(bound) = &mut self.bound {
            bound.add(version, name.hash, bytes, is_marker);
        }
        self.expiries.insert((new.expires, name.hash));
        self.entries.insert_unique(name.hash, Kept::new(name, new, now, version), |kept| kept.hash);
        Version::from_counter(version)
    }

    pub(super) fn replace(
        &mut self,
        name: Name<'_>,
        expect: Expect<'_>,
        new: New<'_>,
        now: Timestamp,
    ) -> Result<Version, Refused> {
        // Looked up once: this is what a save costs.
        let Some(mut kept) = self.entries.find_mut(name.hash, |kept| kept.is(name)) else {
            return Err(Refused::Missing);
        };
        if kept.expires <= now {
            self.remove(name);
            return Err(Refused::Missing);
        }
        if !expect.accepts(&kept.version()) {
            return Err(Refused::Changed);
        }
        let version = COUNTER.fetch_add(1, Ordering::Relaxed);
        if self.bound.is_some() {
            let (before, bytes) = (kept.version, name.text.len() + kept.data().len());
            self.recount(name, (before, bytes), (version, name.text.len() + new.data.len()), now);
            kept = self.expected(name, Expect::Anything, now)?;
        }
        kept.renew(new, now, version);
        if kept.expires < kept.place {
            self.bring_forward(name);
        }
        Ok(Version::from_counter(version))
    }

    pub(super) fn touch(
        &mut self,
        name: Name<'_>,
        expect: Expect<'_>,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let kept = self.expected(name, expect, now)?;
        kept.expires = until;
        if kept.expires < kept.place {
            self.bring_forward(name);
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, name: Name<'_>) {
        self.remove_where(name.hash, |kept| kept.is(name));
    }

    fn remove_where(&mut self, hash: u64, is_it: impl Fn(&Kept) -> bool) {
        if let Ok(entry) = self.entries.find_entry(hash, is_it) {
            let (kept, _) = entry.remove();
            self.expiries.remove(&(kept.place, hash));
            self.forget(&kept);
        }
    }

    /// After an entry has gone.
    fn forget(&mut self, kept: &Kept) {
        if let Some(bound) = &mut self.bound {
            bound.remove(kept.version, kept.name().len() + kept.data().len());
        }
        // A table that has become far too large gives its memory back.
        if self.entries.capacity() > SMALL && self.entries.len() < self.entries.capacity() / 8 {
            self.entries.shrink_to(self.entries.len() * 2, |kept| kept.hash);
        }
    }

    /// Counts new data under a name in the place of the old, and lets others go if there is no room.
    fn recount(
        &mut self,
        name: Name<'_>,
        (before, old_bytes): (u64, usize),
        (version, bytes): (u64, usize),
        now: Timestamp,
    ) {
        // What is not counted does not go to make room for itself.
        let counted = self.bound.as_mut().is_some_and(|bound| bound.remove(before, old_bytes));
        self.make_room(bytes, now);
        if let (Some(bound), true) = (&mut self.bound, counted) {
            bound.add(version, name.hash, bytes, false);
        }
    }

    /// Gives an entry the place in the order of expiry that it has come to deserve.
    fn bring_forward(&mut self, name: Name<'_>) {
        let Some(kept) = self.find_mut(name) else { return };
        let (before, after) = (kept.place, kept.expires);
        kept.place = after;
        self.expiries.remove(&(before, name.hash));
        self.expiries.insert((after, name.hash));
    }

    /// Looks at up to `looks` entries whose turn has come, the earliest first, and drops up to `limit` of which `gone` is
    /// true. Those that were prolonged get a later turn.
    pub(super) fn drop_expired(&mut self, limit: usize, looks: usize, gone: impl Fn(Timestamp) -> bool) -> Swept {
        let mut swept = Swept { dropped: 0, is_done: false };
        for _ in 0..looks {
            match self.expiries.first() {
                _ if swept.dropped == limit => return swept,
                Some((place, _)) if gone(*place) => {}
                _ => break,
            }
            let Some((place, hash)) = self.expiries.pop_first() else { break };
            let Ok(mut entry) = self.entries.find_entry(hash, |kept| kept.hash == hash && kept.place == place) else {
                continue;
            };
            let kept = entry.get_mut();
            if gone(kept.expires) {
                let (kept, _) = entry.remove();
                self.forget(&kept);
                swept.dropped += 1;
            } else {
                kept.place = kept.expires;
                self.expiries.insert((kept.expires, hash));
            }
        }
        swept.is_done = self.expiries.first().is_none_or(|(place, _)| !gone(*place));
        swept
    }
}

/// What a sweep came to.
pub(super) struct Swept {
    pub(super) dropped: usize,
    /// Nothing is left whose turn has come.
    pub(super) is_done: bool,
}
