# Run by `cloakroom doctor` as `manage.py shell -c`: tells the site's session settings, then makes, reads, changes and
# ends throw-away sessions as it is told, one JSON object a line each way. Secrets go into the pipe and nowhere else.
import base64
import json
import os
import sys

MARK = "cloakroom-doctor:"
# Whatever the site prints while it starts, or later, is no answer.
pipe = os.fdopen(os.dup(1), "w", encoding="ascii")
sys.stdout = sys.stderr


def tell(answer):
    pipe.write("\n" + MARK + json.dumps(answer) + "\n")
    pipe.flush()


def problem(error):
    return {"error": "%s: %s" % (type(error).__name__, error)}


def secret(value):
    return base64.urlsafe_b64encode(value if isinstance(value, bytes) else str(value).encode()).decode()


def database(alias):
    from django.db import connections

    connection = connections[alias]
    name = connection.settings_dict.get("NAME") or ""
    if connection.vendor == "sqlite":
        name = os.fsdecode(name)
        # Relative to the folder the site runs in, which is this one.
        if name != ":memory:" and not name.startswith("file:"):
            name = os.path.abspath(name)
    said = connection.settings_dict
    return {
        "alias": alias,
        "vendor": connection.vendor,
        "name": name,
        "zone": connection.timezone_name,
        "user": str(said.get("USER") or ""),
        "password": secret(said.get("PASSWORD") or ""),
        "host": str(said.get("HOST") or ""),
        "port": str(said.get("PORT") or ""),
        "options": flat(said.get("OPTIONS") or {}),
        "max_age": said.get("CONN_MAX_AGE"),
    }


def flat(options, prefix=""):
    """Pairs of a name and a plain value; the names of tables within have dots. What is no plain value has none."""
    pairs = []
    for name, value in options.items():
        if isinstance(value, dict):
            pairs += flat(value, "%s%s." % (prefix, name))
        else:
            plain = value is None or isinstance(value, (str, int, float, bool))
            pairs.append([prefix + str(name), value if plain else None, plain])
    return pairs


def cache(alias):
    from django.conf import settings
    from django.core.cache import caches

    said = settings.CACHES[alias]
    opened = caches[alias]
    locations = said.get("LOCATION") or []
    table = None
    if hasattr(opened, "_dir"):
        locations = [opened._dir]  # absolute, as the site found it
    elif hasattr(opened, "cache_model_class"):
        from django.db import router

        table = database(router.db_for_write(opened.cache_model_class))
    told = {
        "alias": alias,
        "backend": said["BACKEND"],
        "locations": [secret(one) for one in ([locations] if isinstance(locations, (str, os.PathLike)) else locations)],
        "key_prefix": str(opened.key_prefix),
        "version": str(opened.version),
        "own_key_function": opened.make_key("name", version=7) != "%s:7:name" % opened.key_prefix,
        "options": flat(said.get("OPTIONS") or {}),
        "database": table,
        "problem": None,
    }
    try:
        opened.get("cloakroom_doctor")
    except Exception as error:
        told["problem"] = "%s: %s" % (type(error).__name__, error)
    return told


def read():
    import importlib

    import django
    from django.conf import settings

    module = importlib.import_module(settings.SESSION_ENGINE)
    store = module.SessionStore
    site = {
        "version": django.get_version(),
        "engine": settings.SESSION_ENGINE,
        "bases": [base.__module__ for base in store.__mro__],
        "serializer": str(settings.SESSION_SERIALIZER),
        "key_salt": getattr(store(), "key_salt", None),
        "cache": None,
        "cache_key_prefix": None,
        "database": None,
        "table": None,
        "file_path": None,
        "secret_key": secret(settings.SECRET_KEY),
        "fallbacks": [secret(key) for key in getattr(settings, "SECRET_KEY_FALLBACKS", [])],
        "cookie_name": settings.SESSION_COOKIE_NAME,
        "cookie_age": settings.SESSION_COOKIE_AGE,
        "cookie_domain": settings.SESSION_COOKIE_DOMAIN,
        "cookie_path": str(settings.SESSION_COOKIE_PATH),
        "cookie_secure": bool(settings.SESSION_COOKIE_SECURE),
        "cookie_httponly": bool(settings.SESSION_COOKIE_HTTPONLY),
        "cookie_samesite": settings.SESSION_COOKIE_SAMESITE or "False",
        "at_browser_close": bool(settings.SESSION_EXPIRE_AT_BROWSER_CLOSE),
        "save_every_request": bool(settings.SESSION_SAVE_EVERY_REQUEST),
        "use_tz": bool(settings.USE_TZ),
        "time_zone": settings.TIME_ZONE,
    }
    if hasattr(store(), "_cache"):
        site["cache"] = cache(settings.SESSION_CACHE_ALIAS)
        site["cache_key_prefix"] = store.cache_key_prefix
    if hasattr(store, "get_model_class"):
        from django.db import connections, router

        model = store.get_model_class()
        alias = router.db_for_write(model)
        site["database"] = database(alias)
        site["reads_elsewhere"] = router.db_for_read(model) != alias
        site["table"] = model._meta.db_table
        try:
            site["has_table"] = site["table"] in connections[alias].introspection.table_names()
        except Exception as error:
            site["database"]["problem"] = "%s: %s" % (type(error).__name__, error)
    if hasattr(store, "_get_storage_path"):
        site["file_path"] = os.path.abspath(os.fsdecode(store._get_storage_path()))
    return store, site


def seconds(moment):
    from django.utils import timezone

    return (timezone.make_aware(moment) if timezone.is_naive(moment) else moment).timestamp()


def look(store, key):
    if hasattr(store, "get_model_class"):
        row = store.get_model_class().objects.filter(pk=key).first()
        copy = copy_of(store, key)
        if row is None:
            return {"found": copy is not None}
        copied = copy is not None if hasattr(store(key), "_cache") else None
        members = copy if copied else store(key).decode(row.session_data)
        return {"found": True, "members": members, "expires": seconds(row.expire_date), "copied": copied}
    session = store(key)
    if hasattr(session, "_cache"):
        copy = copy_of(store, key)
        return {"found": copy is not None, "members": copy or {}}
    # A signed cookie is nowhere but in the hand of who shows it.
    found = session.exists(key) if hasattr(store, "_get_storage_path") else True
    return {"found": found, "members": session.load() if found else {}}


def copy_of(store, key):
    """What the cache holds, where there is one."""
    session = store(key)
    return session._cache.get(session.cache_key_prefix + key) if hasattr(session, "_cache") else None


def carry_out(store, order):
    do, key = order["do"], order.get("key")
    session = store(key)
    if do == "look":
        return look(store, key)
    if do == "create":
        session.update(order["members"])
        session.set_expiry(order["seconds"])
        session.create()
        if not session.session_key:
            session.save()
        key = session.session_key
        made.add(key)
        return dict(look(store, key), key=key)
    if do == "change":
        session.update(order["members"])
        session.save(must_create=False)
        return {"key": session.session_key}
    if do == "flush":
        session.flush()
        return {}
    raise ValueError("no such order")


made = set()
try:
    store, site = read()
    tell(site)
except Exception as error:
    tell(problem(error))
else:
    try:
        for line in sys.stdin:
            order = json.loads(line)
            if order.get("key"):
                made.add(order["key"])
            try:
                tell(carry_out(store, order))
            except Exception as error:
                tell(problem(error))
    finally:
        # Whatever became of the other side, nothing stays behind.
        for key in made:
            store(key).delete(key)
