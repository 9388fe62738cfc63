//! The bytes of a pickle in frames, as CPython's own pickler cuts them.

use super::opcode::FRAME;
use super::{MAX_BYTES, PickleError};

/// A frame is closed at the first opcode of a value after so many bytes; a string as long stands outside of all.
const TARGET: usize = 64 * 1024;
/// Less than this is not worth a frame.
const SMALLEST: usize = 4;
/// The opcode and the length.
const HEADER: usize = 9;

pub(super) struct Frames {
    out: Vec<u8>,
    /// Where the header of the open frame stands.
    open: Option<usize>,
}

impl Frames {
    /// What stands before all frames.
    pub(super) fn after(header: &[u8]) -> Self {
        let mut out = Vec::with_capacity(512);
        out.extend_from_slice(header);
        Self { out, open: None }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        if self.open.is_none() {
            self.open = Some(self.out.len());
            self.out.extend_from_slice(&[0; HEADER]);
        }
        self.out.extend_from_slice(bytes);
    }

    /// A value begins: the place to end a frame.
    pub(super) fn boundary(&mut self) -> Result<(), PickleError> {
        self.check_size()?;
        if self.open.is_some_and(|open| self.out.len() - open - HEADER >= TARGET) {
            self.close();
        }
        Ok(())
    }

    pub(super) fn check_size(&self) -> Result<(), PickleError> {
        if self.out.len() > MAX_BYTES { Err(PickleError::TooLarge { limit: MAX_BYTES }) } else { Ok(()) }
    }

    /// A header and what it announces.
    pub(super) fn write_long(&mut self, header: &[u8], bytes: &[u8]) {
        if bytes.len() < TARGET {
            self.write(header);
            self.write(bytes);
        } else {
            self.close();
            self.out.extend_from_slice(header);
            self.out.extend_from_slice(bytes);
        }
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let length = self.out.len() - open - HEADER;
        if length < SMALLEST {
            self.out.drain(open..open + HEADER);
        } else {
            self.out[open] = FRAME;
            self.out[open + 1..open + HEADER].copy_from_slice(&(length as u64).to_le_bytes());
        }
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.close();
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long each frame is.
    fn lengths(mut pickle: &[u8]) -> Vec<usize> {
        let mut found = Vec::new();
        while let Some((&FRAME, rest)) = pickle.split_first() {
            let (length, rest) = rest.split_first_chunk().unwrap();
            found.push(u64::from_le_bytes(*length) as usize);
            pickle = &rest[*found.last().unwrap()..];
        }
        found
    }

    // CPython's `_Framer`: a frame is ended by the first value after 64 KiB, and one below 4 bytes is none.
    #[test]
    fn frames_end_at_the_first_value_after_64_kib() {
        let mut frames = Frames::after(&[]);
        for _ in 0..2 {
            frames.write(&[0; TARGET - 1]);
            frames.boundary().unwrap();
            frames.write(&[0]);
            frames.boundary().unwrap();
        }
        frames.write(&[0; SMALLEST]);
        assert_eq!(lengths(&frames.finish()), [TARGET, TARGET, SMALLEST]);
        let mut frames = Frames::after(b"head");
        frames.write(&[1; SMALLEST - 1]);
        assert_eq!(frames.finish(), b"head\x01\x01\x01");
    }

    #[test]
    fn a_pickle_of_64_mib_is_written_and_a_longer_one_is_not() {
        let mut frames = Frames::after(&[]);
        frames.write_long(&[], &vec![0; MAX_BYTES]);
        assert_eq!((frames.check_size(), frames.boundary()), (Ok(()), Ok(())));
        frames.write_long(&[], &[0; TARGET]);
        assert_eq!(frames.check_size(), Err(PickleError::TooLarge { limit: MAX_BYTES }));
        assert_eq!(frames.boundary(), Err(PickleError::TooLarge { limit: MAX_BYTES }));
    }
}
