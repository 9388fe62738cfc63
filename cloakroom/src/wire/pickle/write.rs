//! From values to a pickle, in the bytes that CPython's own pickler writes.

use std::borrow::Cow;
use std::collections::HashMap;

use super::frames::Frames;
use super::node::{Graph, Node, NodeId};
use super::opcode::*;
use super::{PickleError, Protocol};

/// So many items are put into a container at once.
const BATCH: usize = 1_000;

const NO: u32 = u32::MAX;

/// Writes the pickle of one dictionary or one value, out of one graph or several.
pub(crate) struct Writer<'g> {
    pub(super) out: Frames,
    pub(super) protocol: Protocol,
    /// How many values are remembered.
    pub(super) count: u32,
    /// The graphs, each with the number that each of its values is remembered by.
    graphs: Vec<(&'g Graph, Vec<u32>)>,
    /// Strings that are one object wherever they stand: names, and what Python keeps one of.
    pub(super) strings: HashMap<Cow<'g, [u8]>, u32>,
    /// Classes by what they are called, and the names of their modules.
    pub(super) classes: HashMap<(&'static str, &'static str), u32>,
    pub(super) modules: HashMap<&'static str, u32>,
    open: Vec<Frame>,
    /// The number of an object that was remembered before it was complete.
    pub(super) built: Option<u32>,
}

/// A container that is being written: which, and how many of its items are.
struct Frame {
    graph: usize,
    id: NodeId,
    done: usize,
    /// Whether the key of the next entry is written and its value is next.
    in_entry: bool,
}

impl<'g> Writer<'g> {
    pub(crate) fn new(protocol: Protocol) -> Self {
        Self {
            out: Frames::after(&[PROTO, protocol.number()]),
            protocol,
            count: 0,
            graphs: Vec::new(),
            strings: HashMap::new(),
            classes: HashMap::new(),
            modules: HashMap::new(),
            open: Vec::new(),
            built: None,
        }
    }

    pub(crate) fn finish(mut self) -> Result<Vec<u8>, PickleError> {
        self.out.check_size()?;
        self.out.write(&[STOP]);
        Ok(self.out.finish())
    }

    /// A dictionary whose members are written one by one: for each [`Writer::begin_entry`], key, value and
    /// [`Writer::end_entry`].
    pub(crate) fn begin_dict(&mut self) -> Result<(), PickleError> {
        self.out.boundary()?;
        self.out.write(&[EMPTY_DICT]);
        self.memoize();
        Ok(())
    }

    /// Where the root of this graph stands, the dictionary begun first is meant.
    pub(crate) fn is_root_of(&mut self, graph: &'g Graph) {
        let at = self.graph(graph);
        if let Some(place) = self.graphs[at].1.get_mut(graph.root().at()) {
            *place = 0;
        }
    }

    pub(crate) fn begin_entry(&mut self, at: usize, count: usize) {
        if count > 1 && at.is_multiple_of(BATCH) {
            self.out.write(&[MARK]);
        }
    }

    pub(crate) fn end_entry(&mut self, at: usize, count: usize) {
        let done = at + 1;
        if count == 1 {
            self.out.write(&[SETITEM]);
        } else if done == count || done.is_multiple_of(BATCH) {
            self.out.write(&[SETITEMS]);
            if done == count && done.is_multiple_of(BATCH) {
                // CPython tries whether there is more.
                self.out.write(&[MARK, SETITEMS]);
            }
        }
    }

    /// A name: one object wherever it stands.
    pub(crate) fn name(&mut self, name: Cow<'g, [u8]>) -> Result<(), PickleError> {
        self.out.boundary()?;
        if let Some(&number) = self.strings.get(&name) {
            self.recall(number);
        } else {
            self.write_text(&name);
            let number = self.memoize();
            self.strings.insert(name, number);
        }
        Ok(())
    }

    /// A value and all that is in it. Does not recurse.
    pub(crate) fn value(&mut self, graph: &'g Graph, id: NodeId) -> Result<(), PickleError> {
        let graph = self.graph(graph);
        self.begin(graph, id)?;
        while let Some(frame) = self.open.last_mut() {
            let (graph, id, done) = (frame.graph, frame.id, frame.done);
            match self.graphs[graph].0.node(id) {
                Node::List(items) => match items.get(done) {
                    Some(&item) => {
                        frame.done += 1;
                        if done > 0 && done % BATCH == 0 {
                            self.out.write(&[APPENDS]);
                        }
                        if items.len() > 1 && done % BATCH == 0 {
                            self.out.write(&[MARK]);
                        }
                        self.begin(graph, item)?;
                    }
                    None => {
                        match items.len() {
                            0 => {}
                            1 => self.out.write(&[APPEND]),
                            _ => self.out.write(&[APPENDS]),
                        }
                        self.open.pop();
                    }
                },
                Node::Set(items) => match items.get(done) {
                    Some(&item) => {
                        frame.done += 1;
                        if done > 0 && done % BATCH == 0 {
                            self.out.write(&[ADDITEMS]);
                        }
                        if done % BATCH == 0 {
                            self.out.write(&[MARK]);
                        }
                        self.begin(graph, item)?;
                    }
                    None => {
                        if !items.is_empty() {
                            self.out.write(&[ADDITEMS]);
                        }
                        if !items.is_empty() && items.len() % BATCH == 0 {
                            self.out.write(&[MARK, ADDITEMS]);
                        }
                        self.open.pop();
                    }
                },
                Node::Dict(entries) => {
                    let count = entries.len();
                    self.step_dict(entries.get(done).copied(), count)?;
                }
                Node::OrderedDict(entries) => {
                    let count = entries.len();
                    self.step_ordered(entries.get(done).copied(), count)?;
                }
                Node::Tuple(items) => match items.get(done) {
                    Some(&item) => {
                        frame.done += 1;
                        self.begin(graph, item)?;
                    }
                    None => {
                        self.end_tuple(graph, id, items.len());
                        self.open.pop();
                    }
                },
                Node::FrozenSet(items) => match items.get(done) {
                    Some(&item) => {
                        frame.done += 1;
                        self.begin(graph, item)?;
                    }
                    None => {
                        self.out.write(&[FROZENSET]);
                        self.remember(graph, id);
                        self.open.pop();
                    }
                },
                _ => {
                    self.open.pop();
                }
            }
        }
        Ok(())
    }

    fn step_dict(&mut self, entry: Option<(NodeId, NodeId)>, count: usize) -> Result<(), PickleError> {
        let Some(frame) = self.open.last_mut() else { return Ok(()) };
        let (graph, done) = (frame.graph, frame.done);
        match (entry, frame.in_entry) {
            (Some((key, _)), false) => {
                frame.in_entry = true;
                if done > 0 {
                    self.end_entry(done - 1, count);
                }
                self.begin_entry(done, count);
                self.key(graph, key)
            }
            (Some((_, value)), true) => {
                frame.in_entry = false;
                frame.done += 1;
                self.begin(graph, value)
            }
            (None, _) => {
                self.open.pop();
                if count > 0 {
                    self.end_entry(count - 1, count);
                }
                Ok(())
            }
        }
    }

    /// CPython writes the items of any but a plain dictionary by another loop: a batch of one has no mark.
    fn step_ordered(&mut self, entry: Option<(NodeId, NodeId)>, count: usize) -> Result<(), PickleError> {
        let Some(frame) = self.open.last_mut() else { return Ok(()) };
        let (graph, done) = (frame.graph, frame.done);
        let alone = |batch: usize| count - batch * BATCH == 1;
        let end = |out: &mut Frames, done: usize| {
            if done > 0 && (done.is_multiple_of(BATCH) || done == count) {
                out.write(&[if alone((done - 1) / BATCH) { SETITEM } else { SETITEMS }]);
            }
        };
        match (entry, frame.in_entry) {
            (Some((key, _)), false) => {
                frame.in_entry = true;
                end(&mut self.out, done);
                if done % BATCH == 0 && !alone(done / BATCH) {
                    self.out.write(&[MARK]);
                }
                self.key(graph, key)
            }
            (Some((_, value)), true) => {
                frame.in_entry = false;
                frame.done += 1;
                self.begin(graph, value)
            }
            (None, _) => {
                self.open.pop();
                end(&mut self.out, count);
                Ok(())
            }
        }
    }

    fn graph(&mut self, graph: &'g Graph) -> usize {
        let known = self.graphs.iter().rposition(|(known, _)| std::ptr::eq(*known, graph));
        known.unwrap_or_else(|| {
            self.graphs.push((graph, vec![NO; graph.nodes.len()]));
            self.graphs.len() - 1
        })
    }

    fn key(&mut self, graph: usize, id: NodeId) -> Result<(), PickleError> {
        let of = self.graphs[graph].0;
        let Node::Str(blob) = of.node(id) else { return self.begin(graph, id) };
        let number = self.graphs[graph].1[id.at()];
        if number != NO {
            self.out.boundary()?;
            self.recall(number);
            return Ok(());
        }
        let text = of.bytes(blob);
        self.name(Cow::Borrowed(text))?;
        if let Some(&number) = self.strings.get(text) {
            self.graphs[graph].1[id.at()] = number;
        }
        Ok(())
    }

    /// Writes a value, or opens it.
    pub(super) fn begin(&mut self, graph: usize, id: NodeId) -> Result<(), PickleError> {
        self.out.boundary()?;
        let (of, numbers) = &self.graphs[graph];
        let of = *of;
        let number = numbers.get(id.at()).copied().unwrap_or(NO);
        let node = of.node(id);
        if number != NO {
            self.recall(number);
            return Ok(());
        }
        match node {
            Node::None => self.out.write(&[NONE]),
            Node::Bool(value) => self.out.write(&[if *value { NEWTRUE } else { NEWFALSE }]),
            Node::Int(value) => self.write_int(*value),
            Node::Long(blob) => self.write_long(of.bytes(blob)),
            Node::Float(value) => {
                self.out.write(&[BINFLOAT]);
                self.out.write(&value.to_be_bytes());
            }
            Node::Str(blob) => {
                let text = of.bytes(blob);
                // `json.loads` makes one object of each of these.
                if of.from_json && is_single(text) {
                    return self.key(graph, id);
                }
                self.write_text(text);
                self.remember(graph, id);
            }
            Node::Bytes(blob) => {
                self.write_bytes(of.bytes(blob));
                self.remember(graph, id);
            }
            Node::ByteArray(blob) => {
                self.write_byte_array(of.bytes(blob))?;
                self.remember(graph, id);
            }
            Node::Tuple(items) if items.is_empty() => self.out.write(&[EMPTY_TUPLE]),
            Node::List(_) | Node::Dict(_) | Node::Set(_) | Node::OrderedDict(_) => {
                match node {
                    Node::List(_) => self.out.write(&[EMPTY_LIST]),
                    Node::Dict(_) => self.out.write(&[EMPTY_DICT]),
                    Node::Set(_) => self.out.write(&[EMPTY_SET]),
                    _ => {
                        self.class("collections", "OrderedDict")?;
                        self.out.boundary()?;
                        self.out.write(&[EMPTY_TUPLE, REDUCE]);
                    }
                }
                self.remember(graph, id);
                self.open.push(Frame { graph, id, done: 0, in_entry: false });
            }
            Node::FrozenSet(_) => {
                self.out.write(&[MARK]);
                self.open.push(Frame { graph, id, done: 0, in_entry: false });
            }
            Node::Tuple(items) => {
                if items.len() > 3 {
                    self.out.write(&[MARK]);
                }
                self.open.push(Frame { graph, id, done: 0, in_entry: false });
            }
            Node::Safe(text) => {
                self.class("django.utils.safestring", "SafeString")?;
                self.begin(graph, *text)?;
                self.args(1);
                self.out.write(&[NEWOBJ]);
                self.remember(graph, id);
            }
            _ => {
                self.moment_or_number(graph, node)?;
                self.remember(graph, id);
            }
        }
        Ok(())
    }

    fn end_tuple(&mut self, graph: usize, id: NodeId, length: usize) {
        let number = self.graphs[graph].1[id.at()];
        if number != NO {
            // It was written inside itself: what stands on the stack is dropped.
            match length {
                1..=3 => self.out.write(&[POP, POP, POP][..length]),
                _ => self.out.write(&[POP_MARK]),
            }
            self.recall(number);
            return;
        }
        match length {
            1..=3 => self.out.write(&[[TUPLE1, TUPLE2, TUPLE3][length - 1]]),
            _ => self.out.write(&[TUPLE]),
        }
        self.remember(graph, id);
    }

    fn remember(&mut self, graph: usize, id: NodeId) {
        let number = match self.built.take() {
            Some(number) => number,
            None => self.memoize(),
        };
        if let Some(place) = self.graphs[graph].1.get_mut(id.at()) {
            *place = number;
        }
    }
}

/// Whether Python has only one object for such a string: none or one character of Latin-1.
fn is_single(text: &[u8]) -> bool {
    matches!(text, [] | [_] | [0xc2 | 0xc3, _])
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
