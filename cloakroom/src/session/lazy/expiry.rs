//! The test cookie and the expiry, awaited.

use crate::Timestamp;
use crate::error::SessionError;
use crate::expiry::{Expiry, ExpiryOptions};
use crate::session::lazy::LazySession;
use crate::session::state::Shared;

impl LazySession {
    /// Awaits [`Session::set_test_cookie`](crate::Session::set_test_cookie).
    ///
    /// # Errors
    /// The session could not be loaded.
    pub async fn aset_test_cookie(&self) -> Result<(), SessionError> {
        self.ready().await?.set_test_cookie();
        Ok(())
    }

    /// Awaits [`Session::test_cookie_worked`](crate::Session::test_cookie_worked).
    ///
    /// # Errors
    /// The session could not be loaded.
    pub async fn atest_cookie_worked(&self) -> Result<bool, SessionError> {
        Ok(self.ready().await?.test_cookie_worked())
    }

    /// Awaits [`Session::delete_test_cookie`](crate::Session::delete_test_cookie). Marks the session modified, unlike Django's (D6).
    ///
    /// # Errors
    /// The session could not be loaded, or there is no test cookie.
    pub async fn adelete_test_cookie(&self) -> Result<(), SessionError> {
        self.ready().await?.delete_test_cookie()
    }

    /// Awaits [`Session::set_expiry`](crate::Session::set_expiry).
    ///
    /// # Errors
    /// The session could not be loaded, or the expiry lies outside the years 1 to 9999.
    pub async fn aset_expiry(&self, expiry: impl Into<Expiry>) -> Result<(), SessionError> {
        let expiry = expiry.into();
        drop(self.ready().await?);
        self.shared.set_expiry(&expiry)
    }

    /// Awaits [`Session::restart_absolute_age`](crate::Session::restart_absolute_age).
    ///
    /// ```
    /// # use cloakroom::{SessionStore, Settings};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = SessionStore::memory(Settings::new())?.session(None);
    /// session.arestart_absolute_age().await?;
    /// assert!(session.modified());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The session could not be loaded.
    pub async fn arestart_absolute_age(&self) -> Result<(), SessionError> {
        self.ready().await?.begin_anew();
        Ok(())
    }

    /// Awaits [`Session::get_expiry_age`](crate::Session::get_expiry_age).
    ///
    /// # Errors
    /// The session could not be loaded, or holds an expiry that cannot be read.
    pub async fn aget_expiry_age(&self) -> Result<f64, SessionError> {
        self.aget_expiry_age_with(&ExpiryOptions::new()).await
    }

    /// Awaits [`Session::get_expiry_age_with`](crate::Session::get_expiry_age_with). With an expiry in the options nothing is loaded (B-17).
    ///
    /// # Errors
    /// The session could not be loaded, or holds an expiry that cannot be read.
    pub async fn aget_expiry_age_with(&self, options: &ExpiryOptions) -> Result<f64, SessionError> {
        self.ready_for(options).await?;
        self.shared.get_expiry_age(options)
    }

    /// Awaits [`Session::get_expiry_date`](crate::Session::get_expiry_date).
    ///
    /// # Errors
    /// The session could not be loaded, or holds an expiry that cannot be read.
    pub async fn aget_expiry_date(&self) -> Result<Timestamp, SessionError> {
        self.aget_expiry_date_with(&ExpiryOptions::new()).await
    }

    /// Awaits [`Session::get_expiry_date_with`](crate::Session::get_expiry_date_with). With an expiry in the options nothing is loaded (B-17).
    ///
    /// # Errors
    /// The session could not be loaded, or holds an expiry that cannot be read.
    pub async fn aget_expiry_date_with(&self, options: &ExpiryOptions) -> Result<Timestamp, SessionError> {
        self.ready_for(options).await?;
        self.shared.get_expiry_date(options)
    }

    async fn ready_for(&self, options: &ExpiryOptions) -> Result<(), SessionError> {
        if Shared::asks_the_session(options) {
            drop(self.ready().await?);
        }
        Ok(())
    }

    /// Awaits [`Session::get_expire_at_browser_close`](crate::Session::get_expire_at_browser_close).
    ///
    /// # Errors
    /// The session could not be loaded, or holds an expiry that cannot be read.
    pub async fn aget_expire_at_browser_close(&self) -> Result<bool, SessionError> {
        drop(self.ready().await?);
        self.shared.get_expire_at_browser_close()
    }
}
