//! Equal names in one object, of which the last one counts.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use super::error::JsonError;
use super::scan::{Names, Scanner};
use super::text::canonical_name;

/// Up to so many names, to compare each with each is cheaper than to sort them.
const FEW: usize = 8;

/// Finds out, while a text is scanned, whether any of its objects may hold a name twice.
///
/// It hardly ever does, and then nobody has to look again.
pub(super) struct Watch<'a> {
    text: &'a [u8],
    /// The names of the open objects, innermost last.
    names: Vec<Range<usize>>,
    /// For each open object, how many names there were before it.
    starts: Vec<usize>,
    possible: bool,
}

impl<'a> Watch<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text: text.as_bytes(), names: Vec::new(), starts: Vec::new(), possible: false }
    }

    /// Whether a name may have come twice. An escape in a name counts as yes: it may hide an equal one.
    pub(super) fn possible(&self) -> bool {
        self.possible
    }

    fn bytes(&self, name: &Range<usize>) -> &'a [u8] {
        self.text.get(name.clone()).unwrap_or_default()
    }
}

impl Names for Watch<'_> {
    fn open(&mut self) {
        self.starts.push(self.names.len());
    }

    fn name(&mut self, name: Range<usize>) {
        self.possible |= self.bytes(&name).contains(&b'\\');
        self.names.push(name);
    }

    fn close(&mut self) {
        let start = self.starts.pop().unwrap_or_default();
        if !self.possible && self.names.len() > start + 1 {
            let text = self.text;
            let bytes = |name: &Range<usize>| text.get(name.clone()).unwrap_or_default();
            let names = self.names.get_mut(start..).unwrap_or_default();
            self.possible = if names.len() <= FEW {
                (1..names.len()).any(|at| names[..at].iter().any(|name| bytes(name) == bytes(&names[at])))
            } else {
                names.sort_unstable_by_key(|name| bytes(name));
                names.windows(2).any(|pair| bytes(&pair[0]) == bytes(&pair[1]))
            };
        }
        self.names.truncate(start);
    }
}

/// The places of those names in an object that come again further on, in order.
///
/// The scanner stands behind the opening brace's white space, as [`Scanner::open_object`] leaves it.
pub(super) fn overridden(text: &str, mut scanner: Scanner<'_>) -> Result<Vec<usize>, JsonError> {
    let mut last: HashMap<Cow<'_, str>, usize> = HashMap::new();
    let mut places = Vec::new();
    let mut members = Scanner::first_member();
    while let Some(name) = scanner.next_name(&mut members)? {
        let raw = text.get(name.clone()).unwrap_or_default();
        places.extend(last.insert(canonical_name(raw), name.start));
        scanner.skip_value(0, &mut ())?;
    }
    places.sort_unstable();
    Ok(places)
}
