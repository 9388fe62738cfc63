//! The classes and functions that stand for data, and what they make of their arguments.

use super::PickleError;
use super::moment::{self, Delta};
use super::node::{Node, NodeId};
use super::read::Machine;
use super::text::to_latin1;

/// A class or function that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Global {
    Bytes,
    ByteArray,
    Set,
    FrozenSet,
    OrderedDict,
    Date,
    DateTime,
    Time,
    Delta,
    Zone,
    ZoneInfo,
    Decimal,
    Uuid,
    SafeString,
    /// `object`, `getattr`, `_reconstructor`, `_codecs.encode` and `ZoneInfo._unpickle`: how some of these are written.
    Object,
    Getattr,
    Reconstructor,
    Encode,
    ZoneInfoUnpickle,
}

/// Protocols 0 to 2 write the names that Python 2 had.
pub(super) fn find(module: &[u8], name: &[u8]) -> Option<Global> {
    Some(match (module, name) {
        (b"builtins" | b"__builtin__", b"bytes") => Global::Bytes,
        (b"builtins" | b"__builtin__", b"bytearray") => Global::ByteArray,
        (b"builtins" | b"__builtin__", b"set") => Global::Set,
        (b"builtins" | b"__builtin__", b"frozenset") => Global::FrozenSet,
        (b"builtins" | b"__builtin__", b"object") => Global::Object,
        (b"builtins" | b"__builtin__", b"getattr") => Global::Getattr,
        (b"copyreg" | b"copy_reg", b"_reconstructor") => Global::Reconstructor,
        (b"_codecs", b"encode") => Global::Encode,
        (b"collections", b"OrderedDict") => Global::OrderedDict,
        (b"datetime", b"date") => Global::Date,
        (b"datetime", b"datetime") => Global::DateTime,
        (b"datetime", b"time") => Global::Time,
        (b"datetime", b"timedelta") => Global::Delta,
        (b"datetime", b"timezone") => Global::Zone,
        (b"zoneinfo", b"ZoneInfo") => Global::ZoneInfo,
        (b"zoneinfo", b"ZoneInfo._unpickle") => Global::ZoneInfoUnpickle,
        (b"decimal", b"Decimal") => Global::Decimal,
        (b"uuid", b"UUID") => Global::Uuid,
        (b"django.utils.safestring", b"SafeString") => Global::SafeString,
        _ => return None,
    })
}

/// How a refused one is named in the error.
pub(super) fn shown(module: &[u8], name: &[u8]) -> Box<str> {
    let usual = |bytes: &[u8]| {
        (1..=100).contains(&bytes.len())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'<' | b'>'))
    };
    if !usual(module) || !usual(name) {
        return "?".into();
    }
    format!("{}.{}", String::from_utf8_lossy(module), String::from_utf8_lossy(name)).into()
}

impl Machine<'_> {
    /// `REDUCE`: what a call with these arguments answers.
    pub(super) fn reduce(&mut self, global: Global, args: &[NodeId]) -> Result<NodeId, PickleError> {
        let node = match (global, args) {
            (Global::Bytes, []) => Node::Bytes(self.own(Vec::new())?),
            (Global::Encode, &[text, coding]) if matches!(self.text(coding), Some(b"latin1" | b"latin-1")) => {
                self.charge(self.text(text).map_or(0, <[u8]>::len))?;
                let bytes = self.text(text).and_then(to_latin1).ok_or_else(|| self.error())?;
                Node::Bytes(self.own(bytes)?)
            }
            (Global::ByteArray, []) => Node::ByteArray(self.own(Vec::new())?),
            (Global::ByteArray, &[bytes]) => {
                self.charge(self.byte_string(bytes).map_or(0, <[u8]>::len))?;
                let bytes = self.byte_string(bytes).ok_or_else(|| self.error())?.to_vec();
                Node::ByteArray(self.own(bytes)?)
            }
            (Global::Set, []) => self.set(Vec::new()),
            (Global::Set, &[list]) => {
                let items = self.items(list)?;
                self.set(items)
            }
            (Global::FrozenSet, []) => self.frozen_set(Vec::new()),
            (Global::FrozenSet, &[list]) => {
                let items = self.items(list)?;
                self.frozen_set(items)
            }
            (Global::OrderedDict, []) => self.dict(true),
            (Global::Date, &[bytes]) => {
                Node::Date(self.byte_string(bytes).and_then(moment::date).ok_or_else(|| self.error())?)
            }
            (Global::DateTime, &[bytes, ref zone @ ..]) => {
                let zone = self.zone(zone)?;
                let packed = self.byte_string(bytes).and_then(moment::date_time).ok_or_else(|| self.error())?;
                Node::DateTime(packed, zone)
            }
            (Global::Time, &[bytes, ref zone @ ..]) => {
                let zone = self.zone(zone)?;
                Node::Time(self.byte_string(bytes).and_then(moment::time).ok_or_else(|| self.error())?, zone)
            }
            (Global::Delta, &[days, seconds, micros]) => {
                let parts = (self.int(days), self.int(seconds), self.int(micros));
                let (Some(days), Some(seconds), Some(micros)) = parts else { return Err(self.error()) };
                Node::Delta(Delta::new(days, seconds, micros).ok_or_else(|| self.error())?)
            }
            (Global::Zone, &[delta, ref name @ ..]) => {
                let name = match *name {
                    [] => None,
                    [name] if self.is_str(name) => Some(name),
                    _ => return Err(self.error()),
                };
                match self.node(delta) {
                    Node::Delta(offset) if offset.is_offset() => Node::Zone(delta, name),
                    _ => return Err(self.error()),
                }
            }
            (Global::Getattr, &[owner, name])
                if matches!(self.node(owner), Node::Global(Global::ZoneInfo))
                    && self.text(name) == Some(b"_unpickle") =>
            {
                Node::Global(Global::ZoneInfoUnpickle)
            }
            (Global::ZoneInfoUnpickle, &[name, cached])
                if self.is_str(name)
                    && self.text(name).is_some_and(moment::is_zone_name)
                    && self.int(cached) == Some(1) =>
            {
                Node::ZoneInfo(name)
            }
            (Global::Decimal, &[text]) => {
                self.charge(self.text(text).map_or(0, <[u8]>::len))?;
                if !self.is_str(text) || !self.text(text).is_some_and(is_decimal) {
                    return Err(self.error());
                }
                Node::Decimal(text)
            }
            (Global::Reconstructor, &[class, base, state])
                if matches!(self.node(class), Node::Global(Global::Uuid))
                    && matches!(self.node(base), Node::Global(Global::Object))
                    && matches!(self.node(state), Node::None) =>
            {
                Node::BareUuid
            }
            _ => return Err(self.error()),
        };
        self.add(node)
    }

    /// `NEWOBJ`: a UUID that is still to get its number, or a `SafeString`.
    pub(super) fn new_object(&mut self, global: Global, args: &[NodeId]) -> Result<NodeId, PickleError> {
        let node = match (global, args) {
            (Global::Uuid, []) => Node::BareUuid,
            (Global::SafeString, &[text]) if self.is_str(text) => Node::Safe(text),
            _ => return Err(self.error()),
        };
        self.add(node)
    }

    /// `BUILD`: gives a UUID its number.
    pub(super) fn build(&mut self, object: NodeId, state: NodeId) -> Result<(), PickleError> {
        let (Node::BareUuid, Node::Dict(entries)) = (self.node(object), self.node(state)) else {
            return Err(self.error());
        };
        let (mut number, mut safe) = (None, None);
        for &(name, value) in entries.iter().take(3) {
            match (self.text(name), self.node(value)) {
                (Some(b"int"), Node::Int(integer)) => {
                    number = u128::try_from(*integer).ok();
                }
                (Some(b"int"), Node::Long(blob)) => {
                    let mut bytes = [0; 16];
                    let long = self.bytes(blob);
                    // Sixteen bytes and the sign's.
                    let (low, sign) = long.split_at(long.len().min(16));
                    if !(matches!(sign, []) && low.last().is_some_and(|&top| top < 0x80) || matches!(sign, [0])) {
                        return Err(self.error());
                    }
                    bytes[..low.len()].copy_from_slice(low);
                    number = Some(u128::from_le_bytes(bytes));
                }
                (Some(b"is_safe"), Node::Int(0)) => safe = Some(true),
                (Some(b"is_safe"), Node::Int(-1)) => safe = Some(false),
                _ => return Err(self.error()),
            }
        }
        let number = number.ok_or_else(|| self.error())?;
        self.replace(object, Node::Uuid(number.to_be_bytes(), safe));
        Ok(())
    }

    fn zone(&self, zone: &[NodeId]) -> Result<Option<NodeId>, PickleError> {
        match *zone {
            [] => Ok(None),
            [zone] => match self.node(zone) {
                Node::None => Ok(None),
                Node::Zone(..) | Node::ZoneInfo(_) => Ok(Some(zone)),
                _ => Err(self.error()),
            },
            _ => Err(self.error()),
        }
    }

    fn items(&mut self, list: NodeId) -> Result<Vec<NodeId>, PickleError> {
        let Node::List(items) = self.node(list) else { return Err(self.error()) };
        let items = items.clone();
        self.charge(items.len() * 8)?;
        Ok(items)
    }

    fn int(&self, id: NodeId) -> Option<i64> {
        match self.node(id) {
            Node::Int(integer) => Some(*integer),
            _ => None,
        }
    }

    fn is_str(&self, id: NodeId) -> bool {
        matches!(self.node(id), Node::Str(_))
    }
}

/// Whether text is what `str(Decimal)` writes: a number as it stands, with or without an exponent, an infinity or a NaN.
fn is_decimal(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    if let Some(payload) = text.strip_prefix(b"sNaN").or_else(|| text.strip_prefix(b"NaN")) {
        return payload.iter().all(u8::is_ascii_digit);
    }
    if text == b"Infinity" {
        return true;
    }
    let at = text.iter().position(|byte| matches!(byte, b'E' | b'e')).unwrap_or(text.len());
    let (number, exponent) = text.split_at(at);
    let exponent = match exponent {
        [] => &b"0"[..],
        [_, b'+' | b'-', digits @ ..] | [_, digits @ ..] => digits,
    };
    let digits = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_digit);
    let mut halves = number.splitn(2, |&byte| byte == b'.');
    let (whole, fraction) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
    digits(whole)
        && digits(fraction)
        && whole.len() + fraction.len() > 0
        && digits(exponent)
        && (1..=19).contains(&exponent.len())
}
