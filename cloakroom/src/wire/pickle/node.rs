//! What a pickle holds: values in an arena, which may share values and contain themselves.

use std::ops::Range;

use bytes::Bytes;

use crate::wire::json::is_plain;

use super::global::Global;
use super::moment::Delta;
use super::text::append_json;

/// The place of a value in its graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct NodeId(pub(super) u32);

impl NodeId {
    pub(super) fn at(self) -> usize {
        self.0 as usize
    }
}

/// Bytes of the graph's source, or bytes that stand nowhere in it.
pub(super) enum Blob {
    Source(u32, u32),
    Own(Box<[u8]>),
}

/// One value. None owns another, so that dropping a graph does not recurse.
pub(super) enum Node {
    None,
    Bool(bool),
    Int(i64),
    /// An integer beyond 64 bits: two's complement, lowest byte first, as short as it can be.
    Long(Blob),
    Float(f64),
    /// UTF-8 in which halves of surrogate pairs may stand, as Python's `surrogatepass` writes them.
    Str(Blob),
    /// Django's `SafeString`, by the string it is.
    Safe(NodeId),
    Bytes(Blob),
    ByteArray(Blob),
    List(Vec<NodeId>),
    Tuple(Box<[NodeId]>),
    Dict(Vec<(NodeId, NodeId)>),
    OrderedDict(Vec<(NodeId, NodeId)>),
    Set(Vec<NodeId>),
    FrozenSet(Vec<NodeId>),
    /// As Python packs them into bytes, and the time zone.
    Date([u8; 4]),
    DateTime([u8; 10], Option<NodeId>),
    Time([u8; 6], Option<NodeId>),
    Delta(Delta),
    /// A fixed offset, by its `Delta`, and its name.
    Zone(NodeId, Option<NodeId>),
    /// A zone of the time zone database, by its name.
    ZoneInfo(NodeId),
    /// By its text.
    Decimal(NodeId),
    /// Highest byte first; and whether it was made in a safe way, where that is known.
    Uuid([u8; 16], Option<bool>),
    /// A class or function: no value of a finished graph.
    Global(Global),
    /// A UUID that is still to get its number.
    BareUuid,
}

impl Node {
    /// What it is, in Python's words.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a bool",
            Self::Int(_) | Self::Long(_) => "an int",
            Self::Float(_) => "a float",
            Self::Str(_) => "a str",
            Self::Safe(_) => "a SafeString",
            Self::Bytes(_) => "bytes",
            Self::ByteArray(_) => "a bytearray",
            Self::List(_) => "a list",
            Self::Tuple(_) => "a tuple",
            Self::Dict(_) => "a dict",
            Self::OrderedDict(_) => "an OrderedDict",
            Self::Set(_) => "a set",
            Self::FrozenSet(_) => "a frozenset",
            Self::Date(_) => "a date",
            Self::DateTime(..) => "a datetime",
            Self::Time(..) => "a time",
            Self::Delta(_) => "a timedelta",
            Self::Zone(..) => "a timezone",
            Self::ZoneInfo(_) => "a ZoneInfo",
            Self::Decimal(_) => "a Decimal",
            Self::Uuid(..) | Self::BareUuid => "a UUID",
            Self::Global(_) => "a class",
        }
    }
}

/// The name of a session's member.
pub(crate) enum GraphName {
    /// It stands in the source as it is.
    InSource(Range<usize>),
    Own(String),
}

/// The values of one pickle.
pub(crate) struct Graph {
    pub(super) source: Bytes,
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
    /// Whether it was read from JSON text: then strings are one object where Python's `json.loads` makes them one.
    pub(super) from_json: bool,
}

impl Graph {
    pub(super) fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id.at()).unwrap_or(&Node::None)
    }

    pub(super) fn bytes<'a>(&'a self, blob: &'a Blob) -> &'a [u8] {
        bytes_of(&self.source, blob)
    }

    /// A string's bytes, also those of a `SafeString`.
    pub(super) fn text(&self, id: NodeId) -> Option<&[u8]> {
        text_of(&self.nodes, &self.source, id)
    }

    /// The members of the dictionary that this is; otherwise what it is.
    pub(crate) fn members(&self) -> Result<&[(NodeId, NodeId)], &'static str> {
        match self.node(self.root) {
            Node::Dict(entries) | Node::OrderedDict(entries) => Ok(entries),
            node => Err(node.kind()),
        }
    }

    /// A key that is a string, as it stands inside the quotes of JSON.
    pub(crate) fn name(&self, key: NodeId) -> Option<GraphName> {
        if let Node::Str(Blob::Source(start, end)) = self.node(key) {
            let range = *start as usize..*end as usize;
            if self.source.get(range.clone()).is_some_and(|text| text.iter().copied().all(is_plain)) {
                return Some(GraphName::InSource(range));
            }
        }
        let mut name = String::new();
        append_json(&mut name, self.text(key)?);
        Some(GraphName::Own(name))
    }

    pub(crate) fn source(&self) -> &Bytes {
        &self.source
    }

    pub(crate) fn is_none(&self) -> bool {
        matches!(self.node(self.root), Node::None)
    }

    pub(crate) fn root(&self) -> NodeId {
        self.root
    }
}

pub(super) fn bytes_of<'a>(source: &'a [u8], blob: &'a Blob) -> &'a [u8] {
    match blob {
        Blob::Source(start, end) => source.get(*start as usize..*end as usize).unwrap_or_default(),
        Blob::Own(bytes) => bytes,
    }
}

pub(super) fn text_of<'a>(nodes: &'a [Node], source: &'a [u8], id: NodeId) -> Option<&'a [u8]> {
    match nodes.get(id.at()) {
        Some(Node::Str(blob)) => Some(bytes_of(source, blob)),
        Some(Node::Safe(text)) => match nodes.get(text.at()) {
            Some(Node::Str(blob)) => Some(bytes_of(source, blob)),
            _ => None,
        },
        _ => None,
    }
}
