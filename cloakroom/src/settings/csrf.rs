//! Django's CSRF cookie, whose token a login rotates.

use std::str::FromStr as _;

use super::assign::unless_empty;
use super::given::{Given, Place};
use super::validate::{refuse_foreign_characters, refuse_no_cookie_name};
use super::{EntryValue, SameSite, Settings, SettingsError};

/// `CSRF_COOKIE_…`, with Django's defaults.
#[derive(Clone, Debug)]
pub(crate) struct CsrfCookieSettings {
    pub(crate) name: String,
    /// In seconds; `None` to end with the browser.
    pub(crate) age: Option<f64>,
    pub(crate) domain: Option<String>,
    pub(crate) path: String,
    pub(crate) secure: bool,
    pub(crate) httponly: bool,
    pub(crate) samesite: SameSite,
}

impl Default for CsrfCookieSettings {
    fn default() -> Self {
        Self {
            name: "csrftoken".into(),
            age: Some(31_449_600.0),
            domain: None,
            path: "/".into(),
            secure: false,
            httponly: false,
            samesite: SameSite::lax(),
        }
    }
}

impl CsrfCookieSettings {
    pub(super) fn assign(&mut self, name: &str, given: Given, at: &Place) -> Result<(), SettingsError> {
        match name {
            "CSRF_COOKIE_NAME" => self.name = given.text(at)?,
            "CSRF_COOKIE_AGE" => {
                self.age = match given {
                    Given::Plain(text) | Given::Text(text) if text.is_empty() || text == "None" => None,
                    given => Some(given.number(at)?),
                }
            }
            "CSRF_COOKIE_DOMAIN" => self.domain = unless_empty(given.text(at)?),
            "CSRF_COOKIE_PATH" => self.path = given.text(at)?,
            "CSRF_COOKIE_SECURE" => self.secure = given.boolean(at)?,
            "CSRF_COOKIE_HTTPONLY" => self.httponly = given.boolean(at)?,
            "CSRF_COOKIE_SAMESITE" => {
                self.samesite = match given {
                    Given::Bool(false) => SameSite::left_out(),
                    given => SameSite::from_str(&given.text(at)?)
                        .map_err(|error| error.about(at.setting()).at_source(at.source()))?,
                }
            }
            _ => return Err(at.refuse("is not a setting", "leave it out")),
        }
        Ok(())
    }

    pub(super) fn entries(&self) -> [(&'static str, EntryValue); 7] {
        let text = |text: &str| EntryValue::Text(text.to_owned());
        [
            ("CSRF_COOKIE_NAME", text(&self.name)),
            ("CSRF_COOKIE_AGE", self.age.map_or(EntryValue::None, EntryValue::Number)),
            ("CSRF_COOKIE_DOMAIN", self.domain.as_deref().map_or(EntryValue::None, text)),
            ("CSRF_COOKIE_PATH", text(&self.path)),
            ("CSRF_COOKIE_SECURE", EntryValue::Bool(self.secure)),
            ("CSRF_COOKIE_HTTPONLY", EntryValue::Bool(self.httponly)),
            ("CSRF_COOKIE_SAMESITE", self.samesite.as_str().map_or(EntryValue::Bool(false), text)),
        ]
    }

    pub(super) fn validate(&self) -> Result<(), SettingsError> {
        refuse_no_cookie_name("CSRF_COOKIE_NAME", &self.name)?;
        refuse_foreign_characters("CSRF_COOKIE_PATH", &self.path)?;
        refuse_foreign_characters("CSRF_COOKIE_DOMAIN", self.domain.as_deref().unwrap_or_default())?;
        match self.age {
            Some(age) if !(age.is_finite() && age.abs() <= 3_155_760_000.0) => Err(SettingsError::new(
                "CSRF_COOKIE_AGE",
                Some(&age.to_string()),
                "is not a lifetime in seconds",
                "use a number up to 3155760000, such as 31449600 for a year",
            )),
            _ => Ok(()),
        }
    }
}

/// Django's CSRF cookie. cloakroom checks no CSRF tokens; a login gives the cookie that a visitor has a new one.
///
/// ```
/// use cloakroom::{SameSite, Settings};
///
/// let settings = Settings::new()
///     .csrf_cookie_name("__Host-csrf")
///     .csrf_cookie_age(3600.0)
///     .csrf_cookie_path("/")
///     .csrf_cookie_secure(true)
///     .csrf_cookie_httponly(true)
///     .csrf_cookie_samesite(SameSite::strict());
/// settings.validate()?;
/// assert!(settings.csrf_cookie_domain("a;b").validate().is_err());
/// # Ok::<(), cloakroom::SettingsError>(())
/// ```
impl Settings {
    /// `CSRF_COOKIE_NAME`: `csrftoken` unless set.
    pub fn csrf_cookie_name(mut self, name: impl Into<String>) -> Self {
        self.csrf.name = name.into();
        self.in_code("CSRF_COOKIE_NAME")
    }

    /// `CSRF_COOKIE_AGE`, in seconds; about a year unless set, `None` to end with the browser.
    pub fn csrf_cookie_age(mut self, seconds: impl Into<Option<f64>>) -> Self {
        self.csrf.age = seconds.into();
        self.in_code("CSRF_COOKIE_AGE")
    }

    /// `CSRF_COOKIE_DOMAIN`: only the host that sent it unless set.
    pub fn csrf_cookie_domain(mut self, domain: impl Into<String>) -> Self {
        self.csrf.domain = Some(domain.into());
        self.in_code("CSRF_COOKIE_DOMAIN")
    }

    /// `CSRF_COOKIE_PATH`: `/` unless set.
    pub fn csrf_cookie_path(mut self, path: impl Into<String>) -> Self {
        self.csrf.path = path.into();
        self.in_code("CSRF_COOKIE_PATH")
    }

    /// `CSRF_COOKIE_SECURE`: off unless set, as in Django.
    pub fn csrf_cookie_secure(mut self, secure: bool) -> Self {
        self.csrf.secure = secure;
        self.in_code("CSRF_COOKIE_SECURE")
    }

    /// `CSRF_COOKIE_HTTPONLY`: off unless set, as in Django.
    pub fn csrf_cookie_httponly(mut self, httponly: bool) -> Self {
        self.csrf.httponly = httponly;
        self.in_code("CSRF_COOKIE_HTTPONLY")
    }

    /// `CSRF_COOKIE_SAMESITE`: `Lax` unless set.
    pub fn csrf_cookie_samesite(mut self, samesite: SameSite) -> Self {
        self.csrf.samesite = samesite;
        self.in_code("CSRF_COOKIE_SAMESITE")
    }
}
