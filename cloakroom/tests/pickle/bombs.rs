//! Pickles made to harm whoever reads them: each is an error or a value, at once and in little memory.

use std::time::{Duration, Instant};

use cloakroom::wire::json::JsonError;
use cloakroom::wire::pickle::{PickleError, Protocol, read};

fn fast<T>(work: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let answer = work();
    // Far more than it takes, also without optimisation and beside other work; far less than a bomb would.
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
    answer
}

fn parts(parts: &[&[u8]]) -> bytes::Bytes {
    parts.concat().into()
}

#[test]
fn a_million_lists_in_each_other() {
    let depth = 1_000_000;
    let pickle = parts(&[b"\x80\x05", &b"]".repeat(depth), &b"a".repeat(depth - 1), b"."]);
    fast(|| {
        let value = read(&pickle).unwrap();
        assert!(matches!(value.to_json(), Err(JsonError::TooDeep { .. })));
        let again = value.to_pickle(Protocol::Five).unwrap();
        assert!(read(&again.into()).is_ok());
        drop(value);
    });
    let tuples = parts(&[b"\x80\x05}", b")", &b"\x85".repeat(depth), b"Ns."]);
    let value = fast(|| read(&tuples)).unwrap();
    assert!(matches!(value.to_json(), Err(JsonError::TooDeep { .. })));
}

#[test]
fn lists_of_4_mb_are_too_large() {
    let pickle = parts(&[&b"]".repeat(4 << 20), &b"a".repeat((4 << 20) - 1), b"."]);
    assert!(matches!(fast(|| read(&pickle)), Err(PickleError::TooLarge { .. })));
    let marks = parts(&[&b"(".repeat(4 << 20), &b"l".repeat(4 << 20), b"."]);
    assert!(matches!(fast(|| read(&marks)), Err(PickleError::TooLarge { .. })));
}

/// Each list holds the one before it twice.
fn doubled(times: usize, open: &[u8], close: &[u8]) -> Vec<u8> {
    let mut pickle = b"]\x94".to_vec();
    for round in 0..times {
        pickle.extend([open, b"h", &[round as u8], b"h", &[round as u8], close, b"\x94"].concat());
    }
    pickle
}

#[test]
fn sharing_that_grows_exponentially() {
    let pickle = parts(&[&doubled(60, b"(", b"l"), b"."]);
    let value = read(&pickle).unwrap();
    assert_eq!(fast(|| value.to_json()), Err(JsonError::NotJson("a value of this size")));
    let written = fast(|| value.to_pickle(Protocol::Four)).unwrap();
    assert!(written.len() < 1_000);
    // As keys, which Python would hash one by one.
    let mut tuples = b"})\x94".to_vec();
    for round in 0..60 {
        tuples.extend([b'0', b'h', round, b'h', round, b'\x86', b'\x94']);
    }
    tuples.extend(b"Ns.");
    let value = fast(|| read(&tuples.into())).unwrap();
    assert!(fast(|| value.to_json()).is_err());
}

#[test]
fn lists_that_contain_themselves() {
    let value = read(&parts(&[b"\x80\x04]\x94h\x00a."])).unwrap();
    assert_eq!(value.to_json(), Err(JsonError::NotJson("a value that contains itself")));
    assert_eq!(value.to_strict_json(), Err(JsonError::NotJson("a value that contains itself")));
    assert_eq!(value.to_pickle(Protocol::Four).unwrap(), b"\x80\x04\x95\x06\0\0\0\0\0\0\0]\x94h\x00a.");
    let many = parts(&[b"\x80\x04]\x94(", &b"h\x00".repeat(100_000), b"e."]);
    let value = read(&many).unwrap();
    assert!(fast(|| value.to_json()).is_err());
}

#[test]
fn huge_numbers_of_the_memo_and_huge_lengths() {
    let value = read(&parts(&[b"Nr\xff\xff\xff\xffp99999999999999999\ng99999999999999999\n."])).unwrap();
    assert!(value.is_none());
    let cut: [&[u8]; 9] = [
        b"X\xff\xff\xff\xff",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x96\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"B\xff\xff\xff\xff",
        b"\x8b\xff\xff\xff\x7f",
        b"\x95\xff\xff\xff\xff\xff\xff\xff\xff",
        b"T\xff\xff\xff\x7f",
        b"\x8aa",
    ];
    for pickle in cut {
        assert_eq!(read(&parts(&[pickle, b"x."])).unwrap_err(), PickleError::Truncated, "{pickle:?}");
    }
    for pickle in [&b"\x8b\xff\xff\xff\xff."[..], b"h\x00.", b"Np-1\n.", b"gx\n."] {
        assert!(matches!(read(&parts(&[pickle])).unwrap_err(), PickleError::Syntax { .. }), "{pickle:?}");
    }
}

#[test]
fn huge_integers() {
    let pickle = parts(&[b"\x80\x02\x8b\x00\x00\x10\x00", &b"\x7f".repeat(1 << 20), b"."]);
    let value = read(&pickle).unwrap();
    assert!(matches!(fast(|| value.to_json()), Err(JsonError::IntegerTooLong { .. })));
    let written = value.to_pickle(Protocol::Five).unwrap();
    assert_eq!(written[11..], pickle[2..], "kept in full");
    // A thousand times the same one is no more than the limit.
    let many = parts(&[b"\x8b\x00\x00\x10\x00", &b"\x7f".repeat(1 << 20), b"\x940](", &b"h\x00".repeat(1_000), b"e."]);
    let value = read(&many).unwrap();
    assert!(matches!(fast(|| value.to_pickle(Protocol::Five)), Err(PickleError::TooLarge { .. })));
    let text = parts(&[b"L", &b"9".repeat(1 << 20), b"L\n."]);
    assert!(matches!(fast(|| read(&text)), Err(PickleError::Syntax { .. })));
}

#[test]
fn work_that_a_few_bytes_ask_for_again_and_again() {
    // Copies of a long list, of long bytes, and a long text looked through.
    let list = [b"(".to_vec(), b"N".repeat(300_000), b"l\x940cbuiltins\nset\n\x940".to_vec()].concat();
    let sets = parts(&[&list, b"(", &b"h\x01h\x00\x85R".repeat(50_000), b"l."]);
    assert!(matches!(fast(|| read(&sets)), Err(PickleError::TooLarge { .. })));
    let long =
        [b"B\x00\x00\x10\x00".to_vec(), b"a".repeat(1 << 20), b"\x940cbuiltins\nbytearray\n\x940".to_vec()].concat();
    let arrays = parts(&[&long, b"(", &b"h\x01h\x00\x85R".repeat(50_000), b"l."]);
    assert!(matches!(fast(|| read(&arrays)), Err(PickleError::TooLarge { .. })));
    let digits =
        [b"X\x00\x00\x10\x00".to_vec(), b"1".repeat(1 << 20), b"\x940cdecimal\nDecimal\n\x940".to_vec()].concat();
    let decimals = parts(&[&digits, b"(", &b"h\x01h\x00\x85R".repeat(50_000), b"l."]);
    assert!(matches!(fast(|| read(&decimals)), Err(PickleError::TooLarge { .. })));
    // Two long keys that differ in their last byte, in many dictionaries.
    let key = |last: &[u8]| [b"X\x00\x00\x08\x00", &b"k".repeat((1 << 19) - 1)[..], last, b"\x940"].concat();
    let dicts = parts(&[&key(b"a"), &key(b"b"), b"(", &b"}(h\x00Nh\x01Nu".repeat(100_000), b"l."]);
    assert!(fast(|| read(&dicts)).is_ok());
}

#[test]
fn nothing_is_called_and_nothing_is_resolved() {
    let globals: [(&[u8], &str); 8] = [
        (b"cposix\nsystem\n(Vls\ntR.", "posix.system"),
        (b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.", "builtins.eval"),
        (b"\x80\x04\x8c\x08builtins\x8c\x08__dict__\x93.", "builtins.__dict__"),
        (b"c__builtin__\nobject.__subclasses__\n.", "__builtin__.object.__subclasses__"),
        (b"(ios\nsystem\n.", "os.system"),
        (b"ca b\nc\n.", "?"),
        (b"cdatetime\ndatetime.now\n.", "datetime.datetime.now"),
        (b"\x80\x02cmyapp.models\nCart\n)\x81}b.", "myapp.models.Cart"),
    ];
    for (pickle, name) in globals {
        match read(&parts(&[pickle])) {
            Err(PickleError::Global { name: found, .. }) => assert_eq!(&*found, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    for pickle in [&b"Pid\n."[..], b"NQ.", b"\x82\x01.", b"\x83\x01\x00.", b"\x84\x01\x00\x00\x00.", b"\x97.", b"\x98."]
    {
        assert!(matches!(read(&parts(&[pickle])), Err(PickleError::Outside { .. })), "{pickle:?}");
    }
    // Known classes with other arguments than their own, as values, or half made.
    let odd: [&[u8]; 12] = [
        b"cbuiltins\ngetattr\n(cuuid\nUUID\nV__init__\ntR.",
        b"cbuiltins\ngetattr\n(czoneinfo\nZoneInfo\nV__init__\ntR.",
        b"c_codecs\nencode\n(Vab\nVrot13\ntR.",
        b"c_codecs\nencode\n(V\\u0100\nVlatin1\ntR.",
        b"cdatetime\ndate\n(C\x04\x00\x00\x01\x01tR.",
        b"cdatetime\ndatetime\n(I2024\nI1\nI1\ntR.",
        b"cdecimal\nDecimal\n(V1_0\ntR.",
        b"cdecimal\nDecimal\n(V\ntR.",
        b"cuuid\nUUID\n)\x81}Vint\nI-1\nsb.",
        b"cuuid\nUUID\n)\x81}Vint\nL340282366920938463463374607431768211456L\nsb.",
        b"cdatetime\ntimezone\ncdatetime\ntimedelta\nI1\nI0\nI0\n\x87R\x85R.",
        b"ccopyreg\n_reconstructor\n(cuuid\nUUID\ncbuiltins\nobject\nVx\ntR.",
    ];
    for pickle in odd {
        assert!(matches!(read(&parts(&[pickle])), Err(PickleError::Syntax { .. })), "{pickle:?}");
    }
    for pickle in [&b"cuuid\nUUID\n."[..], b"]cuuid\nUUID\na.", b"cuuid\nUUID\n)\x81.", b"}Vk\ncbuiltins\nset\ns."] {
        assert!(matches!(read(&parts(&[pickle])), Err(PickleError::NotData(_))), "{pickle:?}");
    }
    for pickle in [&b"}]Ns."[..], b"}}Ns.", b"\x8f(]\x90.", b"(\x8f\x91.", b"}(]tNs."] {
        assert!(matches!(read(&parts(&[pickle])), Err(PickleError::Unhashable(_))), "{pickle:?}");
    }
}
