//! What the databases behind a socket have in common: connections, their time-outs, and what a failure leaves open.

mod connections;
mod failure;
mod lease;
mod tries;

use std::error::Error;
use std::future::Future;

pub(super) use connections::{Connections, Limits};
pub(super) use failure::Failure;
pub(super) use lease::{Deadline, Lease};
pub(super) use tries::Tries;

/// What differs between the drivers.
pub(super) trait Dialect: sqlx::Database {
    /// Runs a statement without parameters, or several that semicolons separate.
    fn run(connection: &mut Self::Connection, statement: &str) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// Whether the server ended the connection with this answer, or the connection is of no use after it. Whether the
    /// statement took effect is then open.
    fn ends_connection(error: &dyn sqlx::error::DatabaseError) -> bool;

    /// Why no connection could be made, and what to do about it where that is known.
    fn unreachable(error: sqlx::Error) -> Box<dyn Error + Send + Sync> {
        error.into()
    }

    /// Whether a statement with this answer was certainly not carried out, though the connection is of no use.
    fn had_no_effect(error: &dyn sqlx::error::DatabaseError) -> bool {
        let _ = error;
        false
    }
}
