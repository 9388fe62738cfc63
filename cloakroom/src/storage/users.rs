//! A row of the table of users: the databases' part of logins.

/// Which columns are read, and of which table.
#[derive(Clone, Debug)]
pub(crate) struct UserTable {
    /// For databases that have them.
    #[cfg_attr(not(any(feature = "postgres", feature = "mysql")), allow(dead_code))]
    pub(crate) schema: Option<String>,
    pub(crate) name: String,
    /// The column of the primary key.
    pub(crate) id: String,
    /// Whether that is a UUID, which a database may have a type for.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code))]
    pub(crate) has_uuids: bool,
    /// The columns to read, each as text.
    pub(crate) columns: Vec<String>,
    /// The column for the moment of the last login.
    pub(crate) last_login: Option<String>,
}

/// A primary key.
#[derive(Clone, Debug)]
pub(crate) enum UserKey {
    Integer(i64),
    /// 32 hexadecimal digits, in small letters.
    Uuid(String),
    /// Text without NUL.
    Text(String),
}

/// The columns that were asked for, in their order; `None` for NULL.
pub(crate) type UserRow = Vec<Option<String>>;
