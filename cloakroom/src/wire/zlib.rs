//! Python's `zlib` module, with an upper limit on what is unpacked.
//!
//! ```
//! use cloakroom::wire::zlib;
//!
//! let packed = zlib::compress(b"visits, visits and visits");
//! assert_eq!(zlib::decompress(&packed, zlib::MAX_PAYLOAD)?, b"visits, visits and visits");
//! # Ok::<(), zlib::ZlibError>(())
//! ```

use std::cell::Cell;
use std::thread::LocalKey;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// The most bytes of session data that are unpacked: 16 MiB.
///
/// A cookie holds 4 kB and a memcached item 1 MiB, so no honest session comes near; but 16 kB of zeros, compressed a
/// thousandfold, would.
///
/// ```
/// use cloakroom::wire::zlib::{self, MAX_PAYLOAD, ZlibError};
///
/// let bomb = zlib::compress(&vec![0; MAX_PAYLOAD + 1]);
/// assert!(bomb.len() < 20_000);
/// assert_eq!(zlib::decompress(&bomb, MAX_PAYLOAD), Err(ZlibError::TooLarge { limit: MAX_PAYLOAD }));
/// ```
pub const MAX_PAYLOAD: usize = 16 * 1024 * 1024;

/// Below this length no zlib stream can be shorter than the data by more than one byte.
///
/// Header and checksum take 6 bytes. A deflate block that saves anything holds at least one literal (8 bits or, where
/// it brings its own code table, more than 50 bits of table) and one match (12 bits or more) between its header (3) and
/// its end mark (7): 30 bits, 4 bytes. So at least 10 bytes, which pays from 12 bytes on.
const SHORTEST_GAIN: usize = 12;

/// What a thread keeps for its next compression. More is given back.
const KEPT_SCRATCH: usize = 65_536;

/// A stream that was not unpacked.
///
/// ```
/// use cloakroom::wire::zlib::{self, ZlibError};
///
/// let packed = zlib::compress(b"visits");
/// assert_eq!(zlib::decompress(&packed[..5], 100), Err(ZlibError::Truncated));
/// assert_eq!(zlib::decompress(b"visits", 100), Err(ZlibError::Corrupt));
/// let error = zlib::decompress(&packed, 5).unwrap_err();
/// assert_eq!(error.to_string(), "the compressed data unpacks to more than 5 bytes");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ZlibError {
    /// Not a zlib stream, or damaged: the header, a code or the checksum is wrong, or it needs a preset dictionary.
    #[error("the compressed data is damaged")]
    Corrupt,
    /// The stream ends too early.
    #[error("the compressed data is cut off")]
    Truncated,
    /// It would unpack to more than the limit allows.
    #[error("the compressed data unpacks to more than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
}

thread_local! {
    // To create either state costs more than to use it on a session; `reset` is cheap.
    static DEFLATER: Cell<Option<Box<Deflater>>> = const { Cell::new(None) };
    static INFLATER: Cell<Option<Box<Inflater>>> = const { Cell::new(None) };
}

/// Lends the thread's own state to `work`, or a fresh one where there is none (yet, or any more).
fn with_state<S: Default, R>(kept: &'static LocalKey<Cell<Option<Box<S>>>>, work: impl FnOnce(&mut S) -> R) -> R {
    let mut state = kept.try_with(Cell::take).ok().flatten().unwrap_or_default();
    let result = work(&mut state);
    // A thread that is ending has no place to keep it.
    let _ = kept.try_with(|kept| kept.set(Some(state)));
    result
}

struct Deflater {
    state: Compress,
    scratch: Vec<u8>,
}

impl Default for Deflater {
    fn default() -> Self {
        Self { state: Compress::new(Compression::new(6), true), scratch: Vec::new() }
    }
}

impl Deflater {
    /// The stream, unless it would take more than `room` bytes.
    fn run(&mut self, data: &[u8], room: usize) -> Option<&[u8]> {
        self.state.reset();
        self.scratch.clear();
        self.scratch.reserve(room);
        let status = self.state.compress_vec(data, &mut self.scratch, FlushCompress::Finish);
        (matches!(status, Ok(Status::StreamEnd)) && self.scratch.len() <= room).then_some(&self.scratch)
    }

    fn shrink(&mut self) {
        self.scratch.clear();
        self.scratch.shrink_to(KEPT_SCRATCH);
    }
}

struct Inflater(Decompress);

impl Default for Inflater {
    fn default() -> Self {
        Self(Decompress::new(true))
    }
}

impl Inflater {
    fn run(&mut self, data: &[u8], limit: usize) -> Result<Vec<u8>, ZlibError> {
        self.0.reset(true);
        // One byte over the limit tells an end at the limit from an excess.
        let most = limit.saturating_add(1);
        let mut out = Vec::with_capacity(data.len().saturating_mul(4).clamp(64, 64 * 1024).min(most));
        loop {
            let consumed = usize::try_from(self.0.total_in()).unwrap_or(usize::MAX);
            let rest = data.get(consumed..).unwrap_or_default();
            let status = self.0.decompress_vec(rest, &mut out, FlushDecompress::None);
            if out.len() > limit {
                return Err(ZlibError::TooLarge { limit });
            }
            match status {
                Ok(Status::StreamEnd) => return Ok(out),
                Err(_) => return Err(ZlibError::Corrupt),
                Ok(_) if out.len() == out.capacity() => {
                    let more = out.len().max(64).min(most - out.len());
                    out.reserve_exact(more);
                }
                // With room left, inflate stops only where there is nothing more to read.
                Ok(_) => return Err(ZlibError::Truncated),
            }
        }
    }
}

/// Compresses as Python's `zlib.compress` does by default: level 6, with zlib header and checksum.
///
/// The bytes may differ from those of another zlib, but every zlib unpacks them.
///
/// ```
/// use cloakroom::wire::zlib;
///
/// let packed = zlib::compress(&[b'a'; 1_000]);
/// assert!(packed.len() < 30);
/// assert_eq!(zlib::decompress(&packed, 1_000).unwrap(), [b'a'; 1_000]);
/// ```
#[must_use]
pub fn compress(data: &[u8]) -> Vec<u8> {
    // More than deflate ever needs, so that one call is enough.
    let room = data.len() + data.len() / 8 + 64;
    with_state(&DEFLATER, |deflater| {
        let packed = deflater.run(data, room).map_or_else(|| stored(data), <[u8]>::to_vec);
        deflater.shrink();
        packed
    })
}

/// Calls `then` with the compressed data, if that is shorter by more than one byte (Django's rule, B-44).
pub(crate) fn with_shorter<R>(data: &[u8], then: impl FnOnce(Option<&[u8]>) -> R) -> R {
    if data.len() < SHORTEST_GAIN {
        return then(None);
    }
    with_state(&DEFLATER, |deflater| {
        let result = then(deflater.run(data, data.len() - 2));
        deflater.shrink();
        result
    })
}

/// A zlib stream that holds the data as it is, which takes no deflate to write.
fn stored(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x9c];
    let mut blocks = data.chunks(usize::from(u16::MAX)).peekable();
    if blocks.peek().is_none() {
        out.extend([1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let length = block.len() as u16;
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    let (low, high) = data.iter().fold((1_u32, 0_u32), |(low, high), &byte| {
        let low = (low + u32::from(byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    out.extend((high << 16 | low).to_be_bytes());
    out
}

/// Unpacks a zlib stream, up to `limit` bytes. Bytes after the end of the stream are ignored, as in Python.
///
/// Allocates at most about the limit, however much the stream claims.
///
/// # Errors
/// [`ZlibError`].
///
/// ```
/// use cloakroom::wire::zlib::{self, ZlibError};
///
/// let packed = zlib::compress(b"visits");
/// assert_eq!(zlib::decompress(&packed, 6)?, b"visits");
/// assert_eq!(zlib::decompress(&packed, 5), Err(ZlibError::TooLarge { limit: 5 }));
/// # Ok::<(), ZlibError>(())
/// ```
pub fn decompress(data: &[u8], limit: usize) -> Result<Vec<u8>, ZlibError> {
    with_state(&INFLATER, |inflater| inflater.run(data, limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cut_is_truncated() {
        let packed = compress(b"abc abc abc abc");
        for end in 0..packed.len() {
            assert_eq!(decompress(&packed[..end], 100), Err(ZlibError::Truncated), "{end}");
        }
    }

    #[test]
    fn damage_is_told_and_trailing_bytes_are_ignored() {
        let packed = compress(b"abc abc abc abc");
        let with = |at: usize, flip: u8| {
            let mut damaged = packed.clone();
            damaged[at] ^= flip;
            decompress(&damaged, 100)
        };
        assert_eq!(with(0, 0x0f), Err(ZlibError::Corrupt));
        assert_eq!(with(packed.len() - 1, 1), Err(ZlibError::Corrupt));
        // FDICT set, the header's check bits put right: a preset dictionary is asked for.
        assert_eq!(decompress(&[0x78, 0xbb, 0, 0, 0, 1, 3, 0], 100), Err(ZlibError::Corrupt));
        let trailed = [&packed[..], b"trailing"].concat();
        assert_eq!(decompress(&trailed, 100).unwrap(), b"abc abc abc abc");
    }

    #[test]
    fn the_limit_is_exact() {
        for length in [0, 1, 63, 64, 65, 1_000, 70_000] {
            let data = vec![b'x'; length];
            for packed in [compress(&data), stored(&data)] {
                assert_eq!(decompress(&packed, length).as_ref(), Ok(&data));
                assert_eq!(decompress(&packed, usize::MAX).as_ref(), Ok(&data));
                if length > 0 {
                    let limit = length - 1;
                    assert_eq!(decompress(&packed, limit), Err(ZlibError::TooLarge { limit }));
                }
            }
        }
    }

    #[test]
    fn what_deflate_shortens_by_little_is_shortened() {
        // Evenly spread over 240 values: 1 % less than a byte each.
        let mut state = 1_u32;
        let data: Vec<u8> = (0..60_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ((state >> 8) % 240) as u8
            })
            .collect();
        let packed = compress(&data);
        assert!(packed.len() < data.len(), "{}", packed.len());
        assert_eq!(decompress(&packed, data.len()), Ok(data));
    }

    #[test]
    fn a_thread_keeps_little_memory_after_a_large_compression() {
        let kept = || with_state(&DEFLATER, |deflater| (deflater.scratch.len(), deflater.scratch.capacity()));
        let data: Vec<u8> = (0..1_000_000_u32).flat_map(|n| n.to_le_bytes()).collect();
        let _ = compress(&data);
        assert!(matches!(kept(), (0, ..=KEPT_SCRATCH)), "{:?}", kept());
        with_shorter(&data, |shorter| assert!(shorter.is_some()));
        assert!(matches!(kept(), (0, ..=KEPT_SCRATCH)), "{:?}", kept());
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let packed = compress(&vec![0; 4 * MAX_PAYLOAD]);
        assert!(packed.len() < 200_000);
        assert_eq!(decompress(&packed, MAX_PAYLOAD), Err(ZlibError::TooLarge { limit: MAX_PAYLOAD }));
    }

    #[test]
    fn nothing_shorter_than_the_bound_gains() {
        // The best case there is: one byte, repeated.
        for length in 0..=SHORTEST_GAIN {
            let data = vec![b'a'; length];
            let gains = compress(&data).len() + 1 < length;
            assert!(!gains || length >= SHORTEST_GAIN);
            assert_eq!(with_shorter(&data, |shorter| shorter.is_some()), gains, "{length}");
        }
    }

    #[test]
    fn the_limit_of_session_data_is_16_mib() {
        assert_eq!(MAX_PAYLOAD, 16_777_216);
    }
}
