//! Pickles: a value or a typed error, and what is written is read as the same value.

use bytes::Bytes;
use cloakroom::wire::pickle::{self, PickleError, Protocol};

pub fn check(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(bytes) = pickle::from_json(text, Protocol::Five)
    {
        let read = pickle::read(&bytes.into()).expect("what is written is read");
        read.to_strict_json().expect("what was JSON is JSON");
    }
    let Ok(read) = pickle::read(&Bytes::copy_from_slice(data)) else { return };
    assert!(read.end() <= data.len());
    let _ = read.to_strict_json();
    let shown = read.to_json();
    for protocol in [Protocol::Four, Protocol::Five] {
        let bytes = match read.to_pickle(protocol) {
            Ok(bytes) => bytes,
            Err(PickleError::TooLarge { .. }) => continue,
            Err(error) => panic!("it was read and is not written: {error}"),
        };
        let again = pickle::read(&Bytes::from(bytes.clone())).expect("what is written is read");
        assert_eq!(again.end(), bytes.len());
        assert_eq!(again.to_json(), shown);
        assert_eq!(again.to_pickle(protocol).as_ref(), Ok(&bytes));
    }
}
