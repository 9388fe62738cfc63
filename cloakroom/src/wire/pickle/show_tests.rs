use bytes::Bytes;

use super::super::read;
use super::*;

fn shown(pickle: &[u8]) -> Result<String, JsonError> {
    read(&Bytes::copy_from_slice(pickle)).unwrap().to_json()
}

fn lossy(pickle: &[u8]) -> Result<String, JsonError> {
    let (graph, _) = super::super::read_graph(&Bytes::copy_from_slice(pickle)).unwrap();
    let mut out = String::new();
    append_value(&mut out, &graph, graph.root(), Show::Lossy).map(|()| out)
}

#[test]
fn keys_that_cannot_be_shown_are_empty_only_where_null_may_stand_for_values() {
    // {(1, huge): 2}, where the integer has more digits than are shown.
    let pickle = [&b"}K\x01\x8b\xd0\x07\0\0"[..], &[0x7f; 2_000], b"\x86K\x02s."].concat();
    assert!(matches!(shown(&pickle), Err(JsonError::IntegerTooLong { .. })));
    assert_eq!(lossy(&pickle).unwrap(), r#"{"[1,null]":2}"#);
    let alone = [&b"}\x8b\xd0\x07\0\0"[..], &[0x7f; 2_000], b"K\x02s."].concat();
    assert_eq!(lossy(&alone).unwrap(), r#"{"null":2}"#);
}

#[test]
fn text_is_shown_up_to_16_mib() {
    let text = |length: usize| [&b"X"[..], &(length as u32).to_le_bytes(), &vec![b'a'; length], b"."].concat();
    assert_eq!(shown(&text(16_777_216)).unwrap().len(), 16_777_218);
    assert_eq!(shown(&text(16_777_217)), Err(TOO_LARGE));
    // Each byte of `bytes` counts as four.
    let bytes = |length: usize| [&b"B"[..], &(length as u32).to_le_bytes(), &vec![b'a'; length], b"."].concat();
    assert_eq!(shown(&bytes(4_194_304)).unwrap().len(), 3 * 4_194_304 + 1);
    assert_eq!(shown(&bytes(4_194_305)), Err(TOO_LARGE));
    // So does what stands before it: a list of one string.
    let inside = |length: usize| [&b"(X"[..], &(length as u32).to_le_bytes(), &vec![b'a'; length], b"l."].concat();
    assert!(shown(&inside(16_777_215)).is_ok());
    assert_eq!(shown(&inside(16_777_216)), Err(TOO_LARGE));
    let inside = |length: usize| [&b"(B"[..], &(length as u32).to_le_bytes(), &vec![b'a'; length], b"l."].concat();
    assert!(shown(&inside(4_194_303)).is_ok());
    assert_eq!(shown(&inside(4_194_304)), Err(TOO_LARGE));
}

#[test]
fn after_16_mib_no_value_is_begun() {
    // The text of a string is 16 MiB and its quotes; with one byte less, a value may still follow.
    let pair = |length: usize| [&b"(X"[..], &(length as u32).to_le_bytes(), &vec![b'a'; length], b"Nl."].concat();
    assert!(shown(&pair(16_777_216 - 4)).is_ok());
    assert_eq!(shown(&pair(16_777_216 - 3)), Err(TOO_LARGE));
}

#[test]
fn a_value_in_itself_is_found_wherever_it_stands() {
    // Lists in each other, the last of which holds the first or itself; and the same lists twice beside each other.
    assert_eq!(shown(b"]]\x94h\x00aa."), Err(JsonError::NotJson("a value that contains itself")));
    for depth in [1, 2, 63, 64, 65, 130] {
        let pickle = [&b"]\x94"[..], &b"]".repeat(depth), b"h\x00a", &b"a".repeat(depth), b"."].concat();
        assert_eq!(shown(&pickle), Err(JsonError::NotJson("a value that contains itself")), "{depth}");
        let beside = [
            &b"("[..],
            &b"]\x94".repeat(depth),
            &(0..depth).flat_map(|at| [b'h', at as u8]).collect::<Vec<_>>(),
            b"l.",
        ]
        .concat();
        assert_eq!(shown(&beside).unwrap(), format!("[{}]", vec!["[]"; 2 * depth].join(",")), "{depth}");
    }
}
