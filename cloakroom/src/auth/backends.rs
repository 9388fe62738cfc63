//! The backends whose logins hold.

use super::error::AuthError;

/// Django's that do not ask whether a user is active.
const LENIENT: [&str; 2] = [
    "django.contrib.auth.backends.AllowAllUsersModelBackend",
    "django.contrib.auth.backends.AllowAllUsersRemoteUserBackend",
];

#[derive(Clone)]
pub(super) struct Backends {
    /// Dotted paths, in the order of the settings.
    names: Vec<String>,
    /// Of the application's own, those that do not ask whether a user is active.
    lenient: Vec<String>,
}

impl Backends {
    pub(super) fn new(names: &[String]) -> Self {
        Self { names: names.to_owned(), lenient: LENIENT.map(str::to_owned).to_vec() }
    }

    pub(super) fn allow_inactive(&mut self, name: String) {
        self.lenient.push(name);
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    pub(super) fn allows_inactive(&self, name: &str) -> bool {
        self.lenient.iter().any(|lenient| lenient == name)
    }

    /// The one that a login is by: the one that was said, or the only one there is.
    pub(super) fn of_login(&self, said: Option<&str>) -> Result<String, AuthError> {
        match (said, &self.names[..]) {
            (Some(said), _) if self.knows(said) => Ok(said.to_owned()),
            (Some(said), _) => Err(AuthError::UnknownBackend { backend: said.to_owned() }),
            (None, [only]) => Ok(only.clone()),
            (None, _) => Err(AuthError::SeveralBackends),
        }
    }
}
