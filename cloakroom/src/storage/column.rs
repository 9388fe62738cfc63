use std::borrow::Cow;
use std::fmt;

use crate::Timestamp;

/// A value for a column of the application's own in the table of sessions: Django's custom session models have such
/// (B-94). [`Engine::with_columns`](crate::Engine::with_columns) fills them.
///
/// ```
/// use cloakroom::Timestamp;
/// use cloakroom::storage::{Column, ColumnValue};
///
/// let column = Column::new("user_agent", "Mozilla/5.0");
/// assert_eq!((column.name(), column.value()), ("user_agent", &ColumnValue::Text("Mozilla/5.0".into())));
/// assert_eq!(Column::new("last_activity", Timestamp::MAX).value(), &ColumnValue::Moment(Timestamp::MAX));
/// assert_eq!(Column::new("user_id", None::<i64>).value(), &ColumnValue::Null);
/// assert!(!format!("{column:?}").contains("Mozilla"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Column {
    name: Cow<'static, str>,
    value: ColumnValue,
}

/// What a [`Column`] holds. The database turns it into the column's own type.
///
/// ```
/// use cloakroom::storage::ColumnValue;
///
/// assert_eq!(ColumnValue::from(true), ColumnValue::Bool(true));
/// assert_eq!(ColumnValue::from(7), ColumnValue::Integer(7));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnValue {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Text, for every other type too: addresses, UUIDs, JSON.
    Text(String),
    /// A moment.
    Moment(Timestamp),
}

impl Column {
    /// A value for the column of that name.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>, value: impl Into<ColumnValue>) -> Self {
        Self { name: name.into(), value: value.into() }
    }

    /// The column's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its value.
    #[must_use]
    pub fn value(&self) -> &ColumnValue {
        &self.value
    }

    /// Whether the name is one that goes into a statement: letters, digits and `_`, and none of the session's own.
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    pub(crate) fn has_usable_name(&self) -> bool {
        !self.name.is_empty()
            && self.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !["session_key", "session_data", "expire_date"].contains(&&*self.name.to_ascii_lowercase())
    }
}

impl fmt::Debug for Column {
    /// Leaves out the value, which may hold personal details.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Column({})", self.name)
    }
}

impl fmt::Debug for ColumnValue {
    /// Leaves out the value, which may hold personal details.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Bool(_) => "Bool",
            Self::Integer(_) => "Integer",
            Self::Text(_) => "Text",
            Self::Moment(_) => "Moment",
        })
    }
}

impl From<bool> for ColumnValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for ColumnValue {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<&str> for ColumnValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for ColumnValue {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Timestamp> for ColumnValue {
    fn from(value: Timestamp) -> Self {
        Self::Moment(value)
    }
}

impl<T: Into<ColumnValue>> From<Option<T>> for ColumnValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
