//! `SECRET_KEY` and what may stand in its place.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{DerivedKey, Settings, SettingsError};
use crate::wire::LoginHashKey;
use crate::wire::signing::{SecretKey, SigningKey};

/// A secret as it was given, not yet checked: text counts as its UTF-8 bytes, as in Django.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) Vec<u8>);

impl Secret {
    /// From base64 of either alphabet, padded or not.
    pub(crate) fn from_base64(text: &str) -> Option<Self> {
        let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let text = text.trim().replace('-', "+").replace('_', "/");
        GeneralPurpose::new(&alphabet::STANDARD, config).decode(text).ok().map(Self)
    }

    fn to_key(&self) -> Option<SecretKey> {
        SecretKey::new(self.0.clone()).ok()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl Settings {
    /// The secrets to sign with and to accept, the first one first.
    ///
    /// ```
    /// use cloakroom::Settings;
    ///
    /// let settings = Settings::new().secret_key("the new secret").secret_key_fallback("the old one");
    /// let (secret, fallbacks) = settings.secret_keys()?;
    /// assert_eq!((secret.as_bytes(), fallbacks[0].as_bytes()), (&b"the new secret"[..], &b"the old one"[..]));
    /// # Ok::<(), cloakroom::SettingsError>(())
    /// ```
    ///
    /// # Errors
    /// No `SECRET_KEY` (nor `SECRET_KEY_B64`), both of them, or an empty one. Also where there is a
    /// `SESSION_SIGNING_KEY` in its place, from which no secret can be had: see
    /// [`signing_keys`](Self::signing_keys).
    pub fn secret_keys(&self) -> Result<(SecretKey, Vec<SecretKey>), SettingsError> {
        self.validate_secrets()?;
        let (name, primary) = match (&self.secret_key, &self.secret_key_b64) {
            (Some(secret), _) => ("SECRET_KEY", secret),
            (None, Some(secret)) => ("SECRET_KEY_B64", secret),
            (None, None) if self.session_signing_key.is_some() => {
                return Err(SettingsError::new(
                    "SECRET_KEY",
                    None,
                    "is not set, and SESSION_SIGNING_KEY serves sessions only",
                    "do this where SECRET_KEY is known",
                ));
            }
            (None, None) => {
                return Err(SettingsError::new(
                    "SECRET_KEY",
                    None,
                    "is not set",
                    "set it to the secret of the Django site, or for a site of its own to 50 random characters",
                ));
            }
        };
        let key = |name: &'static str, secret: &Secret| secret.to_key().ok_or_else(|| self.empty(name));
        let mut fallbacks = Vec::new();
        for secret in &self.secret_key_fallbacks {
            fallbacks.push(key("SECRET_KEY_FALLBACKS", secret)?);
        }
        for secret in &self.secret_key_fallbacks_b64 {
            fallbacks.push(key("SECRET_KEY_FALLBACKS_B64", secret)?);
        }
        Ok((key(name, primary)?, fallbacks))
    }

    /// The keys that sign and verify what has this salt, the one to sign with first: derived from `SECRET_KEY`
    /// and its fallbacks, or those given as `SESSION_SIGNING_KEY` and its fallbacks.
    ///
    /// ```
    /// use cloakroom::wire::stored::SESSION_SALT;
    /// use cloakroom::wire::{SecretKey, SigningKey};
    /// use cloakroom::{DerivedKey, Settings};
    ///
    /// let secret = SecretKey::new("the secret of the Django site")?;
    /// let settings = Settings::new().session_signing_key(DerivedKey::derive(&secret, SESSION_SALT));
    /// let (key, _) = settings.signing_keys(SESSION_SALT)?;
    /// assert_eq!(key.as_bytes(), SigningKey::derive(&secret, SESSION_SALT).as_bytes());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Neither is set, both are, one is empty, or a `SESSION_SIGNING_KEY` is for another salt.
    pub fn signing_keys(&self, salt: &str) -> Result<(SigningKey, Vec<SigningKey>), SettingsError> {
        self.validate_secrets()?;
        let Some(primary) = &self.session_signing_key else {
            let (primary, fallbacks) = self.secret_keys()?;
            let fallbacks = fallbacks.iter().map(|secret| SigningKey::derive(secret, salt)).collect();
            return Ok((SigningKey::derive(&primary, salt), fallbacks));
        };
        let check = |name: &'static str, key: &DerivedKey| {
            if key.salt() == salt {
                return Ok(key.key().clone());
            }
            let (has, wants) = (DerivedKey::salt_name(key.salt()), DerivedKey::salt_name(salt));
            let remedy = format!("derive one where SECRET_KEY is known: cloakroom derive-key --salt {}", quoted(salt));
            let problem = format!("is a key for the salt {has}, and what is to be signed has the salt {wants}");
            Err(SettingsError::new(name, None, problem, remedy).at_source(self.source(name)))
        };
        let fallbacks = self.session_signing_key_fallbacks.iter();
        let fallbacks = fallbacks.map(|key| check("SESSION_SIGNING_KEY_FALLBACKS", key)).collect::<Result<_, _>>()?;
        Ok((check("SESSION_SIGNING_KEY", primary)?, fallbacks))
    }

    /// The keys of Django's login hash, the one to make it with first: derived from `SECRET_KEY` and its fallbacks, or
    /// those given as `SESSION_AUTH_HASH_KEY` and its fallbacks.
    ///
    /// ```
    /// use cloakroom::Settings;
    /// use cloakroom::wire::{LoginHashKey, SecretKey};
    ///
    /// let key = LoginHashKey::derive(&SecretKey::new("the secret of the Django site")?);
    /// let settings = Settings::new().session_auth_hash_key(key.clone());
    /// assert_eq!(settings.login_hash_keys()?.0.as_bytes(), key.as_bytes());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Neither is set, both are, or one is empty.
    pub fn login_hash_keys(&self) -> Result<(LoginHashKey, Vec<LoginHashKey>), SettingsError> {
        self.validate_secrets()?;
        if let Some(key) = &self.session_auth_hash_key {
            return Ok((key.clone(), self.session_auth_hash_key_fallbacks.clone()));
        }
        if !self.has_secret() && self.session_signing_key.is_some() {
            return Err(SettingsError::new(
                "SESSION_AUTH_HASH_KEY",
                None,
                "is not set, and SESSION_SIGNING_KEY serves sessions only",
                "derive it where SECRET_KEY is known: cloakroom derive-key --login",
            ));
        }
        let (primary, fallbacks) = self.secret_keys()?;
        Ok((LoginHashKey::derive(&primary), fallbacks.iter().map(LoginHashKey::derive).collect()))
    }

    fn has_secret(&self) -> bool {
        self.secret_key.is_some() || self.secret_key_b64.is_some()
    }

    fn empty(&self, name: &'static str) -> SettingsError {
        SettingsError::new(name, None, "is empty", "set it to the secret of the Django site")
            .at_source(self.source(name))
    }

    /// One secret, in one form.
    pub(super) fn validate_secrets(&self) -> Result<(), SettingsError> {
        for (name, is_set, other, other_is_set) in [
            ("SECRET_KEY", self.secret_key.is_some(), "SECRET_KEY_B64", self.secret_key_b64.is_some()),
            ("SECRET_KEY", self.secret_key.is_some(), "SESSION_SIGNING_KEY", self.session_signing_key.is_some()),
            (
                "SECRET_KEY_B64",
                self.secret_key_b64.is_some(),
                "SESSION_SIGNING_KEY",
                self.session_signing_key.is_some(),
            ),
            (
                "SECRET_KEY_FALLBACKS",
                !self.secret_key_fallbacks.is_empty(),
                "SESSION_SIGNING_KEY",
                self.session_signing_key.is_some(),
            ),
            (
                "SECRET_KEY_FALLBACKS_B64",
                !self.secret_key_fallbacks_b64.is_empty(),
                "SESSION_SIGNING_KEY",
                self.session_signing_key.is_some(),
            ),
            (
                "SESSION_SIGNING_KEY_FALLBACKS",
                !self.session_signing_key_fallbacks.is_empty(),
                "SECRET_KEY",
                self.has_secret(),
            ),
            ("SESSION_AUTH_HASH_KEY", self.session_auth_hash_key.is_some(), "SECRET_KEY", self.has_secret()),
            (
                "SESSION_AUTH_HASH_KEY_FALLBACKS",
                !self.session_auth_hash_key_fallbacks.is_empty(),
                "SECRET_KEY",
                self.has_secret(),
            ),
        ] {
            if is_set && other_is_set {
                let problem = format!("is set, and so is {other} ({})", self.source(other));
                let remedy = format!("keep one of {name} and {other}");
                return Err(SettingsError::new(name, None, problem, remedy).at_source(self.source(name)));
            }
        }
        Ok(())
    }
}

/// The salt as the command takes it.
fn quoted(salt: &str) -> String {
    use crate::wire::stored::{SESSION_SALT, SIGNED_COOKIES_SALT};
    match salt {
        SESSION_SALT => "stored".to_owned(),
        SIGNED_COOKIES_SALT => "signed_cookies".to_owned(),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::stored::{SESSION_SALT, SIGNED_COOKIES_SALT};

    fn secret() -> SecretKey {
        SecretKey::new("xyzzy").unwrap()
    }

    #[test]
    fn bytes_may_come_as_base64_of_any_kind() {
        for text in ["-_8=", "+/8=", "-_8", " +/8 "] {
            assert_eq!(Secret::from_base64(text).unwrap().0, [0xfb, 0xff], "{text:?}");
        }
        assert!(Secret::from_base64("é").is_none());
    }

    #[test]
    fn a_derived_key_serves_in_place_of_the_secret() {
        let key = DerivedKey::derive(&secret(), SESSION_SALT);
        let settings = Settings::new().session_signing_key(key.clone()).session_signing_key_fallback(key);
        let (primary, fallbacks) = settings.signing_keys(SESSION_SALT).unwrap();
        let with_secret = Settings::new().secret_key("xyzzy").signing_keys(SESSION_SALT).unwrap();
        assert_eq!(primary.as_bytes(), with_secret.0.as_bytes());
        assert_eq!(fallbacks.len(), 1);
        assert!(settings.secret_keys().unwrap_err().to_string().contains("SESSION_SIGNING_KEY"));
    }

    #[test]
    fn a_key_for_another_salt_is_refused_by_name() {
        let key = DerivedKey::derive(&secret(), SIGNED_COOKIES_SALT);
        let error = Settings::new().session_signing_key(key).signing_keys(SESSION_SALT).unwrap_err().to_string();
        assert!(error.contains("signed_cookies") && error.contains("--salt stored"), "{error}");
    }

    #[test]
    fn two_forms_of_one_secret_are_refused() {
        let key = || DerivedKey::derive(&secret(), SESSION_SALT);
        for settings in [
            Settings::new().secret_key("a").session_signing_key(key()),
            Settings::new().secret_key_fallback("a").session_signing_key(key()),
            Settings::new().secret_key("a").session_signing_key_fallback(key()),
        ] {
            assert!(settings.validate().is_err() && settings.signing_keys(SESSION_SALT).is_err(), "{settings:?}");
        }
        let both = |name: &str| name.starts_with("SECRET_KEY").then(|| "YWFh".to_owned());
        let error = Settings::new().with_variables(both).unwrap().validate().unwrap_err().to_string();
        assert!(error.contains("SECRET_KEY_B64") && !error.contains("YWFh"), "{error}");
    }
}
