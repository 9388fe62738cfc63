"""Settings from the environment variables that the demo site reads, by django-environ's rules."""

import os
from urllib.parse import unquote_plus, urlparse

from django.core.exceptions import ImproperlyConfigured


def required(name):
    value = os.environ.get(name, "")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. Give both sites the same {name}.")
    return value


def text(name, default=None):
    return os.environ.get(name) or default


def boolean(name, default):
    value = os.environ.get(name)
    if value is None:
        return default
    try:
        return int(value) != 0
    except ValueError:
        return value.lower().strip() in ("true", "on", "ok", "y", "yes", "1")


def integer(name, default):
    value = text(name)
    try:
        return default if value is None else int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={value!r} is not a whole number.") from None


def sqlite_path(url):
    """What follows the third slash is the path: sqlite:///relative, sqlite:////absolute."""
    parts = urlparse(url)
    path = unquote_plus(parts.path[1:])
    # An in-memory database cannot be shared with another site.
    if parts.scheme != "sqlite" or parts.netloc or path in ("", ":memory:"):
        # The value is not shown: the URL of another database may hold a password.
        raise ImproperlyConfigured(
            "DATABASE_URL must be sqlite:///relative/path or sqlite:////absolute/path."
        )
    return path


ENGINES = "django.contrib.sessions.backends."


def session_engine(name):
    """A dotted name as it is; db, cache, cached_db, file and signed_cookies for Django's own."""
    if name in ("db", "cache", "cached_db", "file", "signed_cookies"):
        return ENGINES + name
    if "." not in name:
        raise ImproperlyConfigured(
            f"SESSION_ENGINE={name!r} is neither a dotted name nor one of "
            "db, cache, cached_db, file, signed_cookies."
        )
    return name


SECRET_KEY = required("SECRET_KEY")
SECRET_KEY_FALLBACKS = [key for key in text("SECRET_KEY_FALLBACKS", "").split(",") if key]

DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
ROOT_URLCONF = "interop.urls"
WSGI_APPLICATION = "interop.wsgi.application"
INSTALLED_APPS = ["django.contrib.sessions"]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": sqlite_path(required("DATABASE_URL")),
        # Seconds to wait for a lock: the tests let many writers meet here.
        "OPTIONS": {"timeout": 20},
    }
}

USE_I18N = False
USE_TZ = boolean("USE_TZ", True)
TIME_ZONE = text("TIME_ZONE", "UTC")

SESSION_ENGINE = session_engine(text("SESSION_ENGINE", "db"))
SESSION_FILE_PATH = text("SESSION_FILE_PATH")
SESSION_COOKIE_NAME = text("SESSION_COOKIE_NAME", "sessionid")
SESSION_COOKIE_AGE = integer("SESSION_COOKIE_AGE", 60 * 60 * 24 * 7 * 2)
SESSION_COOKIE_DOMAIN = text("SESSION_COOKIE_DOMAIN")
SESSION_COOKIE_PATH = text("SESSION_COOKIE_PATH", "/")
SESSION_COOKIE_SECURE = boolean("SESSION_COOKIE_SECURE", False)
SESSION_COOKIE_HTTPONLY = boolean("SESSION_COOKIE_HTTPONLY", True)
SESSION_COOKIE_SAMESITE = text("SESSION_COOKIE_SAMESITE", "Lax")
if SESSION_COOKIE_SAMESITE.lower() == "false":
    SESSION_COOKIE_SAMESITE = False  # the attribute is left out; the text "None" sends it
SESSION_EXPIRE_AT_BROWSER_CLOSE = boolean("SESSION_EXPIRE_AT_BROWSER_CLOSE", False)
SESSION_SAVE_EVERY_REQUEST = boolean("SESSION_SAVE_EVERY_REQUEST", False)

# Answers of 400 and above are part of the tests and not logged; an exception that nobody
# expected goes to stderr with its traceback.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "unexpected": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: bool(record.exc_info),
        }
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "level": "ERROR", "filters": ["unexpected"]}
    },
    "loggers": {"django": {"handlers": ["stderr"], "level": "ERROR"}},
}
