//! What the page's forms send.

use serde::Deserialize;

/// The fields of all forms; each form has a few of them.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Fields {
    /// A member's name, as typed.
    pub(super) name: String,
    pub(super) value: String,
    /// `json` or `text`.
    pub(super) kind: String,
    pub(super) members: String,
    /// A member's name in JSON's escapes: a form would change line breaks in it.
    pub(super) member: String,
    pub(super) seconds: String,
    pub(super) at: String,
}
