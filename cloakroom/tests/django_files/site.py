"""Django's file engine, told what to do by its arguments: a folder, then a word and what belongs to it."""

import json
import sys
import time

from django.conf import settings

folder, word, *rest = sys.argv[1:]
settings.configure(
    SECRET_KEY="a secret",
    SESSION_ENGINE="django.contrib.sessions.backends.file",
    SESSION_FILE_PATH=folder,
    USE_TZ=True,
    CACHES={},
)

import django  # noqa: E402

django.setup()
from django.contrib.sessions.backends.file import SessionStore  # noqa: E402


def create():
    session = SessionStore()
    session["made_by"] = "Django"
    session["text"] = "héllo"
    session.save()
    print(session.session_key)


def show(key):
    print(json.dumps(dict(SessionStore(key).items())))


def write(key, count):
    """Saves again and again, and looks each time whether its own change is still there."""
    for number in range(int(count)):
        session = SessionStore(key)
        session["django"] = number
        session.save()
        for _ in range(500):
            if SessionStore(key).get("django") == number:
                break
            time.sleep(0.001)
        else:
            sys.exit(f"change {number} was overwritten by {SessionStore(key).get('django')}")


def clear():
    SessionStore.clear_expired()


{"create": create, "show": show, "write": write, "clear": clear}[word](*rest)
