//! What the page shows of a session.

use cloakroom::{ExpiryError, Json, Session, SessionError, SessionStore, Timestamp};

/// A session as it is now. Of its key only a short hash.
pub(super) struct View {
    pub(super) key_hash: Option<String>,
    pub(super) members: Vec<(String, Json)>,
    pub(super) expiry: Result<Ends, String>,
    pub(super) test_cookie: TestCookie,
    pub(super) accessed: bool,
    pub(super) modified: bool,
    pub(super) engine: &'static str,
    pub(super) cookie_name: String,
}

/// When the session ends, were it saved now.
pub(super) struct Ends {
    pub(super) age: f64,
    pub(super) date: Timestamp,
    pub(super) at_browser_close: bool,
    /// Set for this session, not by the global policy.
    pub(super) custom: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TestCookie {
    Worked,
    NotSet,
}

impl View {
    pub(super) fn of(store: &SessionStore, session: &Session) -> Self {
        let members = session.items();
        let expiry = ends(session).map_err(|error| match error {
            SessionError::Expiry(problem @ (ExpiryError::Unreadable | ExpiryError::OutOfRange)) => problem.to_string(),
            error => error.public_message(),
        });
        let test_cookie = if session.test_cookie_worked() { TestCookie::Worked } else { TestCookie::NotSet };
        Self {
            key_hash: session.session_key().map(|key| key.short_hash()),
            members,
            expiry,
            test_cookie,
            accessed: session.accessed(),
            modified: session.modified(),
            engine: store.engine().as_str(),
            cookie_name: store.settings().cookie_name().to_owned(),
        }
    }
}

fn ends(session: &Session) -> Result<Ends, SessionError> {
    Ok(Ends {
        age: session.get_expiry_age()?,
        date: session.get_expiry_date()?,
        at_browser_close: session.get_expire_at_browser_close()?,
        custom: session.has_key("_session_expiry"),
    })
}
