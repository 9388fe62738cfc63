"""Settings that django-environ reads: from the environment, and from the file of variables that ENV_FILE
names or `.env` in the current folder. The demo site reads the same ones.
"""

import base64
import os

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()
# What the environment says wins.
env.read_env(os.environ.get("ENV_FILE") or os.path.join(os.getcwd(), ".env"))


def text(name, default=None):
    return env.str(name, default="") or default


def integer(name, default):
    if not text(name):
        return default
    try:
        return env.int(name)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={text(name)!r} is not a whole number.") from None


def secret():
    """SECRET_KEY, or SECRET_KEY_B64 for one of bytes."""
    if text("SECRET_KEY"):
        return text("SECRET_KEY")
    if text("SECRET_KEY_B64"):
        return base64.b64decode(text("SECRET_KEY_B64"), validate=True)
    raise ImproperlyConfigured("SECRET_KEY is not set. Give both sites the same SECRET_KEY.")


def database():
    """Any database of Django's that another site can reach."""
    if not text("DATABASE_URL"):
        raise ImproperlyConfigured("DATABASE_URL is not set. Give both sites the same DATABASE_URL.")
    config = env.db_url("DATABASE_URL")
    if config["ENGINE"] == "django.db.backends.sqlite3":
        if config["NAME"] in ("", ":memory:") or config.get("HOST"):
            # The value is not shown: the URL of another database may hold a password.
            raise ImproperlyConfigured(
                "DATABASE_URL must name a file: sqlite:///relative/path or sqlite:////absolute/path."
            )
        # Seconds to wait for a lock: the tests let many writers meet here.
        config["OPTIONS"] = {"timeout": 20, **config.get("OPTIONS", {})}
    return config


def caches():
    """CACHE_URL under the alias default, CACHE_URL_<ALIAS> under the alias in small letters."""
    found = {}
    for name in os.environ:
        if name == "CACHE_URL" or name.startswith("CACHE_URL_"):
            # django-environ takes django-redis as soon as it is installed, which it is here.
            on_redis = text(name, "").startswith(("redis", "valkey"))
            backend = text("REDIS_BACKEND", "django.core.cache.backends.redis.RedisCache")
            alias = name.removeprefix("CACHE_URL").removeprefix("_").lower() or "default"
            found[alias] = env.cache_url(name, backend=backend if on_redis else None)
    return found


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


SECRET_KEY = secret()
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
ROOT_URLCONF = "interop.urls"
WSGI_APPLICATION = "interop.wsgi.application"
INSTALLED_APPS = ["django.contrib.sessions"]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]

DATABASES = {"default": database()}
# Without any, Django has the memory of the process, which nobody shares.
if caches():
    CACHES = caches()

# INTEROP_USERS: `auth_user` for Django's own users, `members` for a user model of the project's own. Without it there
# are sessions and nothing else.
USERS = text("INTEROP_USERS")
if USERS:
    INSTALLED_APPS += ["django.contrib.contenttypes", "django.contrib.auth"]
    MIDDLEWARE += ["django.contrib.auth.middleware.AuthenticationMiddleware"]
    TEMPLATES = [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "templates")],
        }
    ]
    LOGIN_REDIRECT_URL = "/api/user"
    AUTHENTICATION_BACKENDS = env.list(
        "AUTHENTICATION_BACKENDS", default=["django.contrib.auth.backends.ModelBackend"]
    )
    # Of the slow ones each login would cost a test a second.
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
    CSRF_USE_SESSIONS = env.bool("CSRF_USE_SESSIONS", False)
if USERS == "members":
    INSTALLED_APPS += ["accounts"]
    AUTH_USER_MODEL = "accounts.Member"

USE_I18N = False
USE_TZ = env.bool("USE_TZ", True)
TIME_ZONE = text("TIME_ZONE", "UTC")

SESSION_ENGINE = session_engine(text("SESSION_ENGINE", "db"))
SESSION_FILE_PATH = text("SESSION_FILE_PATH")
SESSION_CACHE_ALIAS = text("SESSION_CACHE_ALIAS", "default")
SESSION_COOKIE_NAME = text("SESSION_COOKIE_NAME", "sessionid")
SESSION_COOKIE_AGE = integer("SESSION_COOKIE_AGE", 60 * 60 * 24 * 7 * 2)
SESSION_COOKIE_DOMAIN = text("SESSION_COOKIE_DOMAIN")
SESSION_COOKIE_PATH = text("SESSION_COOKIE_PATH", "/")
SESSION_COOKIE_SECURE = env.bool("SESSION_COOKIE_SECURE", False)
SESSION_COOKIE_HTTPONLY = env.bool("SESSION_COOKIE_HTTPONLY", True)
SESSION_COOKIE_SAMESITE = text("SESSION_COOKIE_SAMESITE", "Lax")
if SESSION_COOKIE_SAMESITE.lower() == "false":
    SESSION_COOKIE_SAMESITE = False  # the attribute is left out; the text "None" sends it
SESSION_EXPIRE_AT_BROWSER_CLOSE = env.bool("SESSION_EXPIRE_AT_BROWSER_CLOSE", False)
SESSION_SAVE_EVERY_REQUEST = env.bool("SESSION_SAVE_EVERY_REQUEST", False)

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
