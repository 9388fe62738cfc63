"""The routes of the other servers."""

import itertools

from django.http import HttpResponse
from django.urls import path

NEXT = itertools.count(1_000_000_000_000)
HELLO = b"hello"


def untouched(request):
    return HttpResponse(HELLO)


def read(request):
    found = request.session.get("member_02")
    right = found is not None and len(found) == 46 and found.startswith("02v")
    return HttpResponse(HELLO, status=200 if right else 404)


def change(request):
    request.session["member_03"] = str(next(NEXT))
    return HttpResponse(HELLO)


def fill(request):
    for at in range(5):
        request.session[f"member_{at:02}"] = f"{at:02}" + "v" * 44
    return HttpResponse(HELLO)


def stored(request):
    return HttpResponse(request.session.get("member_03", ""))


views = {"untouched": untouched, "read": read, "change": change, "new": change, "fill": fill, "stored": stored}
urlpatterns = [path(name, view) for name, view in views.items()]
