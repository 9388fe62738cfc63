"""Saves one session again and again through Django's own SessionStore, and says of each save what it carried.

Arguments: the engine, the URL of its database or cache, the session key, the first number and how many there are.
"""

import importlib
import json
import random
import sys
import time

import environ
from django.conf import settings

engine, url, key, first, count = sys.argv[1:]
given = {"SESSION_ENGINE": f"django.contrib.sessions.backends.{engine}"}
if engine == "db":
    database = environ.Env.db_url_config(url)
    if "sqlite" in database["ENGINE"]:
        database["OPTIONS"] = {"timeout": 60}
    given["DATABASES"] = {"default": database}
else:
    given["CACHES"] = {"default": environ.Env.cache_url_config(url)}
settings.configure(
    SECRET_KEY="a secret",
    USE_TZ=True,
    INSTALLED_APPS=["django.contrib.sessions"],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    **given,
)

import django  # noqa: E402

django.setup()
SessionStore = importlib.import_module(settings.SESSION_ENGINE).SessionStore

for number in range(int(first), int(first) + int(count)):
    loading = time.time_ns()
    session = SessionStore(key)
    carried = dict(session.items())
    # As long as a view takes.
    time.sleep(random.random() * 0.004)
    session["django"] = number
    saving = time.time_ns()
    session.save()
    saved = time.time_ns()
    print(json.dumps({"loading": loading, "saving": saving, "saved": saved, "carried": carried}))
    for _ in range(3):
        found = SessionStore(key).get("django")
        if found != number:
            sys.exit(f"change {number} of Django's was overwritten: {found}")
