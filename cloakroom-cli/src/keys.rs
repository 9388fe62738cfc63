//! The session keys that a command is given.

use std::io::{BufRead, Read as _, StdinLock};

use cloakroom::SessionKey;

use crate::failure::Failure;

/// No line with a key is longer.
const LONGEST_LINE: u64 = 200;

/// Keys from the command line, or for `-` from standard input, one a line: `None` for what is no key. However many there
/// are, one is held at a time.
pub(crate) struct Keys<'a> {
    given: std::slice::Iter<'a, String>,
    input: Option<StdinLock<'static>>,
}

impl<'a> Keys<'a> {
    pub(crate) fn of(given: &'a [String]) -> Self {
        Self { given: given.iter(), input: None }
    }

    /// The next line that is not empty.
    fn line(input: &mut StdinLock<'static>) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            let mut line = Vec::new();
            let read = input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
            let read = read.map_err(|error| Failure::new(format!("standard input cannot be read: {error}")))?;
            if read == 0 {
                return Ok(None);
            }
            if read as u64 == LONGEST_LINE && line.last() != Some(&b'\n') {
                return Err(Failure::new("standard input does not hold session keys, one a line"));
            }
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
    }
}

impl Iterator for Keys<'_> {
    type Item = Result<Option<SessionKey>, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(input) = &mut self.input {
            match Self::line(input) {
                Ok(Some(line)) => return Some(Ok(key(&line))),
                Ok(None) => self.input = None,
                Err(failure) => return Some(Err(failure)),
            }
        }
        match self.given.next()?.as_str() {
            "-" => {
                self.input = Some(std::io::stdin().lock());
                self.next()
            }
            text => Some(Ok(key(text.as_bytes()))),
        }
    }
}

fn key(text: &[u8]) -> Option<SessionKey> {
    str::from_utf8(text.trim_ascii()).ok().and_then(|text| SessionKey::parse(text).ok())
}
