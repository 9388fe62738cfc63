//! From a value to JSON text.

use std::slice::Iter;

use crate::wire::json::{JsonError, MAX_DEPTH, append_f64};

use super::integer;
use super::moment::{append_date, append_date_time, append_offset, append_time, civil_of, civil_time, offset_in};
use super::node::{Graph, Node, NodeId};
use super::text::append_json;

/// What becomes of values that JSON does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    /// Each is shown as text or as an array; what cannot be shown is an error.
    Checked,
    /// As [`Show::Checked`], with `null` for what cannot be shown; too much text is an error all the same.
    Lossy,
    /// They are errors, as in Python's `json.dumps`.
    Strict,
}

/// So much text is made of values, keys included, before it is given up: values that share values may grow without end.
const MAX_TEXT: usize = 16 * 1024 * 1024;

const TOO_LARGE: JsonError = JsonError::NotJson("a value of this size");

/// Appends a value as JSON text; after an error the text is what it was. Does not recurse.
pub(crate) fn append_value(out: &mut String, graph: &Graph, id: NodeId, show: Show) -> Result<(), JsonError> {
    let before = out.len();
    let mut shower = Shower { graph, show, open: Vec::new(), on_way: Vec::new() };
    let result = shower.value(out, id);
    if result.is_err() {
        out.truncate(before);
    }
    result
}

/// Appends a key as it stands inside the quotes of a JSON object.
pub(crate) fn append_key(out: &mut String, graph: &Graph, key: NodeId, show: Show) -> Result<(), JsonError> {
    match graph.node(key) {
        Node::Str(_) | Node::Safe(_) => append_json(out, graph.text(key).unwrap_or_default()),
        Node::None | Node::Bool(_) | Node::Int(_) | Node::Long(_) | Node::Float(_) => {
            return append_value(out, graph, key, show);
        }
        _ if show == Show::Strict => return Err(JsonError::KeyNotText),
        _ => {
            let mut text = String::new();
            append_value(&mut text, graph, key, show)?;
            let inside = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            match inside {
                // Escaped already.
                Some(inside) => out.push_str(inside),
                None => append_json(out, text.as_bytes()),
            }
        }
    }
    Ok(())
}

/// What is left of a container that is being written.
enum Frame<'g> {
    Items(Iter<'g, NodeId>),
    Entries(Iter<'g, (NodeId, NodeId)>),
}

struct Shower<'g> {
    graph: &'g Graph,
    show: Show,
    open: Vec<(Frame<'g>, NodeId)>,
    /// A bit for each value that is open: such a value stands in itself.
    on_way: Vec<u64>,
}

impl<'g> Shower<'g> {
    fn value(&mut self, out: &mut String, id: NodeId) -> Result<(), JsonError> {
        self.begin(out, id)?;
        loop {
            let show = self.show;
            let graph = self.graph;
            let Some((frame, id)) = self.open.last_mut() else { return Ok(()) };
            let first = out.ends_with(['[', '{']);
            let next = match frame {
                Frame::Items(items) => items.next().copied(),
                Frame::Entries(entries) => match entries.next() {
                    Some((key, value)) => {
                        out.push_str(if first { "\"" } else { ",\"" });
                        append_key(out, graph, *key, show)?;
                        out.push_str("\":");
                        Some(*value)
                    }
                    None => None,
                },
            };
            match (next, matches!(frame, Frame::Items(_))) {
                (Some(next), is_item) => {
                    if is_item && !first {
                        out.push(',');
                    }
                    self.begin(out, next)?;
                }
                (None, is_item) => {
                    out.push(if is_item { ']' } else { '}' });
                    let id = *id;
                    self.open.pop();
                    self.on_way[id.at() / 64] &= !(1 << (id.at() % 64));
                }
            }
        }
    }

    /// Writes a value, or opens it.
    fn begin(&mut self, out: &mut String, id: NodeId) -> Result<(), JsonError> {
        match self.try_begin(out, id) {
            Err(error) if self.show == Show::Lossy && error != TOO_LARGE => out.push_str("null"),
            result => return result,
        }
        Ok(())
    }

    fn try_begin(&mut self, out: &mut String, id: NodeId) -> Result<(), JsonError> {
        if out.len() > MAX_TEXT {
            return Err(TOO_LARGE);
        }
        let node = self.graph.node(id);
        if self.show == Show::Strict && !is_json(node) {
            return Err(JsonError::NotJson(node.kind()));
        }
        let frame = match node {
            Node::List(items) | Node::Set(items) | Node::FrozenSet(items) => Frame::Items(items.iter()),
            Node::Tuple(items) => Frame::Items(items.iter()),
            Node::Dict(entries) | Node::OrderedDict(entries) => Frame::Entries(entries.iter()),
            _ => return self.scalar(out, id),
        };
        if self.open.len() == MAX_DEPTH {
            return Err(JsonError::TooDeep { limit: MAX_DEPTH });
        }
        self.on_way.resize(self.graph.nodes.len().div_ceil(64), 0);
        let (word, bit) = (id.at() / 64, 1 << (id.at() % 64));
        if self.on_way[word] & bit != 0 {
            return Err(JsonError::NotJson("a value that contains itself"));
        }
        self.on_way[word] |= bit;
        out.push(if matches!(frame, Frame::Items(_)) { '[' } else { '{' });
        self.open.push((frame, id));
        Ok(())
    }

    fn scalar(&self, out: &mut String, id: NodeId) -> Result<(), JsonError> {
        let graph = self.graph;
        match graph.node(id) {
            Node::None => out.push_str("null"),
            Node::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Node::Int(value) => out.push_str(&value.to_string()),
            Node::Long(blob) => {
                let text = integer::to_text(graph.bytes(blob));
                out.push_str(&text.ok_or(JsonError::IntegerTooLong { offset: 0 })?);
            }
            Node::Float(value) => append_f64(out, *value),
            Node::Bytes(blob) | Node::ByteArray(blob) => {
                let bytes = graph.bytes(blob);
                if out.len() + bytes.len() * 4 > MAX_TEXT {
                    return Err(TOO_LARGE);
                }
                out.push('[');
                for (at, byte) in bytes.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    out.push_str(&byte.to_string());
                }
                out.push(']');
            }
            Node::Str(_) | Node::Safe(_) => {
                let text = graph.text(id).unwrap_or_default();
                if out.len() + text.len() > MAX_TEXT {
                    return Err(TOO_LARGE);
                }
                out.push('"');
                append_json(out, text);
                out.push('"');
            }
            node => {
                out.push('"');
                self.as_text(out, node);
                out.push('"');
            }
        }
        Ok(())
    }

    /// What is shown as text, without quotes.
    fn as_text(&self, out: &mut String, node: &Node) {
        match node {
            Node::Date(packed) => {
                let [high, low, month, day] = *packed;
                let date = jiff::civil::Date::new(i16::from_be_bytes([high, low]), month as i8, day as i8);
                append_date(out, date.unwrap_or_default());
            }
            Node::DateTime(packed, zone) => {
                let (local, fold) = civil_of(*packed).unwrap_or_default();
                append_date_time(out, local);
                match zone.map(|zone| self.graph.node(zone)) {
                    Some(Node::Zone(delta, _)) => append_offset(out, self.offset(*delta)),
                    Some(Node::ZoneInfo(name)) => {
                        let name = self.graph.text(*name).and_then(|name| std::str::from_utf8(name).ok());
                        if let Some(offset) = name.and_then(|name| offset_in(name, local, fold)) {
                            append_offset(out, offset);
                        }
                    }
                    _ => {}
                }
            }
            Node::Time(packed, zone) => {
                append_time(out, civil_time(*packed).unwrap_or_default().0);
                if let Some(Node::Zone(delta, _)) = zone.map(|zone| self.graph.node(zone)) {
                    append_offset(out, self.offset(*delta));
                }
            }
            Node::Delta(delta) => out.push_str(&delta.to_text()),
            Node::Zone(delta, _) => append_offset(out, self.offset(*delta)),
            Node::ZoneInfo(text) | Node::Decimal(text) => append_json(out, self.graph.text(*text).unwrap_or_default()),
            Node::Uuid(bytes, _) => {
                for (at, byte) in bytes.iter().enumerate() {
                    out.push_str(if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" });
                    out.push_str(&format!("{byte:02x}"));
                }
            }
            _ => {}
        }
    }

    fn offset(&self, delta: NodeId) -> i64 {
        match self.graph.node(delta) {
            // Less than a day.
            Node::Delta(delta) => delta.total_micros() as i64,
            _ => 0,
        }
    }
}

/// Whether Python's `json` writes it.
fn is_json(node: &Node) -> bool {
    matches!(
        node,
        Node::None
            | Node::Bool(_)
            | Node::Int(_)
            | Node::Long(_)
            | Node::Float(_)
            | Node::Str(_)
            | Node::Safe(_)
            | Node::List(_)
            | Node::Tuple(_)
            | Node::Dict(_)
            | Node::OrderedDict(_)
    )
}

#[cfg(test)]
#[path = "show_tests.rs"]
mod tests;
