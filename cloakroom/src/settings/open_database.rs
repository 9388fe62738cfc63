//! Opening the database that the settings name.

use super::{DatabaseKind, Settings, SettingsError};
use crate::error::OpenError;
use crate::storage::DatabaseStorage;
#[cfg(feature = "mysql")]
use crate::storage::mysql::MysqlOptions;
#[cfg(feature = "postgres")]
use crate::storage::postgres::PostgresOptions;
#[cfg(feature = "sqlite")]
use crate::storage::sqlite::SqliteOptions;

impl DatabaseStorage {
    /// The database that the settings name: `DATABASE_URL`, or that of `SESSION_DATABASE_ALIAS` among the `DATABASES`.
    /// An SQLite file is opened, so do it when the program starts. A server is not asked yet: connections to it are
    /// made when they are needed.
    ///
    /// # Errors
    /// A setting that cannot be used, a kind of database whose feature is off, an SQLite file that cannot be opened.
    pub fn open(settings: &Settings) -> Result<Self, OpenError> {
        open(settings, false)
    }

    /// The same, and makes an SQLite file that is missing.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_or_create(settings: &Settings) -> Result<Self, OpenError> {
        open(settings, true)
    }
}

fn open(settings: &Settings, create: bool) -> Result<DatabaseStorage, OpenError> {
    let database = settings.session_database()?;
    match database.kind() {
        #[cfg(feature = "sqlite")]
        DatabaseKind::Sqlite => {
            Ok(DatabaseStorage::Sqlite(SqliteOptions::for_settings(settings)?.create(create).open()?))
        }
        #[cfg(feature = "postgres")]
        DatabaseKind::PostgreSql => Ok(DatabaseStorage::Postgres(PostgresOptions::for_settings(settings)?.open())),
        #[cfg(feature = "mysql")]
        DatabaseKind::MySql => Ok(DatabaseStorage::Mysql(MysqlOptions::for_settings(settings)?.open())),
        kind => {
            let _ = create;
            Err(refuse(settings, kind, database.backend()).into())
        }
    }
}

fn refuse(settings: &Settings, kind: DatabaseKind, backend: &str) -> SettingsError {
    let feature = match kind {
        DatabaseKind::Sqlite => Some("sqlite"),
        DatabaseKind::PostgreSql => Some("postgres"),
        DatabaseKind::MySql => Some("mysql"),
        DatabaseKind::Other => None,
    };
    let (problem, remedy) = match feature {
        Some(feature) => {
            let remedy = format!("switch on cloakroom's feature `{feature}`");
            (format!("names a {kind} database, which this program was built without"), remedy)
        }
        None => (
            format!("names a database of the kind {backend}, which cloakroom cannot read"),
            "use PostgreSQL, MySQL, MariaDB or SQLite".to_owned(),
        ),
    };
    SettingsError::new(settings.session_database_setting(), None, problem, remedy)
        .at_source(settings.source(&format!("DATABASES.{}", settings.session_database_alias)))
}
