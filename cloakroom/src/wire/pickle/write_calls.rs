//! The values that Python pickles as a call of their class.

use std::borrow::Cow;

use super::moment::Delta;
use super::node::{Node, NodeId};
use super::opcode::*;
use super::write::Writer;
use super::{PickleError, Protocol};

impl Writer<'_> {
    /// The values that Python writes as a call.
    pub(super) fn moment_or_number(&mut self, graph: usize, node: &Node) -> Result<(), PickleError> {
        match node {
            Node::Date(packed) => {
                self.class("datetime", "date")?;
                self.packed(packed)?;
                self.args(1);
            }
            Node::DateTime(packed, zone) => {
                self.class("datetime", "datetime")?;
                self.packed(packed)?;
                self.zone(graph, *zone)?;
            }
            Node::Time(packed, zone) => {
                self.class("datetime", "time")?;
                self.packed(packed)?;
                self.zone(graph, *zone)?;
            }
            Node::Delta(delta) => return self.delta(*delta),
            Node::Zone(delta, name) => {
                self.class("datetime", "timezone")?;
                self.begin(graph, *delta)?;
                if let Some(name) = name {
                    self.begin(graph, *name)?;
                }
                self.args(1 + usize::from(name.is_some()));
            }
            Node::ZoneInfo(name) => {
                self.zone_unpickle()?;
                self.begin(graph, *name)?;
                self.out.boundary()?;
                self.write_int(1);
                self.args(2);
            }
            Node::Decimal(text) => {
                self.class("decimal", "Decimal")?;
                self.begin(graph, *text)?;
                self.args(1);
            }
            Node::Uuid(bytes, safe) => return self.uuid(bytes, *safe),
            _ => {}
        }
        self.out.write(&[REDUCE]);
        Ok(())
    }

    pub(super) fn delta(&mut self, delta: Delta) -> Result<(), PickleError> {
        self.class("datetime", "timedelta")?;
        for part in [delta.days, delta.seconds, delta.micros] {
            self.out.boundary()?;
            self.write_int(i64::from(part));
        }
        self.args(3);
        self.out.write(&[REDUCE]);
        Ok(())
    }

    /// The arguments' end: the zone, if there is one, and the tuple.
    pub(super) fn zone(&mut self, graph: usize, zone: Option<NodeId>) -> Result<(), PickleError> {
        if let Some(zone) = zone {
            // One of two kinds, which hold no other zone.
            self.begin(graph, zone)?;
        }
        self.args(1 + usize::from(zone.is_some()));
        Ok(())
    }

    pub(super) fn uuid(&mut self, bytes: &[u8; 16], safe: Option<bool>) -> Result<(), PickleError> {
        self.class("uuid", "UUID")?;
        self.out.boundary()?;
        self.out.write(&[EMPTY_TUPLE, NEWOBJ]);
        let object = self.memoize();
        self.out.boundary()?;
        self.out.write(&[EMPTY_DICT]);
        self.memoize();
        if safe.is_some() {
            self.out.write(&[MARK]);
        }
        self.name(Cow::Borrowed(b"int"))?;
        self.out.boundary()?;
        let mut number = [0; 17];
        number[..16].copy_from_slice(bytes);
        number[..16].reverse();
        self.write_long(&number);
        match safe {
            None => self.out.write(&[SETITEM]),
            Some(safe) => {
                self.name(Cow::Borrowed(b"is_safe"))?;
                self.out.boundary()?;
                self.write_int(if safe { 0 } else { -1 });
                self.out.write(&[SETITEMS]);
            }
        }
        self.out.write(&[BUILD]);
        self.built = Some(object);
        Ok(())
    }

    /// `ZoneInfo._unpickle`, a method of the class.
    pub(super) fn zone_unpickle(&mut self) -> Result<(), PickleError> {
        self.class("builtins", "getattr")?;
        self.class("zoneinfo", "ZoneInfo")?;
        self.name(Cow::Borrowed(b"_unpickle"))?;
        self.args(2);
        self.out.write(&[REDUCE]);
        self.memoize();
        Ok(())
    }

    pub(super) fn class(&mut self, module: &'static str, name: &'static str) -> Result<(), PickleError> {
        self.out.boundary()?;
        if let Some(&number) = self.classes.get(&(module, name)) {
            self.recall(number);
            return Ok(());
        }
        self.out.boundary()?;
        match self.modules.get(module) {
            Some(&number) => self.recall(number),
            None => {
                self.write_text(module.as_bytes());
                let number = self.memoize();
                self.modules.insert(module, number);
            }
        }
        self.out.boundary()?;
        self.write_text(name.as_bytes());
        self.memoize();
        self.out.write(&[STACK_GLOBAL]);
        let number = self.memoize();
        self.classes.insert((module, name), number);
        Ok(())
    }

    pub(super) fn packed(&mut self, bytes: &[u8]) -> Result<(), PickleError> {
        self.out.boundary()?;
        self.write_bytes(bytes);
        self.memoize();
        Ok(())
    }

    /// The tuple of a call's one to three arguments.
    pub(super) fn args(&mut self, count: usize) {
        self.out.write(&[[TUPLE1, TUPLE2, TUPLE3][count.clamp(1, 3) - 1]]);
        self.memoize();
    }

    pub(super) fn write_byte_array(&mut self, bytes: &[u8]) -> Result<(), PickleError> {
        if self.protocol == Protocol::Five {
            let mut header = [BYTEARRAY8; 9];
            header[1..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
            self.out.write_long(&header, bytes);
            return Ok(());
        }
        self.class("builtins", "bytearray")?;
        if bytes.is_empty() {
            self.out.boundary()?;
            self.out.write(&[EMPTY_TUPLE]);
        } else {
            self.packed(bytes)?;
            self.args(1);
        }
        self.out.write(&[REDUCE]);
        Ok(())
    }
}
