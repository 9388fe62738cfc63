"""Pickles of every kind of value that cloakroom reads, and the comparison of what comes back.

    values.py write            a line for each: name, protocol, base64
    values.py compare < lines  of two pickles each, in base64: whether they hold the same
"""
import base64
import collections
import datetime
import decimal
import pickle
import sys
import uuid
import zoneinfo

try:
    from django.utils.safestring import SafeString
except ImportError:
    SafeString = None

Delta, Zone = datetime.timedelta, datetime.timezone
paris = zoneinfo.ZoneInfo("Europe/Paris")
itself = []
itself.append(itself)
around = ([],)
around[0].append(around)
long_around = (1, 2, [], 4)
long_around[2].append(long_around)
shared = ["x", {"y": 1}]
unsafe_uuid = uuid.UUID(int=7, is_safe=uuid.SafeUUID.unsafe)
safe_uuid = uuid.UUID(int=8, is_safe=uuid.SafeUUID.safe)

VALUES = {
    "none": None,
    "bools": [True, False],
    "ints": [0, 1, 255, 256, 65535, 65536, -1, -128, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**63, -(2**63), 2**64, -(2**70)],
    "long": [10**700, -(10**700), 256**255, 256**256],
    "floats": [0.0, -0.0, 1.5, 1e300, 5e-324, float("inf"), float("-inf")],
    "strings": ["", "a", "\u00e9", "\u4e2d", "\U0001f600", "\ud83d", "\\u0041\\", "\n\r\0'\""],
    "long_strings": ["x" * 255, "x" * 256, "y" * 70000],
    "bytes": [b"", b"a", bytes(range(256))],
    "long_bytes": [b"x" * 255, b"x" * 256, b"y" * 70000],
    "bytearrays": [bytearray(), bytearray(b"ab")],
    "long_bytearrays": [bytearray(70000)],
    "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), ((((),),),)],
    "lists": [[], [1]],
    "long_lists": [list(range(999)), list(range(1000)), list(range(1001)), list(range(2001))],
    "dicts": [{}, {"a": 1}],
    "long_dicts": [*({str(i): i for i in range(n)} for n in (2, 999, 1000, 1001, 2000))],
    "sets": [set(), {1}, frozenset(), frozenset([1, 2]), {frozenset([("a",)])}],
    "long_sets": [set(range(999)), set(range(1000)), set(range(1001))],
    "ordered": [collections.OrderedDict((i, str(i)) for i in range(n)) for n in (0, 1, 2)],
    "long_ordered": [collections.OrderedDict((i, str(i)) for i in range(n)) for n in (1000, 1001, 1002)],
    "keys": {1: "a", None: "b", 1.5: "c", (1, ("x", 2.5)): "d", b"k": "e", frozenset([1]): "f", True + 1: "g"},
    "more_keys": {
        decimal.Decimal("1.10"): 1, uuid.UUID(int=1): 2, datetime.date(2024, 1, 1): 3, Delta(1): 4,
        datetime.datetime(2024, 1, 1, tzinfo=Zone.utc): 5, datetime.datetime(2024, 1, 1): 6, datetime.time(1, tzinfo=Zone.utc): 7,
        Zone.utc: 8, paris: 9, datetime.datetime(2024, 1, 1, tzinfo=paris): 10, 10**30: 11, float("inf"): 12,
    },
    "dates": [datetime.date.min, datetime.date.max, datetime.date(2024, 2, 29)],
    "datetimes": [
        datetime.datetime.min, datetime.datetime.max, datetime.datetime(2024, 2, 29, 23, 59, 58, 123456, Zone.utc),
        datetime.datetime(2024, 1, 1, tzinfo=Zone(Delta(hours=-5, minutes=-30), "here")),
        datetime.datetime(2024, 1, 1, tzinfo=Zone(Delta(seconds=1, microseconds=5))),
        datetime.datetime(2024, 10, 27, 2, 30, tzinfo=paris), datetime.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=paris),
    ],
    "times": [datetime.time.min, datetime.time.max, datetime.time(1, 2, 3, 4, Zone.utc), datetime.time(1, fold=1), datetime.time(1, tzinfo=paris)],
    "deltas": [Delta(), Delta(-1, 5, 7), Delta.min, Delta.max],
    "zones": [Zone.utc, Zone(Delta(hours=1)), Zone(Delta(hours=1), "X"), zoneinfo.ZoneInfo("UTC"), paris, paris],
    "decimals": [decimal.Decimal(text) for text in ("0", "-0", "1.50", "1E+100", "-1E-100", "Infinity", "-Infinity")],
    "uuids": [uuid.UUID(int=0), uuid.UUID(int=2**128 - 1), uuid.UUID(int=2**127), uuid.UUID(int=2**40), uuid.UUID(int=2**100 + 5), unsafe_uuid, safe_uuid, uuid.UUID(int=0)],
    "shared": {"a": shared, "b": [shared, shared], "c": shared[0]},
    "itself": itself,
    "around": around,
    "long_around": long_around,
    "memo": [["s%d" % i for i in range(300)]] * 2,
    "session": {"_auth_user_id": "1", "cart": [{"id": 1, "price": decimal.Decimal("9.90")}] * 2, "since": datetime.datetime.now(Zone.utc)},
}
if SafeString is not None:
    VALUES["safe"] = [SafeString("<b>"), SafeString(""), {SafeString("k"): 1}]


def write():
    for name, value in VALUES.items():
        for protocol in range(6):
            try:
                data = pickle.dumps(value, protocol)
            except (RecursionError, pickle.PicklingError):
                # SafeString has no form in protocols 0 and 1, nor a tuple in itself in protocol 0.
                assert name in ("safe", "around", "long_around") and protocol < 2, name
                continue
            print(name, protocol, base64.b64encode(data).decode())


def same(one, two, seen):
    """Equal values of equal types, with the same values in several places."""
    if type(one) is not type(two):
        return False
    if not isinstance(one, (str, bytes, int, float, type(None), tuple, frozenset)) or isinstance(one, tuple) and one:
        if id(one) in seen or id(two) in seen:
            return seen.get(id(one)) == id(two)
        seen[id(one)], seen[id(two)] = id(two), id(two)
    if isinstance(one, (list, tuple)):
        return len(one) == len(two) and all(same(a, b, seen) for a, b in zip(one, two))
    if isinstance(one, dict):
        pairs = zip(one.items(), two.items())
        return len(one) == len(two) and all(type(a) is type(c) and a == c and same(b, d, seen) for (a, b), (c, d) in pairs)
    if isinstance(one, float):
        return repr(one) == repr(two)
    if isinstance(one, uuid.UUID):
        return one == two and one.is_safe == two.is_safe
    if isinstance(one, (datetime.datetime, datetime.time)):
        return one == two and one.fold == two.fold and repr(one) == repr(two)
    return one == two and (isinstance(one, (set, frozenset)) or repr(one) == repr(two))


def compare():
    count = 0
    for line in sys.stdin:
        name, one, two = line.split(" ")
        one, two = base64.b64decode(one), base64.b64decode(two)
        if not same(pickle.loads(one), pickle.loads(two), {}):
            sys.exit(f"{name}: {one!r}\n{two!r}")
        count += 1
    print(count)


write() if sys.argv[1] == "write" else compare()
