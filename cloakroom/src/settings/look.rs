//! What the settings say, for those who judge them: a check before a deployment, a comparison.

use super::{SameSite, Settings};

impl Settings {
    /// Whether the cookie is sent over HTTPS only.
    #[must_use]
    pub fn cookie_secure(&self) -> bool {
        self.session_cookie_secure
    }

    /// Whether the cookie is kept from the page's scripts.
    #[must_use]
    pub fn cookie_httponly(&self) -> bool {
        self.session_cookie_httponly
    }

    /// The cookie's `SameSite`.
    #[must_use]
    pub fn cookie_samesite(&self) -> &SameSite {
        &self.session_cookie_samesite
    }

    /// The cookie's domain, if one is set.
    #[must_use]
    pub fn cookie_domain(&self) -> Option<&str> {
        self.session_cookie_domain.as_deref()
    }

    /// The cookie's path.
    #[must_use]
    pub fn cookie_path(&self) -> &str {
        &self.session_cookie_path
    }

    /// Whether the cookie is `Partitioned`.
    #[must_use]
    pub fn cookie_partitioned(&self) -> bool {
        self.session_cookie_partitioned
    }

    /// Whether cookies end with the browser unless a session says otherwise.
    #[must_use]
    pub fn expires_at_browser_close(&self) -> bool {
        self.session_expire_at_browser_close
    }

    /// Whether each request renews the session's life.
    #[must_use]
    pub fn saves_every_request(&self) -> bool {
        self.session_save_every_request
    }

    /// Whether moments are kept in UTC.
    #[must_use]
    pub fn uses_tz(&self) -> bool {
        self.use_tz
    }

    /// The name of the time zone.
    #[must_use]
    pub fn time_zone_name(&self) -> &str {
        &self.time_zone
    }
}
