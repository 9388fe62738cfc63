use super::super::read;
use super::*;

fn load(parts: &[&[u8]]) -> Result<String, PickleError> {
    let pickle = read(&parts.concat().into())?;
    Ok(pickle.to_json()?)
}

fn syntax(pickle: &[u8]) {
    let found = load(&[pickle]);
    assert!(matches!(found, Err(PickleError::Syntax { .. })), "{}: {found:?}", pickle.escape_ascii());
}

#[test]
fn limits_are_what_they_are_said_to_be() {
    assert_eq!((MAX_BYTES, MAX_MEMORY), (67_108_864, 134_217_728));
    let mut bytes = vec![0; MAX_BYTES];
    bytes[..2].copy_from_slice(b"N.");
    assert!(read(&bytes.clone().into()).unwrap().is_none());
    bytes.push(0);
    assert_eq!(read(&bytes.into()).unwrap_err(), PickleError::TooLarge { limit: MAX_BYTES });
}

#[test]
fn copies_of_a_long_list_are_counted_in_full() {
    let list = [&b"("[..], &b"N".repeat(300_000), b"l\x940cbuiltins\nset\n\x940("].concat();
    assert!(read(&[&list, &b"h\x01h\x00\x85R".repeat(30)[..], b"l."].concat().into()).is_ok());
    let error = read(&[&list, &b"h\x01h\x00\x85R".repeat(60)[..], b"l."].concat().into()).unwrap_err();
    assert_eq!(error, PickleError::TooLarge { limit: MAX_MEMORY });
}

#[test]
fn places_in_containers_are_counted() {
    // A value counts as 64 bytes and its place as 8.
    let of = |count, open: &[u8], close: &[u8]| read(&[open, &b"N".repeat(count), close].concat().into());
    assert!(of(1_800_000, b"(", b"l.").is_ok());
    for (open, close) in [(&b"("[..], &b"l."[..]), (b"](", b"e.")] {
        let error = of(1_900_000, open, close).unwrap_err();
        assert_eq!(error, PickleError::TooLarge { limit: MAX_MEMORY });
    }
}

#[test]
fn memory_may_be_taken_up_to_the_limit_itself() {
    // What is remembered counts as 16 bytes.
    let of = |remembered: &[u8]| read(&[b"(", &b"N".repeat(1_864_134)[..], b"l", remembered, b"."].concat().into());
    assert!(of(b"\x94").is_ok());
    assert_eq!(of(b"\x94\x94").unwrap_err(), PickleError::TooLarge { limit: MAX_MEMORY });
}

#[test]
fn opcodes_of_older_protocols_are_read() {
    assert_eq!(load(&[b"(K\x012l."]).unwrap(), "[1,1]");
    assert_eq!(load(&[b"(U\x02abT\x02\0\0\0cdS'e'\nl."]).unwrap(), r#"["ab","cd","e"]"#);
    syntax(b"U\x01\xe9.");
    syntax(b"U\x02\xc3\xa9.");
    syntax(b"T\x01\0\0\0\xe9.");
    syntax(b"X\x01\0\0\0\xe9.");
}

#[test]
fn debug_shows_where_it_ends_and_nothing_else() {
    let pickle = read(&bytes::Bytes::from_static(b"Vprivate\n.")).unwrap();
    assert_eq!(format!("{pickle:?}"), "Pickle { end: 10, .. }");
}

#[test]
fn a_frame_ends_within_the_pickle() {
    assert_eq!(load(&[b"\x80\x04\x95\x02\0\0\0\0\0\0\0N."]).unwrap(), "null");
    assert_eq!(load(&[b"\x80\x04\x95\x03\0\0\0\0\0\0\0N."]), Err(PickleError::Truncated));
}

#[test]
fn what_lies_below_a_mark_is_out_of_reach() {
    for pickle in [&b"N(0."[..], b"N(.", b"](Na.", b"N(\x85.", b"K\x01(K\x02\x86.", b"](2."] {
        let found = load(&[pickle]);
        assert_eq!(found.is_ok(), pickle == b"N(0.", "{}: {found:?}", pickle.escape_ascii());
    }
}

#[test]
fn objects_of_other_classes_are_refused_by_every_opcode_that_makes_them() {
    for pickle in [&b"(cos\nsystem\no."[..], b"(N)}\x92.", b")}\x92.", b"(o."] {
        let found = load(&[pickle]);
        assert!(matches!(found, Err(PickleError::Global { .. })), "{}: {found:?}", pickle.escape_ascii());
    }
    for inside in [&b"cuuid\nUUID\n\x85."[..], b"(cuuid\nUUID\nt.", b"(cuuid\nUUID\nl.", b"cuuid\nUUID\n)\x81\x85."] {
        let found = load(&[inside]);
        assert!(matches!(found, Err(PickleError::NotData(_))), "{}: {found:?}", inside.escape_ascii());
    }
}

#[test]
fn arguments_of_other_kinds_than_their_own_are_refused() {
    let zone = |arguments: &[u8]| load(&[b"\x8c\x08zoneinfo\x8c\x12ZoneInfo._unpickle\x93(", arguments, b"tR."]);
    assert_eq!(zone(b"VEurope/Paris\nI1\n").unwrap(), "\"Europe/Paris\"");
    for arguments in [&b"VEurope/Paris\nI0\n"[..], b"V../Paris\nI1\n", b"C\x03UTCI1\n", b"VUTC\nVUTC\n", b"VUTC\n"] {
        assert!(matches!(zone(arguments), Err(PickleError::Syntax { .. })), "{}", arguments.escape_ascii());
    }
    let safe = b"cdjango.utils.safestring\nSafeString\n";
    let safe_zone = [&b"\x8c\x08zoneinfo\x8c\x12ZoneInfo._unpickle\x93("[..], safe, b"VUTC\n\x85\x81I1\ntR."].concat();
    syntax(&safe_zone);
    assert_eq!(load(&[safe, b"V<b>\n\x85\x81."]).unwrap(), "\"<b>\"");
    syntax(&[safe, &b"I1\n\x85\x81."[..]].concat());
    syntax(&[safe, &safe[..], b"V<b>\n\x85\x81\x85\x81."].concat());
    syntax(&[&b"cdecimal\nDecimal\n("[..], safe, b"V1\n\x85\x81tR."].concat());

    let delta = &b"cdatetime\ntimedelta\n(I0\nI3600\nI0\ntR"[..];
    assert_eq!(load(&[b"cdatetime\ntimezone\n(", delta, b"VX\ntR."]).unwrap(), "\"+01:00\"");
    for name in [&b"I1\n"[..], b"N", b"C\x01X", b"VX\nVX\n"] {
        syntax(&[b"cdatetime\ntimezone\n(", delta, name, b"tR."].concat());
    }
    let time = &b"cdatetime\ntime\n(C\x06\x01\x02\x03\0\0\0"[..];
    assert_eq!(load(&[time, b"NtR."]).unwrap(), "\"01:02:03\"");
    for zone in [&b"I1\n"[..], delta, b"NN"] {
        syntax(&[time, zone, b"tR."].concat());
    }
    let bare = |arguments: &[u8]| load(&[b"}Vid\nccopyreg\n_reconstructor\n(", arguments, b"tR}Vint\nI5\nsbs."]);
    assert!(bare(b"cuuid\nUUID\ncbuiltins\nobject\nN").unwrap().ends_with("0005\"}"));
    for arguments in [
        &b"cuuid\nUUID\ncuuid\nUUID\nN"[..],
        b"cbuiltins\nset\ncbuiltins\nobject\nN",
        b"cuuid\nUUID\ncbuiltins\nobject\nI1\n",
        b"cuuid\nUUID\ncbuiltins\nobject\n",
    ] {
        assert!(matches!(bare(arguments), Err(PickleError::Syntax { .. })), "{}", arguments.escape_ascii());
    }
}

#[test]
fn empty_values_are_made_by_calls_without_arguments() {
    let calls: [(&[u8], &str); 6] = [
        (b"c__builtin__\nbytes\n)R.", "[]"),
        (b"cbuiltins\nbytearray\n)R.", "[]"),
        (b"cbuiltins\nset\n)R.", "[]"),
        (b"cbuiltins\nfrozenset\n)R.", "[]"),
        (b"c__builtin__\nfrozenset\n(]tR.", "[]"),
        (b"ccollections\nOrderedDict\n)R.", "{}"),
    ];
    for (pickle, json) in calls {
        assert_eq!(load(&[pickle]).unwrap(), json);
    }
}

#[test]
fn the_number_of_a_uuid_has_16_bytes_and_no_sign() {
    let uuid = |number: &[u8]| load(&[b"cuuid\nUUID\n)\x81}Vint\n", number, b"sb."]);
    let fifteen = [&b"\x8a\x0f"[..], &[0x7f; 15]].concat();
    assert_eq!(uuid(&fifteen).unwrap(), "\"007f7f7f-7f7f-7f7f-7f7f-7f7f7f7f7f7f\"");
    let sixteen = [&b"\x8a\x10"[..], &[0x7f; 16]].concat();
    assert_eq!(uuid(&sixteen).unwrap(), "\"7f7f7f7f-7f7f-7f7f-7f7f-7f7f7f7f7f7f\"");
    let highest = [&b"\x8a\x11"[..], &[0xff; 16], b"\0"].concat();
    assert_eq!(uuid(&highest).unwrap(), "\"ffffffff-ffff-ffff-ffff-ffffffffffff\"");
    let top_of_15 = [&b"\x8a\x10"[..], &[0xff; 15], b"\0"].concat();
    assert_eq!(uuid(&top_of_15).unwrap(), "\"00ffffff-ffff-ffff-ffff-ffffffffffff\"");
    let negative = [&b"\x8a\x0f"[..], &[0x80; 15]].concat();
    let negative_16 = [&b"\x8a\x10"[..], &[0x80; 16]].concat();
    let long = [&b"\x8a\x11"[..], &[0x01; 17]].concat();
    for number in [&negative, &negative_16, &long, &b"I-1\n".to_vec(), &b"N".to_vec()] {
        assert!(matches!(uuid(number), Err(PickleError::Syntax { .. })), "{}", number.escape_ascii());
    }
}
