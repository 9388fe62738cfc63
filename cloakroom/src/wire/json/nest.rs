//! How deep a place in a JSON text is.

use super::error::JsonError;
use super::scan::MAX_DEPTH;

/// Which of the open containers are objects: a bit for each.
pub(super) struct Nest {
    objects: [u64; MAX_DEPTH.div_ceil(64)],
    pub(super) depth: usize,
}

impl Nest {
    pub(super) fn new() -> Self {
        Self { objects: [0; _], depth: 0 }
    }

    pub(super) fn push(&mut self, object: bool, base: usize) -> Result<(), JsonError> {
        if base + self.depth >= MAX_DEPTH {
            return Err(JsonError::TooDeep { limit: MAX_DEPTH });
        }
        let (word, bit) = (self.depth / 64, self.depth % 64);
        self.objects[word] = self.objects[word] & !(1 << bit) | u64::from(object) << bit;
        self.depth += 1;
        Ok(())
    }

    pub(super) fn in_object(&self) -> bool {
        self.depth.checked_sub(1).is_some_and(|top| self.objects[top / 64] >> (top % 64) & 1 == 1)
    }
}
