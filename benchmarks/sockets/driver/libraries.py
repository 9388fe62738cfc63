"""What is compared: which server, started how, with which settings."""

import sqlite3
from dataclasses import dataclass, field

AXUM, ACTIX = "axum", "actix-web"
CLOAKROOM, TOWER, ACTIX_SESSION, DJANGO = "cloakroom", "tower-sessions", "actix-session", "Django"
ROLLBACK = "cloakroom (rollback journal)"

SECRET = "a secret of fifty characters, for measurements only"
# Everybody's connections are those of its default, or of its documentation's example: see the README.


@dataclass
class Library:
    """One server in a group."""

    name: str
    crate: str
    arguments: list = field(default_factory=list)
    environment: dict = field(default_factory=dict)
    # What it is a ratio to beside axum.
    bare: str | None = None
    # Measured in so many rounds at most: it is far from the others anyway.
    rounds: int | None = None
    # How many sessions the pool has.
    pool: int = 10_000

    @property
    def is_bare(self):
        return self.name in (AXUM, ACTIX)


@dataclass
class Group:
    """An engine, and who has it."""

    name: str
    title: str
    scenarios: list
    libraries: list
    # The session is in the cookie: the load does not follow it.
    in_cookie: bool = False


@dataclass
class Scenario:
    name: str
    route: str
    # "one" session's cookie, the "pool"'s, or None.
    cookie: str | None
    rounds: int | None = None


def axum():
    return Library(AXUM, "cloakroom-server", ["bare"])


def actix():
    return Library(ACTIX, "actix-server", ["bare"])


def cloakroom(engine, name=CLOAKROOM, **environment):
    environment = {"SESSION_ENGINE": engine, "SECRET_KEY": SECRET, **environment}
    return Library(name, "cloakroom-server", environment=environment)


def django(engine, **environment):
    environment = {"SESSION_ENGINE": engine, "SECRET_KEY": SECRET, **environment}
    # A run of two seconds gets no further in the pool than this.
    return Library(DJANGO, "django", environment=environment, rounds=2, pool=2_000)


def wal(path):
    """An empty database in WAL mode, which stays with the file."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    return path


UNTOUCHED = Scenario("untouched", "/untouched", "one")
READ_ONE = Scenario("read, one session", "/read", "one", 3)
READ = Scenario("read", "/read", "pool")
CHANGE_ONE = Scenario("change, one session", "/change", "one", 3)
CHANGE = Scenario("change", "/change", "pool")
NEW = Scenario("new", "/new", None)
# No library looks at a database for `untouched`, so one engine says it all; actix-session looks at Redis.
IN_DATABASE = [READ_ONE, READ, CHANGE_ONE, CHANGE, NEW]
STORED = [UNTOUCHED, *IN_DATABASE]
IN_COOKIE = [UNTOUCHED, Scenario("read", "/read", "one"), Scenario("change", "/change", "one"), NEW]


def memory(_):
    libraries = [axum(), cloakroom("memory"), Library(TOWER, "tower-sessions-server")]
    return Group("memory", "memory", STORED, libraries)


def signed_cookies(_):
    peers = [actix(), Library(ACTIX_SESSION, "actix-server", ["cookie"], bare=ACTIX), django("signed_cookies")]
    libraries = [axum(), cloakroom("signed_cookies"), *peers]
    return Group("signed_cookies", "signed cookies", IN_COOKIE, libraries, in_cookie=True)


def redis(servers):
    url = servers.redis.url
    peers = [
        Library(TOWER, "stores-server", ["redis", url("tower_sessions")]),
        actix(),
        Library(ACTIX_SESSION, "actix-server", ["redis", url("actix_session")], bare=ACTIX),
        django("cache", CACHE_URL=url("django")),
    ]
    return Group("redis", "Redis", STORED, [axum(), cloakroom("cache", CACHE_URL=url("cloakroom")), *peers])


def sqlite(servers):
    def url(name, journal=wal):
        return f"sqlite:///{journal(servers.scratch / f'{name}.sqlite3')}"

    libraries = [
        axum(),
        cloakroom("db", DATABASE_URL=url("cloakroom")),
        Library(TOWER, "stores-server", ["sqlite", url("tower_sessions").removeprefix("sqlite:///")]),
        django("db", DATABASE_URL=url("django")),
        cloakroom("db", ROLLBACK, DATABASE_URL=url("rollback", lambda path: path)),
    ]
    return Group("sqlite", "SQLite", IN_DATABASE, libraries)


def postgres(servers):
    url = servers.postgres.url
    peers = [
        Library(TOWER, "stores-server", ["postgres", url("tower_sessions")]),
        django("db", DATABASE_URL=url("django")),
    ]
    return Group("postgres", "PostgreSQL", IN_DATABASE, [axum(), cloakroom("db", DATABASE_URL=url("cloakroom")), *peers])


def cached_db(servers):
    def environment(name):
        return {"DATABASE_URL": servers.postgres.url(f"cached_{name}"), "CACHE_URL": servers.redis.url(f"cached_{name}")}

    libraries = [
        axum(),
        cloakroom("cached_db", **environment("cloakroom")),
        django("cached_db", **environment("django")),
    ]
    return Group("cached_db", "PostgreSQL behind Redis", IN_DATABASE, libraries)


GROUPS = {make.__name__: make for make in (memory, signed_cookies, redis, sqlite, postgres, cached_db)}
