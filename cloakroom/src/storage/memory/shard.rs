//! One part of the entries, behind a lock of its own.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::bound::{Bound, Limit, TooLarge};
use crate::Timestamp;
use crate::storage::{Expect, New, Stored, Version};

/// Versions come from one counter for all memory storages, so that no two states ever share one.
static COUNTER: AtomicU64 = AtomicU64::new(1);

/// The entries by name, and their names in the order in which they expire.
///
/// A save prolongs most sessions, so an entry that lives longer than it did keeps its place in that order until its turn
/// comes, and is put back then.
#[derive(Default)]
pub(super) struct Shard {
    /// In boxes: half of a table's places are empty when it has just grown.
    pub(super) entries: HashMap<Arc<str>, Box<Kept>>,
    pub(super) expiries: BTreeSet<(Timestamp, Arc<str>)>,
    /// Only where there is a limit: otherwise an entry costs nothing for it.
    pub(super) bound: Option<Box<Bound>>,
}

pub(super) struct Kept {
    pub(super) data: Bytes,
    pub(super) expires: Timestamp,
    /// Where it stands in the order of expiry: not after `expires`.
    place: Timestamp,
    modified_at: Timestamp,
    version: u64,
}

impl Kept {
    pub(super) fn version(&self) -> Version {
        Version::from_counter(self.version)
    }
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
    pub(super) fn fits(&self, name: &str, data: &[u8]) -> Result<(), TooLarge> {
        self.bound.as_ref().map_or(Ok(()), |bound| bound.fits(name, data))
    }

    /// Lets others go until there is room: what has expired, and then as [`Bound::first`] says.
    fn make_room(&mut self, name: &str, data: &[u8], now: Timestamp) {
        while self.bound.as_ref().is_some_and(|bound| bound.is_full_for(name, data)) {
            if self.drop_expired(EXPIRED, usize::MAX, |expires| expires <= now).dropped == 0 {
                match self.bound.as_ref().and_then(|bound| bound.first()) {
                    Some(first) => self.remove(&first),
                    None => return,
                }
            }
        }
    }

    /// What a read of `name` answers. An entry that has expired is dropped.
    pub(super) fn read(&mut self, name: &str, now: Timestamp) -> Option<Stored> {
        let kept = self.entries.get(name)?;
        if kept.expires <= now {
            self.remove(name);
            return None;
        }
        let stored = Stored::new(kept.data.clone(), Some(kept.expires), kept.version());
        Some(stored.with_modified_at(kept.modified_at))
    }

    /// The live entry under `name`; one that has expired is dropped on the way.
    pub(super) fn live(&mut self, name: &str, now: Timestamp) -> Option<&mut Kept> {
        if self.entries.get(name)?.expires <= now {
            self.remove(name);
            return None;
        }
        self.entries.get_mut(name).map(|kept| &mut **kept)
    }

    pub(super) fn expected(&mut self, name: &str, expect: Expect<'_>, now: Timestamp) -> Result<&mut Kept, Refused> {
        let kept = self.live(name, now).ok_or(Refused::Missing)?;
        if expect.accepts(&kept.version()) { Ok(kept) } else { Err(Refused::Changed) }
    }

    /// Keeps `new` under a name that is free.
    pub(super) fn put(&mut self, name: &str, new: New<'_>, now: Timestamp) -> Version {
        self.put_as(name, new, now, false)
    }

    /// Keeps a marker under a name, in the place of whatever stands there.
    pub(super) fn bury(&mut self, name: &str, marker: New<'_>, now: Timestamp) {
        self.remove(name);
        self.put_as(name, marker, now, true);
    }

    fn put_as(&mut self, name: &str, new: New<'_>, now: Timestamp, is_marker: bool) -> Version {
        self.make_room(name, new.data, now);
        let name: Arc<str> = Arc::from(name);
        let version = COUNTER.fetch_add(1, Ordering::Relaxed);
        if let Some(bound) = &mut self.bound {
            bound.add(version, Arc::clone(&name), new.data, is_marker);
        }
        self.expiries.insert((new.expires, Arc::clone(&name)));
        let data = Bytes::copy_from_slice(new.data);
        let kept = Kept { data, expires: new.expires, place: new.expires, modified_at: now, version };
        self.entries.insert(name, Box::new(kept));
        Version::from_counter(version)
    }

    pub(super) fn replace(
        &mut self,
        name: &str,
        expect: Expect<'_>,
        new: New<'_>,
        now: Timestamp,
    ) -> Result<Version, Refused> {
        // Looked up once: this is what a save costs.
        let Some(mut kept) = self.entries.get_mut(name).map(|kept| &mut **kept) else {
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
            let (before, data) = (kept.version, kept.data.clone());
            self.recount(name, (before, &data), (version, new.data), now);
            kept = self.expected(name, Expect::Anything, now)?;
        }
        kept.data = Bytes::copy_from_slice(new.data);
        kept.modified_at = now;
        kept.version = version;
        kept.expires = new.expires;
        if kept.expires < kept.place {
            self.bring_forward(name);
        }
        Ok(Version::from_counter(version))
    }

    pub(super) fn touch(
        &mut self,
        name: &str,
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

    pub(super) fn remove(&mut self, name: &str) {
        if let Some((name, kept)) = self.entries.remove_entry(name) {
            self.forget(&name, &kept);
            self.expiries.remove(&(kept.place, name));
            self.shrink();
        }
    }

    /// A table that has become far too large gives its memory back.
    fn shrink(&mut self) {
        if self.entries.capacity() > SMALL && self.entries.len() < self.entries.capacity() / 8 {
            self.entries.shrink_to(self.entries.len() * 2);
        }
    }

    fn forget(&mut self, name: &str, kept: &Kept) {
        if let Some(bound) = &mut self.bound {
            bound.remove(kept.version, name, &kept.data);
        }
    }

    /// Counts new data under a name in the place of the old, and lets others go if there is no room.
    fn recount(&mut self, name: &str, (before, old): (u64, &[u8]), (version, new): (u64, &[u8]), now: Timestamp) {
        // What is not counted does not go to make room for itself.
        let counted = self.bound.as_mut().and_then(|bound| bound.remove(before, name, old));
        self.make_room(name, new, now);
        if let (Some(bound), Some(name)) = (&mut self.bound, counted) {
            bound.add(version, name, new, false);
        }
    }

    /// Gives an entry the place in the order of expiry that it has come to deserve.
    fn bring_forward(&mut self, name: &str) {
        let Some((name, kept)) = self.entries.get_key_value(name) else { return };
        let mut place = (kept.place, Arc::clone(name));
        self.expiries.remove(&place);
        place.0 = kept.expires;
        if let Some(kept) = self.entries.get_mut(&place.1) {
            kept.place = kept.expires;
        }
        self.expiries.insert(place);
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
            let Some((_, name)) = self.expiries.pop_first() else { break };
            match self.entries.get_mut(&name) {
                Some(kept) if !gone(kept.expires) => {
                    kept.place = kept.expires;
                    self.expiries.insert((kept.expires, name));
                }
                Some(_) => {
                    if let Some(kept) = self.entries.remove(&name) {
                        self.forget(&name, &kept);
                    }
                    self.shrink();
                    swept.dropped += 1;
                }
                None => {}
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
