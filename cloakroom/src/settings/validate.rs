//! What is refused at start-up, so that no visitor has to find out.

use super::{Settings, SettingsError};

/// Name and value of a cookie: more than this browsers drop (RFC 6265bis, S13).
use crate::cookie::SIZE_LIMIT as COOKIE_LIMIT;
/// The longest session key.
const LONGEST_KEY: usize = 40;

impl Settings {
    /// Checks what can be checked without connecting.
    ///
    /// ```
    /// use cloakroom::{SameSite, Settings};
    ///
    /// let settings = Settings::new().session_cookie_samesite(SameSite::none());
    /// assert_eq!(settings.validate().unwrap_err().setting(), "SESSION_COOKIE_SAMESITE");
    /// settings.session_cookie_secure(true).validate()?;
    /// # Ok::<(), cloakroom::SettingsError>(())
    /// ```
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn validate(&self) -> Result<(), SettingsError> {
        self.check().map_err(|error| {
            let source = self.source(error.setting());
            error.at_source(source)
        })
    }

    fn check(&self) -> Result<(), SettingsError> {
        self.validate_cookie_name()?;
        self.validate_cookie_age()?;
        self.limits.validate()?;
        refuse_foreign_characters("SESSION_COOKIE_PATH", &self.session_cookie_path)?;
        if let Some(domain) = &self.session_cookie_domain {
            refuse_foreign_characters("SESSION_COOKIE_DOMAIN", domain)?;
        }
        self.validate_prefixes()?;
        if self.session_cookie_samesite.is_none() && !self.session_cookie_secure {
            return Err(SettingsError::new(
                "SESSION_COOKIE_SAMESITE",
                self.session_cookie_samesite.as_str(),
                "browsers drop such a cookie unless it is Secure",
                "set SESSION_COOKIE_SECURE to True, or use Lax",
            ));
        }
        if self.session_cookie_partitioned && !self.session_cookie_secure {
            return Err(SettingsError::new(
                "SESSION_COOKIE_PARTITIONED",
                Some("True"),
                "browsers drop such a cookie unless it is Secure",
                "set SESSION_COOKIE_SECURE to True",
            ));
        }
        self.validate_names()?;
        self.validate_secrets()?;
        self.auth.validate()?;
        self.csrf.validate()?;
        self.serializer()?;
        // Another program's DATABASE_URL_REPORTS need not be one that can be read here.
        for alias in ["default", &self.session_database_alias] {
            self.databases.get(alias).transpose()?;
        }
        for alias in ["default", &self.session_cache_alias] {
            self.caches.get(alias).transpose()?;
        }
        // A database that the program opens itself need not be among the DATABASES.
        if self.is_set("SESSION_DATABASE_ALIAS") && self.session_engine.uses_database() {
            self.session_database()?;
        }
        if self.session_engine.uses_cache() {
            self.session_cache()?;
        }
        self.policy().map(|_| ())
    }

    /// Names that become a part of SQL, keys and signatures.
    fn validate_names(&self) -> Result<(), SettingsError> {
        for (name, value) in [
            ("SESSION_TABLE", self.session_table.as_str()),
            ("SESSION_SCHEMA", self.session_schema.as_deref().unwrap_or("public")),
            ("SESSION_SALT", &self.session_salt),
            ("SESSION_CACHE_ALIAS", &self.session_cache_alias),
            ("SESSION_DATABASE_ALIAS", &self.session_database_alias),
        ] {
            refuse_no_name(name, value)?;
        }
        Ok(())
    }

    /// RFC 6265: a cookie's name is a token. Python also allows a colon.
    fn validate_cookie_name(&self) -> Result<(), SettingsError> {
        let name = &self.session_cookie_name;
        refuse_no_cookie_name("SESSION_COOKIE_NAME", name)?;
        if name.len() + LONGEST_KEY > COOKIE_LIMIT {
            return Err(SettingsError::new(
                "SESSION_COOKIE_NAME",
                Some(name),
                "leaves no room for a session key in the 4,096 bytes of a cookie",
                "use a shorter name",
            ));
        }
        Ok(())
    }

    fn validate_cookie_age(&self) -> Result<(), SettingsError> {
        let age = self.session_cookie_age;
        // A century: far beyond what browsers keep, far below where dates overflow. Django takes 0 and less as well:
        // sessions that have ended when they begin.
        if !(age.is_finite() && age.abs() <= 3_155_760_000.0) {
            return Err(SettingsError::new(
                "SESSION_COOKIE_AGE",
                Some(&age.to_string()),
                "is not a lifetime in seconds",
                "use a number up to 3155760000, such as 1209600 for two weeks",
            ));
        }
        Ok(())
    }

    /// RFC 6265bis, section 4.1.3: browsers compare the prefixes without regard to case (S12).
    fn validate_prefixes(&self) -> Result<(), SettingsError> {
        let name = &self.session_cookie_name;
        let starts_with =
            |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        let host = starts_with("__Host-");
        let refuse =
            |problem: &str, remedy: &str| Err(SettingsError::new("SESSION_COOKIE_NAME", Some(name), problem, remedy));
        if (host || starts_with("__Secure-")) && !self.session_cookie_secure {
            return refuse("the prefix needs a Secure cookie", "set SESSION_COOKIE_SECURE to True, or change the name");
        }
        if host && self.session_cookie_domain.is_some() {
            return refuse(
                "the prefix __Host- forbids a domain",
                "leave out SESSION_COOKIE_DOMAIN, or change the name",
            );
        }
        if host && self.session_cookie_path != "/" {
            return refuse("the prefix __Host- needs the path /", "set SESSION_COOKIE_PATH to /, or change the name");
        }
        Ok(())
    }
}

pub(super) fn refuse_no_cookie_name(setting: &'static str, name: &str) -> Result<(), SettingsError> {
    let of_a_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:".contains(&byte);
    if name.is_empty() || !name.bytes().all(of_a_token) {
        let remedy = "use letters, digits, - and _";
        return Err(SettingsError::new(setting, Some(name), "is not a cookie name", remedy));
    }
    Ok(())
}

pub(super) fn refuse_no_name(setting: &'static str, name: &str) -> Result<(), SettingsError> {
    if name.is_empty() || name.contains('\0') {
        let remedy = "leave it out, or give a name";
        return Err(SettingsError::new(setting, Some(name), "is empty or holds NUL", remedy));
    }
    Ok(())
}

/// A semicolon would begin another attribute, a control character another header. An empty value leaves the attribute
/// out, as in Django.
pub(super) fn refuse_foreign_characters(setting: &'static str, value: &str) -> Result<(), SettingsError> {
    if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b';') {
        return Err(SettingsError::new(
            setting,
            Some(value),
            "cannot stand in a cookie",
            "use printable ASCII without a semicolon, or leave it out",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::SameSite;

    fn refusal(settings: &Settings) -> String {
        settings.validate().unwrap_err().to_string()
    }

    #[test]
    fn djangos_defaults_are_fine() {
        Settings::new().validate().unwrap();
    }

    #[test]
    fn a_prefix_is_checked_without_regard_to_case() {
        for name in ["__Host-sid", "__host-sid", "__SECURE-sid"] {
            let settings = Settings::new().session_cookie_name(name);
            assert!(refusal(&settings).contains("SESSION_COOKIE_SECURE"), "{name}");
            settings.session_cookie_secure(true).validate().unwrap();
        }
        let host = Settings::new().session_cookie_name("__Host-sid").session_cookie_secure(true);
        assert!(refusal(&host.clone().session_cookie_domain("example.com")).contains("SESSION_COOKIE_DOMAIN"));
        assert!(refusal(&host.session_cookie_path("/app")).contains("SESSION_COOKIE_PATH"));
    }

    #[test]
    fn same_site_none_and_partitioned_need_secure() {
        let cross = Settings::new().session_cookie_samesite(SameSite::none());
        assert!(refusal(&cross).contains("SESSION_COOKIE_SAMESITE"));
        cross.session_cookie_secure(true).validate().unwrap();
        assert!(refusal(&Settings::new().session_cookie_partitioned(true)).contains("SESSION_COOKIE_PARTITIONED"));
    }

    #[test]
    fn nothing_can_break_out_of_the_cookie() {
        for bad in ["", "a b", "a=b", "a;b", "a\nb", "é", &"n".repeat(4_090)] {
            assert!(refusal(&Settings::new().session_cookie_name(bad)).contains("SESSION_COOKIE_NAME"), "{bad:?}");
        }
        for bad in ["/; HttpOnly", "/\r\nSet-Cookie: a=b"] {
            assert!(refusal(&Settings::new().session_cookie_path(bad)).contains("SESSION_COOKIE_PATH"), "{bad:?}");
            assert!(refusal(&Settings::new().session_cookie_domain(bad)).contains("SESSION_COOKIE_DOMAIN"), "{bad:?}");
        }
    }

    #[test]
    fn an_age_must_be_a_lifetime() {
        for bad in [f64::NAN, f64::INFINITY, 1e12, -1e12] {
            assert!(refusal(&Settings::new().session_cookie_age(bad)).contains("SESSION_COOKIE_AGE"), "{bad}");
        }
        Settings::new().session_cookie_age(10.25).validate().unwrap();
    }
}
