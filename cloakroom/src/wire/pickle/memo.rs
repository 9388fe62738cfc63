use std::cmp::Ordering;
use std::collections::HashMap;

use super::node::NodeId;

/// What a pickle remembers, by number. Numbers mostly count up from 0; a huge one takes no more room than any other.
#[derive(Default)]
pub(super) struct Memo {
    dense: Vec<NodeId>,
    sparse: HashMap<u64, NodeId>,
}

impl Memo {
    pub(super) fn with_capacity(room: usize) -> Self {
        Self { dense: Vec::with_capacity(room), sparse: HashMap::new() }
    }

    pub(super) fn put(&mut self, index: u64, value: NodeId) {
        let known = self.dense.len() as u64;
        match index.cmp(&known) {
            Ordering::Equal => {
                self.sparse.remove(&index);
                self.dense.push(value);
            }
            Ordering::Greater => {
                self.sparse.insert(index, value);
            }
            Ordering::Less => self.dense[index as usize] = value,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_any_order_are_remembered_with_their_last_value() {
        let mut memo = Memo::default();
        let numbers = [0, 1, 7, 7, 1, u64::MAX, 2];
        for (at, number) in numbers.into_iter().enumerate() {
            memo.put(number, NodeId(at as u32));
        }
        let found = [0, 1, 2, 7, u64::MAX].map(|number| memo.get(number).map(|id| id.0));
        assert_eq!(found, [Some(0), Some(4), Some(6), Some(3), Some(5)]);
        assert_eq!((memo.get(3), memo.count()), (None, 5));
    }

    #[test]
    fn a_number_that_came_early_is_counted_once() {
        let mut memo = Memo::default();
        memo.put(1, NodeId(1));
        memo.put(0, NodeId(0));
        memo.put(1, NodeId(2));
        assert_eq!((memo.get(1), memo.count()), (Some(NodeId(2)), 2));
    }
}
