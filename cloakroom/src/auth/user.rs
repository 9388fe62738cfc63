use std::borrow::Cow;
use std::fmt;

use super::users::AuthUser;

/// A user of a Django site: the primary key, the password field, whether active, and the columns that were asked for.
///
/// ```
/// use cloakroom::auth::{AuthUser, User};
///
/// let user = User::new("42", "pbkdf2_sha256$1000000$salt$hash").with_active(false).with_column("username", "ada");
/// assert_eq!((user.id(), user.is_active(), user.column("username")), ("42", false, Some("ada")));
/// assert!(!format!("{user:?}").contains("pbkdf2"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    id: String,
    password: String,
    is_active: bool,
    columns: Vec<(String, Option<String>)>,
}

impl User {
    /// An active user of this primary key, as Django writes it into sessions, and password field, as it is stored.
    #[must_use]
    pub fn new(id: impl Into<String>, password: impl Into<String>) -> Self {
        Self { id: id.into(), password: password.into(), is_active: true, columns: Vec::new() }
    }

    /// The same user, active or not.
    #[must_use]
    pub fn with_active(mut self, is_active: bool) -> Self {
        self.is_active = is_active;
        self
    }

    /// The same user with another column; `None` for NULL.
    #[must_use]
    pub fn with_column<'a>(mut self, name: impl Into<String>, value: impl Into<Option<&'a str>>) -> Self {
        self.columns.push((name.into(), value.into().map(str::to_owned)));
        self
    }

    /// The primary key, as text.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The password field, as it is stored. Handle with care.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Whether the user may be logged in.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.is_active
    }

    /// A column that was asked for, as the text that the database makes of it; `None` if it is NULL or was not asked
    /// for.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&str> {
        self.columns.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.as_deref())
    }
}

impl AuthUser for User {
    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.id)
    }

    fn password(&self) -> &str {
        &self.password
    }

    fn is_active(&self) -> bool {
        self.is_active
    }
}

impl fmt::Debug for User {
    /// Leaves out the password field and the columns, which may hold personal details.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id).field("is_active", &self.is_active).finish_non_exhaustive()
    }
}
