//! What the settings say about Django's users.

use std::str::FromStr;

use super::assign::{parsed, unless_empty};
use super::given::{Given, Place};
use super::validate::refuse_no_name;
use super::{EntryValue, Settings, SettingsError};

const MODEL_BACKEND: &str = "django.contrib.auth.backends.ModelBackend";

/// `AUTHENTICATION_BACKENDS`, and where the site's user model is kept.
#[derive(Clone, Debug)]
pub(crate) struct AuthSettings {
    pub(crate) backends: Vec<String>,
    pub(crate) database_alias: String,
    pub(crate) schema: Option<String>,
    pub(crate) table: String,
    pub(crate) id: String,
    pub(crate) id_type: UserIdType,
    pub(crate) password: String,
    pub(crate) is_active: Option<String>,
    pub(crate) last_login: Option<String>,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self {
            backends: vec![MODEL_BACKEND.to_owned()],
            database_alias: "default".into(),
            schema: None,
            table: "auth_user".into(),
            id: "id".into(),
            id_type: UserIdType::Integer,
            password: "password".into(),
            is_active: Some("is_active".into()),
            last_login: Some("last_login".into()),
        }
    }
}

/// What the primary key of the user model is: `AUTH_USER_ID_TYPE`.
///
/// ```
/// use cloakroom::auth::UserIdType;
///
/// assert_eq!("uuid".parse(), Ok(UserIdType::Uuid));
/// assert_eq!(UserIdType::default().as_str(), "integer");
/// assert!("float".parse::<UserIdType>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserIdType {
    /// A whole number, as in `auth_user`: `AutoField`, `BigAutoField`.
    #[default]
    Integer,
    /// A `UUIDField`.
    Uuid,
    /// A `CharField`.
    Text,
}

impl UserIdType {
    /// Its name in the settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Uuid => "uuid",
            Self::Text => "text",
        }
    }
}

impl FromStr for UserIdType {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = [Self::Integer, Self::Uuid, Self::Text].into_iter().find(|kind| kind.as_str() == text.trim());
        known.ok_or_else(|| {
            let remedy = "use integer, uuid or text";
            SettingsError::new("AUTH_USER_ID_TYPE", Some(text), "is no kind of primary key", remedy)
        })
    }
}

impl AuthSettings {
    pub(super) fn assign(&mut self, name: &str, given: Given, at: &Place) -> Result<(), SettingsError> {
        match name {
            "AUTHENTICATION_BACKENDS" => self.backends = given.list(at)?,
            "AUTH_USER_DATABASE_ALIAS" => self.database_alias = given.text(at)?,
            "AUTH_USER_SCHEMA" => self.schema = unless_empty(given.text(at)?),
            "AUTH_USER_TABLE" => self.table = given.text(at)?,
            "AUTH_USER_ID_COLUMN" => self.id = given.text(at)?,
            "AUTH_USER_ID_TYPE" => self.id_type = parsed(&given.text(at)?, at)?,
            "AUTH_USER_PASSWORD_COLUMN" => self.password = given.text(at)?,
            "AUTH_USER_IS_ACTIVE_COLUMN" => self.is_active = unless_empty(given.text(at)?),
            "AUTH_USER_LAST_LOGIN_COLUMN" => self.last_login = unless_empty(given.text(at)?),
            _ => return Err(at.refuse("is not a setting", "leave it out")),
        }
        Ok(())
    }

    pub(super) fn entries(&self) -> [(&'static str, EntryValue); 9] {
        let text = |text: &str| EntryValue::Text(text.to_owned());
        let maybe = |name: &Option<String>| name.as_deref().map_or(EntryValue::None, text);
        [
            ("AUTHENTICATION_BACKENDS", text(&self.backends.join(", "))),
            ("AUTH_USER_DATABASE_ALIAS", text(&self.database_alias)),
            ("AUTH_USER_SCHEMA", maybe(&self.schema)),
            ("AUTH_USER_TABLE", text(&self.table)),
            ("AUTH_USER_ID_COLUMN", text(&self.id)),
            ("AUTH_USER_ID_TYPE", text(self.id_type.as_str())),
            ("AUTH_USER_PASSWORD_COLUMN", text(&self.password)),
            ("AUTH_USER_IS_ACTIVE_COLUMN", maybe(&self.is_active)),
            ("AUTH_USER_LAST_LOGIN_COLUMN", maybe(&self.last_login)),
        ]
    }

    pub(super) fn validate(&self) -> Result<(), SettingsError> {
        for (name, value) in [
            ("AUTH_USER_DATABASE_ALIAS", Some(&self.database_alias)),
            ("AUTH_USER_SCHEMA", self.schema.as_ref()),
            ("AUTH_USER_TABLE", Some(&self.table)),
            ("AUTH_USER_ID_COLUMN", Some(&self.id)),
            ("AUTH_USER_PASSWORD_COLUMN", Some(&self.password)),
            ("AUTH_USER_IS_ACTIVE_COLUMN", self.is_active.as_ref()),
            ("AUTH_USER_LAST_LOGIN_COLUMN", self.last_login.as_ref()),
        ] {
            value.map_or(Ok(()), |value| refuse_no_name(name, value))?;
        }
        if self.backends.is_empty() || self.backends.iter().any(String::is_empty) {
            return Err(SettingsError::new(
                "AUTHENTICATION_BACKENDS",
                None,
                "is empty or names an empty backend, so that no login would hold",
                format!("leave it out, or use what the Django site has, such as {MODEL_BACKEND}"),
            ));
        }
        Ok(())
    }
}

/// Django's users, for [`Auth`](crate::auth::Auth):
///
/// ```
/// use cloakroom::Settings;
/// use cloakroom::auth::UserIdType;
///
/// let settings = Settings::new()
///     .authentication_backends(["django.contrib.auth.backends.ModelBackend", "shop.auth.TokenBackend"])
///     .auth_user_database_alias("users")
///     .auth_user_schema("shop")
///     .auth_user_table("accounts_customer")
///     .auth_user_id_column("number")
///     .auth_user_id_type(UserIdType::Uuid)
///     .auth_user_password_column("secret")
///     .auth_user_is_active_column(None)
///     .auth_user_last_login_column(Some("seen"));
/// settings.validate()?;
/// assert!(settings.is_set("AUTH_USER_TABLE"));
/// # Ok::<(), cloakroom::SettingsError>(())
/// ```
impl Settings {
    /// `AUTHENTICATION_BACKENDS`: the dotted paths of the backends whose logins hold; Django's `ModelBackend` alone
    /// unless set.
    pub fn authentication_backends<I>(mut self, paths: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.auth.backends = paths.into_iter().map(Into::into).collect();
        self.in_code("AUTHENTICATION_BACKENDS")
    }

    /// `AUTH_USER_DATABASE_ALIAS`: which of the `DATABASES` the users are in; `default` unless set. Django has a
    /// database router in its place.
    pub fn auth_user_database_alias(mut self, alias: impl Into<String>) -> Self {
        self.auth.database_alias = alias.into();
        self.in_code("AUTH_USER_DATABASE_ALIAS")
    }

    /// `AUTH_USER_SCHEMA`: the schema that their table is in, for databases that have them; the connection's own
    /// unless set. Not in Django.
    pub fn auth_user_schema(mut self, schema: impl Into<String>) -> Self {
        self.auth.schema = Some(schema.into());
        self.in_code("AUTH_USER_SCHEMA")
    }

    /// `AUTH_USER_TABLE`: the table of the site's `AUTH_USER_MODEL`; `auth_user` unless set. Not in Django.
    pub fn auth_user_table(mut self, table: impl Into<String>) -> Self {
        self.auth.table = table.into();
        self.in_code("AUTH_USER_TABLE")
    }

    /// `AUTH_USER_ID_COLUMN`: the column of the model's primary key; `id` unless set. Not in Django.
    pub fn auth_user_id_column(mut self, column: impl Into<String>) -> Self {
        self.auth.id = column.into();
        self.in_code("AUTH_USER_ID_COLUMN")
    }

    /// `AUTH_USER_ID_TYPE`: what that key is; a whole number unless set. Not in Django.
    pub fn auth_user_id_type(mut self, kind: UserIdType) -> Self {
        self.auth.id_type = kind;
        self.in_code("AUTH_USER_ID_TYPE")
    }

    /// `AUTH_USER_PASSWORD_COLUMN`: the column of the password field, to which logins are bound; `password` unless set.
    /// Not in Django.
    pub fn auth_user_password_column(mut self, column: impl Into<String>) -> Self {
        self.auth.password = column.into();
        self.in_code("AUTH_USER_PASSWORD_COLUMN")
    }

    /// `AUTH_USER_IS_ACTIVE_COLUMN`: the column that says whether a user may be logged in; `is_active` unless set,
    /// `None` for a model that has none: then all may, as in Django. Not in Django.
    pub fn auth_user_is_active_column(mut self, column: Option<&str>) -> Self {
        self.auth.is_active = column.map(str::to_owned);
        self.in_code("AUTH_USER_IS_ACTIVE_COLUMN")
    }

    /// `AUTH_USER_LAST_LOGIN_COLUMN`: the column for the moment of the last login; `last_login` unless set, `None` for
    /// a model that has none. Not in Django.
    pub fn auth_user_last_login_column(mut self, column: Option<&str>) -> Self {
        self.auth.last_login = column.map(str::to_owned);
        self.in_code("AUTH_USER_LAST_LOGIN_COLUMN")
    }

    pub(crate) fn auth(&self) -> &AuthSettings {
        &self.auth
    }

    /// Settings whose session database is the one of the users.
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    pub(crate) fn where_users_are(&self) -> Result<Self, SettingsError> {
        let alias = &self.auth.database_alias;
        if alias != "default" && self.databases.get(alias).is_none() {
            return Err(self.no_such_alias("AUTH_USER_DATABASE_ALIAS", alias, "DATABASES", &self.databases.aliases()));
        }
        // The schema and the table are those of the sessions.
        Ok(Self { session_schema: None, ..self.clone().session_database_alias(alias) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_read_from_variables() {
        let settings = Settings::new()
            .with_variables(|name| {
                Some(match name {
                    "AUTHENTICATION_BACKENDS" => "a.B,c.D".to_owned(),
                    "AUTH_USER_TABLE" => "people".to_owned(),
                    "AUTH_USER_ID_TYPE" => "uuid".to_owned(),
                    "AUTH_USER_IS_ACTIVE_COLUMN" => String::new(),
                    _ => return None,
                })
            })
            .unwrap();
        let auth = settings.auth();
        assert_eq!(
            (auth.backends.as_slice(), auth.id_type),
            (&["a.B".to_owned(), "c.D".to_owned()][..], UserIdType::Uuid)
        );
        assert_eq!((auth.table.as_str(), auth.is_active.as_deref()), ("people", None));
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_name() {
        for (settings, name) in [
            (Settings::new().authentication_backends([""; 0]), "AUTHENTICATION_BACKENDS"),
            (Settings::new().auth_user_table(""), "AUTH_USER_TABLE"),
            (Settings::new().auth_user_id_column("a\0b"), "AUTH_USER_ID_COLUMN"),
        ] {
            assert_eq!(settings.validate().unwrap_err().setting(), name);
        }
        let read = Settings::new().with_variables(|name| (name == "AUTH_USER_ID_TYPE").then(|| "float".into()));
        assert_eq!(read.unwrap_err().setting(), "AUTH_USER_ID_TYPE");
    }
}
