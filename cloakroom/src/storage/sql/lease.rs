use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use deadpool::managed::Object;
use pin_project_lite::pin_project;
use sqlx::pool::PoolConnection;
use tokio::time::{Instant, Timeout, timeout_at};

use super::connections::Maker;
use super::failure::TimedOut;
use super::{Dialect, Failure};

/// When an operation has to be over.
#[derive(Clone, Copy, Debug)]
pub(in crate::storage) struct Deadline {
    at: Instant,
    length: Duration,
}

impl Deadline {
    pub(in crate::storage) fn after(length: Duration) -> Self {
        Self { at: Instant::now() + length, length }
    }

    pub(super) fn wait<F: Future>(self, work: F) -> Wait<F> {
        Wait { work: timeout_at(self.at, work), length: self.length }
    }

    /// The result of a statement, or its failure.
    pub(in crate::storage) async fn result<DB: Dialect, T>(
        self,
        statement: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, Failure> {
        match self.wait(statement).await {
            Ok(result) => result.map_err(Failure::of::<DB>),
            Err(time_is_up) => Err(Failure::lost(time_is_up)),
        }
    }
}

pin_project! {
    /// Work that ends at a deadline. No async function, which would hold its work twice: once as it was given, and once as
    /// it is waited for.
    pub(super) struct Wait<F> {
        #[pin]
        work: Timeout<F>,
        length: Duration,
    }
}

impl<F: Future> Future for Wait<F> {
    type Output = Result<F::Output, TimedOut>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.work.poll(context).map_err(|_| TimedOut(*this.length))
    }
}

/// A connection for one operation. One that is dropped without being settled may be in the middle of a statement:
/// it is closed, so that nobody else reads its answer.
pub(in crate::storage) struct Lease<DB: Dialect>(Option<Held<DB>>);

pub(super) enum Held<DB: Dialect> {
    Own(Object<Maker<DB>>, Arc<AtomicU64>),
    Application(PoolConnection<DB>),
}

impl<DB: Dialect> Lease<DB> {
    pub(super) fn new(held: Held<DB>) -> Self {
        Self(Some(held))
    }

    pub(in crate::storage) fn connection(&mut self) -> &mut DB::Connection {
        match &mut self.0 {
            Some(Held::Own(made, _)) => &mut made.connection,
            Some(Held::Application(connection)) => connection,
            None => unreachable!("only `settle` and `drop` take it"),
        }
    }

    /// Gives the connection back, or closes it if it is of no use any more.
    pub(in crate::storage) fn settle<T>(mut self, result: Result<T, Failure>) -> Result<T, Failure> {
        match result {
            Err(Failure::Lost { source, .. }) => {
                let timed_out = source.is::<TimedOut>();
                let again = !timed_out && self.has_served();
                if let Some(Held::Own(made, generation)) = &self.0
                    && !timed_out
                {
                    // What ended this connection has probably ended those of its age.
                    let (this, next) = (made.generation, made.generation + 1);
                    let _ = generation.compare_exchange(this, next, Ordering::AcqRel, Ordering::Relaxed);
                }
                Err(Failure::Lost { source, again })
            }
            Err(failure @ Failure::Unexpected(_)) => Err(failure),
            settled => {
                // Dropping what is held gives it back.
                self.0 = None;
                settled
            }
        }
    }

    fn has_served(&self) -> bool {
        match &self.0 {
            Some(Held::Own(made, _)) => made.served,
            _ => true,
        }
    }
}

impl<DB: Dialect> Drop for Lease<DB> {
    fn drop(&mut self) {
        match self.0.take() {
            Some(Held::Own(made, _)) => drop(Object::take(made)),
            Some(Held::Application(connection)) => drop(connection.detach()),
            None => {}
        }
    }
}
