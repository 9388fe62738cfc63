"""Django's cache on memcached, for the tests: site.py BACKEND LOCATIONS KEY_PREFIX VERSION, then one order a line."""

import json
import sys

import django
from django.conf import settings

backend, locations, prefix, version = sys.argv[1:]
settings.configure(
    CACHES={
        "default": {
            "BACKEND": f"django.core.cache.backends.memcached.{backend}",
            "LOCATION": json.loads(locations),
            "KEY_PREFIX": prefix,
            "VERSION": int(version),
        }
    },
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
)
django.setup()

from django.contrib.sessions.backends.cache import SessionStore  # noqa: E402
from django.core.cache import cache  # noqa: E402

for line in sys.stdin:
    order, *arguments = json.loads(line)
    if order == "set":
        for name, value in arguments[0].items():
            cache.set(name, value, 1000)
        answer = None
    elif order == "get":
        answer = {name: cache.get(name) for name in arguments[0]}
    elif order == "session":
        session = SessionStore()
        session.update(arguments[0])
        session.set_expiry(arguments[1])
        session.create()
        answer = session.session_key
    elif order == "load":
        answer = dict(SessionStore(arguments[0]).items())
    print(json.dumps(answer), flush=True)
