use std::fmt;
use std::str::FromStr;

use super::SettingsError;

/// `SESSION_COOKIE_SAMESITE`: `Lax`, `Strict` or `None` in any case of letters, sent as written, or `False`
/// to leave the attribute out (B-161).
///
/// ```
/// use cloakroom::SameSite;
///
/// assert_eq!("strict".parse::<SameSite>().unwrap().as_str(), Some("strict"));
/// assert_eq!("False".parse::<SameSite>().unwrap().as_str(), None);
/// assert!("Loose".parse::<SameSite>().is_err());
/// assert_eq!("Lax".parse(), Ok(SameSite::lax()));
/// assert_eq!("Strict".parse(), Ok(SameSite::strict()));
/// assert_eq!("None".parse(), Ok(SameSite::none()));
/// assert_eq!(SameSite::left_out().to_string(), "False");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SameSite(Option<String>);

impl SameSite {
    /// The cookie comes with requests from the same site and with links that lead to it.
    #[must_use]
    pub fn lax() -> Self {
        Self(Some("Lax".into()))
    }

    /// The cookie comes with requests from the same site only.
    #[must_use]
    pub fn strict() -> Self {
        Self(Some("Strict".into()))
    }

    /// The cookie comes with every request. Needs `SESSION_COOKIE_SECURE`.
    #[must_use]
    pub fn none() -> Self {
        Self(Some("None".into()))
    }

    /// No such attribute: browsers decide, most of them as for `Lax`.
    #[must_use]
    pub const fn left_out() -> Self {
        Self(None)
    }

    /// The attribute's text, as it is sent.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }

    pub(crate) fn is_none(&self) -> bool {
        self.0.as_deref().is_some_and(|text| text.eq_ignore_ascii_case("none"))
    }
}

impl fmt::Display for SameSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str().unwrap_or("False"))
    }
}

impl FromStr for SameSite {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if ["lax", "strict", "none"].iter().any(|known| text.eq_ignore_ascii_case(known)) {
            return Ok(Self(Some(text.to_owned())));
        }
        if text.eq_ignore_ascii_case("false") {
            return Ok(Self(None));
        }
        Err(SettingsError::new(
            "SESSION_COOKIE_SAMESITE",
            Some(text),
            "is not a SameSite attribute",
            "use Lax, Strict, None or False",
        ))
    }
}
