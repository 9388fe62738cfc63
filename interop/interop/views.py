"""The JSON interface. A view changes the session; Django's middleware saves it."""

import json
import time
from datetime import date, datetime, timedelta, timezone
from datetime import time as time_of_day
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils.safestring import mark_safe


def error(status, message):
    return JsonResponse({"error": message}, status=status)


class Refused(Exception):
    """Ends a view with an error answer."""

    def __init__(self, message, status=400):
        super().__init__(message)
        self.status = status


def answers_refusals(view):
    def wrapped(request, *args, **kwargs):
        try:
            return view(request, *args, **kwargs)
        except Refused as refused:
            return error(refused.status, str(refused))

    return wrapped


def body_json(request):
    try:
        return json.loads(request.body)
    # RecursionError: a body of deeply nested lists.
    except (ValueError, RecursionError) as problem:
        raise Refused(f"the body is not JSON: {problem}") from None


def body_object(request):
    body = body_json(request)
    if not isinstance(body, dict):
        raise Refused("the body must be a JSON object")
    return body


def described(request):
    store = request.session
    data = dict(store.items())
    expiry = {
        "expiry_age": store.get_expiry_age(),
        "expiry_date": store.get_expiry_date().isoformat(),
        "expire_at_browser_close": store.get_expire_at_browser_close(),
    }
    # The flags come last: looking at the data has set `accessed`.
    return JsonResponse(
        {
            "data": data,
            "accessed": store.accessed,
            "modified": store.modified,
            **expiry,
            "engine": settings.SESSION_ENGINE.rpartition(".")[2],
        },
        # What JSON has no word for is shown as Python writes it.
        json_dumps_params={"default": repr},
    )


@answers_refusals
def session(request):
    if request.method == "GET":
        return described(request)
    if request.method == "POST":
        request.session.update(body_object(request))
        return described(request)
    return HttpResponseNotAllowed(["GET", "POST"])


def set_expiry(request):
    body = body_object(request)
    if not body:
        request.session.set_expiry(None)
    elif body.keys() == {"seconds"}:
        seconds = body["seconds"]
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            raise Refused("`seconds` must be a number")
        request.session.set_expiry(seconds)
    elif body.keys() == {"at"}:
        try:
            at = datetime.fromisoformat(body["at"])
        except (TypeError, ValueError) as problem:
            raise Refused(f"`at` must be a date and time in ISO 8601: {problem}") from None
        request.session.set_expiry(at)
    else:
        raise Refused("give `seconds`, `at` or an empty object")


def delete_test_cookie(request):
    try:
        request.session.delete_test_cookie()
    except KeyError:
        raise Refused("the session has no test cookie", status=404) from None


ACTIONS = {
    "flush": lambda request: request.session.flush(),
    "cycle_key": lambda request: request.session.cycle_key(),
    "clear": lambda request: request.session.clear(),
    "set_expiry": set_expiry,
    "set_test_cookie": lambda request: request.session.set_test_cookie(),
    "delete_test_cookie": delete_test_cookie,
}


@answers_refusals
def member_or_action(request, name):
    if request.method == "PUT":
        request.session[name] = body_json(request)
    elif request.method == "DELETE":
        try:
            del request.session[name]
        except KeyError:
            raise Refused(f"the session has no member {name!r}", status=404) from None
    elif request.method == "POST" and name in ACTIONS:
        ACTIONS[name](request)
    elif request.method == "GET" and name == "test_cookie_worked":
        return JsonResponse({"test_cookie_worked": request.session.test_cookie_worked()})
    elif request.method in ("GET", "POST"):
        return error(404, "no such address")
    else:
        return HttpResponseNotAllowed(["GET", "POST", "PUT", "DELETE"])
    return described(request)


def untouched(request):
    return JsonResponse({"untouched": True})


@answers_refusals
def status(request, code):
    if not 200 <= code <= 599:
        raise Refused("the status must be from 200 to 599")
    request.session["status"] = code
    if code in (204, 304):  # these have no body
        return HttpResponse(status=code)
    return JsonResponse({"status": code}, status=code)


@answers_refusals
def slow_set(request, name):
    """Loads, waits, then sets one member: the save afterwards writes the whole session back."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    ms = request.GET.get("ms", "250")
    if not ms.isdecimal() or int(ms) > 60_000:
        raise Refused("`ms` must be a whole number up to 60000")
    value = body_json(request)
    request.session.keys()
    time.sleep(int(ms) / 1000)
    request.session[name] = value
    return described(request)


SHARED = ["one list", "under two names"]
PYTHON_VALUES = {
    "aware": datetime(2026, 3, 29, 1, 30, 0, 123456, timezone(timedelta(hours=5, minutes=45))),
    "utc": datetime(2026, 3, 29, 1, 30, tzinfo=timezone.utc),
    "zone": datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Vienna")),
    "naive": datetime(2026, 3, 29, 1, 30),
    "date": date(2026, 3, 29),
    "time": time_of_day(1, 30),
    "span": timedelta(days=-1, seconds=5, microseconds=7),
    "decimal": Decimal("1234567890.123456789012345678901234567890"),
    "uuid": UUID("12345678-1234-5678-9abc-def012345678"),
    "set": {3},
    "frozen": frozenset([("a", 1)]),
    "tuple": (1, ("two", [3])),
    "bytes": b"\x00\xff bytes",
    "array": bytearray(b"\x01\x02"),
    "keys": {1: "one", None: "none", True: "true", ("a", 2): "pair"},
    "safe": mark_safe("<b>"),
    "complex names": {"é\ud83d": "half a pair"},
    "shared": SHARED,
    "shared again": SHARED,
    7: "a number as a name",
}


@answers_refusals
def python_values(request):
    """Sets members that JSON has no words for (POST); what they are now, as Python writes it (GET)."""
    if request.method == "POST":
        request.session.update(PYTHON_VALUES)
    elif request.method != "GET":
        return HttpResponseNotAllowed(["GET", "POST"])
    held = dict(request.session.items())
    same = held.get("shared") is held.get("shared again")
    return JsonResponse({"members": sorted(map(repr, held.items())), "shared": same})


def user(request):
    """Who is logged in, by the primary key as a session holds it."""
    found = request.user
    known = found.is_authenticated
    return JsonResponse({"user": found._meta.pk.value_to_string(found) if known else None})


def bad_request(request, exception):
    return error(400, str(exception) or "bad request")


def not_found(request, exception):
    return error(404, "no such address")


def server_error(request):
    return error(500, "server error")
