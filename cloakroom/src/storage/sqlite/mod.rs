//! Sessions in a SQLite file: Django's table `django_session`, shared with a Django site or alone.
//!
//! Reads of a file in WAL mode happen on the calling thread, in a few microseconds and without ever waiting;
//! in any other journal mode a read may meet a writer, so it goes to a thread of its own. All writes go to one
//! thread, and those that wait at the same moment share one commit. A commit is on the disk (`synchronous =
//! FULL`, Django's default) before it is answered.
//!
//! Making the tables in a new file:
//!
//! ```
//! use cloakroom::storage::sqlite::SqliteOptions;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("db.sqlite3");
//! let storage = SqliteOptions::new(path).create(true).open()?;
//! assert!(storage.migrate().await?.created_table);
//! # Ok(())
//! # }
//! ```

mod checkpoints;
mod clearing;
mod columns;
mod connection;
mod error;
mod operation;
mod options;
mod patience;
mod reader;
mod schema;
mod statements;
mod users;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::mpsc;

use super::date_column::DateColumn;
use super::layout::Layout;
use super::{
    Capabilities, ClearingTurn, Cursor, Expect, Insert, Migrated, New, Page, Remove, Rename, Replace, Storage,
    StorageError, Stored, Touch,
};
use crate::Timestamp;
use checkpoints::Checkpoints;
use connection::{FileIdentity, Opener};
use operation::{Operation, Owned, Wanted};
use reader::Pool;
use statements::Statements;
use writer::Writer;

pub use error::SqliteOpenError;
pub use options::SqliteOptions;
pub use schema::{migration_sql, sqlmigrate};
pub(crate) use users::SqliteUsers;

/// How many operations wait at most for each of the two kinds of thread; further callers wait to be let in.
const QUEUE: usize = 1_024;

/// Sessions in a SQLite file.
///
/// A handle is cheap to clone. When the last one is dropped, what was queued is still written, on the storage's
/// own threads, and the file is closed.
///
/// A write compares the last 43 bytes of `session_data`, where Django's signature stands, so a change that
/// Django made in between is noticed. While another program keeps the file locked, an operation waits for the
/// [busy time-out](SqliteOptions::busy_timeout) and then answers [`StorageError::NotDone`]. A missing table is
/// [`StorageError::MissingTable`], an `expire_date` that Django could not read either [`StorageError::Damaged`].
///
/// A file that is removed or replaced while it is open takes no more writes: open the storage again.
///
/// ```
/// use cloakroom::storage::sqlite::{SqliteOptions, SqliteStorage};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("db.sqlite3");
/// let storage = SqliteStorage::open(SqliteOptions::new(&path).create(true))?;
/// storage.migrate().await?;
/// assert_eq!((storage.table(), storage.journal_mode()), ("django_session", "delete"));
/// assert!(storage.path().ends_with("db.sqlite3"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteStorage(Arc<Handle>);

struct Handle {
    file: Arc<File>,
    statements: Arc<Statements>,
}

/// The open file, which the storages of several tables may share.
struct File {
    path: PathBuf,
    journal_mode: String,
    busy_timeout: Duration,
    // Declared before the writer, and so dropped before it: the writer thread is the last to close the file.
    pool: Option<Arc<Pool>>,
    readers: mpsc::Sender<reader::Waiting>,
    writer: mpsc::Sender<Box<dyn Operation>>,
}

impl SqliteStorage {
    /// Opens the file. This does a little file I/O on the calling thread and starts three threads, four in WAL mode, so
    /// do it when the program starts.
    ///
    /// # Errors
    /// [`SqliteOpenError`] says what is wrong with the file and what to do about it.
    pub fn open(options: SqliteOptions) -> Result<Self, SqliteOpenError> {
        let opener = Opener::new(&options)?;
        let connection = opener.writer()?;
        let journal_mode = opener.journal_mode(&connection, options.wal)?;
        let statements = Arc::new(Statements::new(Layout::Sessions, options.table, DateColumn(options.time_zone)));
        let pool = if journal_mode == "wal" {
            let connections = (0..Pool::size()).map(|_| opener.reader(false)).collect::<Result<_, _>>()?;
            Some(Arc::new(Pool::new(connections)))
        } else {
            None
        };

        let (readers, queue) = mpsc::channel(QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..reader::THREADS {
            let (connection, queue) = (opener.reader(true)?, Arc::clone(&queue));
            spawn("cloakroom-sqlite-read", move || reader::run(&connection, &queue))?;
        }
        let (writer, queue) = mpsc::channel(QUEUE);
        let file = FileIdentity::of(&opener.path);
        let checkpoints = match &pool {
            Some(_) => Some(Checkpoints::start(&connection, opener.checkpointer()?)?),
            None => None,
        };
        let thread = Writer { connection, file, checkpoints, pool: pool.clone() };
        spawn("cloakroom-sqlite-write", move || thread.run(queue))?;

        let (path, busy_timeout) = (opener.path, options.busy_timeout);
        let file = Arc::new(File { path, journal_mode, busy_timeout, pool, readers, writer });
        Ok(Self(Arc::new(Handle { file, statements })))
    }

    /// The rows of a cache in another table of the file, by the same threads.
    pub(super) fn cache_table(&self, table: &str) -> Self {
        let statements = Statements::new(Layout::Cache, table.to_owned(), self.0.statements.dates.clone());
        Self(Arc::new(Handle { file: Arc::clone(&self.0.file), statements: Arc::new(statements) }))
    }

    /// Makes the table of a cache; `false` if it is there.
    pub(super) async fn create_cache_table(&self, sql: [String; 2]) -> Result<bool, StorageError> {
        self.write(move |connection, statements| schema::create_cache_table(connection, statements, &sql)).await
    }

    /// Inserts, in the place of what ended before `now` too.
    pub(super) async fn insert_over(&self, name: &str, new: New<'_>, now: Timestamp) -> Result<Insert, StorageError> {
        let (name, new) = (name.to_owned(), Owned::from(new));
        self.write(move |connection, statements| statements.insert_over(connection, &name, &new, now)).await
    }

    /// Of a cache's table, the rows whose keys begin with `under`, after a key.
    pub(super) async fn cache_page(&self, under: &str, after: &str, limit: usize) -> Result<Page, StorageError> {
        let (under, after) = (under.to_owned(), after.to_owned());
        let page =
            self.read_on_thread(move |connection, statements| statements.scan(connection, Some(&under), &after, limit));
        page.await
    }

    /// Makes Django's tables `django_session` and `django_migrations`, the index on `expire_date` and the record
    /// of the migration, as far as they are missing, in one step. Django's `manage.py migrate` then finds its
    /// work done, and the other way round.
    ///
    /// # Errors
    /// [`StorageError::Unsupported`] when the table is not Django's `django_session`;
    /// [`StorageError::Damaged`] when a table of that name has other columns; nothing was changed then.
    pub async fn migrate(&self) -> Result<Migrated, StorageError> {
        let now = Timestamp::now();
        self.write(move |connection, statements| schema::migrate(connection, statements, now)).await
    }

    /// The file, as an absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.file.path
    }

    /// The table that holds the sessions.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.0.statements.table
    }

    /// The journal mode the file was in when it was opened, in SQLite's words: `delete`, `wal` and so on. Only
    /// in `wal` do reads happen without a change of thread.
    #[must_use]
    pub fn journal_mode(&self) -> &str {
        &self.0.file.journal_mode
    }

    /// Hands work to the writer thread, which carries it out even if nobody waits for the answer any more.
    async fn write<T, W>(&self, work: W) -> Result<T, StorageError>
    where
        T: Send + 'static,
        W: Fn(&Connection, &Statements) -> Result<T, StorageError> + Send + 'static,
    {
        let (operation, answer) = operation::operation(self.0.file.busy_timeout, Arc::clone(&self.0.statements), work);
        // An operation that is not taken, or not settled, answers for itself when it is dropped.
        let _ = self.0.file.writer.send(operation).await;
        answer.await.unwrap_or_else(|closed| Err(StorageError::outcome_unknown(closed)))
    }

    /// Hands work to a reader thread.
    async fn read_on_thread<T, W>(&self, work: W) -> Result<T, StorageError>
    where
        T: Send + 'static,
        W: FnOnce(&Connection, &Statements) -> rusqlite::Result<T> + Send + 'static,
    {
        let (waiting, answer) = reader::waiting(self.0.file.busy_timeout, Arc::clone(&self.0.statements), work);
        self.0.file.readers.send(waiting).await.map_err(reader::closed)?;
        answer.await.map_err(reader::closed)?
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<thread::JoinHandle<()>, SqliteOpenError> {
    thread::Builder::new().name(name.to_owned()).spawn(run).map_err(SqliteOpenError::Thread)
}

impl fmt::Debug for SqliteStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStorage")
            .field("path", &self.0.file.path)
            .field("table", &self.0.statements.table)
            .field("journal_mode", &self.0.file.journal_mode)
            .finish_non_exhaustive()
    }
}

impl Storage for SqliteStorage {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StorageError> {
        if let Some(answer) = self.0.file.pool.as_ref().and_then(|pool| pool.read(&self.0.statements, name)) {
            return answer;
        }
        let name = name.to_owned();
        let row = self.read_on_thread(move |connection, statements| statements.read(connection, &name)).await?;
        row.map(|row| row.stored()).transpose()
    }

    async fn insert(&self, name: &str, new: New<'_>) -> Result<Insert, StorageError> {
        let (name, new) = (name.to_owned(), Owned::from(new));
        self.write(move |connection, statements| statements.insert(connection, &name, &new)).await
    }

    async fn replace(&self, name: &str, expect: Expect<'_>, new: New<'_>) -> Result<Replace, StorageError> {
        let (name, wanted, new) = (name.to_owned(), Wanted::from(expect), Owned::from(new));
        self.write(move |connection, statements| statements.replace(connection, &name, &wanted, &new)).await
    }

    async fn touch(&self, name: &str, expect: Expect<'_>, until: Timestamp) -> Result<Touch, StorageError> {
        let (name, wanted) = (name.to_owned(), Wanted::from(expect));
        self.write(move |connection, statements| statements.touch(connection, &name, &wanted, until)).await
    }

    async fn remove(&self, name: &str, expect: Expect<'_>) -> Result<Remove, StorageError> {
        let (name, wanted) = (name.to_owned(), Wanted::from(expect));
        self.write(move |connection, statements| statements.remove(connection, &name, &wanted)).await
    }

    /// One statement: the row takes its new key and data at once.
    async fn rename(&self, from: &str, to: &str, expect: Expect<'_>, new: New<'_>) -> Result<Rename, StorageError> {
        let (from, to, wanted, new) = (from.to_owned(), to.to_owned(), Wanted::from(expect), Owned::from(new));
        self.write(move |connection, statements| statements.rename(connection, [&from, &to], &wanted, &new)).await
    }

    /// In the order of the names. An entry whose `expire_date` cannot be read is listed without one.
    async fn scan(&self, after: Option<&Cursor>, limit: usize) -> Result<Page, StorageError> {
        // No key is empty.
        let after = after.map(|cursor| cursor.position().to_owned()).unwrap_or_default();
        self.read_on_thread(move |connection, statements| statements.scan(connection, None, &after, limit)).await
    }

    /// One statement, by the index on `expire_date`. Other writes wait for it, so keep `limit` in the hundreds.
    async fn remove_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StorageError> {
        self.write(move |connection, statements| statements.remove_expired(connection, now, limit)).await
    }

    async fn count_expired(&self, now: Timestamp) -> Result<Option<u64>, StorageError> {
        self.count(now).await.map(Some)
    }

    async fn clearing_turn(&self) -> Result<Option<ClearingTurn>, StorageError> {
        self.turn().await
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new().atomic_rename().scan().columns()
    }
}
