use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::wire::json::{JsonError, from_str, scan, to_string};

/// One value as the JSON text it is kept as: Python's JSON, with `NaN`, integers of any size and halves of
/// surrogate pairs.
///
/// ```
/// use cloakroom::Json;
///
/// let json = Json::parse("[1, 2.50]")?;
/// assert_eq!(json.as_str(), "[1, 2.50]");
/// assert_eq!(json.to::<Vec<f64>>()?, [1.0, 2.5]);
/// # Ok::<(), cloakroom::wire::json::JsonError>(())
/// ```
///
/// ```
/// use cloakroom::Json;
///
/// let json = Json::from_value(&("é", 1))?;
/// assert_eq!(json.to_string(), r#"["\u00e9",1]"#);
/// assert!(Json::parse("[1,").is_err());
/// # Ok::<(), cloakroom::wire::json::JsonError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Json(Box<str>);

impl Json {
    /// A value from JSON text, checked as Python would.
    ///
    /// # Errors
    /// Text that is not one JSON value.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        scan(text)?;
        if text.is_ascii() {
            return Ok(Self::from_valid(text.trim_matches([' ', '\t', '\r', '\n'])));
        }
        // Only ASCII is stored (Django reads stored bytes as Latin-1): what stands raw is escaped.
        let mut ascii = String::with_capacity(text.len() * 2);
        for character in text.trim_matches([' ', '\t', '\r', '\n']).chars() {
            if character.is_ascii() {
                ascii.push(character);
            } else {
                ascii.push_str(&crate::wire::json::escape(character.encode_utf8(&mut [0; 4])));
            }
        }
        Ok(Self(ascii.into()))
    }

    /// A value written as JSON.
    ///
    /// # Errors
    /// A value that cannot be.
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, JsonError> {
        to_string(value).map(|text| Self(text.into()))
    }

    pub(crate) fn from_valid(text: &str) -> Self {
        Self(text.into())
    }

    pub(crate) fn into_text(self) -> String {
        self.0.into()
    }

    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value as a `T`.
    ///
    /// # Errors
    /// The value is something else.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        from_str(&self.0)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Json {
    /// Leaves out the value, which is session data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Json(…)")
    }
}
