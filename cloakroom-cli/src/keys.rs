//! The session keys that a command is given.

use std::io::{BufRead as _, Read as _};
use std::thread;

use cloakroom::SessionKey;
use tokio::sync::mpsc;

use crate::failure::Failure;

/// No line with a key is longer.
const LONGEST_LINE: u64 = 200;
/// So many are read ahead.
const AHEAD: usize = 100;

/// A session key; `None` for what is none.
pub(crate) type Given = Result<Option<SessionKey>, Failure>;

/// Keys from the command line, or for `-` from standard input, one a line. However many there are, one is held at a time.
pub(crate) struct Keys {
    given: std::vec::IntoIter<String>,
    reads_input: bool,
}

impl Keys {
    pub(crate) fn of(given: Vec<String>) -> Self {
        Self { given: given.into_iter(), reads_input: false }
    }

    /// The keys, read by a thread of their own: who waits for the next line can still be interrupted.
    pub(crate) fn on_thread(self) -> Result<mpsc::Receiver<Given>, Failure> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        thread::Builder::new().name("keys".to_owned()).spawn(move || {
            for given in self {
                if sender.blocking_send(given).is_err() {
                    return;
                }
            }
        })?;
        Ok(receiver)
    }
}

impl Iterator for Keys {
    type Item = Given;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reads_input {
            match line() {
                Ok(Some(line)) => return Some(Ok(key(&line))),
                Ok(None) => self.reads_input = false,
                Err(failure) => return Some(Err(failure)),
            }
        }
        match self.given.next()?.as_str() {
            "-" => {
                self.reads_input = true;
                self.next()
            }
            text => Some(Ok(key(text.as_bytes()))),
        }
    }
}

/// The next line of standard input that is not empty.
fn line() -> Result<Option<Vec<u8>>, Failure> {
    let mut input = std::io::stdin().lock();
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

fn key(text: &[u8]) -> Option<SessionKey> {
    str::from_utf8(text.trim_ascii()).ok().and_then(|text| SessionKey::parse(text).ok())
}
