//! What a migration did.

/// What `migrate` of a database did; everything `false` when all was there.
///
/// ```
/// use cloakroom::storage::Migrated;
/// use cloakroom::storage::sqlite::SqliteOptions;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let storage = SqliteOptions::new(folder.path().join("db.sqlite3")).create(true).open()?;
/// let first: Migrated = storage.migrate().await?;
/// assert!(first.created_table && first.created_index && first.recorded);
/// let again = storage.migrate().await?;
/// assert_eq!((again.anything(), again), (false, Migrated::default()), "there is nothing left to do");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Migrated {
    /// The table `django_session` was missing and was made.
    pub created_table: bool,
    /// There was no index on `expire_date`, and Django's was made.
    pub created_index: bool,
    /// The migration was not recorded in `django_migrations` and is now.
    pub recorded: bool,
}

impl Migrated {
    /// Whether anything was changed.
    #[must_use]
    pub const fn anything(self) -> bool {
        self.created_table || self.created_index || self.recorded
    }
}
