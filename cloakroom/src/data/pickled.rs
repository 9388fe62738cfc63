//! Members out of a pickle, and all members as a pickle or as JSON.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::SessionError;
use crate::wire::pickle::{
    Graph, GraphName, JsonReader, NodeId, PickleError, Protocol, Show, Writer, append_value, read_graph, unescape,
};

use super::SessionData;
use super::changes::Changes;
use super::members::{Member, Members, Text};
use super::value::Value;

/// What a pickle holds, and where it ends.
pub(crate) struct Unpickled {
    /// `None` for Python's `None`.
    pub(crate) data: Option<SessionData>,
    /// In bytes from the start: what stands behind it is not the pickle's.
    pub(crate) end: usize,
}

impl SessionData {
    /// The members of a pickled dictionary. Nothing is turned into text yet.
    pub(crate) fn from_pickle(bytes: &Bytes) -> Result<Unpickled, PickleError> {
        let (graph, end) = read_graph(bytes)?;
        if graph.is_none() {
            return Ok(Unpickled { data: None, end });
        }
        let members = Members::of_graph(graph)?;
        Ok(Unpickled { data: Some(Self { members, changes: Changes::default() }), end })
    }

    /// All members as a pickled dictionary. What came out of a pickle goes back as the value that it was.
    pub(crate) fn to_pickle(&self, protocol: Protocol) -> Result<Vec<u8>, PickleError> {
        let members: Vec<_> = self.members.iter().collect();
        // What is JSON becomes one graph.
        let mut text = String::new();
        let mut starts = Vec::new();
        for (_, value) in &members {
            if let Value::Text(json) = value {
                starts.push(text.len());
                text.push_str(json);
                // Two numbers are not to become one.
                text.push(' ');
            }
        }
        let mut reader = JsonReader::new();
        let ids = starts.into_iter().map(|start| reader.read(&text, start)).collect::<Result<Vec<_>, _>>()?;
        let root = ids.first().copied().unwrap_or_default();
        let from_json = reader.finish(text.into(), root)?;

        let mut writer = Writer::new(protocol);
        writer.begin_dict()?;
        let (count, mut ids) = (members.len(), ids.into_iter());
        for (at, (name, value)) in members.iter().enumerate() {
            if let Value::Node(graph, _) = value {
                writer.is_root_of(graph);
            }
            writer.begin_entry(at, count);
            match name {
                Value::Text(name) if !name.contains('\\') => writer.name(Cow::Borrowed(name.as_bytes()))?,
                Value::Text(name) => writer.name(Cow::Owned(unescape(name)?))?,
                Value::Node(graph, id) => writer.value(graph, *id)?,
            }
            match value {
                Value::Node(graph, id) => writer.value(graph, *id)?,
                Value::Text(_) => writer.value(&from_json, ids.next().unwrap_or_default())?,
            }
            writer.end_entry(at, count);
        }
        writer.finish()
    }

    /// All members as Django's `JSONSerializer` writes them: tuples become lists, and keys that are numbers, booleans
    /// or `None` become text (B-14).
    ///
    /// # Errors
    /// A member that JSON has no form for, by its name (B-50).
    pub(crate) fn to_strict_json(&self) -> Result<Vec<u8>, SessionError> {
        self.members.to_json(Show::Strict)
    }
}

impl Members {
    fn of_graph(graph: Graph) -> Result<Self, PickleError> {
        let graph = Arc::new(graph);
        let entries = graph.members().map_err(PickleError::NotADict)?;
        let member = |&(key, value): &(NodeId, NodeId)| Member {
            name: match graph.name(key) {
                Some(GraphName::InSource(range)) => Text::at(&range),
                Some(GraphName::Own(name)) => Text::Own(name.into()),
                None => Text::Node(Arc::clone(&graph), key),
            },
            value: Text::Node(Arc::clone(&graph), value),
        };
        let list = entries.iter().map(member).collect();
        Ok(Self { source: graph.source().clone(), list })
    }

    /// As JSON, where there is more than JSON text.
    pub(super) fn shown(&self, show: Show) -> Result<Vec<u8>, SessionError> {
        let (mut out, mut too_much) = (String::from("{"), false);
        for (at, (name, value)) in self.iter().enumerate() {
            let refused = |source| SessionError::Value { name: name.shown_name(), source };
            out.push_str(if at == 0 { "\"" } else { ",\"" });
            name.append_name(&mut out, show).map_err(refused)?;
            out.push_str("\":");
            match value {
                Value::Text(text) => out.push_str(text),
                Value::Node(..) if too_much => out.push_str("null"),
                Value::Node(graph, id) => match append_value(&mut out, graph, id, show) {
                    Err(_) if show == Show::Lossy => {
                        // The work is not begun again for each member.
                        too_much = true;
                        out.push_str("null");
                    }
                    result => result.map_err(refused)?,
                },
            }
        }
        out.push('}');
        Ok(out.into_bytes())
    }
}

#[cfg(test)]
#[path = "pickled_tests.rs"]
mod tests;
