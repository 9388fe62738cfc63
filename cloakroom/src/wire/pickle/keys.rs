//! Equal keys, as Python's dictionaries and sets see them: `1`, `1.0`, `True` and `Decimal("1.00")` are one key.
//!
//! Each value that serves as a key gets a number, equal for equal values, so that however a pickle shares its values
//! each is looked at once.

use std::collections::{HashMap, HashSet};

use super::PickleError;
use super::integer::{from_text, from_whole_f64};
use super::moment::civil_of;
use super::node::{Blob, Node, NodeId, bytes_of, text_of};

/// Up to so many keys that are short strings, to compare each with each is cheaper than to number them.
const FEW: usize = 16;
const SHORT: usize = 64;

/// Of equal keys keeps the first one's place and the last one's value; of equal items of a set the first.
pub(super) fn settle_keys(nodes: &mut [Node], source: &[u8], keyed: &[NodeId]) -> Result<(), PickleError> {
    let mut repeated = Vec::new();
    let mut classes = Classes { nodes, source, of_node: Vec::new(), known: HashMap::new() };
    for &id in keyed {
        let keys: Vec<NodeId> = match classes.node(id) {
            Node::Dict(entries) | Node::OrderedDict(entries) if classes.differ_plainly(entries) => continue,
            Node::Dict(entries) | Node::OrderedDict(entries) => entries.iter().map(|(key, _)| *key).collect(),
            Node::Set(items) | Node::FrozenSet(items) => items.clone(),
            _ => continue,
        };
        let mut seen = HashMap::with_capacity(keys.len());
        let mut places = Vec::with_capacity(keys.len());
        for key in keys {
            let next = seen.len();
            places.push(*seen.entry(classes.class(key)?).or_insert(next));
        }
        if seen.len() < places.len() {
            repeated.push((id, places));
        }
    }
    for (id, places) in repeated {
        match &mut nodes[id.at()] {
            Node::Dict(entries) | Node::OrderedDict(entries) => {
                let mut kept: Vec<(NodeId, NodeId)> = Vec::new();
                for (place, entry) in places.into_iter().zip(entries.iter()) {
                    match kept.get_mut(place) {
                        Some(first) => first.1 = entry.1,
                        None => kept.push(*entry),
                    }
                }
                *entries = kept;
            }
            Node::Set(items) | Node::FrozenSet(items) => {
                let mut seen = HashSet::new();
                let mut places = places.into_iter();
                items.retain(|_| places.next().is_some_and(|place| seen.insert(place)));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What makes a key what it is. Values are equal in Python exactly if these are.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    None,
    Int(i64),
    Long(Box<[u8]>),
    /// The bits of one that is not whole.
    Float(u64),
    /// Sign, digits and exponent of one that is neither whole nor a float.
    Decimal(bool, Box<[u8]>, i64),
    /// Equal to itself alone.
    This(NodeId),
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    Tuple(Vec<u32>),
    FrozenSet(Vec<u32>),
    Date([u8; 4]),
    NaiveTime([u8; 6]),
    /// Microseconds since midnight UTC without the time's own, and these: CPython never carries them over.
    Time(i128, [u8; 3]),
    /// Without a zone, or in one of the database.
    Local(Option<&'a [u8]>, [u8; 10]),
    /// Nanoseconds since 1970.
    Instant(i128),
    Micros(i128),
    Offset(i128),
    Zone(&'a [u8]),
    Uuid([u8; 16]),
}

const UNKNOWN: u32 = u32::MAX;

struct Classes<'a> {
    nodes: &'a [Node],
    source: &'a [u8],
    of_node: Vec<u32>,
    known: HashMap<Key<'a>, u32>,
}

impl<'a> Classes<'a> {
    fn node(&self, id: NodeId) -> &'a Node {
        self.nodes.get(id.at()).unwrap_or(&Node::None)
    }

    fn text(&self, id: NodeId) -> &'a [u8] {
        text_of(self.nodes, self.source, id).unwrap_or_default()
    }

    /// Whether the keys are few short strings that differ.
    fn differ_plainly(&self, entries: &[(NodeId, NodeId)]) -> bool {
        if entries.len() > FEW {
            return false;
        }
        let mut keys = [&b""[..]; FEW];
        for (at, (key, _)) in entries.iter().enumerate() {
            let Node::Str(blob) = self.node(*key) else { return false };
            let text = bytes_of(self.source, blob);
            if text.len() > SHORT || keys[..at].contains(&text) {
                return false;
            }
            keys[at] = text;
        }
        true
    }

    /// The number of a value. Does not recurse, however deep tuples are nested.
    fn class(&mut self, id: NodeId) -> Result<u32, PickleError> {
        self.of_node.resize(self.nodes.len(), UNKNOWN);
        let mut open = vec![id];
        while let Some(&id) = open.last() {
            if self.of_node[id.at()] != UNKNOWN {
                open.pop();
                continue;
            }
            let parts = match self.node(id) {
                Node::Tuple(items) => &items[..],
                Node::FrozenSet(items) => items,
                _ => &[],
            };
            let before = open.len();
            open.extend(parts.iter().filter(|part| self.of_node[part.at()] == UNKNOWN));
            if open.len() > before {
                continue;
            }
            let key = self.key(id)?;
            let next = self.known.len() as u32;
            self.of_node[id.at()] = *self.known.entry(key).or_insert(next);
            open.pop();
        }
        Ok(self.of_node[id.at()])
    }

    fn key(&self, id: NodeId) -> Result<Key<'a>, PickleError> {
        let numbers = |items: &[NodeId]| items.iter().map(|item| self.of_node[item.at()]).collect::<Vec<_>>();
        Ok(match self.node(id) {
            Node::None => Key::None,
            Node::Bool(value) => Key::Int(i64::from(*value)),
            Node::Float(number) if number.is_nan() => Key::This(id),
            Node::Float(number) if number.fract() == 0.0 => whole(&from_whole_f64(*number), self.source),
            Node::Float(number) => Key::Float(number.to_bits()),
            node @ (Node::Int(_) | Node::Long(_)) => whole(node, self.source),
            Node::Decimal(text) => self.decimal(id, self.text(*text)),
            Node::Str(_) | Node::Safe(_) => Key::Text(self.text(id)),
            Node::Bytes(blob) => Key::Bytes(bytes_of(self.source, blob)),
            Node::Tuple(items) => Key::Tuple(numbers(items)),
            Node::FrozenSet(items) => {
                let mut numbers = numbers(items);
                numbers.sort_unstable();
                numbers.dedup();
                Key::FrozenSet(numbers)
            }
            Node::Date(packed) => Key::Date(*packed),
            Node::Time(packed, zone) => {
                let mut packed = *packed;
                packed[0] &= 0x7f;
                match zone.map(|zone| self.node(zone)) {
                    Some(Node::Zone(delta, _)) => {
                        let [hour, minute, second, micros @ ..] = packed;
                        let seconds = i128::from(hour) * 3600 + i128::from(minute) * 60 + i128::from(second);
                        Key::Time(seconds * 1_000_000 - self.offset(*delta), micros)
                    }
                    _ => Key::NaiveTime(packed),
                }
            }
            Node::DateTime(packed, zone) => {
                let mut packed = *packed;
                packed[2] &= 0x7f;
                match zone.map(|zone| self.node(zone)) {
                    Some(Node::Zone(delta, _)) => {
                        let utc = civil_of(packed).and_then(|(local, _)| local.in_tz("UTC").ok());
                        let nanos = utc.map_or(0, |utc| utc.timestamp().as_nanosecond());
                        Key::Instant(nanos - self.offset(*delta) * 1_000)
                    }
                    Some(Node::ZoneInfo(name)) => Key::Local(Some(self.text(*name)), packed),
                    _ => Key::Local(None, packed),
                }
            }
            Node::Delta(delta) => Key::Micros(delta.total_micros()),
            Node::Zone(delta, _) => Key::Offset(self.offset(*delta)),
            Node::ZoneInfo(name) => Key::Zone(self.text(*name)),
            Node::Uuid(bytes, _) => Key::Uuid(*bytes),
            Node::Global(_) | Node::BareUuid => Key::This(id),
            node @ (Node::List(_) | Node::Dict(_) | Node::OrderedDict(_) | Node::Set(_) | Node::ByteArray(_)) => {
                return Err(PickleError::Unhashable(node.kind()));
            }
        })
    }

    fn offset(&self, delta: NodeId) -> i128 {
        match self.node(delta) {
            Node::Delta(delta) => delta.total_micros(),
            _ => 0,
        }
    }

    /// A decimal number equals an integer or a float of its exact value.
    fn decimal(&self, id: NodeId, text: &[u8]) -> Key<'a> {
        let text = std::str::from_utf8(text).unwrap_or_default();
        let (negative, number) = text.strip_prefix('-').map_or((false, text), |number| (true, number));
        if number == "Infinity" {
            let infinite = if negative { f64::NEG_INFINITY } else { f64::INFINITY };
            return Key::Float(infinite.to_bits());
        }
        if number.contains('N') {
            return Key::This(id);
        }
        let (number, exponent) = number.split_once(['E', 'e']).unwrap_or((number, "0"));
        let (left, right) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{left}{right}");
        let shown = digits.trim_start_matches('0').trim_end_matches('0');
        if shown.is_empty() {
            return Key::Int(0);
        }
        let dropped = digits.len() - digits.trim_end_matches('0').len();
        let exponent = exponent.parse::<i64>().unwrap_or(i64::MAX).saturating_add(dropped as i64 - right.len() as i64);
        let sign = if negative { "-" } else { "" };
        if (0..4_300).contains(&exponent) {
            let zeros = "0".repeat(exponent as usize);
            if let Some(node) = from_text(&format!("{sign}{shown}{zeros}")) {
                return whole(&node, self.source);
            }
        }
        if (-1_074..0).contains(&exponent)
            && let Ok(float) = format!("{sign}{shown}E{exponent}").parse::<f64>()
        {
            // All digits that a float has.
            let exact = format!("{:.1074}", float.abs()).replace('.', "");
            let places = 1_074 + exponent;
            if exact
                .trim_start_matches('0')
                .strip_prefix(shown)
                .is_some_and(|rest| rest.len() as i64 == places && rest.bytes().all(|digit| digit == b'0'))
            {
                return Key::Float(float.to_bits());
            }
        }
        Key::Decimal(negative, shown.as_bytes().into(), exponent)
    }
}

fn whole<'a>(node: &Node, source: &[u8]) -> Key<'a> {
    match node {
        Node::Int(integer) => Key::Int(*integer),
        Node::Long(blob @ (Blob::Own(_) | Blob::Source(..))) => Key::Long(bytes_of(source, blob).into()),
        _ => Key::None,
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
