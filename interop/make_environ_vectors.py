#!/usr/bin/env python3
"""Writes cloakroom/tests/vectors/django-environ.json by asking django-environ what it makes of
files, values and URLs: `python make_environ_vectors.py`. Needs django-environ, Django and pymemcache,
and takes no notice of django-redis, whose presence changes what a `redis:` URL stands for.
"""

import json
import logging
import os
import pathlib
import platform
import sys
import tempfile
import warnings

sys.modules["django_redis"] = None

import django
import environ
from environ.compat import PYMEMCACHE_DRIVER, REDIS_DRIVER

OUT = pathlib.Path(__file__).resolve().parent.parent / "cloakroom/tests/vectors/django-environ.json"

assert REDIS_DRIVER == "django.core.cache.backends.redis.RedisCache"
assert PYMEMCACHE_DRIVER.endswith("PyMemcacheCache"), "install pymemcache"
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

# Characters that mean something somewhere: in a file of variables, a shell, a URL, Python.
ODD = "#$!%&'\"()*+,-./:;<=>?@[\\]^_`{|}~ \té€"


def with_environ(variables):
    """An Env of these variables and no others."""

    class Env(environ.Env):
        ENVIRON = dict(variables)

    return Env


def outcome(call):
    try:
        return {"value": call()}
    except RecursionError:
        return {"error": "RecursionError"}
    except Exception as error:  # noqa: BLE001 - whatever it raises is the answer
        return {"error": type(error).__name__}


def dotenv(text):
    env = with_environ({})
    with tempfile.NamedTemporaryFile() as file:
        file.write(text.encode())
        file.flush()
        env.read_env(file.name)
    return {"kind": "dotenv", "text": text, "variables": env.ENVIRON}


def typed(kind, text):
    env = with_environ({"X": text})()
    return {"kind": kind, "text": text, **outcome(lambda: getattr(env, kind)("X"))}


def proxied(variables):
    env = with_environ(variables)()
    return {"kind": "str", "variables": variables, **outcome(lambda: env.str("X"))}


def database(url):
    return {"kind": "db_url", "url": url, **outcome(lambda: environ.Env.db_url_config(url))}


def cache(url, backend=None):
    env = with_environ({"X": url})()
    return {"kind": "cache_url", "url": url, "backend": backend, **outcome(lambda: env.cache_url("X", backend=backend))}


DOTENV = [
    "", "\n\n", "X=1", "X=1\n", "X=", "X=\nY=2", "X=''", 'X=""', "X='", 'X="', "X='\"", "X=\"'",
    "X = 1", "X= 1", "X =1", " X=1", "X=1 ", "\tX=1", "export X=1", "export  X=1", "export\tX=1", "export X = 1",
    "exportX=1", "export=1", "export export=1", "set X=1", "X", "X:1", "=1", "==1", "X==1", "X=a=b", "X-Y=1", "X.Y=1",
    "1X=1", "_X=1", "x=1", "X9_=1", "É=1", "#X=1", " #X=1", "X=1#no comment", "X=1 # no comment", "X=#1", "X='1' # c",
    'X="1" # c', "X='a#b'", 'X="a#b"', "X=a'b", "X=a\"b", "X='a'b'", 'X="a"b"', "X='a\"b'", "X=\"a'b\"", "X='\"a\"'",
    "X=\"'a'\"", "X=''a''", 'X=""a""', "X='a' ", 'X="a" ', "X= 'a'", "X=`a`", r"X=a\nb", r"X='a\nb'", r'X="a\nb"',
    r'X="a\tb\rc"', r'X="a\\b"', r'X="a\"b"', r"X='a\'b'", r'X="a\$b"', r'X="a\qb"', r'X="a\\nb"', r'X="\\"', r'X="a\"',
    r"X=a\b", "X=$Y", "X=a$Y", "X=${Y}", 'X="$Y"', "X='$Y'", r"X=\$Y", "Y=1\nX=$Y", "X=1\nX=2", "X=1\nX=", "X=1\nexport X='3'",
    "X=1\r\nY=2\r\n", "X=1\rY=2", "X='1'\r\nY=\"2\"\r\n", "X=1\x0bY=2", "X=1\x0cY=2", "X=1\x1cY=2", "X=1\x85Y=2",
    "X=1\u2028Y=2", "X=1\u2029Y=2", "X=ü\nY=日本", "X='😀'", "\ufeffX=1", "X=a b c", "X=a,b,c", "X={\"a\": 1}", "X=[1, 2]",
    "X=postgres://u:p#w@h/d", "X=a;b", "X=a&b", "X=a|b", "X=(a)", "X=<a>", "X=~a", "X=!a", "X=%a%", "X=a\\", "X=*",
    "# comment\n\n  \nX=1\n# end", "X=1\n\nY=2\n\n", "X=ab$cdef#gh(1)",
    "X='django-insecure-#$%^&*(-_=+)'", "X=django-insecure-#$%^&*(-_=+)!@", "X=\"django-insecure-#$%^&*(-_=+)!@\"",
    "X=-----BEGIN-----\\nabc\\n-----END-----", "X=\"line one\nline two\"", "X=0\nY='0'\nZ=\"0\"",
]
DOTENV += [f"X=a{odd}b" for odd in ODD] + [f"X={odd}" for odd in ODD]
DOTENV += [f"X='a{odd}b'" for odd in ODD] + [f'X="a{odd}b"' for odd in ODD] + [f'X="a\\{odd}b"' for odd in ODD]

BOOLS = [
    "true", "True", "TRUE", " true ", "on", "On", "ok", "y", "Y", "yes", "YES", "1", " 1 ", "2", "-1", "+1", "01", "1_0",
    "false", "False", "off", "n", "no", "NO", "0", "00", "-0", "0_0", "", " ", "t", "f", "1.0", "0x1", "1__0", "_1", "enabled",
    "none", "None", "null", "tru", "ture",
]
INTS = [
    "0", "1", "-1", "+1", " 5 ", "1209600", "1_209_600", "007", "1__0", "_1", "1_", "", "1.5", "1e3", "0x10", "two", "--1", "\t9\n",
]
LISTS = ["", "a", "a,b", "a, b", ",a,", "a,,b", ",", " ", "a b", "$a,b", "a=b,c=d", "[a,b]", "'a,b'", "ü,日本"]

PROXIES = [
    {"X": "$Y", "Y": "1"}, {"X": "$Y"}, {"X": "$Y", "Y": ""}, {"X": "$$Y", "Y": "1"}, {"X": "$Y", "Y": "$Z", "Z": "2"},
    {"X": "$X"}, {"X": "$Y", "Y": "$X"}, {"X": "a$Y", "Y": "1"}, {"X": "${Y}", "Y": "1"}, {"X": "$Y Z", "Y": "1"},
    {"X": "$"}, {"X": "$$"}, {"X": ""}, {"X": r"\$Y", "Y": "1"}, {"X": " $Y", "Y": "1"}, {"X": "$y", "Y": "1"},
    {"X": "$a(b&c"}, {"X": "$9=z!"}, {"X": "plain"}, {"X": "$Y", "Y": "a$Z", "Z": "3"},
]

DATABASES = [
    "sqlite:///rel.sqlite3", "sqlite:///sub/rel.sqlite3", "sqlite:////abs/db.sqlite3", "sqlite:///../up.sqlite3",
    "sqlite://", "sqlite:///", "sqlite://:memory:", "sqlite:///:memory:", "sqlite:", "sqlite:rel", "sqlite:/one", "sqlite://db.sqlite3",
    "sqlite://host/db.sqlite3", "sqlite:///a%20b.sqlite3", "sqlite:///a+b.sqlite3", "sqlite:///a b.sqlite3", "sqlite:///a%2Fb",
    "sqlite:////C:/win/db.sqlite3", "sqlite:///C:/win/db.sqlite3", "sqlite:///C:\\win\\db.sqlite3", "sqlite:///a#b", "sqlite:///a%23b",
    "sqlite:///a?timeout=20", "sqlite:///a?timeout=20&conn_max_age=60", "sqlite:///a?timeout=0.5", "sqlite:///a?", "sqlite:///a?x",
    "sqlite:///a?x=", "sqlite:///a?mode=ro&cache=shared", "sqlite:///file:a?mode=ro", "SQLITE:///A", "sqlite:///é", "sqlite:///%C3%A9",
    "sqlite:///%ff", "spatialite:///a", "spatialite://", " sqlite:///a", "sqlite:///a ", "sqlite:///a\n",
    "postgres://u:p@h:5432/d", "postgresql://u:p@h:5432/d", "psql://u:p@h:5432/d", "pgsql://u:p@h:5432/d", "postgis://u:p@h/d",
    "postgres://u:p@h/d", "postgres://u@h/d", "postgres://:p@h/d", "postgres://h/d", "postgres:///d", "postgres://u:p@h/", "postgres://u:p@h",
    "postgres://", "postgres:", "postgres:///", "postgres://@h/d", "postgres://:@h/d", "postgres://u:@h/d", "postgres://u:p@/d",
    "postgres://U:P@HOST.Example:5432/Name", "postgres://u:p@h:0/d", "postgres://u:p@h:/d", "postgres://u:p@h:65535/d",
    "postgres://u:p@h:65536/d", "postgres://u:p@h:05432/d", "postgres://u:p@h:port/d", "postgres://u:p@h:-1/d",
    "postgres://u:p@[::1]/d", "postgres://u:p@[::1]:5433/d", "postgres://u:p@[fe80::1%25eth0]:5433/d", "postgres://[::1]", "postgres://u:p@[::1/d",
    "postgres://u:p@::1/d", "postgres://u:p@[nonsense]/d", "postgres://u:p@127.0.0.1/d",
    "postgres:////var/run/postgresql/d", "postgres://u:p@//var/run/postgresql/d", "postgres://u:p@%2Fvar%2Frun%2Fpostgresql/d",
    "postgres://u:p@%2Fvar%2Frun%2Fpostgresql:5433/d", "postgres:////d", "postgres://u:p@//cloudsql/project:region:instance/d",
    "mysql://u:p@//cloudsql/project:region:instance/d", "postgres:///%2Fvar%2Frun%2Fd", "psql:////tmp/d?sslmode=disable",
    "postgres://u:p@one,two/d", "postgres://u:p@one:1,two:2/d", "postgres://u:p@one:1,two/d", "postgres://u:p@one,two:2/d",
    "postgres://u:p@ONE:1,two:2,three:3/d", "postgres://u:p@[::1]:1,[::2]:2/d", "postgres://u:p@[::1],two/d", "postgres://u:p@one:x,two/d",
    "mysql://u:p@one:1,two:2/d", "postgres://u:p@h/d/e", "postgres://u:p@h/d%20e", "postgres://u:p@h/d+e", "postgres://u:p@h/d%2Be",
    "postgres://u%40x:p%3Aw%2F%40@h/d", "postgres://u:p%25w@h/d", "postgres://u:p+w@h/d", "postgres://u:p%2Bw@h/d", "postgres://u:a:b@h/d",
    "postgres://u:a@b@h/d", "postgres://u:%zz@h/d", "postgres://u:%ff@h/d", "postgres://u:%C3%A9@h/d", "postgres://ü:é@h/ö",
    "postgres://u:p@h/d?sslmode=require", "postgres://u:p@h/d?sslmode=require&sslrootcert=/a/b.pem", "postgres://u:p@h/d?conn_max_age=600",
    "postgres://u:p@h/d?CONN_MAX_AGE=600&Conn_Health_Checks=True", "postgres://u:p@h/d?conn_max_age=None", "postgres://u:p@h/d?conn_max_age=0",
    "postgres://u:p@h/d?conn_max_age=-1", "postgres://u:p@h/d?conn_max_age=1.5", "postgres://u:p@h/d?conn_max_age=abc",
    "postgres://u:p@h/d?atomic_requests=true&autocommit=False", "postgres://u:p@h/d?disable_server_side_cursors=1",
    "postgres://u:p@h/d?a=1&a=2", "postgres://u:p@h/d?a=&b=2", "postgres://u:p@h/d?a", "postgres://u:p@h/d?&a=1&&", "postgres://u:p@h/d?a=1;b=2",
    "postgres://u:p@h/d?options=-c%20search_path%3Dx", "postgres://u:p@h/d?application_name=a+b", "postgres://u:p@h/d?A=x&a=y",
    "postgres://u:p@h/d?connect_timeout=007", "postgres://u:p@h/d?a=%ff", "postgres://u:p@h/d?a=b=c", "postgres://u:p@h?a=1", "postgres://u:p@h/d#x",
    "postgres://u:p@h/d?a=1#x", "mysql://u:p@h:3306/d", "mysql2://u:p@h/d", "mysqlgis://u:p@h/d", "mysql-connector://u:p@h/d",
    "mysql://u:p@h/d?charset=utf8mb4&reconnect=true", "mysql://u:p@h/d?unix_socket=/run/mysqld/mysqld.sock", "mysql://u:p@/d?read_default_file=/a",
    "mysql://u:p@h//abs", "mysql://u:p@[::1]:3306/d", "mysql://h", "mysql://u:p#w@h/d", "mysql://u:p@h/d?init_command=SET%20sql_mode%3D%27%27",
    "oracle://u:p@h:1521/d", "mssql://u:p@h/d", "cockroachdb://u:p@h/d", "ldap://h:389", "redshift://u:p@h/d", "foo://u:p@h/d", "u:p@h/d", "/a/b",
    "", "postgres", "://h/d", "POSTGRES://h/d", "Psql://h/d",
]
DATABASES += [f"postgres://user:p{odd}w@host:5432/name" for odd in ODD]
DATABASES += [f"mysql://user:p%{byte:02X}w@host/name" for byte in ODD.encode() if byte < 128]
DATABASES += [f"psql://us{odd}er:pw@host/name" for odd in ODD]
DATABASES += [f"postgres://user:pw@host/na{odd}me" for odd in ODD]
DATABASES += [f"sqlite:///na{odd}me" for odd in ODD]
DATABASES += [f"postgres://h/d?conn_max_age={value}" for value in (
    "1_000", "0x10", "0o17", "0b11", "1e3", "1E-3", "+5", "%2B5", "'a'", '"a"', "''", "000", "00", "01", "1.", ".5", "-.5", "--1", "True", "true",
    "None", "none", "[1,2]", "(1,)", "{}", "1__0", "1_", "%201", "1%20", "-%201", "inf", "nan", "1j", "b'a'", "12345678901234567890", "'a", "a'b'",
)]

CACHES = [
    "redis://h", "redis://h/", "redis://h:6379", "redis://h:6379/1", "redis://h:6379/1/", "redis://:pw@h:6379/1", "redis://u:pw@h:6379/1",
    "redis://u:p%40w@h", "redis://a:6379,b:6379/1", "redis://a:1,b:2,c:3", "redis://u:pw@a,u:pw@b/0", "redis://A.Example:6379", "redis://[::1]:6379/1",
    "redis:///run/redis.sock", "redis:///run/redis.sock?db=1", "redis://", "redis:", "redis://,", "redis://a,", "redis://:6379", "redis://:pw@/1",
    "rediscache://h:6379/1", "rediscache://a,b/1", "rediss://h:6380/0", "rediss://a,b", "valkey://h:6379/1", "valkeys://a,b/1", "REDIS://H",
    "redis+socket:///run/redis.sock", "unix:///run/redis.sock", "redis-socket:///x", "rediscache:///run/redis.sock", "redis://[::1", "redis://h#x",
    "redis://h?timeout=60", "redis://h?TIMEOUT=60", "redis://h?timeout=None", "redis://h?timeout=abc", "redis://h?key_prefix=p", "redis://h?KEY_PREFIX=p",
    "redis://h?version=2", "redis://h?key_function=a.b.c", "redis://h?client_class=django_redis.client.DefaultClient", "redis://h?db=3&password=x",
    "redis://h/1?key_prefix=p&timeout=60&version=2&client_class=x&Max_Connections=10", "redis://h?a=1&a=2", "redis://h?a=", "redis://h?a", "redis://h?a=%20b+c",
    "redis://h?a=True&b=true&c=1.5&d='x'", "redis://h?pool_class=redis.BlockingConnectionPool&socket_timeout=0.5", "redis://h?a=%ff",
    "pymemcache://127.0.0.1:11211", "pymemcache://a:11211,b:11211", "pymemcache://h:11211/?key_prefix=ci", "pymemcache:///tmp/memcached.sock", "pymemcache://",
    "pymemcache://h?timeout=30&no_delay=True&ignore_exc=True", "pymemcache://[::1]:11211", "memcache://127.0.0.1:11211", "memcache:///tmp/m.sock",
    "memcache://a,b?binary=true", "pylibmc://127.0.0.1:11211", "pylibmc://a,b", "pylibmc:///tmp/m.sock", "pylibmc://h?binary=True&key_prefix=x",
    "locmemcache://", "locmemcache://name", "locmemcache://Name/x", "locmemcache://?max_entries=10&key_prefix=p", "locmemcache:",
    "filecache:///var/tmp/cache", "filecache://var/tmp", "filecache://C:/foo/bar", "filecache:///a%20b", "filecache:///a b?timeout=1", "filecache://",
    "dbcache://table", "dbcache://my_cache_table?timeout=5", "dbcache://", "dbcache:///table", "dbcache://Table", "dummycache://", "dummycache://x?y=1",
    "", "memory", "amqp://h", "http://h", "/tmp/cache", "cache://h",
]
DJANGO_REDIS = "django_redis.cache.RedisCache"

vectors = [dotenv(text) for text in DOTENV]
vectors += [typed("bool", text) for text in BOOLS]
vectors += [typed("int", text) for text in INTS]
vectors += [typed("list", text) for text in LISTS]
vectors += [proxied(variables) for variables in PROXIES]
vectors += [database(url) for url in DATABASES]
vectors += [cache(url) for url in CACHES]
vectors += [cache(url, DJANGO_REDIS) for url in CACHES if url.startswith("redis") and "?" in url]
meta = {
    "made_by": os.path.basename(__file__),
    "django-environ": environ.__version__,
    "django": django.get_version(),
    "python": platform.python_version(),
    "count": len(vectors),
}
lines = ",\n".join(json.dumps(vector, ensure_ascii=True, default=lambda value: {"python": repr(value)}) for vector in vectors)
OUT.write_text(f'{{"meta": {json.dumps(meta)},\n"vectors": [\n{lines}\n]}}\n')
print(f"{len(vectors)} vectors in {OUT.name}")
