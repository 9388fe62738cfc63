use crate::wire::json::JsonError;

/// A pickle that was not read, or one that was not written. Holds nothing of the data; of a refused global, its name.
///
/// ```
/// use bytes::Bytes;
/// use cloakroom::wire::pickle::{PickleError, read};
///
/// let error = read(&Bytes::from_static(b"cos\nsystem\n(Vtrue\ntR.")).unwrap_err();
/// assert_eq!(error.to_string(), "the pickle needs \"os.system\" at byte 0, and only data is read");
/// assert_eq!(read(&Bytes::from_static(b"\x80\x05]")).unwrap_err(), PickleError::Truncated);
/// ```
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PickleError {
    /// The bytes end before the pickle does.
    #[error("the pickle is cut off")]
    Truncated,
    /// Not a pickle: no such opcode, an argument out of its range, or nothing where the opcode expects a value.
    #[error("not a valid pickle at byte {offset}")]
    Syntax {
        /// Where the opcode stands, in bytes from the start.
        offset: usize,
    },
    /// A protocol that Python 3.8 to 3.14 does not know either.
    #[error("the pickle's protocol is {0}; 0 to 5 are known")]
    Protocol(u8),
    /// A class or a function outside the list of those that are data ([the module](super)).
    #[error("the pickle needs {name:?} at byte {offset}, and only data is read")]
    Global {
        /// Module and name; `?` where that is not the usual kind of name.
        name: Box<str>,
        /// Where the opcode stands, in bytes from the start.
        offset: usize,
    },
    /// What only the process that wrote the pickle could resolve: persistent ids, the extension registry, buffers that
    /// travel apart from the pickle.
    #[error("the pickle uses {what} at byte {offset}, which only data that came with it could resolve")]
    Outside {
        /// What it uses.
        what: &'static str,
        /// Where the opcode stands, in bytes from the start.
        offset: usize,
    },
    /// A class as a value, or an object without its content.
    #[error("the pickle holds {0} that is no data")]
    NotData(&'static str),
    /// A list, a dictionary or a set as a key or in a set: Python's `TypeError: unhashable type`.
    #[error("the pickle uses {0} as a key")]
    Unhashable(&'static str),
    /// More bytes than [`MAX_BYTES`](super::MAX_BYTES), or more memory than [`MAX_MEMORY`](super::MAX_MEMORY).
    #[error("the pickle takes more than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The pickled value is no dictionary.
    #[error("the pickle holds {0} and not a dictionary")]
    NotADict(&'static str),
    /// JSON text that was to be pickled.
    #[error(transparent)]
    Json(#[from] JsonError),
}
