//! Databases and caches by alias.

use std::collections::BTreeMap;

use super::SettingsError;

/// Members by alias, each with the name it was given under: `DATABASE_URL` or `DATABASES.default`.
#[derive(Clone, Debug)]
pub(crate) struct Named<T>(BTreeMap<String, (String, Result<T, SettingsError>)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Named<T> {
    pub(super) fn put(&mut self, alias: &str, given_as: &str, member: Result<T, SettingsError>) {
        self.0.insert(alias.to_owned(), (given_as.to_owned(), member));
    }

    /// Changes those that could be read.
    pub(super) fn change(&mut self, change: impl Fn(T) -> T) {
        let members = std::mem::take(&mut self.0).into_iter();
        self.0 = members.map(|(alias, (name, member))| (alias, (name, member.map(&change)))).collect();
    }

    pub(super) fn get(&self, alias: &str) -> Option<Result<&T, SettingsError>> {
        self.0.get(alias).map(|(_, member)| member.as_ref().map_err(Clone::clone))
    }

    /// Under which name the member was given.
    pub(super) fn given_as(&self, alias: &str) -> Option<&str> {
        self.0.get(alias).map(|(name, _)| name.as_str())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Result<T, SettingsError>)> {
        self.0.iter().map(|(alias, (_, member))| (alias.as_str(), member))
    }

    pub(super) fn aliases(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

/// What a member's source is kept under: `DATABASES.default`.
pub(super) fn alias_key(setting: &str, alias: &str) -> String {
    format!("{setting}.{alias}")
}
