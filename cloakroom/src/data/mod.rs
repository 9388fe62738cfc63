//! The members of one session, kept as they arrived, and the changes made to them.

mod changes;
mod json;
mod members;
mod pickled;
mod value;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::SessionError;
use crate::wire::json::{JsonError, escape, from_str, to_string};
use crate::wire::pickle::Show;

pub(crate) use changes::Changes;
pub use json::Json;
use members::Members;
use value::Value;

/// The members of a session, in order, and what was changed since they were loaded.
///
/// A member stays the JSON text it arrived as until someone asks for it as a `T`. So what is not touched
/// goes back as Django wrote it, a big integer, `1.0` or `NaN` included.
///
/// In the caches Django keeps Python's own values (B-97). A member out of a cache stays the value it is until it is set
/// anew, also when other members are changed. What JSON lacks is handed out as what it is where Rust has a type for it:
///
/// | Python | as JSON | reads as |
/// |---|---|---|
/// | `datetime`, `date`, `time` | ISO 8601 text, with the offset from UTC if there is one | jiff's and chrono's types, `String` |
/// | `timedelta` | an ISO 8601 duration of hours, minutes and seconds (`PT26H5.5S`) | `jiff::SignedDuration`, `jiff::Span` |
/// | `Decimal`, `UUID`, `ZoneInfo` | text | types that read text |
/// | `tuple`, `set`, `frozenset` | an array | tuples, `Vec`, `BTreeSet` |
/// | `bytes`, `bytearray` | an array of numbers | `Vec<u8>` |
/// | `dict` with keys that are no text | an object with the keys as text | `BTreeMap<i64, _>` |
///
/// A *name* that is no string (`session[0] = …` in Python) is kept. [`keys`](Self::keys), [`items`](Self::items) and
/// [`to_json`](Self::to_json) show it as text; asking for that text does not find it, and setting it makes another
/// member, as in Python. Where `to_json`, `get_json` and `items` cannot show something (a list that contains itself, more
/// than 16 MiB of text) they show `null`; `get` answers an error.
///
/// ```
/// use cloakroom::SessionData;
///
/// let mut data = SessionData::from_json(r#"{"cart":[1,2],"total":1.0}"#)?;
/// data.set("visits", &3)?;
/// assert_eq!(data.get::<Vec<u32>>("cart")?, Some(vec![1, 2]));
/// assert_eq!(data.to_json(), r#"{"cart":[1,2],"total":1.0,"visits":3}"#);
/// # Ok::<(), cloakroom::SessionError>(())
/// ```
///
/// ```
/// use cloakroom::{Json, SessionData};
///
/// let mut data = SessionData::new();
/// data.update(&serde_json::json!({"a": 1, "b": [true]}))?;
/// data.set_json("c", Json::parse("2.50").unwrap());
/// assert_eq!(data.get_json("c").unwrap().as_str(), "2.50");
/// assert_eq!(data.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
/// assert_eq!(data.values().count(), data.items().count());
/// assert!(data.contains("a") && data.remove("a") && !data.remove("a"));
/// assert_eq!(data.len(), 2);
/// data.clear();
/// assert!(data.is_empty());
/// # Ok::<(), cloakroom::SessionError>(())
/// ```
#[derive(Clone, Default)]
pub struct SessionData {
    members: Members,
    changes: Changes,
}

impl SessionData {
    /// No members.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The members of a JSON object, as Python reads it: of several members of one name the last counts.
    ///
    /// # Errors
    /// Text that is not JSON, or not an object.
    pub fn from_json(text: impl Into<String>) -> Result<Self, SessionError> {
        let text: String = text.into();
        Self::from_bytes(Bytes::from(text)).map_err(|source| match source {
            JsonError::NotAnObject(_) => SessionError::NotAnObject(source),
            source => SessionError::Value { name: "session data".into(), source },
        })
    }

    pub(crate) fn from_bytes(text: Bytes) -> Result<Self, JsonError> {
        Ok(Self { members: Members::parse(text)?, changes: Changes::default() })
    }

    /// All members as one JSON object, compact and in ASCII, as Django writes it.
    #[must_use]
    pub fn to_json(&self) -> String {
        // All that gets in is text.
        String::from_utf8(self.to_json_bytes()).unwrap_or_default()
    }

    pub(crate) fn to_json_bytes(&self) -> Vec<u8> {
        // Nothing is an error where everything can be shown.
        self.members.to_json(Show::Lossy).unwrap_or_default()
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.len() == 0
    }

    /// Whether there is a member of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.members.get(&escape(name)).is_some()
    }

    /// A member as a `T`; `None` if there is none.
    ///
    /// # Errors
    /// The member is something else.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SessionError> {
        let Some(value) = self.members.get(&escape(name)) else { return Ok(None) };
        let json = value.json(Show::Checked).and_then(|raw| from_str(&raw));
        json.map(Some).map_err(|source| SessionError::Type { name: name.to_owned(), source })
    }

    /// A member as JSON; `None` if there is none.
    #[must_use]
    pub fn get_json(&self, name: &str) -> Option<Json> {
        self.raw(name).map(|raw| Json::from_valid(&raw))
    }

    /// Puts a member, and answers nothing if there was one: it is replaced in its place.
    ///
    /// # Errors
    /// A value that cannot be written as JSON; nothing is changed then.
    pub fn set<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), SessionError> {
        let raw = to_string(value).map_err(|source| SessionError::Value { name: name.to_owned(), source })?;
        self.set_raw(name, raw);
        Ok(())
    }

    /// Puts a member that is JSON already.
    pub fn set_json(&mut self, name: &str, value: Json) {
        self.set_raw(name, value.into_text());
    }

    /// Puts all members of a value that is written as a JSON object.
    ///
    /// # Errors
    /// A value that is not; nothing is changed then.
    pub fn update<T: Serialize + ?Sized>(&mut self, members: &T) -> Result<(), SessionError> {
        let named = |source| SessionError::Value { name: "update".into(), source };
        let text = to_string(members).map_err(named)?;
        let members = Members::parse(Bytes::from(text)).map_err(named)?;
        for (name, raw) in members.iter() {
            // Both are text: that is what they were written as.
            if let Value::Text(name) = name {
                self.changes.touch(name);
                self.members.set_value(name, raw);
            }
        }
        Ok(())
    }

    /// Removes a member and answers whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let name = escape(name);
        let removed = self.members.remove(&name);
        if removed {
            self.changes.touch(&name);
        }
        removed
    }

    /// Removes all members, also those another request is setting now.
    pub fn clear(&mut self) {
        self.members = Members::default();
        self.changes.clear();
    }

    /// The names of all members, in order. In a name that holds half of a surrogate pair the half is shown
    /// as U+FFFD.
    pub fn keys(&self) -> impl Iterator<Item = String> + '_ {
        self.members.iter().map(|(name, _)| name.shown_name())
    }

    /// The values of all members, in order.
    pub fn values(&self) -> impl Iterator<Item = Json> + '_ {
        self.members.iter().map(|(_, raw)| Json::from_valid(&raw.shown()))
    }

    /// Names and values of all members, in order.
    pub fn items(&self) -> impl Iterator<Item = (String, Json)> + '_ {
        self.members.iter().map(|(name, raw)| (name.shown_name(), Json::from_valid(&raw.shown())))
    }

    /// A member as JSON text.
    pub(crate) fn raw(&self, name: &str) -> Option<Cow<'_, str>> {
        self.members.get(&escape(name)).map(Value::shown)
    }

    pub(crate) fn set_raw(&mut self, name: &str, raw: String) {
        let name = escape(name);
        self.changes.touch(&name);
        self.members.set(&name, raw);
    }

    /// Whether anything was changed since the members were loaded or last saved.
    pub(crate) fn is_changed(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Whether a login is among the changes.
    pub(crate) fn login_is_changed(&self) -> bool {
        self.changes.login()
    }

    /// The changes, on their way to the storage: from here on they count as saved.
    pub(crate) fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// Changes that did not arrive there are changes again, beside those made since.
    pub(crate) fn restore_changes(&mut self, earlier: &Changes) {
        self.changes.put_before(earlier);
    }

    /// These changes, made to what another request saved in the meantime: name by name.
    pub(crate) fn rebased_on(&self, mut fresh: SessionData) -> SessionData {
        if self.changes.cleared() {
            fresh.members = Members::default();
        }
        for name in self.changes.names() {
            match self.members.get(name) {
                Some(value) => fresh.members.set_value(name, value),
                None => {
                    fresh.members.remove(name);
                }
            }
        }
        fresh.changes = self.changes.clone();
        fresh
    }
}

impl fmt::Debug for SessionData {
    /// Leaves out the values and the names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionData")
            .field("members", &self.len())
            .field("changed", &self.is_changed())
            .finish_non_exhaustive()
    }
}

impl PartialEq for SessionData {
    /// Equal when they hold the same members, as written, in the same order.
    fn eq(&self, other: &Self) -> bool {
        self.members.same(&other.members)
    }
}

#[cfg(test)]
#[path = "data_tests.rs"]
mod data_tests;

#[cfg(test)]
mod tests {
    use super::*;

    fn data(json: &str) -> SessionData {
        SessionData::from_json(json).unwrap()
    }

    #[test]
    fn what_is_not_touched_goes_back_as_it_came() {
        let json = r#"{"big":123456789012345678901234567890,"f":1.0,"i":1,"n":NaN,"s":"\ud83d","z":[1, 2]}"#;
        let mut session = data(json);
        session.set("i", &2).unwrap();
        assert_eq!(session.to_json(), json.replace("\"i\":1,", "\"i\":2,"));
    }

    #[test]
    fn of_two_members_of_one_name_the_last_counts_in_the_place_of_the_first() {
        assert_eq!(data(r#"{"a":1,"b":2,"\u0061":3}"#).to_json(), r#"{"a":3,"b":2}"#);
        let many: Vec<String> = (0..500).map(|i| format!("\"k{}\":{i}", i % 250)).collect();
        let session = data(&format!("{{{}}}", many.join(",")));
        assert_eq!(session.len(), 250);
        assert_eq!(session.get::<u32>("k7").unwrap(), Some(257));
    }

    #[test]
    fn names_are_compared_as_python_compares_them() {
        let mut session = data(r#"{"\u00E9":1,"a\/b":2}"#);
        assert_eq!(session.get::<u32>("é").unwrap(), Some(1));
        assert_eq!(session.get::<u32>("a/b").unwrap(), Some(2));
        session.set("é", &3).unwrap();
        assert_eq!(session.to_json(), r#"{"\u00e9":3,"a/b":2}"#);
        assert_eq!(session.keys().collect::<Vec<_>>(), ["é", "a/b"]);
    }

    #[test]
    fn another_type_is_an_error_that_names_the_member_and_not_its_value() {
        let error = data(r#"{"visits":"secret"}"#).get::<u64>("visits").unwrap_err().to_string();
        assert!(error.contains("visits") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn an_update_that_is_not_an_object_changes_nothing() {
        let mut session = data("{}");
        assert!(session.update(&[1, 2]).is_err());
        assert!(!session.is_changed() && session.is_empty());
        session.update(&serde_json::json!({"a": 1, "é": [true]})).unwrap();
        assert_eq!(session.to_json(), r#"{"a":1,"\u00e9":[true]}"#);
    }

    #[test]
    fn own_changes_are_made_to_what_another_request_saved() {
        let mut ours = data(r#"{"a":1,"b":2,"c":3}"#);
        ours.set("a", &10).unwrap();
        ours.remove("b");
        ours.set("new", &true).unwrap();
        let merged = ours.rebased_on(data(r#"{"a":2,"b":3,"c":4,"theirs":5}"#));
        assert_eq!(merged.to_json(), r#"{"a":10,"c":4,"theirs":5,"new":true}"#);
        assert!(merged.is_changed());
    }

    #[test]
    fn clear_removes_what_was_not_set_after_it() {
        let mut ours = data(r#"{"a":1}"#);
        ours.set("before", &1).unwrap();
        ours.clear();
        ours.set("after", &2).unwrap();
        assert_eq!(ours.rebased_on(data(r#"{"a":1,"theirs":2}"#)).to_json(), r#"{"after":2}"#);
    }

    #[test]
    fn the_three_members_of_a_login_are_merged_as_one() {
        let theirs = r#"{"_auth_user_id":"2","_auth_user_backend":"b2","_auth_user_hash":"h2","x":1}"#;
        let mut login = data("{}");
        login.set("_auth_user_id", "1").unwrap();
        assert_eq!(login.rebased_on(data(theirs)).to_json(), r#"{"_auth_user_id":"1","x":1}"#);
        let mut other = data("{}");
        other.set("x", &2).unwrap();
        assert_eq!(other.rebased_on(data(theirs)).to_json(), theirs.replace("\"x\":1", "\"x\":2"));
    }
}
