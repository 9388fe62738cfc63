//! Which members a request changed: what is laid over the work of another request when both save.

/// Django's login: its three members mean nothing apart.
const LOGIN: [&str; 3] = ["_auth_user_id", "_auth_user_backend", "_auth_user_hash"];

/// The changes since the members were loaded or last saved. The values themselves stand with the members.
#[derive(Clone, Default)]
pub(crate) struct Changes {
    cleared: bool,
    /// Names that were set or removed, escaped, after the last clear.
    names: Vec<String>,
}

impl Changes {
    pub(super) fn touch(&mut self, name: &str) {
        if LOGIN.contains(&name) {
            LOGIN.iter().for_each(|name| self.add(name));
        } else {
            self.add(name);
        }
    }

    fn add(&mut self, name: &str) {
        if !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_owned());
        }
    }

    /// Everything goes, whatever happened before.
    pub(super) fn clear(&mut self) {
        self.cleared = true;
        self.names.clear();
    }

    /// Adds changes that were made before these.
    pub(super) fn put_before(&mut self, earlier: &Self) {
        if !self.cleared {
            self.cleared = earlier.cleared;
            earlier.names.iter().for_each(|name| self.add(name));
        }
    }

    pub(super) fn cleared(&self) -> bool {
        self.cleared
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.cleared && self.names.is_empty()
    }

    /// Whether any of a login's members is among them.
    pub(super) fn login(&self) -> bool {
        self.names.iter().any(|name| LOGIN.contains(&name.as_str()))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }
}
