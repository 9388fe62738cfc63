//! Django's users, in the site's database.

use std::fmt;

use super::error::UsersError;
use super::user::User;
use super::users::Users;
use crate::Timestamp;
use crate::error::OpenError;
use crate::settings::auth::AuthSettings;
use crate::settings::{Settings, SettingsError, UserIdType};
use crate::storage::users::{UserKey, UserRow, UserTable};
use crate::storage::{DatabaseStorage, StorageError};

/// Users of a Django site, read from its own table: `auth_user`, or what the settings `AUTH_USER_…` name.
///
/// Each user costs one statement, and so does `last_login`. Nothing else is written. The row must be visible to the
/// database's user: of the table, `SELECT` on the columns that are named, and `UPDATE` on `last_login`.
///
/// ```no_run
/// use cloakroom::auth::{Auth, DatabaseUsers};
/// use cloakroom::storage::DatabaseStorage;
/// use cloakroom::{SessionStore, Settings};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let settings = Settings::load()?;
/// let database = DatabaseStorage::open(&settings)?;
/// let users = DatabaseUsers::in_database(&database, &settings)?.with_columns(["username"]);
/// let store = SessionStore::in_database(database, settings)?;
/// let auth = Auth::new(users, store.settings())?;
/// # Ok(())
/// # }
/// ```
pub struct DatabaseUsers {
    place: Place,
    id_type: UserIdType,
    /// Whether there is a column for it, which is read after the password field.
    has_is_active: bool,
    /// Read after those that logins need.
    columns: Vec<String>,
    database: DatabaseStorage,
    table: UserTable,
}

enum Place {
    #[cfg(feature = "sqlite")]
    Sqlite(crate::storage::sqlite::SqliteUsers),
    #[cfg(feature = "postgres")]
    Postgres(crate::storage::postgres::PostgresUsers),
    #[cfg(feature = "mysql")]
    Mysql(crate::storage::mysql::MysqlUsers),
}

impl Place {
    fn of(database: &DatabaseStorage, table: &UserTable) -> Self {
        match database {
            #[cfg(feature = "sqlite")]
            DatabaseStorage::Sqlite(storage) => Self::Sqlite(storage.users(table)),
            #[cfg(feature = "postgres")]
            DatabaseStorage::Postgres(storage) => Self::Postgres(storage.users(table)),
            #[cfg(feature = "mysql")]
            DatabaseStorage::Mysql(storage) => Self::Mysql(storage.users(table)),
        }
    }

    async fn read(&self, key: UserKey) -> Result<Option<UserRow>, StorageError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(users) => users.read(key).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(users) => users.read(key).await,
            #[cfg(feature = "mysql")]
            Self::Mysql(users) => users.read(key).await,
        }
    }

    async fn touch(&self, key: UserKey, now: Timestamp) -> Result<bool, StorageError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(users) => users.touch(key, now).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(users) => users.touch(key, now).await,
            #[cfg(feature = "mysql")]
            Self::Mysql(users) => users.touch(key, now).await,
        }
    }
}

impl DatabaseUsers {
    /// The users that the settings name, in the database of `AUTH_USER_DATABASE_ALIAS`, with connections of its own.
    /// Where the sessions are in the same database, [`in_database`](Self::in_database) shares them.
    ///
    /// # Errors
    /// A setting that cannot be used, a kind of database whose feature is off, an SQLite file that cannot be opened.
    pub fn open(settings: &Settings) -> Result<Self, OpenError> {
        Ok(Self::in_database(&DatabaseStorage::open(&settings.where_users_are()?)?, settings)?)
    }

    /// The users that the settings name, through the connections of a database that is open already.
    ///
    /// # Errors
    /// A setting that cannot be used: SQLite has no schemas.
    pub fn in_database(database: &DatabaseStorage, settings: &Settings) -> Result<Self, SettingsError> {
        settings.validate()?;
        let auth = settings.auth();
        #[cfg(feature = "sqlite")]
        if let (DatabaseStorage::Sqlite(_), Some(schema)) = (database, &auth.schema) {
            let problem = "SQLite has no schemas";
            return Err(SettingsError::new("AUTH_USER_SCHEMA", Some(schema), problem, "leave it out")
                .at_source(settings.source("AUTH_USER_SCHEMA")));
        }
        let table = table_of(auth);
        let place = Place::of(database, &table);
        Ok(Self {
            place,
            id_type: auth.id_type,
            has_is_active: auth.is_active.is_some(),
            columns: Vec::new(),
            database: database.clone(),
            table,
        })
    }

    /// Reads these columns too, for [`User::column`]. A name that is none is an error of the first read.
    #[must_use]
    pub fn with_columns<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        self.table.columns.extend(names.iter().cloned());
        self.columns.extend(names);
        self.place = Place::of(&self.database, &self.table);
        self
    }

    /// A primary key from its text; `None` if it cannot be one.
    fn key(&self, id: &str) -> Option<UserKey> {
        match self.id_type {
            UserIdType::Integer => id.trim().parse().ok().map(UserKey::Integer),
            UserIdType::Uuid => uuid_digits(id).map(UserKey::Uuid),
            UserIdType::Text => (!id.contains('\0')).then(|| UserKey::Text(id.to_owned())),
        }
    }
}

/// The password field comes first, then whether the user is active where there is such a column.
fn table_of(auth: &AuthSettings) -> UserTable {
    UserTable {
        schema: auth.schema.clone(),
        name: auth.table.clone(),
        id: auth.id.clone(),
        has_uuids: auth.id_type == UserIdType::Uuid,
        columns: [Some(&auth.password), auth.is_active.as_ref()].into_iter().flatten().cloned().collect(),
        last_login: auth.last_login.clone(),
    }
}

/// As Django keeps a UUID where the database has no type for it. Python takes hyphens anywhere.
fn uuid_digits(text: &str) -> Option<String> {
    let digits: String = text.trim().chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    (digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digits)
}

/// As Django writes it into a session.
fn written(key: &UserKey) -> String {
    match key {
        UserKey::Integer(number) => number.to_string(),
        UserKey::Uuid(digits) => {
            let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
            [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
        }
        UserKey::Text(text) => text.clone(),
    }
}

impl From<StorageError> for UsersError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::MissingTable { table } => Self::MissingTable { table },
            StorageError::NotDone(source) | StorageError::OutcomeUnknown(source) => Self::NotDone(source),
            other => Self::new(other),
        }
    }
}

impl Users for DatabaseUsers {
    type User = User;

    async fn get(&self, id: &str) -> Result<Option<User>, UsersError> {
        let Some(key) = self.key(id) else { return Ok(None) };
        let id = written(&key);
        let Some(row) = self.place.read(key).await? else { return Ok(None) };
        let mut row = row.into_iter();
        // Python writes None for NULL, and that is what Django hashes.
        let password = row.next().flatten().unwrap_or_else(|| "None".to_owned());
        // 1 in SQLite and MySQL, the word in PostgreSQL.
        let is_active = !self.has_is_active || matches!(row.next().flatten().as_deref(), Some("1" | "true"));
        let user = User::new(id, password).with_active(is_active);
        let with = |user: User, (name, value): (&String, Option<String>)| user.with_column(name, value.as_deref());
        Ok(Some(self.columns.iter().zip(row).fold(user, with)))
    }

    async fn update_last_login(&self, user: &User, now: Timestamp) -> Result<bool, UsersError> {
        let Some(key) = self.key(user.id()) else { return Ok(false) };
        Ok(self.place.touch(key, now).await?)
    }
}

impl fmt::Debug for DatabaseUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseUsers")
            .field("database", &self.database)
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_read_with_and_without_hyphens_and_written_as_django_writes_it() {
        let written = |text: &str| uuid_digits(text).map(|digits| super::written(&UserKey::Uuid(digits)));
        let djangos = "12345678-1234-5678-9abc-def012345678";
        for text in [djangos, "12345678123456789ABCDEF012345678", " 12345678-1234-5678-9abc-def012345678 "] {
            assert_eq!(written(text).as_deref(), Some(djangos));
        }
        for text in ["", "42", "12345678-1234-5678-9abc-def01234567", "12345678-1234-5678-9abc-def01234567g", "é"] {
            assert_eq!(written(text), None, "{text}");
        }
    }
}
