use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::{SqliteOpenError, SqliteStorage};

/// Django's table for sessions.
pub(super) const DEFAULT_TABLE: &str = "django_session";

/// SQLite counts milliseconds in 31 bits.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// Which SQLite file holds the sessions, and how.
///
/// The defaults suit a file that a Django site made: nothing is created and nothing is switched.
///
/// ```
/// use cloakroom::storage::sqlite::SqliteOptions;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("db.sqlite3");
/// let storage = SqliteOptions::new(path)
///     .create(true)
///     .table("staff_session")
///     .time_zone(None)
///     .busy_timeout(Duration::from_secs(2))
///     .wal(true)
///     .open()?;
/// assert_eq!((storage.table(), storage.journal_mode()), ("staff_session", "wal"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SqliteOptions {
    pub(super) path: PathBuf,
    pub(super) create: bool,
    pub(super) table: String,
    pub(super) time_zone: Option<TimeZone>,
    pub(super) busy_timeout: Duration,
    pub(super) wal: bool,
}

impl SqliteOptions {
    /// The SQLite file at `path`, which must exist unless [`create`](Self::create) says otherwise.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            create: false,
            table: DEFAULT_TABLE.to_owned(),
            time_zone: None,
            busy_timeout: Duration::from_secs(5),
            wal: false,
        }
    }

    /// Whether to make the file when it is missing. `false` unless told, so that a mistyped path is an error
    /// and not an empty site. The table is made by [`SqliteStorage::migrate`].
    pub fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// The table that holds the sessions; `django_session` unless told.
    pub fn table(mut self, table: impl Into<String>) -> Self {
        self.table = table.into();
        self
    }

    /// How `expire_date` is kept. `None`, the default, is Django's `USE_TZ = True`: UTC. `Some(zone)` is
    /// `USE_TZ = False` with that `TIME_ZONE`: the local time there, without an offset.
    pub fn time_zone(mut self, zone: Option<TimeZone>) -> Self {
        self.time_zone = zone;
        self
    }

    /// How long an operation waits while another process has the file locked; 5 seconds unless told, as in
    /// Django, and a day at most. Then it answers
    /// [`StorageError::NotDone`](crate::storage::StorageError::NotDone).
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout.min(LONGEST_TIMEOUT);
        self
    }

    /// Whether to switch the file to write-ahead logging, in which reads never wait for writes. The switch
    /// **stays in the file for good**, for Django and every other program that opens it, so it is made only
    /// when told. A file in that mode already is used in it either way.
    pub fn wal(mut self, wal: bool) -> Self {
        self.wal = wal;
        self
    }

    /// Opens the file. This does a little file I/O on the calling thread, so do it when the program starts.
    ///
    /// # Errors
    /// [`SqliteOpenError`] says what is wrong with the file and what to do about it.
    pub fn open(self) -> Result<SqliteStorage, SqliteOpenError> {
        SqliteStorage::open(self)
    }
}
