"""Nothing but sessions, in the places that the environment names."""

import environ

env = environ.Env()

SECRET_KEY = env.str("SECRET_KEY")
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "site_under_load.urls"
WSGI_APPLICATION = "site_under_load.wsgi.application"
INSTALLED_APPS = ["django.contrib.sessions"]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]
USE_I18N = False

SESSION_ENGINE = "django.contrib.sessions.backends." + env.str("SESSION_ENGINE")
if "DATABASE_URL" in env.ENVIRON:
    DATABASES = {"default": env.db_url("DATABASE_URL")}
    # Kept open, which Django does not do unless told: a connection for each request would cost more than the session.
    DATABASES["default"]["CONN_MAX_AGE"] = None
    if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
        DATABASES["default"]["OPTIONS"] = {"init_command": "PRAGMA synchronous = FULL"}
if "CACHE_URL" in env.ENVIRON:
    redis = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": env.str("CACHE_URL")}
    CACHES = {"default": redis}
