use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadpool::managed::{self, Manager, Metrics, Pool, PoolError, RecycleError, RecycleResult};
use sqlx::{ConnectOptions, Connection};

use super::lease::{Deadline, Held, Lease};
use super::{Dialect, Failure};

/// How many connections, and for how long.
#[derive(Clone, Copy, Debug)]
pub(in crate::storage) struct Limits {
    /// How many at most.
    pub(in crate::storage) connections: usize,
    /// How long an operation may take, waiting for a connection included.
    pub(in crate::storage) timeout: Duration,
    /// How long making a connection may take, within that; `None` for no limit of its own.
    pub(in crate::storage) connect: Option<Duration>,
    /// After so long without work a connection is not used again.
    pub(in crate::storage) idle: Option<Duration>,
    /// After so long a connection is not used again.
    pub(in crate::storage) lifetime: Option<Duration>,
}

impl Default for Limits {
    /// Two time-outs in a row, those of a write and of the look at what became of it, stay within 5 seconds.
    fn default() -> Self {
        Self {
            connections: 10,
            timeout: Duration::from_millis(2_400),
            connect: None,
            idle: Some(Duration::from_secs(10 * 60)),
            lifetime: Some(Duration::from_secs(30 * 60)),
        }
    }
}

/// Connections to one database: of its own, or the application's pool. A handle is cheap to clone.
pub(in crate::storage) struct Connections<DB: Dialect> {
    source: Source<DB>,
    timeout: Duration,
}

enum Source<DB: Dialect> {
    Own(Pool<Maker<DB>>, Arc<AtomicU64>),
    Application(sqlx::Pool<DB>),
}

/// Makes connections. There is no ping when one is taken or given back, which would double the round trips: one
/// that turns out to be dead makes all others of its generation suspect, and they are not used again.
pub(super) struct Maker<DB: Dialect> {
    options: <DB::Connection as Connection>::Options,
    /// Run on each new connection.
    setup: Vec<String>,
    limits: Limits,
    generation: Arc<AtomicU64>,
}

pub(super) struct Made<DB: Dialect> {
    pub(super) connection: DB::Connection,
    pub(super) generation: u64,
    /// Whether it has served before, and so may have died since.
    pub(super) served: bool,
}

impl<DB: Dialect> Manager for Maker<DB> {
    type Type = Made<DB>;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Made<DB>, sqlx::Error> {
        // In a box: to make one takes kilobytes, which the pool would carry about several times over in every lease.
        Box::pin(self.make()).await
    }

    async fn recycle(&self, made: &mut Made<DB>, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        let too_old = |limit: Option<Duration>, age: Duration| limit.is_some_and(|limit| age > limit);
        if made.generation != self.generation.load(Ordering::Acquire)
            || too_old(self.limits.lifetime, metrics.age())
            || too_old(self.limits.idle, metrics.last_used())
        {
            return Err(RecycleError::message("the connection is too old"));
        }
        made.served = true;
        Ok(())
    }
}

impl<DB: Dialect> Maker<DB> {
    async fn make(&self) -> Result<Made<DB>, sqlx::Error> {
        let generation = self.generation.load(Ordering::Acquire);
        let mut connection = match self.limits.connect {
            None => self.options.connect().await?,
            Some(limit) => tokio::time::timeout(limit, self.options.connect())
                .await
                .map_err(|_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))??,
        };
        for statement in &self.setup {
            DB::run(&mut connection, statement).await?;
        }
        Ok(Made { connection, generation, served: false })
    }
}

impl<DB: Dialect> Connections<DB> {
    /// Connections of its own, made when they are needed. Statements are not logged: they may hold session data.
    pub(in crate::storage) fn own(
        options: <DB::Connection as Connection>::Options,
        setup: Vec<String>,
        limits: Limits,
    ) -> Self {
        let generation = Arc::new(AtomicU64::new(0));
        let maker =
            Maker { options: options.disable_statement_logging(), setup, limits, generation: Arc::clone(&generation) };
        let mut config = managed::PoolConfig::new(limits.connections.max(1));
        // The one used last is the least likely to have died.
        config.queue_mode = managed::QueueMode::Lifo;
        let pool = Pool::builder(maker).config(config).build().unwrap_or_else(|_| unreachable!("no time-outs are set"));
        Self { source: Source::Own(pool, generation), timeout: limits.timeout }
    }

    /// The application's connections.
    pub(in crate::storage) fn of_pool(pool: sqlx::Pool<DB>, timeout: Duration) -> Self {
        Self { source: Source::Application(pool), timeout }
    }

    pub(in crate::storage) fn deadline(&self) -> Deadline {
        Deadline::after(self.timeout)
    }

    /// A connection beside all others, which is not given back: for a lock that lasts.
    pub(in crate::storage) async fn apart(&self, deadline: Deadline) -> Result<DB::Connection, Failure> {
        let made = deadline.wait(async {
            match &self.source {
                Source::Own(pool, _) => pool.manager().create().await.map(|made| made.connection),
                Source::Application(pool) => pool.connect_options().as_ref().clone().connect().await,
            }
        });
        match made.await {
            Ok(made) => made.map_err(|error| Failure::Unreachable(DB::unreachable(error))),
            Err(time_is_up) => Err(Failure::Unreachable(time_is_up.into())),
        }
    }

    /// A connection, to be given back with [`Lease::settle`].
    pub(in crate::storage) async fn lease(&self, deadline: &Deadline) -> Result<Lease<DB>, Failure> {
        let got = deadline
            .wait(async {
                match &self.source {
                    Source::Own(pool, generation) => match pool.get().await {
                        Ok(made) => Ok(Lease::new(Held::Own(made, Arc::clone(generation)))),
                        Err(PoolError::Backend(error)) => Err(DB::unreachable(error)),
                        Err(error) => Err(Box::<dyn Error + Send + Sync>::from(error.to_string())),
                    },
                    Source::Application(pool) => Box::pin(pool.acquire())
                        .await
                        .map(|held| Lease::new(Held::Application(held)))
                        .map_err(Into::into),
                }
            })
            .await;
        match got {
            Ok(lease) => lease.map_err(Failure::Unreachable),
            Err(time_is_up) => Err(Failure::Unreachable(time_is_up.into())),
        }
    }
}

impl<DB: Dialect> Clone for Connections<DB> {
    fn clone(&self) -> Self {
        let source = match &self.source {
            Source::Own(pool, generation) => Source::Own(pool.clone(), Arc::clone(generation)),
            Source::Application(pool) => Source::Application(pool.clone()),
        };
        Self { source, timeout: self.timeout }
    }
}

impl<DB: Dialect> fmt::Debug for Connections<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.source {
            Source::Own(..) => "Connections(own)",
            Source::Application(_) => "Connections(of the application)",
        })
    }
}
