//! The stack machine that reads a pickle.

use bytes::Bytes;

use super::global::{self, Global};
use super::keys::settle_keys;
use super::memo::Memo;
use super::node::{Blob, Graph, Node, NodeId, bytes_of, text_of};
use super::opcode::*;
use super::{MAX_BYTES, MAX_MEMORY, PickleError};

/// What one value takes, with its place in lists and the memo: an estimate from above.
const NODE: usize = 64;

/// Reads the pickle at the start of these bytes: its graph, and where it ends.
pub(crate) fn read_graph(source: &Bytes) -> Result<(Graph, usize), PickleError> {
    if source.len() > MAX_BYTES {
        return Err(PickleError::TooLarge { limit: MAX_BYTES });
    }
    // Room for a small session from the start: growing step by step costs more than reading it.
    let room = (source.len() / 16).clamp(4, 64);
    let machine = Machine {
        source,
        pos: 0,
        opcode_at: 0,
        stack: Vec::with_capacity(room),
        marks: Vec::with_capacity(4),
        memo: Memo::with_capacity(room),
        nodes: Vec::with_capacity(room),
        keyed: Vec::new(),
        memory: 0,
        globals: false,
    };
    machine.run()
}

pub(super) struct Machine<'a> {
    pub(super) source: &'a Bytes,
    pub(super) pos: usize,
    /// Where the opcode stands that is being carried out.
    opcode_at: usize,
    stack: Vec<NodeId>,
    /// How high the stack was at each mark.
    marks: Vec<usize>,
    memo: Memo,
    nodes: Vec<Node>,
    /// The values whose keys or items have to differ.
    keyed: Vec<NodeId>,
    /// What was allocated, and copied or looked through again, in bytes.
    memory: usize,
    /// Whether there is a class or function among the values.
    globals: bool,
}

impl<'a> Machine<'a> {
    fn run(mut self) -> Result<(Graph, usize), PickleError> {
        loop {
            self.opcode_at = self.pos;
            let opcode = self.byte()?;
            if opcode == STOP {
                break;
            }
            self.step(opcode)?;
        }
        let root = self.pop()?;
        let keyed = std::mem::take(&mut self.keyed);
        settle_keys(&mut self.nodes, self.source, &keyed)?;
        let graph = Graph { source: self.source.clone(), nodes: self.nodes, root, from_json: false };
        if self.globals {
            only_data(&graph)?;
        }
        Ok((graph, self.pos))
    }

    fn step(&mut self, opcode: u8) -> Result<(), PickleError> {
        match opcode {
            PROTO => match self.byte()? {
                0..=5 => Ok(()),
                protocol => Err(PickleError::Protocol(protocol)),
            },
            FRAME => {
                let length = self.long_length()?;
                if length > self.source.len() - self.pos { Err(PickleError::Truncated) } else { Ok(()) }
            }
            MARK => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            POP => match self.marks.last() {
                Some(&mark) if mark == self.stack.len() => {
                    self.marks.pop();
                    Ok(())
                }
                _ => self.pop().map(drop),
            },
            POP_MARK => self.pop_mark().map(drop),
            DUP => {
                let top = self.top()?;
                self.stack.push(top);
                Ok(())
            }
            NONE => self.push(Node::None),
            NEWTRUE => self.push(Node::Bool(true)),
            NEWFALSE => self.push(Node::Bool(false)),
            INT | BININT | BININT1 | BININT2 | LONG | LONG1 | LONG4 => self.read_integer(opcode),
            FLOAT | BINFLOAT => self.read_float(opcode),
            STRING | BINSTRING | SHORT_BINSTRING | UNICODE | BINUNICODE | SHORT_BINUNICODE | BINUNICODE8 => {
                self.read_text(opcode)
            }
            BINBYTES | SHORT_BINBYTES | BINBYTES8 | BYTEARRAY8 => self.read_bytes(opcode),
            EMPTY_LIST => self.push(Node::List(Vec::new())),
            EMPTY_TUPLE => self.push(Node::Tuple(Box::default())),
            EMPTY_DICT => {
                let dict = self.dict(false);
                self.push(dict)
            }
            EMPTY_SET => {
                let set = self.set(Vec::new());
                self.push(set)
            }
            APPEND | APPENDS | SETITEM | SETITEMS | ADDITEMS => self.fill(opcode),
            LIST | TUPLE | TUPLE1 | TUPLE2 | TUPLE3 | DICT | FROZENSET => self.gather(opcode),
            PUT | BINPUT | LONG_BINPUT | MEMOIZE => {
                let index = match opcode {
                    PUT => self.index_line()?,
                    BINPUT => u64::from(self.byte()?),
                    LONG_BINPUT => u64::from(u32::from_le_bytes(self.array()?)),
                    _ => self.memo.count(),
                };
                let top = self.top()?;
                self.charge(16)?;
                self.memo.put(index, top);
                Ok(())
            }
            GET | BINGET | LONG_BINGET => {
                let index = match opcode {
                    GET => self.index_line()?,
                    BINGET => u64::from(self.byte()?),
                    _ => u64::from(u32::from_le_bytes(self.array()?)),
                };
                let value = self.memo.get(index).ok_or_else(|| self.error())?;
                self.stack.push(value);
                Ok(())
            }
            GLOBAL | STACK_GLOBAL | REDUCE | NEWOBJ | BUILD => self.make(opcode),
            INST => {
                let (module, name) = (self.line()?, self.line()?);
                Err(self.refused(module, name))
            }
            OBJ | NEWOBJ_EX => Err(self.refused(b"", b"")),
            PERSID | BINPERSID => Err(self.outside("persistent ids")),
            EXT1 | EXT2 | EXT4 => Err(self.outside("the extension registry")),
            NEXT_BUFFER | READONLY_BUFFER => Err(self.outside("buffers apart from it")),
            _ => Err(self.error()),
        }
    }

    /// Puts what is on the stack into the container below it.
    fn fill(&mut self, opcode: u8) -> Result<(), PickleError> {
        let items = match opcode {
            APPEND => vec![self.pop()?],
            SETITEM => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.pop_mark()?,
        };
        self.charge(items.len() * 8)?;
        let (error, container) = (self.error(), self.top()?);
        match (self.nodes.get_mut(container.at()), opcode) {
            (Some(Node::List(list)), APPEND | APPENDS) => list.extend(items),
            (Some(Node::Set(set)), ADDITEMS) => set.extend(items),
            (Some(Node::Dict(dict) | Node::OrderedDict(dict)), SETITEM | SETITEMS) => {
                let (pairs, []) = items.as_chunks::<2>() else { return Err(error) };
                dict.extend(pairs.iter().map(|&[key, value]| (key, value)));
            }
            _ => return Err(error),
        }
        Ok(())
    }

    /// Makes a container of what is on the stack.
    fn gather(&mut self, opcode: u8) -> Result<(), PickleError> {
        let items = match opcode {
            TUPLE1 => self.pop_last(1)?,
            TUPLE2 => self.pop_last(2)?,
            TUPLE3 => self.pop_last(3)?,
            _ => self.pop_mark()?,
        };
        self.charge(items.len() * 8)?;
        let node = match opcode {
            LIST => Node::List(items),
            FROZENSET => self.frozen_set(items),
            DICT => {
                let (pairs, []) = items.as_chunks::<2>() else { return Err(self.error()) };
                let pairs = pairs.iter().map(|&[key, value]| (key, value)).collect();
                self.keyed.push(self.next_id());
                Node::Dict(pairs)
            }
            _ => Node::Tuple(items.into()),
        };
        self.push(node)
    }

    /// What names a class or function, or uses one.
    fn make(&mut self, opcode: u8) -> Result<(), PickleError> {
        match opcode {
            GLOBAL => {
                let (module, name) = (self.line()?, self.line()?);
                let global = global::find(module, name).ok_or_else(|| self.refused(module, name))?;
                self.push_global(global)
            }
            STACK_GLOBAL => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Some(module), Some(name)) = (self.text(module), self.text(name)) else {
                    return Err(self.error());
                };
                let global = global::find(module, name).ok_or_else(|| self.refused(module, name))?;
                self.push_global(global)
            }
            REDUCE | NEWOBJ => {
                let (args, callable) = (self.pop()?, self.pop()?);
                let (Node::Global(global), Node::Tuple(args)) = (self.node(callable), self.node(args)) else {
                    return Err(self.error());
                };
                let (global, args) = (*global, args.iter().copied().take(4).collect::<Vec<_>>());
                let made = if opcode == REDUCE { self.reduce(global, &args)? } else { self.new_object(global, &args)? };
                self.stack.push(made);
                Ok(())
            }
            _ => {
                let state = self.pop()?;
                let object = self.top()?;
                self.build(object, state)
            }
        }
    }

    fn push_global(&mut self, global: Global) -> Result<(), PickleError> {
        self.globals = true;
        self.push(Node::Global(global))
    }

    pub(super) fn dict(&mut self, ordered: bool) -> Node {
        self.keyed.push(self.next_id());
        if ordered { Node::OrderedDict(Vec::new()) } else { Node::Dict(Vec::new()) }
    }

    pub(super) fn set(&mut self, items: Vec<NodeId>) -> Node {
        self.keyed.push(self.next_id());
        Node::Set(items)
    }

    pub(super) fn frozen_set(&mut self, items: Vec<NodeId>) -> Node {
        self.keyed.push(self.next_id());
        Node::FrozenSet(items)
    }

    fn next_id(&self) -> NodeId {
        // Below MAX_MEMORY.
        NodeId(self.nodes.len() as u32)
    }

    pub(super) fn add(&mut self, node: Node) -> Result<NodeId, PickleError> {
        self.charge(NODE)?;
        let id = self.next_id();
        self.nodes.push(node);
        Ok(id)
    }

    pub(super) fn push(&mut self, node: Node) -> Result<(), PickleError> {
        let id = self.add(node)?;
        self.stack.push(id);
        Ok(())
    }

    pub(super) fn replace(&mut self, id: NodeId, node: Node) {
        if let Some(place) = self.nodes.get_mut(id.at()) {
            *place = node;
        }
    }

    /// Counts what is allocated, and also work that could be asked for again and again in a few bytes.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), PickleError> {
        self.memory = self.memory.saturating_add(bytes);
        if self.memory > MAX_MEMORY { Err(PickleError::TooLarge { limit: MAX_MEMORY }) } else { Ok(()) }
    }

    pub(super) fn own(&mut self, bytes: Vec<u8>) -> Result<Blob, PickleError> {
        self.charge(bytes.len())?;
        Ok(Blob::Own(bytes.into()))
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id.at()).unwrap_or(&Node::None)
    }

    pub(super) fn bytes<'b>(&'b self, blob: &'b Blob) -> &'b [u8] {
        bytes_of(self.source, blob)
    }

    pub(super) fn text(&self, id: NodeId) -> Option<&[u8]> {
        text_of(&self.nodes, self.source, id)
    }

    pub(super) fn byte_string(&self, id: NodeId) -> Option<&[u8]> {
        match self.node(id) {
            Node::Bytes(blob) => Some(self.bytes(blob)),
            _ => None,
        }
    }

    /// What lies on the stack above the last mark cannot be reached from beneath it.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or_default()
    }

    fn top(&self) -> Result<NodeId, PickleError> {
        let above = self.stack.get(self.floor()..).unwrap_or_default();
        above.last().copied().ok_or_else(|| self.error())
    }

    fn pop(&mut self) -> Result<NodeId, PickleError> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_last(&mut self, count: usize) -> Result<Vec<NodeId>, PickleError> {
        let start = self.stack.len().checked_sub(count).filter(|start| *start >= self.floor());
        Ok(self.stack.split_off(start.ok_or_else(|| self.error())?))
    }

    fn pop_mark(&mut self) -> Result<Vec<NodeId>, PickleError> {
        let mark = self.marks.pop().ok_or_else(|| self.error())?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    pub(super) fn error(&self) -> PickleError {
        PickleError::Syntax { offset: self.opcode_at }
    }

    fn refused(&self, module: &[u8], name: &[u8]) -> PickleError {
        PickleError::Global { name: global::shown(module, name), offset: self.opcode_at }
    }

    fn outside(&self, what: &'static str) -> PickleError {
        PickleError::Outside { what, offset: self.opcode_at }
    }
}

/// No class, function or half-made object may be left among the values.
fn only_data(graph: &Graph) -> Result<(), PickleError> {
    let mut seen = vec![false; graph.nodes.len()];
    let mut open = vec![graph.root];
    while let Some(id) = open.pop() {
        if std::mem::replace(&mut seen[id.at()], true) {
            continue;
        }
        match graph.node(id) {
            node @ (Node::Global(_) | Node::BareUuid) => {
                return Err(PickleError::NotData(node.kind()));
            }
            Node::List(items) | Node::Set(items) | Node::FrozenSet(items) => open.extend(items),
            Node::Tuple(items) => open.extend(items),
            Node::Dict(entries) | Node::OrderedDict(entries) => {
                open.extend(entries.iter().flat_map(|(key, value)| [key, value]));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
