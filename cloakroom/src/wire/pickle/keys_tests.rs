use bytes::Bytes;

use super::super::read;
use super::super::read::read_graph;

/// How many keys are left of these two.
fn keys(one: &[u8], two: &[u8]) -> usize {
    let pickle = Bytes::from([b"}(", one, b"N", two, b"Nu."].concat());
    read_graph(&pickle).unwrap().0.members().unwrap().len()
}

// Each answer is that of CPython 3.11 for a dictionary with these two keys.
#[test]
fn equal_keys_are_one_key() {
    let pairs: &[(&[u8], &[u8])] = &[
        (b"I1\n", b"G\x3f\xf0\x00\x00\x00\x00\x00\x00"),
        (b"I1\n", b"\x88"),
        (b"I0\n", b"\x89"),
        (b"I1\n", b"cdecimal\nDecimal\n(V1.00\ntR"),
        (b"I0\n", b"cdecimal\nDecimal\n(V-0.00\ntR"),
        (b"G\x00\x00\x00\x00\x00\x00\x00\x00", b"G\x80\x00\x00\x00\x00\x00\x00\x00"),
        (b"I3\n", b"G\x40\x08\x00\x00\x00\x00\x00\x00"),
        (b"I-3\n", b"G\xc0\x08\x00\x00\x00\x00\x00\x00"),
        (b"G\x3f\xf8\x00\x00\x00\x00\x00\x00", b"cdecimal\nDecimal\n(V1.50\ntR"),
        (b"G\xbf\xd0\x00\x00\x00\x00\x00\x00", b"cdecimal\nDecimal\n(V-2.5E-1\ntR"),
        (b"G\x3f\xb9\x99\x99\x99\x99\x99\x9a", b"cdecimal\nDecimal\n(V0.1000000000000000055511151231257827021181583404541015625\ntR"),
        (b"G\x7f\xf0\x00\x00\x00\x00\x00\x00", b"cdecimal\nDecimal\n(VInfinity\ntR"),
        (b"G\xff\xf0\x00\x00\x00\x00\x00\x00", b"cdecimal\nDecimal\n(V-Infinity\ntR"),
        (b"L1000000000000000000000000000000L\n", b"cdecimal\nDecimal\n(V1E+30\ntR"),
        (b"L1000000000000000019884624838656L\n", b"G\x46\x29\x3e\x59\x39\xa0\x8c\xea"),
        (b"I1200\n", b"cdecimal\nDecimal\n(V12E+2\ntR"),
        (b"I12\n", b"cdecimal\nDecimal\n(V1.20e1\ntR"),
        (b"I120\n", b"cdecimal\nDecimal\n(V120\ntR"),
        (b"L9223372036854775808L\n", b"G\x43\xe0\x00\x00\x00\x00\x00\x00"),
        (b"L-9223372036854775808L\n", b"G\xc3\xe0\x00\x00\x00\x00\x00\x00"),
        (b"L-1180591620717411303424L\n", b"G\xc4\x50\x00\x00\x00\x00\x00\x00"),
        (b"L9000000000000000000L\n", b"G\x43\xdf\x39\x9b\x14\x38\xa1\x00"),
        (b"L-9000000000000000000L\n", b"G\xc3\xdf\x39\x9b\x14\x38\xa1\x00"),
        (b"cdecimal\nDecimal\n(V1E-2000\ntR", b"cdecimal\nDecimal\n(V10E-2001\ntR"),
        (b"cdecimal\nDecimal\n(V1E+5000\ntR", b"cdecimal\nDecimal\n(V10.0E+4999\ntR"),
        (b"G\x3d\x70\x00\x00\x00\x00\x00\x00", b"cdecimal\nDecimal\n(V0.0000000000009094947017729282379150390625\ntR"),
        (b"Va\n", b"X\x01\x00\x00\x00a"),
        (b"cdjango.utils.safestring\nSafeString\n(Va\nt\x81", b"Va\n"),
        (b"C\x01a", b"C\x01a"),
        (b"(I1\nI2\nt", b"(G\x3f\xf0\x00\x00\x00\x00\x00\x00I2\nt"),
        (b"((I1\ntt", b"((G\x3f\xf0\x00\x00\x00\x00\x00\x00tt"),
        (b"(I1\nI2\n\x91", b"(I2\nG\x3f\xf0\x00\x00\x00\x00\x00\x00\x91"),
        (b"((I1\ntI2\n\x91", b"(I2\n(\x88t\x91"),
        (b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x01\x01\x0c\x00\x00\x00\x00\x05tR", b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x81\x01\x0c\x00\x00\x00\x00\x05tR"),
        (b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x01\x01\x0c\x00\x00\x00\x00\x05cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI3600\nI0\ntRtRtR", b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x01\x01\x0b\x00\x00\x00\x00\x05cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR"),
        (b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x01\x01\x0c\x00\x00\x00\x00\x05cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I-1\nI82800\nI0\ntRVx\ntRtR", b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x01\x01\x0d\x00\x00\x00\x00\x05cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR"),
        (b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x01\x01\x0c\x00\x00\x00\x00\x05cbuiltins\ngetattr\n(czoneinfo\nZoneInfo\nV_unpickle\ntR(VEurope/Paris\nI1\ntRtR", b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x01\x01\x0c\x00\x00\x00\x00\x05cbuiltins\ngetattr\n(czoneinfo\nZoneInfo\nV_unpickle\ntR(VEurope/Paris\nI1\ntRtR"),
        (b"cdatetime\ntime\n(C\x06\x0c\x01\x02\x00\x00\x03tR", b"cdatetime\ntime\n(C\x06\x8c\x01\x02\x00\x00\x03tR"),
        (b"cdatetime\ntime\n(C\x06\x0c\x01\x02\x00\x00\x03cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI3600\nI0\ntRtRtR", b"cdatetime\ntime\n(C\x06\x0b\x01\x02\x00\x00\x03cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR"),
        (b"cdatetime\ntime\n(C\x06\x0c\x1e\x02\x00\x00\x03cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI4500\nI0\ntRtRtR", b"cdatetime\ntime\n(C\x06\x0b\x0f\x02\x00\x00\x03cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR"),
        (b"cdatetime\ntime\n(C\x06\x0c\x01\x02\x00\x00\x03cbuiltins\ngetattr\n(czoneinfo\nZoneInfo\nV_unpickle\ntR(VUTC\nI1\ntRtR", b"cdatetime\ntime\n(C\x06\x0c\x01\x02\x00\x00\x03cbuiltins\ngetattr\n(czoneinfo\nZoneInfo\nV_unpickle\ntR(VUTC\nI1\ntRtR"),
        (b"cdatetime\ntime\n(C\x06\x00\x00\x02\x00\x00\x05cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI1\nI1\ntRtRtR", b"cdatetime\ntime\n(C\x06\x00\x00\x01\x00\x00\x05cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI1\ntRtRtR"),
        (b"cdatetime\ntime\n(C\x06\x00\x01\x00\x00\x00\x00cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI1\nI0\ntRtRtR", b"cdatetime\ntime\n(C\x06\x00\x00\x3b\x00\x00\x00cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR"),
        (b"cdatetime\ntimedelta\n(I1\nI0\nI0\ntR", b"cdatetime\ntimedelta\n(I0\nI86400\nI0\ntR"),
        (b"cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI3600\nI0\ntRtR", b"cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI3600\nI0\ntRVX\ntR"),
        (b"cbuiltins\ngetattr\n(czoneinfo\nZoneInfo\nV_unpickle\ntR(VUTC\nI1\ntR", b"cbuiltins\ngetattr\n(czoneinfo\nZoneInfo\nV_unpickle\ntR(VUTC\nI1\ntR"),
        (b"cuuid\nUUID\n)\x81}(Vint\nL7L\nub", b"cuuid\nUUID\n)\x81}(Vint\nL7L\nVis_safe\nI-1\nub"),
        (b"cuuid\nUUID\n)\x81}(Vint\nL18446744073709551616L\nub", b"cuuid\nUUID\n)\x81}(Vint\nL18446744073709551616L\nVis_safe\nI0\nub"),
        (b"cdatetime\ndate\n(C\x04\x07\xe8\x01\x01tR", b"cdatetime\ndate\n(C\x04\x07\xe8\x01\x01tR"),
        (b"N", b"N"),
    ];
    for (one, two) in pairs {
        let shown = (one.escape_ascii(), two.escape_ascii());
        assert_eq!((keys(one, two), keys(two, one)), (1, 1), "{} {}", shown.0, shown.1);
    }
}

#[test]
fn other_keys_stay_apart() {
    let pairs: &[(&[u8], &[u8])] = &[
        (b"I1\n", b"I2\n"),
        (b"I1\n", b"V1\n"),
        (b"I0\n", b"N"),
        (b"G\x3f\xb9\x99\x99\x99\x99\x99\x9a", b"cdecimal\nDecimal\n(V0.1\ntR"),
        (b"G\x3f\xf8\x00\x00\x00\x00\x00\x00", b"G\x40\x04\x00\x00\x00\x00\x00\x00"),
        (b"G\x3f\xf8\x00\x00\x00\x00\x00\x00", b"cdecimal\nDecimal\n(V-1.5\ntR"),
        (b"cdecimal\nDecimal\n(V0.1\ntR", b"cdecimal\nDecimal\n(V-0.1\ntR"),
        (b"cdecimal\nDecimal\n(V0.1\ntR", b"cdecimal\nDecimal\n(V0.01\ntR"),
        (b"I12\n", b"cdecimal\nDecimal\n(V1.2\ntR"),
        (b"I12\n", b"cdecimal\nDecimal\n(V120\ntR"),
        (b"G\x7f\xf0\x00\x00\x00\x00\x00\x00", b"cdecimal\nDecimal\n(V-Infinity\ntR"),
        (b"L1000000000000000000000000000000L\n", b"G\x46\x29\x3e\x59\x39\xa0\x8c\xea"),
        (b"L9223372036854775808L\n", b"G\xc3\xe0\x00\x00\x00\x00\x00\x00"),
        (b"L18446744073709551616L\n", b"L36893488147419103232L\n"),
        (b"L1180591620717411303424L\n", b"G\x44\x60\x00\x00\x00\x00\x00\x00"),
        (b"cdecimal\nDecimal\n(V1E-2000\ntR", b"cdecimal\nDecimal\n(V1E-2001\ntR"),
        (b"cdecimal\nDecimal\n(V1E+5000\ntR", b"cdecimal\nDecimal\n(V1E+4999\ntR"),
        (b"G\x7f\xf8\x00\x00\x00\x00\x00\x00", b"G\x7f\xf8\x00\x00\x00\x00\x00\x00"),
        (b"cdecimal\nDecimal\n(VNaN\ntR", b"cdecimal\nDecimal\n(VNaN\ntR"),
        (b"cdecimal\nDecimal\n(V0.10000000000000000555111512312578270211815834045410156251\ntR", b"G\x3f\xb9\x99\x99\x99\x99\x99\x9a"),
        (b"cdecimal\nDecimal\n(V0.100000000000000005551115123125782702118158340454101562\ntR", b"G\x3f\xb9\x99\x99\x99\x99\x99\x9a"),
        (b"cdecimal\nDecimal\n(V1E-1074\ntR", b"G\x00\x00\x00\x00\x00\x00\x00\x01"),
        (b"cdecimal\nDecimal\n(V5E-1\ntR", b"G\x3f\xa9\x99\x99\x99\x99\x99\x9a"),
        (b"cdecimal\nDecimal\n(V25E-2\ntR", b"G\x40\x04\x00\x00\x00\x00\x00\x00"),
        (b"Va\n", b"C\x01a"),
        (b"Va\n", b"Vb\n"),
        (b"(I1\nt", b"(I2\nt"),
        (b"(I1\nt", b"I1\n"),
        (b"(I1\n\x91", b"(I2\n\x91"),
        (b"(I1\n\x91", b"(I1\nt"),
        (b"((I1\n\x91t", b"((I2\n\x91t"),
        (b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x01\x01\x0c\x00\x00\x00\x00\x05tR", b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x01\x01\x0c\x00\x00\x00\x00\x06tR"),
        (b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x01\x01\x0c\x00\x00\x00\x00\x05cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI3600\nI0\ntRtRtR", b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x01\x01\x0c\x00\x00\x00\x00\x05cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR"),
        (b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x01\x01\x0c\x00\x00\x00\x00\x05cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI3600\nI0\ntRtRtR", b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x01\x01\x0c\x00\x00\x00\x00\x05tR"),
        (b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x01\x01\x0c\x00\x00\x00\x00\x05cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR", b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x01\x01\x0c\x00\x00\x00\x00\x06cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR"),
        (b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x01\x01\x0c\x00\x00\x00\x00\x05cbuiltins\ngetattr\n(czoneinfo\nZoneInfo\nV_unpickle\ntR(VEurope/Paris\nI1\ntRtR", b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x01\x01\x0c\x00\x01\x00\x00\x05cbuiltins\ngetattr\n(czoneinfo\nZoneInfo\nV_unpickle\ntR(VEurope/Paris\nI1\ntRtR"),
        (b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x01\x01\x0c\x00\x00\x00\x00\x05cbuiltins\ngetattr\n(czoneinfo\nZoneInfo\nV_unpickle\ntR(VEurope/Paris\nI1\ntRtR", b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x01\x01\x0c\x00\x00\x00\x00\x05tR"),
        (b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x01\x01\x0c\x00\x00\x00\x00\x05cbuiltins\ngetattr\n(czoneinfo\nZoneInfo\nV_unpickle\ntR(VEurope/Paris\nI1\ntRtR", b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x01\x01\x0c\x00\x00\x00\x00\x05cbuiltins\ngetattr\n(czoneinfo\nZoneInfo\nV_unpickle\ntR(VUTC\nI1\ntRtR"),
        (b"cdatetime\ntime\n(C\x06\x00\x00\x01\x00\x00\x00cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI1\ntRtRtR", b"cdatetime\ntime\n(C\x06\x00\x00\x00\x0f\x42\x3fcdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR"),
        (b"cdatetime\ntime\n(C\x06\x00\x00\x01\x00\x00\x05cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI1\ntRtRtR", b"cdatetime\ntime\n(C\x06\x00\x00\x01\x00\x00\x05cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR"),
        (b"cdatetime\ntime\n(C\x06\x0c\x01\x02\x00\x00\x03tR", b"cdatetime\ntime\n(C\x06\x0c\x01\x02\x00\x00\x04tR"),
        (b"cdatetime\ntime\n(C\x06\x0c\x01\x02\x00\x00\x03cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI3600\nI0\ntRtRtR", b"cdatetime\ntime\n(C\x06\x0c\x01\x02\x00\x00\x03cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR"),
        (b"cdatetime\ntime\n(C\x06\x0c\x01\x02\x00\x00\x03cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR", b"cdatetime\ntime\n(C\x06\x0c\x01\x02\x00\x00\x03tR"),
        (b"cdatetime\ntime\n(C\x06\x01\x00\x00\x00\x00\x00cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR", b"cdatetime\ntime\n(C\x06\x00\x01\x00\x00\x00\x00cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR"),
        (b"cdatetime\ntime\n(C\x06\x00\x01\x00\x00\x00\x00cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR", b"cdatetime\ntime\n(C\x06\x00\x00\x01\x00\x00\x00cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR"),
        (b"cdatetime\ntime\n(C\x06\x00\x00\x01\x00\x00\x00cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR", b"cdatetime\ntime\n(C\x06\x00\x00\x00\x00\x00\x01cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR"),
        (b"cdatetime\ntime\n(C\x06\x01\x00\x00\x00\x00\x00cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR", b"cdatetime\ntime\n(C\x06\x00\x00\x00\x00\x00\x00cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR"),
        (b"cdatetime\ntime\n(C\x06\x00\x00\x00\x00\x00\x03cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR", b"cdatetime\ntime\n(C\x06\x00\x00\x00\x00\x00\x04cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR"),
        (b"cdatetime\ntime\n(C\x06\x02\x0a\x1e\x00\x00\x05cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR", b"cdatetime\ntime\n(C\x06\x01\x0a\x1e\x00\x00\x05cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR"),
        (b"cdatetime\ntime\n(C\x06\x02\x0a\x1e\x00\x00\x05cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR", b"cdatetime\ntime\n(C\x06\x02\x0a\x1e\x00\x00\x06cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtRtR"),
        (b"cdatetime\ntimedelta\n(I1\nI0\nI0\ntR", b"cdatetime\ntimedelta\n(I0\nI0\nI1\ntR"),
        (b"cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI3600\nI0\ntRtR", b"cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI7200\nI0\ntRtR"),
        (b"cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI0\nI0\ntRtR", b"cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI3600\nI0\ntRtR"),
        (b"cbuiltins\ngetattr\n(czoneinfo\nZoneInfo\nV_unpickle\ntR(VUTC\nI1\ntR", b"cbuiltins\ngetattr\n(czoneinfo\nZoneInfo\nV_unpickle\ntR(VEurope/Paris\nI1\ntR"),
        (b"cuuid\nUUID\n)\x81}(Vint\nL7L\nub", b"cuuid\nUUID\n)\x81}(Vint\nL8L\nub"),
        (b"cdatetime\ndate\n(C\x04\x07\xe8\x01\x01tR", b"cdatetime\ndate\n(C\x04\x07\xe8\x01\x02tR"),
        (b"cdatetime\ndate\n(C\x04\x07\xe8\x01\x01tR", b"cdatetime\ndatetime\n(C\x0a\x07\xe8\x01\x01\x00\x00\x00\x00\x00\x00tR"),
    ];
    for (one, two) in pairs {
        let shown = (one.escape_ascii(), two.escape_ascii());
        assert_eq!((keys(one, two), keys(two, one)), (2, 2), "{} {}", shown.0, shown.1);
    }
}

#[test]
fn the_first_of_equal_keys_stays_in_its_place_with_the_last_value() {
    let shown = |pickle: &'static [u8]| read(&Bytes::from_static(pickle)).unwrap().to_json().unwrap();
    // Short names, which are compared directly, and others.
    assert_eq!(shown(b"}(Va\nI1\nVb\nI2\nVa\nI3\nu."), r#"{"a":3,"b":2}"#);
    assert_eq!(shown(b"}(Va\nI1\nI0\nI2\nVa\nI3\nu."), r#"{"a":3,"0":2}"#);
    assert_eq!(shown(b"(Va\nI1\nVb\nI2\nVa\nI3\nd."), r#"{"a":3,"b":2}"#);
    assert_eq!(shown(b"}(I1\nVa\n\x88Vb\nG\x3f\xf0\0\0\0\0\0\0Vc\nu."), r#"{"1":"c"}"#);
    assert_eq!(shown(b"ccollections\nOrderedDict\n)R(I1\nVa\nI2\nVb\n\x88Vc\nu."), r#"{"1":"c","2":"b"}"#);
    assert_eq!(shown(b"\x8f(I1\nI2\n\x88I2\n\x90."), "[1,2]");
    assert_eq!(shown(b"(\x88I2\nI1\nI2\n\x91."), "[true,2]");
    // One value that is no number stays equal to itself.
    assert_eq!(shown(b"}(G\x7f\xf8\0\0\0\0\0\0\x94I1\nh\0I2\nu."), r#"{"NaN":2}"#);
}
