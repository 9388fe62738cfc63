use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::super::{from_json, read};
use super::*;

/// The first bytes of the SHA-256 of what is written, in protocol 4, of these opcodes around as many integers.
fn hash(count: usize, open: &[u8], entry: fn(u16) -> Vec<u8>, close: &[u8]) -> String {
    let items: Vec<u8> = (0..count as u16).flat_map(entry).collect();
    let pickle = Bytes::from([open, &items, close].concat());
    let written = read(&pickle).unwrap().to_pickle(Protocol::Four).unwrap();
    Sha256::digest(written).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn item(number: u16) -> Vec<u8> {
    [&b"M"[..], &number.to_le_bytes()].concat()
}

fn entry(number: u16) -> Vec<u8> {
    [item(number), b"N".to_vec()].concat()
}

// CPython 3.11: `sha256(pickle.dumps(value, 4))` of list(range(n)), dict.fromkeys(range(n)), set(range(n)) and
// OrderedDict.fromkeys(range(n)).
#[test]
fn containers_are_written_in_pythons_batches() {
    let hashes = [
        (0, ["ec0a6ccf9debf1c1", "926248e52d1fa532", "bea826fb2bda1fb3", "eed144539ca02d88"]),
        (1, ["51d3e4034ce94468", "9608315d087bc24c", "ec80a3f22bf445f9", "93bb87e280abfb95"]),
        (2, ["e7f274cfcedf0fdb", "8e0936b4614acd11", "b88c2222d799757b", "8539546cb9a3f910"]),
        (999, ["cc86163e880becec", "2eb76f32d62bec03", "bef32115c6ac9c50", "0ee2c1f579ed25a7"]),
        (1000, ["22d4f97e6fbaf3cd", "448e1be019c1fb86", "2af590cb9a18a5c9", "d9c80e46fa219452"]),
        (1001, ["161e50d7236aad50", "ade30f46938a2020", "cb322ecb5d03749e", "2420a60dccc03cef"]),
        (1002, ["ef21457504ed2a5f", "0286f538269dbfe7", "34ba0efee3f9854e", "88379709e24cd8b5"]),
        (2000, ["66968e242707f42b", "33c76a81a7ea5e99", "7d3e7b6f09fa549f", "21fc7a94ef0d82b2"]),
        (2001, ["39104958bc743e3e", "01bb5df80fd0a16c", "229282a823826ab1", "dfb7f57fb555ef73"]),
    ];
    for (count, [list, dict, set, ordered]) in hashes {
        assert_eq!(hash(count, b"(", item, b"l."), list, "list of {count}");
        assert_eq!(hash(count, b"(", entry, b"d."), dict, "dict of {count}");
        assert_eq!(hash(count, b"\x8f(", item, b"\x90."), set, "set of {count}");
        assert_eq!(hash(count, b"ccollections\nOrderedDict\n)R(", entry, b"u."), ordered, "OrderedDict of {count}");
    }
}

// CPython 3.11: `pickle.dumps(300, 4)` and `pickle.dumps(30, 4)`.
#[test]
fn four_bytes_are_a_frame_and_three_are_none() {
    assert_eq!(from_json("300", Protocol::Four).unwrap(), b"\x80\x04\x95\x04\0\0\0\0\0\0\0M,\x01.");
    assert_eq!(from_json("30", Protocol::Four).unwrap(), b"\x80\x04K\x1e.");
}
