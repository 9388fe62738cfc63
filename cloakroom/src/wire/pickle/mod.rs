//! Python's `pickle`: a reader that knows data only, and a writer in the bytes of CPython's own.
//!
//! Django's caches hold a session as a pickled dictionary (B-97). Python's unpickler calls whatever a pickle names;
//! this one never calls anything. It reads protocols 0 to 5 into a graph of values, in which a value may stand in
//! several places and in itself:
//!
//! - `None`, `bool`, `int` of any size, `float`, `str` (also with half of a surrogate pair), `bytes`, `bytearray`,
//!   `list`, `tuple`, `dict` with any keys, `set`, `frozenset`;
//! - `datetime.date`, `datetime`, `time`, `timedelta`, `timezone`, `zoneinfo.ZoneInfo`, `decimal.Decimal`, `uuid.UUID`,
//!   `collections.OrderedDict` and Django's `SafeString`, each with the arguments that it writes itself and no others.
//!
//! Any other class or function, an object's own state, persistent ids, the extension registry and buffers that travel
//! apart are typed errors. So is what takes too much: [`MAX_BYTES`] and [`MAX_MEMORY`] bound input, output and work,
//! and nothing here recurses, however deep values are nested. What stands behind the pickle's end is left alone, as
//! Python does.
//!
//! The writer writes protocols 4 (django-redis) and 5 (Django's own caches). Of a value that came out of JSON its bytes
//! are those of CPython's pickler after `json.loads`.
//!
//! Sources: the opcodes in Python's `pickletools`, [PEP 3154](https://peps.python.org/pep-3154/) (protocol 4, frames),
//! [PEP 574](https://peps.python.org/pep-0574/) (protocol 5), and the bytes that CPython 3.11 writes.
//!
//! ```
//! use bytes::Bytes;
//! use cloakroom::wire::pickle::{self, Protocol};
//!
//! let bytes = pickle::from_json(r#"{"visits":3}"#, Protocol::Five)?;
//! assert_eq!(bytes, b"\x80\x05\x95\x0f\0\0\0\0\0\0\0}\x94\x8c\x06visits\x94K\x03s.");
//!
//! let read = pickle::read(&Bytes::from(bytes))?;
//! assert_eq!(read.to_json()?, r#"{"visits":3}"#);
//! # Ok::<(), pickle::PickleError>(())
//! ```

mod error;
mod frames;
mod from_json;
mod global;
mod integer;
mod keys;
mod memo;
mod moment;
mod node;
mod opcode;
mod read;
mod read_scalars;
mod show;
mod text;
mod write;
mod write_calls;
mod write_scalars;

use bytes::Bytes;

use crate::wire::json::{JsonError, scan};

pub use error::PickleError;
pub(crate) use from_json::{JsonReader, unescape};
pub(crate) use node::{Graph, GraphName, NodeId};
pub(crate) use read::read_graph;
pub(crate) use show::{Show, append_key, append_value};
pub(crate) use write::Writer;

/// The most bytes of a pickle that are read or written: 64 MiB.
///
/// ```
/// use bytes::Bytes;
/// use cloakroom::wire::pickle::{MAX_BYTES, PickleError, read};
///
/// let error = read(&Bytes::from(vec![b'N'; MAX_BYTES + 1])).unwrap_err();
/// assert_eq!(error, PickleError::TooLarge { limit: MAX_BYTES });
/// ```
pub const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The most memory that a pickle's values may take, by an estimate: 128 MiB, some two million values.
///
/// ```
/// use bytes::Bytes;
/// use cloakroom::wire::pickle::{MAX_MEMORY, PickleError, read};
///
/// let nested = Bytes::from([vec![b']'; 4_000_000], vec![b'a'; 3_999_999], vec![b'.']].concat());
/// assert_eq!(read(&nested).unwrap_err(), PickleError::TooLarge { limit: MAX_MEMORY });
/// ```
pub const MAX_MEMORY: usize = 128 * 1024 * 1024;

/// The protocol that a pickle is written in.
///
/// ```
/// use cloakroom::wire::pickle::{Protocol, from_json};
///
/// assert_eq!(from_json("true", Protocol::Four)?, b"\x80\x04\x88.");
/// assert_eq!(from_json("true", Protocol::Five)?, b"\x80\x05\x88.");
/// # Ok::<(), cloakroom::wire::pickle::PickleError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Protocol 4, which django-redis writes.
    Four,
    /// Protocol 5, which Django's own caches write.
    Five,
}

impl Protocol {
    fn number(self) -> u8 {
        match self {
            Self::Four => 4,
            Self::Five => 5,
        }
    }
}

/// A pickle that was read.
///
/// ```
/// use bytes::Bytes;
/// use cloakroom::wire::pickle::{Protocol, read};
///
/// // A dictionary with a set in it, and bytes behind its end.
/// let pickle = read(&Bytes::from_static(b"\x80\x04}\x8c\x01s\x8f(K\x01K\x02\x90s.and more"))?;
/// assert_eq!(pickle.end(), 15);
/// assert!(!pickle.is_none());
/// assert_eq!(pickle.to_json()?, r#"{"s":[1,2]}"#);
/// assert_eq!(pickle.to_strict_json().unwrap_err().to_string(), "JSON cannot hold a set");
/// let again = read(&pickle.to_pickle(Protocol::Five)?.into())?;
/// assert_eq!(again.to_json()?, r#"{"s":[1,2]}"#);
/// # Ok::<(), cloakroom::wire::pickle::PickleError>(())
/// ```
pub struct Pickle {
    graph: Graph,
    end: usize,
}

impl Pickle {
    /// Where the pickle ends, in bytes from the start: behind its `STOP`.
    #[must_use]
    pub fn end(&self) -> usize {
        self.end
    }

    /// Whether the value is `None`.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.graph.is_none()
    }

    /// The value as JSON text, in which what JSON lacks is shown as text (dates, times and durations in ISO 8601,
    /// decimal numbers, UUIDs) or as an array (tuples, sets, bytes), and keys as text.
    ///
    /// # Errors
    /// A value that contains itself, is nested too deeply, has too many digits or would be more than 16 MiB of text.
    pub fn to_json(&self) -> Result<String, JsonError> {
        let mut out = String::new();
        append_value(&mut out, &self.graph, self.graph.root(), Show::Checked).map(|()| out)
    }

    /// The value as Python's `json.dumps` writes it: tuples become arrays, keys that are numbers become text.
    ///
    /// # Errors
    /// As [`Pickle::to_json`], and [`JsonError::NotJson`] where JSON lacks a value, [`JsonError::KeyNotText`] a key.
    pub fn to_strict_json(&self) -> Result<String, JsonError> {
        let mut out = String::new();
        append_value(&mut out, &self.graph, self.graph.root(), Show::Strict).map(|()| out)
    }

    /// The value as a pickle again.
    ///
    /// # Errors
    /// More than [`MAX_BYTES`].
    pub fn to_pickle(&self, protocol: Protocol) -> Result<Vec<u8>, PickleError> {
        let mut writer = Writer::new(protocol);
        writer.value(&self.graph, self.graph.root())?;
        writer.finish()
    }
}

impl std::fmt::Debug for Pickle {
    /// Leaves out the value, which is session data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pickle").field("end", &self.end).finish_non_exhaustive()
    }
}

/// Reads the pickle at the start of these bytes; what stands behind its end is not looked at.
///
/// # Errors
/// See [`PickleError`].
///
/// ```
/// use bytes::Bytes;
/// use cloakroom::wire::pickle::read;
///
/// // Protocol 0.
/// let pickle = read(&Bytes::from_static(b"(dVlist\np0\n(lI1\naI2\nas."))?;
/// assert_eq!(pickle.to_json()?, r#"{"list":[1,2]}"#);
/// # Ok::<(), cloakroom::wire::pickle::PickleError>(())
/// ```
pub fn read(bytes: &Bytes) -> Result<Pickle, PickleError> {
    let (graph, end) = read_graph(bytes)?;
    Ok(Pickle { graph, end })
}

/// The pickle of what Python reads out of a JSON text.
///
/// # Errors
/// Text that is not JSON, and more than [`MAX_BYTES`].
///
/// ```
/// use cloakroom::wire::pickle::{Protocol, from_json};
///
/// assert_eq!(from_json("[1, 256]", Protocol::Four)?, b"\x80\x04\x95\x0a\0\0\0\0\0\0\0]\x94(K\x01M\x00\x01e.");
/// assert!(from_json("[1,", Protocol::Four).is_err());
/// # Ok::<(), cloakroom::wire::pickle::PickleError>(())
/// ```
pub fn from_json(text: &str, protocol: Protocol) -> Result<Vec<u8>, PickleError> {
    scan(text)?;
    let graph = graph_of_json(text)?;
    let mut writer = Writer::new(protocol);
    writer.value(&graph, graph.root())?;
    writer.finish()
}

/// JSON text, which is valid, as Python's `json.dumps` writes what it reads.
pub(crate) fn canonical_json(text: &str) -> Result<String, PickleError> {
    let graph = graph_of_json(text)?;
    let mut out = String::new();
    append_value(&mut out, &graph, graph.root(), Show::Strict)?;
    Ok(out)
}

fn graph_of_json(text: &str) -> Result<Graph, PickleError> {
    let mut reader = JsonReader::new();
    let root = reader.read(text, 0)?;
    reader.finish(Bytes::copy_from_slice(text.as_bytes()), root)
}

/// The pickle of `None`, which marks a session that is gone.
pub(crate) fn none_pickle(protocol: Protocol) -> Vec<u8> {
    vec![opcode::PROTO, protocol.number(), opcode::NONE, opcode::STOP]
}
