//! `SESSION_SERIALIZER`: how session data becomes bytes.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::{Settings, SettingsError};

/// Django's own serializer, the only one it has.
const JSON: &str = "django.contrib.sessions.serializers.JSONSerializer";

/// A serializer of the application's own: the counterpart of the Python class of the same dotted path on the
/// Django site.
///
/// cloakroom holds session data as JSON and hands it over as text; what comes back is signed and stored in its
/// place. It must be able to read all that the Django site's class writes, and the other way round.
///
/// ```
/// use std::error::Error;
///
/// use cloakroom::{SessionSerializer, Settings};
///
/// /// As `site.serializers.Reversed` on the Django site.
/// struct Reversed;
///
/// impl SessionSerializer for Reversed {
///     fn dumps(&self, json: &str) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
///         Ok(json.bytes().rev().collect())
///     }
///
///     fn loads(&self, data: &[u8]) -> Result<String, Box<dyn Error + Send + Sync>> {
///         Ok(String::from_utf8(data.iter().rev().copied().collect())?)
///     }
/// }
///
/// let settings = Settings::new()
///     .register_serializer("site.serializers.Reversed", Reversed)
///     .session_serializer("site.serializers.Reversed");
/// settings.validate()?;
/// # Ok::<(), cloakroom::SettingsError>(())
/// ```
pub trait SessionSerializer: Send + Sync + 'static {
    /// The bytes for session data, given as the JSON text of an object, in ASCII.
    ///
    /// # Errors
    /// Data that this serializer cannot write. The save fails, and what was stored stays.
    fn dumps(&self, json: &str) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>;

    /// Session data as the JSON text of an object. The bytes were verified to be the site's own.
    ///
    /// # Errors
    /// Bytes that are not what this serializer writes. The session is left as it is and reads as empty.
    fn loads(&self, data: &[u8]) -> Result<String, Box<dyn Error + Send + Sync>>;
}

/// The serializers that an application has registered, by their dotted paths.
#[derive(Clone, Default)]
pub(crate) struct Serializers(BTreeMap<String, Arc<dyn SessionSerializer>>);

impl Serializers {
    pub(super) fn register(&mut self, path: String, serializer: Arc<dyn SessionSerializer>) {
        self.0.insert(path, serializer);
    }
}

impl fmt::Debug for Serializers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Settings {
    /// The serializer that `SESSION_SERIALIZER` names; `None` for JSON.
    pub(crate) fn serializer(&self) -> Result<Option<Arc<dyn SessionSerializer>>, SettingsError> {
        let path = &self.session_serializer;
        if path == "json" || path == JSON {
            return Ok(None);
        }
        if let Some(serializer) = self.serializers.0.get(path) {
            return Ok(Some(Arc::clone(serializer)));
        }
        let problem = if path.ends_with(".PickleSerializer") {
            "unpickles, which lets whoever can write a session run code; Django 5.0 has dropped it"
        } else {
            "is not a serializer that this program knows"
        };
        let mut known = vec!["json".to_owned(), JSON.to_owned()];
        known.extend(self.serializers.0.keys().cloned());
        let remedy = format!("use one of {}, or register one in code", known.join(", "));
        Err(SettingsError::new("SESSION_SERIALIZER", Some(path), problem, remedy)
            .at_source(self.source("SESSION_SERIALIZER")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_path_is_refused_by_name() {
        for path in ["json", JSON] {
            assert!(Settings::new().session_serializer(path).validate().is_ok());
        }
        for path in ["django.contrib.sessions.serializers.PickleSerializer", "JSON", ""] {
            let error = Settings::new().session_serializer(path).validate().unwrap_err();
            assert_eq!((error.setting(), error.value()), ("SESSION_SERIALIZER", Some(path)));
            assert!(error.to_string().contains("(code)"), "{error}");
        }
    }
}
