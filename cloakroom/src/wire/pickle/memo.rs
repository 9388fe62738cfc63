use std::collections::HashMap;

use super::node::NodeId;

/// What a pickle remembers, by number. Numbers mostly count up from 0; a huge one takes no more room than any other.
#[derive(Default)]
pub(super) struct Memo {
    dense: Vec<NodeId>,
    sparse: HashMap<u64, NodeId>,
}

impl Memo {
    pub(super) fn put(&mut self, index: u64, value: NodeId) {
        let known = self.dense.len() as u64;
        if index == known {
            self.sparse.remove(&index);
            self.dense.push(value);
        } else if index > known {
            self.sparse.insert(index, value);
        } else if let Some(place) = self.dense.get_mut(index as usize) {
            *place = value;
        }
    }

    pub(super) fn get(&self, index: u64) -> Option<NodeId> {
        let dense = usize::try_from(index).ok().and_then(|index| self.dense.get(index));
        dense.or_else(|| self.sparse.get(&index)).copied()
    }

    /// How many are remembered: the number that `MEMOIZE` takes.
    pub(super) fn count(&self) -> u64 {
        (self.dense.len() + self.sparse.len()) as u64
    }
}
