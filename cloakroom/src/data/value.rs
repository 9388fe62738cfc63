//! What stands in a member's place: JSON text, or a value in a pickle's graph.

use std::borrow::Cow;
use std::sync::Arc;

use crate::wire::json::{JsonError, unescape_lossy};
use crate::wire::pickle::{Graph, NodeId, Protocol, Show, Writer, append_key, append_value};

#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Node(&'a Arc<Graph>, NodeId),
}

impl<'a> Value<'a> {
    /// The value as JSON text.
    pub(super) fn json(self, show: Show) -> Result<Cow<'a, str>, JsonError> {
        let (graph, id) = match self {
            Self::Text(text) => return Ok(Cow::Borrowed(text)),
            Self::Node(graph, id) => (graph, id),
        };
        let mut out = String::new();
        append_value(&mut out, graph, id, show).map(|()| Cow::Owned(out))
    }

    /// The value as JSON text, with `null` for what cannot be shown.
    pub(super) fn shown(self) -> Cow<'a, str> {
        self.json(Show::Lossy).unwrap_or(Cow::Borrowed("null"))
    }

    /// Whether both are written alike: as text, as JSON of Django's or, for what JSON lacks, as a pickle.
    pub(super) fn same(self, other: Self) -> bool {
        match (self, other) {
            (Self::Text(one), Self::Text(two)) => one == two,
            (Self::Node(graph, one), Self::Node(of, two)) if Arc::ptr_eq(graph, of) && one == two => true,
            _ => match (self.plain(), other.plain()) {
                (Some(one), Some(two)) => one == two,
                (None, None) => matches!((self.pickled(), other.pickled()), (Some(one), Some(two)) if one == two),
                _ => false,
            },
        }
    }

    /// The value as Python's `json` writes it, if it does.
    fn plain(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Node(..) => self.json(Show::Strict).ok(),
            // Read and written anew: without spaces and with Python's escapes.
            Self::Text(text) => crate::wire::pickle::canonical_json(text).ok().map(Cow::Owned),
        }
    }

    fn pickled(self) -> Option<Vec<u8>> {
        let Self::Node(graph, id) = self else { return None };
        let mut writer = Writer::new(Protocol::Five);
        writer.value(graph, id).and_then(|()| writer.finish()).ok()
    }

    /// Appends a name as it stands inside the quotes of JSON.
    pub(super) fn append_name(self, out: &mut String, show: Show) -> Result<(), JsonError> {
        match self {
            Self::Text(text) => out.push_str(text),
            Self::Node(graph, id) => append_key(out, graph, id, show)?,
        }
        Ok(())
    }

    /// A name as people read it.
    pub(super) fn shown_name(self) -> String {
        let mut name = String::new();
        let _ = self.append_name(&mut name, Show::Lossy);
        unescape_lossy(&name).into_owned()
    }
}
