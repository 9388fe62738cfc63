"""A cache of Django's, told what to do by its arguments: settings as JSON, then a word and what belongs to it."""

import json
import sys
import time

from django.conf import settings

given, word, *rest = sys.argv[1:]
settings.configure(SECRET_KEY="a secret", DEFAULT_AUTO_FIELD="django.db.models.AutoField", **json.loads(given))

import django  # noqa: E402

django.setup()
from django.core.cache import cache  # noqa: E402
from django.core.management import call_command  # noqa: E402


def put(name, value, seconds):
    cache.set(name, value, None if seconds == "never" else float(seconds))


def show(name):
    print(json.dumps(cache.get(name)))


def add(name, value):
    print(json.dumps(cache.add(name, value)))


def touch(name, seconds):
    print(json.dumps(cache.touch(name, float(seconds))))


def delete(name):
    print(json.dumps(cache.delete(name)))


def write(name, count):
    """Sets again and again, and looks each time whether its own change is still there."""
    for number in range(int(count)):
        cache.set(name, f"django {number}", 3600)
        for _ in range(2000):
            if (cache.get(name) or "").endswith(f" {number}"):
                break
            time.sleep(0.001)
        else:
            sys.exit(f"change {number} was overwritten by {cache.get(name)}")


def create_table(*arguments):
    call_command("createcachetable", *arguments, verbosity=2)


words = {"put": put, "show": show, "add": add, "touch": touch, "delete": delete, "write": write}
{**words, "create_table": create_table}[word](*rest)
