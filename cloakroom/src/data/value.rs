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

    /// Whether both are written alike.
    pub(super) fn same(self, other: Self) -> bool {
        match (self, other) {
            (Self::Text(one), Self::Text(two)) => one == two,
            (Self::Node(graph, one), Self::Node(of, two)) if Arc::ptr_eq(graph, of) && one == two => true,
            (Self::Node(graph, one), Self::Node(of, two)) => {
                let pickled = |graph: &Arc<Graph>, id| {
                    let mut writer = Writer::new(Protocol::Five);
                    writer.value(graph, id).and_then(|()| writer.finish())
                };
                matches!((pickled(graph, one), pickled(of, two)), (Ok(one), Ok(two)) if one == two)
            }
            _ => false,
        }
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
