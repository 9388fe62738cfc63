//! Names and values in the order they came, as slices of the text they came in.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use memchr::memchr;

use crate::error::SessionError;
use crate::wire::json::{JsonError, canonical_name, is_printable, scan_members};
use crate::wire::pickle::{Graph, NodeId, Show};

use super::value::Value;

/// Up to so many members, looking at each is cheaper than an index.
const FEW: usize = 64;
/// What a member takes, name and value, roughly: room is made for so many at once.
const BYTES_A_MEMBER: usize = 64;

#[derive(Clone, Default)]
pub(super) struct Members {
    pub(super) source: Bytes,
    pub(super) list: Vec<Member>,
}

#[derive(Clone)]
pub(super) struct Member {
    /// Escaped as Python escapes it, so that equal names are equal text.
    pub(super) name: Text,
    pub(super) value: Text,
}

/// A piece of the source, text of its own, or a value in a pickle's graph.
#[derive(Clone)]
pub(super) enum Text {
    Source(usize, usize),
    Own(Box<str>),
    /// As a name: one that is no string, and so none that is asked for.
    Node(Arc<Graph>, NodeId),
}

impl Text {
    pub(super) fn at(range: &Range<usize>) -> Self {
        Self::Source(range.start, range.end)
    }

    fn bytes<'a>(&'a self, source: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Source(start, end) => &source[*start..*end],
            Self::Own(text) => text.as_bytes(),
            Self::Node(..) => &[],
        }
    }

    fn value<'a>(&'a self, source: &'a [u8]) -> Value<'a> {
        match self {
            // The source was text when it was scanned.
            Self::Source(..) => Value::Text(std::str::from_utf8(self.bytes(source)).unwrap_or_default()),
            Self::Own(text) => Value::Text(text),
            Self::Node(graph, id) => Value::Node(graph, *id),
        }
    }

    fn is_node(&self) -> bool {
        matches!(self, Self::Node(..))
    }
}

impl Members {
    pub(super) fn parse(source: Bytes) -> Result<Self, JsonError> {
        // What Django writes is; so it need not be looked at letter by letter.
        let printable = is_printable(&source);
        if !printable {
            std::str::from_utf8(&source).map_err(|error| JsonError::Syntax { offset: error.valid_up_to() })?;
        }
        // Then a name without a backslash is written as Python writes it.
        let names_are_canonical = printable && memchr(b'\\', &source).is_none();
        let mut list = Vec::with_capacity((source.len() / BYTES_A_MEMBER).clamp(8, FEW));
        scan_members(&source, printable, |name, value| {
            let name = if names_are_canonical { Text::at(&name) } else { canonical(&source, &name) };
            list.push(Member { name, value: Text::at(&value) });
        })?;
        if has_repeated_names(&list, &source) {
            keep_last_of_each_name(&mut list, &source);
        }
        Ok(Self { source, list })
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    fn position(&self, name: &str) -> Option<usize> {
        let is = |member: &Member| member.name.bytes(&self.source) == name.as_bytes() && !member.name.is_node();
        self.list.iter().position(is)
    }

    /// The value of a member, by its escaped name.
    pub(super) fn get(&self, name: &str) -> Option<Value<'_>> {
        self.position(name).map(|at| self.list[at].value.value(&self.source))
    }

    pub(super) fn set(&mut self, name: &str, value: String) {
        self.put(name, Text::Own(value.into()));
    }

    /// Puts a value of another session, as it is.
    pub(super) fn set_value(&mut self, name: &str, value: Value<'_>) {
        self.put(
            name,
            match value {
                Value::Text(text) => Text::Own(text.into()),
                Value::Node(graph, id) => Text::Node(Arc::clone(graph), id),
            },
        );
    }

    fn put(&mut self, name: &str, value: Text) {
        match self.position(name) {
            Some(at) => self.list[at].value = value,
            None => self.list.push(Member { name: Text::Own(name.into()), value }),
        }
    }

    pub(super) fn remove(&mut self, name: &str) -> bool {
        let at = self.position(name);
        at.map(|at| self.list.remove(at)).is_some()
    }

    /// Names and values; names are escaped.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Value<'_>, Value<'_>)> {
        self.list.iter().map(|member| (member.name.value(&self.source), member.value.value(&self.source)))
    }

    pub(super) fn same(&self, other: &Self) -> bool {
        let mut pairs = self.iter().zip(other.iter());
        self.len() == other.len() && pairs.all(|(one, two)| one.0.same(two.0) && one.1.same(two.1))
    }

    pub(super) fn to_json(&self, show: Show) -> Result<Vec<u8>, SessionError> {
        if self.list.iter().any(|member| member.value.is_node() || member.name.is_node()) {
            return self.shown(show);
        }
        let source = &self.source[..];
        let parts = || self.list.iter().map(|member| (member.name.bytes(source), member.value.bytes(source)));
        let length: usize = parts().map(|(name, value)| name.len() + value.len() + 4).sum();
        let mut json = Vec::with_capacity(length + 2);
        json.push(b'{');
        for (at, (name, value)) in parts().enumerate() {
            json.extend_from_slice(if at == 0 { b"\"" } else { b",\"" });
            json.extend_from_slice(name);
            json.extend_from_slice(b"\":");
            json.extend_from_slice(value);
        }
        json.push(b'}');
        Ok(json)
    }
}

/// A name as Python writes it.
fn canonical(source: &[u8], name: &Range<usize>) -> Text {
    // The source is text, and a name ends where a character does.
    match canonical_name(std::str::from_utf8(&source[name.clone()]).unwrap_or_default()) {
        Cow::Borrowed(_) => Text::at(name),
        Cow::Owned(name) => Text::Own(name.into()),
    }
}

/// Whether some name stands twice. For few members a filter of 1,024 bits keeps the usual case, where all
/// differ, from comparing each with each.
fn has_repeated_names(list: &[Member], source: &[u8]) -> bool {
    if list.len() > FEW {
        let mut seen = HashSet::with_capacity(list.len());
        return !list.iter().all(|member| seen.insert(member.name.bytes(source)));
    }
    let mut filter = [0_u64; 16];
    for (at, member) in list.iter().enumerate() {
        let name = member.name.bytes(source);
        let slot = slot_of(name);
        let (word, bit) = (slot / 64, 1_u64 << (slot % 64));
        if filter[word] & bit != 0 && list[..at].iter().any(|earlier| earlier.name.bytes(source) == name) {
            return true;
        }
        filter[word] |= bit;
    }
    false
}

/// A number below 1,024 that names rarely share: of their length and last eight bytes, where they differ most.
fn slot_of(name: &[u8]) -> usize {
    let mut tail = [0; 8];
    match name.last_chunk::<8>() {
        Some(last) => tail = *last,
        None => tail[..name.len()].copy_from_slice(name),
    }
    let mixed = (u64::from_le_bytes(tail) ^ name.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 54) as usize
}

/// As Python's dictionaries do: the first one's place, the last one's value.
fn keep_last_of_each_name(list: &mut Vec<Member>, source: &[u8]) {
    let mut places: HashMap<Box<[u8]>, usize> = HashMap::with_capacity(list.len());
    let mut kept: Vec<Member> = Vec::with_capacity(list.len());
    for member in list.drain(..) {
        match places.get(member.name.bytes(source)) {
            Some(&place) => kept[place].value = member.value,
            None => {
                places.insert(member.name.bytes(source).into(), kept.len());
                kept.push(member);
            }
        }
    }
    *list = kept;
}
