//! From JSON text to the graph that Python's `json.loads` would make of it.

use bytes::Bytes;

use crate::wire::json::{JsonError, Kind, Piece, Pieces, Scanner, is_integer, parse_f64};

use super::keys::settle_keys;
use super::node::{Blob, Graph, Node, NodeId};
use super::text::append_point;
use super::{MAX_BYTES, PickleError, integer};

/// A graph that is being made of several JSON texts, which stand in one piece of memory.
pub(crate) struct JsonReader {
    nodes: Vec<Node>,
    keyed: Vec<NodeId>,
}

/// A container that is open.
enum Open {
    List(Vec<NodeId>),
    Dict(Vec<(NodeId, NodeId)>, NodeId),
}

impl JsonReader {
    pub(crate) fn new() -> Self {
        Self { nodes: Vec::new(), keyed: Vec::new() }
    }

    /// The graph of all that was read.
    pub(crate) fn finish(mut self, source: Bytes, root: NodeId) -> Result<Graph, PickleError> {
        settle_keys(&mut self.nodes, &source, &self.keyed)?;
        Ok(Graph { source, nodes: self.nodes, root, from_json: true })
    }

    fn add(&mut self, node: Node) -> NodeId {
        // Fewer than bytes of text.
        self.nodes.push(node);
        NodeId(self.nodes.len() as u32 - 1)
    }

    /// Reads the value that begins at a place of a text, which is valid. Does not recurse.
    pub(crate) fn read(&mut self, source: &str, start: usize) -> Result<NodeId, PickleError> {
        if source.len() > MAX_BYTES {
            return Err(PickleError::TooLarge { limit: MAX_BYTES });
        }
        let mut scanner = Scanner::new(source.as_bytes(), start);
        let mut open: Vec<Open> = Vec::new();
        loop {
            scanner.skip_space();
            // A value begins here.
            let mut value = match scanner.kind()? {
                kind @ (Kind::Array | Kind::Object) => {
                    let (end, empty) = match kind {
                        Kind::Array => (b']', Open::List(Vec::new())),
                        _ => (b'}', Open::Dict(Vec::new(), NodeId(0))),
                    };
                    scanner.expect(if kind == Kind::Array { b'[' } else { b'{' })?;
                    scanner.skip_space();
                    if !scanner.take(end) {
                        open.push(empty);
                        self.name(source, &mut scanner, &mut open)?;
                        continue;
                    }
                    self.close(empty)
                }
                kind => self.scalar(source, &mut scanner, kind)?,
            };
            // A value has ended.
            loop {
                let Some(mut container) = open.pop() else { return Ok(value) };
                let end = match &mut container {
                    Open::List(items) => {
                        items.push(value);
                        b']'
                    }
                    Open::Dict(entries, name) => {
                        entries.push((*name, value));
                        b'}'
                    }
                };
                scanner.skip_space();
                if !scanner.take(end) {
                    scanner.expect(b',')?;
                    scanner.skip_space();
                    open.push(container);
                    self.name(source, &mut scanner, &mut open)?;
                    break;
                }
                value = self.close(container);
            }
        }
    }

    /// Passes a member's name and the colon, if the innermost container is an object.
    fn name(&mut self, source: &str, scanner: &mut Scanner<'_>, open: &mut [Open]) -> Result<(), PickleError> {
        if let Some(Open::Dict(_, name)) = open.last_mut() {
            *name = self.string(source, scanner)?;
            scanner.skip_space();
            scanner.expect(b':')?;
        }
        Ok(())
    }

    fn close(&mut self, container: Open) -> NodeId {
        match container {
            Open::List(items) => self.add(Node::List(items)),
            Open::Dict(entries, _) => {
                let id = self.add(Node::Dict(entries));
                self.keyed.push(id);
                id
            }
        }
    }

    fn scalar(&mut self, source: &str, scanner: &mut Scanner<'_>, kind: Kind) -> Result<NodeId, PickleError> {
        let start = scanner.pos();
        let node = match kind {
            Kind::String => return self.string(source, scanner),
            Kind::Number => {
                scanner.skip_number()?;
                let token = source.get(start..scanner.pos()).unwrap_or_default();
                if is_integer(token) {
                    integer::from_text(token).ok_or(JsonError::IntegerTooLong { offset: start })?
                } else {
                    Node::Float(parse_f64(token))
                }
            }
            Kind::Bool => {
                let value = scanner.peek() == Some(b't');
                scanner.skip_word(if value { b"true" } else { b"false" })?;
                Node::Bool(value)
            }
            _ => {
                scanner.skip_word(b"null")?;
                Node::None
            }
        };
        Ok(self.add(node))
    }

    fn string(&mut self, source: &str, scanner: &mut Scanner<'_>) -> Result<NodeId, PickleError> {
        let range = scanner.skip_string()?;
        let raw = source.get(range.clone()).unwrap_or_default();
        let blob = match memchr::memchr(b'\\', raw.as_bytes()) {
            // Below MAX_BYTES.
            None => Blob::Source(range.start as u32, range.end as u32),
            Some(_) => Blob::Own(unescape(raw)?.into()),
        };
        Ok(self.add(Node::Str(blob)))
    }
}

/// The bytes of the string that the inside of a JSON string stands for.
pub(crate) fn unescape(raw: &str) -> Result<Vec<u8>, JsonError> {
    let mut out = Vec::with_capacity(raw.len());
    let mut pieces = Pieces::new(raw);
    while let Some(piece) = pieces.next()? {
        match piece {
            Piece::Plain(text) => out.extend_from_slice(text.as_bytes()),
            Piece::Code(code) => {
                append_point(&mut out, code);
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_of_64_mib_is_read_and_longer_json_is_not() {
        let mut text = format!("{}1", " ".repeat(MAX_BYTES - 1));
        assert!(JsonReader::new().read(&text, MAX_BYTES - 1).is_ok());
        text.push(' ');
        let error = JsonReader::new().read(&text, MAX_BYTES - 1).err();
        assert_eq!(error, Some(PickleError::TooLarge { limit: MAX_BYTES }));
    }
}
