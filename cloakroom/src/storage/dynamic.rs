//! The object-safe twin of [`Storage`], so that an engine can be chosen at run time. Whoever asks a storage comes through
//! here, so here it is counted.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{
    CacheStorage, Capabilities, ClearingTurn, Cursor, DatabaseStorage, Expect, Insert, New, Page, Remove,
    RemovedExpired, Rename, Replace, Storage, StorageError, Stored, Touch,
};
use crate::Timestamp;
use crate::round_trips;
use crate::time::Clock;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, StorageError>> + Send + 'a>>;

pub(crate) trait DynStorage: Send + Sync {
    fn read<'a>(&'a self, name: &'a str) -> Boxed<'a, Option<Stored>>;
    fn insert<'a>(&'a self, name: &'a str, new: New<'a>) -> Boxed<'a, Insert>;
    fn replace<'a>(&'a self, name: &'a str, expect: Expect<'a>, new: New<'a>) -> Boxed<'a, Replace>;
    fn touch<'a>(&'a self, name: &'a str, expect: Expect<'a>, until: Timestamp) -> Boxed<'a, Touch>;
    fn remove<'a>(&'a self, name: &'a str, expect: Expect<'a>) -> Boxed<'a, Remove>;
    fn rename<'a>(&'a self, from: &'a str, to: &'a str, expect: Expect<'a>, new: New<'a>) -> Boxed<'a, Rename>;
    fn bury<'a>(&'a self, name: &'a str, marker: New<'a>) -> Boxed<'a, ()>;
    fn scan<'a>(&'a self, after: Option<&'a Cursor>, limit: usize) -> Boxed<'a, Page>;
    fn remove_expired(&self, now: Timestamp, limit: usize) -> Boxed<'_, usize>;
    fn remove_expired_from(&self, from: Option<Timestamp>, now: Timestamp, limit: usize) -> Boxed<'_, RemovedExpired>;
    fn count_expired(&self, now: Timestamp) -> Boxed<'_, Option<u64>>;
    fn clearing_turn(&self) -> Boxed<'_, Option<ClearingTurn>>;
    fn by_clock(&self, clock: &Clock) -> Option<Arc<dyn DynStorage>>;
    fn capabilities(&self) -> Capabilities;
}

/// A storage that many share. The enums are taken apart: what an operation needs is then that of the storage inside, not of
/// the largest that there might be.
pub(crate) fn shared(storage: impl Storage) -> Arc<dyn DynStorage> {
    let any: &dyn Any = &storage;
    if let Some(cache) = any.downcast_ref::<CacheStorage>() {
        return cache.inside();
    }
    if let Some(database) = any.downcast_ref::<DatabaseStorage>() {
        return database.inside();
    }
    Arc::new(storage)
}

impl<S: Storage> DynStorage for S {
    fn read<'a>(&'a self, name: &'a str) -> Boxed<'a, Option<Stored>> {
        round_trips::add(1);
        Box::pin(Storage::read(self, name))
    }

    fn insert<'a>(&'a self, name: &'a str, new: New<'a>) -> Boxed<'a, Insert> {
        round_trips::add(1);
        Box::pin(Storage::insert(self, name, new))
    }

    fn replace<'a>(&'a self, name: &'a str, expect: Expect<'a>, new: New<'a>) -> Boxed<'a, Replace> {
        round_trips::add(1);
        Box::pin(Storage::replace(self, name, expect, new))
    }

    fn touch<'a>(&'a self, name: &'a str, expect: Expect<'a>, until: Timestamp) -> Boxed<'a, Touch> {
        round_trips::add(1);
        Box::pin(Storage::touch(self, name, expect, until))
    }

    fn remove<'a>(&'a self, name: &'a str, expect: Expect<'a>) -> Boxed<'a, Remove> {
        round_trips::add(1);
        Box::pin(Storage::remove(self, name, expect))
    }

    fn rename<'a>(&'a self, from: &'a str, to: &'a str, expect: Expect<'a>, new: New<'a>) -> Boxed<'a, Rename> {
        round_trips::add(1);
        Box::pin(Storage::rename(self, from, to, expect, new))
    }

    fn bury<'a>(&'a self, name: &'a str, marker: New<'a>) -> Boxed<'a, ()> {
        round_trips::add(1);
        Box::pin(Storage::bury(self, name, marker))
    }

    fn scan<'a>(&'a self, after: Option<&'a Cursor>, limit: usize) -> Boxed<'a, Page> {
        round_trips::add(1);
        Box::pin(Storage::scan(self, after, limit))
    }

    fn remove_expired(&self, now: Timestamp, limit: usize) -> Boxed<'_, usize> {
        round_trips::add(1);
        Box::pin(Storage::remove_expired(self, now, limit))
    }

    fn remove_expired_from(&self, from: Option<Timestamp>, now: Timestamp, limit: usize) -> Boxed<'_, RemovedExpired> {
        round_trips::add(1);
        Box::pin(Storage::remove_expired_from(self, from, now, limit))
    }

    fn count_expired(&self, now: Timestamp) -> Boxed<'_, Option<u64>> {
        round_trips::add(1);
        Box::pin(Storage::count_expired(self, now))
    }

    fn clearing_turn(&self) -> Boxed<'_, Option<ClearingTurn>> {
        Box::pin(Storage::clearing_turn(self))
    }

    fn by_clock(&self, clock: &Clock) -> Option<Arc<dyn DynStorage>> {
        Some(Arc::new(Storage::by_clock(self, clock)?))
    }

    fn capabilities(&self) -> Capabilities {
        Storage::capabilities(self)
    }
}
