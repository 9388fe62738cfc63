//! A storage around another that stops at a point of one operation, so that something else happens there and nowhere
//! else.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use cloakroom::storage::{
    Capabilities, ClearingTurn, Cursor, Expect, Insert, New, Page, Remove, RemovedExpired, Rename, Replace, Storage,
    StorageError, Stored, Touch,
};
use cloakroom::testing::Operation;
use cloakroom::{Clock, Timestamp};

/// Which of an engine's storages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum At {
    /// Where the session is kept; of `cached_db` the database.
    Kept,
    /// The cache in front of the database.
    Front,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    Before,
    After,
}

/// A point of an operation: just before or just after a storage's call.
pub type Point = (When, At, Operation);

type Hook = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// Where to stop, and what happens there.
struct Stop {
    here: Box<dyn FnMut(Point) -> bool + Send>,
    hook: Hook,
}

/// What the storages of an engine share: the points that are passed, in order, and the one to stop at.
#[derive(Clone, Default)]
pub struct Line(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    stop: Option<Stop>,
    passed: Vec<Point>,
    yields: bool,
}

impl Line {
    /// Runs `hook` once, when `here` says so of a point: whoever is there waits until it is done.
    pub fn stop<F>(&self, here: impl FnMut(Point) -> bool + Send + 'static, hook: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = Stop { here: Box::new(here), hook: Box::new(|| Box::pin(hook())) };
        let mut inner = self.0.lock().unwrap();
        inner.passed.clear();
        assert!(inner.stop.replace(stop).is_none(), "the last stop was never reached");
    }

    /// Stops when the point is passed for the `nth` time, from 0.
    pub fn stop_at<F>(&self, point: Point, nth: usize, hook: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut left = nth;
        self.stop(
            move |passed| {
                let here = passed == point && left == 0;
                left -= usize::from(passed == point && left > 0);
                here
            },
            hook,
        );
    }

    /// Whether the stop was reached; if not, it is forgotten.
    pub fn was_reached(&self) -> bool {
        self.0.lock().unwrap().stop.take().is_none()
    }

    /// The points passed since the last stop was put up.
    pub fn passed(&self) -> Vec<Point> {
        self.0.lock().unwrap().passed.clone()
    }

    /// From now on every point is one where a future can be dropped, also in memory.
    pub fn yield_at_every_point(&self) {
        self.0.lock().unwrap().yields = true;
    }

    async fn pass(&self, point: Point) {
        let (hook, yields) = {
            let mut inner = self.0.lock().unwrap();
            inner.passed.push(point);
            let here = inner.stop.as_mut().is_some_and(|stop| (stop.here)(point));
            let hook = if here { inner.stop.take().map(|stop| stop.hook) } else { None };
            (hook, inner.yields)
        };
        if let Some(hook) = hook {
            hook().await;
        }
        if yields {
            tokio::task::yield_now().await;
        }
    }
}

pub struct Paused<S> {
    inner: Arc<S>,
    at: At,
    line: Line,
    /// A change of key is the library's own, in steps.
    in_steps: bool,
}

impl<S> Clone for Paused<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), at: self.at, line: self.line.clone(), in_steps: self.in_steps }
    }
}

impl<S: Storage> Paused<S> {
    pub fn new(inner: S, at: At, line: &Line) -> Self {
        Self { inner: Arc::new(inner), at, line: line.clone(), in_steps: false }
    }

    /// For a storage that has no change of key of its own, and for one that is to do it as between two servers.
    pub fn in_steps(mut self) -> Self {
        self.in_steps = true;
        self
    }

    /// The storage itself: nothing is stopped there.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    async fn through<T>(&self, operation: Operation, call: impl Future<Output = T> + Send) -> T {
        self.line.pass((When::Before, self.at, operation)).await;
        let answer = call.await;
        self.line.pass((When::After, self.at, operation)).await;
        answer
    }
}

impl<S: Storage> Storage for Paused<S> {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StorageError> {
        self.through(Operation::Read, self.inner.read(name)).await
    }

    async fn insert(&self, name: &str, new: New<'_>) -> Result<Insert, StorageError> {
        self.through(Operation::Insert, self.inner.insert(name, new)).await
    }

    async fn replace(&self, name: &str, expect: Expect<'_>, new: New<'_>) -> Result<Replace, StorageError> {
        self.through(Operation::Replace, self.inner.replace(name, expect, new)).await
    }

    async fn touch(&self, name: &str, expect: Expect<'_>, until: Timestamp) -> Result<Touch, StorageError> {
        self.through(Operation::Touch, self.inner.touch(name, expect, until)).await
    }

    async fn remove(&self, name: &str, expect: Expect<'_>) -> Result<Remove, StorageError> {
        self.through(Operation::Remove, self.inner.remove(name, expect)).await
    }

    async fn rename(&self, from: &str, to: &str, expect: Expect<'_>, new: New<'_>) -> Result<Rename, StorageError> {
        if self.in_steps {
            return InSteps(self.clone()).rename(from, to, expect, new).await;
        }
        self.through(Operation::Rename, self.inner.rename(from, to, expect, new)).await
    }

    async fn bury(&self, name: &str, marker: New<'_>) -> Result<(), StorageError> {
        self.through(Operation::Bury, self.inner.bury(name, marker)).await
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize) -> Result<Page, StorageError> {
        self.inner.scan(after, limit).await
    }

    async fn remove_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StorageError> {
        self.inner.remove_expired(now, limit).await
    }

    async fn remove_expired_from(
        &self,
        from: Option<Timestamp>,
        now: Timestamp,
        limit: usize,
    ) -> Result<RemovedExpired, StorageError> {
        self.inner.remove_expired_from(from, now, limit).await
    }

    async fn count_expired(&self, now: Timestamp) -> Result<Option<u64>, StorageError> {
        self.inner.count_expired(now).await
    }

    async fn clearing_turn(&self) -> Result<Option<ClearingTurn>, StorageError> {
        self.inner.clearing_turn().await
    }

    fn by_clock(&self, clock: &Clock) -> Option<Self> {
        let inner = Arc::new(self.inner.by_clock(clock)?);
        Some(Self { inner, ..self.clone() })
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.inner.capabilities();
        capabilities.atomic_rename &= !self.in_steps;
        capabilities.at_once = false;
        capabilities
    }
}

/// The library's own change of key in steps, each of which passes the line.
struct InSteps<S>(Paused<S>);

impl<S: Storage> Storage for InSteps<S> {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StorageError> {
        self.0.read(name).await
    }

    async fn insert(&self, name: &str, new: New<'_>) -> Result<Insert, StorageError> {
        self.0.insert(name, new).await
    }

    async fn replace(&self, name: &str, expect: Expect<'_>, new: New<'_>) -> Result<Replace, StorageError> {
        self.0.replace(name, expect, new).await
    }

    async fn touch(&self, name: &str, expect: Expect<'_>, until: Timestamp) -> Result<Touch, StorageError> {
        self.0.touch(name, expect, until).await
    }

    async fn remove(&self, name: &str, expect: Expect<'_>) -> Result<Remove, StorageError> {
        self.0.remove(name, expect).await
    }
}
